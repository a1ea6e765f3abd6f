//! Rewriting in two halves: files are written beside the lake, by any thread; then one short commit names them.
//!
//! What a commit changes between the two halves is found again in the catalog: rows that ended meanwhile are deleted
//! from the new file at the snapshot that ended them.

use super::compact::{Merge, Merged};
use crate::catalog::{Flush, flush};
use crate::lake::Lake;
use crate::reader::LakeReader;
use crate::types::TableInfo;
use crate::version::TableVersion;
use crate::{LakeError, Result, failpoint};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Work on one table that a thread beside the writer can do.
pub struct Job {
    pub(super) reader: LakeReader,
    pub(super) table: Arc<TableVersion>,
    pub(super) what: What,
}

pub(super) enum What {
    /// Rows, and deletes of files, go from the catalog to files; at most so many rows at once.
    Flush(usize),
    /// These files become one.
    Merge(Merge),
}

/// Files that wait to be named. Dropped uncommitted they are removed.
pub struct Prepared {
    info: Arc<TableInfo>,
    pub(crate) work: Flush,
    /// The catalog may name them by now.
    keep: bool,
}

/// What a job did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows that moved from the catalog to files.
    pub rows: u64,
    /// Files written: of rows, and of deletes.
    pub files: usize,
    /// Files that one of the new ones took the place of.
    pub merged: usize,
    /// Rows left out because no snapshot sees them.
    pub dropped: u64,
}

impl Job {
    /// The table.
    pub fn table_id(&self) -> i64 {
        self.table.info.id
    }

    /// Writes the files. `None` when there is nothing to do.
    pub fn write(self) -> Result<Option<Prepared>> {
        let txn = self.reader.db.unchecked_transaction()?;
        let as_of = crate::catalog::newest_snapshot(&txn)?;
        let mut prepared = Prepared {
            info: Arc::clone(&self.table.info),
            work: Flush { table_id: self.table.info.id, as_of, ..Flush::default() },
            keep: false,
        };
        match &self.what {
            What::Flush(rows_max) => {
                super::flush::write_rows(&txn, &self.table.info, *rows_max, &mut prepared.work)?;
                super::delete_files::write_deletes(&txn, &self.table, &mut prepared.work)?;
            }
            What::Merge(merge) => prepared.work.merged = super::compact::write(&txn, &self.table, merge)?,
        }
        failpoint(prepared.step("before_flush_commit", "before_merge_commit"));
        Ok((!prepared.work.is_empty()).then_some(prepared))
    }
}

impl Lake {
    /// Names the files of a job in a snapshot, in the place of what they hold. Refused, with nothing changed, if the
    /// table was altered or rewritten since.
    pub fn commit_job(&mut self, mut prepared: Prepared, now_micros: i64) -> Result<Done> {
        let table_id = prepared.work.table_id;
        let stale = || LakeError::Stale { table: prepared.info.name.clone() };
        let table = self.state.tables.get(&table_id).ok_or_else(stale)?;
        table.check_files()?;
        if *table.info != *prepared.info {
            return Err(stale());
        }
        prepared.work.time_micros = now_micros;
        let outcome = match flush(&mut self.db, &self.state, &self.data_dir, &self.files, &prepared.work) {
            Ok(outcome) => outcome,
            Err(error) => {
                // After a failed commit nobody knows for sure that the catalog will not name the files.
                prepared.keep = matches!(error, LakeError::Catalog(_));
                return Err(error);
            }
        };
        prepared.keep = true;
        failpoint(prepared.step("after_flush", "after_merge"));
        outcome.apply(&mut self.state);
        Ok(prepared.done())
    }

    pub(super) fn job(&self, table: &Arc<TableVersion>, what: What) -> Result<Job> {
        Ok(Job { reader: self.reader()?, table: Arc::clone(table), what })
    }
}

impl Prepared {
    fn step(&self, flush: &'static str, merge: &'static str) -> &'static str {
        if self.work.merged.is_some() { merge } else { flush }
    }

    fn done(&self) -> Done {
        let work = &self.work;
        let mut done = Done {
            rows: work.rows.iter().map(|r| r.file.rows()).sum(),
            files: work.rows.len() + work.deletes.len(),
            ..Done::default()
        };
        if let Some(merged) = &work.merged {
            done.files += merged.paths().count();
            done.merged = merged.sources.len();
            done.dropped = merged.dropped;
        }
        done
    }

    fn paths(&self) -> Vec<PathBuf> {
        let rows = self.work.rows.iter().map(|r| r.file.contents.path.clone());
        let deletes = self.work.deletes.iter().map(|d| d.path.clone());
        rows.chain(deletes).chain(self.work.merged.iter().flat_map(Merged::paths)).collect()
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        for path in if self.keep { vec![] } else { self.paths() } {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!("{} could not be removed: {error}", path.display());
            }
        }
    }
}
