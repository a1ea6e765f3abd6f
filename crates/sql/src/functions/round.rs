//! `round`: of floats half to even, of numerics half away from zero and to as many decimals as asked for.

use super::cast::cast_column;
use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Round {
    decimals: Arc<ScalarUDF>,
    signature: Signature,
}

impl Round {
    pub(crate) fn new() -> Self {
        Self {
            decimals: datafusion::functions::math::round(),
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Round {
    fn name(&self) -> &str {
        "round"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let value = match &types[0] {
            DataType::Decimal128(_, _) => types[0].clone(),
            t if types.len() == 2 && t.is_integer() => DataType::Decimal128(20, 0),
            _ => DataType::Float64,
        };
        if types.len() == 2 && value == DataType::Float64 {
            let error = crate::SqlError::new("42883", "function round(double precision, integer) does not exist");
            return Err(crate::error::external(error.hint("Cast the value to numeric: round(x::numeric, 2).")));
        }
        Ok(match types.len() {
            1 => vec![value],
            _ => vec![value, DataType::Int32],
        })
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<arrow::datatypes::FieldRef> {
        match args.arg_fields[0].data_type() {
            DataType::Decimal128(_, _) => self.decimals.return_field_from_args(args),
            float => Ok(Arc::new(arrow::datatypes::Field::new("round", float.clone(), true))),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !args.return_field.data_type().is_floating() {
            return self.decimals.invoke_with_args(args);
        }
        let scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let values = cast_column(&args.args[0].to_array(args.number_rows)?, &DataType::Float64)?;
        let rounded: Float64Array = values.as_primitive::<Float64Type>().unary(f64::round_ties_even);
        let rounded: ArrayRef = Arc::new(rounded);
        crate::functions::one_or_all(scalar, rounded)
    }
}
