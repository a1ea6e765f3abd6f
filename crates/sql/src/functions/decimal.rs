//! Decimal arithmetic that rounds half away from zero, as PostgreSQL's numeric does.

use arrow::datatypes::i256;
pub(crate) use sluice_flow::round_div;

/// The scale that quotients and means have here. PostgreSQL's varies by value, which a column can't.
pub(crate) const QUOTIENT_SCALE: i8 = 16;

/// The greatest number of digits a column holds.
pub(crate) const MAX_PRECISION: u8 = 38;

/// `value * 10^by`, or divided by it with rounding where `by` is negative.
pub(crate) fn rescale(value: i256, by: i32) -> Option<i256> {
    let factor = i256::from(10i64).checked_pow(by.unsigned_abs())?;
    if by >= 0 { value.checked_mul(factor) } else { round_div(value, factor) }
}

/// The value as a decimal of `precision` digits, if it fits.
pub(crate) fn fit(value: i256, precision: u8) -> Option<i128> {
    let limit = i128::pow(10, u32::from(precision));
    value.to_i128().filter(|v| *v < limit && *v > -limit)
}

/// How many decimals it takes to write a number down; `None` if the text is none.
pub(crate) fn scale_needed(text: &str) -> Option<i64> {
    let (mantissa, exponent) = text.trim().split_once(['e', 'E']).unwrap_or((text.trim(), "0"));
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits = mantissa.replace('.', "");
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let exponent: i64 = exponent.parse().ok()?;
    (digits.len() > zeros).then(|| fraction.len() as i64 - zeros as i64 - exponent).or(Some(0))
}
