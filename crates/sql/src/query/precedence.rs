//! The parser takes everything after IS [NOT] DISTINCT FROM as its right side; PostgreSQL ends that side before AND
//! and OR.

use crate::SqlError;
use crate::walk::{TreeMut, walk_mut};
use sqlparser::ast::{BinaryOperator, Expr, Query, VisitorMut};
use std::ops::ControlFlow;

/// Regroups every IS [NOT] DISTINCT FROM in `query`.
pub(crate) fn regroup(query: &mut Query) {
    let _ = walk_mut(TreeMut::Query(query), &mut Regroup);
}

struct Regroup;

impl VisitorMut for Regroup {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        regroup_expr(expr);
        ControlFlow::Continue(())
    }
}

/// `a IS DISTINCT FROM (b AND c)`, which had no parentheses, becomes `(a IS DISTINCT FROM b) AND c`.
fn regroup_expr(expr: &mut Expr) {
    let (Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right)) = &mut *expr else { return };
    let Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. } = right.as_ref() else { return };
    let mut joined = std::mem::replace(right.as_mut(), Expr::Value(sqlparser::ast::Value::Null.into()));
    let Some(first) = leftmost(&mut joined) else { return };
    let operand = std::mem::replace(first, Expr::Value(sqlparser::ast::Value::Null.into()));
    let mut comparison = std::mem::replace(expr, Expr::Value(sqlparser::ast::Value::Null.into()));
    if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = &mut comparison {
        **right = operand;
    }
    if let Some(first) = leftmost(&mut joined) {
        *first = comparison;
    }
    *expr = joined;
}

/// The first operand of a chain of AND and OR.
fn leftmost(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, .. } => {
            if matches!(left.as_ref(), Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. }) {
                leftmost(left)
            } else {
                Some(left)
            }
        }
        _ => None,
    }
}
