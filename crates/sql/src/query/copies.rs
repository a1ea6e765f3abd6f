//! EXCEPT ALL and INTERSECT ALL, which the planner would plan without counting copies: each copy of a row gets its
//! number, and numbered rows are compared as sets.

use super::names::quoted_columns;
use crate::walk::each_body_mut;
use crate::{Result, SqlError};
use sqlparser::ast::{Query, SetExpr, SetOperator, SetQuantifier};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Rewrites every EXCEPT ALL and INTERSECT ALL in `query`.
pub(crate) fn number_copies(query: &mut Query) -> Result<()> {
    each_body_mut(query, rewrite)
}

fn rewrite(body: &mut SetExpr) -> Result<()> {
    let SetExpr::SetOperation { left, op, set_quantifier, right } = body else { return Ok(()) };
    rewrite(left)?;
    rewrite(right)?;
    if *set_quantifier != SetQuantifier::All || !matches!(op, SetOperator::Except | SetOperator::Intersect) {
        return Ok(());
    }
    let columns = quoted_columns(left).ok_or_else(|| {
        SqlError::unsupported(format!("{op} ALL of SELECT *"), "List the columns of the first SELECT.")
    })?;
    let list = columns.join(", ");
    let numbered = |side: &SetExpr, name: &str| {
        format!("SELECT {list}, row_number() OVER (PARTITION BY {list}) AS __copy FROM ({side}) AS {name} ({list})")
    };
    let text = format!(
        "SELECT {list} FROM (({}) {op} ({})) AS __copies",
        numbered(left, "__left"),
        numbered(right, "__right")
    );
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(&text)?.parse_query()?;
    *body = *parsed.body;
    Ok(())
}
