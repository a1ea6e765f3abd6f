//! One tick's way through one view.

use super::hold::reads;
use super::lag::Why;
use super::reach::data_error;
use super::{Deltas, Holding, How, Move};
use crate::catalog::Catalog;
use crate::tick::alter::fitted;
use crate::tick::{Core, Tick};
use sluice_flow::{Delta, Errors};
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, consolidate};
use std::sync::Arc;
use std::time::Instant;

impl Core {
    /// Moves a view by what the tick changed of its inputs, or puts that aside.
    pub(super) fn step_view(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        deltas: &mut Deltas,
        holding: &Holding,
    ) -> Result<()> {
        let Some(view) = self.graph.views.get(&id) else { return Ok(()) };
        if self.parking.holds(id) {
            return Ok(());
        }
        let touched = reads(&view.def).iter().any(|r| deltas.get(r).is_some_and(|d| !d.is_empty()));
        if let Some(why) = self.graph.held_by(view, holding) {
            let unfit = view.broken.is_some() && !matches!(view.how, How::Rebuilt);
            if touched || unfit || view.lag.is_some() || self.graph.reads_behind(view) {
                self.put_aside(catalog, id, why, deltas)?;
            }
            return Ok(());
        }
        let asked = view.reads_clock && self.graph.forced.contains(&id);
        let clock = asked || view.is_clock_due(tick.time_micros);
        if !(touched || clock || view.broken.is_some() || view.lag.is_some()) {
            return Ok(());
        }
        self.move_view(tick, catalog, id, deltas)
    }

    pub(super) fn put_aside(&mut self, catalog: &Catalog, id: i64, why: Why, deltas: &Deltas) -> Result<()> {
        let arrived = self.arrived(catalog, id, deltas, |_| true)?;
        if let Some(view) = self.graph.views.get_mut(&id) {
            view.moves = Move::Falls(why, arrived);
        }
        Ok(())
    }

    fn move_view(&mut self, tick: &mut Tick, catalog: &Arc<Catalog>, id: i64, deltas: &mut Deltas) -> Result<()> {
        let started = Instant::now();
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        view.moves = Move::Follows;
        if view.broken.is_some() {
            return self.rebuild_and_pass_on(tick, catalog, id, deltas);
        }
        let stepped = match &mut view.how {
            How::Incremental { circuit, sources, .. } => {
                let mut inputs = vec![];
                for (source, built_for) in sources.iter().zip(&view.built_for) {
                    let now = catalog.by_id(*source).ok_or_else(|| SqlError::internal("a table is gone"))?;
                    let old = view.lag.as_ref().map(|lag| lag.input(*source)).unwrap_or_default();
                    inputs.push(combined(old, fitted(deltas.get(source), now, built_for)?)?);
                }
                circuit.step(&inputs)
            }
            How::Recompute => return self.recompute(tick, catalog, id, deltas),
            How::Rebuilt => return self.rebuild_and_pass_on(tick, catalog, id, deltas),
        };
        match stepped {
            Ok(out) => self.settle(tick, catalog, id, out, deltas, started),
            Err(e) => {
                view.broken = Some(e.to_string());
                tracing::error!(view = view.def.name, "its operators failed and are rebuilt: {e}");
                self.rebuild_and_pass_on(tick, catalog, id, deltas)
            }
        }
    }

    /// Adds a view's change to what it withholds or publishes, and hands it on.
    pub(super) fn settle(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        mut out: Delta,
        deltas: &mut Deltas,
        started: Instant,
    ) -> Result<()> {
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        view.remember();
        for (error, weight) in &out.errors {
            *view.errors.entry(error.clone()).or_insert(0) += weight;
        }
        view.errors.retain(|_, w| *w != 0);
        view.pending.extend(out.rows.iter().filter(|r| !r.is_empty()).cloned());
        self.check_unique(catalog, id, &mut out)?;
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        if view.errors.is_empty() && !view.pending.is_empty() {
            let pending = std::mem::take(&mut view.pending);
            let change = consolidate(&ZBatch::concat(&view.schema, &pending)?)?;
            self.publish(tick, catalog, id, &change)?;
        } else if view.pending.len() > 64 {
            let together = consolidate(&ZBatch::concat(&view.schema, &view.pending)?)?;
            view.pending = vec![together];
        }
        if let Some(view) = self.graph.views.get_mut(&id) {
            view.ran = Some(started.elapsed());
        }
        deltas.insert(id, out);
        Ok(())
    }

    /// Runs the query over what the tick has staged; the difference to what is stored comes out.
    fn recompute(&mut self, tick: &mut Tick, catalog: &Arc<Catalog>, id: i64, deltas: &mut Deltas) -> Result<()> {
        let started = Instant::now();
        let view = &self.graph.views[&id];
        let mut target = self.inherited(&reads(&view.def));
        let mut rows = vec![];
        if target.is_empty() {
            match self.evaluate(tick, view) {
                Ok(result) => {
                    let stored = self.stored(tick, catalog, id)?.negate()?;
                    rows.push(consolidate(&ZBatch::concat(&view.schema, &[result, stored])?)?);
                }
                Err(e) => drop(target.insert(data_error(e), 1)),
            }
        }
        let out = Delta { rows, errors: towards(target, &view.errors) };
        if let Some(view) = self.graph.views.get_mut(&id) {
            view.recomputed_in(started.elapsed());
        }
        self.settle(tick, catalog, id, out, deltas, started)
    }

    /// The errors of views that one reads.
    pub(in crate::tick) fn inherited(&self, reads: &[i64]) -> Errors {
        let mut all = Errors::new();
        for view in reads.iter().filter_map(|r| self.graph.views.get(r)) {
            for (error, weight) in &view.errors {
                *all.entry(error.clone()).or_insert(0) += weight;
            }
        }
        all
    }
}

/// What is to be added to `current` errors to get `target`.
pub(super) fn towards(mut target: Errors, current: &Errors) -> Errors {
    for (error, weight) in current {
        *target.entry(error.clone()).or_insert(0) -= weight;
    }
    target.retain(|_, weight| *weight != 0);
    target
}

/// What a view is to take in of one input: what it put aside, and what is new.
pub(super) fn combined(mut old: Delta, new: Delta) -> Result<Delta> {
    if old.is_empty() {
        return Ok(new);
    }
    old.rows.extend(new.rows.into_iter().filter(|r| !r.is_empty()));
    old.inherit(&new.errors);
    if let Some(first) = old.rows.first() {
        old.rows = vec![old.consolidated(&first.schema())?];
    }
    Ok(old)
}
