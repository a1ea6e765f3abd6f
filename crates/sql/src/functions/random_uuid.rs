//! `gen_random_uuid()`: DataFusion's uuid, as a uuid.

use crate::SqlType;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RandomUuid {
    inner: Arc<ScalarUDF>,
}

impl RandomUuid {
    pub(crate) fn new() -> Self {
        Self { inner: datafusion::functions::string::uuid() }
    }
}

impl ScalarUDFImpl for RandomUuid {
    fn name(&self) -> &str {
        "gen_random_uuid"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(SqlType::Uuid.arrow())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(SqlType::Uuid.field(self.name())))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        args.return_field = Arc::new(Field::new(self.inner.name(), self.inner.return_type(&[])?, true));
        self.inner.invoke_with_args(args)?.cast_to(&SqlType::Uuid.arrow(), None)
    }
}
