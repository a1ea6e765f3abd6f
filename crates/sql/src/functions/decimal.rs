//! Decimal arithmetic that rounds half away from zero, as PostgreSQL's numeric does.

use arrow::datatypes::i256;

/// The scale that quotients and means have here. PostgreSQL's varies by value, which a column can't.
pub(crate) const QUOTIENT_SCALE: i8 = 16;

/// The greatest number of digits a column holds.
pub(crate) const MAX_PRECISION: u8 = 38;

/// `numerator / denominator` to the nearest integer, halves away from zero; `None` on overflow or division by zero.
pub(crate) fn round_div(numerator: i256, denominator: i256) -> Option<i256> {
    let quotient = numerator.checked_div(denominator)?;
    let rest = numerator.checked_rem(denominator)?;
    let twice = rest.wrapping_abs().checked_mul(i256::from(2i64))?;
    if twice < denominator.wrapping_abs() {
        return Some(quotient);
    }
    let negative = numerator.is_negative() != denominator.is_negative();
    quotient.checked_add(i256::from(if negative { -1i64 } else { 1 }))
}

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
