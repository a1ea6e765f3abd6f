//! Which rows recent ticks changed: a transaction whose rows somebody changed since it began is refused.

use crate::write::WriteSet;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How many changed rows are remembered at most.
const ROWS_MAX: usize = 2_000_000;
/// They are remembered so long even if nobody reads an older version: a transaction may be on its way.
const KEEP: Duration = Duration::from_secs(30);

/// The last change of each row, for as long as a transaction may ask.
#[derive(Default)]
pub(crate) struct Recent {
    rows: HashMap<(i64, i64), i64>,
    log: VecDeque<Changes>,
    /// Versions that somebody may still read, oldest first.
    shown: VecDeque<(i64, Weak<()>)>,
    /// Changes up to this snapshot are forgotten: a transaction that began before it cannot be checked.
    horizon: i64,
    truncated: HashMap<i64, i64>,
    /// The snapshot that last changed rows of a table, and the one that last altered it.
    changed: HashMap<i64, i64>,
    altered: HashMap<i64, i64>,
}

/// The rows that a tick changed.
struct Changes {
    snapshot: i64,
    at: Instant,
    rows: Vec<(i64, i64)>,
}

impl Recent {
    pub(super) fn changed_since(&self, table: i64, row: i64, snapshot: i64) -> bool {
        self.rows.get(&(table, row)).is_some_and(|&s| s > snapshot)
            || self.truncated.get(&table).is_some_and(|&s| s > snapshot)
    }

    pub(super) fn table_changed_since(&self, table: i64, snapshot: i64) -> bool {
        self.changed.get(&table).is_some_and(|&s| s > snapshot)
    }

    pub(super) fn altered_since(&self, table: i64, snapshot: i64) -> bool {
        self.altered.get(&table).is_some_and(|&s| s > snapshot)
    }

    /// Whether rows that changed since a snapshot are not remembered any more.
    pub(super) fn has_forgotten(&self, snapshot: i64) -> bool {
        snapshot < self.horizon
    }

    /// Remembers that a table's definition changed: rows made for the old one do not fit.
    pub(super) fn record_altered(&mut self, snapshot: i64, tables: impl Iterator<Item = i64>) {
        self.altered.extend(tables.map(|t| (t, snapshot)));
    }

    /// Remembers a version for as long as somebody reads it.
    pub(super) fn record_shown(&mut self, snapshot: i64, in_use: &Arc<()>) {
        self.shown.push_back((snapshot, Arc::downgrade(in_use)));
    }

    pub(super) fn record(&mut self, snapshot: i64, writes: &WriteSet, now: Instant) {
        let mut rows = vec![];
        for (&table, staged) in &writes.tables {
            if !staged.is_empty() {
                self.changed.insert(table, snapshot);
            }
            if staged.truncated {
                self.truncated.insert(table, snapshot);
            }
            rows.extend(staged.removed.iter().map(|&row| (table, row)));
        }
        self.add(Changes { snapshot, at: now, rows });
        self.forget(now);
    }

    fn add(&mut self, changes: Changes) {
        self.rows.extend(changes.rows.iter().map(|row| (*row, changes.snapshot)));
        self.log.push_back(changes);
    }

    /// Forgets what no transaction can ask for, and in need what came first.
    fn forget(&mut self, now: Instant) {
        while self.shown.pop_front_if(|(_, in_use)| in_use.strong_count() == 0).is_some() {}
        let oldest = self.shown.front().map_or(i64::MAX, |(snapshot, _)| *snapshot);
        let full = |rows: usize| rows > ROWS_MAX;
        let unasked = |c: &Changes| c.snapshot <= oldest && now.duration_since(c.at) > KEEP;
        while let Some(gone) = self.log.pop_front_if(|c| full(self.rows.len()) || unasked(c)) {
            self.horizon = gone.snapshot;
            for row in gone.rows {
                if self.rows.get(&row) == Some(&gone.snapshot) {
                    self.rows.remove(&row);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tick a second, each of which changes a hundred rows.
    fn ticks(recent: &mut Recent, snapshots: std::ops::Range<i64>, start: Instant, now: &mut Arc<()>) {
        for snapshot in snapshots {
            let at = start + Duration::from_secs(snapshot as u64);
            recent.add(Changes { snapshot, at, rows: (0..100).map(|row| (1, snapshot * 100 + row)).collect() });
            *now = Arc::new(());
            recent.record_shown(snapshot, now);
            recent.forget(at);
        }
    }

    #[test]
    fn changes_are_remembered_while_a_transaction_may_ask() {
        let (mut recent, start, mut newest) = (Recent::default(), Instant::now(), Arc::new(()));
        ticks(&mut recent, 1..1_000, start, &mut newest);
        assert_eq!(recent.rows.len(), 3_100, "half a minute");
        assert!(recent.has_forgotten(967) && !recent.has_forgotten(968));

        let open = Arc::clone(&newest);
        ticks(&mut recent, 1_000..1_200, start, &mut newest);
        assert!(!recent.has_forgotten(999) && recent.changed_since(1, 100_000, 999));
        drop(open);
        ticks(&mut recent, 1_200..1_201, start, &mut newest);
        assert_eq!((recent.rows.len(), recent.log.len(), recent.shown.len()), (3_100, 31, 1));
    }
}
