//! Exact numbers, kept with the digits that they were written with: whoever stores them decides about rounding.

use crate::decode::invalid_text;
use arrow::datatypes::i256;
use datafusion::common::ScalarValue;
use sluice_sql::SqlError;

/// The most digits of a decimal of 128 bits.
const NARROW_DIGITS: usize = 38;
/// The most digits of a decimal of 256 bits.
const WIDE_DIGITS: usize = 76;

/// Reads `-12.50` or `1.5e-3`.
pub(crate) fn parse(text: &str) -> Result<ScalarValue, SqlError> {
    let invalid = || invalid_text("numeric", text);
    let trimmed = text.trim();
    let (negative, unsigned) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    if ["nan", "inf", "infinity"].iter().any(|name| name.eq_ignore_ascii_case(unsigned)) {
        return Err(not_finite());
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| invalid())?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid());
    }
    decimal(negative, digits.into_bytes(), fraction.len() as i64 - i64::from(exponent))
}

/// The error for what a decimal can't be.
pub(crate) fn not_finite() -> SqlError {
    SqlError::unsupported("NaN or infinity as a numeric", "Use double precision.")
}

/// The decimal with these digits, of which `scale` follow the point.
pub(crate) fn decimal(negative: bool, mut digits: Vec<u8>, scale: i64) -> Result<ScalarValue, SqlError> {
    let overflow = || SqlError::new("22003", "numeric field overflow").hint("Numbers have up to 38 digits.");
    let leading = digits.iter().take_while(|d| **d == b'0').count();
    digits.drain(..leading);
    // Zeros stand in for a negative scale; a zero needs none of them.
    let padding = if digits.is_empty() { 0 } else { scale.min(0).unsigned_abs() as usize };
    let scale = scale.max(0) as usize;
    let precision = (digits.len() + padding).max(scale).max(1);
    if precision > WIDE_DIGITS {
        return Err(overflow());
    }
    digits.resize(digits.len() + padding, b'0');
    let text = std::str::from_utf8(&digits).map_err(SqlError::internal)?;
    let text = if text.is_empty() { "0" } else { text };
    if precision <= NARROW_DIGITS {
        let size: i128 = text.parse().map_err(|_| overflow())?;
        let value = if negative { -size } else { size };
        return Ok(ScalarValue::Decimal128(Some(value), precision as u8, scale as i8));
    }
    let size = i256::from_string(text).ok_or_else(overflow)?;
    let value = if negative { size.wrapping_neg() } else { size };
    Ok(ScalarValue::Decimal256(Some(value), precision as u8, scale as i8))
}

/// Gives decimals, as an array's elements must have it, one scale.
pub(crate) fn same_scale(values: Vec<ScalarValue>) -> Result<Vec<ScalarValue>, SqlError> {
    let parts = |value: &ScalarValue| match value {
        ScalarValue::Decimal128(Some(v), _, scale) => (Some(i256::from_i128(*v)), *scale),
        ScalarValue::Decimal256(Some(v), _, scale) => (Some(*v), *scale),
        _ => (None, 0),
    };
    let scale = values.iter().map(|v| parts(v).1).max().unwrap_or(0);
    let overflow = || SqlError::new("22003", "numeric field overflow").hint("Numbers have up to 38 digits.");
    let scaled = values.iter().map(|value| {
        let (value, own) = parts(value);
        let factor = i256::from_i128(10).checked_pow(u32::from((scale - own).unsigned_abs())).ok_or_else(overflow)?;
        value.map(|v| v.checked_mul(factor).ok_or_else(overflow)).transpose()
    });
    let scaled = scaled.collect::<Result<Vec<_>, SqlError>>()?;
    let limit = i256::from_i128(10i128.pow(NARROW_DIGITS as u32));
    if scale as usize <= NARROW_DIGITS && scaled.iter().flatten().all(|v| v.wrapping_abs() < limit) {
        let narrow = |v: &Option<i256>| v.and_then(|v| v.to_i128());
        return Ok(scaled.iter().map(|v| ScalarValue::Decimal128(narrow(v), NARROW_DIGITS as u8, scale)).collect());
    }
    Ok(scaled.into_iter().map(|v| ScalarValue::Decimal256(v, WIDE_DIGITS as u8, scale)).collect())
}
