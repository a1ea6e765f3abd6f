//! Casts whose result or whose refusal differs from Arrow's.

use super::arithmetic::coded;
use super::decimal::{fit, rescale};
use crate::types::UTC;
use crate::{SqlType, Zone, datetime};
use arrow::array::PrimitiveArray;
use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit, TimestampMicrosecondType, i256,
};
use chrono::{DateTime, Datelike, Timelike};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// A cast to one type, as PostgreSQL does it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cast {
    target: DataType,
    name: String,
    signature: Signature,
}

impl Cast {
    pub(crate) fn new(target: DataType) -> Self {
        let name = format!("cast_to_{}", SqlType::of_arrow(&target).name().replace(' ', "_"));
        Self { target, name, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// Whether PostgreSQL's cast between these types differs from Arrow's.
    pub(crate) fn differs(from: &DataType, to: &DataType) -> bool {
        let text = is_text(from) && !is_text(to) && !matches!(to, DataType::Null);
        let rounds = (from.is_floating() || matches!(from, DataType::Decimal128(_, _))) && to.is_integer();
        let decimal = matches!(to, DataType::Decimal128(_, _)) && from.is_numeric();
        use DataType as T;
        let shown = from.is_floating()
            || matches!(from, T::Timestamp(_, _) | T::Date32 | T::Interval(_) | T::Duration(_) | T::List(_))
            || matches!(from, T::Binary | T::LargeBinary | T::BinaryView);
        let narrows = from.is_integer() && to.is_integer() && from.primitive_width() > to.primitive_width();
        text || rounds || decimal || narrows || (shown && is_text(to))
    }
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

impl ScalarUDFImpl for Cast {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &args.args[0] {
            ColumnarValue::Array(a) => Ok(ColumnarValue::Array(cast_column(a, &self.target)?)),
            ColumnarValue::Scalar(s) => {
                let array = cast_column(&s.to_array()?, &self.target)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
        }
    }

    fn is_strict(&self) -> bool {
        true
    }
}

/// Casts a column as an explicit cast or an assignment does: numbers round, what does not fit is an error.
pub fn cast_column(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    use DataType as T;
    if column.data_type() == target {
        return Ok(ArrayRef::clone(column));
    }
    match (column.data_type(), target) {
        (T::Float32 | T::Float64, T::Int16) => float_to_int::<Int16Type>(column, "smallint"),
        (T::Float32 | T::Float64, T::Int32) => float_to_int::<Int32Type>(column, "integer"),
        (T::Float32 | T::Float64, T::Int64) => float_to_int::<Int64Type>(column, "bigint"),
        (T::Decimal128(_, s), T::Int16) => decimal_to_int::<Int16Type>(column, *s, "smallint"),
        (T::Decimal128(_, s), T::Int32) => decimal_to_int::<Int32Type>(column, *s, "integer"),
        (T::Decimal128(_, s), T::Int64) => decimal_to_int::<Int64Type>(column, *s, "bigint"),
        (T::Decimal128(_, from), T::Decimal128(p, s)) => rescale_decimals(column, *from, *p, *s),
        (T::Float32 | T::Float64, to) if is_text(to) => floats_to_text(column, to),
        (T::Date32, to) if is_text(to) => dates_to_text(column, to),
        (T::Timestamp(_, zone), to) if is_text(to) => timestamps_to_text(column, zone.is_some(), to),
        (T::Interval(_) | T::Duration(_), to) if is_text(to) => intervals_to_text(column, to),
        (T::Binary | T::LargeBinary | T::BinaryView, to) if is_text(to) => bytes_to_text(column, to),
        (T::List(_), to) if is_text(to) => plain(&super::array_text::texts(column)?, to),
        (from, T::List(_)) if is_text(from) => Err(crate::error::external(crate::SqlError::unsupported(
            "a cast of text to an array",
            "Write the elements: ARRAY[1, 2]; or take it apart: string_to_array(text, ',').",
        ))),
        (from, to) if is_text(from) && !is_text(to) => text_to(column, to),
        (from, to) => plain(column, to).map_err(|e| match e.find_root() {
            datafusion::error::DataFusionError::ArrowError(_, _) if from.is_numeric() && to.is_integer() => {
                coded("22003", &format!("{} out of range", SqlType::of_arrow(to).name()))
            }
            datafusion::error::DataFusionError::ArrowError(_, _) if matches!(to, T::Decimal128(_, _)) => overflow(),
            _ => e,
        }),
    }
}

fn overflow() -> datafusion::error::DataFusionError {
    coded("22003", "numeric field overflow")
}

fn plain(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..Default::default() };
    Ok(cast_with_options(column, target, &strict)?)
}

fn float_to_int<T: ArrowPrimitiveType>(column: &ArrayRef, name: &str) -> Result<ArrayRef>
where
    T::Native: TryFrom<i64>,
{
    let wide = plain(column, &DataType::Float64)?;
    let convert = |v: f64| -> Result<T::Native> {
        let rounded = v.round_ties_even();
        let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
        let narrow = in_range.then_some(rounded as i64).and_then(|v| T::Native::try_from(v).ok());
        narrow.ok_or_else(|| coded("22003", &format!("{name} out of range")))
    };
    let values = wide.as_primitive::<Float64Type>().iter().map(|v| v.map(convert).transpose());
    let array: PrimitiveArray<T> = values.collect::<Result<Vec<_>>>()?.into_iter().collect();
    Ok(Arc::new(array))
}

fn decimal_to_int<T: ArrowPrimitiveType>(column: &ArrayRef, scale: i8, name: &str) -> Result<ArrayRef>
where
    T::Native: TryFrom<i128>,
{
    let convert = |v: i128| -> Result<T::Native> {
        let rounded = rescale(i256::from_i128(v), -i32::from(scale)).and_then(|v| v.to_i128());
        let narrow = rounded.and_then(|v| T::Native::try_from(v).ok());
        narrow.ok_or_else(|| coded("22003", &format!("{name} out of range")))
    };
    let values = column.as_primitive::<Decimal128Type>().iter().map(|v| v.map(convert).transpose());
    let array: PrimitiveArray<T> = values.collect::<Result<Vec<_>>>()?.into_iter().collect();
    Ok(Arc::new(array))
}

fn rescale_decimals(column: &ArrayRef, from: i8, precision: u8, scale: i8) -> Result<ArrayRef> {
    let by = i32::from(scale) - i32::from(from);
    let convert = |v: i128| rescale(i256::from_i128(v), by).and_then(|v| fit(v, precision)).ok_or_else(overflow);
    let values = column.as_primitive::<Decimal128Type>().iter().map(|v| v.map(convert).transpose());
    let array: PrimitiveArray<Decimal128Type> = values.collect::<Result<Vec<_>>>()?.into_iter().collect();
    Ok(Arc::new(array.with_precision_and_scale(precision, scale)?))
}

/// Parses text; a value that does not parse is named in the error.
fn text_to(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let view = plain(column, &DataType::Utf8View)?;
    let trimmed: ArrayRef = if matches!(target, DataType::Binary | DataType::BinaryView) {
        return bytes(view.as_string_view(), target);
    } else if matches!(target, DataType::Interval(_)) {
        let spelled = |v: &str| super::interval_text::spelled(v).ok_or_else(|| text_error("interval", v));
        let spelled = view.as_string_view().iter().map(|v| v.map(spelled).transpose());
        Arc::new(spelled.collect::<Result<StringViewArray>>()?)
    } else {
        Arc::new(view.as_string_view().iter().map(|v| v.map(str::trim)).collect::<StringViewArray>())
    };
    if let Ok(parsed) = plain(&trimmed, target)
        && parsed.null_count() == trimmed.null_count()
    {
        return Ok(parsed);
    }
    // A decimal with more digits than the column keeps is rounded, which Arrow's parser does not do for exponents.
    let lenient = cast_with_options(&trimmed, target, &CastOptions { safe: true, ..Default::default() })?;
    let bad = (0..trimmed.len()).find(|&i| lenient.is_null(i) && trimmed.is_valid(i));
    let name = SqlType::of_arrow(target).name();
    let name = name.split('(').next().unwrap_or_default();
    match bad {
        // Arrow's parser is fast and knows few forms of times.
        Some(_) if target.is_temporal() && SqlType::of_arrow(target) != SqlType::Interval => {
            time_from_text(&trimmed, target, Zone::Utc)
        }
        Some(i) => Err(text_error(name, view.as_string_view().value(i))),
        None => Ok(lenient),
    }
}

/// Dates and timestamps in all the forms that PostgreSQL reads; without an offset they are the zone's local time.
pub(super) fn time_from_text(column: &ArrayRef, target: &DataType, zone: Zone) -> Result<ArrayRef> {
    let view = plain(column, &DataType::Utf8View)?;
    let text = view.as_string_view().iter();
    let read: ArrayRef = match target {
        DataType::Date32 => {
            let days = text.map(|v| v.map(datetime::date).transpose().map_err(|e| coded(&e.code, &e.message)));
            Arc::new(days.collect::<Result<PrimitiveArray<Date32Type>>>()?)
        }
        DataType::Timestamp(_, None) => {
            let micros = text.map(|v| v.map(datetime::timestamp).transpose().map_err(|e| coded(&e.code, &e.message)));
            Arc::new(micros.collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?)
        }
        DataType::Timestamp(_, Some(_)) => {
            let micros = text
                .map(|v| v.map(|v| datetime::timestamptz(v, zone)).transpose().map_err(|e| coded(&e.code, &e.message)));
            Arc::new(micros.collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?.with_timezone(UTC))
        }
        _ => return plain(column, target),
    };
    plain(&read, target)
}

fn text_error(name: &str, value: &str) -> datafusion::error::DataFusionError {
    let looks_numeric = !value.trim().is_empty() && value.trim().parse::<f64>().is_ok_and(f64::is_finite);
    match name {
        "smallint" | "integer" | "bigint" if looks_numeric && !value.contains(['.', 'e', 'E']) => {
            coded("22003", &format!("value \"{value}\" is out of range for type {name}"))
        }
        "numeric" if looks_numeric => overflow(),
        "interval" => coded("22007", &format!("invalid input syntax for type interval: \"{value}\"")),
        _ => coded("22P02", &format!("invalid input syntax for type {name}: \"{value}\"")),
    }
}

/// bytea's hex form, or its escape form.
fn bytes(text: &StringViewArray, target: &DataType) -> Result<ArrayRef> {
    let parse = |v: &str| -> Result<Vec<u8>> {
        let Some(hex) = v.strip_prefix("\\x") else {
            return unescaped(v).ok_or_else(|| coded("22P02", "invalid input syntax for type bytea"));
        };
        let bad = || coded("22P02", &format!("invalid input syntax for type bytea: \"{v}\""));
        if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
            return Err(bad());
        }
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).map_err(|_| bad())).collect()
    };
    let values = text.iter().map(|v| v.map(parse).transpose()).collect::<Result<Vec<_>>>()?;
    let array: arrow::array::BinaryArray = values.iter().map(|v| v.as_deref()).collect();
    plain(&(Arc::new(array) as ArrayRef), target)
}

