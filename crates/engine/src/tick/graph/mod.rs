//! The views in order, and one tick's way through them.

mod build;
mod hold;
mod lag;
mod pace;
mod reach;
mod refreshed;
mod rows;
mod status;
mod step;
mod view;

pub(crate) use build::{LARGE_ROWS, not_incremental, plan_maintained};
pub(super) use hold::{is_immediate, reads};
pub(crate) use lag::{Cut, Held, Lag};
pub(super) use reach::Reached;
pub(crate) use rows::{conform, plain, staged_of};
pub use status::ViewStatus;
pub(crate) use view::{How, Kept, Move, Undo, View};

use super::beside::Run;
use super::ddl::Definitions;
use super::fill::Fillings;
use super::{Core, Tick};
use crate::catalog::{Catalog, Kind, TableDef};
use crate::schedule::Schedule;
use hold::Holding;
use sluice_flow::Delta;
use sluice_sql::{Result, SqlError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use view::Reach;

/// Views whose operators failed are tried again this often.
const RETRY: Duration = Duration::from_secs(1);

/// All maintained views.
pub(crate) struct Graph {
    pub(crate) views: BTreeMap<i64, View>,
    /// Views, each after what it reads.
    pub(super) order: Vec<i64>,
    /// The snapshot that last changed a definition.
    pub(crate) defined_at: i64,
    last_retry: Instant,
    /// Another program wrote to the lake: everything is rebuilt before the next tick.
    pub(crate) foreign: bool,
    /// A tick that changed definitions was taken back: everything is rebuilt.
    pub(crate) stale: bool,
    /// Views that a client wants brought up to date now, whatever holds them back.
    pub(crate) forced: BTreeSet<i64>,
    /// Views to come.
    pub(crate) fillings: Fillings,
    /// What is computed beside the ticks.
    pub(crate) runs: Vec<Run>,
}

impl Graph {
    pub(crate) fn new(defined_at: i64) -> Self {
        Self {
            views: BTreeMap::new(),
            order: vec![],
            defined_at,
            last_retry: Instant::now(),
            foreign: false,
            stale: false,
            forced: BTreeSet::new(),
            fillings: Fillings::default(),
            runs: vec![],
        }
    }

    /// Whether operators that failed are to be tried again.
    pub(crate) fn retry_due(&self, now: i64) -> bool {
        self.last_retry.elapsed() >= RETRY
            && self.views.values().any(|v| v.broken.is_some() && v.lag.is_none() && v.holds(now).is_none())
    }

    pub(crate) fn abort(&mut self) {
        self.views.values_mut().for_each(View::abort);
        self.fillings.abort();
    }

    /// Puts each view after what it reads.
    pub(crate) fn order_views(&mut self) {
        let mut order: Vec<i64> = vec![];
        let mut left: Vec<i64> = self.views.keys().copied().collect();
        while !left.is_empty() {
            let ready = |id: &i64| {
                let reads = self.views[id].def.materialized().map(|m| m.reads.clone()).unwrap_or_default();
                reads.iter().all(|r| !self.views.contains_key(r) || order.contains(r))
            };
            let (now, later): (Vec<i64>, Vec<i64>) = left.iter().partition(|id| ready(id));
            if now.is_empty() {
                break;
            }
            order.extend(now);
            left = later;
        }
        self.order = order;
    }
}

/// Changes of one tick, table by table, as operators see them.
type Deltas = BTreeMap<i64, Delta>;

impl Core {
    /// Moves the tick's changes through every view that is not held back, and stages what comes out.
    pub(super) fn run_graph(&mut self, tick: &mut Tick, definitions: &Definitions) -> Result<()> {
        for id in &definitions.dropped {
            self.graph.views.remove(id);
            self.context.indexes.drop_table(*id);
        }
        self.take_altered(&definitions.catalog)?;
        self.replan_readers(tick, definitions)?;
        self.graph.last_retry = Instant::now();
        let created: Vec<Arc<TableDef>> =
            definitions.created_views.iter().filter_map(|id| definitions.catalog.by_id(*id).cloned()).collect();
        let holding = self.graph.holding(tick.time_micros, &created);
        let mut deltas = self.base_deltas(tick)?;
        let mut reached = tick.reached.take();
        for id in self.graph.order.clone() {
            match &mut reached {
                Some(reached) if reached.has(id) => {
                    self.reach_view(tick, &definitions.catalog, id, &mut deltas, reached)?;
                }
                _ => self.step_view(tick, &definitions.catalog, id, &mut deltas, &holding)?,
            }
        }
        self.graph.fillings.put_aside(&deltas, &definitions.catalog);
        for def in created {
            let id = def.id;
            let view = View::plan(&self.context, &tick.base, &definitions.catalog, def)?;
            self.graph.views.insert(id, view);
            self.rebuild(tick, &definitions.catalog, id, true)?;
            self.refuse_unrunnable(id)?;
        }
        self.graph.order_views();
        Ok(())
    }

    /// Views whose definitions changed: a schedule or a pause changes when they move, anything else what they are.
    fn take_altered(&mut self, catalog: &Catalog) -> Result<()> {
        let mut reads_others = false;
        for view in self.graph.views.values_mut() {
            let Some(def) = catalog.by_id(view.def.id).filter(|d| !Arc::ptr_eq(d, &view.def)) else { continue };
            // A name or an index changes no row; but what a unique index withheld may be free now.
            if !same_but_for_its_times(&def.kind, &view.def.kind) || view.violation.is_some() {
                view.broken = Some("its definition changed".into());
            }
            view.schedule = Schedule::of(def.materialized().and_then(|m| m.schedule.as_deref()))?;
            let reads = |def: &TableDef| def.materialized().map(|m| m.reads.clone());
            reads_others |= reads(&view.def) != reads(def);
            view.def = Arc::clone(def);
        }
        if reads_others {
            self.graph.order_views();
        }
        Ok(())
    }

    /// After a start: a view that may wait keeps its rows until its time comes, and is computed anew then.
    pub(super) fn keep_waiting(
        &mut self,
        tick: &Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        held: Option<&Held>,
    ) -> Result<()> {
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
        let (mut view, _) = View::plan_stored(&self.context, &tick.base, catalog, def)?;
        let now = Cut { snapshot: tick.base.snapshot, micros: tick.base.time_micros };
        match held {
            Some(held) => view.remember_good(held),
            None => view.good = Some(now),
        }
        view.lag = held.map(|h| Lag::new(h.at, h.why.clone()));
        view.computed_micros = view.good.map_or(0, |g| g.micros);
        view.how = How::Rebuilt;
        view.broken = Some("it has not been computed since the start".into());
        (view.moves, view.undo) = (Move::Stays, Undo::Nothing);
        self.graph.views.insert(id, view);
        Ok(())
    }
}

/// Whether two definitions differ in nothing but schedule and pause.
fn same_but_for_its_times(a: &Kind, b: &Kind) -> bool {
    let mut a = a.clone();
    if let (Kind::Materialized(a), Kind::Materialized(b)) = (&mut a, b) {
        a.schedule.clone_from(&b.schedule);
        a.paused = b.paused;
    }
    a == *b
}
