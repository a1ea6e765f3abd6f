//! Parameters in binary format.

use crate::decode::{array, numeric, plain_name, utf8};
use arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::ScalarValue;
use sluice_sql::calendar::{EPOCH_DAYS, EPOCH_MICROS};
use sluice_sql::{SqlError, SqlType};

const NUMERIC_NEGATIVE: u16 = 0x4000;
const NUMERIC_POSITIVE: u16 = 0;

/// Reads a value of a type.
pub(crate) fn value(ty: &SqlType, bytes: &[u8]) -> Result<ScalarValue, SqlError> {
    Ok(match ty {
        SqlType::Bool => match bytes {
            [byte] => ScalarValue::Boolean(Some(*byte != 0)),
            _ => return Err(malformed(ty)),
        },
        SqlType::Int2 => ScalarValue::Int16(Some(i16::from_be_bytes(exactly(ty, bytes)?))),
        SqlType::Int4 => ScalarValue::Int32(Some(i32::from_be_bytes(exactly(ty, bytes)?))),
        SqlType::Int8 => ScalarValue::Int64(Some(i64::from_be_bytes(exactly(ty, bytes)?))),
        SqlType::Oid => ScalarValue::Int64(Some(u32::from_be_bytes(exactly(ty, bytes)?).into())),
        SqlType::Float4 => ScalarValue::Float32(Some(f32::from_be_bytes(exactly(ty, bytes)?))),
        SqlType::Float8 => ScalarValue::Float64(Some(f64::from_be_bytes(exactly(ty, bytes)?))),
        SqlType::Numeric(_) => decimal(ty, bytes)?,
        SqlType::Date => ScalarValue::Date32(Some(date(i32::from_be_bytes(exactly(ty, bytes)?))?)),
        SqlType::Timestamp => ScalarValue::TimestampMicrosecond(Some(timestamp(ty, bytes)?), None),
        SqlType::TimestampTz => {
            ScalarValue::TimestampMicrosecond(Some(timestamp(ty, bytes)?), Some(sluice_sql::UTC.into()))
        }
        SqlType::Interval => ScalarValue::IntervalMonthDayNano(Some(interval(ty, bytes)?)),
        SqlType::Uuid => ScalarValue::Utf8View(Some(sluice_sql::uuid_text(&exactly(ty, bytes)?))),
        SqlType::Bytea => ScalarValue::BinaryView(Some(bytes.to_vec())),
        SqlType::Jsonb => match bytes {
            [1, json @ ..] => ScalarValue::Utf8View(Some(utf8(json)?.to_string())),
            _ => return Err(malformed(ty)),
        },
        SqlType::Array(element) => array::read(element, bytes)?,
        SqlType::Regclass => ScalarValue::Utf8View(Some(u32::from_be_bytes(exactly(ty, bytes)?).to_string())),
        SqlType::Char => match bytes {
            [0] => ScalarValue::Utf8View(Some(String::new())),
            [byte] if byte.is_ascii() => ScalarValue::Utf8View(Some(char::from(*byte).to_string())),
            _ => return Err(malformed(ty)),
        },
        SqlType::Text | SqlType::Varchar(_) | SqlType::Name | SqlType::Json | SqlType::Void | SqlType::Unknown => {
            ScalarValue::Utf8View(Some(utf8(bytes)?.to_string()))
        }
        SqlType::Int2Vector => {
            return Err(SqlError::unsupported("a parameter of type int2vector", "Pass it as text."));
        }
        SqlType::Record => {
            return Err(SqlError::unsupported("a parameter of type record", "Pass its fields one by one."));
        }
    })
}

/// The error for bytes that are no value of the type.
pub(crate) fn malformed(ty: &SqlType) -> SqlError {
    SqlError::new("22P03", format!("incorrect binary data format for type {}", plain_name(ty)))
}

fn exactly<const N: usize>(ty: &SqlType, bytes: &[u8]) -> Result<[u8; N], SqlError> {
    bytes.try_into().map_err(|_| malformed(ty))
}

fn date(days: i32) -> Result<i32, SqlError> {
    let infinite = matches!(days, i32::MIN | i32::MAX);
    days.checked_add(EPOCH_DAYS).filter(|_| !infinite).ok_or_else(|| infinite_or_far("date"))
}

fn timestamp(ty: &SqlType, bytes: &[u8]) -> Result<i64, SqlError> {
    let micros = i64::from_be_bytes(exactly(ty, bytes)?);
    let infinite = matches!(micros, i64::MIN | i64::MAX);
    micros.checked_add(EPOCH_MICROS).filter(|_| !infinite).ok_or_else(|| infinite_or_far("timestamp"))
}

fn infinite_or_far(ty: &str) -> SqlError {
    SqlError::new("22008", format!("{ty} out of range")).hint("There is no infinity here; use NULL.")
}

fn interval(ty: &SqlType, bytes: &[u8]) -> Result<IntervalMonthDayNano, SqlError> {
    let [a, b, c, d, e, f, g, h, days @ .., m1, m2, m3, m4] = exactly::<16>(ty, bytes)?;
    let micros = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let nanos = micros.checked_mul(1_000).ok_or_else(|| SqlError::new("22008", "interval out of range"))?;
    Ok(IntervalMonthDayNano::new(i32::from_be_bytes([m1, m2, m3, m4]), i32::from_be_bytes(days), nanos))
}

/// Digits in base 10,000: their count, the place of the first, the sign, the digits shown after the point.
fn decimal(ty: &SqlType, bytes: &[u8]) -> Result<ScalarValue, SqlError> {
    let mut words = bytes.chunks(2).map(|pair| pair.try_into().map(u16::from_be_bytes).map_err(|_| malformed(ty)));
    let mut next = || words.next().unwrap_or_else(|| Err(malformed(ty)));
    let (count, weight, sign, scale) = (next()?, next()?.cast_signed(), next()?, next()?);
    let negative = match sign {
        NUMERIC_POSITIVE => false,
        NUMERIC_NEGATIVE => true,
        _ => return Err(numeric::not_finite()),
    };
    if bytes.len() != 8 + 2 * usize::from(count) || scale > 16_383 {
        return Err(malformed(ty));
    }
    let mut digits = Vec::with_capacity(4 * usize::from(count));
    for _ in 0..count {
        let group = next()?;
        if group > 9_999 {
            return Err(malformed(ty));
        }
        digits.extend([group / 1_000, group / 100 % 10, group / 10 % 10, group % 10].map(|d| b'0' + d as u8));
    }
    if count == 0 {
        return numeric::decimal(false, Vec::new(), scale.into());
    }
    // Digits of the groups that follow the point; the last group may have more or fewer of them than are shown.
    let written = 4 * (i64::from(count) - 1 - i64::from(weight));
    let shown = i64::from(scale);
    if written > shown {
        let surplus = usize::try_from(written - shown).map_err(SqlError::internal)?.min(digits.len());
        digits.truncate(digits.len() - surplus);
    } else {
        let missing = usize::try_from(shown - written).map_err(SqlError::internal)?;
        digits.resize(digits.len() + missing, b'0');
    }
    numeric::decimal(negative, digits, shown)
}
