//! Upkeep of the lake between ticks, in pieces so small that no transaction waits long for one.

use super::Core;
use crate::error;
use crate::version::Version;
use chrono::Utc;
use sluice_lake::{LakeError, Retention};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two pieces.
const PAUSE: Duration = Duration::from_secs(1);
/// An expiry that takes longer does less the next time.
const PIECE: Duration = Duration::from_millis(20);
const SNAPSHOTS_MAX: usize = 10_000;
/// Every so many pieces a full table is flushed.
const FLUSH_EVERY: u64 = 10;
/// Every so many pieces files are deleted.
const CLEAN_EVERY: u64 = 60;
/// Readers outside may use a file that long after it left the newest snapshot.
const CLEAN_AFTER_MICROS: i64 = 3_600_000_000;

/// When the last piece was done, and how large the next may be.
pub(crate) struct Upkeep {
    last: Instant,
    pieces: u64,
    snapshots: usize,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { last: Instant::now(), pieces: 0, snapshots: 100 }
    }
}

impl Core {
    /// Does a piece of upkeep if the last one was long enough ago. Its errors hold nothing up: what it left
    /// undone comes again.
    pub(super) fn maintain(&mut self) {
        if self.graph.foreign || self.upkeep.last.elapsed() < PAUSE {
            return;
        }
        match self.upkeep_piece() {
            // The next tick follows another program that wrote.
            Ok(()) | Err(LakeError::Foreign { .. }) => {}
            Err(e) => tracing::warn!("the upkeep of the lake failed: {}", error::lake(e)),
        }
        self.show_upkeep();
        self.upkeep.pieces += 1;
        self.upkeep.last = Instant::now();
    }

    fn upkeep_piece(&mut self) -> Result<(), LakeError> {
        let now = Utc::now().timestamp_micros();
        if self.upkeep.pieces % FLUSH_EVERY == FLUSH_EVERY - 1
            && let Some(due) = self.lake.due()?.first()
        {
            let flushed = self.lake.flush(due.table_id, now)?;
            tracing::debug!("flushed table {}: {} rows, {} files", due.table_id, flushed.rows, flushed.files);
            return Ok(());
        }
        if self.upkeep.pieces % CLEAN_EVERY == CLEAN_EVERY - 1 {
            self.lake.clean(CLEAN_AFTER_MICROS, now)?;
        }
        let start = Instant::now();
        let expired = self.lake.expire(&Retention::default(), now, self.upkeep.snapshots)?;
        if start.elapsed() > PIECE {
            self.upkeep.snapshots = (self.upkeep.snapshots / 2).max(1);
        } else if expired.snapshots == self.upkeep.snapshots {
            self.upkeep.snapshots = (self.upkeep.snapshots * 2).min(SNAPSHOTS_MAX);
        }
        Ok(())
    }

    /// Readers get the same rows from where they are now.
    fn show_upkeep(&self) {
        let (shown, state) = (self.context.version(), self.lake.state());
        let moved = |(id, table): (&i64, &Arc<sluice_lake::TableVersion>)| {
            state.tables.get(id).is_some_and(|t| !Arc::ptr_eq(t, table))
        };
        if state.snapshot == shown.snapshot && !shown.tables.iter().any(moved) {
            return;
        }
        let now = |(id, table): (&i64, &Arc<sluice_lake::TableVersion>)| {
            (*id, Arc::clone(state.tables.get(id).unwrap_or(table)))
        };
        let tables = shown.tables.iter().map(now).collect();
        let version = Version { snapshot: state.snapshot, tables, ..Version::clone(&shown) };
        *self.context.version.write() = Arc::new(version);
    }
}
