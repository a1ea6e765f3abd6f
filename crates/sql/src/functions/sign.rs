//! `sign`: -1, 0 or 1, a numeric for exact numbers and a double for floats.

use super::cast::cast_column;
use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sign {
    signature: Signature,
}

impl Sign {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Sign {
    fn name(&self) -> &str {
        "sign"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [input] = datafusion::common::utils::take_function_args("sign", types)?;
        Ok(vec![match input {
            DataType::Float32 | DataType::Float64 => DataType::Float64,
            DataType::Decimal128(_, _) => input.clone(),
            _ => DataType::Decimal128(20, 0),
        }])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(if types[0] == DataType::Float64 { DataType::Float64 } else { DataType::Decimal128(1, 0) })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let values = args.args[0].to_array(args.number_rows)?;
        let result: ArrayRef = match values.data_type() {
            DataType::Float64 => {
                let sign = |v: f64| if v == 0.0 || v.is_nan() { 0.0 } else { v.signum() };
                Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(sign) as Float64Array)
            }
            DataType::Decimal128(_, _) => {
                let signs: Decimal128Array = values.as_primitive::<Decimal128Type>().unary(i128::signum);
                Arc::new(signs.with_precision_and_scale(1, 0)?)
            }
            _ => cast_column(&values, &DataType::Decimal128(1, 0))?,
        };
        crate::functions::one_or_all(scalar, result)
    }
}
