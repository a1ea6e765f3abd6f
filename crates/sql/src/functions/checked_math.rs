//! Mathematical functions that refuse what has no finite result, as PostgreSQL's do; DataFusion's give NaN or infinity.

use super::arithmetic::coded;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use std::sync::Arc;

/// A function of doubles whose result is looked at.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CheckedMath {
    inner: Arc<ScalarUDF>,
}

impl CheckedMath {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use datafusion::functions::math as m;
        let inner = [
            m::ln(),
            m::log10(),
            m::exp(),
            m::power(),
            m::degrees(),
            m::sin(),
            m::cos(),
            m::tan(),
            m::asin(),
            m::acos(),
        ];
        inner.into_iter().map(|inner| Self { inner })
    }

    /// What is wrong with a result that its arguments do not explain.
    fn failure(&self, args: &[f64], result: f64) -> Option<DataFusionError> {
        let is_log = matches!(self.inner.name(), "ln" | "log10");
        if result.is_nan() && !args.iter().any(|v| v.is_nan()) {
            return Some(match self.inner.name() {
                "ln" | "log10" => coded("2201E", "cannot take logarithm of a negative number"),
                "power" => coded("2201F", "a negative number raised to a non-integer power yields a complex result"),
                _ => coded("22003", "input is out of range"),
            });
        }
        if result.is_infinite() && args.iter().all(|v| v.is_finite()) {
            return Some(match (is_log, self.inner.name()) {
                (true, _) => coded("2201E", "cannot take logarithm of zero"),
                (_, "power") if args.first() == Some(&0.0) => {
                    coded("2201F", "zero raised to a negative power is undefined")
                }
                _ => coded("22003", "value out of range: overflow"),
            });
        }
        None
    }
}

impl ScalarUDFImpl for CheckedMath {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn simplify(
        &self,
        args: Vec<Expr>,
        _: &datafusion::logical_expr::simplify::SimplifyContext,
    ) -> Result<datafusion::logical_expr::simplify::ExprSimplifyResult> {
        Ok(datafusion::logical_expr::simplify::ExprSimplifyResult::Original(args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (rows, inputs) = (args.number_rows.max(1), args.args.clone());
        let result = self.inner.invoke_with_args(args)?;
        let values = result.to_array(rows)?;
        let Some(values) = values.as_primitive_opt::<Float64Type>() else { return Ok(result) };
        if !values.iter().flatten().any(|v| !v.is_finite()) {
            return Ok(result);
        }
        let inputs = inputs
            .iter()
            .map(|a| super::cast::cast_column(&a.to_array(rows)?, &DataType::Float64))
            .collect::<Result<Vec<_>>>()?;
        for row in (0..values.len()).filter(|&i| values.is_valid(i) && !values.value(i).is_finite()) {
            let args: Vec<f64> = inputs.iter().map(|a| a.as_primitive::<Float64Type>().value(row)).collect();
            if let Some(failure) = self.failure(&args, values.value(row)) {
                return Err(failure);
            }
        }
        Ok(result)
    }

    fn is_strict(&self) -> bool {
        true
    }
}
