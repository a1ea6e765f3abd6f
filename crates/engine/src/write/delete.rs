use super::returning::returning;
use super::update::{alias_ident, collect, list, quoted, target};
use super::{Changed, WriteSet};
use crate::Context;
use crate::read::{ROW_ID, ReadView, Staged};
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use sluice_sql::{Result, SqlError};
use sqlparser::ast::{Delete, FromTable, Query, With};
use std::sync::Arc;

/// DELETE: a query for row number and row, which are then staged as gone.
pub(crate) async fn delete(
    context: &Context,
    view: &ReadView,
    path: &[String],
    delete: &Delete,
    with: Option<&With>,
    params: &[ScalarValue],
) -> Result<Changed> {
    let Delete {
        delete_token: _,
        optimizer_hints: _,
        tables,
        from,
        using,
        selection,
        returning: items,
        output,
        order_by,
        limit,
    } = delete;
    if !tables.is_empty() || output.is_some() || !order_by.is_empty() || limit.is_some() {
        return Err(SqlError::unsupported("this clause of another SQL dialect", "Write DELETE as PostgreSQL has it."));
    }
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
    let [table] = from.as_slice() else {
        return Err(SqlError::new("42601", "DELETE changes one table; name the others after USING"));
    };
    let (target, alias) = target(view, path, table)?;
    let alias = quoted(&alias);
    let mut select = vec![format!("{alias}.{ROW_ID}")];
    select.extend(target.def.columns.iter().map(|c| format!("{alias}.{}", quoted(&c.name))));
    let using = using.as_ref().map_or(String::new(), |u| list(u));
    let condition = selection.as_ref().map_or(String::new(), |s| format!(" WHERE {s}"));
    let distinct = if using.is_empty() { "" } else { "DISTINCT " };
    let query = format!("SELECT {distinct}{} FROM {table}{using}{condition}", select.join(", "));
    let query = Query { with: with.cloned(), ..crate::statement::parse_query(&query)? };
    let found = collect(context, view, path, &target, &query, params).await?;
    let ids = found.column(0).as_primitive::<Int64Type>().clone();
    let old: Vec<ArrayRef> = (1..found.num_columns()).map(|i| Arc::clone(found.column(i))).collect();
    let old = target.assign(old, found.num_rows())?;
    let mut staged = Staged::new(Arc::clone(&target.schema));
    staged.remove(&old, &ids)?;
    let rows = old.num_rows();
    let returning = match items {
        None => None,
        Some(items) => Some(returning(context, view, path, &target, alias_ident(table), items, old).await?),
    };
    let mut writes = WriteSet::default();
    writes.tables.insert(target.def.id, staged);
    Ok(Changed { writes, rows, returning })
}
