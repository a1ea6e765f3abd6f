//! `to_char`, `to_date` and `to_timestamp` with PostgreSQL's patterns. A pattern that is not built is refused.

mod number;
mod parse;
mod pattern;
mod show;

use super::arithmetic::coded;
use super::cast::cast_column;
use super::decimal::rescale;
use crate::error::external;
use crate::types::UTC;
use crate::{SqlError, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringViewArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, TimeUnit, TimestampMicrosecondType, i256};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use number::NumberPattern;
use pattern::Pattern;
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Show,
    ReadDate,
    ReadTimestamp,
}

/// One of the three functions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Format {
    which: Which,
    signature: Signature,
}

impl Format {
    pub(crate) fn all() -> [Self; 3] {
        let signature = || Signature::user_defined(Volatility::Immutable);
        [Which::Show, Which::ReadDate, Which::ReadTimestamp].map(|which| Self { which, signature: signature() })
    }
}

fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &str {
        match self.which {
            Which::Show => "to_char",
            Which::ReadDate => "to_date",
            Which::ReadTimestamp => "to_timestamp",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let text = DataType::Utf8View;
        match (self.which, types) {
            (Which::ReadTimestamp, [number]) if number.is_numeric() || number.is_null() => Ok(vec![DataType::Float64]),
            (Which::ReadDate | Which::ReadTimestamp, [value, _]) if is_text(value) => Ok(vec![text.clone(), text]),
            (Which::Show, [value, format]) if is_text(format) => match value {
                DataType::Timestamp(_, None) => Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, None), text]),
                DataType::Timestamp(_, Some(_)) | DataType::Date32 | DataType::Null => Ok(vec![zoned(), text]),
                number if number.is_integer() => Ok(vec![DataType::Decimal128(20, 0), text]),
                DataType::Decimal128(_, _) => Ok(vec![value.clone(), text]),
                DataType::Float32 | DataType::Float64 => Ok(vec![DataType::Decimal128(38, 15), text]),
                other => Err(external(SqlError::unsupported(
                    format!("to_char of type {}", SqlType::of_arrow(other).name()),
                    "It formats dates, timestamps and numbers.",
                ))),
            },
            _ => {
                let types: Vec<String> = types.iter().map(|t| SqlType::of_arrow(t).name()).collect();
                let message = format!("function {}({}) does not exist", self.name(), types.join(", "));
                Err(external(SqlError::new("42883", message).hint("It takes a value and a pattern: 'YYYY-MM-DD'.")))
            }
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.which {
            Which::Show => DataType::Utf8View,
            Which::ReadDate => DataType::Date32,
            Which::ReadTimestamp => zoned(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|a| a.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = match arrays.as_slice() {
            [epoch] => from_epoch(epoch)?,
            [values, patterns] if matches!(values.data_type(), DataType::Decimal128(_, _)) => {
                numbers(values, &cast_column(patterns, &DataType::Utf8View)?)?
            }
            [values, patterns] => self.format(values, &cast_column(patterns, &DataType::Utf8View)?)?,
            _ => return Err(coded("42883", "a value and a pattern are expected")),
        };
        crate::functions::one_or_all(scalar, result)
    }
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
}

impl Format {
    fn format(&self, values: &ArrayRef, patterns: &ArrayRef) -> Result<ArrayRef> {
        let mut patterns = Patterns { texts: patterns.as_string_view(), last: None };
        match self.which {
            Which::Show => {
                let has_zone = matches!(values.data_type(), DataType::Timestamp(_, Some(_)));
                let values = values.as_primitive::<TimestampMicrosecondType>();
                let shown = (0..values.len()).map(|row| {
                    let Some(pattern) = patterns.at(row)?.filter(|_| values.is_valid(row)) else { return Ok(None) };
                    show::show(pattern, values.value(row), has_zone).map(Some).map_err(external)
                });
                Ok(Arc::new(shown.collect::<Result<StringViewArray>>()?))
            }
            Which::ReadDate | Which::ReadTimestamp => {
                let texts = cast_column(values, &DataType::Utf8View)?;
                let texts = texts.as_string_view();
                let mut read = |row: usize| {
                    let Some(pattern) = patterns.at(row)?.filter(|_| texts.is_valid(row)) else { return Ok(None) };
                    parse::parse(pattern, texts.value(row)).map(Some).map_err(external)
                };
                if self.which == Which::ReadDate {
                    let days = (0..texts.len()).map(|row| Ok(read(row)?.map(|micros| micros.div_euclid(DAY) as i32)));
                    let days: PrimitiveArray<Date32Type> = days.collect::<Result<Vec<_>>>()?.into();
                    return Ok(Arc::new(days));
                }
                let micros = (0..texts.len()).map(read).collect::<Result<Vec<_>>>()?;
                Ok(Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from(micros).with_timezone(UTC)))
            }
        }
    }
}

/// Exact numbers by the pattern of each row.
fn numbers(values: &ArrayRef, patterns: &ArrayRef) -> Result<ArrayRef> {
    let (values, patterns) = (values.as_primitive::<Decimal128Type>(), patterns.as_string_view());
    let mut last: Option<(&str, NumberPattern)> = None;
    let shown = (0..values.len()).map(|row| {
        if values.is_null(row) || patterns.is_null(row) {
            return Ok(None);
        }
        let text = patterns.value(row);
        let pattern = match last.take() {
            Some((known, pattern)) if known == text => pattern,
            _ => NumberPattern::read(text).map_err(external)?,
        };
        let value = values.value(row);
        let by = pattern.decimals as i32 - i32::from(values.scale());
        let rounded = rescale(i256::from_i128(value), by).ok_or_else(|| coded("22003", "numeric field overflow"))?;
        let digits = rounded.wrapping_abs().to_string();
        let width = pattern.decimals + 1;
        let out = pattern.show(rounded.is_negative(), &format!("{digits:0>width$}"));
        last = Some((text, pattern));
        Ok(Some(out))
    });
    Ok(Arc::new(shown.collect::<Result<StringViewArray>>()?))
}

/// Seconds since 1970, as PostgreSQL rounds them.
fn from_epoch(seconds: &ArrayRef) -> Result<ArrayRef> {
    let seconds = cast_column(seconds, &DataType::Float64)?;
    let micros = seconds.as_primitive::<Float64Type>().iter().map(|v| {
        v.map(|v| {
            let micros = (v * 1e6).round_ties_even();
            let fits = micros.abs() < 9.2e18;
            fits.then_some(micros as i64).ok_or_else(|| coded("22008", &format!("timestamp out of range: \"{v}\"")))
        })
        .transpose()
    });
    let micros: PrimitiveArray<TimestampMicrosecondType> = micros.collect::<Result<Vec<_>>>()?.into();
    Ok(Arc::new(micros.with_timezone(UTC)))
}

/// The pattern of each row, read once where it is the same for all.
struct Patterns<'a> {
    texts: &'a StringViewArray,
    last: Option<(String, Pattern)>,
}

impl Patterns<'_> {
    fn at(&mut self, row: usize) -> Result<Option<&Pattern>> {
        if self.texts.is_null(row) {
            return Ok(None);
        }
        let text = self.texts.value(row);
        if self.last.as_ref().is_none_or(|(last, _)| last != text) {
            self.last = Some((text.to_string(), Pattern::read(text).map_err(external)?));
        }
        Ok(self.last.as_ref().map(|(_, pattern)| pattern))
    }
}
