//! What Sluice says of itself, as tables: the schema `sluice`, and the functions of `pgtrickle` over it.

mod explain;
pub(crate) mod pg;
mod rows;
mod snapshots;
mod views;

use crate::Engine;
use crate::read::ReadView;
use arrow::array::RecordBatch;
use datafusion::logical_expr::Expr;
use sluice_sql::Result;

/// The rows of a system table, if there is one of that name.
pub(crate) fn table(engine: &Engine, view: &ReadView, schema: Option<&str>, name: &str) -> Result<Option<RecordBatch>> {
    match (schema, name) {
        (Some("sluice"), "status") => views::status(engine, view).map(Some),
        (Some("sluice"), "dependencies") => views::dependencies(view).map(Some),
        (Some("sluice"), "snapshots") => snapshots::snapshots(engine, view).map(Some),
        (Some("sluice"), "history") => views::history(engine, view, None, 10_000).map(Some),
        _ => Ok(None),
    }
}

/// The rows of a function in FROM, if there is one of that name.
pub(crate) fn function(engine: &Engine, view: &ReadView, name: &str, args: &[Expr]) -> Result<Option<RecordBatch>> {
    let text = |i: usize| match args.get(i) {
        Some(Expr::Literal(value, _)) => value.try_as_str().flatten().map(str::to_string),
        _ => None,
    };
    let number = |i: usize| match args.get(i) {
        Some(Expr::Literal(value, _)) => value.to_string().parse::<usize>().ok(),
        _ => None,
    };
    match name.strip_prefix("pgtrickle.").or_else(|| name.strip_prefix("sluice.")) {
        Some("pgt_status") => views::pgt_status(engine, view).map(Some),
        Some("dependency_tree") => views::dependency_tree(engine, view, text(0).as_deref()).map(Some),
        Some("explain") => explain::explain(engine, view, text(0).as_deref()).map(Some),
        Some("explain_st") => explain::explain_st(engine, view, text(0).as_deref()).map(Some),
        Some("health_check") => views::health_check(engine, view).map(Some),
        Some("get_refresh_history") => {
            views::history(engine, view, text(0).as_deref(), number(1).unwrap_or(20)).map(Some)
        }
        _ => Ok(None),
    }
}
