//! Filling a new view beside the ticks: its rows come from a pinned version, in a thread of its own, while ticks go on
//! and put aside what they change of its inputs. Then it joins as a table that is behind, and the next tick brings it
//! up to date. Until then nobody sees it, and a client that goes away leaves nothing.

mod work;

use super::ddl::{Definitions, columns_to_create};
use super::graph::{Cut, Lag, View};
use super::requests::{FillRequest, Filled};
use super::{Core, DdlOp, Tick};
use crate::catalog::{Catalog, TableDef};
use crate::error;
use crate::read::ReadView;
use sluice_flow::Delta;
use sluice_lake::{SidecarChange, TableInfo};
use sluice_sql::{Result, SqlError};
use std::collections::BTreeMap;
use std::sync::Arc;
use work::{Work, canceled};

/// A view that is being filled puts aside more than one that waits: it cannot be computed anew at leisure.
const LAG_FACTOR: usize = 16;

/// A view that is being filled, as the ticks see it.
pub(crate) struct Filling {
    def: Arc<TableDef>,
    /// The definitions of what it reads, as they were.
    reads: Vec<Arc<TableDef>>,
    cut: Cut,
    lag: Lag,
    arrived: Vec<(i64, Delta)>,
    /// Why it cannot be finished.
    failed: Option<SqlError>,
}

/// The views that are being filled.
#[derive(Default)]
pub(crate) struct Fillings {
    views: BTreeMap<i64, Filling>,
}

impl Fillings {
    /// Puts aside what the tick at hand changes.
    pub(crate) fn put_aside(&mut self, deltas: &BTreeMap<i64, Delta>, catalog: &Catalog) {
        for filling in self.views.values_mut() {
            for read in &filling.reads {
                let same = catalog.by_id(read.id).is_some_and(|now| now.columns == read.columns);
                if !same && filling.failed.is_none() {
                    filling.failed = Some(changed(&format!("\"{}\"", read.name)));
                }
                if let Some(delta) = deltas.get(&read.id).filter(|d| !d.is_empty()) {
                    filling.arrived.push((read.id, delta.clone()));
                }
            }
        }
    }

    /// Keeps what the tick put aside.
    pub(crate) fn commit(&mut self, lag_bytes: usize) -> Result<()> {
        for filling in self.views.values_mut() {
            let arrived = std::mem::take(&mut filling.arrived);
            if filling.failed.is_some() {
                filling.lag.forget();
                continue;
            }
            filling.lag.add(arrived)?;
            if filling.lag.bytes() > lag_bytes.saturating_mul(LAG_FACTOR) {
                filling.failed = Some(
                    SqlError::new("53200", format!("too much changed while \"{}\" was filled", filling.def.name))
                        .hint("Create it when less is written, or start sluice up with more --held-memory."),
                );
            }
        }
        Ok(())
    }

    pub(crate) fn abort(&mut self) {
        self.views.values_mut().for_each(|f| f.arrived.clear());
    }
}

fn changed(name: &str) -> SqlError {
    SqlError::new("40001", format!("{name} was changed while the view was filled from it"))
        .hint("Run the statement again.")
}

impl Core {
    /// Pins what a new view reads, and starts a thread that fills it.
    pub(super) fn start_fill(&mut self, request: FillRequest) {
        let FillRequest { def, base, progress, requests, reply } = request;
        match self.plan_fill(def, base) {
            Err(e) => {
                // A client that went away needs no answer.
                let _ = reply.send(Err(e));
            }
            Ok((view, info, withheld, version)) => {
                let work = Work {
                    view,
                    info,
                    withheld,
                    version,
                    context: Arc::clone(&self.context),
                    runtime: self.runtime.clone(),
                    progress,
                    reply,
                };
                let spawned = std::thread::Builder::new()
                    .name("fill".into())
                    .stack_size(crate::STACK_BYTES)
                    .spawn(move || work.run(&requests));
                if let Err(e) = spawned {
                    tracing::error!("no thread to fill a view: {e}");
                }
            }
        }
    }

