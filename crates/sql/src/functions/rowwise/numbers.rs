//! Functions of numbers.

use super::{Cell, Spec, Ty, decimal, float, int, spec, text};
use crate::functions::decimal::rescale;
use crate::{Result, SqlError};
use arrow::datatypes::i256;

pub(super) const SPECS: &[Spec] = &[
    spec("div", &[Ty::Numeric, Ty::Numeric], Ty::Whole, div),
    spec("trunc_whole", &[Ty::Numeric], Ty::Whole, |c| Ok(Cell::Decimal(whole(decimal(c, 0)), 0))),
    spec("trunc_whole", &[Ty::Float], Ty::Float, |c| Ok(Cell::Float(float(c, 0).trunc()))),
    spec("scale", &[Ty::Numeric], Ty::Int4, |c| Ok(Cell::Int(decimal(c, 0).1.into()))),
    spec("min_scale", &[Ty::Numeric], Ty::Int4, min_scale),
    spec("width_bucket", &[Ty::Numeric, Ty::Numeric, Ty::Numeric, Ty::Int4], Ty::Int4, bucket_of_numeric),
    spec("width_bucket", &[Ty::Float, Ty::Float, Ty::Float, Ty::Int4], Ty::Int4, bucket_of_float),
    spec("to_number", &[Ty::Text, Ty::Text], Ty::Numeric, to_number),
];

fn overflow() -> SqlError {
    SqlError::new("22003", "numeric field overflow")
}

fn whole((value, scale): (i128, i8)) -> i128 {
    value / 10i128.pow(scale.max(0) as u32)
}

/// Both values with the greater one's scale.
fn alike(a: (i128, i8), b: (i128, i8)) -> Result<(i256, i256)> {
    let scale = a.1.max(b.1);
    let to = |(v, s): (i128, i8)| rescale(i256::from_i128(v), i32::from(scale - s)).ok_or_else(overflow);
    Ok((to(a)?, to(b)?))
}

fn div(cells: &[Cell]) -> Result<Cell> {
    let (a, b) = alike(decimal(cells, 0), decimal(cells, 1))?;
    let quotient = a.checked_div(b).ok_or_else(|| SqlError::new("22012", "division by zero"))?;
    Ok(Cell::Decimal(quotient.to_i128().ok_or_else(overflow)?, 0))
}

fn min_scale(cells: &[Cell]) -> Result<Cell> {
    let (mut value, mut scale) = decimal(cells, 0);
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    Ok(Cell::Int(scale.into()))
}

fn buckets(cells: &[Cell]) -> Result<i64> {
    match int(cells, 3) {
        ..=0 => Err(SqlError::new("2201G", "count must be greater than zero")),
        count => Ok(count),
    }
}

fn equal_bounds() -> SqlError {
    SqlError::new("2201G", "lower bound cannot equal upper bound")
}

fn bucket_of_numeric(cells: &[Cell]) -> Result<Cell> {
    let (count, low) = (buckets(cells)?, decimal(cells, 1));
    let (high, low_as_high) = alike(decimal(cells, 2), low)?;
    let (value, low_as_value) = alike(decimal(cells, 0), low)?;
    if high == low_as_high {
        return Err(equal_bounds());
    }
    // The distances from the lower bound, in the direction of the upper one.
    let up = high > low_as_high;
    let distance = |a: i256, b: i256| if up { a.checked_sub(b) } else { b.checked_sub(a) }.ok_or_else(overflow);
    let (mut at, mut range) = (distance(value, low_as_value)?, distance(high, low_as_high)?);
    let (scale_at, scale_range) = (decimal(cells, 0).1.max(low.1), decimal(cells, 2).1.max(low.1));
    at = rescale(at, i32::from(scale_range - scale_at).max(0)).ok_or_else(overflow)?;
    range = rescale(range, i32::from(scale_at - scale_range).max(0)).ok_or_else(overflow)?;
    if at.is_negative() {
        return Ok(Cell::Int(0));
    }
    if at >= range {
        return Ok(Cell::Int(count + 1));
    }
    let scaled = at.checked_mul(i256::from(count)).and_then(|v| v.checked_div(range)).ok_or_else(overflow)?;
    Ok(Cell::Int(scaled.to_i128().ok_or_else(overflow)? as i64 + 1))
}

fn bucket_of_float(cells: &[Cell]) -> Result<Cell> {
    let (count, value, low, high) = (buckets(cells)?, float(cells, 0), float(cells, 1), float(cells, 2));
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(SqlError::new("2201G", "operand, lower bound, and upper bound cannot be NaN"));
    }
    if !low.is_finite() || !high.is_finite() {
        return Err(SqlError::new("2201G", "lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(equal_bounds());
    }
    let (before, after) = if low < high { (value < low, value >= high) } else { (value > low, value <= high) };
    if before || after {
        return Ok(Cell::Int(if before { 0 } else { count + 1 }));
    }
    Ok(Cell::Int((count as f64 * ((value - low) / (high - low))) as i64 + 1))
}

/// Digits where the pattern has some; signs, points, groups and other text are stepped over.
fn to_number(cells: &[Cell]) -> Result<Cell> {
    let (input, pattern) = (text(cells, 0), text(cells, 1).to_uppercase());
    let mut input = input.trim_start().chars().peekable();
    let mut pattern = pattern.chars().peekable();
    let (mut digits, mut scale, mut point, mut negative) = (0i128, 0i8, false, false);
    while let Some(c) = pattern.next() {
        if let Some(sign) = input.next_if(|c| matches!(c, '-' | '+' | '<')) {
            negative |= sign != '+';
        }
        match c {
            '9' | '0' => {
                if let Some(digit) = input.next_if(char::is_ascii_digit).and_then(|d| d.to_digit(10)) {
                    digits = digits.checked_mul(10).and_then(|v| v.checked_add(digit.into())).ok_or_else(overflow)?;
                    scale += i8::from(point);
                }
            }
            '.' | 'D' => {
                input.next_if_eq(&'.');
                point = true;
            }
            ',' | 'G' => {
                input.next_if_eq(&',');
            }
            'S' => {}
            'M' if pattern.next_if_eq(&'I').is_some() => {}
            'P' if pattern.next_if(|c| matches!(c, 'R' | 'L')).is_some() => {}
            'F' if pattern.next_if_eq(&'M').is_some() => {}
            'L' => {
                input.next_if(|c| !c.is_ascii_digit() && !matches!(c, '-' | '+' | '.' | ','));
            }
            c if c.is_ascii_alphabetic() || c == '"' => {
                let pattern = text(cells, 1);
                return Err(SqlError::unsupported(
                    format!("the number pattern \"{pattern}\""),
                    "Patterns: 9 0 . , D G L FM S MI PR.",
                ));
            }
            _ => {
                input.next();
            }
        }
    }
    negative |= input.next() == Some('-');
    let shown = text(cells, 0).chars().any(|c| c.is_ascii_digit());
    if !shown {
        return Err(SqlError::new("22P02", "invalid input syntax for type numeric: \" \""));
    }
    Ok(Cell::Decimal(if negative { -digits } else { digits }, scale))
}
