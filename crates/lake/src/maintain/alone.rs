//! Moving rows while nobody else reads.
//!
//! A commit adds to what older snapshots see and never changes it, so a reader may look whenever it likes. A flush or
//! merge does change where the rows of a snapshot are. DuckDB's SQLite extension reads each table of the catalog over a
//! connection of its own, and these share no view of it: a query that has the list of files from before a move and the
//! rows of the catalog from after it would miss what moved. But through one more connection it holds SQLite's shared
//! lock on the catalog from its first look to the end of its transaction. So rows move under the exclusive lock, which
//! SQLite grants when no such connection is there, and which keeps new ones waiting (DuckDB waits five seconds).

use super::{Done, Prepared};
use crate::Result;
use crate::lake::Lake;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::time::Duration;

/// What came of a job's files.
pub enum Named {
    /// A snapshot names them.
    Done(Done),
    /// Somebody is reading; the files wait.
    Readers(Box<Prepared>),
}

impl Lake {
    /// Like [`Lake::commit_job`], but only if nobody else is reading the catalog.
    pub fn commit_job_alone(&mut self, prepared: Prepared, now_micros: i64) -> Result<Named> {
        if !lock_out(&self.db)? {
            return Ok(Named::Readers(Box::new(prepared)));
        }
        let done = self.commit_job(prepared, now_micros);
        let let_in = let_in(&self.db);
        let done = done?;
        let_in?;
        Ok(Named::Done(done))
    }
}

/// Whether this connection is now the only one that may use the catalog.
fn lock_out(db: &Connection) -> Result<bool> {
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.busy_timeout(Duration::ZERO)?;
    // In this mode the lock that a transaction takes outlives it.
    let locked = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Immediate).and_then(|txn| txn.commit());
    db.busy_timeout(crate::lake::BUSY)?;
    match locked {
        Ok(()) => Ok(true),
        Err(error) => {
            let_in(db)?;
            match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(false),
                _ => Err(error.into()),
            }
        }
    }
}

fn let_in(db: &Connection) -> Result<()> {
    db.pragma_update(None, "locking_mode", "NORMAL")?;
    // The lock goes at the end of the next transaction.
    db.query_row("SELECT count(*) FROM ducklake_metadata", [], |_| Ok(()))?;
    Ok(())
}
