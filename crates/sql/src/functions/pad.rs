//! `lpad` and `rpad`: a negative length is none, one past what a value can hold is refused.

use super::arithmetic::coded;
use super::cast::cast_column;
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use std::sync::Arc;

/// As many characters of four bytes as PostgreSQL's greatest value holds.
const LONGEST: i64 = (1 << 28) - 1;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pad {
    inner: Arc<ScalarUDF>,
}

impl Pad {
    pub(crate) fn left() -> Self {
        Self { inner: datafusion::functions::unicode::lpad() }
    }

    pub(crate) fn right() -> Self {
        Self { inner: datafusion::functions::unicode::rpad() }
    }
}

impl ScalarUDFImpl for Pad {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(args.args[1], ColumnarValue::Scalar(_));
        let lengths = cast_column(&args.args[1].to_array(args.number_rows)?, &DataType::Int64)?;
        let lengths = lengths.as_primitive::<Int64Type>();
        if lengths.iter().flatten().any(|n| n > LONGEST) {
            return Err(coded("54000", "requested length too large"));
        }
        let lengths: ArrayRef = Arc::new(lengths.unary::<_, Int64Type>(|n| n.max(0)));
        args.args[1] = if scalar && args.number_rows > 0 {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&lengths, 0)?)
        } else {
            ColumnarValue::Array(lengths)
        };
        self.inner.invoke_with_args(args)
    }
}
