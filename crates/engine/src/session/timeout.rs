//! `statement_timeout`: a time with PostgreSQL's units, milliseconds without one.

use sluice_sql::{Result, SqlError};
use std::time::Duration;

/// Units and how many microseconds they have, largest first.
const UNITS: [(&str, f64); 6] = [("d", 86_400e6), ("h", 3_600e6), ("min", 60e6), ("s", 1e6), ("ms", 1e3), ("us", 1.0)];

/// The time that a setting says, in milliseconds.
fn millis(name: &str, value: &str) -> Result<u32> {
    let value = value.trim();
    let number = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = value.split_at(number);
    let invalid = || SqlError::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""));
    let number: f64 = number.trim().parse().map_err(|_| invalid())?;
    let unit = if unit.is_empty() { "ms" } else { unit };
    let Some((_, micros)) = UNITS.iter().find(|(u, _)| *u == unit) else {
        return Err(
            invalid().hint("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".")
        );
    };
    let millis = (number * micros / 1e3).round_ties_even();
    if !(0.0..=f64::from(i32::MAX)).contains(&millis) {
        let range = format!("(0 .. {})", i32::MAX);
        let message = format!("{millis} ms is outside the valid range for parameter \"{name}\" {range}");
        return Err(SqlError::new("22023", message));
    }
    Ok(millis as u32)
}

/// The setting as SHOW shows it: in the largest unit that it is a whole number of.
pub(super) fn shown(name: &str, value: &str) -> Result<String> {
    let millis = millis(name, value)?;
    if millis == 0 {
        return Ok("0".into());
    }
    let units = UNITS.iter().map(|(unit, micros)| (unit, (micros / 1e3) as u32));
    let mut whole = units.filter(|(_, size)| *size > 0 && millis.is_multiple_of(*size));
    Ok(whole.next().map_or_else(|| millis.to_string(), |(unit, size)| format!("{}{unit}", millis / size)))
}

/// The time itself, unless it is zero, which is none.
pub(super) fn duration(shown: &str) -> Option<Duration> {
    let millis = millis("statement_timeout", shown).ok().filter(|millis| *millis > 0)?;
    Some(Duration::from_millis(millis.into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown_as_postgres_does() {
        let shown = |value| shown("statement_timeout", value);
        let cases = [
            ("0", "0"),
            ("250", "250ms"),
            ("1500", "1500ms"),
            ("5s", "5s"),
            (" 1.5 min ", "90s"),
            ("60000", "1min"),
            ("24h", "1d"),
            ("400us", "0"),
            ("1600us", "2ms"),
        ];
        for (given, expected) in cases {
            assert_eq!(shown(given).unwrap(), expected, "{given}");
        }
        for bad in ["soon", "5 weeks", "-1", "99999999999", "", "NaN"] {
            assert_eq!(shown(bad).unwrap_err().code, "22023", "{bad}");
        }
        assert_eq!(duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(duration("0"), None);
    }
}
