//! What the planner lacks or types otherwise: `interval * number`, `date + interval`, `date - date`, quotients of
//! numerics, `extract`.

use super::arithmetic::Arithmetic;
use super::date_parts::DatePart;
use super::time_difference;
use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use sqlparser::ast::BinaryOperator;
use std::sync::Arc;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAY_NANOS: f64 = 86_400e9;
const MONTH_DAYS: f64 = 30.0;

/// Plans operators whose types or meaning are PostgreSQL's.
#[derive(Debug)]
pub(crate) struct IntervalPlanner;

impl ExprPlanner for IntervalPlanner {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator as O;
        if matches!(raw.op, O::And | O::Or | O::StringConcat) {
            return Ok(PlannerResult::Original(raw));
        }
        let (Ok(l), Ok(r)) = (raw.left.get_type(schema), raw.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(raw));
        };
        let is_interval = |t: &DataType| matches!(t, DataType::Interval(_) | DataType::Duration(_));
        let is_date = |t: &DataType| matches!(t, DataType::Date32);
        let is_time = |t: &DataType| matches!(t, DataType::Timestamp(_, _));
        let is_local = |t: &DataType| matches!(t, DataType::Timestamp(_, None));
        let is_open = |e: &Expr| matches!(e, Expr::Literal(v, _) if v.data_type().is_string());
        Ok(PlannerResult::Planned(match raw.op {
            O::Multiply | O::Divide if matches!(l, DataType::Interval(_)) && r.is_numeric() => {
                scale(raw.left, raw.right, raw.op == O::Divide)
            }
            O::Multiply if l.is_numeric() && matches!(r, DataType::Interval(_)) => scale(raw.right, raw.left, false),
            O::Divide if l.is_decimal() && (r.is_decimal() || r.is_integer()) || l.is_integer() && r.is_decimal() => {
                let args = vec![decimal(raw.left, &l), decimal(raw.right, &r)];
                let divide = ScalarUDF::new_from_impl(Arithmetic::new(Operator::Divide));
                Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(divide), args))
            }
            O::Plus if is_date(&l) && is_interval(&r) => binary(timestamp(raw.left), Operator::Plus, raw.right),
            O::Minus if is_date(&l) && is_interval(&r) => binary(timestamp(raw.left), Operator::Minus, raw.right),
            O::Plus if is_interval(&l) && is_date(&r) => binary(timestamp(raw.right), Operator::Plus, raw.left),
            O::Minus if is_date(&l) && is_date(&r) => {
                cast(binary(raw.left, Operator::Minus, raw.right), DataType::Int32)
            }
            // Of two kinds of times the fuller one is taken; text beside a time is one, or an interval to add.
            O::Minus if is_time(&l) && (is_date(&r) || is_local(&r) || is_open(&raw.right)) => {
                let ty = micros(&l);
                time_difference::difference(cast(raw.left, ty.clone()), cast(raw.right, ty))
            }
            O::Minus if is_time(&r) && (is_date(&l) || is_time(&l) || is_open(&raw.left)) => {
                let ty = micros(&r);
                time_difference::difference(cast(raw.left, ty.clone()), cast(raw.right, ty))
            }
            O::Plus if is_time(&l) && is_open(&raw.right) => {
                binary(raw.left, Operator::Plus, cast(raw.right, INTERVAL))
            }
            // A text in quotes beside a number is one.
            O::Plus | O::Minus | O::Multiply | O::Divide | O::Modulo if l.is_numeric() && is_open(&raw.right) => {
                return self.plan_binary_op(
                    RawBinaryExpr { right: super::strict_types::typed(raw.right, &l)?, ..raw },
                    schema,
                );
            }
            O::Plus | O::Minus | O::Multiply | O::Divide | O::Modulo if r.is_numeric() && is_open(&raw.left) => {
                return self
                    .plan_binary_op(RawBinaryExpr { left: super::strict_types::typed(raw.left, &r)?, ..raw }, schema);
            }
            O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq if l == DataType::Boolean && is_open(&raw.right) => {
                let right = super::strict_types::typed(raw.right, &l)?;
                return Ok(PlannerResult::Original(RawBinaryExpr { right, ..raw }));
            }
            O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq if r == DataType::Boolean && is_open(&raw.left) => {
                let left = super::strict_types::typed(raw.left, &r)?;
                return Ok(PlannerResult::Original(RawBinaryExpr { left, ..raw }));
            }
            O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq if is_interval(&l) && is_open(&raw.right) => {
                return Ok(PlannerResult::Original(RawBinaryExpr { right: cast(raw.right, INTERVAL), ..raw }));
            }
            O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq if is_open(&raw.left) && is_interval(&r) => {
                return Ok(PlannerResult::Original(RawBinaryExpr { left: cast(raw.left, INTERVAL), ..raw }));
            }
            _ => return Ok(PlannerResult::Original(raw)),
        }))
    }

    fn plan_array_literal(&self, exprs: Vec<Expr>, schema: &DFSchema) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Original(super::strict_types::matched("ARRAY", exprs, schema)?))
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let Some(Expr::Literal(field, _)) = args.first() else { return Ok(PlannerResult::Original(args)) };
        let field = field.try_as_str().flatten().unwrap_or_default();
        let extract = Arc::new(ScalarUDF::new_from_impl(DatePart::extract(field)));
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(extract, args))))
    }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) })
}

