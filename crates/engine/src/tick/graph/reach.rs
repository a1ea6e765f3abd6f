//! The tick that stores what a run beside the ticks has computed. Its views, and those that follow them by their
//! operators, come to the run's cut together; what changed since then goes on waiting.

use super::hold::reads;
use super::lag::Why;
use super::step::{combined, towards};
use super::{Cut, Deltas, How, Move, Reach};
use crate::catalog::Catalog;
use crate::tick::alter::fitted;
use crate::tick::beside::Outcome;
use crate::tick::{Core, Tick};
use sluice_flow::{DataError, Delta, Errors};
use sluice_sql::{Result, SqlError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// A run that is done.
pub(crate) struct Reached {
    pub(crate) cut: Cut,
    /// All of its views.
    pub(crate) views: Arc<[i64]>,
    /// The errors of what they read apart from each other, as of the cut.
    pub(crate) inherited: BTreeMap<i64, Errors>,
    /// What was computed; the other views follow by their operators.
    pub(crate) outcomes: BTreeMap<i64, Outcome>,
    /// Views that have come to the cut.
    pub(crate) arrived: BTreeSet<i64>,
}

impl Reached {
    pub(super) fn has(&self, id: i64) -> bool {
        self.views.contains(&id)
    }
}

impl Core {
    /// Brings a view to the cut of its run, unless something that it reads did not come there.
    pub(super) fn reach_view(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        deltas: &mut Deltas,
        run: &mut Reached,
    ) -> Result<()> {
        let started = Instant::now();
        let Some(view) = self.graph.views.get(&id) else { return Ok(()) };
        let outcome = run.outcomes.remove(&id);
        let missing = reads(&view.def).into_iter().find(|r| run.has(*r) && !run.arrived.contains(r));
        let lost = match &outcome {
            Some(outcome) => outcome.fresh.as_ref().is_some_and(|f| f.circuit().is_some()) && view.building.is_none(),
            None => view.circuit().is_none() || view.broken.is_some(),
        };
        if lost || missing.is_some() {
            return self.stay_out(catalog, id, missing, deltas);
        }
        let arrived = self.arrived(catalog, id, deltas, |source| !run.has(source))?;
        let behind =
            !arrived.is_empty() || view.lag.as_ref().is_some_and(|lag| lag.touched) || self.graph.reads_behind(view);
        let took = outcome.as_ref().map(|o| o.took);
        let (out, seen) = match outcome {
            Some(outcome) => self.outcome_delta(id, outcome, run)?,
            None => match self.follow_run(catalog, id, deltas, run) {
                Ok(out) => (out, vec![]),
                Err(e) => return self.lose_operators(catalog, id, &e, deltas),
            },
        };
        self.settle(tick, catalog, id, out, deltas, started)?;
        let delta = deltas.entry(id).or_default();
        for withheld in seen {
            delta.push(withheld.negate()?);
        }
        if let Some(view) = self.graph.views.get_mut(&id) {
            view.moves = Move::Reaches(Reach { cut: run.cut, behind, views: Arc::clone(&run.views), arrived });
            if let Some(took) = took {
                view.ran = Some(took);
                view.recomputed_in(took);
            }
        }
        run.arrived.insert(id);
        Ok(())
    }

    /// A view that cannot come along waits for the next run.
    fn stay_out(&mut self, catalog: &Catalog, id: i64, missing: Option<i64>, deltas: &Deltas) -> Result<()> {
        let Some(view) = self.graph.views.get(&id) else { return Ok(()) };
        let waits = missing.and_then(|m| self.graph.views.get(&m)).map(|v| Why::Waits(v.def.name.clone()));
        let why = view.apart().or(waits).unwrap_or(Why::Scheduled);
        self.put_aside(catalog, id, why, deltas)
    }

    fn lose_operators(&mut self, catalog: &Catalog, id: i64, error: &SqlError, deltas: &Deltas) -> Result<()> {
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        tracing::error!(view = view.def.name, "its operators failed and are built anew: {error}");
        view.lose_operators(error.to_string());
        self.stay_out(catalog, id, None, deltas)
    }

    /// What came out of a view's query or new operators, and what its readers have seen of it that is not stored.
    fn outcome_delta(&mut self, id: i64, outcome: Outcome, run: &Reached) -> Result<(Delta, Vec<sluice_zset::ZBatch>)> {
        let mut inherited = run.inherited.get(&id).cloned().unwrap_or_default();
        for read in reads(&self.graph.views[&id].def).iter().filter(|r| run.has(**r)) {
            for (error, weight) in &self.graph.views[read].errors {
                *inherited.entry(error.clone()).or_insert(0) += weight;
            }
        }
        let Some(old) = self.graph.views.remove(&id) else { return Ok((Delta::default(), vec![])) };
        let current = old.errors.clone();
        let mut seen = vec![];
        let (view, own) = match outcome.fresh {
            None => (old, None),
            Some(mut fresh) => {
                let own = fresh.circuit().is_some().then(|| std::mem::take(&mut fresh.errors));
                seen = fresh.replaces(old);
                (*fresh, own)
            }
        };
        self.graph.views.insert(id, view);
        let (rows, target) = match (outcome.change, own) {
            (Ok(change), Some(own)) => (vec![change], own),
            _ if !inherited.is_empty() => (vec![], inherited),
            (Ok(change), None) => (vec![change], Errors::new()),
            (Err(e), _) => (vec![], Errors::from([(data_error(e), 1)])),
        };
        Ok((Delta { rows, errors: towards(target, &current) }, seen))
    }

    /// Moves a view's operators by what it has put aside up to the cut, and by what the run brings.
    fn follow_run(&mut self, catalog: &Catalog, id: i64, deltas: &Deltas, run: &Reached) -> Result<Delta> {
        let view = self.graph.views.get_mut(&id).ok_or_else(|| SqlError::internal("a view is gone"))?;
        let How::Incremental { circuit, sources, .. } = &mut view.how else {
            return Err(SqlError::internal("a view without operators"));
        };
        let mut inputs = vec![];
        for (source, built_for) in sources.iter().zip(&view.built_for) {
            let now = catalog.by_id(*source).ok_or_else(|| SqlError::internal("a table is gone"))?;
            let new = fitted(deltas.get(source).filter(|_| run.has(*source)), now, built_for)?;
            let old = view.lag.as_ref().map(|lag| lag.sealed(*source)).unwrap_or_default();
            inputs.push(combined(old, new)?);
        }
        Ok(circuit.step(&inputs)?)
    }

    /// What the tick at hand changes of the inputs of a view that is not to take it in; only `wanted` ones.
    pub(super) fn arrived(
        &self,
        catalog: &Catalog,
        id: i64,
        deltas: &Deltas,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<Vec<(i64, Delta)>> {
        let Some(view) = self.graph.views.get(&id) else { return Ok(vec![]) };
        let mut arrived = vec![];
        for read in reads(&view.def).into_iter().filter(|r| wanted(*r)) {
            let Some(delta) = deltas.get(&read).filter(|d| !d.is_empty()) else { continue };
            let built_for = match (&view.building, &view.how) {
                (Some(building), _) => building.as_slice(),
                (None, How::Incremental { .. }) => view.built_for.as_slice(),
                // It reads its inputs whole when its time comes.
                (None, How::Recompute | How::Rebuilt) => &[],
            };
            let delta = match (built_for.iter().find(|d| d.id == read), catalog.by_id(read)) {
                (Some(built_for), Some(now)) => fitted(Some(delta), now, built_for)?,
                _ => Delta::default(),
            };
            arrived.push((read, delta));
        }
        Ok(arrived)
    }
}

/// What a query failed on.
pub(super) fn data_error(e: SqlError) -> DataError {
    DataError { code: e.code, message: e.message, row: e.detail.unwrap_or_default() }
}
