//! Plan rewrites that give operators and literals PostgreSQL's types and checks.

use super::arithmetic::Arithmetic;
use super::cast::Cast;
use super::compared::by_key;
use super::{float_key, interval_key};
use crate::SqlType;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// An integer literal is an integer where it fits, a bigint otherwise; beside a float, a numeric is a float. Runs before
/// types are coerced.
#[derive(Debug)]
pub(crate) struct IntegerLiterals;

impl AnalyzerRule for IntegerLiterals {
    fn name(&self) -> &str {
        "integer_literals"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite(plan, InValues::Keep, |e, schema| {
            Ok(match e {
                Expr::Literal(ScalarValue::Int64(Some(v)), m) if i32::try_from(v).is_ok() => {
                    Transformed::yes(Expr::Literal(ScalarValue::Int32(Some(v as i32)), m))
                }
                Expr::ScalarFunction(f) => match super::pg_typeof::known(&f, schema) {
                    Some(name) => Transformed::yes(name),
                    None => Transformed::no(Expr::ScalarFunction(f)),
                },
                // Ranks and row numbers count without a sign, PostgreSQL's are bigint.
                Expr::Column(_) if e.get_type(schema).is_ok_and(|t| t == DataType::UInt64) => {
                    let cast = datafusion::logical_expr::Cast::new(Box::new(e), DataType::Int64);
                    Transformed::yes(Expr::Cast(cast))
                }
                Expr::BinaryExpr(BinaryExpr { left, op, right }) if !matches!(op, Operator::And | Operator::Or) => {
                    let (left, right) = both_floats(*left, *right, schema);
                    Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) }))
                }
                Expr::Between(Between { expr, negated, low, high }) => {
                    let (expr, low) = both_floats(*expr, *low, schema);
                    let (expr, high) = both_floats(expr, *high, schema);
                    let interval = expr.get_type(schema).is_ok_and(|t| matches!(t, DataType::Interval(_)));
                    let bound = |e: Expr| Box::new(if interval { interval_of_text(e) } else { e });
                    let (low, high) = (bound(low), bound(high));
                    Transformed::yes(Expr::Between(Between { expr: Box::new(expr), negated, low, high }))
                }
                e => Transformed::no(e),
            })
        })
    }
}

/// A numeric beside a float becomes a float, as in PostgreSQL; the other way round NaN could not be compared.
fn both_floats(left: Expr, right: Expr, schema: &DFSchema) -> (Expr, Expr) {
    let is_float = |e: &Expr| e.get_type(schema).is_ok_and(|t| t.is_floating());
    let is_decimal = |e: &Expr| e.get_type(schema).is_ok_and(|t| t.is_decimal());
    let float = |e: Expr| Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(e), DataType::Float64));
    if is_float(&left) && is_decimal(&right) {
        return (left, float(right));
    }
    if is_decimal(&left) && is_float(&right) {
        return (float(left), right);
    }
    same_times(left, right, schema)
}

fn interval_of_text(expr: Expr) -> Expr {
    match &expr {
        Expr::Literal(v, _) if v.data_type().is_string() => {
            Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(expr), SqlType::Interval.arrow()))
        }
        _ => expr,
    }
}

/// A date beside a timestamp is one, and a timestamp beside a timestamptz too: the planner would compare nanoseconds,
/// which end in 2262.
fn same_times(left: Expr, right: Expr, schema: &DFSchema) -> (Expr, Expr) {
    let rank = |e: &Expr| match e.get_type(schema) {
        Ok(DataType::Date32) => Some((0, DataType::Date32)),
        Ok(ty @ DataType::Timestamp(TimeUnit::Microsecond, None)) => Some((1, ty)),
        Ok(ty @ DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => Some((2, ty)),
        _ => None,
    };
    let cast = |e: Expr, ty| Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(e), ty));
    match (rank(&left), rank(&right)) {
        (Some((l, _)), Some((r, ty))) if l < r => (cast(left, ty), right),
        (Some((l, ty)), Some((r, _))) if l > r => (left, cast(right, ty)),
        _ => (left, right),
    }
}

/// An aggregate whose result depends on the order of its input gets one where the query names none, so that every way
/// to compute it gives the same result.
#[derive(Debug)]
pub(crate) struct OrderedAggregates;

impl AnalyzerRule for OrderedAggregates {
    fn name(&self) -> &str {
        "ordered_aggregates"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite(plan, InValues::Keep, |e, _| {
            Ok(match e {
                Expr::AggregateFunction(mut f)
                    if matches!(f.func.name(), "string_agg" | "array_agg") && f.params.order_by.is_empty() =>
                {
                    f.params.order_by = f.params.args.iter().take(1).map(|a| a.clone().sort(true, false)).collect();
                    Transformed::yes(Expr::AggregateFunction(f))
                }
                e => Transformed::no(e),
            })
        })
    }
}

/// Arithmetic and casts become checked functions. Runs after types are coerced, when operands have their types.
#[derive(Debug)]
pub(crate) struct CheckedOperators;

impl AnalyzerRule for CheckedOperators {
    fn name(&self) -> &str {
        "checked_operators"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite(plan, InValues::Rewrite, checked)
    }
}

fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_arithmetic(op) => {
            let (l, r) = (left.get_type(schema)?, right.get_type(schema)?);
            if !(l.is_numeric() && r.is_numeric()) {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            Ok(Transformed::yes(call(Arithmetic::new(op), vec![*left, *right])))
        }
        Expr::Negative(inner) if inner.get_type(schema)?.is_integer() => {
            let zero = ScalarValue::new_zero(&inner.get_type(schema)?)?;
            let zero = Expr::Literal(zero, None);
            Ok(Transformed::yes(call(Arithmetic::new(Operator::Minus), vec![zero, *inner])))
        }
        Expr::Cast(cast) => {
            let from = cast.expr.get_type(schema)?;
            let to = cast.field.data_type().clone();
            if from == DataType::Null || !Cast::differs(&from, &to) {
                return Ok(Transformed::no(Expr::Cast(cast)));
            }
            Ok(Transformed::yes(call(Cast::new(to), vec![*cast.expr])))
        }
        Expr::Like(like) if super::like::is_ours(&like) => Ok(Transformed::yes(super::like::call(like))),
        other => by_key(other, schema, DataType::is_floating, float_key::keyed)?
            .transform_data(|e| by_key(e, schema, interval_key::has_key, interval_key::keyed)),
    }
}

fn is_arithmetic(op: Operator) -> bool {
    matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
}

fn call(function: impl datafusion::logical_expr::ScalarUDFImpl + 'static, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), args))
}

/// What a rewrite does with the expressions of VALUES.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum InValues {
    Keep,
    Rewrite,
}

/// Rewrites the expressions of every node, inputs first, and keeps the names of output columns.
pub(super) fn rewrite(
    plan: LogicalPlan,
    in_values: InValues,
    change: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>> + Copy,
) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        // LIMIT takes bigint, and the types of VALUES were fixed when it was planned.
        let is_values = matches!(node, LogicalPlan::Values(_));
        if matches!(node, LogicalPlan::Limit(_)) || (is_values && in_values == InValues::Keep) {
            return Ok(Transformed::no(node));
        }
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = &node {
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
        }
        let names = NamePreserver::new(&node);
        let mapped = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let changed = expr.transform_up(|e| change(e, &schema))?;
            Ok(changed.update_data(|e| name.restore(e)))
        })?;
        // A changed input may have changed types too, so every schema is computed anew.
        if is_values { Ok(mapped) } else { mapped.map_data(LogicalPlan::recompute_schema) }
    })?;
    Ok(rewritten.data)
}
