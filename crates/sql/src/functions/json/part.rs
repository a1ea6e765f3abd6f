//! Text that is json, for it was a part of some.

use crate::SqlType;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// `json_part` or `jsonb_part`: the text itself.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    ty: SqlType,
    signature: Signature,
}

impl Part {
    pub(crate) fn both() -> [Self; 2] {
        let signature = || Signature::exact(vec![DataType::Utf8View], Volatility::Immutable);
        [SqlType::Json, SqlType::Jsonb].map(|ty| Self { ty, signature: signature() })
    }
}

impl ScalarUDFImpl for Part {
    fn name(&self) -> &str {
        if self.ty == SqlType::Json { "json_part" } else { "jsonb_part" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(self.ty.field(self.name())))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.remove(0))
    }

    fn is_strict(&self) -> bool {
        true
    }
}
