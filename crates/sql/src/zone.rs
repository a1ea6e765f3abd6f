//! Time zones: timestamptz values are shown, and read where they name no offset, in a zone's local time.

use crate::calendar::SECOND;
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{OffsetComponents, TZ_VARIANTS, Tz};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A time zone as the parameter `TimeZone` names it; its text is what `SHOW timezone` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Zone {
    /// No offset, which most sessions have.
    #[default]
    Utc,
    /// Seconds east of Greenwich.
    Fixed(i32),
    /// A zone of the tz database.
    Named(Tz),
}

impl Zone {
    /// Reads what `SHOW timezone` says; `None` if there is no such zone.
    pub fn parse(name: &str) -> Option<Self> {
        if ["UTC", "GMT", "Etc/UTC", "Z"].iter().any(|utc| utc.eq_ignore_ascii_case(name)) {
            return Some(Self::Utc);
        }
        // `<+03>-03`: the part in brackets is the zone's name, what follows counts westwards, as POSIX does.
        if let Some((_, west)) = name.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            return Some(Self::Fixed(-offset_seconds(west)?));
        }
        if name.starts_with(['+', '-']) {
            return Some(Self::Fixed(-offset_seconds(name)?));
        }
        // `EST+5`: a name of letters, then hours westwards.
        if let Some(at) = name.find(['+', '-']).filter(|&at| at >= 3)
            && name[..at].bytes().all(|b| b.is_ascii_alphabetic())
        {
            return Some(Self::Fixed(-offset_seconds(&name[at..])?));
        }
        let known = || TZ_VARIANTS.iter().find(|tz| tz.name().eq_ignore_ascii_case(name)).copied();
        name.parse().ok().or_else(known).map(Self::Named)
    }

    /// Every zone of the tz database, by name.
    pub fn named() -> impl Iterator<Item = (&'static str, Self)> {
        TZ_VARIANTS.iter().map(|tz| (tz.name(), Self::Named(*tz)))
    }

    /// What the zone's time is called at an instant, and whether clocks are forward, as in summer.
    pub fn abbreviation(self, instant: DateTime<Utc>) -> (String, bool) {
        let Self::Named(tz) = self else { return (self.to_string(), false) };
        let offset = tz.offset_from_utc_datetime(&instant.naive_utc());
        (offset.to_string(), !offset.dst_offset().is_zero())
    }

    /// Microseconds since 1970 on the zone's clocks, at an instant in microseconds since 1970 UTC.
    pub fn local(self, micros: i64) -> Option<i64> {
        micros.checked_add(i64::from(self.offset_at(micros)) * SECOND)
    }

    /// The instant at which the zone's clocks show this.
    pub fn instant(self, local: i64) -> Option<i64> {
        local.checked_sub(i64::from(self.offset_of_local(local)) * SECOND)
    }

    /// Whether it is UTC.
    pub fn is_utc(&self) -> bool {
        *self == Self::Utc
    }

    /// Seconds east of Greenwich at an instant, in microseconds since 1970 UTC.
    pub fn offset_at(self, micros: i64) -> i32 {
        match self {
            Self::Utc => 0,
            Self::Fixed(seconds) => seconds,
            Self::Named(tz) => naive(micros).map_or(0, |t| tz.offset_from_utc_datetime(&t).fix().local_minus_utc()),
        }
    }

    /// Seconds east of Greenwich when clocks show this local time.
    pub fn offset_of_local(self, micros: i64) -> i32 {
        let Self::Named(tz) = self else { return self.offset_at(micros) };
        let Some(local) = naive(micros) else { return 0 };
        // As in PostgreSQL: an hour that comes twice is the second one, one that is left out still has the old offset.
        match tz.offset_from_local_datetime(&local) {
            LocalResult::Single(offset) => offset.fix().local_minus_utc(),
            LocalResult::Ambiguous(a, b) => a.fix().local_minus_utc().min(b.fix().local_minus_utc()),
            LocalResult::None => {
                let before = local.checked_sub_signed(TimeDelta::days(1)).unwrap_or(local);
                tz.offset_from_utc_datetime(&before).fix().local_minus_utc()
            }
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("time zone \"{name}\" not recognized"))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utc => f.write_str("UTC"),
            Self::Fixed(east) => write!(f, "<{}>{}", offset_text(*east), offset_text(-east)),
            Self::Named(tz) => f.write_str(tz.name()),
        }
    }
}

