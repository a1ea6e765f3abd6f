use super::lag::{Cut, Held, Lag, Why};
use crate::catalog::{Mode, TableDef};
use crate::schedule::Schedule;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use sluice_flow::{Circuit, DataError, Delta, Errors};
use sluice_sql::Result;
use sluice_zset::ZBatch;
use std::sync::Arc;
use std::time::Duration;

/// A recomputation that takes longer is not part of every commit if the schedule allows the view to lag.
const TICK_BUDGET: Duration = Duration::from_millis(100);
/// A view that reads the clock and has no schedule is recomputed this often.
const CLOCK_MICROS: i64 = 1_000_000;

/// A maintained view as the engine's thread holds it.
pub(crate) struct View {
    pub(crate) def: Arc<TableDef>,
    /// Schema of its rows in deltas: nullable, without metadata.
    pub(crate) schema: SchemaRef,
    /// The analyzed plan that a batch evaluation runs.
    pub(crate) plan: LogicalPlan,
    pub(crate) how: How,
    /// The sources of its circuit, with the columns that it was built for.
    pub(crate) built_for: Vec<Arc<TableDef>>,
    /// Why its query is recomputed, if it is.
    pub(crate) reason: Option<String>,
    pub(crate) schedule: Schedule,
    /// Errors of its own and of what it reads, with their counts.
    pub(crate) errors: Errors,
    /// The one of its errors that a unique index raised.
    pub(crate) violation: Option<DataError>,
    /// Changes withheld while there are errors.
    pub(crate) pending: Vec<ZBatch>,
    /// It has no operators, or they failed: rebuilt at the next tick in which it may move.
    pub(crate) broken: Option<String>,
    pub(crate) reads_clock: bool,
    /// What this tick has changed outside of the operators.
    pub(crate) undo: Undo,
    /// When it last equaled its query.
    pub(crate) good: Option<Cut>,
    /// The time of the tick that last computed it.
    pub(crate) computed_micros: i64,
    /// What it has not taken in; `None` when nothing is missing.
    pub(crate) lag: Option<Lag>,
    /// What the tick at hand does with it.
    pub(crate) moves: Move,
    /// How long the tick at hand took to compute it.
    pub(crate) ran: Option<Duration>,
    /// How long its last two recomputations took.
    runs: [Duration; 2],
    /// Its being late was logged.
    pub(crate) warned: bool,
}

/// How a tick that fails is taken back.
pub(crate) enum Undo {
    /// The tick left the view alone.
    Nothing,
    /// Errors and withheld changes as they were.
    Restore(Errors, Option<DataError>, Vec<ZBatch>),
    /// The view was built in this tick.
    Rebuild,
}

/// What one tick does with a view, once the tick is kept.
#[derive(Default)]
pub(crate) enum Move {
    /// Nothing reached it.
    #[default]
    Stays,
    /// It took in all that there was.
    Follows,
    /// It stays behind these changes.
    Falls(Why, Vec<(i64, Delta)>),
}

/// How a view follows its inputs.
pub(crate) enum How {
    /// By its circuit, fed with the changes of these tables, of which it uses these columns.
    Incremental { circuit: Circuit, sources: Vec<i64>, used: Vec<Vec<usize>> },
    /// By running its query and comparing.
    Recompute,
    /// By being rebuilt when its time comes: it has no operators.
    Rebuilt,
}

/// A tick that was kept.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) cut: Cut,
    /// Bytes of changes that a view may keep while it is behind.
    pub(crate) lag_bytes: usize,
}

impl View {
    /// A view without state, as its plan says.
    pub(crate) fn new(
        def: Arc<TableDef>,
        schema: SchemaRef,
        plan: LogicalPlan,
        how: How,
        reason: Option<String>,
    ) -> Result<Self> {
        let schedule = Schedule::of(def.materialized().and_then(|m| m.schedule.as_deref()))?;
        let reads_clock = sluice_sql::reads_clock(&plan)?;
        Ok(Self {
            def,
            schema,
            plan,
            how,
            built_for: vec![],
            reason,
            schedule,
            errors: Errors::new(),
            violation: None,
            pending: vec![],
            broken: None,
            reads_clock,
            undo: Undo::Rebuild,
            good: None,
            computed_micros: 0,
            lag: None,
            moves: Move::Follows,
            ran: None,
            runs: [Duration::ZERO; 2],
            warned: false,
        })
    }

