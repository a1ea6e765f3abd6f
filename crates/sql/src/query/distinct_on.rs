//! `SELECT DISTINCT ON (keys) ... ORDER BY keys, others`: the first row of each group of keys, which the rows' numbers
//! within their groups tell.

use super::names::{fold, quoted_columns};
use crate::walk::{TreeMut, walk_mut};
use crate::{Result, SqlError};
use sqlparser::ast::{
    Distinct, Expr, Ident, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Value, VisitorMut,
};
use sqlparser::dialect::{GenericDialect, PostgreSqlDialect};
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Rewrites every DISTINCT ON in `query`.
pub(crate) fn number_rows(query: &mut Query) -> Result<()> {
    walk_mut(TreeMut::Query(query), &mut Rewriter)
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        match rewrite(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => ControlFlow::Break(e),
        }
    }
}

fn rewrite(query: &mut Query) -> Result<()> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return if on_below(&query.body) { Err(within_set_operation()) } else { Ok(()) };
    };
    let Some(Distinct::On(keys)) = &select.distinct else { return Ok(()) };
    let order = order(query.order_by.as_ref(), select)?;
    let keys: Vec<Expr> = keys.iter().map(|k| meant(k, select)).collect::<Result<_>>()?;
    let leading = order.iter().take(keys.len());
    if leading.clone().any(|o| !keys.contains(&o.expr)) {
        let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
        return Err(SqlError::new("42P10", message).hint("Begin ORDER BY with the expressions of DISTINCT ON."));
    }
    let mut inner = select.as_ref().clone();
    inner.distinct = None;
    let hidden: Vec<String> = (0..order.len()).map(|i| format!("__order_{i}")).collect();
    let list = |items: Vec<String>| items.join(", ");
    let by = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", list(shown(&order))) };
    let partition = list(keys.iter().map(ToString::to_string).collect());
    let mut extra: Vec<String> = vec![format!("row_number() OVER (PARTITION BY {partition}{by}) AS __first")];
    extra.extend(order.iter().zip(&hidden).map(|(o, name)| format!("{} AS {name}", o.expr)));
    inner.projection.extend(items(&extra)?);
    let columns = match quoted_columns(&query.body) {
        Some(columns) => columns.join(", "),
        None => format!("* EXCLUDE (__first{})", hidden.iter().map(|h| format!(", {h}")).collect::<String>()),
    };
    let text = format!("SELECT {columns} FROM ({inner}) AS __distinct WHERE __first = 1");
    let outer = Parser::new(&GenericDialect {}).try_with_sql(&text)?.parse_query()?;
    *query.body = *outer.body;
    query.order_by = (!order.is_empty()).then(|| outer_order(&order, &hidden));
    Ok(())
}

fn within_set_operation() -> SqlError {
    SqlError::unsupported(
        "DISTINCT ON directly in a set operation",
        "Put it into a subquery: SELECT * FROM (...) AS t.",
    )
}

fn on_below(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => matches!(select.distinct, Some(Distinct::On(_))),
        SetExpr::SetOperation { left, right, .. } => on_below(left) || on_below(right),
        _ => false,
    }
}

/// The same order over the names that its expressions got.
fn outer_order(order: &[OrderByExpr], names: &[String]) -> OrderBy {
    let named = order.iter().zip(names).map(|(o, name)| {
        let mut o = o.clone();
        o.expr = Expr::Identifier(Ident::new(name));
        o
    });
    OrderBy { kind: OrderByKind::Expressions(named.collect()), interpolate: None }
}

fn shown(order: &[OrderByExpr]) -> Vec<String> {
    order.iter().map(ToString::to_string).collect()
}

/// ORDER BY with numbers and names of output columns replaced by what they stand for.
fn order(order_by: Option<&OrderBy>, select: &Select) -> Result<Vec<OrderByExpr>> {
    let Some(order_by) = order_by else { return Ok(vec![]) };
    let OrderByKind::Expressions(order) = &order_by.kind else {
        return Err(SqlError::unsupported("ORDER BY ALL", "List the columns."));
    };
    let meant = order.iter().map(|o| {
        let mut o = o.clone();
        o.expr = meant(&o.expr, select)?;
        Ok(o)
    });
    meant.collect()
}

fn meant(expr: &Expr, select: &Select) -> Result<Expr> {
    let item = match expr {
        Expr::Value(v) => match &v.value {
            Value::Number(n, _) => {
                let position: usize = n.to_string().parse().unwrap_or(0);
                let wildcard =
                    |i: &SelectItem| matches!(i, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
                let plain = !select.projection.iter().take(position).any(wildcard);
                let item = position.checked_sub(1).and_then(|at| select.projection.get(at)).filter(|_| plain);
                Some(
                    item.ok_or_else(|| SqlError::new("42P10", format!("ORDER BY position {n} is not in select list")))?,
                )
            }
            _ => None,
        },
        Expr::Identifier(name) => select
            .projection
            .iter()
            .find(|item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if fold(alias) == fold(name))),
        _ => None,
    };
    Ok(match item {
        Some(SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. }) => e.clone(),
        _ => expr.clone(),
    })
}

fn items(texts: &[String]) -> Result<Vec<SelectItem>> {
    let text = format!("SELECT {}", texts.join(", "));
    let query = Parser::new(&PostgreSqlDialect {}).try_with_sql(&text)?.parse_query()?;
    match *query.body {
        SetExpr::Select(select) => Ok(select.projection),
        _ => Err(SqlError::internal("a select list is expected")),
    }
}
