//! Parameters in text format.

use crate::decode::{array, interval, invalid_text, numeric, plain_name};
use datafusion::common::ScalarValue;
use sluice_sql::{SqlError, SqlType, Zone};
use std::num::IntErrorKind;
use std::str::FromStr;

/// Reads a value of a type.
pub(crate) fn value(ty: &SqlType, text: &str, zone: Zone) -> Result<ScalarValue, SqlError> {
    Ok(match ty {
        SqlType::Bool => ScalarValue::Boolean(Some(boolean(text).ok_or_else(|| invalid(ty, text))?)),
        SqlType::Int2 => ScalarValue::Int16(Some(integer(ty, text)?)),
        SqlType::Int4 => ScalarValue::Int32(Some(integer(ty, text)?)),
        SqlType::Int8 => ScalarValue::Int64(Some(integer(ty, text)?)),
        SqlType::Oid => ScalarValue::Int64(Some(integer::<u32>(ty, text)?.into())),
        SqlType::Float4 => ScalarValue::Float32(Some(float(ty, text)?)),
        SqlType::Float8 => ScalarValue::Float64(Some(float(ty, text)?)),
        SqlType::Numeric(_) => numeric::parse(text)?,
        SqlType::Date => ScalarValue::Date32(Some(sluice_sql::datetime::date(text)?)),
        SqlType::Timestamp => ScalarValue::TimestampMicrosecond(Some(sluice_sql::datetime::timestamp(text)?), None),
        SqlType::TimestampTz => {
            let micros = sluice_sql::datetime::timestamptz(text, zone)?;
            ScalarValue::TimestampMicrosecond(Some(micros), Some(sluice_sql::UTC.into()))
        }
        SqlType::Interval => ScalarValue::IntervalMonthDayNano(Some(interval::parse(text)?)),
        SqlType::Uuid => ScalarValue::Utf8View(Some(sluice_sql::canonical_uuid(text)?)),
        SqlType::Bytea => ScalarValue::BinaryView(Some(bytea(text)?)),
        SqlType::Array(element) => array::parse(element, text, zone)?,
        SqlType::Char => ScalarValue::Utf8View(Some(text.chars().take(1).collect())),
        SqlType::Text
        | SqlType::Varchar(_)
        | SqlType::Name
        | SqlType::Json
        | SqlType::Jsonb
        | SqlType::Regclass
        | SqlType::Int2Vector
        | SqlType::Void
        | SqlType::Unknown => ScalarValue::Utf8View(Some(text.to_string())),
        SqlType::Record => {
            return Err(SqlError::unsupported("a parameter of type record", "Pass its fields one by one."));
        }
    })
}

fn invalid(ty: &SqlType, text: &str) -> SqlError {
    invalid_text(&plain_name(ty), text)
}

/// Words that mean true and false may be shortened as long as they differ.
fn boolean(text: &str) -> Option<bool> {
    let word = text.trim().to_ascii_lowercase();
    let means = |full: &str, least: usize| word.len() >= least && full.starts_with(&word);
    match word.as_str() {
        "1" => Some(true),
        "0" => Some(false),
        _ if means("true", 1) || means("yes", 1) || means("on", 2) => Some(true),
        _ if means("false", 1) || means("no", 1) || means("off", 2) => Some(false),
        _ => None,
    }
}

fn integer<T: FromStr<Err = std::num::ParseIntError>>(ty: &SqlType, text: &str) -> Result<T, SqlError> {
    text.trim().parse().map_err(|e: std::num::ParseIntError| match e.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
            SqlError::new("22003", format!("value \"{text}\" is out of range for type {}", ty.name()))
        }
        _ => invalid(ty, text),
    })
}

trait Float: FromStr {
    fn is_infinite(&self) -> bool;
    fn is_zero(&self) -> bool;
}

impl Float for f32 {
    fn is_infinite(&self) -> bool {
        f32::is_infinite(*self)
    }
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
}

impl Float for f64 {
    fn is_infinite(&self) -> bool {
        f64::is_infinite(*self)
    }
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
}

fn float<T: Float>(ty: &SqlType, text: &str) -> Result<T, SqlError> {
    let trimmed = text.trim();
    let value: T = trimmed.parse().map_err(|_| invalid(ty, text))?;
    let mantissa = trimmed.split(['e', 'E']).next().unwrap_or_default();
    let overflows = value.is_infinite() && trimmed.contains(|c: char| c.is_ascii_digit());
    let underflows = value.is_zero() && mantissa.contains(|c: char| matches!(c, '1'..='9'));
    if overflows || underflows {
        return Err(SqlError::new("22003", format!("\"{text}\" is out of range for type {}", ty.name())));
    }
    Ok(value)
}

/// `\x` and hex digits, or text in which a backslash starts an octal byte.
fn bytea(text: &str) -> Result<Vec<u8>, SqlError> {
    if let Some(hex) = text.strip_prefix("\\x") {
        let mut bytes = Vec::with_capacity(hex.len() / 2);
        let mut digits = hex.chars().filter(|c| !c.is_ascii_whitespace());
        while let Some(high) = digits.next() {
            let digit = |c: char| {
                c.to_digit(16).ok_or_else(|| SqlError::new("22023", format!("invalid hexadecimal digit: \"{c}\"")))
            };
            let low = digits.next();
            let low = low.ok_or_else(|| SqlError::new("22023", "invalid hexadecimal data: odd number of digits"))?;
            bytes.push((digit(high)? * 16 + digit(low)?) as u8);
        }
        return Ok(bytes);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        (rest, _) = match (first, after) {
            (b'\\', [b'\\', tail @ ..]) => (tail, bytes.push(b'\\')),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                (tail, bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0')))
            }
            (b'\\', _) => return Err(SqlError::new("22P02", "invalid input syntax for type bytea")),
            (plain, tail) => (tail, bytes.push(*plain)),
        };
    }
    Ok(bytes)
}
