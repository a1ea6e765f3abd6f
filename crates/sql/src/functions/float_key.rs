//! Floats that are compared: -0.0 equals 0.0 and all NaNs are equal, which the order that Arrow compares by tells apart.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// In the form in which equal floats have equal bits.
pub(super) fn keyed(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(v)), m) => Expr::Literal(ScalarValue::Float64(Some(canonical(v))), m),
        Expr::Literal(ScalarValue::Float32(Some(v)), m) => {
            Expr::Literal(ScalarValue::Float32(Some(canonical(v.into()) as f32)), m)
        }
        Expr::ScalarFunction(f) if f.name() == NAME => Expr::ScalarFunction(f),
        other => {
            let function = Arc::new(ScalarUDF::new_from_impl(FloatKey::new()));
            Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![other]))
        }
    }
}

/// Equal values have equal bits.
fn canonical(v: f64) -> f64 {
    if v.is_nan() { f64::NAN } else { v + 0.0 }
}

const NAME: &str = "float_key";

#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatKey {
    signature: Signature,
}

impl FloatKey {
    fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for FloatKey {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let rows = if scalar { 1 } else { args.number_rows };
        let values = args.args[0].to_array(rows)?;
        let keys: ArrayRef = match values.data_type() {
            DataType::Float64 => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(canonical)),
            DataType::Float32 => {
                Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| canonical(v.into()) as f32))
            }
            _ => values,
        };
        crate::functions::one_or_all(scalar, keys)
    }

    fn is_strict(&self) -> bool {
        true
    }
}
