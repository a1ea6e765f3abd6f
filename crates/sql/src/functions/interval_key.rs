//! Intervals that are compared: a month has 30 days and a day 24 hours, as in PostgreSQL.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

const NAME: &str = "interval_key";
const DAY: i128 = 86_400_000_000_000;
const KEY: DataType = DataType::Decimal128(38, 0);

pub(super) fn has_key(ty: &DataType) -> bool {
    matches!(ty, DataType::Interval(_) | DataType::Duration(_))
}

pub(super) fn keyed(expr: Expr) -> Expr {
    if matches!(&expr, Expr::ScalarFunction(f) if f.name() == NAME) {
        return expr;
    }
    let interval = Expr::Cast(Cast::new(Box::new(expr), DataType::Interval(IntervalUnit::MonthDayNano)));
    let function = ScalarUDF::new_from_impl(IntervalKey { signature: Signature::any(1, Volatility::Immutable) });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![interval]))
}

/// Its length, with months of 30 days.
pub(super) fn nanoseconds(interval: IntervalMonthDayNano) -> i128 {
    (i128::from(interval.months) * 30 + i128::from(interval.days)) * DAY + i128::from(interval.nanoseconds)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntervalKey {
    signature: Signature,
}

impl ScalarUDFImpl for IntervalKey {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(KEY)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let rows = if scalar { 1 } else { args.number_rows };
        let intervals = args.args[0].to_array(rows)?;
        let keys = intervals.as_primitive::<IntervalMonthDayNanoType>().unary::<_, Decimal128Type>(nanoseconds);
        let keys: ArrayRef = Arc::new(keys.with_data_type(KEY));
        crate::functions::one_or_all(scalar, keys)
    }

    fn is_strict(&self) -> bool {
        true
    }
}
