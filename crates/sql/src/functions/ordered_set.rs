//! `percentile_cont`, `percentile_disc` and `mode` of a group's values in order. DataFusion lacks the latter two, and
//! rounds what the first one interpolates.

use super::arithmetic::coded;
use super::cast::cast_column;
use crate::error::external;
use crate::{SqlError, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_empty_array};
use arrow::compute::{SortOptions, concat, filter, is_not_null, sort};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, ColumnarValue, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Between,
    OneOf,
    Mode,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OrderedSet {
    which: Which,
    signature: Signature,
}

impl OrderedSet {
    pub(crate) fn all() -> [Self; 3] {
        let signature = || Signature::user_defined(Volatility::Immutable);
        [Which::Between, Which::OneOf, Which::Mode].map(|which| Self { which, signature: signature() })
    }

    fn no_such(&self, types: &[DataType]) -> datafusion::error::DataFusionError {
        let types: Vec<String> = types.iter().rev().map(|t| SqlType::of_arrow(t).name()).collect();
        let message = format!("function {}({}) does not exist", self.name(), types.join(", "));
        let hint = match self.which {
            Which::Mode => "Write mode() WITHIN GROUP (ORDER BY value).",
            _ => "Write percentile_cont(0.5) WITHIN GROUP (ORDER BY value).",
        };
        external(SqlError::new("42883", message).hint(hint))
    }
}

impl AggregateUDFImpl for OrderedSet {
    fn name(&self) -> &str {
        match self.which {
            Which::Between => "percentile_cont",
            Which::OneOf => "percentile_disc",
            Which::Mode => "mode",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let value = match (self.which, types) {
            (Which::Mode, [value]) => value,
            (Which::Between | Which::OneOf, [value, at]) if at.is_numeric() || at.is_null() => value,
            (_, [_, DataType::List(_)]) => {
                let hint = "Write one call for each percentile.";
                return Err(external(SqlError::unsupported(format!("{} of an array", self.name()), hint)));
            }
            _ => return Err(self.no_such(types)),
        };
        if matches!(value, DataType::Interval(_) | DataType::Duration(_)) {
            let what = format!("{} of intervals", self.name());
            return Err(external(SqlError::unsupported(what, "Take extract(epoch FROM ...) of them.")));
        }
        let value = match self.which {
            Which::Between if value.is_numeric() || value.is_null() => DataType::Float64,
            Which::Between => return Err(self.no_such(types)),
            _ => value.clone(),
        };
        Ok(std::iter::once(value).chain(types.iter().skip(1).map(|_| DataType::Float64)).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let ty = args.expr_fields[0].data_type().clone();
        let descending = args.order_bys.first().is_some_and(|o| o.options.descending);
        let at = match self.which {
            Which::Mode => None,
            _ => percentile(&args)?,
        };
        Ok(Box::new(Values { which: self.which, ty, at, descending, parts: vec![] }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(args.input_fields[0].data_type().clone(), true);
        Ok(vec![Arc::new(Field::new(format!("{}[values]", args.name), DataType::List(Arc::new(item)), true))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }
}

/// The constant that says where; `None` for NULL.
fn percentile(args: &AccumulatorArgs) -> Result<Option<f64>> {
    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let constant =
        || external(SqlError::unsupported("a percentile that varies", "Write a number: percentile_cont(0.5)."));
    let value = args.exprs[1].evaluate(&nothing).map_err(|_| constant())?;
    let ColumnarValue::Scalar(ScalarValue::Float64(value)) = value else { return Err(constant()) };
    match value {
        Some(at) if !(0.0..=1.0).contains(&at) => {
            Err(coded("22003", &format!("percentile value {at} is not between 0 and 1")))
        }
        at => Ok(at),
    }
}

/// The values of one group.
#[derive(Debug)]
struct Values {
    which: Which,
    ty: DataType,
    at: Option<f64>,
    descending: bool,
    parts: Vec<ArrayRef>,
}

impl Values {
    fn all(&self) -> Result<ArrayRef> {
        let parts: Vec<&dyn Array> = self.parts.iter().map(AsRef::as_ref).collect();
        Ok(if parts.is_empty() { new_empty_array(&self.ty) } else { concat(&parts)? })
    }

    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        let there = filter(values, &is_not_null(values)?)?;
        if !there.is_empty() {
            self.parts.push(there);
        }
        Ok(())
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let all = self.all()?;
        let null = || ScalarValue::try_new_null(&self.ty);
        if all.is_empty() || (self.which != Which::Mode && self.at.is_none()) {
            return null();
        }
        let sorted = sort(&all, Some(SortOptions { descending: self.descending, nulls_first: false }))?;
        let (count, at) = (sorted.len(), self.at.unwrap_or_default());
        match self.which {
            Which::Between => {
                let place = at * (count - 1) as f64;
                let floats = cast_column(&sorted, &DataType::Float64)?;
                let value = |place: f64| floats.as_primitive::<Float64Type>().value(place as usize);
                let (low, high) = (value(place.floor()), value(place.ceil()));
                let part = place - place.floor();
                let between = if low == high { low } else { low + part * (high - low) };
                Ok(ScalarValue::Float64(Some(between)))
            }
            Which::OneOf => {
                let row = (at * count as f64).ceil() as usize;
                ScalarValue::try_from_array(&sorted, row.saturating_sub(1))
            }
            Which::Mode => most_frequent(&sorted),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.parts.iter().map(|p| p.get_array_memory_size()).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let all = self.all()?;
        let values = (0..all.len()).map(|i| ScalarValue::try_from_array(&all, i)).collect::<Result<Vec<_>>>()?;
        Ok(vec![ScalarValue::List(ScalarValue::new_list(&values, &self.ty, true))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.add(&values))
    }
}

/// Of sorted values; the first of those that are as frequent.
fn most_frequent(sorted: &ArrayRef) -> Result<ScalarValue> {
    let runs = arrow::compute::partition(&[Arc::clone(sorted)])?.ranges();
    // The last of equal maxima would win otherwise.
    let longest = runs.into_iter().rev().max_by_key(|run| run.len());
    match longest {
        Some(run) => ScalarValue::try_from_array(sorted, run.start),
        None => ScalarValue::try_new_null(sorted.data_type()),
    }
}