/// bytea's escape form: `\\\\` and `\\ooo` stand for one byte each.
pub(super) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (vec![], text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        match rest {
            [b'\\', ..] => {
                out.push(b'\\');
                rest = &rest[1..];
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = &rest[3..];
            }
            _ => return None,
        }
    }
    Some(out)
}

fn floats_to_text(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let text: StringViewArray = match column.data_type() {
        DataType::Float32 => column
            .as_primitive::<Float32Type>()
            .iter()
            .map(|v| v.map(|v| float_text(&v.to_string(), &format!("{v:e}"), v.into())))
            .collect(),
        _ => column
            .as_primitive::<Float64Type>()
            .iter()
            .map(|v| v.map(|v| float_text(&v.to_string(), &format!("{v:e}"), v)))
            .collect(),
    };
    plain(&(Arc::new(text) as ArrayRef), target)
}

/// PostgreSQL writes the shortest digits that read back, with an exponent from 1e15 and below 1e-4.
fn float_text(shortest: &str, scientific: &str, value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e15).contains(&size) {
        return shortest.strip_suffix(".0").unwrap_or(shortest).to_string();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

fn intervals_to_text(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let intervals = plain(column, &SqlType::Interval.arrow())?;
    let shown = |i: IntervalMonthDayNano| {
        let mut text = String::new();
        // Writing into memory doesn't fail.
        let _ = super::interval_text::write_interval(&mut text, i.months, i.days, i.nanoseconds / 1_000);
        text
    };
    let text: StringViewArray =
        intervals.as_primitive::<IntervalMonthDayNanoType>().iter().map(|v| v.map(shown)).collect();
    plain(&(Arc::new(text) as ArrayRef), target)
}

/// In the hex form.
fn bytes_to_text(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let bytes = plain(column, &DataType::BinaryView)?;
    let hex = |v: &[u8]| v.iter().fold("\\x".to_string(), |text, byte| text + &format!("{byte:02x}"));
    let text: StringViewArray = bytes.as_binary_view().iter().map(|v| v.map(hex)).collect();
    plain(&(Arc::new(text) as ArrayRef), target)
}

/// As PostgreSQL shows dates: years of four digits and more, and those before 1 AD with `BC`.
fn dates_to_text(column: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let shown = |days: i32| {
        let text = timestamp_text(i64::from(days) * 86_400_000_000);
        text.replacen(" 00:00:00", "", 1)
    };
    let text: StringViewArray = column.as_primitive::<Date32Type>().iter().map(|v| v.map(shown)).collect();
    plain(&(Arc::new(text) as ArrayRef), target)
}

fn timestamps_to_text(column: &ArrayRef, zoned: bool, target: &DataType) -> Result<ArrayRef> {
    let micros = plain(column, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let zone = if zoned { "+00" } else { "" };
    let text: StringViewArray = micros
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .map(|v| v.map(|v| format!("{}{zone}", timestamp_text(v))))
        .collect();
    plain(&(Arc::new(text) as ArrayRef), target)
}

/// `2024-01-31 10:00:00.5`, as PostgreSQL shows microseconds since 1970.
pub fn timestamp_text(micros: i64) -> String {
    let Some(t) = DateTime::from_timestamp_micros(micros) else { return format!("{micros} us") };
    let fraction = match t.nanosecond() / 1_000 {
        0 => String::new(),
        f => format!(".{f:06}").trim_end_matches('0').to_string(),
    };
    let (year, era) = if t.year() > 0 { (t.year(), "") } else { (1 - t.year(), " BC") };
    format!("{year:04}-{:02}-{:02} {}{fraction}{era}", t.month(), t.day(), t.format("%H:%M:%S"))
}
