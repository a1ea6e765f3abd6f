//! `pg_typeof`, which is known when a query is planned.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

const NAME: &str = "pg_typeof";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PgTypeof {
    signature: Signature,
}

impl PgTypeof {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

/// The name of the argument's type, if it is such a call.
pub(super) fn known(f: &ScalarFunction, schema: &DFSchema) -> Option<Expr> {
    let [of] = f.args.as_slice() else { return None };
    let name = (f.name() == NAME).then(|| super::strict_types::name(of, schema))?;
    Some(Expr::Literal(ScalarValue::Utf8View(Some(name)), None))
}

impl ScalarUDFImpl for PgTypeof {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::Internal("pg_typeof is replaced while a query is planned".into()))
    }
}
