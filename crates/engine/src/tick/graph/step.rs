//! One tick's way through one view.

use super::hold::reads;
use super::lag::{Lag, Why};
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
            if touched || view.lag.is_some() || self.graph.reads_behind(view) {
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

    fn put_aside(&mut self, catalog: &Catalog, id: i64, why: Why, deltas: &Deltas) -> Result<()> {
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        let mut arrived: Vec<(i64, Delta)> = vec![];
        for read in reads(&view.def) {
            let Some(delta) = deltas.get(&read).filter(|d| !d.is_empty()) else { continue };
            let built_for = view.built_for.iter().find(|d| d.id == read);
            let delta = match (&view.how, built_for, catalog.by_id(read)) {
                (How::Incremental { .. }, Some(built_for), Some(now)) => fitted(Some(delta), now, built_for)?,
                // It reads its inputs whole when its time comes; only their errors add up.
                _ => Delta { rows: vec![], errors: delta.errors.clone() },
            };
            arrived.push((read, delta));
        }
        view.moves = Move::Falls(why, arrived);
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
                    inputs.push(input(view.lag.as_ref(), *source, fitted(deltas.get(source), now, built_for)?)?);
                }
                circuit.step(&inputs)
            }
            How::Recompute => {
                let mut errors = Delta::default();
                for read in reads(&view.def) {
                    let new = deltas.get(&read).map(|d| d.errors.clone()).unwrap_or_default();
                    let new = Delta { rows: vec![], errors: new };
                    errors.inherit(&input(view.lag.as_ref(), read, new)?.errors);
                }
                return self.recompute(tick, catalog, id, errors.errors, deltas);
            }
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
    fn recompute(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        errors: Errors,
        deltas: &mut Deltas,
    ) -> Result<()> {
        let started = Instant::now();
        let inherited = self.inherits_errors(id);
        let view = &self.graph.views[&id];
        let result = if inherited { Err(None) } else { self.evaluate(tick, view).map_err(Some) };
        let out = match result {
            Ok(rows) => {
                let stored = self.stored(tick, catalog, id)?.negate()?;
                let change = consolidate(&ZBatch::concat(&view.schema, &[rows, stored])?)?;
                let mut own = errors;
                // What its own query failed on before is over: the errors of this view are those it inherits.
                for (e, w) in &view.errors {
                    *own.entry(e.clone()).or_insert(0) -= w;
                }
                own.retain(|_, w| *w != 0);
                Delta { rows: vec![change], errors: own }
            }
            Err(None) => Delta { rows: vec![], errors },
            Err(Some(e)) => {
                let mut errors = errors;
                let own =
                    sluice_flow::DataError { code: e.code, message: e.message, row: e.detail.unwrap_or_default() };
                if !view.errors.contains_key(&own) {
                    errors.insert(own, 1);
                }
                Delta { rows: vec![], errors }
            }
        };
        if let Some(view) = self.graph.views.get_mut(&id) {
            view.recomputed_in(started.elapsed());
        }
        self.settle(tick, catalog, id, out, deltas, started)
    }

    /// Whether a view that this one reads is withheld.
    fn inherits_errors(&self, id: i64) -> bool {
        let reads = reads(&self.graph.views[&id].def);
        reads.iter().any(|r| self.graph.views.get(r).is_some_and(|v| !v.errors.is_empty()))
    }
}

/// What a view is to take in of one input: what it put aside, and what the tick changes.
fn input(lag: Option<&Lag>, table: i64, new: Delta) -> Result<Delta> {
    let Some(lag) = lag else { return Ok(new) };
    let mut all = lag.input(table);
    all.rows.extend(new.rows.into_iter().filter(|r| !r.is_empty()));
    all.inherit(&new.errors);
    if let Some(first) = all.rows.first() {
        all.rows = vec![all.consolidated(&first.schema())?];
    }
    Ok(all)
}
