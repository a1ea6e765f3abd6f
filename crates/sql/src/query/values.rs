//! VALUES with subqueries, which are never run there: such rows become SELECTs, one a row.

use crate::walk::{Tree, each_body_mut, each_expr};
use crate::{Result, SqlError};
use sqlparser::ast::{Expr, Query, SetExpr, Values};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Rewrites every VALUES in `query` that has a subquery.
pub(crate) fn select_rows(query: &mut Query) -> Result<()> {
    each_body_mut(query, rewrite)
}

fn rewrite(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            rewrite(left)?;
            rewrite(right)
        }
        SetExpr::Values(values) if has_subquery(values) => {
            *body = *Parser::new(&PostgreSqlDialect {}).try_with_sql(&selects(values)?)?.parse_query()?.body;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn has_subquery(values: &Values) -> bool {
    let mut found = false;
    let mut look = |e: &Expr| found |= matches!(e, Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. });
    values.rows.iter().flat_map(|row| row.iter()).for_each(|cell| each_expr(Tree::Expr(cell), &mut look));
    found
}

fn selects(values: &Values) -> Result<String> {
    let width = values.rows.first().map_or(0, |row| row.len());
    if values.rows.iter().any(|row| row.len() != width) {
        return Err(SqlError::new("42601", "VALUES lists must all be the same length"));
    }
    let rows = values.rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(i, cell)| format!("{cell} AS column{}", i + 1));
        format!("SELECT {}", cells.collect::<Vec<_>>().join(", "))
    });
    Ok(rows.collect::<Vec<_>>().join(" UNION ALL "))
}
