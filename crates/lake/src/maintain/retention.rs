const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Which snapshots are kept. The newest always is. Times are in microseconds.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Every snapshot that is younger.
    pub all_micros: i64,
    /// The last one of each minute, if younger.
    pub minutely_micros: i64,
    /// The last one of each hour, if younger.
    pub hourly_micros: i64,
    /// Entries of the history, if younger.
    pub history_micros: i64,
    /// Snapshots that somebody reads.
    pub pinned: Vec<i64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            all_micros: HOUR,
            minutely_micros: DAY,
            hourly_micros: 30 * DAY,
            history_micros: 7 * DAY,
            pinned: vec![],
        }
    }
}

impl Retention {
    /// Snapshots before this time may be thinned out.
    pub(super) fn horizon(&self, now: i64) -> i64 {
        now.saturating_sub(self.all_micros)
    }

    /// Whether a snapshot may go, given the time of the one that follows it.
    pub(super) fn lets_go(&self, (id, time): (i64, i64), next: i64, now: i64) -> bool {
        let younger = |age: i64| time > now.saturating_sub(age);
        let last_of = |span: i64| time.div_euclid(span) != next.div_euclid(span);
        let keep = younger(self.all_micros)
            || (younger(self.minutely_micros) && last_of(MINUTE))
            || (younger(self.hourly_micros) && last_of(HOUR))
            || self.pinned.contains(&id);
        !keep
    }
}
