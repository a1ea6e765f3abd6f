//! Intervals in text: PostgreSQL's own words (`1 year -2 mons 3 days 04:05:06`) and ISO 8601 (`P1Y2M3DT4H`).

use arrow::datatypes::IntervalMonthDayNano;
use sluice_sql::SqlError;
use sluice_sql::calendar::SECOND;
use sluice_sql::datetime::micros;

const HOUR: i64 = 3_600 * SECOND;

/// What has been read so far.
#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    micros: i64,
}

/// Reads an interval.
pub(crate) fn parse(text: &str) -> Result<IntervalMonthDayNano, SqlError> {
    let trimmed = text.trim();
    let read = match trimmed.strip_prefix('P') {
        Some(iso) => iso_8601(iso),
        None => words(trimmed),
    };
    let invalid = || SqlError::new("22007", format!("invalid input syntax for type interval: \"{text}\""));
    let sum = read.ok_or_else(invalid)?;
    let fits = || {
        let nanos = sum.micros.checked_mul(1_000)?;
        Some(IntervalMonthDayNano::new(sum.months.try_into().ok()?, sum.days.try_into().ok()?, nanos))
    };
    fits().ok_or_else(|| SqlError::new("22008", format!("interval out of range: \"{text}\"")))
}

fn words(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut rest = text.strip_prefix('@').unwrap_or(text).trim_start();
    if rest.is_empty() {
        return None;
    }
    let mut ago = false;
    while !rest.is_empty() {
        if ago {
            return None;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.' | ':')).unwrap_or(rest.len());
        let (number, after) = (&rest[..end], rest[end..].trim_start());
        if number.is_empty() {
            ago = after.eq_ignore_ascii_case("ago");
            rest = after.get(3..).filter(|_| ago)?;
            continue;
        }
        if number.contains(':') {
            sum.clock(number)?;
            rest = after;
            continue;
        }
        // `1-2` is a year and two months.
        if let Some((years, months)) = number.rsplit_once('-').filter(|(years, _)| !years.is_empty()) {
            let years = Number::read(years)?;
            let months = if years.whole < 0 { -months.parse::<i64>().ok()? } else { months.parse().ok()? };
            sum.add_months(&years, 12)?;
            sum.add_months(&Number { whole: months, millionths: 0 }, 1)?;
            rest = after;
            continue;
        }
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = match after[..end].to_ascii_lowercase() {
            unit if unit.is_empty() || unit == "ago" => ("s".to_string(), after),
            unit => (unit, after[end..].trim_start()),
        };
        sum.add(&Number::read(number)?, &unit.0)?;
        rest = unit.1;
    }
    if ago {
        sum =
            Sum { months: sum.months.checked_neg()?, days: sum.days.checked_neg()?, micros: sum.micros.checked_neg()? };
    }
    Some(sum)
}

fn iso_8601(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut in_time = false;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while let Some(first) = rest.chars().next() {
        if first == 'T' {
            in_time = true;
            rest = &rest[1..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.'))?;
        let unit = match (in_time, rest[end..].chars().next()?) {
            (false, 'Y') => "year",
            (false, 'M') => "month",
            (false, 'W') => "week",
            (false, 'D') => "day",
            (true, 'H') => "hour",
            (true, 'M') => "minute",
            (true, 'S') => "second",
            _ => return None,
        };
        sum.add(&Number::read(&rest[..end])?, unit)?;
        rest = &rest[end + 1..];
    }
    Some(sum)
}

/// A number with its fraction in millionths.
struct Number {
    whole: i64,
    millionths: i64,
}

impl Number {
    fn read(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || !whole.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        Some(Self { whole: sign * whole, millionths: sign * micros(fraction)? })
    }

    /// The number in a unit of so many microseconds.
    fn of_micros(&self, unit: i64) -> Option<i64> {
        let fraction = i128::from(self.millionths) * i128::from(unit) / i128::from(SECOND);
        self.whole.checked_mul(unit)?.checked_add(i64::try_from(fraction).ok()?)
    }
}

impl Sum {
    fn add(&mut self, number: &Number, unit: &str) -> Option<()> {
        match unit {
            "millennium" | "millennia" | "mil" | "mils" => self.add_months(number, 12_000),
            "century" | "centuries" | "cent" | "c" => self.add_months(number, 1_200),
            "decade" | "decades" | "dec" | "decs" => self.add_months(number, 120),
            "year" | "years" | "yr" | "yrs" | "y" => self.add_months(number, 12),
            "month" | "months" | "mon" | "mons" => self.add_months(number, 1),
            "week" | "weeks" | "w" => self.add_days(number, 7),
            "day" | "days" | "d" => self.add_days(number, 1),
            "hour" | "hours" | "hr" | "hrs" | "h" => self.add_micros(number, HOUR),
            "minute" | "minutes" | "min" | "mins" | "m" => self.add_micros(number, 60 * SECOND),
            "second" | "seconds" | "sec" | "secs" | "s" => self.add_micros(number, SECOND),
            "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => self.add_micros(number, 1_000),
            "microsecond" | "microseconds" | "usec" | "usecs" | "us" => self.add_micros(number, 1),
            _ => None,
        }
    }

    /// A fraction of a year becomes whole months, one of a month days of thirty a month.
    fn add_months(&mut self, number: &Number, months: i64) -> Option<()> {
        self.months = self.months.checked_add(number.whole.checked_mul(months)?)?;
        if months == 1 {
            return self.add_days(&Number { whole: 0, millionths: number.millionths }, 30);
        }
        let part = (number.millionths * months) as f64 / SECOND as f64;
        self.months = self.months.checked_add(part.round_ties_even() as i64)?;
        Some(())
    }

    /// A fraction of a day becomes time.
    fn add_days(&mut self, number: &Number, days: i64) -> Option<()> {
        let part = number.millionths * days;
        self.days = self.days.checked_add(number.whole.checked_mul(days)?)?.checked_add(part / SECOND)?;
        self.add_micros(&Number { whole: 0, millionths: part % SECOND }, 24 * HOUR)
    }

    fn add_micros(&mut self, number: &Number, unit: i64) -> Option<()> {
        self.micros = self.micros.checked_add(number.of_micros(unit)?)?;
        Some(())
    }

    /// `-04:05`, `04:05:06.7`; a point without hours, `05:06.7`, makes it minutes and seconds.
    fn clock(&mut self, text: &str) -> Option<()> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let (clock, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten();
        let parts = clock.split(':').map(plain).collect::<Option<Vec<_>>>()?;
        let (hours, minutes, seconds) = match parts[..] {
            [minutes, seconds] if !fraction.is_empty() => (0, minutes, seconds),
            [hours, minutes] => (hours, minutes, 0),
            [hours, minutes, seconds] => (hours, minutes, seconds),
            _ => return None,
        };
        if minutes > 59 || seconds > 60 {
            return None;
        }
        let micros = hours.checked_mul(HOUR)?.checked_add((minutes * 60 + seconds) * SECOND + micros(fraction)?)?;
        self.micros = self.micros.checked_add(sign * micros)?;
        Some(())
    }
}
