//! Values as DuckDB writes them into the catalog: the cells of inlined rows, and the bounds in statistics.
//!
//! Floats are Python's `repr`, decimals have exactly their scale's digits, fractions of seconds lose their
//! trailing zeros, years before Christ carry ` (BC)` after the date.

use std::fmt::{LowerExp, Write};

const MICROS_PER_DAY: i64 = 86_400_000_000;
pub(crate) const DATE_INFINITY: i32 = i32::MAX;
pub(crate) const TIME_INFINITY: i64 = i64::MAX;

/// `1.5`, `1e+16`, `-0.0`, `nan`, `inf`.
pub(crate) fn float(value: impl LowerExp + Into<f64> + Copy) -> String {
    let wide: f64 = value.into();
    if wide.is_nan() {
        return "nan".to_string();
    }
    if wide.is_infinite() {
        return if wide > 0.0 { "inf" } else { "-inf" }.to_string();
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    format!("{sign}{}", place_point(&digits, exponent.parse().unwrap_or(0)))
}

fn place_point(digits: &str, exponent: i32) -> String {
    let last = digits.len() as i32 - 1;
    match exponent {
        0..16 if exponent >= last => format!("{digits}{}.0", "0".repeat((exponent - last) as usize)),
        0..16 => format!("{}.{}", &digits[..=exponent as usize], &digits[exponent as usize + 1..]),
        -4..0 => format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
        _ => {
            let rest = if last > 0 { format!(".{}", &digits[1..]) } else { String::new() };
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}{rest}e{sign}{:02}", &digits[..1], exponent.abs())
        }
    }
}

/// Exactly `scale` decimals.
pub(crate) fn decimal(value: i128, scale: i8) -> String {
    let scale = scale.max(0) as usize;
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    match scale {
        0 => format!("{sign}{digits}"),
        _ => format!("{sign}{}.{}", &digits[..digits.len() - scale], &digits[digits.len() - scale..]),
    }
}

/// The unscaled value; `None` if it is no number or has more decimals than `scale`.
pub(crate) fn parse_decimal(text: &str, scale: i8) -> Option<i128> {
    let scale = usize::try_from(scale).ok()?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = if fraction.len() > scale { fraction.trim_end_matches('0') } else { fraction };
    if fraction.len() > scale || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', scale - fraction.len())) {
        let digit = digit.is_ascii_digit().then(|| i128::from(digit - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -value } else { value })
}

/// `2024-01-02`, `0044-03-15 (BC)`, `infinity`.
pub(crate) fn date(days: i32) -> String {
    match days {
        DATE_INFINITY => "infinity".to_string(),
        d if d == -DATE_INFINITY => "-infinity".to_string(),
        _ => civil_text(i64::from(days)),
    }
}

/// Days since 1970.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    match text {
        "infinity" => Some(DATE_INFINITY),
        "-infinity" => Some(-DATE_INFINITY),
        _ => {
            let (days, rest) = parse_civil(text)?;
            rest.is_empty().then_some(())?;
            i32::try_from(days).ok()
        }
    }
}

/// `2024-01-02 03:04:05.5`.
pub(crate) fn timestamp(micros: i64) -> String {
    match micros {
        TIME_INFINITY => "infinity".to_string(),
        m if m == -TIME_INFINITY => "-infinity".to_string(),
        _ => finite_timestamp(micros),
    }
}

/// `2024-01-02 03:04:05.5+00`.
pub(crate) fn timestamptz(micros: i64) -> String {
    let mut text = timestamp(micros);
    if !text.ends_with('y') {
        text.push_str("+00");
    }
    text
}

fn finite_timestamp(micros: i64) -> String {
    let (days, rest) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let mut text = civil_text(days);
    // Writing to a String never fails.
    let _ = write!(text, " {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    text
}

/// Microseconds since 1970; an offset (`+00`, `+05:30`, `Z`) is taken off, none means UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    match text {
        "infinity" => return Some(TIME_INFINITY),
        "-infinity" => return Some(-TIME_INFINITY),
        _ => {}
    }
    let (days, rest) = parse_civil(text)?;
    let micros = match rest.strip_prefix([' ', 'T']) {
        Some(time) => parse_time(time)?,
        None => rest.is_empty().then_some(0)?,
    };
    days.checked_mul(MICROS_PER_DAY)?.checked_add(micros)
}

