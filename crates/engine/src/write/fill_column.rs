//! Giving one column a value in every row that there is.

use super::assign::{Target, check_rows};
use super::insert::fill;
use super::update::{collect, quoted};
use crate::Context;
use crate::read::{ROW_ID, ReadView, Staged};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use sluice_sql::{Result, SqlError, SqlType};
use sqlparser::ast::Expr;
use std::sync::Arc;

/// Gives the column at `position` its default in every row, evaluated row by row: what a new column with a volatile
/// default needs.
pub(crate) async fn fill_column(
    context: &Context,
    view: &ReadView,
    target: &Target,
    position: usize,
) -> Result<Staged> {
    let (ids, old) = every_row(context, view, target).await?;
    let kept = old.columns().iter().cloned().enumerate().filter(|(at, _)| *at != position).collect();
    let new = fill(context, view, target, kept, old.num_rows()).await?;
    check_rows(context, view, target, &new).await?;
    rewritten(target, old, new, ids)
}

/// A value for every row of a table.
pub(crate) struct Values {
    ids: Int64Array,
    values: ArrayRef,
}

impl Values {
    pub(crate) fn has_nulls(&self) -> bool {
        self.values.null_count() > 0
    }
}

/// The values of a column, or of an expression over its row, as another type has them.
pub(crate) async fn convert_column(
    context: &Context,
    view: &ReadView,
    target: &Target,
    position: usize,
    ty: &SqlType,
    using: Option<&Expr>,
) -> Result<Values> {
    let column = &target.def.columns[position];
    let expr = using.map_or_else(|| quoted(&column.name), ToString::to_string);
    let found = rows(context, view, target, &format!("({expr}) AS __value")).await?;
    let schema = found.schema();
    let is_literal = matches!(using, Some(Expr::Value(_)));
    if !is_literal && using.is_some() && !ty.is_assigned_from(&SqlType::of_field(schema.field(1))) {
        let message = format!(
            "result of USING clause for column \"{}\" cannot be cast automatically to type {}",
            column.name,
            ty.name()
        );
        return Err(SqlError::new("42804", message).hint("You might need to add an explicit cast."));
    }
    let new = crate::catalog::ColumnDef { ty: ty.clone(), ..column.clone() };
    let values = target.assign_one(found.column(1), &new)?;
    Ok(Values { ids: found.column(0).as_primitive::<Int64Type>().clone(), values })
}

/// Puts a value of its own into the column at `position` of every row.
pub(crate) async fn put_column(
    context: &Context,
    view: &ReadView,
    target: &Target,
    position: usize,
    values: Values,
) -> Result<Staged> {
    let (ids, old) = every_row(context, view, target).await?;
    if ids != values.ids {
        return Err(SqlError::internal("rows changed while they were converted"));
    }
    let mut columns = old.columns().to_vec();
    columns[position] = values.values;
    let new = sluice_zset::with_row_count(Arc::clone(&target.schema), columns, old.num_rows())?;
    rewritten(target, old, new, ids)
}

/// All rows, with their numbers.
async fn every_row(context: &Context, view: &ReadView, target: &Target) -> Result<(Int64Array, RecordBatch)> {
    let columns: Vec<String> = target.def.columns.iter().map(|c| quoted(&c.name)).collect();
    let found = rows(context, view, target, &columns.join(", ")).await?;
    let ids = found.column(0).as_primitive::<Int64Type>().clone();
    let columns: Vec<ArrayRef> = found.columns()[1..].to_vec();
    Ok((ids, target.assign(columns, found.num_rows())?))
}

/// The number of each row, and what is asked of it.
async fn rows(context: &Context, view: &ReadView, target: &Target, items: &str) -> Result<RecordBatch> {
    let table = format!("{}.{}", quoted(&target.def.schema), quoted(&target.def.name));
    let query = format!("SELECT {ROW_ID}, {items} FROM {table} ORDER BY {ROW_ID}");
    collect(context, view, &[], target, &crate::statement::parse_query(&query)?, &[]).await
}

fn rewritten(target: &Target, old: RecordBatch, new: RecordBatch, ids: Int64Array) -> Result<Staged> {
    let mut staged = Staged::new(Arc::clone(&target.schema));
    staged.remove(&old, &ids)?;
    staged.add(new, ids);
    Ok(staged)
}
