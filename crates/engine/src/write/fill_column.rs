use super::assign::{Target, check_rows};
use super::insert::fill;
use super::update::{collect, quoted};
use crate::Context;
use crate::read::{ROW_ID, ReadView, Staged};
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use sluice_sql::Result;
use std::sync::Arc;

/// Gives the column at `position` its default in every row, evaluated row by row: what a new column with a volatile
/// default needs.
pub(crate) async fn fill_column(
    context: &Context,
    view: &ReadView,
    target: &Target,
    position: usize,
) -> Result<Staged> {
    let mut select = vec![ROW_ID.to_string()];
    select.extend(target.def.columns.iter().map(|c| quoted(&c.name)));
    let table = format!("{}.{}", quoted(&target.def.schema), quoted(&target.def.name));
    let query = format!("SELECT {} FROM {table} ORDER BY {ROW_ID}", select.join(", "));
    let query = crate::statement::parse_query(&query)?;
    let found = collect(context, view, &[], target, &query, &[]).await?;
    let ids = found.column(0).as_primitive::<Int64Type>().clone();
    let old: Vec<ArrayRef> = (1..found.num_columns()).map(|i| Arc::clone(found.column(i))).collect();
    let old = target.assign(old, found.num_rows())?;
    let kept = old.columns().iter().cloned().enumerate().filter(|(at, _)| *at != position).collect();
    let new = fill(context, view, target, kept, old.num_rows()).await?;
    check_rows(context, view, target, &new).await?;
    let mut staged = Staged::new(Arc::clone(&target.schema));
    staged.remove(&old, &ids)?;
    staged.add(new, ids);
    Ok(staged)
}
