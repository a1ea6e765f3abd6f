//! What stands for a query that cannot be planned: a plan that fails when it is run.

use crate::SqlError;
use crate::error::external;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Failing {
    error: SqlError,
    signature: Signature,
}

/// A plan whose run is this error.
pub fn failing_plan(error: SqlError) -> crate::Result<LogicalPlan> {
    let failing = Failing { error, signature: Signature::nullary(Volatility::Immutable) };
    let call = ScalarUDF::new_from_impl(failing).call(vec![]);
    Ok(LogicalPlanBuilder::empty(true).project(vec![call])?.build()?)
}

impl ScalarUDFImpl for Failing {
    fn name(&self) -> &str {
        "failing"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(external(self.error.clone()))
    }
}
