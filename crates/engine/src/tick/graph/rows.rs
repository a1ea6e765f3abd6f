//! Rows as operators have them, and as they are stored.

use super::{Deltas, View};
use crate::catalog::{Catalog, TableDef};
use crate::read::{ReadView, Staged};
use crate::tick::{Core, Tick};
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use sluice_flow::{Delta, Errors};
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, with_row_count};
use std::sync::Arc;

impl Core {
    /// What the tick's transactions change, table by table.
    pub(super) fn base_deltas(&self, tick: &Tick) -> Result<Deltas> {
        let mut deltas = Deltas::new();
        for (&table, staged) in &tick.writes.tables {
            let mut parts = vec![staged.delta()?];
            if staged.truncated
                && let (Some(below), Some(def)) = (tick.base.tables.get(&table), tick.base.catalog.by_id(table))
            {
                let (rows, _) = crate::context::all_rows(below, def)?;
                parts.push(ZBatch::new(rows).negate()?);
            }
            let rows: Vec<ZBatch> =
                parts.into_iter().filter(|p| !p.is_empty()).map(|p| plain(&p)).collect::<Result<_>>()?;
            deltas.insert(table, Delta { rows, errors: Errors::new() });
        }
        Ok(deltas)
    }

    /// The query's result over what the tick has staged.
    pub(super) fn evaluate(&self, tick: &Tick, view: &View) -> Result<ZBatch> {
        let batches = self.runtime.block_on(self.context.runner.collect(view.plan.clone(), &self.view(tick)))?;
        let parts: Vec<ZBatch> =
            batches.into_iter().map(|b| Ok(ZBatch::new(conform(&b, &view.schema)?))).collect::<Result<_>>()?;
        Ok(ZBatch::concat(&view.schema, &parts)?)
    }

    /// A view's rows as stored, with what the tick has staged.
    pub(super) fn stored(&self, tick: &Tick, catalog: &Arc<Catalog>, id: i64) -> Result<ZBatch> {
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
        let rows = self.table_rows(&self.view(tick), &def)?;
        plain(&ZBatch::new(rows))
    }

    pub(super) fn table_rows(&self, view: &ReadView, def: &Arc<TableDef>) -> Result<RecordBatch> {
        let bound = crate::read::BoundTable {
            schema: def.arrow(),
            table: view.version.tables.get(&def.id).cloned(),
            staged: view.staged.get(&def.id).cloned(),
            row_ids: false,
            lookup: None,
        };
        Ok(bound.collect()?)
    }
}

/// A batch's columns cast to a view's types.
pub(crate) fn conform(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(c, f)| Ok(sluice_sql::cast_column(c, f.data_type())?))
        .collect::<Result<Vec<_>>>()?;
    Ok(with_row_count(Arc::clone(schema), columns, rows.num_rows())?)
}

/// The same rows with nullable columns and without metadata, as operators have them.
pub(crate) fn plain(rows: &ZBatch) -> Result<ZBatch> {
    let fields: Vec<Field> =
        rows.schema().fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    Ok(rows.map_rows(with_row_count(schema, rows.rows().columns().to_vec(), rows.len())?))
}

/// A view's staged changes, made if there are none yet.
pub(crate) fn staged_of<'a>(tick: &'a mut Tick, def: &TableDef) -> &'a mut Staged {
    tick.writes.tables.entry(def.id).or_insert_with(|| Staged::new(def.arrow()))
}
