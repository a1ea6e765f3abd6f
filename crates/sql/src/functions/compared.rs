//! Values whose order or equality differs from Arrow's are compared by a key of each.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Case, Expr, ExprSchemable, Operator};

/// Puts a key in the place of each value of such a type that `expr` compares.
pub(super) fn by_key(
    expr: Expr,
    schema: &DFSchema,
    has_key: fn(&DataType) -> bool,
    keyed: fn(Expr) -> Expr,
) -> Result<Transformed<Expr>> {
    let key = |e: Box<Expr>| Box::new(keyed(*e));
    let is = |e: &Expr| e.get_type(schema).is_ok_and(|t| has_key(&t));
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) && is(&left) && is(&right) => {
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: key(left), op, right: key(right) }))
        }
        Expr::Between(Between { expr, negated, low, high }) if is(&expr) => {
            Transformed::yes(Expr::Between(Between { expr: key(expr), negated, low: key(low), high: key(high) }))
        }
        Expr::InList(InList { expr, list, negated }) if is(&expr) => {
            let list = list.into_iter().map(keyed).collect();
            Transformed::yes(Expr::InList(InList { expr: key(expr), list, negated }))
        }
        Expr::Case(Case { expr: Some(of), when_then_expr, else_expr }) if is(&of) => {
            let when_then_expr = when_then_expr.into_iter().map(|(when, then)| (key(when), then)).collect();
            Transformed::yes(Expr::Case(Case { expr: Some(key(of)), when_then_expr, else_expr }))
        }
        Expr::ScalarFunction(f) if f.name() == "nullif" && f.args.iter().all(is) && f.args.len() == 2 => {
            let equal = Expr::BinaryExpr(BinaryExpr {
                left: key(Box::new(f.args[0].clone())),
                op: Operator::Eq,
                right: key(Box::new(f.args[1].clone())),
            });
            let null = ScalarValue::try_new_null(&f.args[0].get_type(schema)?)?;
            Transformed::yes(Expr::Case(Case {
                expr: None,
                when_then_expr: vec![(Box::new(equal), Box::new(Expr::Literal(null, None)))],
                else_expr: f.args.into_iter().next().map(Box::new),
            }))
        }
        Expr::ScalarFunction(f) if matches!(f.name(), "greatest" | "least") && f.args.iter().all(is) => {
            let better = if f.name() == "greatest" { Operator::GtEq } else { Operator::LtEq };
            Transformed::yes(
                f.args.into_iter().rev().reduce(|best, one| chosen(one, best, better, keyed)).unwrap_or_default(),
            )
        }
        other => Transformed::no(other),
    })
}

/// The better one of two, or the one that is there.
fn chosen(one: Expr, other: Expr, better: Operator, keyed: fn(Expr) -> Expr) -> Expr {
    let key = |e: &Expr| Box::new(keyed(e.clone()));
    let wins = Expr::BinaryExpr(BinaryExpr { left: key(&one), op: better, right: key(&other) });
    let wins = wins.or(other.clone().is_null());
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(wins), Box::new(one))],
        else_expr: Some(Box::new(other)),
    })
}

pub(super) fn compares(op: Operator) -> bool {
    use Operator as O;
    matches!(op, O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq | O::IsDistinctFrom | O::IsNotDistinctFrom)
}
