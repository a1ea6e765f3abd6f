//! `min` and `max` of intervals, by their keys; of equal ones the first field by field, whatever the order they come in.

use super::interval_key::nanoseconds;
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use std::sync::Arc;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct IntervalExtreme {
    max: bool,
    signature: Signature,
}

impl IntervalExtreme {
    pub(super) fn new(max: bool) -> Self {
        Self { max, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for IntervalExtreme {
    fn name(&self) -> &str {
        if self.max { "interval_max" } else { "interval_min" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, _: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![INTERVAL])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Extreme { max: self.max, best: None }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[best]", args.name), INTERVAL, true))])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug)]
struct Extreme {
    max: bool,
    best: Option<IntervalMonthDayNano>,
}

impl Extreme {
    fn is_better(&self, interval: IntervalMonthDayNano) -> bool {
        let Some(best) = self.best else { return true };
        let (new, old) = (nanoseconds(interval), nanoseconds(best));
        if new == old {
            return interval < best;
        }
        (new > old) == self.max
    }
}

impl Accumulator for Extreme {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = super::cast::cast_column(&values[0], &INTERVAL)?;
        for interval in values.as_primitive::<IntervalMonthDayNanoType>().iter().flatten() {
            if self.is_better(interval) {
                self.best = Some(interval);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::IntervalMonthDayNano(self.best))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}
