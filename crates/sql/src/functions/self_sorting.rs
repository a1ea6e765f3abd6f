//! `string_agg` and `array_agg`, which sort by themselves where the input comes in another order. DataFusion's do too, but say
//! that they need their order, and two of different orders in one query are refused. An array keeps the SQL type of what it
//! gathers.

use crate::SqlType;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SelfSorting {
    inner: Arc<AggregateUDF>,
}

impl SelfSorting {
    pub(crate) fn array_agg() -> Self {
        Self { inner: datafusion::functions_aggregate::array_agg::array_agg_udaf() }
    }

    pub(crate) fn string_agg() -> Self {
        Self { inner: datafusion::functions_aggregate::string_agg::string_agg_udaf() }
    }
}

impl AggregateUDFImpl for SelfSorting {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        let list = self.inner.return_field(fields)?;
        if !matches!(list.data_type(), DataType::List(_)) {
            return Ok(list);
        }
        let of = match SqlType::of_field(&fields[0]) {
            // An array of arrays is one of two dimensions, of the same type.
            array @ SqlType::Array(_) => array,
            element => SqlType::Array(Box::new(element)),
        };
        Ok(Arc::new(of.field(list.name()).with_data_type(list.data_type().clone())))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(args)
    }

    /// It sorts in either case.
    fn with_beneficial_ordering(self: Arc<Self>, _: bool) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        Ok(Some(self))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::SoftRequirement
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.inner.inner().supports_null_handling_clause()
    }
}