    /// Takes over what does not depend on the operators.
    pub(crate) fn succeeds(&mut self, old: View) {
        (self.good, self.lag, self.computed_micros) = (old.good, old.lag, old.computed_micros);
        (self.runs, self.warned) = (old.runs, old.warned);
    }

    /// Takes its last good state from a snapshot's record.
    pub(crate) fn remember_good(&mut self, held: &Held) {
        self.good = held.cut.map(|snapshot| Cut { snapshot, micros: held.at });
    }

    /// The tables that its state is made of, as its operators number them.
    pub(crate) fn sources(&self) -> Vec<i64> {
        match &self.how {
            How::Incremental { sources, .. } => sources.clone(),
            How::Recompute | How::Rebuilt => self.def.materialized().map(|m| m.reads.clone()).unwrap_or_default(),
        }
    }

    /// Keeps what it holds as of `cut`: the clock has moved on since.
    pub(crate) fn stays_at(&mut self, cut: Cut) {
        (self.good, self.computed_micros) = (Some(cut), cut.micros);
        (self.moves, self.undo) = (Move::Stays, Undo::Nothing);
    }

    /// Becomes part of the graph as it was filled at `cut`, behind what ticks have put aside since.
    pub(crate) fn joins(&mut self, cut: Cut, lag: Lag) {
        self.good = self.errors.is_empty().then_some(cut);
        self.computed_micros = cut.micros;
        self.lag = (!lag.is_empty()).then_some(lag);
        (self.moves, self.undo) = (Move::Stays, Undo::Nothing);
    }

    /// Remembers what a tick is about to change.
    pub(crate) fn remember(&mut self) {
        if matches!(self.undo, Undo::Nothing) {
            self.undo = Undo::Restore(self.errors.clone(), self.violation.clone(), self.pending.clone());
        }
    }

    /// Keeps what the tick did.
    pub(crate) fn commit(&mut self, kept: Kept) -> Result<()> {
        self.undo = Undo::Nothing;
        self.ran = None;
        if let How::Incremental { circuit, .. } = &mut self.how {
            circuit.commit()?;
        }
        match std::mem::take(&mut self.moves) {
            Move::Stays if self.lag.is_some() || self.reads_clock => {}
            moved @ (Move::Stays | Move::Follows) => {
                self.lag = None;
                if matches!(moved, Move::Follows) {
                    self.computed_micros = kept.cut.micros;
                }
                if self.errors.is_empty() {
                    self.good = Some(kept.cut);
                }
            }
            Move::Falls(why, arrived) => self.fall(kept, &why, arrived)?,
        }
        Ok(())
    }

    /// Puts changes aside; too many of them cost more than computing the view anew.
    fn fall(&mut self, kept: Kept, why: &Why, arrived: Vec<(i64, Delta)>) -> Result<()> {
        let since = self.complete_up_to(kept.cut.micros);
        let lag = self.lag.get_or_insert_with(|| Lag::new(since, String::new()));
        lag.why = why.to_string();
        if matches!(self.how, How::Rebuilt) {
            return Ok(());
        }
        let fits = arrived.iter().all(|(table, delta)| lag.fits(*table, delta));
        if fits {
            lag.add(arrived)?;
        }
        if !fits || lag.bytes() > kept.lag_bytes {
            lag.forget();
            self.how = How::Rebuilt;
            self.broken = Some("more changed than it may keep while it is behind".into());
            tracing::info!(view = self.def.name, "too much changed while it waits: it will be computed anew");
        }
        Ok(())
    }

