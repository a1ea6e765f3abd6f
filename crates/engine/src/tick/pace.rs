//! How many snapshots an expiry removes: as many as fit into a short time, but always more than retention let go since
//! the last one. A disk may take longer than that time for any commit at all; if that were the only measure, the catalog
//! of a lake that is written to all the time would grow for ever.

use std::time::Duration;

/// An expiry that takes longer does less the next time.
const PIECE: Duration = Duration::from_millis(20);
const SNAPSHOTS: usize = 100;
const SNAPSHOTS_MIN: usize = 10;
const SNAPSHOTS_MAX: usize = 10_000;

/// Remembers what was too much, and how far retention was.
pub(super) struct Pace {
    fits: usize,
    last: Option<i64>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { fits: SNAPSHOTS, last: None }
    }

    /// The newest snapshot that retention had reached the last time.
    pub(super) fn last(&self) -> i64 {
        self.last.unwrap_or(0)
    }

    /// How many to remove, given the newest snapshot that retention has reached by now, and how many more that are than
    /// the last time.
    pub(super) fn limit(&mut self, (newest, came): (i64, usize)) -> usize {
        // All of what was there at the start would be too much at once.
        let came = self.last.map_or(0, |_| came);
        self.last = Some(newest);
        self.fits.max(2 * came)
    }

    /// Learns from an expiry that removed `removed` of at most `limit` snapshots.
    pub(super) fn learn(&mut self, limit: usize, removed: usize, took: Duration) {
        if took > PIECE {
            self.fits = (self.fits / 2).max(SNAPSHOTS_MIN);
        } else if removed == limit {
            self.fits = (self.fits * 2).min(SNAPSHOTS_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Snapshots that are left after so many pieces before each of which retention let go `came` snapshots, and which
    /// each took `took`.
    fn left(pieces: i64, came: i64, took: Duration) -> i64 {
        let (mut pace, mut newest, mut left) = (Pace::new(), 1, 1_000);
        for _ in 0..pieces {
            newest += came;
            left += came;
            let limit = pace.limit((newest, came as usize));
            let removed = left.min(limit as i64);
            left -= removed;
            pace.learn(limit, removed as usize, took);
        }
        left
    }

    #[test]
    fn a_slow_disk_does_not_let_snapshots_pile_up() {
        for came in [1, 83, 500, 5_000] {
            assert_eq!(left(1_100, came, PIECE * 5), 0, "{came} a piece");
            assert_eq!(left(1_100, came, PIECE / 5), 0, "{came} a piece");
        }
    }

    #[test]
    fn what_was_there_at_the_start_goes_in_pieces_that_fit() {
        let mut pace = Pace::new();
        assert_eq!(pace.limit((500_000, 500_000)), SNAPSHOTS);
        for _ in 0..20 {
            let limit = pace.limit((500_000, 0));
            pace.learn(limit, limit, PIECE / 2);
        }
        assert_eq!(pace.limit((500_000, 0)), SNAPSHOTS_MAX);
        pace.learn(SNAPSHOTS_MAX, SNAPSHOTS_MAX, PIECE * 2);
        assert_eq!(pace.limit((500_000, 0)), SNAPSHOTS_MAX / 2);
    }
}
