//! A changed definition of something that has rows: rows, indexes and views that read it follow.

use super::ddl::{Definitions, create_indexes, lake_column};
use super::graph::plain;
use super::graph::{How, View};
use super::{Core, Tick};
use crate::catalog::{Catalog, TableDef};
use crate::error;
use crate::version::Version;
use crate::write::WriteSet;
use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;
use sluice_flow::Delta;
use sluice_lake::{ColumnInfo, Ddl, adapt_columns};
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, with_row_count};
use std::sync::Arc;

/// A new definition for an object that stays.
#[derive(Debug, Clone)]
pub(crate) struct Alteration {
    pub(crate) def: TableDef,
    /// How the lake gets there.
    pub(crate) lake: Vec<Ddl>,
    /// The columns as the lake has them then, where they change.
    pub(crate) columns: Option<Vec<ColumnInfo>>,
    /// Tables whose rows decided about it: if others change them meanwhile, it must be decided again.
    pub(crate) looked_at: Vec<i64>,
}

impl Alteration {
    /// A definition whose columns and rows stay as they are.
    pub(crate) fn of(def: TableDef) -> Self {
        Self { def, lake: vec![], columns: None, looked_at: vec![] }
    }

    /// Shows the new definition in a version and its staged rows.
    pub(crate) fn show(&self, version: &mut Version, writes: &mut WriteSet) -> Result<()> {
        let mut catalog = (*version.catalog).clone();
        if let Some(columns) = &self.columns {
            let id = self.def.id;
            let from = lake_columns(version, id)?;
            version.altered.insert(id);
            if let Some(table) = version.tables.get(&id) {
                let table = table.with_columns(columns.clone()).map_err(error::lake)?;
                version.tables.insert(id, Arc::new(table));
            }
            if let Some(staged) = writes.tables.get_mut(&id) {
                let schema = self.def.arrow();
                let change = |rows: &RecordBatch| {
                    let adapted = adapt_columns(rows, &from, columns).map_err(error::lake)?;
                    Ok(with_row_count(SchemaRef::clone(&schema), adapted, rows.num_rows())?)
                };
                *staged = staged.in_columns(&schema, change)?;
            }
        }
        catalog.put(self.def.clone());
        version.catalog = Arc::new(catalog);
        Ok(())
    }
}

/// A table's columns as the lake has them, or will have them once it has the table.
pub(crate) fn lake_columns(version: &Version, table: i64) -> Result<Vec<ColumnInfo>> {
    if let Some(known) = version.tables.get(&table) {
        return Ok(known.info.columns.clone());
    }
    let def = version.catalog.by_id(table).ok_or_else(|| SqlError::internal("a table is gone"))?;
    Ok(def.columns.iter().map(lake_column).collect())
}

impl Core {
    pub(super) fn alter(
        &mut self,
        tick: &mut Tick,
        base: i64,
        alteration: &Alteration,
        catalog: &mut Catalog,
        definitions: &mut Definitions,
    ) -> Result<()> {
        let def = &alteration.def;
        if alteration.looked_at.iter().any(|t| self.recent.table_changed_since(*t, base)) {
            let message = format!("could not serialize access to \"{}\" due to concurrent update", def.name);
            return Err(SqlError::new("40001", message).hint("Run the statement again."));
        }
        let old = catalog.by_id(def.id).cloned().ok_or_else(|| SqlError::internal("a table is gone"))?;
        let mut version = (*tick.base).clone();
        version.catalog = Arc::new(catalog.clone());
        alteration.show(&mut version, &mut tick.writes)?;
        *catalog = (*version.catalog).clone();
        tick.base = Arc::new(version);
        definitions.alter(alteration, tick);
        self.reindex(tick, catalog, &old, def)
    }

    /// Keeps the indexes that still fit, and makes what is missing.
    fn reindex(&mut self, tick: &Tick, catalog: &Catalog, old: &TableDef, def: &TableDef) -> Result<()> {
        let indexes = &self.context.indexes;
        let stays =
            |at: usize| old.columns.get(at).map(|c| (c.id, &c.ty)) == def.columns.get(at).map(|c| (c.id, &c.ty));
        let moved = !(0..old.columns.len().min(def.columns.len())).all(stays) || def.columns.len() < old.columns.len();
        if moved {
            indexes.drop_table(def.id);
        }
        let mut wanted: Vec<Vec<usize>> = super::ddl::wanted_indexes(def).into_iter().map(|w| w.1).collect();
        let referring = catalog.tables().filter_map(|t| t.parts()).flat_map(|p| &p.foreign);
        wanted.extend(referring.filter(|f| f.table == def.id).map(|f| f.referenced.clone()));
        indexes.retain(def.id, &wanted);
        create_indexes(&self.context, def, tick.base.tables.get(&def.id).map(Arc::as_ref))?;
        for other in catalog.tables() {
            self.create_reference_indexes(tick, other)?;
        }
        if moved {
            let next = tick.base.snapshot + 1;
            self.context.indexes.of_table(def.id).iter().for_each(|i| i.write().serve_from(next));
        }
        Ok(())
    }

    /// Views that read an altered table plan their queries over it as it is now; operators stay, since what they
    /// see of it did not change.
    pub(super) fn replan_readers(&mut self, tick: &Tick, definitions: &Definitions) -> Result<()> {
        let reads = |v: &View| definitions.altered.keys().any(|id| v.def.reads(*id));
        let readers: Vec<i64> = self.graph.views.iter().filter(|(_, v)| reads(v)).map(|(id, _)| *id).collect();
        for id in readers {
            let def = Arc::clone(&self.graph.views[&id].def);
            if !matches!(self.graph.views[&id].how, How::Recompute) || definitions.dropped.contains(&id) {
                continue;
            }
            let planned = View::plan(&self.context, &tick.base, &definitions.catalog, def)?;
            if let Some(view) = self.graph.views.get_mut(&id) {
                view.plan = planned.plan;
            }
        }
        Ok(())
    }
}

/// A table's change in the columns that a circuit was built for.
pub(super) fn fitted(delta: Option<&Delta>, now: &TableDef, built_for: &TableDef) -> Result<Delta> {
    let Some(delta) = delta else { return Ok(Delta::default()) };
    let same = |a: &TableDef, b: &TableDef| {
        a.columns.iter().map(|c| (c.id, &c.name)).eq(b.columns.iter().map(|c| (c.id, &c.name)))
    };
    if same(now, built_for) {
        return Ok(delta.clone());
    }
    let rows = delta.rows.iter().map(|rows| in_columns(rows, now, built_for)).collect::<Result<_>>()?;
    Ok(Delta { rows, errors: delta.errors.clone() })
}

/// A column that is gone is one that no circuit looks at.
fn in_columns(rows: &ZBatch, now: &TableDef, wanted: &TableDef) -> Result<ZBatch> {
    let columns = wanted.columns.iter().map(|c| match now.columns.iter().position(|n| n.id == c.id) {
        Some(at) if rows.column(at).data_type() == &c.ty.arrow() => Arc::clone(rows.column(at)),
        _ => new_null_array(&c.ty.arrow(), rows.len()),
    });
    let columns: Vec<ArrayRef> = columns.collect();
    let fitted = rows.map_rows(with_row_count(wanted.arrow(), columns, rows.len())?);
    plain(&fitted)
}
