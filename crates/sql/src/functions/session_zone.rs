//! Puts the time zone of a session or a view into everything of its plan that depends on it, so that the plan means the
//! same wherever and whenever it runs. With UTC there is nothing to do.

use super::rewrite::{InValues, rewrite};
use super::zoned::{AtTimeZone, InZone, LOCAL, What, depends, is_zoned, zoned};
use crate::error::external;
use crate::zone::Zone;
use crate::{SqlError, types::UTC};
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions::datetime::expr_fn::now;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// Runs after types are coerced, when every cast is spelled out.
#[derive(Debug)]
pub(crate) struct SessionZone(pub(crate) Zone);

impl AnalyzerRule for SessionZone {
    fn name(&self) -> &str {
        "session_zone"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let zone = self.0;
        rewrite(plan, InValues::Rewrite, |expr, schema| in_zone(expr, schema, zone))
    }
}

fn in_zone(expr: Expr, schema: &DFSchema, zone: Zone) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Cast(cast) if depends(&cast.expr.get_type(schema)?, cast.field.data_type()) => {
            Transformed::yes(call(What::Cast(cast.field.data_type().clone()), zone, vec![*cast.expr]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right }) => {
            let is_interval = |e: &Expr| e.get_type(schema).is_ok_and(|t| matches!(t, DataType::Interval(_)));
            let has_zone = |e: &Expr| e.get_type(schema).is_ok_and(|t| is_zoned(&t));
            let negative = op == Operator::Minus;
            if has_zone(&left) && is_interval(&right) && counts_days(&right) {
                let ty = left.get_type(schema)?;
                Transformed::yes(typed(call(What::Add { negative }, zone, vec![*left, *right]), ty))
            } else if !negative && is_interval(&left) && has_zone(&right) && counts_days(&left) {
                let ty = right.get_type(schema)?;
                Transformed::yes(typed(call(What::Add { negative }, zone, vec![*right, *left]), ty))
            } else {
                Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))
            }
        }
        Expr::ScalarFunction(function) => of_function(function, schema, zone)?,
        other => Transformed::no(other),
    })
}

/// Hours are as long everywhere.
fn counts_days(interval: &Expr) -> bool {
    !matches!(interval, Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(i)), _) if i.months == 0 && i.days == 0)
}

fn of_function(mut function: ScalarFunction, schema: &DFSchema, zone: Zone) -> Result<Transformed<Expr>> {
    let local = |e: &Expr| call(What::Cast(LOCAL), zone, vec![e.clone()]);
    let instant = |e: Expr| call(What::Cast(zoned()), zone, vec![e]);
    let second = function.args.get(1).map(|a| a.get_type(schema)).transpose()?;
    let of_zoned = second.as_ref().is_some_and(is_zoned);
    let field = function.args.first().and_then(text).map(|t| t.to_lowercase());
    match function.name() {
        "date_trunc" if of_zoned => {
            let unit = match field.as_deref() {
                Some("hour" | "hours") => 3_600_000_000,
                Some("minute" | "minutes") => 60_000_000,
                Some("second" | "seconds") => 1_000_000,
                Some("millisecond" | "milliseconds") => 1_000,
                Some("microsecond" | "microseconds") => 1,
                _ => 0,
            };
            let cut = if unit == 0 {
                function.args[1] = local(&function.args[1]);
                instant(Expr::ScalarFunction(function))
            } else {
                call(What::Truncate(unit), zone, vec![function.args.swap_remove(1)])
            };
            Ok(Transformed::yes(typed(cut, second.unwrap_or_else(zoned))))
        }
        "date_part" | "extract" if of_zoned && field.as_deref() != Some("epoch") => {
            function.args[1] = local(&function.args[1]);
            Ok(Transformed::yes(Expr::ScalarFunction(function)))
        }
        "to_char" if function.args.first().is_some_and(|a| a.get_type(schema).is_ok_and(|t| is_zoned(&t))) => {
            let pattern = function.args.get(1).and_then(text).map(|p| p.to_uppercase());
            if pattern.is_none_or(|p| p.contains("TZ") || p.contains("OF")) {
                return Err(external(SqlError::unsupported(
                    format!("to_char with the time zone's name or offset in {zone}"),
                    "SET TIME ZONE 'UTC', or cast the time to text.",
                )));
            }
            function.args[0] = local(&function.args[0]);
            Ok(Transformed::yes(Expr::ScalarFunction(function)))
        }
        "to_timestamp" if function.args.len() == 2 => {
            // It has read the time as if it were UTC's.
            let utc = Arc::new(ScalarUDF::new_from_impl(AtTimeZone::new()));
            let name = Expr::Literal(ScalarValue::Utf8View(Some(UTC.into())), None);
            let read = ScalarFunction::new_udf(utc, vec![name, Expr::ScalarFunction(function)]);
            Ok(Transformed::yes(instant(Expr::ScalarFunction(read))))
        }
        "current_date" | "today" => Ok(Transformed::yes(call(What::Cast(DataType::Date32), zone, vec![now()]))),
        "current_time" => Err(external(SqlError::unsupported(
            format!("current_time in {zone}"),
            "Write now()::time, or SET TIME ZONE 'UTC'.",
        ))),
        _ => Ok(Transformed::no(Expr::ScalarFunction(function))),
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(t)) | ScalarValue::Utf8View(Some(t)), _) => Some(t),
        Expr::Cast(cast) => text(&cast.expr),
        _ => None,
    }
}

fn call(what: What, zone: Zone, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(InZone::new(what, zone))), args))
}

/// What stands around it was made for this type.
fn typed(expr: Expr, ty: DataType) -> Expr {
    if ty == zoned() { expr } else { Expr::Cast(Cast::new(Box::new(expr), ty)) }
}
