//! Intervals as text: forms that Arrow's parser does not read (`3 days 04:05:06`, `00:00:00.5`, `1-2` for years and
//! months), and the form in which PostgreSQL shows them.

use std::fmt::{Result, Write};

/// The text in words of units; `None` where it has no such form.
pub(crate) fn spelled(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plus =
        |word: &str| word.strip_prefix('+').filter(|w| w.starts_with(|c: char| c.is_ascii_digit())).map(str::to_string);
    let spelled: Vec<Option<String>> =
        words.iter().map(|w| clock(w).or_else(|| years(w)).or_else(|| plus(w))).collect();
    if spelled.iter().all(Option::is_none) {
        return None;
    }
    let words = spelled.into_iter().zip(words).map(|(spelled, word)| spelled.unwrap_or_else(|| word.to_string()));
    Some(words.collect::<Vec<_>>().join(" "))
}

/// `-04:05:06.7`: the sign is that of the whole.
fn clock(word: &str) -> Option<String> {
    let (sign, rest) = signed(word);
    let parts: Vec<&str> = rest.split(':').collect();
    let (last, whole) = parts.split_last()?;
    let numbers = whole.iter().all(|p| digits(p)) && last.split('.').all(digits) && last.matches('.').count() < 2;
    let units = ["hours", "minutes", "seconds"];
    if !numbers || !(2..=3).contains(&parts.len()) || (parts.len() == 2 && last.contains('.')) {
        return None;
    }
    Some(parts.iter().zip(units).map(|(p, unit)| format!("{sign}{p} {unit}")).collect::<Vec<_>>().join(" "))
}

fn years(word: &str) -> Option<String> {
    let (sign, rest) = signed(word);
    let (years, months) = rest.split_once('-')?;
    (digits(years) && digits(months)).then(|| format!("{sign}{years} years {sign}{months} months"))
}

fn signed(word: &str) -> (&str, &str) {
    match word.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Writes an interval in the style `postgres`: `1 year -2 mons +3 days -04:05:06.7`.
pub fn write_interval(out: &mut impl Write, months: i32, days: i32, micros: i64) -> Result {
    let mut empty = true;
    // A part after a negative one shows its plus.
    let mut after_negative = false;
    for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value == 0 {
            continue;
        }
        let blank = if empty { "" } else { " " };
        let plus = if after_negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        write!(out, "{blank}{plus}{value} {unit}{plural}")?;
        after_negative = value < 0;
        empty = false;
    }
    if !empty && micros == 0 {
        return Ok(());
    }
    let blank = if empty { "" } else { " " };
    let sign = match micros {
        ..0 => "-",
        _ if after_negative => "+",
        _ => "",
    };
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    write!(out, "{blank}{sign}{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
    if fraction != 0 {
        write!(out, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
    }
    Ok(())
}

#[cfg(test)]
mod shown {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn shown(months: i32, days: i32, micros: i64) -> String {
        let mut text = String::new();
        assert!(write_interval(&mut text, months, days, micros).is_ok());
        text
    }

    #[test]
    fn intervals_in_postgres_style() {
        let hours = 3_600 * SECOND;
        assert_eq!(shown(0, 0, 0), "00:00:00");
        assert_eq!(shown(12, 0, 0), "1 year");
        assert_eq!(shown(-14, 3, -(4 * hours + 306_700_000)), "-1 years -2 mons +3 days -04:05:06.7");
        assert_eq!(shown(0, -1, hours), "-1 days +01:00:00");
        assert_eq!(shown(0, 1, 2 * hours + 184_500_000), "1 day 02:03:04.5");
        assert_eq!(shown(0, 0, 100 * hours), "100:00:00");
        assert_eq!(shown(0, 0, -SECOND), "-00:00:01");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::spelled;

    #[test]
    fn clocks_and_years() {
        for (text, expected) in [
            ("3 days 04:05:06", "3 days 04 hours 05 minutes 06 seconds"),
            ("-00:00:00.5", "-00 hours -00 minutes -00.5 seconds"),
            ("1:30", "1 hours 30 minutes"),
            ("1-2", "1 years 2 months"),
        ] {
            assert_eq!(spelled(text).unwrap(), expected);
        }
        for text in ["1 day", "", "1:", "1:2:3:4", "-1 month", "a:b"] {
            assert_eq!(spelled(text), None, "{text}");
        }
    }
}
