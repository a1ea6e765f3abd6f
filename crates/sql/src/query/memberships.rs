//! `IN (SELECT ...)` and `EXISTS` where the planner takes NULL for false, or takes none at all. Where a condition of WHERE
//! is a chain of AND and OR, it has rules of its own for them, which circuits are built from; elsewhere their three values
//! are spelled out.

use crate::walk::{TreeMut, walk_mut};
use crate::{Result, SqlError};
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, UnaryOperator, VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Spells such subqueries out wherever they stand in `query`.
pub(crate) fn spell_out(query: &mut Query) -> Result<()> {
    walk_mut(TreeMut::Query(query), &mut Selects { names: 0 })
}

struct Selects {
    names: usize,
}

impl VisitorMut for Selects {
    type Break = SqlError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } = item {
                self.values(e, By::Counting)?;
            }
        }
        match &mut select.selection {
            Some(condition) => self.condition(condition, true),
            None => ControlFlow::Continue(()),
        }
    }
}

/// How a value is made of whether a subquery has rows.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// In a condition the planner joins.
    Existence,
    /// In a list of columns it can only join scalars.
    Counting,
}

impl Selects {
    /// A condition in which NULL counts as false; `all` as long as every part of it has to hold.
    fn condition(&mut self, expr: &mut Expr, all: bool) -> ControlFlow<SqlError> {
        match expr {
            Expr::Nested(inner) => self.condition(inner, all),
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                let all = all && *op == BinaryOperator::And;
                self.condition(left, all)?;
                self.condition(right, all)
            }
            Expr::InSubquery { negated: false, .. } | Expr::Exists { .. } => ControlFlow::Continue(()),
            Expr::InSubquery { negated: true, .. } if all => ControlFlow::Continue(()),
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } if all && is_membership(inner) => {
                ControlFlow::Continue(())
            }
            other => self.values(other, By::Existence),
        }
    }

    fn values(&mut self, expr: &mut Expr, by: By) -> ControlFlow<SqlError> {
        walk_mut(TreeMut::Expr(expr), &mut Values { selects: self, by, depth: 0 })
            .map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }
}

fn is_membership(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_membership(inner),
        Expr::InSubquery { negated, .. } => !negated,
        other => matches!(other, Expr::Exists { .. }),
    }
}

/// A query for the number of rows of a plain one. What it takes from outside stays in its own WHERE, where the planner
/// looks for it.
fn counted(query: &Query) -> Option<Query> {
    let mut query = query.clone();
    let plain = query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(by, with) if by.is_empty() && with.is_empty());
    // With an aggregate in its list it has a row always.
    let values = select.projection.iter().all(|item| match item {
        SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => {
            matches!(e, Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        _ => true,
    });
    if !(plain && ungrouped && values && select.having.is_none() && select.distinct.is_none()) {
        return None;
    }
    let count = Parser::new(&PostgreSqlDialect {}).try_with_sql("count(*)").ok()?.parse_expr().ok()?;
    select.projection = vec![SelectItem::UnnamedExpr(count)];
    query.order_by = None;
    Some(query)
}

/// Spells out the subqueries of one expression, not those inside them.
struct Values<'a> {
    selects: &'a mut Selects,
    by: By,
    depth: usize,
}

impl VisitorMut for Values<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let text = match expr {
            Expr::InSubquery { expr: value, .. } if matches!(value.as_ref(), Expr::Tuple(_)) => None,
            Expr::InSubquery { expr: value, subquery, negated } => Some(self.membership(value, subquery, *negated)),
            Expr::Exists { subquery, negated } if self.by == By::Counting => {
                let found = match counted(subquery) {
                    Some(count) => format!("(({count}) > 0)"),
                    None => self.exists(&subquery.to_string(), ""),
                };
                Some(format!("({}{found})", if *negated { "NOT " } else { "" }))
            }
            _ => None,
        };
        let Some(text) = text else { return ControlFlow::Continue(()) };
        match Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).and_then(|mut p| p.parse_expr()) {
            Ok(spelled) => {
                *expr = spelled;
                ControlFlow::Continue(())
            }
            Err(e) => ControlFlow::Break(SqlError::internal(e)),
        }
    }
}

impl Values<'_> {
    /// True if the value is among the rows; else unknown if there are rows and it is NULL, or if NULL is among them.
    fn membership(&mut self, value: &Expr, subquery: &Query, negated: bool) -> String {
        let rows = subquery.to_string();
        let found = self.exists(&rows, &format!("= ({value})"));
        let any = self.exists(&rows, "");
        let null = self.exists(&rows, "IS NULL");
        let (yes, no) = if negated { ("false", "true") } else { ("true", "false") };
        format!(
            "(CASE WHEN {found} THEN {yes} WHEN ({value}) IS NULL AND {any} THEN NULL WHEN {null} THEN NULL ELSE {no} END)"
        )
    }

    /// Whether the query has a row, or one whose only column is as `condition` says.
    fn exists(&mut self, rows: &str, condition: &str) -> String {
        self.selects.names += 1;
        let name = format!("__in_{}", self.selects.names);
        let (from, filter) = match condition {
            "" => (format!("({rows}) AS {name}"), String::new()),
            _ => (format!("({rows}) AS {name} ({name}_c)"), format!(" WHERE {name}_c {condition}")),
        };
        match self.by {
            By::Existence => format!("EXISTS (SELECT 1 FROM {from}{filter})"),
            By::Counting => format!("((SELECT count(*) FROM {from}{filter}) > 0)"),
        }
    }
}
