//! Giving a value to a column: assignment casts, and the checks of one row.

use crate::Context;
use crate::catalog::{ColumnDef, TableDef};
use crate::read::{Names, ReadView};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use sluice_sql::{Result, SqlError, Zone, assign_in_zone, cast_column};
use sluice_zset::with_row_count;
use std::sync::Arc;

/// The table that a statement changes.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) def: Arc<TableDef>,
    pub(crate) schema: SchemaRef,
    /// The time zone that values are read in.
    pub(crate) zone: Zone,
}

impl Target {
    pub(crate) fn new(def: Arc<TableDef>) -> Result<Self> {
        if def.parts().is_none() {
            let kind = def.kind_name();
            return Err(SqlError::new("42809", format!("cannot change {kind} \"{}\"", def.name))
                .hint("It follows from its query: change the tables it reads, and it follows."));
        }
        Ok(Self::of(def))
    }

    /// Any object that has rows.
    pub(crate) fn of(def: Arc<TableDef>) -> Self {
        Self { schema: def.arrow(), def, zone: Zone::Utc }
    }

    /// The same, for values of a session.
    pub(crate) fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// The columns cast to the table's types, as an assignment does it.
    pub(crate) fn assign(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let cast = columns.iter().zip(&self.def.columns).map(|(c, d)| self.assign_one(c, d));
        Ok(with_row_count(Arc::clone(&self.schema), cast.collect::<Result<Vec<_>>>()?, rows)?)
    }

    /// The same for one column.
    pub(super) fn assign_one(&self, values: &ArrayRef, column: &ColumnDef) -> Result<ArrayRef> {
        if !column.ty.takes(values.data_type()) {
            let (to, from) = (column.ty.name(), sluice_sql::SqlType::of_arrow(values.data_type()).name());
            let message = format!("column \"{}\" is of type {to} but expression is of type {from}", column.name);
            return Err(SqlError::new("42804", message).hint("You will need to rewrite or cast the expression."));
        }
        assign_in_zone(values, &column.ty, self.zone).map_err(|e| e.named(&column.name))
    }
}

/// An error that also names the column.
trait Named {
    fn named(self, column: &str) -> Self;
}

impl Named for SqlError {
    fn named(self, column: &str) -> Self {
        if self.detail.is_some() { self } else { self.detail(format!("It was to be stored in column \"{column}\".")) }
    }
}

/// NOT NULL and CHECK of rows about to be stored.
pub(crate) async fn check_rows(context: &Context, view: &ReadView, target: &Target, rows: &RecordBatch) -> Result<()> {
    for (column, def) in rows.columns().iter().zip(&target.def.columns) {
        if def.not_null && column.null_count() > 0 {
            let row = (0..column.len()).find(|&i| column.is_null(i)).unwrap_or(0);
            let message = format!(
                "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                def.name, target.def.name
            );
            return Err(SqlError::new("23502", message).detail(failing(rows, row)));
        }
    }
    let Some(parts) = target.def.parts() else { return Ok(()) };
    for check in &parts.checks {
        let values = evaluate(context, view, target, rows, &check.condition).await?;
        let values = cast_column(&values, &arrow::datatypes::DataType::Boolean)?;
        let values = values.as_boolean();
        if let Some(row) = (0..values.len()).find(|&i| values.is_valid(i) && !values.value(i)) {
            let message =
                format!("new row for relation \"{}\" violates check constraint \"{}\"", target.def.name, check.name);
            return Err(SqlError::new("23514", message)
                .detail(failing(rows, row))
                .constraint(&target.def.name, &check.name));
        }
    }
    Ok(())
}

pub(crate) fn failing(rows: &RecordBatch, row: usize) -> String {
    format!("Failing row contains {}.", sluice_flow::row_text(rows, row))
}

/// The values of an expression over rows of the table.
pub(crate) async fn evaluate(
    context: &Context,
    view: &ReadView,
    target: &Target,
    rows: &RecordBatch,
    expr: &str,
) -> Result<ArrayRef> {
    let plan = plan_values(context, view, target, rows, expr)?;
    let batches = context.runner.collect(plan, view).await?;
    let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(0).as_ref()).collect();
    Ok(arrow::compute::concat(&parts)?)
}

/// Whether an expression without columns may have another value for each row.
pub(crate) fn is_volatile(context: &Context, view: &ReadView, target: &Target, expr: &str) -> Result<bool> {
    let none = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
    Ok(sluice_sql::refuse_volatile(&plan_values(context, view, target, &none, expr)?).is_err())
}

fn plan_values(
    context: &Context,
    view: &ReadView,
    target: &Target,
    rows: &RecordBatch,
    expr: &str,
) -> Result<LogicalPlan> {
    let expr = crate::statement::parse_expr(expr)?;
    let path = ["main".to_string()];
    let names = Names::new(view, context, &path);
    let schema = DFSchema::try_from_qualified_schema(target.def.name.as_str(), &target.schema)?;
    let expr = context.planner.plan_expr(&expr, &schema, &names)?;
    let source = crate::read::rows_source(rows.clone())?;
    let plan = LogicalPlanBuilder::scan(target.def.name.as_str(), source, None)?.project(vec![expr])?.build()?;
    context.planner.analyze(plan, view.zone)
}
