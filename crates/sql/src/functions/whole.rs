//! `ceil` and `floor`: of a numeric they are whole numerics with room for one more digit; of floats, DataFusion's.

use super::arithmetic::coded;
use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Whole {
    up: bool,
    floats: Arc<ScalarUDF>,
    signature: Signature,
}

impl Whole {
    pub(crate) fn ceil() -> Self {
        Self {
            up: true,
            floats: datafusion::functions::math::ceil(),
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    pub(crate) fn floor() -> Self {
        Self {
            up: false,
            floats: datafusion::functions::math::floor(),
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &str {
        if self.up { "ceil" } else { "floor" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [input] = datafusion::common::utils::take_function_args(self.name(), types)?;
        Ok(vec![match input {
            DataType::Decimal128(_, _) | DataType::Float32 => input.clone(),
            _ => DataType::Float64,
        }])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types[0] {
            DataType::Decimal128(p, s) => DataType::Decimal128((i16::from(p) - i16::from(s) + 1).clamp(1, 38) as u8, 0),
            ref float => float.clone(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Decimal128(precision, _) = *args.return_field.data_type() else {
            return self.floats.invoke_with_args(args);
        };
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let values = args.args[0].to_array(args.number_rows)?;
        let values = values.as_primitive::<Decimal128Type>();
        let unit = i128::pow(10, u32::from(values.scale().unsigned_abs()));
        let whole = |v: i128| v.div_euclid(unit) + i128::from(self.up && v.rem_euclid(unit) != 0);
        let limit = i128::pow(10, u32::from(precision));
        let results: Decimal128Array = values.unary(whole);
        if results.iter().flatten().any(|v| v >= limit || v <= -limit) {
            return Err(coded("22003", "numeric field overflow"));
        }
        let result: ArrayRef = Arc::new(results.with_precision_and_scale(precision, 0)?);
        crate::functions::one_or_all(scalar, result)
    }
}
