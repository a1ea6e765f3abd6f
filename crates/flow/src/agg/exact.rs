//! Sums and means of integers and decimals, kept in 256 bits: no running sum overflows, the result is checked.

use super::staged::Staged;
use super::{Accumulator, Entries, OutputError};
use crate::Result;
use arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Int16Type, Int32Type, Int64Type, i256};
use sluice_zset::ZError;
use std::sync::Arc;

/// The scale of a mean: PostgreSQL's varies by value, which a column can't.
const AVG_SCALE: i8 = 16;

#[derive(Clone, Copy)]
struct Total {
    sum: i256,
    count: i64,
}

impl Default for Total {
    fn default() -> Self {
        Self { sum: i256::ZERO, count: 0 }
    }
}

/// 40 bytes a group.
pub(super) struct Exact {
    mean: bool,
    input_scale: i8,
    output: DataType,
    totals: Staged<Total>,
}

impl Exact {
    pub(super) fn new(mean: bool, input: Option<DataType>, output: DataType) -> Self {
        let input_scale = match input {
            Some(DataType::Decimal128(_, scale)) => scale,
            _ => 0,
        };
        Self { mean, input_scale, output, totals: Staged::new() }
    }

    /// The result as an integer at the output's scale; `None` where it does not fit 256 bits.
    fn result(&self, total: &Total) -> Option<i256> {
        if self.mean { mean_at(total.sum, total.count, self.input_scale, AVG_SCALE) } else { Some(total.sum) }
    }
}

/// `sum / count` with `scale` decimals, rounded half away from zero; `sum` has `input_scale` decimals.
fn mean_at(sum: i256, count: i64, input_scale: i8, scale: i8) -> Option<i256> {
    let count = i256::from(count);
    let up = u32::try_from(scale.checked_sub(input_scale)?.max(0)).ok()?;
    let down = u32::try_from((input_scale - scale).max(0)).ok()?;
    let ten = i256::from(10i64);
    let numerator = sum.checked_mul(ten.checked_pow(up)?)?;
    let denominator = count.checked_mul(ten.checked_pow(down)?)?;
    round_div(numerator, denominator)
}

/// `numerator / denominator` to the nearest integer, halves away from zero; `None` on overflow or division by zero.
pub fn round_div(numerator: i256, denominator: i256) -> Option<i256> {
    let quotient = numerator.checked_div(denominator)?;
    let rest = numerator.checked_rem(denominator)?;
    let twice = rest.wrapping_abs().checked_mul(i256::from(2i64))?;
    if twice < denominator.wrapping_abs() {
        return Some(quotient);
    }
    let negative = numerator.is_negative() != denominator.is_negative();
    quotient.checked_add(i256::from(if negative { -1i64 } else { 1 }))
}

impl Accumulator for Exact {
    fn resize(&mut self, groups: usize) {
        self.totals.resize(groups);
    }

    fn update(&mut self, values: Option<&ArrayRef>, entries: &Entries) -> Result<()> {
        let Some(values) = values else { return Ok(()) };
        let value = reader(values);
        for (i, &group) in entries.groups.iter().enumerate() {
            let weight = entries.weights[i];
            let mut total = *self.totals.get(group);
            let change = value(entries.positions[i] as usize).checked_mul(i256::from(weight));
            let sum = change.and_then(|c| total.sum.checked_add(c));
            total.sum = sum.ok_or(ZError::WeightOverflow)?;
            total.count = total.count.checked_add(weight).ok_or(ZError::WeightOverflow)?;
            self.totals.set(group, total);
        }
        Ok(())
    }

    fn output(&self, groups: &[u32]) -> Result<(ArrayRef, Vec<OutputError>)> {
        let mut errors = vec![];
        let limit = match &self.output {
            DataType::Decimal128(precision, _) => i128::pow(10, u32::from(*precision)) - 1,
            _ => i128::from(i64::MAX),
        };
        let low = if matches!(self.output, DataType::Int64) { i128::from(i64::MIN) } else { -limit };
        let mut out: Vec<Option<i128>> = Vec::with_capacity(groups.len());
        for (at, &group) in groups.iter().enumerate() {
            let total = self.totals.get(group);
            if total.count == 0 {
                out.push(None);
                continue;
            }
            let value = self.result(total).and_then(|v| v.to_i128()).filter(|v| (low..=limit).contains(v));
            if value.is_none() {
                let message = if low == -limit { "numeric field overflow" } else { "bigint out of range" };
                errors.push(OutputError { at, code: "22003", message: message.to_string() });
            }
            out.push(value);
        }
        let array: ArrayRef = match &self.output {
            DataType::Decimal128(precision, scale) => {
                Arc::new(out.into_iter().collect::<Decimal128Array>().with_precision_and_scale(*precision, *scale)?)
            }
            _ => Arc::new(out.into_iter().map(|v| v.map(|v| v as i64)).collect::<Int64Array>()),
        };
        Ok((array, errors))
    }

    fn commit(&mut self) {
        self.totals.commit();
    }

    fn abort(&mut self) {
        self.totals.abort();
    }

    fn bytes(&self) -> usize {
        self.totals.bytes()
    }
}

/// Reads values of any exact type.
fn reader(values: &ArrayRef) -> Box<dyn Fn(usize) -> i256 + '_> {
    match values.data_type() {
        DataType::Int16 => {
            let a = values.as_primitive::<Int16Type>();
            Box::new(move |i| i256::from(i64::from(a.value(i))))
        }
        DataType::Int32 => {
            let a = values.as_primitive::<Int32Type>();
            Box::new(move |i| i256::from(i64::from(a.value(i))))
        }
        DataType::Decimal128(_, _) => {
            let a = values.as_primitive::<Decimal128Type>();
            Box::new(move |i| i256::from_i128(a.value(i)))
        }
        _ => {
            let a = values.as_primitive::<Int64Type>();
            Box::new(move |i| i256::from(a.value(i)))
        }
    }
}
