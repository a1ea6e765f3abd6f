//! Checked arithmetic: an integer that leaves its range is 22003, a division by zero 22012 also for floats, and the
//! quotient of two numerics has 16 decimals rounded half away from zero.

use super::decimal::{MAX_PRECISION, QUOTIENT_SCALE, fit, rescale, round_div};
use arrow::array::{Array, ArrayRef, AsArray, Datum, Decimal128Array, Scalar};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, i256};
use arrow::error::ArrowError;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{ColumnarValue, Operator, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// One of `+ - * / %` over two numbers of the same kind.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Arithmetic {
    op: Operator,
    signature: Signature,
}

impl Arithmetic {
    pub(crate) fn new(op: Operator) -> Self {
        Self { op, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "add",
            Operator::Minus => "subtract",
            Operator::Multiply => "multiply",
            Operator::Divide => "divide",
            _ => "modulo",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Types have been coerced. Only a literal of a plain view, which is analyzed again within each query that reads
    /// it, may have become a smaller integer.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [a, b] if a != b && a.is_integer() && b.is_integer() => {
                let wider = if a.primitive_width() > b.primitive_width() { a } else { b };
                Ok(vec![wider.clone(), wider.clone()])
            }
            _ => Ok(types.to_vec()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.op, &types[0], &types[1]) {
            (Operator::Divide, DataType::Decimal128(_, _), DataType::Decimal128(_, _)) => {
                Ok(DataType::Decimal128(MAX_PRECISION, QUOTIENT_SCALE))
            }
            (_, left, right) => BinaryTypeCoercer::new(left, &self.op, right).get_result_type(),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let [left, right] = datafusion::common::utils::take_function_args(self.name(), args.args)?;
        let result = self.compute(&left, &right, rows)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }

    fn is_strict(&self) -> bool {
        true
    }
}

impl Arithmetic {
    fn compute(&self, left: &ColumnarValue, right: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
        let both_decimal =
            matches!((left.data_type(), right.data_type()), (DataType::Decimal128(_, _), DataType::Decimal128(_, _)));
        if both_decimal && self.op == Operator::Divide {
            return divide_decimals(&left.to_array(rows)?, &right.to_array(rows)?);
        }
        if self.op == Operator::Divide || self.op == Operator::Modulo {
            refuse_zero(&right.to_array(1.max(rows))?, left, rows)?;
        }
        let name = type_name(&left.data_type());
        let result = match (left, right) {
            (ColumnarValue::Array(l), ColumnarValue::Array(r)) => self.kernel(l, r),
            (ColumnarValue::Array(l), ColumnarValue::Scalar(r)) => self.kernel(l, &r.to_scalar()?),
            (ColumnarValue::Scalar(l), ColumnarValue::Array(r)) => self.kernel(&l.to_scalar()?, r),
            (ColumnarValue::Scalar(l), ColumnarValue::Scalar(r)) => {
                self.kernel(&l.to_array()?, &Scalar::new(r.to_array()?))
            }
        };
        let result = result.map_err(|e| match e {
            ArrowError::ArithmeticOverflow(_) => out_of_range(name),
            ArrowError::DivideByZero => division_by_zero(),
            other => other.into(),
        })?;
        check_finite(left, right, &result, rows)?;
        Ok(result)
    }

    fn kernel(&self, left: &dyn Datum, right: &dyn Datum) -> std::result::Result<ArrayRef, ArrowError> {
        match self.op {
            Operator::Plus => numeric::add(left, right),
            Operator::Minus => numeric::sub(left, right),
            Operator::Multiply => numeric::mul(left, right),
            Operator::Divide => numeric::div(left, right),
            _ => numeric::rem(left, right),
        }
    }
}

pub(crate) fn coded(code: &str, message: &str) -> DataFusionError {
    DataFusionError::Execution(format!("[{code}] {message}"))
}

fn out_of_range(name: &str) -> DataFusionError {
    coded("22003", &format!("{name} out of range"))
}

fn division_by_zero() -> DataFusionError {
    coded("22012", "division by zero")
}

fn type_name(ty: &DataType) -> &'static str {
    match ty {
        DataType::Int16 => "smallint",
        DataType::Int32 => "integer",
        DataType::Int64 => "bigint",
        DataType::Decimal128(_, _) => "numeric",
        _ => "value",
    }
}

/// A float divided by zero is an error too, where the dividend is not NULL.
fn refuse_zero(divisor: &ArrayRef, dividend: &ColumnarValue, rows: usize) -> Result<()> {
    let zero = |i: usize| match divisor.data_type() {
        DataType::Float64 => divisor.as_primitive::<Float64Type>().value(i) == 0.0,
        DataType::Float32 => divisor.as_primitive::<Float32Type>().value(i) == 0.0,
        _ => false,
    };
    let dividend = dividend.to_array(rows.max(1))?;
    let at = |i: usize, a: &ArrayRef| a.is_valid(i.min(a.len() - 1));
    if (0..divisor.len().min(rows)).any(|i| divisor.is_valid(i) && zero(i) && at(i, &dividend)) {
        return Err(division_by_zero());
    }
    Ok(())
}

/// Finite floats that give an infinite result have overflowed.
fn check_finite(left: &ColumnarValue, right: &ColumnarValue, result: &ArrayRef, rows: usize) -> Result<()> {
    if !matches!(result.data_type(), DataType::Float64) {
        return Ok(());
    }
    let values = result.as_primitive::<Float64Type>();
    if !values.iter().flatten().any(f64::is_infinite) {
        return Ok(());
    }
    let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
    let finite = |a: &ArrayRef, i: usize| {
        a.as_primitive_opt::<Float64Type>().is_none_or(|a| a.is_null(i) || a.value(i).is_finite())
    };
    let overflowed =
        |i: usize| values.is_valid(i) && values.value(i).is_infinite() && finite(&left, i) && finite(&right, i);
    if (0..values.len()).any(overflowed) {
        return Err(coded("22003", "value out of range: overflow"));
    }
    Ok(())
}

fn divide_decimals(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let (l, r) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
    let shift = i32::from(QUOTIENT_SCALE) + i32::from(r.scale()) - i32::from(l.scale());
    let quotient = |a: i128, b: i128| -> Result<i128> {
        if b == 0 {
            return Err(division_by_zero());
        }
        let (a, b) = (i256::from_i128(a), i256::from_i128(b));
        let value = if shift >= 0 {
            rescale(a, shift).and_then(|a| round_div(a, b))
        } else {
            rescale(b, -shift).and_then(|b| round_div(a, b))
        };
        value.and_then(|v| fit(v, MAX_PRECISION)).ok_or_else(|| coded("22003", "numeric field overflow"))
    };
    let values = l
        .iter()
        .zip(r.iter())
        .map(|pair| match pair {
            (Some(a), Some(b)) => quotient(a, b).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<Vec<_>>>()?;
    let array = Decimal128Array::from(values).with_precision_and_scale(MAX_PRECISION, QUOTIENT_SCALE)?;
    Ok(Arc::new(array))
}
