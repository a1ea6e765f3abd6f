use super::cell::{Cell, column};
use super::functions::{Definition, FUNCTIONS};
use super::snapshot::Snapshot;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The function of that name, over what one statement sees.
pub(crate) fn bound(name: &str, snapshot: impl FnOnce() -> Arc<Snapshot>) -> Option<Arc<ScalarUDF>> {
    let definition = FUNCTIONS.iter().find(|f| f.name == name)?;
    let signature = Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable);
    Some(Arc::new(ScalarUDF::new_from_impl(Bound { definition, snapshot: snapshot(), signature })))
}

/// A function and the snapshot that it answers from.
struct Bound {
    definition: &'static Definition,
    snapshot: Arc<Snapshot>,
    signature: Signature,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.definition.name)
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name && Arc::ptr_eq(&self.snapshot, &other.snapshot)
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.definition.returns.ty().arrow())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(self.definition.returns.ty().field(self.definition.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|a| a.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let mut cells = Vec::with_capacity(rows);
        for row in 0..rows {
            let values = columns
                .iter()
                .map(|c| Ok(Cell::of_scalar(&ScalarValue::try_from_array(c, row)?)))
                .collect::<Result<Vec<_>>>()?;
            let cell = (self.definition.body)(&self.snapshot, &values);
            cells.push(cell.map_err(|e| DataFusionError::External(Box::new(e)))?);
        }
        let result =
            column(&self.definition.returns.ty(), &cells).map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)
        } else {
            ColumnarValue::Array(result)
        })
    }
}
