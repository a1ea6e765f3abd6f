//! Opening a lake: definitions, indexes and operators are rebuilt from what is stored.

use super::{Core, Graph};
use crate::catalog::{Catalog, TableDef};
use crate::context::Context;
use crate::error;
use crate::read::Runner;
use crate::version::Version;
use parking_lot::RwLock;
use sluice_lake::{Lake, SidecarChange};
use sluice_sql::{Planner, Result, SqlError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

impl Core {
    /// Opens the lake in `dir` (made if it is not there) and brings every view to the newest snapshot.
    pub(crate) fn open(dir: &Path, memory_bytes: usize, runtime: tokio::runtime::Handle) -> Result<Self> {
        let lake = Lake::open(dir).map_err(error::lake)?;
        lake.remove_orphans().map_err(error::lake)?;
        let planner = Planner::new();
        let runner = Runner::new(&planner, memory_bytes)?;
        let version = newest(&lake)?;
        let context = Context::new(planner, runner, version, lake.state().next_catalog_id);
        context.sequences.load(&lake.sidecar().map_err(error::lake)?.sequences);
        let graph = Graph::new(lake.state().snapshot);
        let mut core = Self {
            context: Arc::new(context),
            lake,
            graph,
            runtime,
            status: Arc::new(RwLock::new(BTreeMap::new())),
            recent: Default::default(),
            upkeep: Default::default(),
        };
        core.rebuild_all()?;
        Ok(core)
    }

    /// Rebuilds indexes and operators at the newest snapshot, and publishes where a view is not what its query gives.
    pub(super) fn rebuild_all(&mut self) -> Result<()> {
        let version = newest(&self.lake)?;
        *self.context.version.write() = Arc::new(version);
        self.graph = Graph::new(self.lake.state().snapshot);
        let mut tick = self.start_tick();
        let catalog = Arc::clone(&tick.base.catalog);
        for def in catalog.tables().filter(|d| d.is_stored()) {
            self.context.indexes.drop_table(def.id);
            let table = tick.base.tables.get(&def.id).cloned();
            self.create_indexes(def, table.as_deref())?;
        }
        for def in catalog.tables().filter(|d| d.is_stored()) {
            for foreign in def.parts().map(|p| p.foreign.clone()).unwrap_or_default() {
                let parent = catalog.by_id(foreign.table);
                let (Some(parent), Some(table)) = (parent, tick.base.tables.get(&foreign.table)) else { continue };
                if self.context.indexes.get(parent.id, &foreign.referenced).is_none() {
                    let mut index =
                        crate::index::RowIndex::new(&foreign.name, &parent.arrow(), foreign.referenced.clone(), true);
                    crate::context::fill_index(&mut index, table)?;
                    index.commit(0)?;
                    self.context.indexes.put(parent.id, index);
                }
            }
        }
        for id in views_in_order(&catalog) {
            // A paused view keeps its rows as they are; resuming it rebuilds it.
            let paused = catalog.by_id(id).and_then(|d| d.materialized()).is_some_and(|m| m.paused);
            self.rebuild(&mut tick, &catalog, id, !paused)?;
        }
        self.graph.order_views();
        let definitions = super::ddl::Definitions::unchanged(&tick.base);
        self.save(&mut tick, definitions, SidecarChange::default())?;
        Ok(())
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

/// The newest snapshot as readers see it. Tables that another program made have no definition here and are not shown.
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
    let catalog = Catalog::new(schemas, defs);
    let tables = state
        .tables
        .iter()
        .filter(|(id, _)| catalog.by_id(**id).is_some())
        .map(|(id, t)| (*id, Arc::clone(t)))
        .collect();
    Ok(Version { snapshot: state.snapshot, time_micros: state.time_micros, catalog: Arc::new(catalog), tables })
}
