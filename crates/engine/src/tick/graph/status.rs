//! What `status` shows of each view, as the last tick left it.

use super::{Cut, How, View};
use crate::tick::Core;
use crate::tick::beside::Run;
use std::time::Duration;

/// What `status` shows of a view.
#[derive(Debug, Clone, Default)]
pub struct ViewStatus {
    /// ACTIVE, ERROR or PAUSED.
    pub state: String,
    /// How it follows its inputs: incremental, or why it is recomputed.
    pub strategy: String,
    /// The time up to which it is complete, in microseconds since 1970; for one that is up to date, of the last tick.
    pub data_micros: i64,
    /// Why it is behind what it reads, if it is.
    pub held: Option<String>,
    /// The snapshot whose changes it has taken in, if that is not the newest.
    pub cut: Option<i64>,
    /// When the run began that computes it, if one does.
    pub running_since: Option<i64>,
    /// The newest snapshot when all of this was so.
    pub as_of: i64,
    /// It is computed again when the clock moves.
    pub reads_clock: bool,
    /// The rows that its query fails on: what is wrong, with the first row.
    pub error: Option<String>,
    /// How many ticks in a row failed on a row.
    pub consecutive_errors: i64,
    /// Ticks that computed it.
    pub refreshes: i64,
    /// Rows of state in its operators.
    pub state_rows: usize,
    /// Bytes of state in its operators.
    pub state_bytes: usize,
    /// Rows that it has put aside until its time comes.
    pub waiting_rows: usize,
    /// How long it took to compute the last time, in microseconds.
    pub last_micros: i64,
    /// The tables behind its operators' sources.
    pub sources: Vec<i64>,
    /// Its operators, each after its inputs; none when the query is recomputed. At most a second old.
    pub operators: Vec<sluice_flow::NodeStats>,
    /// The operators have moved since they were asked what they hold.
    pub(crate) stale_state: bool,
}

impl Core {
    /// Shows every view as it is now; `ran` tells which were computed.
    pub(crate) fn show_status(&self, ran: &[(i64, Duration)], now: Cut) {
        let mut all = self.status.write();
        all.retain(|id, _| self.graph.views.contains_key(id) || self.parking.has(*id));
        for (id, view) in self.graph.views.iter().filter(|(id, _)| !self.parking.holds(**id)) {
            let status = all.entry(*id).or_default();
            let took = ran.iter().find(|(i, _)| i == id).map(|(_, took)| *took);
            if status.strategy.is_empty() {
                show_state(status, view);
            }
            status.stale_state |= took.is_some();
            if let Some(took) = took {
                status.refreshes += 1;
                status.last_micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
            }
            status.as_of = now.snapshot;
            show_freshness(status, view, took.is_some(), now.micros);
        }
    }

    /// Shows which views are being computed beside the ticks, and what came of the last attempt.
    pub(crate) fn show_runs(&self) {
        for (id, status) in self.status.write().iter_mut() {
            status.running_since = self.graph.run_of(*id).map(Run::began);
            if let Some(view) = self.graph.views.get(id).filter(|_| !self.parking.holds(*id)) {
                show_freshness(status, view, false, self.context.version().time_micros);
            }
        }
    }

    /// Asks operators that moved what they hold: too dear for every tick.
    pub(crate) fn show_states(&self) {
        for (id, status) in self.status.write().iter_mut().filter(|(_, s)| s.stale_state) {
            if let Some(view) = self.graph.views.get(id) {
                show_state(status, view);
            }
        }
    }

    /// Says in the log, once each time, that a view is later than its schedule allows.
    pub(crate) fn warn_late(&mut self, now: i64) {
        for view in self.graph.views.values_mut() {
            let behind = view.lag.is_some() || !view.errors.is_empty();
            let since = view.lag.as_ref().map_or_else(|| view.good.map_or(0, |g| g.micros), |l| l.since);
            let late = behind && view.schedule.is_late(since, now);
            if late && !view.warned {
                let why = match (&view.lag, view.errors.first_key_value()) {
                    (_, Some((error, _))) => error.message.clone(),
                    (Some(lag), None) => lag.why.clone(),
                    (None, None) => String::new(),
                };
                let schedule = view.def.materialized().and_then(|m| m.schedule.clone()).unwrap_or_default();
                let seconds = (now - since) / 1_000_000;
                tracing::warn!(view = view.def.name, schedule, "falls behind its schedule, by {seconds} s now: {why}");
            } else if !late && view.warned {
                tracing::info!(view = view.def.name, "is within its schedule again");
            }
            view.warned = late;
        }
    }
}

fn show_state(status: &mut ViewStatus, view: &View) {
    status.stale_state = false;
    status.sources = view.sources();
    status.operators = match &view.how {
        How::Incremental { circuit, .. } => circuit.stats(),
        How::Recompute | How::Rebuilt => vec![],
    };
    status.state_rows = status.operators.iter().map(|o| o.rows).sum();
    status.state_bytes = status.operators.iter().map(|o| o.bytes).sum();
}

fn show_freshness(status: &mut ViewStatus, view: &View, ran: bool, now: i64) {
    status.strategy = view.strategy();
    status.reads_clock = view.reads_clock;
    status.held = view.lag.as_ref().map(|l| l.why.clone());
    status.waiting_rows = view.lag.as_ref().map_or(0, super::Lag::rows);
    let error = view.errors.first_key_value().map(|(e, _)| format!("{} on row {} ({})", e.message, e.row, e.code));
    let error = error.or_else(|| view.tried.as_ref().map(|(_, why)| why.clone()));
    status.consecutive_errors = match (&error, ran) {
        (None, _) => 0,
        (Some(_), true) => status.consecutive_errors + 1,
        (Some(_), false) => status.consecutive_errors.max(1),
    };
    if let Some(error) = error.as_deref().filter(|_| status.error.is_none()) {
        tracing::warn!(view = view.def.name, "held at its last good state: {error}");
    }
    status.error = error;
    let paused = view.def.materialized().is_some_and(|m| m.paused);
    status.state = if status.error.is_some() {
        "ERROR"
    } else if paused {
        "PAUSED"
    } else {
        "ACTIVE"
    }
    .into();
    let current = view.lag.is_none() && view.errors.is_empty();
    let good = view.good.map_or(0, |g| g.micros);
    status.cut = (!current).then(|| view.good.map_or(0, |g| g.snapshot));
    status.data_micros = match &view.lag {
        Some(lag) => lag.since,
        None if view.reads_clock => view.computed_micros,
        None if current => now,
        None => good,
    };
}
