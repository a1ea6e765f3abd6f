//! Intervals as text: all forms that PostgreSQL reads, in words that Arrow's parser reads, and the form in which
//! PostgreSQL shows them.

use std::fmt::{Result, Write};

const SECOND: f64 = 1e6;

/// Months, days and microseconds while a text is read.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Parts {
    months: i64,
    days: i64,
    micros: i64,
}

impl Parts {
    /// So many of a unit; what is left of a month becomes days, what is left of a day becomes time.
    fn add(&mut self, quantity: f64, unit: &str) -> Option<()> {
        let months = |years: f64| (quantity * years * 12.0).round_ties_even();
        let (whole, rest) = (quantity.trunc(), quantity.fract());
        match unit {
            "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecond" | "microseconds" => {
                self.time(quantity, 1.0)?
            }
            "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecond" | "milliseconds" => {
                self.time(quantity, 1e3)?
            }
            "s" | "sec" | "secs" | "second" | "seconds" => self.time(quantity, SECOND)?,
            "m" | "min" | "mins" | "minute" | "minutes" => self.time(quantity, 60.0 * SECOND)?,
            "h" | "hr" | "hrs" | "hour" | "hours" => self.time(quantity, 3_600.0 * SECOND)?,
            "d" | "day" | "days" => self.day(whole, rest)?,
            "w" | "week" | "weeks" => {
                let (whole, rest) = ((quantity * 7.0).trunc(), (quantity * 7.0).fract());
                self.day(whole, rest)?;
            }
            "mon" | "mons" | "month" | "months" => {
                self.month(whole)?;
                self.day((rest * 30.0).trunc(), (rest * 30.0).fract())?;
            }
            "y" | "yr" | "yrs" | "year" | "years" => self.month(months(1.0))?,
            "dec" | "decs" | "decade" | "decades" => self.month(months(10.0))?,
            "c" | "cent" | "century" | "centuries" => self.month(months(100.0))?,
            "mil" | "mils" | "millennium" | "millennia" => self.month(months(1_000.0))?,
            _ => return None,
        }
        Some(())
    }

    fn month(&mut self, months: f64) -> Option<()> {
        self.months = self.months.checked_add(small(months)?)?;
        Some(())
    }

    fn day(&mut self, days: f64, rest: f64) -> Option<()> {
        self.days = self.days.checked_add(small(days)?)?;
        self.time(rest * 86_400.0, SECOND)
    }

    fn time(&mut self, quantity: f64, unit: f64) -> Option<()> {
        let micros = (quantity * unit).round_ties_even();
        let fits = micros.is_finite() && micros.abs() < 9.2e15;
        self.micros = self.micros.checked_add(fits.then_some(micros as i64)?)?;
        Some(())
    }

    fn negate(&mut self) {
        *self = Self { months: -self.months, days: -self.days, micros: -self.micros };
    }
}

fn small(number: f64) -> Option<i64> {
    (number.is_finite() && number.abs() < 2_147_483_648.0).then_some(number as i64)
}

/// The text in words that Arrow reads; `None` where PostgreSQL reads none.
pub(crate) fn spelled(text: &str) -> Option<String> {
    let Parts { months, days, micros } = iso(text.trim()).or_else(|| verbose(text))?;
    let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    Some(format!("{months} months {days} days {sign}{}.{:06} seconds", size / 1_000_000, size % 1_000_000))
}

/// `1 year 2 mons 3 days 04:05:06`, `3 4:05:06`, `1-2`, `2h`, `90`, `@ 1 day ago`.
fn verbose(text: &str) -> Option<Parts> {
    let text = text.to_lowercase();
    let mut words: Vec<&str> = text.split_whitespace().flat_map(apart).filter(|w| *w != "@").collect();
    let ago = words.last() == Some(&"ago");
    if ago {
        words.pop();
    }
    if words.is_empty() {
        return None;
    }
    let (mut parts, mut at) = (Parts::default(), 0);
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1);
        at += 1;
        if let Some(micros) = clock(word) {
            parts.micros = parts.micros.checked_add(micros)?;
        } else if let Some((years, months)) = years(word) {
            parts.add(years, "years")?;
            parts.add(months, "months")?;
        } else {
            let quantity = number(word)?;
            match next {
                Some(unit) if unit.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                    parts.add(quantity, unit)?;
                    at += 1;
                }
                // Days before a time of day, else seconds.
                Some(next) if clock(next).is_some() => parts.add(quantity, "days")?,
                None => parts.add(quantity, "seconds")?,
                Some(_) => return None,
            }
        }
    }
    if ago {
        parts.negate();
    }
    Some(parts)
}

/// `2h` and `1day2hours` are a number and a unit each.
fn apart(word: &str) -> Vec<&str> {
    let mut parts = vec![];
    let mut from = 0;
    let is_letter = |b: u8| b.is_ascii_alphabetic();
    let bytes = word.as_bytes();
    for at in 1..bytes.len() {
        if is_letter(bytes[at]) != is_letter(bytes[at - 1]) {
            parts.push(&word[from..at]);
            from = at;
        }
    }
    if word.is_ascii() {
        parts.push(&word[from..]);
        parts
    } else {
        vec![word]
    }
}