fn parse_time(text: &str) -> Option<i64> {
    let end = text.find(['+', '-', 'Z']).unwrap_or(text.len());
    let (clock, offset) = text.split_at(end);
    let (hms, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let seconds = parse_hms(hms)?;
    if fraction.bytes().skip(6).any(|b| b != b'0') {
        return None;
    }
    let micros: i64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<6}").get(..6)?.parse().ok()? };
    let shift = match offset.as_bytes().first() {
        None | Some(b'Z') => 0,
        Some(sign) => parse_hms(&offset[1..])? * if *sign == b'-' { -1 } else { 1 },
    };
    Some((seconds - shift) * 1_000_000 + micros)
}

fn parse_hms(text: &str) -> Option<i64> {
    let mut seconds = 0;
    let mut unit = 3600;
    for part in text.split(':') {
        let value: u32 = part.parse().ok()?;
        seconds += i64::from(value) * unit;
        unit /= 60;
    }
    Some(seconds)
}

/// Reads a date from the start of `text`: days since 1970, and what follows it.
fn parse_civil(text: &str) -> Option<(i64, &str)> {
    let year_end = text.find('-')?;
    let rest = text.get(year_end + 1..)?;
    let (month, day) = (rest.get(..2)?, rest.get(3..5)?);
    rest.get(2..3).filter(|dash| *dash == "-")?;
    let mut year: i64 = text.get(..year_end)?.parse().ok()?;
    let (month, day): (i64, i64) = (month.parse().ok()?, day.parse().ok()?);
    let mut rest = rest.get(5..)?;
    if let Some(after) = rest.strip_prefix(" (BC)") {
        year = 1 - year;
        rest = after;
    }
    ((1..=12).contains(&month) && (1..=31).contains(&day) && year.abs() < 10_000_000)
        .then(|| (days_from_civil(year, month, day), rest))
}

fn civil_text(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} (BC)", 1 - year),
    }
}

/// Proleptic Gregorian calendar in eras of 400 years that begin on 1 March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Bytes from DuckDB's text form of a blob: printable ASCII as is, anything else as `\xHH`.
pub(crate) fn parse_blob(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(u8::from_str_radix(rest.get(at + 2..at + 4)?, 16).ok()?);
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lake_text_of_floats_is_duckdbs() {
        let cases: &[(f64, &str)] = &[
            (1.5, "1.5"),
            (0.1, "0.1"),
            (123456789.0, "123456789.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.2345678901234568e17, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (-0.0, "-0.0"),
            (0.0, "0.0"),
            (1e300, "1e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(float(*value), *text);
        }
        for (value, text) in [(3.4028235e38f32, "3.4028235e+38"), (1e-45, "1e-45"), (123456.79, "123456.79")] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn lake_text_round_trips() {
        for (days, text) in [(-1, "1969-12-31"), (2932896, "9999-12-31"), (-719162, "0001-01-01"), (0, "1970-01-01")] {
            assert_eq!(date(days), text);
        }
        for days in [-800_000, -719_163, -719_162, -1, 0, 59, 60, 2_932_896, 5_000_000, i32::MAX, -i32::MAX] {
            assert_eq!(parse_date(&date(days)), Some(days));
        }
        for micros in [-1, 0, 1, 500_000, -62_200_000_000_000_000, 253_402_300_799_999_999, i64::MAX, -i64::MAX] {
            assert_eq!(parse_timestamp(&timestamp(micros)), Some(micros));
            assert_eq!(parse_timestamp(&timestamptz(micros)), Some(micros));
        }
        assert_eq!(timestamptz(1_500_000), "1970-01-01 00:00:01.5+00");
        assert_eq!(parse_timestamp("1970-01-01 02:00:00+02"), Some(0));
        assert_eq!(parse_timestamp("1970-01-01T00:00:00.1Z"), Some(100_000));
        for (value, scale, text) in [(-5, 2, "-0.05"), (50, 2, "0.50"), (12, 0, "12"), (10000, 2, "100.00")] {
            assert_eq!(decimal(value, scale), text);
            assert_eq!(parse_decimal(text, scale), Some(value));
        }
        assert_eq!(parse_timestamp("1970-01-01 00:00:00.12345é7"), None);
        assert_eq!(parse_decimal("1.5", 3), Some(1500));
        assert_eq!(parse_decimal("1.2345", 3), None);
        assert_eq!(parse_blob("a\\x00\\xFFb"), Some(vec![b'a', 0, 255, b'b']));
    }
}
