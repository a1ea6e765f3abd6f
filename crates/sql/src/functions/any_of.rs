//! The array of `x = ANY('{1,2}')` and `x = ANY($1)`, whose type follows from `x` only.

use super::json::path;
use crate::SqlType;
use crate::error::external;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{InList, Placeholder, ScalarFunction};
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(crate) const ANY_OF: &str = "any_of";

/// Stands around the array until the type of `x`, its first argument, is known.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AnyOf {
    signature: Signature,
}

impl AnyOf {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for AnyOf {
    fn name(&self) -> &str {
        ANY_OF
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(array_of(SqlType::of_arrow(&types[0])).arrow())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(array_of(SqlType::of_field(&args.arg_fields[0])).field(ANY_OF)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::Internal("any_of is replaced while a query is planned".into()))
    }
}

/// The array that the call stands for.
pub(super) fn array(call: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    let [x, array] =
        <[Expr; 2]>::try_from(call.args).map_err(|_| DataFusionError::Internal("any_of takes two arguments".into()))?;
    let (_, field) = x.to_field(schema)?;
    let ty = SqlType::of_field(&field);
    match array {
        Expr::Placeholder(Placeholder { id, field: None }) => {
            Ok(Expr::Placeholder(Placeholder { id, field: Some(Arc::new(array_of(ty).field(""))) }))
        }
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => {
            let element = Arc::new(ty.field(""));
            let value = |text| Expr::Literal(ScalarValue::Utf8(text), None);
            let cast = |text| Expr::Cast(Cast::new_from_field(Box::new(value(text)), Arc::clone(&element)));
            let elements = path::parse(&text).map_err(external)?.into_iter().map(cast).collect();
            let make = datafusion::functions_nested::make_array::make_array_udf();
            Ok(Expr::ScalarFunction(ScalarFunction::new_udf(make, elements)))
        }
        other => Ok(other),
    }
}

/// `array_has(make_array(a, b), x)` is `x IN (a, b)`, which knows of NULLs.
pub(super) fn list(has: ScalarFunction) -> std::result::Result<InList, ScalarFunction> {
    if has.name() != "array_has" {
        return Err(has);
    }
    match has.args.as_slice() {
        [Expr::ScalarFunction(array), x] if array.name() == "make_array" && !array.args.is_empty() => {
            Ok(InList { expr: Box::new(x.clone()), list: array.args.clone(), negated: false })
        }
        _ => Err(has),
    }
}

/// Text where the type says nothing.
fn array_of(ty: SqlType) -> SqlType {
    SqlType::Array(Box::new(if ty == SqlType::Unknown { SqlType::Text } else { ty }))
}
