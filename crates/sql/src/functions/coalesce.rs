//! `coalesce` whose text literals take the type of the other arguments, as PostgreSQL's unknown literals do.

use crate::error::external;
use crate::{SqlError, SqlType};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Coalesce {
    inner: Arc<ScalarUDF>,
}

impl Coalesce {
    pub(crate) fn new() -> Self {
        Self { inner: datafusion::functions::core::coalesce() }
    }
}

impl Coalesce {
    fn common(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types).map_err(|_| {
            let name = |t: &DataType| SqlType::of_arrow(t).name();
            let other = types.iter().find(|t| **t != types[0]).unwrap_or(&types[0]);
            let message = format!("COALESCE types {} and {} cannot be matched", name(&types[0]), name(other));
            external(SqlError::new("42804", message).hint("Cast one of them."))
        })
    }
}

impl ScalarUDFImpl for Coalesce {
    fn name(&self) -> &str {
        "coalesce"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.inner().simplify(args, info)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let is_literal_text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::Null);
        let others: Vec<DataType> = types.iter().filter(|t| !is_literal_text(t)).cloned().collect();
        if others.is_empty() || others.len() == types.len() {
            return self.common(types);
        }
        // Columns of text are Utf8View, literals Utf8: only literals give way.
        let common = self.common(&others)?;
        Ok(vec![common[0].clone(); types.len()])
    }
}
