use crate::catalog::{
    FileCache, HistoryRow, TickRow, changes_since, last_tick, last_tick_snapshot, load, objects_at, read_history,
    snapshot_time, tick, tick_before,
};
use crate::lake::BUSY;
use crate::state::CatalogState;
use crate::{LakeError, Result, SnapshotChanges};
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;

/// Opens readers on any thread. None should be kept: while one is open no rows move from the catalog to files.
#[derive(Clone)]
pub struct Readers {
    pub(crate) catalog: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) files: FileCache,
}

impl Readers {
    /// A reader with a connection of its own.
    pub fn open(&self) -> Result<LakeReader> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.catalog, flags)?;
        db.busy_timeout(BUSY)?;
        Ok(LakeReader { db, data_dir: self.data_dir.clone(), files: FileCache::clone(&self.files) })
    }
}

/// Reads older snapshots and what is kept beside the tables, through a connection of its own that can't write.
pub struct LakeReader {
    pub(crate) db: Connection,
    data_dir: PathBuf,
    files: FileCache,
}

impl LakeReader {
    /// The newest snapshot's id.
    pub fn newest(&self) -> Result<i64> {
        crate::catalog::newest_snapshot(&self.db)
    }

    /// Ids and times (microseconds since 1970) of all snapshots, oldest first.
    pub fn snapshots(&self) -> Result<Vec<(i64, i64)>> {
        let mut query =
            self.db.prepare_cached("SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY 1")?;
        let mut rows = query.query([])?;
        let mut snapshots = Vec::new();
        while let Some(row) = rows.next()? {
            snapshots.push((row.get(0)?, snapshot_time(row.get_ref(1)?.as_str().unwrap_or_default())?));
        }
        Ok(snapshots)
    }

    /// Whether a snapshot is still there.
    pub fn has(&self, snapshot: i64) -> bool {
        let sql = "SELECT 1 FROM ducklake_snapshot WHERE snapshot_id = ?1";
        self.db.prepare_cached(sql).and_then(|mut q| q.exists([snapshot])).unwrap_or(false)
    }

    /// The lake as it was at a snapshot.
    pub fn state_at(&self, snapshot: i64) -> Result<CatalogState> {
        load(&self.db, &self.data_dir, &self.files, Some(snapshot))
    }

    /// The newest snapshot that is not after a time in microseconds since 1970.
    pub fn snapshot_at_time(&self, micros: i64) -> Result<i64> {
        let mut query =
            self.db.prepare_cached("SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY 1 DESC")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            if snapshot_time(row.get_ref(1)?.as_str().unwrap_or_default())? <= micros {
                return Ok(row.get(0)?);
            }
        }
        Err(LakeError::NoSnapshot(format!("at {}", crate::text::timestamptz(micros))))
    }

    /// The objects of a snapshot: id, kind, definition as JSON.
    pub fn objects_at(&self, snapshot: i64) -> Result<Vec<(i64, String, String)>> {
        objects_at(&self.db, snapshot)
    }

    /// The time of the tick that made a snapshot, `None` if another program made it.
    pub fn tick_time(&self, snapshot: i64) -> Result<Option<i64>> {
        Ok(tick(&self.db, snapshot)?.map(|(time, _)| time))
    }

    /// The tables that the tick of a snapshot held back, as JSON.
    pub fn held(&self, snapshot: i64) -> Result<Option<String>> {
        Ok(tick(&self.db, snapshot)?.and_then(|(_, held)| held))
    }

    /// The tables that the last tick held back, as JSON; `None` if a later snapshot did more than move rows, so that
    /// nobody knows whether tables follow from one another.
    pub fn last_tick(&self) -> Result<Option<Option<String>>> {
        last_tick(&self.db)
    }

    /// The newest snapshot that a tick made, `None` if there is none.
    pub fn last_tick_snapshot(&self) -> Result<Option<i64>> {
        last_tick_snapshot(&self.db)
    }

    /// What the snapshots after one did, oldest first.
    pub fn changes_since(&self, snapshot: i64) -> Result<Vec<SnapshotChanges>> {
        changes_since(&self.db, snapshot)
    }

    /// The newest snapshot up to `snapshot` that a tick made.
    pub fn tick_before(&self, snapshot: i64) -> Result<Option<TickRow>> {
        tick_before(&self.db, snapshot)
    }

    /// What was done to a table, or to all, newest first.
    pub fn history(&self, table_id: Option<i64>, limit: usize) -> Result<Vec<HistoryRow>> {
        read_history(&self.db, table_id, limit)
    }
}
