use super::Target;
use crate::Context;
use crate::read::{Names, ReadView};
use arrow::array::RecordBatch;
use sluice_sql::{Result, SqlType};
use sqlparser::ast::{Ident, ObjectName, Query, SelectItem};

/// What RETURNING asks for, over the rows as they were stored (or deleted).
pub(crate) async fn returning(
    context: &Context,
    view: &ReadView,
    path: &[String],
    target: &Target,
    alias: Option<&Ident>,
    items: &[SelectItem],
    rows: RecordBatch,
) -> Result<(Vec<(String, SqlType)>, Vec<RecordBatch>)> {
    let mut names = Names::new(view, context, path);
    names.instead = Some((target.def.name.clone(), rows));
    let table = ObjectName::from(vec![Ident::with_quote('"', &target.def.name)]);
    let query = select(items.to_vec(), table, alias)?;
    let planned = context.planner.plan(&query, &names, &[])?;
    let batches = context.runner.collect(planned.plan, view).await?;
    Ok((planned.columns, batches))
}

/// `SELECT items FROM table [alias]`.
fn select(items: Vec<SelectItem>, table: ObjectName, alias: Option<&Ident>) -> Result<Query> {
    let alias = alias.map_or(String::new(), |a| format!(" AS {a}"));
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    crate::statement::parse_query(&format!("SELECT {} FROM {table}{alias}", items.join(", ")))
}
