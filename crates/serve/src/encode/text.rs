//! Values in PostgreSQL's text format, appended to the output without a string between.

use crate::encode::float;
use bytes::BytesMut;
use sluice_sql::Zone;
use sluice_sql::calendar::{DAY, SECOND, civil};

const HEX: &[u8; 16] = b"0123456789abcdef";

pub(crate) fn bool(out: &mut BytesMut, value: bool) {
    out.extend_from_slice(if value { b"t" } else { b"f" });
}

pub(crate) fn integer(out: &mut BytesMut, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(crate) fn float4(out: &mut BytesMut, value: f32) {
    float::write(out, value);
}

pub(crate) fn float8(out: &mut BytesMut, value: f64) {
    float::write(out, value);
}

/// A decimal from its digits without point: exactly `scale` of them follow the point.
pub(crate) fn numeric(out: &mut BytesMut, negative: bool, digits: &[u8], scale: i8) {
    if negative {
        out.extend_from_slice(b"-");
    }
    if scale <= 0 {
        out.extend_from_slice(digits);
        if digits != b"0" {
            zeros(out, usize::from(scale.unsigned_abs()));
        }
        return;
    }
    let scale = usize::from(scale.unsigned_abs());
    match digits.len().checked_sub(scale) {
        None | Some(0) => {
            out.extend_from_slice(b"0.");
            zeros(out, scale - digits.len());
            out.extend_from_slice(digits);
        }
        Some(whole) => {
            out.extend_from_slice(&digits[..whole]);
            out.extend_from_slice(b".");
            out.extend_from_slice(&digits[whole..]);
        }
    }
}

fn zeros(out: &mut BytesMut, count: usize) {
    out.resize(out.len() + count, b'0');
}

pub(crate) fn bytea(out: &mut BytesMut, value: &[u8]) {
    out.reserve(2 + 2 * value.len());
    out.extend_from_slice(b"\\x");
    for byte in value {
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// A date from days since 1970.
pub(crate) fn date(out: &mut BytesMut, days: i32) {
    let era = year_month_day(out, days.into());
    out.extend_from_slice(era);
}

/// A timestamp from microseconds since 1970.
pub(crate) fn timestamp(out: &mut BytesMut, micros: i64) {
    let era = date_and_time(out, micros);
    out.extend_from_slice(era);
}

/// A timestamp with time zone from microseconds since 1970 UTC, in the session's zone.
pub(crate) fn timestamptz(out: &mut BytesMut, micros: i64, zone: Zone) {
    let offset = zone.offset_at(micros);
    let era = date_and_time(out, micros.saturating_add(i64::from(offset) * SECOND));
    out.extend_from_slice(if offset < 0 { b"-" } else { b"+" });
    let offset = offset.unsigned_abs();
    two(out, offset / 3_600);
    if !offset.is_multiple_of(3_600) {
        out.extend_from_slice(b":");
        two(out, offset / 60 % 60);
        if !offset.is_multiple_of(60) {
            out.extend_from_slice(b":");
            two(out, offset % 60);
        }
    }
    out.extend_from_slice(era);
}

/// Writes the date and returns what follows the whole value in years before Christ.
fn year_month_day(out: &mut BytesMut, days: i64) -> &'static [u8] {
    let (year, month, day) = civil(days);
    let (shown, era): (i64, &[u8]) = if year > 0 { (year, b"") } else { (1 - year, b" BC") };
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(shown);
    zeros(out, 4usize.saturating_sub(digits.len()));
    out.extend_from_slice(digits.as_bytes());
    out.extend_from_slice(b"-");
    two(out, month);
    out.extend_from_slice(b"-");
    two(out, day);
    era
}

fn date_and_time(out: &mut BytesMut, micros: i64) -> &'static [u8] {
    let era = year_month_day(out, micros.div_euclid(DAY));
    let time = micros.rem_euclid(DAY);
    out.extend_from_slice(b" ");
    two(out, (time / (3_600 * SECOND)) as u32);
    minutes_and_seconds(out, time as u64);
    era
}

/// `:04:05.5`, the part of a clock after the hour.
fn minutes_and_seconds(out: &mut BytesMut, micros: u64) {
    let seconds = micros / SECOND as u64;
    out.extend_from_slice(b":");
    two(out, (seconds / 60 % 60) as u32);
    out.extend_from_slice(b":");
    two(out, (seconds % 60) as u32);
    let mut fraction = micros % SECOND as u64;
    if fraction != 0 {
        let mut digits = *b".000000";
        for place in digits[1..].iter_mut().rev() {
            *place += (fraction % 10) as u8;
            fraction /= 10;
        }
        let end = digits.iter().rposition(|d| *d != b'0').map_or(0, |last| last + 1);
        out.extend_from_slice(&digits[..end]);
    }
}

/// Two digits; a greater number keeps them all.
fn two(out: &mut BytesMut, value: u32) {
    if value < 100 {
        out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
    } else {
        integer(out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).expect("text")
    }

    #[test]
    fn numerics_keep_their_scale() {
        let numeric = |negative, digits: &str, scale| shown(|o| numeric(o, negative, digits.as_bytes(), scale));
        assert_eq!(numeric(false, "12345", 2), "123.45");
        assert_eq!(numeric(true, "5", 2), "-0.05");
        assert_eq!(numeric(false, "0", 2), "0.00");
        assert_eq!(numeric(false, "42", 2), "0.42");
        assert_eq!(numeric(false, "42", 0), "42");
        assert_eq!(numeric(false, "42", -3), "42000");
        assert_eq!(numeric(false, "0", -3), "0");
    }

    #[test]
    fn dates_and_timestamps() {
        assert_eq!(shown(|o| date(o, 0)), "1970-01-01");
        assert_eq!(shown(|o| date(o, -719_162)), "0001-01-01");
        assert_eq!(shown(|o| date(o, -719_163)), "0001-12-31 BC");
        assert_eq!(shown(|o| date(o, 3_789_755)), "12345-12-31");
        assert_eq!(shown(|o| timestamp(o, 1_700_000_000_120_000)), "2023-11-14 22:13:20.12");
        assert_eq!(shown(|o| timestamp(o, -1)), "1969-12-31 23:59:59.999999");
        assert_eq!(shown(|o| timestamptz(o, 0, Zone::Utc)), "1970-01-01 00:00:00+00");
        assert_eq!(shown(|o| timestamptz(o, 0, Zone::Fixed(-12_600))), "1969-12-31 20:30:00-03:30");
        let berlin = Zone::parse("Europe/Berlin").expect("a zone");
        assert_eq!(shown(|o| timestamptz(o, -3_771_100_800_000_000, berlin)), "1850-07-02 00:53:28+00:53:28");
        assert_eq!(shown(|o| timestamptz(o, -63_500_000_000_000_000, Zone::Utc)), "0044-10-07 07:06:40+00 BC");
    }

    #[test]
    fn bytes_in_hex() {
        assert_eq!(shown(|o| bytea(o, &[0, 0xab, 0xff])), "\\x00abff");
    }
}
