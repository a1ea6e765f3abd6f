//! Functions of dates, times and intervals.

use super::{Cell, Spec, Ty, float, int, interval, spec};
use crate::{Result, SqlError};
use arrow::datatypes::IntervalMonthDayNano;
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

pub(super) const SPECS: &[Spec] = &[
    spec("age", &[Ty::Local, Ty::Local], Ty::Interval, age),
    spec("make_date", &[Ty::Int4, Ty::Int4, Ty::Int4], Ty::Date, |c| Ok(Cell::Int(day(c)?.1))),
    spec(
        "make_timestamp",
        &[Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Float],
        Ty::Timestamp,
        make_timestamp,
    ),
    spec(
        "make_interval",
        &[Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Int4, Ty::Float],
        Ty::Interval,
        make_interval,
    ),
    spec("justify_days", &[Ty::Interval], Ty::Interval, |c| justified(interval(c, 0), true, false)),
    spec("justify_hours", &[Ty::Interval], Ty::Interval, |c| justified(interval(c, 0), false, true)),
    spec("justify_interval", &[Ty::Interval], Ty::Interval, |c| justified(interval(c, 0), true, true)),
    // What is not finite is refused where it comes in.
    spec("isfinite", &[Ty::Date], Ty::Bool, |_| Ok(Cell::Bool(true))),
    spec("isfinite", &[Ty::Timestamp], Ty::Bool, |_| Ok(Cell::Bool(true))),
    spec("isfinite", &[Ty::TimestampTz], Ty::Bool, |_| Ok(Cell::Bool(true))),
    spec("isfinite", &[Ty::Interval], Ty::Bool, |_| Ok(Cell::Bool(true))),
    spec("round_time", &[Ty::Timestamp, Ty::Int4], Ty::Timestamp, rounded),
    spec("round_time", &[Ty::TimestampTz, Ty::Int4], Ty::TimestampTz, rounded),
    spec("interval_trunc", &[Ty::Text, Ty::Interval], Ty::Interval, truncated),
];

fn out_of_range(what: &str) -> SqlError {
    SqlError::new("22008", format!("{what} out of range"))
}

fn clock(micros: i64) -> Result<NaiveDateTime> {
    Ok(DateTime::from_timestamp_micros(micros).ok_or_else(|| out_of_range("timestamp"))?.naive_utc())
}

/// Years, months and days from one time to another, as PostgreSQL's timestamp_age counts them: days that are missing are
/// borrowed from the month of the earlier time.
fn age(cells: &[Cell]) -> Result<Cell> {
    let (to, from) = (int(cells, 0), int(cells, 1));
    let (late, early, sign) = if to >= from { (to, from, 1) } else { (from, to, -1) };
    let (l, e) = (clock(late)?, clock(early)?);
    let mut micros = late.rem_euclid(DAY) - early.rem_euclid(DAY);
    let mut days = i64::from(l.day()) - i64::from(e.day());
    let mut months = i64::from(l.month()) - i64::from(e.month());
    let mut years = i64::from(l.year()) - i64::from(e.year());
    if micros < 0 {
        micros += DAY;
        days -= 1;
    }
    if days < 0 {
        // Of the earlier time's month, and of the later one's where the later time comes first.
        let of = if sign > 0 { e.date() } else { l.date() };
        let length = |date: NaiveDate| {
            let first = date.with_day(1)?;
            Some((first.checked_add_months(Months::new(1))? - first).num_days())
        };
        let month = length(of).ok_or_else(|| out_of_range("timestamp"))?;
        days += month;
        months -= 1;
    }
    if months < 0 {
        months += 12;
        years -= 1;
    }
    let months = i32::try_from(years * 12 + months).map_err(|_| out_of_range("interval"))?;
    Ok(Cell::Interval(IntervalMonthDayNano::new(sign * months, sign * days as i32, i64::from(sign) * micros * 1_000)))
}

/// The year, month and day at the front, and what they are in days since 1970.
fn day(cells: &[Cell]) -> Result<(NaiveDate, i64)> {
    let (year, month, day) = (int(cells, 0), int(cells, 1), int(cells, 2));
    let bad = || SqlError::new("22008", format!("date field value out of range: {year}-{month:02}-{day:02}"));
    if year == 0 {
        return Err(bad());
    }
    // There is no year 0: 1 BC comes before 1 AD.
    let counted = if year < 0 { year + 1 } else { year };
    let small = |v: i64| u32::try_from(v).ok();
    let date = i32::try_from(counted).ok().zip(small(month)).zip(small(day));
    let date = date.and_then(|((y, m), d)| NaiveDate::from_ymd_opt(y, m, d)).ok_or_else(bad)?;
    let epoch = NaiveDate::default();
    Ok((date, (date - epoch).num_days()))
}

