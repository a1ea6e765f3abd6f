//! Reading text by a pattern. As in PostgreSQL, blanks before a field are skipped, a character between fields stands for
//! any one that is neither letter nor digit, and what follows the pattern is ignored.

use super::pattern::{Field, Key, Part, Pattern};
use super::show::months;
use crate::{Result, SqlError};
use chrono::{NaiveDate, NaiveTime};

#[derive(Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    /// The hour counts from noon or midnight.
    half_day: bool,
    afternoon: bool,
    minute: i64,
    second: i64,
    micros: i64,
}

/// Microseconds since 1970.
pub(super) fn parse(pattern: &Pattern, text: &str) -> Result<i64> {
    let mut found = Found::default();
    let mut rest = text;
    for (at, part) in pattern.parts.iter().enumerate() {
        match part {
            Part::Text(between) => rest = skip(rest, between),
            Part::Field(field) => {
                rest = rest.trim_start();
                let next_is_number =
                    matches!(pattern.parts.get(at + 1), Some(Part::Field(next)) if is_number(next.key));
                rest = found.read(field, rest, next_is_number)?;
            }
        }
    }
    found.micros(text)
}

fn skip<'a>(text: &'a str, between: &str) -> &'a str {
    let mut rest = text;
    for c in between.chars() {
        let Some(first) = rest.chars().next() else { return rest };
        let separates = |c: char| !c.is_alphanumeric();
        // A letter of the pattern takes any character, a separator only another one.
        if !separates(c) || separates(first) {
            rest = &rest[first.len_utf8()..];
        }
    }
    rest
}

fn is_number(key: Key) -> bool {
    !matches!(key, Key::MonthName | Key::MonthShort | Key::Noon | Key::NoonDotted)
}

impl Found {
    fn read<'a>(&mut self, field: &Field, text: &'a str, next_is_number: bool) -> Result<&'a str> {
        let digits = |width: usize| {
            digits(field, text, if next_is_number || field.key == Key::Year(2) { width } else { usize::MAX })
        };
        let (value, rest) = match field.key {
            Key::Year(4) => digits(4)?,
            Key::Year(2) | Key::Month | Key::Day | Key::Hour12 | Key::Hour24 | Key::Minute | Key::Second => digits(2)?,
            Key::DayOfYear => digits(3)?,
            Key::Fraction(width) => return self.fraction(field, text, width as usize),
            Key::MonthName | Key::MonthShort => return self.month_name(field, text),
            Key::Noon | Key::NoonDotted => return self.noon(field, text),
            _ => {
                let what = format!("reading a date by the pattern {}", field.name);
                return Err(SqlError::unsupported(
                    what,
                    "Patterns: YYYY YY MM MON MONTH DD DDD HH24 HH12 MI SS MS US AM.",
                ));
            }
        };
        match field.key {
            // The year nearest to 2020.
            Key::Year(2) => self.year = Some(if value < 70 { 2000 + value } else { 1900 + value }),
            Key::Year(_) => self.year = Some(value),
            Key::Month => self.month = Some(value),
            Key::Day => self.day = Some(value),
            Key::DayOfYear => self.day_of_year = Some(value),
            Key::Hour12 | Key::Hour24 => {
                self.hour = value;
                self.half_day = field.key == Key::Hour12;
            }
            Key::Minute => self.minute = value,
            _ => self.second = value,
        }
        Ok(rest)
    }

    /// Digits after the point: `5` is half a second.
    fn fraction<'a>(&mut self, field: &Field, text: &'a str, width: usize) -> Result<&'a str> {
        let (value, rest) = digits(field, text, width)?;
        let read = text.len() - rest.len();
        self.micros = value * 10i64.pow(6u32.saturating_sub(read as u32));
        Ok(rest)
    }

    fn month_name<'a>(&mut self, field: &Field, text: &'a str) -> Result<&'a str> {
        for (number, name) in months().iter().enumerate() {
            let name = if field.key == Key::MonthShort { &name[..3] } else { name };
            if text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                self.month = Some(number as i64 + 1);
                return Ok(&text[name.len()..]);
            }
        }
        Err(invalid(field, text, "The given value did not match any of the allowed values for this field."))
    }

    fn noon<'a>(&mut self, field: &Field, text: &'a str) -> Result<&'a str> {
        let names = if field.key == Key::Noon { ["am", "pm"] } else { ["a.m.", "p.m."] };
        for (afternoon, name) in names.iter().enumerate() {
            if text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                self.afternoon = afternoon == 1;
                self.half_day = true;
                return Ok(&text[name.len()..]);
            }
        }
        Err(invalid(field, text, "The given value did not match any of the allowed values for this field."))
    }

    fn micros(&self, text: &str) -> Result<i64> {
        let out_of_range = || SqlError::new("22008", format!("date/time field value out of range: \"{text}\""));
        let mut hour = self.hour;
        if self.half_day {
            if !(1..=12).contains(&hour) {
                return Err(SqlError::new("22007", format!("hour \"{hour}\" is invalid for the 12-hour clock"))
                    .hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            hour = hour % 12 + if self.afternoon { 12 } else { 0 };
        }
        let small = |v: i64| u32::try_from(v).map_err(|_| out_of_range());
        // Without a year it is 1 BC.
        let year = i32::try_from(self.year.unwrap_or(0)).map_err(|_| out_of_range())?;
        let date = match self.day_of_year.filter(|_| self.month.is_none() && self.day.is_none()) {
            Some(day) => NaiveDate::from_yo_opt(year, small(day)?),
            None => NaiveDate::from_ymd_opt(year, small(self.month.unwrap_or(1))?, small(self.day.unwrap_or(1))?),
        };
        let time =
            NaiveTime::from_hms_micro_opt(small(hour)?, small(self.minute)?, small(self.second)?, small(self.micros)?);
        let (Some(date), Some(time)) = (date, time) else { return Err(out_of_range()) };
        Ok(date.and_time(time).and_utc().timestamp_micros())
    }
}

/// Up to `width` digits.
fn digits<'a>(field: &Field, text: &'a str, width: usize) -> Result<(i64, &'a str)> {
    let end = text.bytes().take(width).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(end);
    let number = number.parse().map_err(|_| invalid(field, text, "Value must be an integer."))?;
    Ok((number, rest))
}

fn invalid(field: &Field, text: &str, why: &str) -> SqlError {
    let shown: String = text.chars().take(field.name.len()).collect();
    SqlError::new("22007", format!("invalid value \"{shown}\" for \"{}\"", field.name)).detail(why)
}
