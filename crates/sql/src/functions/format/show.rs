use super::pattern::{Field, Key, Letters, Part, Pattern};
use crate::{Result, SqlError};
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Names are padded to the longest one.
const NAME_WIDTH: usize = 9;
/// 1970-01-01 as a Julian day, which chrono's count of days from the year 1 is behind by.
const JULIAN_OFFSET: i32 = 1_721_425;

/// The names of months, for reading too.
pub(super) fn months() -> &'static [&'static str] {
    &MONTHS
}

/// Microseconds since 1970 as the pattern shows them.
pub(super) fn show(pattern: &Pattern, micros: i64, has_zone: bool) -> Result<String> {
    let time = DateTime::from_timestamp_micros(micros).map(|t| t.naive_utc());
    let time = time.ok_or_else(|| SqlError::new("22008", "timestamp out of range"))?;
    let mut out = String::new();
    for part in &pattern.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Field(field) => out.push_str(&shown(field, &time, has_zone)),
        }
    }
    Ok(out)
}

fn shown(field: &Field, t: &NaiveDateTime, has_zone: bool) -> String {
    // 1 BC is the year 0.
    let year = if t.year() > 0 { t.year() } else { 1 - t.year() };
    let iso = t.iso_week();
    let number = |value: i64, width: usize| numbered(field, value, width);
    match field.key {
        Key::YearWithComma => ordinal(field, format!("{},{:03}", year / 1000, year % 1000)),
        Key::Year(4) => number(year.into(), 4),
        Key::Year(digits) => number((year % 10i32.pow(digits)).into(), digits as usize),
        Key::IsoYear(4) => number(iso.year().into(), 4),
        Key::IsoYear(digits) => number((iso.year() % 10i32.pow(digits)).into(), digits as usize),
        Key::IsoWeek => number(iso.week().into(), 2),
        Key::IsoDay => number(t.weekday().number_from_monday().into(), 1),
        Key::IsoDayOfYear => number(((iso.week() - 1) * 7 + t.weekday().number_from_monday()).into(), 3),
        Key::Century => {
            let century = if t.year() > 0 { (year - 1) / 100 + 1 } else { -((year - 1) / 100 + 1) };
            number(century.into(), 2)
        }
        Key::Julian => number((t.num_days_from_ce() + JULIAN_OFFSET).into(), 0),
        Key::Quarter => number((t.month0() / 3 + 1).into(), 1),
        Key::Month => number(t.month().into(), 2),
        Key::WeekOfYear => number((t.ordinal0() / 7 + 1).into(), 2),
        Key::WeekOfMonth => number((t.day0() / 7 + 1).into(), 1),
        Key::DayOfYear => number(t.ordinal().into(), 3),
        Key::Day => number(t.day().into(), 2),
        Key::DayOfWeek => number(t.weekday().number_from_sunday().into(), 1),
        Key::Hour12 => number((if t.hour().is_multiple_of(12) { 12 } else { t.hour() % 12 }).into(), 2),
        Key::Hour24 => number(t.hour().into(), 2),
        Key::Minute => number(t.minute().into(), 2),
        Key::Second => number(t.second().into(), 2),
        Key::Fraction(digits) => {
            let digits_left = t.nanosecond() / 1000 / 10u32.pow(6 - digits);
            ordinal(field, format!("{digits_left:0width$}", width = digits as usize))
        }
        Key::SecondOfDay => number(t.num_seconds_from_midnight().into(), 0),
        Key::MonthName => name(field, MONTHS[t.month0() as usize], NAME_WIDTH),
        Key::MonthShort => name(field, &MONTHS[t.month0() as usize][..3], 0),
        Key::DayName => name(field, DAYS[t.weekday().num_days_from_sunday() as usize], NAME_WIDTH),
        Key::DayShort => name(field, &DAYS[t.weekday().num_days_from_sunday() as usize][..3], 0),
        Key::Noon => name(field, if t.hour() < 12 { "AM" } else { "PM" }, 0),
        Key::NoonDotted => name(field, if t.hour() < 12 { "A.M." } else { "P.M." }, 0),
        Key::Era => name(field, if t.year() > 0 { "AD" } else { "BC" }, 0),
        Key::EraDotted => name(field, if t.year() > 0 { "A.D." } else { "B.C." }, 0),
        Key::ZoneName => name(field, if has_zone { "UTC" } else { "" }, 0),
        Key::ZoneHours | Key::ZoneOffset => "+00".into(),
        Key::ZoneMinutes => "00".into(),
    }
}

fn numbered(field: &Field, value: i64, width: usize) -> String {
    let width = if field.plain { 0 } else { width };
    ordinal(field, format!("{value:0width$}"))
}

/// Adds `st`, `nd`, `rd` or `th` where that is asked for.
fn ordinal(field: &Field, number: String) -> String {
    let Some(letters) = field.ordinal else { return number };
    let tens = number.len() > 1 && number.as_bytes()[number.len() - 2] == b'1';
    let suffix = match number.as_bytes().last() {
        Some(b'1') if !tens => "st",
        Some(b'2') if !tens => "nd",
        Some(b'3') if !tens => "rd",
        _ => "th",
    };
    match letters {
        Letters::Upper => number + &suffix.to_uppercase(),
        _ => number + suffix,
    }
}

fn name(field: &Field, name: &str, width: usize) -> String {
    let name = match field.letters {
        Letters::Upper => name.to_uppercase(),
        Letters::Lower => name.to_lowercase(),
        Letters::Capitalized => name.to_string(),
    };
    let width = if field.plain { 0 } else { width };
    format!("{name:<width$}")
}
