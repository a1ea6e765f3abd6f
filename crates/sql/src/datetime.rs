//! Dates and timestamps in text: ISO 8601 and what PostgreSQL itself prints.

use crate::SqlError;
use crate::calendar::{DAY, SECOND, days};
use crate::zone::{Zone, offset_seconds};

/// The first day that PostgreSQL has: 4714-11-24 BC.
const FIRST_DAY: i64 = -2_440_588;

/// A date and time as written.
struct Written {
    /// Days since 1970.
    day: i64,
    /// Microseconds since midnight.
    time: i64,
    zone: Option<WrittenZone>,
}

enum WrittenZone {
    Offset(i32),
    Named(Zone),
}

/// Days since 1970; a time of day is ignored.
pub fn date(text: &str) -> Result<i32, SqlError> {
    let day = Some(read("date", text)?.day).filter(|day| *day >= FIRST_DAY);
    day.and_then(|day| i32::try_from(day).ok()).ok_or_else(|| out_of_range("date", text))
}

/// Microseconds since 1970; a zone is ignored.
pub fn timestamp(text: &str) -> Result<i64, SqlError> {
    let micros = local(&read("timestamp", text)?).filter(|micros| *micros >= FIRST_DAY * DAY);
    micros.ok_or_else(|| out_of_range("timestamp", text))
}

/// Microseconds since 1970 UTC; without a zone it is the session's local time.
pub fn timestamptz(text: &str, session: Zone) -> Result<i64, SqlError> {
    let name = "timestamp with time zone";
    let written = read(name, text)?;
    let utc = local(&written).and_then(|local| {
        let offset = match written.zone {
            Some(WrittenZone::Offset(seconds)) => seconds,
            Some(WrittenZone::Named(zone)) => zone.offset_of_local(local),
            None => session.offset_of_local(local),
        };
        local.checked_sub(i64::from(offset) * SECOND)
    });
    utc.filter(|micros| *micros >= FIRST_DAY * DAY).ok_or_else(|| out_of_range("timestamp", text))
}

fn local(written: &Written) -> Option<i64> {
    written.day.checked_mul(DAY)?.checked_add(written.time)
}

fn out_of_range(ty: &str, text: &str) -> SqlError {
    SqlError::new("22008", format!("{ty} out of range: \"{text}\""))
}

fn read(ty: &str, text: &str) -> Result<Written, SqlError> {
    let invalid = || SqlError::new("22007", format!("invalid input syntax for type {ty}: \"{text}\""));
    let mut rest = text.trim();
    match rest.to_ascii_lowercase().as_str() {
        "epoch" => return Ok(Written { day: 0, time: 0, zone: Some(WrittenZone::Offset(0)) }),
        "infinity" | "-infinity" => return Err(SqlError::unsupported(format!("an infinite {ty}"), "Use NULL.")),
        _ => {}
    }
    let mut before_christ = false;
    if let Some((start, era)) = rest.rsplit_once(' ') {
        before_christ = era.eq_ignore_ascii_case("BC");
        if before_christ || era.eq_ignore_ascii_case("AD") {
            rest = start.trim_end();
        }
    }
    let date_end = rest.find([' ', 'T', 't']).unwrap_or(rest.len());
    let (date, rest) = (&rest[..date_end], rest[date_end..].trim_start_matches([' ', 'T', 't']));
    let (year, month, day) = date_fields(date).ok_or_else(invalid)?;
    let year = match (before_christ, year) {
        (_, 0) => return Err(SqlError::new("22008", format!("date/time field value out of range: \"{text}\""))),
        (true, year) => 1 - year,
        (false, year) => year,
    };
    let out_of_range = || SqlError::new("22008", format!("date/time field value out of range: \"{text}\""));
    let day = days(year, month, day).ok_or_else(out_of_range)?;
    let time_end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(rest.len());
    let (time, zone) = (&rest[..time_end], rest[time_end..].trim());
    let time = match time {
        "" => 0,
        time => time_fields(time).ok_or_else(invalid)?.ok_or_else(out_of_range)?,
    };
    let zone = match zone {
        "" => None,
        named => Some(match offset_seconds(named) {
            Some(seconds) => WrittenZone::Offset(seconds),
            None if named.starts_with(['+', '-']) => return Err(invalid()),
            None => WrittenZone::Named(
                Zone::parse(named)
                    .ok_or_else(|| SqlError::new("22023", format!("time zone \"{named}\" not recognized")))?,
            ),
        }),
    };
    Ok(Written { day, time, zone })
}

/// `2024-01-31`, `2024/01/31` or `20240131`.
fn date_fields(text: &str) -> Option<(i64, u32, u32)> {
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'/')) {
        return None;
    }
    if text.len() == 8 && !text.contains(['-', '/']) {
        return Some((text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?));
    }
    let mut parts = text.split(['-', '/']);
    let year = parts.next().filter(|y| (3..=7).contains(&y.len()))?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some((year, month, day))
}

/// `04:05`, `04:05:06` or `04:05:06.789` in microseconds; `Some(None)` if no clock shows it.
fn time_fields(text: &str) -> Option<Option<i64>> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, micros(fraction)?),
        None => (text, 0),
    };
    let parts = clock.split(':').map(|p| if p.len() <= 2 { p.parse::<i64>().ok() } else { None });
    let parts = parts.collect::<Option<Vec<_>>>()?;
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let time = (hour * 3_600 + minute * 60 + second) * SECOND + fraction;
    Some((hour <= 24 && minute < 60 && second <= 60 && time <= DAY).then_some(time))
}

/// The digits after a point in millionths, rounded as PostgreSQL does it, by way of a float.
pub fn micros(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: f64 = format!("0.{fraction}0").parse().ok()?;
    Some((value * 1e6).round_ties_even() as i64)
}