fn make_timestamp(cells: &[Cell]) -> Result<Cell> {
    let days = day(cells)?.1;
    let (hour, minute, second) = (int(cells, 3), int(cells, 4), float(cells, 5));
    let fits = (0..=23).contains(&hour) && (0..=59).contains(&minute) && (0.0..=60.0).contains(&second);
    let midnight = hour == 24 && minute == 0 && second == 0.0;
    if !fits && !midnight {
        let message = format!("time field value out of range: {hour}:{minute:02}:{second:02}");
        return Err(SqlError::new("22008", message));
    }
    let micros = (second * 1e6).round_ties_even() as i64;
    let time = (hour * 3_600 + minute * 60) * SECOND + micros;
    let all = days.checked_mul(DAY).and_then(|d| d.checked_add(time)).ok_or_else(|| out_of_range("timestamp"))?;
    Ok(Cell::Int(all))
}

fn make_interval(cells: &[Cell]) -> Result<Cell> {
    let bad = || out_of_range("interval");
    let months = int(cells, 0).checked_mul(12).and_then(|m| m.checked_add(int(cells, 1)));
    let days = int(cells, 2).checked_mul(7).and_then(|d| d.checked_add(int(cells, 3)));
    let seconds = float(cells, 6);
    let micros = (seconds * 1e6).round_ties_even();
    if !micros.is_finite() || micros.abs() > 9.2e15 {
        return Err(bad());
    }
    let time = (int(cells, 4) * 3_600 + int(cells, 5) * 60) * SECOND + micros as i64;
    let small = |v: Option<i64>| v.and_then(|v| i32::try_from(v).ok()).ok_or_else(bad);
    let nanos = time.checked_mul(1_000).ok_or_else(bad)?;
    Ok(Cell::Interval(IntervalMonthDayNano::new(small(months)?, small(days)?, nanos)))
}

/// Of 24 hours a day, of 30 days a month; the parts get one sign.
fn justified(interval: IntervalMonthDayNano, days: bool, hours: bool) -> Result<Cell> {
    let mut parts = (i64::from(interval.months), i64::from(interval.days), interval.nanoseconds / 1_000);
    if days && hours && ((parts.1 > 0 && parts.2 > 0) || (parts.1 < 0 && parts.2 < 0)) {
        (parts.0, parts.1) = (parts.0 + parts.1 / 30, parts.1 % 30);
    }
    if hours {
        (parts.1, parts.2) = (parts.1 + parts.2 / DAY, parts.2 % DAY);
    }
    if days {
        (parts.0, parts.1) = (parts.0 + parts.1 / 30, parts.1 % 30);
    }
    if days {
        if parts.0 > 0 && (parts.1 < 0 || (hours && parts.1 == 0 && parts.2 < 0)) {
            (parts.0, parts.1) = (parts.0 - 1, parts.1 + 30);
        } else if parts.0 < 0 && (parts.1 > 0 || (hours && parts.1 == 0 && parts.2 > 0)) {
            (parts.0, parts.1) = (parts.0 + 1, parts.1 - 30);
        }
    }
    if hours {
        if parts.1 > 0 && parts.2 < 0 {
            (parts.1, parts.2) = (parts.1 - 1, parts.2 + DAY);
        } else if parts.1 < 0 && parts.2 > 0 {
            (parts.1, parts.2) = (parts.1 + 1, parts.2 - DAY);
        }
    }
    let small = |v: i64| i32::try_from(v).map_err(|_| out_of_range("interval"));
    Ok(Cell::Interval(IntervalMonthDayNano::new(small(parts.0)?, small(parts.1)?, parts.2 * 1_000)))
}

/// To as many decimals of a second, half away from zero.
fn rounded(cells: &[Cell]) -> Result<Cell> {
    let (micros, decimals) = (int(cells, 0), int(cells, 1));
    let unit = 10i64.pow(6 - decimals.clamp(0, 6) as u32);
    let half = if micros < 0 { -unit / 2 } else { unit / 2 };
    let moved = micros.checked_add(half).ok_or_else(|| out_of_range("timestamp"))?;
    Ok(Cell::Int(moved / unit * unit))
}

/// `date_trunc` of an interval.
fn truncated(cells: &[Cell]) -> Result<Cell> {
    let (unit, of) = (super::text(cells, 0).to_lowercase(), interval(cells, 1));
    let micros = of.nanoseconds / 1_000;
    let months = |size: i32| (of.months / size * size, 0, 0);
    let time = |size: i64| (of.months, of.days, micros / size * size);
    let (months, days, micros) = match unit.as_str() {
        "millennium" | "millennia" => months(12_000),
        "century" | "centuries" => months(1_200),
        "decade" | "decades" => months(120),
        "year" | "years" => months(12),
        "quarter" | "quarters" => months(3),
        "month" | "months" => months(1),
        "day" | "days" => (of.months, of.days, 0),
        "hour" | "hours" => time(3_600 * SECOND),
        "minute" | "minutes" => time(60 * SECOND),
        "second" | "seconds" => time(SECOND),
        "millisecond" | "milliseconds" => time(1_000),
        "microsecond" | "microseconds" => time(1),
        "week" | "weeks" => {
            return Err(SqlError::new("0A000", "unit \"week\" not supported for type interval")
                .detail("Months usually have fractional weeks.")
                .hint("Cut off by days."));
        }
        other => return Err(SqlError::new("22023", format!("unit \"{other}\" not recognized for type interval"))),
    };
    Ok(Cell::Interval(IntervalMonthDayNano::new(months, days, micros * 1_000)))
}