fn cast(expr: Expr, to: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), to))
}

/// A date moved by an interval is a timestamp.
fn timestamp(date: Expr) -> Expr {
    cast(date, super::zoned::LOCAL)
}

/// The numeric that holds every value of an integer type.
fn decimal(expr: Expr, ty: &DataType) -> Expr {
    match ty {
        DataType::Int16 => cast(expr, DataType::Decimal128(5, 0)),
        DataType::Int32 => cast(expr, DataType::Decimal128(10, 0)),
        integer if integer.is_integer() => cast(expr, DataType::Decimal128(20, 0)),
        _ => expr,
    }
}

/// The same kind of timestamp, of microseconds: `now()` is finer until it is stored.
fn micros(ty: &DataType) -> DataType {
    match ty {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}

fn scale(interval: Expr, number: Expr, divides: bool) -> Expr {
    let number = Expr::Cast(Cast::new(Box::new(number), DataType::Float64));
    let function = ScalarUDF::new_from_impl(Scale::new(divides));
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![interval, number]))
}

/// An interval times (or divided by) a double.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Scale {
    divides: bool,
    signature: Signature,
}

impl Scale {
    fn new(divides: bool) -> Self {
        Self { divides, signature: Signature::exact(vec![INTERVAL, DataType::Float64], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Scale {
    fn name(&self) -> &str {
        if self.divides { "interval_divide" } else { "interval_multiply" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let intervals = args.args[0].to_array(args.number_rows)?;
        let numbers = args.args[1].to_array(args.number_rows)?;
        let pairs = intervals
            .as_primitive::<IntervalMonthDayNanoType>()
            .iter()
            .zip(numbers.as_primitive::<Float64Type>().iter());
        let scaled = pairs.map(|pair| match pair {
            (Some(_), Some(0.0)) if self.divides => Err(super::arithmetic::coded("22012", "division by zero")),
            (Some(interval), Some(n)) => scaled(interval, if self.divides { 1.0 / n } else { n }).map(Some),
            _ => Ok(None),
        });
        let array: IntervalMonthDayNanoArray = scaled.collect::<Result<Vec<_>>>()?.into_iter().collect();
        let array: ArrayRef = Arc::new(array);
        crate::functions::one_or_all(scalar, array)
    }
}

/// What is left of a month becomes days of it (30 each), what is left of a day becomes time, as PostgreSQL's
/// interval_mul does it.
fn scaled(interval: IntervalMonthDayNano, factor: f64) -> Result<IntervalMonthDayNano> {
    let months = f64::from(interval.months) * factor;
    let days = f64::from(interval.days) * factor;
    let rest_days = (months - months.trunc()) * MONTH_DAYS;
    let whole_days = days.trunc() + rest_days.trunc();
    let rest_time = (days - days.trunc() + rest_days - rest_days.trunc()) * DAY_NANOS;
    // Microseconds are the finest there is.
    let nanos = ((interval.nanoseconds as f64 * factor + rest_time) / 1e3).round() * 1e3;
    let fits = |v: f64, limit: f64| v.is_finite() && v.abs() < limit;
    if !fits(months, 2_147_483_648.0) || !fits(whole_days, 2_147_483_648.0) || !fits(nanos, 9.2e18) {
        return Err(super::arithmetic::coded("22008", "interval out of range"));
    }
    Ok(IntervalMonthDayNano::new(months.trunc() as i32, whole_days as i32, nanos as i64))
}
