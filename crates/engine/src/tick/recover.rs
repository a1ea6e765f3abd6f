//! Opening a lake: definitions, indexes and operators are rebuilt from what is stored.

use super::graph::{Cut, View};
use super::maintain::Upkeep;
use super::{Core, Graph, Held, Tick, restore};
use crate::EngineOptions;
use crate::catalog::{Catalog, Mode, TableDef};
use crate::context::Context;
use crate::error;
use crate::read::Runner;
use crate::read::same_columns;
use crate::roles::{NotAVerifier, Role};
use crate::schedule::Schedule;
use crate::version::Version;
use parking_lot::RwLock;
use sluice_lake::{Commit, Lake, SidecarChange};
use sluice_sql::{Planner, Result, SqlError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

impl Core {
    /// Opens the lake in `dir` (made if it is not there) and brings every view to the newest snapshot.
    pub(crate) fn open(dir: &Path, options: &EngineOptions, runtime: tokio::runtime::Handle) -> Result<Self> {
        let lake = Lake::open(dir).map_err(error::lake)?;
        lake.remove_orphans().map_err(error::lake)?;
        let planner = Planner::new();
        let indexes = Arc::default();
        let runner = Runner::new(&planner, options.query_memory_bytes, Arc::clone(&indexes))?;
        let version = newest(&lake)?;
        let context = Context::new(planner, runner, indexes, version, lake.state().next_catalog_id);
        context.sequences.load(&lake.sidecar().map_err(error::lake)?.sequences);
        let graph = Graph::new(lake.state().snapshot);
        let mut core = Self {
            context: Arc::new(context),
            lake,
            graph,
            runtime,
            status: Arc::new(RwLock::new(BTreeMap::new())),
            recent: Default::default(),
            upkeep: Upkeep::new(options.retention.clone()),
            parking: Default::default(),
            errands: Default::default(),
            checkpoints: Default::default(),
            lag_bytes: options.lag_bytes,
            looked: Instant::now(),
            asked: vec![],
        };
        let first = core.context.version();
        core.recent.record_shown(first.snapshot, &first.in_use);
        core.look_back()?;
        match core.followed()? {
            Some(record) => core.restore_all(&record)?,
            None => core.rebuild_all()?,
        }
        core.settle_parked()?;
        Ok(core)
    }

    /// What the newest snapshot holds back, if every other view is known to be what its query gives: Sluice of this
    /// version made the snapshot, or only rows were moved since.
    fn followed(&self) -> Result<Option<Record>> {
        let version = self.lake.sidecar().map_err(error::lake)?.positions.remove(VERSION);
        let own = version.as_deref() == Some(env!("CARGO_PKG_VERSION"));
        if !own || self.lake.reader().and_then(|r| r.last_tick()).map_err(error::lake)?.is_none() {
            return Ok(None);
        }
        Record::read(&self.lake).map(Some)
    }

    /// Fills indexes and operators from the newest snapshot; views that it held back stay behind, or are rebuilt.
    fn restore_all(&mut self, record: &Record) -> Result<()> {
        let mut tick = self.start_tick();
        let catalog = Arc::clone(&tick.base.catalog);
        let (restored, held): (Vec<i64>, Vec<i64>) =
            views_in_order(&catalog).into_iter().partition(|id| !record.held.contains_key(id));
        for mut view in restore::restore(&self.context, &self.view(&tick), &restored)? {
            if view.reads_clock {
                view.stays_at(Cut { snapshot: tick.base.snapshot, micros: tick.base.time_micros });
            }
            self.graph.views.insert(view.def.id, view);
        }
        for id in held {
            self.rebuild_or_keep(&mut tick, &catalog, id, record)?;
        }
        self.save_restored(&mut tick)
    }

    /// Rebuilds indexes and operators at the newest snapshot, and publishes where a view is not what its query gives.
    pub(super) fn rebuild_all(&mut self) -> Result<()> {
        let version = newest(&self.lake)?;
        self.reveal(version);
        self.graph = Graph::new(self.lake.state().snapshot);
        let mut tick = self.start_tick();
        let catalog = Arc::clone(&tick.base.catalog);
        for def in catalog.tables().filter(|d| d.is_stored()) {
            self.context.indexes.drop_table(def.id);
        }
        restore::restore(&self.context, &self.view(&tick), &[])?;
        let record = Record::read(&self.lake)?;
        for id in views_in_order(&catalog) {
            self.rebuild_or_keep(&mut tick, &catalog, id, &record)?;
        }
        self.save_restored(&mut tick)
    }

    fn save_restored(&mut self, tick: &mut Tick) -> Result<()> {
        self.graph.order_views();
        let definitions = super::ddl::Definitions::unchanged(&tick.base);
        self.save(tick, definitions, SidecarChange::default())?;
        self.record_version()
    }

    /// A view that waits for a parked table keeps its rows, and is built when it need not wait any more.
    fn plan_parked(&mut self, tick: &Tick, catalog: &Arc<Catalog>, id: i64) -> Result<()> {
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
        let (mut view, _) = View::plan_stored(&self.context, &tick.base, catalog, def)?;
        view.stays_at(Cut { snapshot: tick.base.snapshot, micros: tick.base.time_micros });
        self.graph.views.insert(id, view);
        Ok(())
    }

    /// From now on a start may rely on what is stored.
    fn record_version(&mut self) -> Result<()> {
        let version = (VERSION.to_string(), env!("CARGO_PKG_VERSION").to_string());
        let known = self.lake.sidecar().map_err(error::lake)?.positions;
        if known.get(&version.0) != Some(&version.1) {
            let sidecar = SidecarChange { positions: vec![version], ..SidecarChange::default() };
            self.lake.commit(Commit { sidecar, ..Commit::default() }).map_err(error::lake)?;
        }
        Ok(())
    }
}

/// Under this name the catalog says which version of Sluice brought every view up to date.
const VERSION: &str = "sluice version";

impl Core {
    /// A view that may wait keeps its rows until its time comes; any other is brought to this snapshot.
    fn rebuild_or_keep(&mut self, tick: &mut Tick, catalog: &Arc<Catalog>, id: i64, record: &Record) -> Result<()> {
        let Some(def) = catalog.by_id(id) else { return Ok(()) };
        if self.parking.holds(id) {
            return self.plan_parked(tick, catalog, id);
        }
        let held = record.held.get(&id);
        let waits = held.filter(|h| !h.error && !h.clock);
        if waits.is_some() {
            return self.keep_waiting(tick, catalog, id, waits);
        }
        if may_wait(def)? && held.is_none() {
            return self.keep_waiting(tick, catalog, id, record.held_since(tick).as_ref());
        }
        self.rebuild(tick, catalog, id, true)?;
        if let (Some(held), Some(view)) = (held, self.graph.views.get_mut(&id)) {
            view.remember_good(held);
        }
        Ok(())
    }
}

/// Whether a view may be behind by its own definition.
fn may_wait(def: &TableDef) -> Result<bool> {
    let Some(m) = def.materialized().filter(|m| m.mode != Mode::Immediate) else { return Ok(false) };
    let schedule = Schedule::of(m.schedule.as_deref())?;
    Ok(m.paused || schedule.is_cron() || (m.mode == Mode::Full && !matches!(schedule, Schedule::Free)))
}

/// What the newest snapshot that a tick made says of tables that lag.
struct Record {
    snapshot: i64,
    micros: i64,
    held: BTreeMap<i64, Held>,
}

impl Record {
    fn read(lake: &Lake) -> Result<Self> {
        let reader = lake.reader().map_err(error::lake)?;
        let newest = reader.newest().map_err(error::lake)?;
        let none = Self { snapshot: newest, micros: 0, held: BTreeMap::new() };
        let Some(tick) = reader.tick_before(newest).map_err(error::lake)? else { return Ok(none) };
        let mut held = Held::parse(tick.held.as_deref())?;
        for held in held.values_mut().filter(|h| !h.with.is_empty()) {
            held.with_rows.get_or_insert(tick.snapshot);
        }
        Ok(Self { snapshot: tick.snapshot, micros: tick.time_micros, held })
    }

    /// Another program wrote after the last tick: whatever may wait is behind that.
    fn held_since(&self, tick: &Tick) -> Option<Held> {
        (self.snapshot < tick.base.snapshot).then(|| Held {
            why: "another program wrote to the lake".into(),
            cut: Some(self.snapshot),
            at: self.micros,
            ..Held::default()
        })
    }
}

/// Materialized views, each after what it reads.
fn views_in_order(catalog: &Catalog) -> Vec<i64> {
    let mut order: Vec<i64> = vec![];
    let mut left: Vec<&Arc<TableDef>> = catalog.tables().filter(|d| d.materialized().is_some()).collect();
    while !left.is_empty() {
        let waits = |d: &TableDef| {
            d.materialized().is_some_and(|m| m.reads.iter().any(|r| left.iter().any(|l| l.id == *r) && *r != d.id))
        };
        let (later, now): (Vec<_>, Vec<_>) = left.iter().copied().partition(|d| waits(d));
        if now.is_empty() {
            break;
        }
        order.extend(now.iter().map(|d| d.id));
        left = later;
    }
    order
}

/// The newest snapshot as readers see it. Tables that another program made have no definition
/// here, those that it altered have another one: neither is shown.
fn newest(lake: &Lake) -> Result<Version> {
    let state = lake.state();
    let sidecar = lake.sidecar().map_err(error::lake)?;
    let schemas = state.schemas.values().map(|s| (s.name.clone(), s.id)).collect();
    let mut defs: Vec<TableDef> = vec![];
    for (id, kind, json) in &sidecar.objects {
        let def = serde_json::from_str(json).map_err(|e| {
            SqlError::internal(format!("the definition of {kind} {id} in the catalog cannot be read: {e}"))
        })?;
        defs.push(def);
    }
    let mut catalog = Catalog::new(schemas, defs);
    for (name, row) in sidecar.roles {
        let verifier = row.verifier.parse().map_err(|e: NotAVerifier| {
            SqlError::internal(format!("role \"{name}\" in the catalog cannot be read: {e}"))
        })?;
        catalog.put_role(&name, Role { id: row.id, verifier });
    }
    let tables = state
        .tables
        .iter()
        .filter(|(id, t)| catalog.by_id(**id).is_some_and(|d| same_columns(d, &t.info)))
        .map(|(id, t)| (*id, Arc::clone(t)))
        .collect();
    Ok(Version {
        snapshot: state.snapshot,
        time_micros: state.time_micros,
        catalog: Arc::new(catalog),
        tables,
        altered: Default::default(),
        in_use: Default::default(),
    })
}
