//! Copying SQLite's log into the catalog beside the commits.
//!
//! Left to itself SQLite has the commit that makes the log longer than a thousand pages copy them all, and the client
//! waits for it and for another flush to disk. Here another connection does so while commits go on. What they add
//! meanwhile keeps the log from starting over, so the writer copies that rest itself, which is short.

use crate::lake::{BUSY, CATALOG, Lake};
use crate::{LakeError, Result};
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::cell::Cell;
use std::path::PathBuf;

/// So long may the log become before a commit copies it as SQLite would.
const PAGES_MAX: u32 = 32_768;

thread_local! {
    /// Pages in the log after this thread's last commit: SQLite tells its hook, which can keep nothing of its own.
    static LOG_PAGES: Cell<u32> = const { Cell::new(0) };
}

/// Has commits leave the log alone.
pub(crate) fn leave_to_others(db: &Connection) {
    db.wal_hook(Some(after_commit));
}

fn after_commit(wal: &Wal, pages: std::ffi::c_int) -> rusqlite::Result<()> {
    let pages = u32::try_from(pages).unwrap_or(0);
    LOG_PAGES.set(pages);
    // The commit is done; what the copying meets is not its failure, and the next commit tries again.
    if pages >= PAGES_MAX
        && let Err(error) = wal.checkpoint()
    {
        tracing::warn!("the log of the catalog could not be copied: {error}");
    }
    Ok(())
}

/// Copies what the log has, from any thread.
pub struct Checkpointer {
    catalog: PathBuf,
}

impl Checkpointer {
    /// Copies what no reader needs from the log; nothing if the catalog is locked.
    pub fn run(&self) -> Result<()> {
        // It must not make a catalog where none is any more.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.catalog, flags)?;
        db.busy_timeout(BUSY)?;
        copy(&db)
    }
}

impl Lake {
    /// Pages of 4 KiB in the log, as of this thread's last commit.
    pub fn log_pages(&self) -> u32 {
        LOG_PAGES.get()
    }

    /// What copies the log on another thread.
    pub fn checkpointer(&self) -> Checkpointer {
        Checkpointer { catalog: self.dir().join(CATALOG) }
    }

    /// Copies what commits added to the log while a [`Checkpointer`] ran, so that it starts over.
    pub fn finish_checkpoint(&self) -> Result<()> {
        copy(&self.db)
    }
}

fn copy(db: &Connection) -> Result<()> {
    match db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        Err(e) if matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => Ok(()),
        other => other.map_err(LakeError::from),
    }
}