/// `P1Y2M3DT4H5M6S`, `P2W` or `P0001-02-03T04:05:06`.
fn iso(text: &str) -> Option<Parts> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    let mut parts = Parts::default();
    let pieces: Vec<&str> = date.split('-').collect();
    if let [years, months, days] = pieces.as_slice()
        && [years, months, days].iter().all(|p| digits(p))
    {
        for (piece, unit) in [(years, "years"), (months, "months"), (days, "days")] {
            parts.add(piece.parse().ok()?, unit)?;
        }
    } else {
        designated(date, &[('Y', "years"), ('M', "months"), ('W', "weeks"), ('D', "days")], &mut parts)?;
    }
    match time {
        None if date.is_empty() => return None,
        None => {}
        Some(time) if time.contains(':') => parts.micros = parts.micros.checked_add(clock(time)?)?,
        Some(time) => designated(time, &[('H', "hours"), ('M', "minutes"), ('S', "seconds")], &mut parts)?,
    }
    Some(parts)
}

fn designated(text: &str, units: &[(char, &str)], parts: &mut Parts) -> Option<()> {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (quantity, after) = rest.split_at(end);
        let letter = after.chars().next()?;
        let (_, unit) = units.iter().find(|(c, _)| *c == letter)?;
        parts.add(number(quantity)?, unit)?;
        rest = &after[1..];
    }
    Some(())
}

fn number(word: &str) -> Option<f64> {
    let (_, rest) = signed(word);
    let plain = rest.split('.').all(|p| p.is_empty() || digits(p)) && rest.matches('.').count() < 2 && rest != ".";
    (plain && !rest.is_empty()).then(|| word.parse().ok()).flatten()
}

/// `-04:05:06.7` in microseconds: the sign is that of the whole. Two parts are minutes and seconds if there is a fraction.
fn clock(word: &str) -> Option<i64> {
    let (sign, rest) = signed(word);
    let parts: Vec<&str> = rest.split(':').collect();
    let (last, whole) = parts.split_last()?;
    let (seconds, fraction) = last.split_once('.').unwrap_or((last, "0"));
    if !(2..=3).contains(&parts.len()) || !whole.iter().chain([&seconds, &fraction]).all(|p| digits(p)) {
        return None;
    }
    let mut all: Vec<i64> = whole.iter().chain([&seconds]).map(|p| p.parse().ok()).collect::<Option<_>>()?;
    match (all.len(), last.contains('.')) {
        (2, true) => all.insert(0, 0),
        (2, false) => all.push(0),
        _ => {}
    }
    if all[1] > 59 || all[2] > 60 {
        return None;
    }
    let whole = all[0].checked_mul(3_600)?.checked_add(all[1] * 60 + all[2])?.checked_mul(1_000_000)?;
    let micros = whole.checked_add(crate::datetime::micros(fraction)?)?;
    Some(if sign == "-" { -micros } else { micros })
}

/// `1-2`: years and months.
fn years(word: &str) -> Option<(f64, f64)> {
    let (sign, rest) = signed(word);
    let (years, months) = rest.split_once('-')?;
    if !digits(years) || !digits(months) {
        return None;
    }
    let sign = if sign == "-" { -1.0 } else { 1.0 };
    let months: f64 = months.parse().ok()?;
    (months < 12.0).then_some((sign * years.parse::<f64>().ok()?, sign * months))
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
    fn all_forms() {
        for (text, expected) in [
            ("3 days 04:05:06", "0 months 3 days 14706.000000 seconds"),
            ("3 4:05:06", "0 months 3 days 14706.000000 seconds"),
            ("-00:00:00.5", "0 months 0 days -0.500000 seconds"),
            ("1:30", "0 months 0 days 5400.000000 seconds"),
            ("1-2", "14 months 0 days 0.000000 seconds"),
            ("1.5 months", "1 months 15 days 0.000000 seconds"),
            ("1 day ago", "0 months -1 days 0.000000 seconds"),
            ("@ 1 minute", "0 months 0 days 60.000000 seconds"),
            ("P1Y2M3DT4H5M6.5S", "14 months 3 days 14706.500000 seconds"),
            ("P0001-02-03T04:05:06", "14 months 3 days 14706.000000 seconds"),
            ("1y 2mon", "14 months 0 days 0.000000 seconds"),
            ("90", "0 months 0 days 90.000000 seconds"),
            ("1 us", "0 months 0 days 0.000001 seconds"),
        ] {
            assert_eq!(spelled(text).unwrap(), expected, "{text}");
        }
        for text in ["", "1:", "1:2:3:4", "a:b", "1 2", "abc", "1 fortnight", "P", "1-13", "ago"] {
            assert_eq!(spelled(text), None, "{text}");
        }
    }
}
