use super::lag::{Cut, Held, Lag, Together, Why};
use crate::catalog::TableDef;
use crate::schedule::Schedule;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use sluice_flow::{Circuit, DataError, Delta, Errors};
use sluice_sql::Result;
use sluice_zset::ZBatch;
use std::sync::Arc;
use std::time::Duration;

/// A view whose operators are being built puts aside more than one that waits: it cannot be built anew at leisure.
const BUILDING_FACTOR: usize = 16;

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
    /// What was brought to that cut together, after it.
    together: Option<Together>,
    /// While a run builds its operators: the tables that they read, with the columns that they are built for.
    pub(crate) building: Option<Vec<Arc<TableDef>>>,
    /// A run that could not compute it: its time, and why.
    pub(crate) tried: Option<(i64, String)>,
    /// It reads so much that recomputing it is taken to be dear until it is known.
    pub(crate) large: bool,
    /// The time of the tick that last computed it.
    pub(crate) computed_micros: i64,
    /// What it has not taken in; `None` when nothing is missing.
    pub(crate) lag: Option<Lag>,
    /// What the tick at hand does with it.
    pub(crate) moves: Move,
    /// How long the tick at hand took to compute it.
    pub(crate) ran: Option<Duration>,
    /// How long its last two recomputations took.
    pub(super) runs: [Duration; 2],
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
    /// A run beside the ticks brought it to a cut.
    Reaches(Reach),
}

/// Where a run brought a view.
pub(crate) struct Reach {
    pub(crate) cut: Cut,
    /// Something has changed since.
    pub(crate) behind: bool,
    /// All that the run brought there.
    pub(crate) views: Arc<[i64]>,
    /// What the tick that stores it changes of its other inputs.
    pub(crate) arrived: Vec<(i64, Delta)>,
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
            together: None,
            building: None,
            tried: None,
            large: false,
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
        (self.together, self.tried) = (old.together, old.tried);
    }

    /// Takes the place of the view that it was built anew from; returns what that withheld.
    pub(crate) fn replaces(&mut self, mut old: View) -> Vec<ZBatch> {
        let seen = std::mem::take(&mut old.pending);
        self.errors = std::mem::take(&mut old.errors);
        self.violation = old.violation.take();
        self.pending.clear();
        self.undo = Undo::Rebuild;
        self.succeeds(old);
        seen
    }

    /// Takes its last good state from a snapshot's record.
    pub(crate) fn remember_good(&mut self, held: &Held) {
        self.good = held.cut.map(|snapshot| Cut { snapshot, micros: held.at });
        self.together = held.with_rows.map(|snapshot| Together { views: held.with.clone().into(), snapshot });
    }

    /// When it equals its query once the tick at hand is kept, as a record has it; the reason is to be added.
    pub(super) fn good_after(&self) -> Held {
        let (good, with, with_rows) = match (&self.moves, &self.together) {
            (Move::Reaches(reach), _) if self.errors.is_empty() => (Some(reach.cut), reach.views.to_vec(), None),
            (_, Some(together)) => (self.good, together.views.to_vec(), Some(together.snapshot)),
            (_, None) => (self.good, vec![], None),
        };
        let (cut, at) = (good.map(|g| g.snapshot), good.map_or(0, |g| g.micros));
        Held { cut, at, with, with_rows, ..Held::default() }
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
                    (self.good, self.together) = (Some(kept.cut), None);
                }
            }
            Move::Falls(why, arrived) => self.fall(kept, &why, arrived)?,
            Move::Reaches(reach) => self.reach(kept, reach)?,
        }
        Ok(())
    }

    /// Is at the cut of a run now.
    fn reach(&mut self, kept: Kept, reach: Reach) -> Result<()> {
        (self.building, self.tried) = (None, None);
        self.computed_micros = reach.cut.micros;
        match &mut self.lag {
            Some(lag) if reach.behind => {
                lag.take_sealed(reach.cut.micros);
                lag.add(reach.arrived)?;
            }
            lag => *lag = None,
        }
        if !self.errors.is_empty() {
            return Ok(());
        }
        if reach.behind || self.reads_clock {
            self.good = Some(reach.cut);
            self.together = Some(Together { views: reach.views, snapshot: kept.cut.snapshot });
        } else {
            (self.good, self.together) = (Some(kept.cut), None);
        }
        Ok(())
    }

    /// Puts changes aside; too many of them cost more than computing the view anew.
    fn fall(&mut self, kept: Kept, why: &Why, arrived: Vec<(i64, Delta)>) -> Result<()> {
        let since = self.complete_up_to(kept.cut.micros);
        let lag = self.lag.get_or_insert_with(|| Lag::new(since, String::new()));
        lag.why = why.to_string();
        lag.touched |= !arrived.is_empty();
        if matches!(self.how, How::Rebuilt) && self.building.is_none() {
            return Ok(());
        }
        let room = kept.lag_bytes.saturating_mul(if self.building.is_some() { BUILDING_FACTOR } else { 1 });
        let fits = arrived.iter().all(|(table, delta)| lag.fits(*table, delta));
        if fits {
            lag.add(arrived)?;
        }
        if !fits || lag.bytes() > room {
            self.lose_operators("more changed than it may keep while it is behind".into());
            tracing::info!(view = self.def.name, "too much changed while it waits: it will be computed anew");
        }
        Ok(())
    }

    /// Drops its state: it is built anew when its time comes.
    pub(super) fn lose_operators(&mut self, why: String) {
        (self.how, self.building, self.broken) = (How::Rebuilt, None, Some(why));
        if let Some(lag) = &mut self.lag {
            lag.forget();
        }
    }

    /// Its operators, if it has any.
    pub(crate) fn circuit(&self) -> Option<&Circuit> {
        match &self.how {
            How::Incremental { circuit, .. } => Some(circuit),
            How::Recompute | How::Rebuilt => None,
        }
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
        match &self.moves {
            Move::Stays => self.lag.is_some(),
            Move::Follows => false,
            Move::Falls(..) => true,
            Move::Reaches(reach) => reach.behind,
        }
    }

    /// What it waits for if it will be behind.
    pub(crate) fn why(&self) -> Option<String> {
        match &self.moves {
            Move::Falls(why, _) => Some(why.to_string()),
            Move::Reaches(reach) if !reach.behind => None,
            Move::Stays | Move::Reaches(_) => self.lag.as_ref().map(|l| l.why.clone()),
            Move::Follows => None,
        }
    }

    /// The time up to which it is complete, before a tick at `now` that may change what it reads.
    pub(crate) fn complete_up_to(&self, now: i64) -> i64 {
        if let Move::Reaches(reach) = &self.moves
            && (reach.behind || self.reads_clock)
        {
            return reach.cut.micros;
        }
        match &self.lag {
            Some(lag) => lag.since,
            None if self.reads_clock => self.computed_micros,
            None => now - 1,
        }
    }
}