    fn plan_fill(&mut self, def: TableDef, base: i64) -> Result<(View, Arc<TableInfo>, Vec<Delta>, ReadView)> {
        let tick = self.start_tick();
        let catalog = Arc::clone(&tick.base.catalog);
        super::ddl::refuse_taken(&catalog, &def)?;
        if base < self.graph.defined_at {
            return Err(changed("what it reads"));
        }
        let def = Arc::new(def);
        let info = self.fill_info(&tick, &def)?;
        let view = View::plan(&self.context, &tick.base, &catalog, Arc::clone(&def))?;
        // What a withheld view has not published is part of what its readers have seen.
        let withheld = |source: i64| match self.graph.views.get(&source) {
            Some(v) => Delta { rows: v.pending.clone(), errors: v.errors.clone() },
            None => Delta::default(),
        };
        let withheld = view.sources().into_iter().map(withheld).collect();
        let now = self.view(&tick);
        let m = def.materialized().ok_or_else(|| SqlError::internal("not a materialized view"))?;
        let reads = m.reads.iter().filter_map(|r| catalog.by_id(*r).cloned()).collect();
        let cut = Cut { snapshot: tick.base.snapshot, micros: tick.time_micros };
        let lag = Lag::new(cut.micros, "it is being filled".into());
        let filling = Filling { def: Arc::clone(&def), reads, cut, lag, arrived: vec![], failed: None };
        self.graph.fillings.views.insert(def.id, filling);
        Ok((view, info, withheld, now))
    }

    /// The table as the lake will create it.
    fn fill_info(&self, tick: &Tick, def: &TableDef) -> Result<Arc<TableInfo>> {
        let schema_id = tick.base.catalog.schemas().get(&def.schema).copied();
        let schema = schema_id.and_then(|id| self.lake.state().schemas.get(&id));
        let schema =
            schema.ok_or_else(|| SqlError::new("3F000", format!("schema \"{}\" does not exist", def.schema)))?;
        let info = self.lake.table_to_create(def.id, schema, &def.name, columns_to_create(def)).map_err(error::lake)?;
        Ok(Arc::new(info))
    }

    /// Takes a filled view into the graph, and brings it up to date.
    pub(super) fn join(&mut self, filled: Filled) {
        let Filled { view, outcome, reply } = filled;
        let id = view.def.id;
        let filling = self.graph.fillings.views.remove(&id);
        let (file, joined) = match (outcome, filling) {
            (Err(e), _) => (None, Err(e)),
            (Ok(rows), _) if reply.is_closed() => (rows.file, Err(canceled())),
            (Ok(rows), None) => (rows.file, Err(changed("the lake"))),
            (Ok(rows), Some(filling)) => (rows.file.clone(), self.join_tick(view, rows, filling)),
        };
        if joined.is_err()
            && let Some(file) = file
        {
            self.lake.abandon(file);
        }
        // After its commit a cancel comes too late, and a client that went away needs no answer.
        let _ = reply.send(joined);
    }

    fn join_tick(&mut self, mut view: View, rows: super::requests::FilledRows, filling: Filling) -> Result<()> {
        let id = view.def.id;
        self.look_for_foreign();
        if let Some(e) = filling.failed {
            return Err(e);
        }
        if self.graph.foreign {
            return Err(changed("the lake"));
        }
        let mut tick = self.start_tick();
        // A plain view that it reads may have gone.
        View::plan(&self.context, &tick.base, &tick.base.catalog, Arc::clone(&view.def))?;
        let mut sidecar = SidecarChange::default();
        let def = (*view.def).clone();
        let applied = self.apply_ddl(&mut tick, self.graph.defined_at, &[DdlOp::Create(Box::new(def))], &mut sidecar);
        let saved = applied.and_then(|mut definitions: Definitions| {
            definitions.created_views.clear();
            self.context.indexes.put(id, rows.index);
            tick.filled.insert(id, (rows.inserts, rows.rows));
            view.joins(filling.cut, filling.lag);
            self.graph.views.insert(id, view);
            self.finish(&mut tick, definitions, sidecar)
        });
        if let Err(e) = saved {
            tracing::warn!("a filled view could not join: {}", e.message);
            self.graph.views.remove(&id);
            self.context.indexes.drop_table(id);
            self.abort();
            return Err(e);
        }
        self.graph.forced.insert(id);
        let caught_up = self.try_tick(vec![]);
        self.graph.forced.clear();
        if let Err(e) = caught_up {
            tracing::warn!("a new view follows at the next tick: {}", e.message);
        }
        Ok(())
    }
}