/// `+02`, `-03:30` or `+00:53:28`.
pub(crate) fn offset_text(seconds: i32) -> String {
    let (sign, size) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let mut text = format!("{sign}{:02}", size / 3_600);
    if size % 3_600 != 0 {
        text.push_str(&format!(":{:02}", size / 60 % 60));
    }
    if size % 60 != 0 {
        text.push_str(&format!(":{:02}", size % 60));
    }
    text
}

fn naive(micros: i64) -> Option<NaiveDateTime> {
    let seconds = micros.div_euclid(SECOND);
    DateTime::from_timestamp(seconds, 0).map(|t| t.naive_utc())
}

/// `+03`, `-03:30`, `+0330` or `-03:30:15` in seconds.
pub(crate) fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let number = |digits: &str, limit: i32| -> Option<i32> {
        let valid = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|n| valid && *n <= limit)
    };
    let mut total = 0;
    if rest.contains(':') {
        for (i, part) in rest.split(':').enumerate() {
            total += match i {
                0 => number(part, 15)? * 3_600,
                1 => number(part, 59)? * 60,
                2 => number(part, 59)?,
                _ => return None,
            };
        }
    } else if rest.len() == 4 && rest.is_ascii() {
        total = number(&rest[..2], 15)? * 3_600 + number(&rest[2..], 59)? * 60;
    } else {
        total = number(rest, 15)? * 3_600;
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_as_show_timezone_names_them() {
        assert_eq!(Zone::parse("UTC"), Some(Zone::Utc));
        assert_eq!(Zone::parse("<+03:30>-03:30"), Some(Zone::Fixed(12_600)));
        assert_eq!(Zone::parse("<-05>+05"), Some(Zone::Fixed(-18_000)));
        assert_eq!(Zone::parse("+07:15"), Some(Zone::Fixed(-26_100)));
        assert_eq!(Zone::parse("Europe/Berlin"), Some(Zone::Named(Tz::Europe__Berlin)));
        assert_eq!(Zone::parse("europe/BERLIN"), Some(Zone::Named(Tz::Europe__Berlin)));
        assert_eq!(Zone::parse("GMT-02:00"), Some(Zone::Fixed(7_200)));
        assert_eq!(Zone::parse("Middle/Earth"), None);
        for name in ["UTC", "<+03:30>-03:30", "<-05>+05", "Europe/Berlin"] {
            assert_eq!(Zone::parse(name).map(|z| z.to_string()).as_deref(), Some(name));
        }
    }

    #[test]
    fn offsets_around_changes_of_the_clock() {
        let berlin = Zone::Named(Tz::Europe__Berlin);
        let at = |text: &str| {
            let t = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time");
            t.and_utc().timestamp_micros()
        };
        assert_eq!(berlin.offset_at(at("2024-07-01 00:00")), 7_200);
        assert_eq!(berlin.offset_at(at("2024-01-01 00:00")), 3_600);
        assert_eq!(berlin.offset_of_local(at("2024-10-27 02:30")), 3_600);
        assert_eq!(berlin.offset_of_local(at("2024-03-31 02:30")), 3_600);
    }

    #[test]
    fn offsets_in_text() {
        assert_eq!(offset_seconds("+02"), Some(7_200));
        assert_eq!(offset_seconds("-0330"), Some(-12_600));
        assert_eq!(offset_seconds("+00:53:28"), Some(3_208));
        for bad in ["02", "+", "+99", "+2:99", "+a", "+1:2:3:4", "+12345"] {
            assert_eq!(offset_seconds(bad), None, "{bad}");
        }
    }
}
