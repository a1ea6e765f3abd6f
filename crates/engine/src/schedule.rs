//! How long a view may lag behind what it reads, or at which times it is refreshed.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use sluice_sql::{Result, SqlError};

/// A view that is later than its bound by this much is said to be late: the engine looks once a second.
const GRACE_MICROS: i64 = 1_500_000;
/// The same for a view that is refreshed at fixed times.
const CRON_GRACE_MICROS: i64 = 10_000_000;

/// A hundred years.
const LONGEST_SECONDS: i64 = 3_155_760_000;

/// What a definition's schedule means.
#[derive(Debug, Clone, Default)]
pub(crate) enum Schedule {
    /// Nothing is said: the view is live.
    #[default]
    Free,
    /// The longest it may lag, in microseconds.
    Within(i64),
    /// It is refreshed at these times (UTC), and held back between them.
    At(Box<Cron>),
}

impl Schedule {
    /// Reads `30s`, `1h30m`, `calculated`, a cron expression or one of its nicknames.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("calculated") {
            return Ok(Self::Free);
        }
        if text.starts_with('@') || text.split_whitespace().nth(4).is_some() {
            return cron(text);
        }
        duration(text).map(Self::Within).ok_or_else(|| invalid(text))
    }

    /// Of an optional schedule; one that was accepted when it was given can be read.
    pub(crate) fn of(text: Option<&str>) -> Result<Self> {
        text.map_or(Ok(Self::Free), Self::parse)
    }

    pub(crate) fn is_cron(&self) -> bool {
        matches!(self, Self::At(_))
    }

    /// When a view that is complete up to `since`, and takes `needs` to be refreshed, has to be.
    pub(crate) fn due(&self, since: i64, needs: i64) -> Option<i64> {
        match self {
            Self::Free => None,
            Self::Within(bound) => Some(since + bound - needs.clamp(0, bound / 2)),
            Self::At(cron) => next(cron, since),
        }
    }

    /// Whether a view that is complete up to `since` is later than it may be.
    pub(crate) fn is_late(&self, since: i64, now: i64) -> bool {
        match self {
            Self::Free => false,
            Self::Within(bound) => now - since > bound + GRACE_MICROS,
            Self::At(cron) => next(cron, since).is_some_and(|due| now > due + CRON_GRACE_MICROS),
        }
    }
}

/// The first time of `cron` after `since`.
fn next(cron: &Cron, since: i64) -> Option<i64> {
    // Times are whole seconds; the crate would carry a fraction on into its answer.
    let since: DateTime<Utc> = DateTime::from_timestamp(since.div_euclid(1_000_000), 0)?;
    cron.find_next_occurrence(&since, false).ok().map(|t| t.timestamp_micros())
}

fn cron(text: &str) -> Result<Schedule> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let cron = parser.parse(text).map_err(|e| invalid(text).detail(e.to_string()))?;
    if next(&cron, Utc::now().timestamp_micros()).is_none() {
        return Err(invalid(text).detail("It names no time to come."));
    }
    Ok(Schedule::At(Box::new(cron)))
}

fn duration(text: &str) -> Option<i64> {
    let (mut total, mut number) = (0i64, None);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0i64).checked_mul(10)?.checked_add(i64::from(digit))?);
            continue;
        }
        let seconds = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(seconds)?)?;
    }
    // A lag of no time at all is what a view without a schedule has.
    (number.is_none() && (1..=LONGEST_SECONDS).contains(&total)).then_some(total * 1_000_000)
}

fn invalid(text: &str) -> SqlError {
    SqlError::new("22023", format!("invalid schedule \"{text}\"")).hint(
        "Write the longest lag ('30s', '5m', '1h30m', '1d'), or the times of its refreshes as a cron expression \
         ('0 * * * *', '@hourly'; UTC).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn durations_are_bounds() {
        assert!(matches!(Schedule::parse("1h30m"), Ok(Schedule::Within(5_400_000_000))));
        assert!(matches!(Schedule::parse("calculated"), Ok(Schedule::Free)));
        let hour = Schedule::parse("1h").expect("a bound");
        assert_eq!(hour.due(5 * HOUR, 0), Some(6 * HOUR));
        assert_eq!(hour.due(5 * HOUR, 1_000_000), Some(6 * HOUR - 1_000_000), "it starts early enough to be done");
        assert!(!hour.is_late(5 * HOUR, 6 * HOUR));
        assert!(hour.is_late(5 * HOUR, 7 * HOUR));
    }

    #[test]
    fn cron_names_times() {
        for text in ["0 * * * *", "@hourly", "0 0 * * * *"] {
            let hourly = Schedule::parse(text).expect("times");
            assert_eq!(hourly.due(5 * HOUR + 1, 0), Some(6 * HOUR), "{text}");
            assert_eq!(hourly.due(5 * HOUR, 0), Some(6 * HOUR), "the time of a refresh is over with it");
        }
    }

    #[test]
    fn what_names_no_time_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "0s",
            "3x",
            "-1s",
            "1 minute",
            "99999999999999w",
            "9999999999s",
            "61 * * * *",
            "* * * *",
            "@never",
            "0 0 30 2 *",
            "0 0 0 1 1 * 1999",
        ] {
            let error = Schedule::parse(text).expect_err(text);
            assert_eq!(error.code, "22023", "{text}");
        }
    }
}
