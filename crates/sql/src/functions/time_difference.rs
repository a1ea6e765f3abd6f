//! What lies between two timestamps: days and the time that is left, as PostgreSQL gives it.

use super::arithmetic::coded;
use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;

/// `left - right`, both timestamps of microseconds.
pub(super) fn difference(left: Expr, right: Expr) -> Expr {
    let function = ScalarUDF::new_from_impl(TimeDifference { signature: Signature::any(2, Volatility::Immutable) });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![left, right]))
}

fn between(left: i64, right: i64) -> Result<IntervalMonthDayNano> {
    let micros = left.checked_sub(right).ok_or_else(|| coded("22008", "interval out of range"))?;
    let days = i32::try_from(micros / DAY).map_err(|_| coded("22008", "interval out of range"))?;
    Ok(IntervalMonthDayNano::new(0, days, micros % DAY * 1_000))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeDifference {
    signature: Signature,
}

impl ScalarUDFImpl for TimeDifference {
    fn name(&self) -> &str {
        "time_difference"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let (left, right) = (args.args[0].to_array(rows)?, args.args[1].to_array(rows)?);
        let left = left.as_primitive::<TimestampMicrosecondType>().iter();
        let pairs = left.zip(right.as_primitive::<TimestampMicrosecondType>().iter());
        let intervals = pairs.map(|pair| match pair {
            (Some(left), Some(right)) => between(left, right).map(Some),
            _ => Ok(None),
        });
        let array: ArrayRef = Arc::new(intervals.collect::<Result<IntervalMonthDayNanoArray>>()?);
        crate::functions::one_or_all(scalar, array)
    }

    fn is_strict(&self) -> bool {
        true
    }
}
