//! What other programs wrote to the lake: appends that break no constraint go through the graph as changes, tables
//! that they made are taken in, and a table changed in any other way is parked together with its consumers, until
//! `sluice.resync` takes it as it is.

mod difference;
mod parking;
mod resync;

pub(crate) use parking::Parking;

use super::ddl::{Definitions, create_indexes};
use super::{Core, Tick};
use crate::catalog::{Catalog, ColumnDef, Kind, TableDef, TableParts};
use crate::read::Staged;
use crate::write::{Target, WriteSet, check_rows};
use difference::{Difference, difference};
use parking::Parked;
use sluice_lake::{CatalogState, SidecarChange, SnapshotChanges, TableInfo, TableVersion};
use sluice_sql::{Result, SqlError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of every stored table, as they were followed last.
type Tables = BTreeMap<i64, Arc<TableVersion>>;

/// What a table went through, in DuckLake's words, with the snapshots.
#[derive(Default)]
struct Touched(Vec<(i64, Vec<String>)>);

impl Touched {
    fn last(&self) -> i64 {
        self.0.last().map_or(0, |(snapshot, _)| *snapshot)
    }

    /// The snapshot that first did more than append and move rows.
    fn first_change(&self) -> Option<i64> {
        let moved = |words: &[String]| words.iter().any(|w| w == "inline_flush" || w == "rewrite_delete");
        let deleted = |w: &String| w == "deleted_from_table" || w == "inlined_delete";
        self.0.iter().find(|(_, words)| words.iter().any(deleted) && !moved(words)).map(|(snapshot, _)| *snapshot)
    }
}

impl Core {
    /// Takes over what other programs committed since the version that is shown.
    pub(super) fn follow(&mut self) -> Result<()> {
        let shown = self.context.version();
        self.lake.reload().map_err(crate::error::lake)?;
        let mut tick = self.start_tick();
        let mut sidecar = SidecarChange::default();
        let mut definitions = Definitions::unchanged(&tick.base);
        self.take_in(&mut definitions, &mut sidecar)?;
        let appended = self.examine(&tick, &shown.catalog, &shown.tables, shown.snapshot)?;
        self.parking.order(&definitions.catalog);
        sidecar.positions = self.parking.positions();
        tick.followed = appended.tables.keys().copied().collect();
        tick.follows = true;
        self.stage(&mut tick, &definitions, appended)?;
        self.break_parked();
        self.finish(&mut tick, definitions, sidecar)?;
        self.show_parked();
        self.graph.foreign = false;
        Ok(())
    }

    /// The same when a tick left definitions in doubt: everything is rebuilt.
    pub(super) fn follow_and_rebuild(&mut self) -> Result<()> {
        let shown = self.context.version();
        self.lake.reload().map_err(crate::error::lake)?;
        let tick = self.start_tick();
        self.examine(&tick, &shown.catalog, &shown.tables, shown.snapshot)?;
        self.parking.order(&shown.catalog);
        self.rebuild_all()?;
        self.settle_parked()
    }

    /// At a start: parks what other programs changed while nobody served the lake. Views are rebuilt after it.
    pub(super) fn look_back(&mut self) -> Result<()> {
        let reader = self.lake.reader().map_err(crate::error::lake)?;
        let positions = self.lake.sidecar().map_err(crate::error::lake)?.positions;
        let tick = self.start_tick();
        let catalog = Arc::clone(&tick.base.catalog);
        self.parking = Parking::load(&positions, &catalog)?;
        let since = reader.last_tick_snapshot().map_err(crate::error::lake)?;
        let newest = self.lake.state().snapshot;
        // What has expired cannot be compared: it is taken as it is.
        if let Some(since) = since.filter(|s| *s < newest)
            && let Ok(before) = reader.state_at(since)
        {
            let stored = || catalog.tables().filter(|d| d.is_stored());
            for def in stored() {
                create_indexes(&self.context, def, before.tables.get(&def.id).map(Arc::as_ref))?;
            }
            self.examine(&tick, &catalog, &before.tables, since)?;
            stored().for_each(|def| self.context.indexes.drop_table(def.id));
        }
        self.parking.order(&catalog);
        Ok(())
    }

    /// Records what a start found, and takes in tables that other programs made.
    pub(super) fn settle_parked(&mut self) -> Result<()> {
        let mut tick = self.start_tick();
        let mut definitions = Definitions::unchanged(&tick.base);
        let mut sidecar = SidecarChange::default();
        self.take_in(&mut definitions, &mut sidecar)?;
        let known = self.lake.sidecar().map_err(crate::error::lake)?.positions;
        sidecar.positions = self.parking.positions();
        sidecar.positions.retain(|(source, _)| !known.contains_key(source));
        self.break_parked();
        if definitions.changed || !sidecar.positions.is_empty() {
            tick.follows = true;
            self.finish(&mut tick, definitions, sidecar)?;
        }
        self.show_parked();
        Ok(())
    }

    /// Compares every table with what it was; parks those that can't be followed, and returns rows that came.
    fn examine(&mut self, tick: &Tick, catalog: &Arc<Catalog>, before: &Tables, since: i64) -> Result<WriteSet> {
        let touched = self.touched(since)?;
        let mut appended = WriteSet::default();
        for def in catalog.tables().filter(|d| d.is_stored()) {
            if self.parking.has(def.id) {
                continue;
            }
            let (Some(old), nothing) = (before.get(&def.id), Touched::default()) else { continue };
            let touched = touched.get(&def.id).unwrap_or(&nothing);
            let found = match self.lake.state().tables.get(&def.id) {
                None => Err("dropped it".to_string()),
                Some(new) if !fits(def, &new.info) => Err("altered or renamed it".to_string()),
                Some(_) if touched.0.is_empty() => continue,
                Some(new) => match difference(def, old, new, touched.first_change().is_none())? {
                    Difference::None => continue,
                    Difference::Appended(rows, _) if def.materialized().is_some() => {
                        Err(format!("wrote {} row(s) into it", rows.num_rows()))
                    }
                    Difference::Appended(rows, ids) => Ok((rows, ids)),
                    Difference::Changed(rows) => Err(format!("updated or deleted {rows} row(s) of it")),
                },
            };
            match found {
                Ok((rows, ids)) => {
                    let mut staged = Staged::new(def.arrow());
                    staged.add(rows, ids);
                    appended.tables.insert(def.id, staged);
                }
                Err(reason) => {
                    let snapshot = touched.first_change().unwrap_or_else(|| touched.last());
                    self.park(def, Parked { snapshot, reason })?;
                }
            }
        }
        self.park_broken(tick, catalog, &touched, &mut appended)?;
        Ok(appended)
    }

    /// Appends that break a constraint park their tables; others may depend on those.
    fn park_broken(
        &mut self,
        tick: &Tick,
        catalog: &Arc<Catalog>,
        touched: &BTreeMap<i64, Touched>,
        appended: &mut WriteSet,
    ) -> Result<()> {
        loop {
            let mut broken = None;
            for (id, staged) in &appended.tables {
                let Some(def) = catalog.by_id(*id) else { continue };
                if let Err(e) = self.check_appended(tick, def, staged, appended) {
                    broken = Some((Arc::clone(def), e));
                    break;
                }
            }
            let Some((def, error)) = broken else { return Ok(()) };
            appended.tables.remove(&def.id);
            let snapshot = touched.get(&def.id).map_or(0, Touched::last);
            let reason = format!("appended a row that breaks a constraint: {}", one_line(&error));
            self.park(&def, Parked { snapshot, reason })?;
        }
    }

    fn check_appended(&self, tick: &Tick, def: &Arc<TableDef>, staged: &Staged, all: &WriteSet) -> Result<()> {
        let target = Target::new(Arc::clone(def))?;
        for part in staged.added()? {
            self.runtime.block_on(check_rows(&self.context, &self.view(tick), &target, &part.rows))?;
        }
        self.check_keys_and_references(tick, def, staged, all)
    }

    /// Words of all snapshots after `since`, table by table.
    fn touched(&self, since: i64) -> Result<BTreeMap<i64, Touched>> {
        let changes = self.lake.reader().and_then(|r| r.changes_since(since)).map_err(crate::error::lake)?;
        let mut touched: BTreeMap<i64, Touched> = BTreeMap::new();
        for SnapshotChanges { snapshot, changes, .. } in changes {
            for (word, table) in changes {
                let list = &mut touched.entry(table).or_default().0;
                match list.last_mut() {
                    Some((last, words)) if *last == snapshot => words.push(word),
                    _ => list.push((snapshot, vec![word])),
                }
            }
        }
        Ok(touched)
    }

    /// From now on the table is not written to, and what reads it stays as it is.
    fn park(&mut self, def: &Arc<TableDef>, parked: Parked) -> Result<()> {
        tracing::warn!(table = def.name, snapshot = parked.snapshot, "parked: another program {}", parked.reason);
        self.parking.add(def.id, parked);
        self.index_as_stored(def)
    }

    /// Fills a table's indexes from the rows that it has now.
    fn index_as_stored(&self, def: &TableDef) -> Result<()> {
        self.context.indexes.drop_table(def.id);
        match self.lake.state().tables.get(&def.id) {
            Some(table) if fits(def, &table.info) => create_indexes(&self.context, def, Some(table)),
            _ => create_indexes(&self.context, def, None),
        }
    }

    /// Views that parking holds are rebuilt once it does not.
    fn break_parked(&mut self) {
        for (id, view) in &mut self.graph.views {
            if self.parking.holds(*id) {
                view.broken = Some("it waits for sluice.resync".into());
            }
        }
    }

    /// Tables and schemas that another program made become Sluice's.
    fn take_in(&self, definitions: &mut Definitions, sidecar: &mut SidecarChange) -> Result<()> {
        let state = self.lake.state();
        let mut catalog = (*definitions.catalog).clone();
        for schema in state.schemas.values().filter(|s| definitions.catalog.schemas().get(&s.name).is_none()) {
            catalog.put_schema(&schema.name, schema.id);
            definitions.changed = true;
        }
        for table in state.tables.values().filter(|t| definitions.catalog.by_id(t.info.id).is_none()) {
            let def = match definition(state, &table.info) {
                Ok(def) => def,
                Err(why) => {
                    tracing::warn!(table = table.info.name, "a table of another program is left alone: {why}");
                    continue;
                }
            };
            if super::ddl::refuse_taken(&catalog, &def).is_err() {
                tracing::warn!(table = def.name, "a table of another program is left alone: its name is taken here");
                continue;
            }
            tracing::info!(table = def.name, "took in a table of another program");
            create_indexes(&self.context, &def, Some(table))?;
            sidecar.put_objects.push(super::ddl::object(&def)?);
            catalog.put(def);
            definitions.changed = true;
        }
        self.context.next_object.fetch_max(state.next_catalog_id, std::sync::atomic::Ordering::Relaxed);
        definitions.catalog = Arc::new(catalog);
        Ok(())
    }
}

/// Whether a table still has the columns and the name that its definition says.
fn fits(def: &TableDef, info: &TableInfo) -> bool {
    let same = |(def, stored): (&ColumnDef, &sluice_lake::ColumnInfo)| {
        def.id == stored.id && def.name == stored.name && super::ddl::lake_type(&def.ty) == stored.ty
    };
    def.name == info.name && def.columns.len() == info.columns.len() && def.columns.iter().zip(&info.columns).all(same)
}

/// The definition of a table that another program made, or why there is none.
fn definition(state: &CatalogState, info: &TableInfo) -> std::result::Result<TableDef, String> {
    let schema = state.schemas.get(&info.schema_id).ok_or("it has no schema")?;
    let column = |c: &sluice_lake::ColumnInfo| {
        let ty = super::ddl::sql_type(&c.ty).ok_or_else(|| format!("column {} is {}", c.name, c.ty.name()))?;
        let (name, not_null) = (c.name.clone(), !c.nulls_allowed);
        Ok(ColumnDef { id: c.id, name, ty, not_null, default: None, sequence: None, identity: None })
    };
    Ok(TableDef {
        id: info.id,
        schema: schema.name.clone(),
        name: info.name.clone(),
        columns: info.columns.iter().map(column).collect::<std::result::Result<_, String>>()?,
        kind: Kind::Table(TableParts::default()),
        indexes: vec![],
    })
}

fn one_line(error: &SqlError) -> String {
    match &error.detail {
        Some(detail) => format!("{} {detail}", error.message),
        None => error.message.clone(),
    }
}