    pub(crate) fn abort(&mut self) {
        self.moves = Move::Stays;
        self.ran = None;
        match std::mem::replace(&mut self.undo, Undo::Nothing) {
            Undo::Nothing => {}
            Undo::Restore(errors, violation, pending) => {
                self.errors = errors;
                self.violation = violation;
                self.pending = pending;
            }
            Undo::Rebuild => self.broken = Some("the tick that built it was taken back".into()),
        }
        if let How::Incremental { circuit, .. } = &mut self.how
            && let Err(e) = circuit.abort()
        {
            self.broken = Some(format!("could not take back a tick: {e}"));
        }
    }

    /// Whether it will be behind what it reads once the tick at hand is kept.
    pub(crate) fn is_behind(&self) -> bool {
        match self.moves {
            Move::Stays => self.lag.is_some(),
            Move::Follows => false,
            Move::Falls(..) => true,
        }
    }

    /// What it waits for if it will be behind.
    pub(crate) fn why(&self) -> Option<String> {
        match &self.moves {
            Move::Falls(why, _) => Some(why.to_string()),
            Move::Stays => self.lag.as_ref().map(|l| l.why.clone()),
            Move::Follows => None,
        }
    }

    /// The time up to which it is complete, before a tick at `now` that may change what it reads.
    pub(crate) fn complete_up_to(&self, now: i64) -> i64 {
        match &self.lag {
            Some(lag) => lag.since,
            None if self.reads_clock => self.computed_micros,
            None => now - 1,
        }
    }

    /// Why it stays where it is at `now`, by its own definition.
    pub(crate) fn holds(&self, now: i64) -> Option<Why> {
        let m = self.def.materialized()?;
        if m.mode == Mode::Immediate {
            return None;
        }
        if m.paused {
            return Some(Why::Paused);
        }
        let why = if self.schedule.is_cron() || m.mode == Mode::Full {
            Why::Scheduled
        } else if self.is_dear() {
            Why::Dear
        } else {
            return None;
        };
        let mut due = self.schedule.due(self.complete_up_to(now), self.needs())?;
        if !self.schedule.is_cron() {
            due = due.max(self.rests_until());
        }
        (now < due).then_some(why)
    }

    /// How long its last recomputation took, in microseconds.
    fn needs(&self) -> i64 {
        i64::try_from(self.runs[1].as_micros()).unwrap_or(i64::MAX)
    }

    /// Recomputing one view leaves others at least half of the time.
    fn rests_until(&self) -> i64 {
        self.computed_micros.saturating_add(self.needs().saturating_mul(2))
    }

    /// Whether its last two recomputations took longer than a commit should.
    pub(crate) fn is_dear(&self) -> bool {
        matches!(self.how, How::Recompute) && self.runs.iter().all(|r| *r > TICK_BUDGET)
    }

    pub(crate) fn recomputed_in(&mut self, took: Duration) {
        let was = self.is_dear();
        self.runs = [self.runs[1], took];
        if !was && self.is_dear() && matches!(self.schedule, Schedule::Within(_)) {
            tracing::info!(
                view = self.def.name,
                "recomputing it takes {} ms, too long for every commit: from now on it follows at its schedule",
                took.as_millis()
            );
        }
    }

    /// Whether the clock has moved so far that a view that reads it is to be computed again.
    pub(crate) fn is_clock_due(&self, now: i64) -> bool {
        let period = match self.schedule {
            Schedule::Within(bound) => bound,
            Schedule::Free | Schedule::At(_) => CLOCK_MICROS,
        };
        self.reads_clock && now >= (self.computed_micros + period).max(self.rests_until())
    }

    /// How it follows its inputs, for people.
    pub(crate) fn strategy(&self) -> String {
        match &self.reason {
            None => "incremental".to_string(),
            Some(reason) if self.is_dear() && matches!(self.schedule, Schedule::Within(_)) => {
                format!("{reason}; too dear for every commit ({} ms)", self.runs[1].as_millis())
            }
            Some(reason) => reason.clone(),
        }
    }
}
