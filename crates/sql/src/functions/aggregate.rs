//! `sum` and `avg` with PostgreSQL's result types: exact over integers and decimals, and over floats exact until the
//! result is rounded once.

use super::arithmetic::coded;
use super::decimal::{MAX_PRECISION, QUOTIENT_SCALE, fit, rescale, round_div};
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, Field, FieldRef, Float64Type, Int64Type, i256};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use sluice_flow::FloatSum;
use std::collections::HashSet;
use std::sync::Arc;

/// `sum` or `avg`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SumOrAvg {
    mean: bool,
    signature: Signature,
}

impl SumOrAvg {
    pub(crate) fn sum() -> Self {
        Self { mean: false, signature: Signature::user_defined(Volatility::Immutable) }
    }

    pub(crate) fn avg() -> Self {
        Self { mean: true, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for SumOrAvg {
    fn name(&self) -> &str {
        if self.mean { "avg" } else { "sum" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType as T;
        let [input] = datafusion::common::utils::take_function_args(self.name(), types)?;
        Ok(vec![match input {
            T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64 | T::Decimal128(_, _) => input.clone(),
            T::Int8 | T::UInt8 => T::Int16,
            T::UInt16 => T::Int32,
            T::UInt32 => T::Int64,
            T::UInt64 => T::Decimal128(20, 0),
            T::Null => T::Int64,
            other => {
                let name = crate::SqlType::of_arrow(other).name();
                let error = crate::SqlError::new("42883", format!("function {}({name}) does not exist", self.name()));
                return Err(crate::error::external(error.hint("Cast the argument to a number.")));
            }
        }])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        use DataType as T;
        Ok(match (&types[0], self.mean) {
            (T::Float32 | T::Float64, true) => T::Float64,
            (T::Float32, false) => T::Float32,
            (T::Float64, false) => T::Float64,
            (_, true) => T::Decimal128(MAX_PRECISION, QUOTIENT_SCALE),
            (T::Int16 | T::Int32, false) => T::Int64,
            (T::Decimal128(_, scale), false) => T::Decimal128(MAX_PRECISION, *scale),
            _ => T::Decimal128(MAX_PRECISION, 0),
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let input = args.expr_fields[0].data_type().clone();
        let output = args.return_field.data_type().clone();
        let total = Total::new(self.mean, input, output);
        Ok(if args.is_distinct { Box::new(DistinctTotal { seen: HashSet::new(), total }) } else { Box::new(total) })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let input = args.input_fields[0].data_type().clone();
        let field = |name: &str, ty: DataType| Arc::new(Field::new(format!("{}[{name}]", args.name), ty, true));
        if args.is_distinct {
            let item = Arc::new(Field::new_list_field(input, true));
            return Ok(vec![field("values", DataType::List(item))]);
        }
        Ok(match input {
            DataType::Float32 | DataType::Float64 => vec![field("sum", DataType::Binary)],
            _ => vec![field("sum", DataType::Decimal256(76, 0)), field("count", DataType::Int64)],
        })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The running total of one group.
#[derive(Debug)]
struct Total {
    mean: bool,
    input: DataType,
    output: DataType,
    exact: i256,
    count: i64,
    floats: FloatSum,
}

impl Total {
    fn new(mean: bool, input: DataType, output: DataType) -> Self {
        Self { mean, input, output, exact: i256::ZERO, count: 0, floats: FloatSum::default() }
    }

    fn is_float(&self) -> bool {
        self.input.is_floating()
    }

    fn scale(&self) -> i8 {
        if let DataType::Decimal128(_, scale) = self.input { scale } else { 0 }
    }

    /// Adds `sign` times every value that is not NULL.
    fn add(&mut self, values: &ArrayRef, sign: i64) -> Result<()> {
        if self.is_float() {
            let wide = cast(values, &DataType::Float64)?;
            wide.as_primitive::<Float64Type>().iter().flatten().for_each(|v| self.floats.add(v, sign));
            return Ok(());
        }
        let sign = i256::from(sign);
        let sum = match values.data_type() {
            DataType::Decimal128(_, _) => {
                exact_sum(values.as_primitive::<Decimal128Type>().iter().flatten().map(i256::from_i128))
            }
            _ => {
                let wide = cast(values, &DataType::Int64)?;
                exact_sum(wide.as_primitive::<Int64Type>().iter().flatten().map(i256::from))
            }
        };
        let change = sum.and_then(|s| s.checked_mul(sign));
        self.exact = change.and_then(|c| self.exact.checked_add(c)).ok_or_else(overflow)?;
        let count = (values.len() - values.null_count()) as i64;
        self.count += if sign.is_negative() { -count } else { count };
        Ok(())
    }

    fn exact_result(&self) -> Result<ScalarValue> {
        if self.count == 0 {
            return ScalarValue::try_new_null(&self.output);
        }
        match self.output {
            DataType::Int64 => {
                let value = self.exact.to_i128().and_then(|v| i64::try_from(v).ok());
                let value = value.ok_or_else(|| coded("22003", "bigint out of range"))?;
                Ok(ScalarValue::Int64(Some(value)))
            }
            DataType::Decimal128(precision, scale) => {
                let value = if self.mean {
                    let up = i32::from(scale) - i32::from(self.scale());
                    let (sum, count) = (self.exact, i256::from(self.count));
                    if up >= 0 {
                        rescale(sum, up).and_then(|s| round_div(s, count))
                    } else {
                        rescale(count, -up).and_then(|c| round_div(sum, c))
                    }
                } else {
                    Some(self.exact)
                };
                let value = value.and_then(|v| fit(v, precision)).ok_or_else(overflow)?;
                Ok(ScalarValue::Decimal128(Some(value), precision, scale))
            }
            ref other => datafusion::common::internal_err!("{other} is no result of a sum"),
        }
    }

    fn float_result(&self) -> Result<ScalarValue> {
        if self.floats.count() == 0 {
            return ScalarValue::try_new_null(&self.output);
        }
        let sum = self.floats.value();
        let value = if self.mean { sum / self.floats.count() as f64 } else { sum };
        let narrow = matches!(self.output, DataType::Float32);
        if self.floats.overflows() || (narrow && value.is_finite() && (value as f32).is_infinite()) {
            return Err(coded("22003", "value out of range: overflow"));
        }
        Ok(if narrow { ScalarValue::Float32(Some(value as f32)) } else { ScalarValue::Float64(Some(value)) })
    }
}

fn overflow() -> datafusion::error::DataFusionError {
    coded("22003", "numeric field overflow")
}

fn exact_sum(values: impl Iterator<Item = i256>) -> Option<i256> {
    values.into_iter().try_fold(i256::ZERO, |sum, v| sum.checked_add(v))
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.is_float() { self.float_result() } else { self.exact_result() }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + 128
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if self.is_float() {
            return Ok(vec![ScalarValue::Binary(Some(self.floats.to_bytes()))]);
        }
        Ok(vec![ScalarValue::Decimal256(Some(self.exact), 76, 0), ScalarValue::Int64(Some(self.count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if self.is_float() {
            let sums: &BinaryArray = states[0].as_binary();
            sums.iter().flatten().for_each(|bytes| self.floats.merge(&FloatSum::from_bytes(bytes)));
            return Ok(());
        }
        let sum = exact_sum(states[0].as_primitive::<Decimal256Type>().iter().flatten());
        self.exact = sum.and_then(|s| self.exact.checked_add(s)).ok_or_else(overflow)?;
        self.count += states[1].as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        Ok(())
    }
}

/// Each value once.
#[derive(Debug)]
struct DistinctTotal {
    seen: HashSet<ScalarValue>,
    total: Total,
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = sluice_zset::normalize_key(&values[0]);
        for i in (0..values.len()).filter(|&i| values.is_valid(i)) {
            self.seen.insert(ScalarValue::try_from_array(&values, i)?);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.seen.is_empty() {
            return ScalarValue::try_new_null(&self.total.output);
        }
        let mut total = Total::new(self.total.mean, self.total.input.clone(), self.total.output.clone());
        total.add(&ScalarValue::iter_to_array(self.seen.iter().cloned())?, 1)?;
        total.evaluate()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.seen.capacity() * size_of::<ScalarValue>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> = self.seen.iter().cloned().collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list(&values, &self.total.input, true))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }
}
