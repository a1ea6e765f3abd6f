//! Plans name tables by handles; before a plan runs, the handles are bound to the rows of one view.

use super::lookup::LookupSource;
use super::{BoundTable, ROW_ID, ReadView};
use crate::catalog::TableDef;
use crate::context::Indexes;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Constraint, Constraints};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableScan, TableSource};
use sluice_lake::{TableInfo, TableVersion};
use sluice_sql::{Result, SqlError};
use std::borrow::Cow;
use std::sync::Arc;

/// A stored table as planning sees it: its columns and its key, but no rows.
#[derive(Debug)]
pub(crate) struct TableHandle {
    pub(crate) def: Arc<TableDef>,
    schema: SchemaRef,
    constraints: Constraints,
    row_ids: bool,
    /// Its rows of an older snapshot, whatever the view shows.
    past: Option<Arc<TableVersion>>,
}

impl TableHandle {
    pub(crate) fn new(def: Arc<TableDef>, row_ids: bool) -> Self {
        let key = def.row_key().map(<[usize]>::to_vec);
        // A key of a maintained view holds by construction, a primary key because it is enforced.
        let constraints = key.filter(|k| !k.is_empty()).map(|k| vec![Constraint::PrimaryKey(k)]).unwrap_or_default();
        let schema = if row_ids { with_row_id(&def.arrow()) } else { def.arrow() };
        Self { def, schema, constraints: Constraints::new_unverified(constraints), row_ids, past: None }
    }

    /// The table as of an older snapshot.
    pub(crate) fn of_past(def: Arc<TableDef>, rows: Arc<TableVersion>) -> Self {
        Self { past: Some(rows), ..Self::new(def, false) }
    }
}

/// The columns of a table and the number of each row behind them.
pub(crate) fn with_row_id(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(Field::new(ROW_ID, DataType::Int64, true));
    Arc::new(Schema::new(fields))
}

impl TableSource for TableHandle {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        Some(&self.constraints)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> datafusion::error::Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Unsupported; filters.len()])
    }
}

/// A plain view: its plan stands where its name stood.
pub(crate) struct ViewSource {
    plan: LogicalPlan,
    schema: SchemaRef,
}

impl ViewSource {
    pub(crate) fn new(plan: LogicalPlan, schema: SchemaRef) -> Self {
        Self { plan, schema }
    }
}

impl TableSource for ViewSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}

/// Puts the rows of `view` behind every handle of `plan`; without `indexes` nothing is looked up.
pub(crate) fn bind(plan: LogicalPlan, view: &ReadView, indexes: Option<&Arc<Indexes>>) -> Result<LogicalPlan> {
    let bound = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::TableScan(scan) => match scan.source.downcast_ref::<TableHandle>() {
            Some(handle) => {
                let table = BoundTable::new(view, handle, indexes)
                    .map_err(|e| datafusion::error::DataFusionError::External(Box::new(e)))?;
                let source = provider_as_source(Arc::new(table));
                Ok(Transformed::yes(LogicalPlan::TableScan(TableScan { source, ..scan })))
            }
            None => Ok(Transformed::no(LogicalPlan::TableScan(scan))),
        },
        other => Ok(Transformed::no(other)),
    })?;
    Ok(bound.data)
}

impl BoundTable {
    fn new(view: &ReadView, handle: &TableHandle, indexes: Option<&Arc<Indexes>>) -> Result<Self> {
        let schema = Arc::clone(&handle.schema);
        if let Some(past) = &handle.past {
            let table = Some(Arc::clone(past));
            return Ok(BoundTable { schema, table, staged: None, row_ids: false, lookup: None });
        }
        let table = view.version.tables.get(&handle.def.id).cloned();
        let staged = view.staged.get(&handle.def.id).cloned();
        if let Some(table) = &table {
            refuse_other_columns(&handle.def, table)?;
        }
        if table.is_none() && staged.is_none() {
            return Err(SqlError::new("42P01", format!("relation \"{}\" is gone", handle.def.name))
                .hint("It was dropped meanwhile; run the statement again."));
        }
        let (table_id, snapshot) = (handle.def.id, view.version.snapshot);
        let indexes = indexes.filter(|_| !view.version.altered.contains(&table_id));
        let lookup = indexes.map(|i| LookupSource { indexes: Arc::clone(i), table: table_id, snapshot });
        Ok(BoundTable { schema, table, staged, row_ids: handle.row_ids, lookup })
    }
}

/// Whether a stored table has the columns that its definition says.
pub(crate) fn same_columns(def: &TableDef, info: &TableInfo) -> bool {
    def.columns.iter().map(|c| c.id).eq(info.columns.iter().map(|c| c.id))
}

/// Another program may have altered a table; its rows are not what the definition says then.
fn refuse_other_columns(def: &TableDef, table: &TableVersion) -> Result<()> {
    if same_columns(def, &table.info) {
        return Ok(());
    }
    let message = format!("the columns of \"{}\" are not those of its definition", def.name);
    Err(SqlError::new("55000", message).detail("Another program altered it.").hint("Undo that with the other program."))
}
