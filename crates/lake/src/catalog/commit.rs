//! One snapshot: definitions, rows of all tables, and what Sluice keeps beside them, in one transaction.
//!
//! The snapshot row is written first, for it is what competing writers collide on. Its `next_file_id` grows
//! with every insert, inlined ones too: DuckDB caches a table's statistics under that number, and would miss
//! the new rows.

use super::SidecarChange;
use super::ddl::Ddl;
use super::draft::{Draft, Outcome};
use super::load::FileCache;
use crate::files::WrittenFile;
use crate::state::CatalogState;
use crate::{LakeError, Result, failpoint, text};
use arrow::array::{Int64Array, RecordBatch};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::path::Path;

/// All that one snapshot changes.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The snapshot's time in microseconds since 1970. A time that is not after the last snapshot's is moved
    /// to just after it.
    pub time_micros: i64,
    /// Changes of definitions, made first and in this order.
    pub ddl: Vec<Ddl>,
    /// Changes of rows, at most one entry a table, in columns as `ddl` leaves them.
    pub changes: Vec<TableChange>,
    /// What is kept beside DuckLake's tables.
    pub sidecar: SidecarChange,
    /// Free text for `ducklake_snapshot_changes.commit_extra_info`.
    pub extra_info: Option<String>,
}

/// New and gone rows of a table. An update is a delete and an inline insert of the same row id.
#[derive(Debug, Clone, Default)]
pub struct TableChange {
    /// The table.
    pub table_id: i64,
    /// Row ids of live rows.
    pub deletes: Vec<i64>,
    /// Rows to add, after deleting.
    pub inserts: Vec<RowInsert>,
    /// First of all, end every row.
    pub truncate: bool,
}

/// Rows to add. New row ids are taken from [`crate::TableVersion::next_row_id`] upward, without gaps.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names say it")]
pub enum RowInsert {
    /// Rows for the catalog itself.
    Inline { rows: RecordBatch, row_ids: Int64Array },
    /// A file; without row ids of its own it gets those after the inline ones.
    File(WrittenFile),
}

impl Commit {
    /// Only what has no history needs no snapshot.
    fn needs_snapshot(&self) -> bool {
        let rows = |c: &TableChange| c.truncate || !c.deletes.is_empty() || c.inserts.iter().any(|i| i.rows() > 0);
        !self.ddl.is_empty() || self.changes.iter().any(rows) || self.sidecar.needs_snapshot()
    }

    fn created_ids(&self) -> impl Iterator<Item = i64> {
        let created = self.ddl.iter().filter_map(|ddl| match ddl {
            Ddl::CreateSchema { id, .. } | Ddl::CreateTable { id, .. } => Some(*id),
            _ => None,
        });
        created.chain(self.sidecar.put_objects.iter().map(|(id, ..)| *id))
    }

    fn file_ids_needed(&self) -> i64 {
        let inserts = || self.changes.iter().flat_map(|c| &c.inserts).filter(|i| i.rows() > 0);
        let files = inserts().filter(|i| matches!(i, RowInsert::File(_))).count() as i64;
        files.max(i64::from(inserts().next().is_some()))
    }

    /// Tables that DuckDB made without a place for small commits, and that get one now.
    fn tables_to_prepare(&self, base: &CatalogState) -> Vec<i64> {
        let inlines = |c: &&TableChange| c.inserts.iter().any(|i| matches!(i, RowInsert::Inline { .. }));
        let has_none = |id: &i64| base.tables.get(id).is_some_and(|t| t.info.inlined_tables.is_empty());
        self.changes.iter().filter(inlines).map(|c| c.table_id).filter(has_none).collect()
    }
}

impl RowInsert {
    pub(super) fn rows(&self) -> u64 {
        match self {
            Self::Inline { rows, .. } => rows.num_rows() as u64,
            Self::File(file) => file.rows(),
        }
    }
}

/// Writes and commits; `None` if no snapshot was needed.
pub(crate) fn write(
    db: &mut Connection,
    base: &CatalogState,
    data_dir: &Path,
    files: &FileCache,
    commit: Commit,
) -> Result<Option<Outcome>> {
    failpoint("before_commit");
    let txn = begin(db, base)?;
    let outcome = if commit.needs_snapshot() {
        Some(Draft::new(&txn, base, data_dir, files).write(commit)?)
    } else {
        commit.sidecar.write(&txn, base.snapshot)?;
        None
    };
    txn.commit()?;
    failpoint("after_commit");
    Ok(outcome)
}

/// Takes the catalog for writing, unless another program has written since `base`.
pub(crate) fn begin<'a>(db: &'a mut Connection, base: &CatalogState) -> Result<Transaction<'a>> {
    let txn = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let newest = newest_snapshot(&txn)?;
    if newest != base.snapshot {
        return Err(LakeError::Foreign { snapshot: newest });
    }
    Ok(txn)
}

pub(crate) fn newest_snapshot(db: &Connection) -> Result<i64> {
    Ok(db.prepare_cached("SELECT max(snapshot_id) FROM ducklake_snapshot")?.query_row([], |r| r.get(0))?)
}

impl Draft<'_> {
    fn write(mut self, commit: Commit) -> Result<Outcome> {
        let prepare = commit.tables_to_prepare(self.base);
        let changes_schema = !commit.ddl.is_empty() || !prepare.is_empty();
        self.snapshot += 1;
        self.time_micros = commit.time_micros.max(self.base.time_micros + 1);
        self.schema_version += i64::from(changes_schema);
        self.next_catalog_id = commit.created_ids().map(|id| id + 1).fold(self.next_catalog_id, i64::max);
        self.insert_snapshot(self.base.next_file_id + commit.file_ids_needed())?;
        failpoint("in_commit");
        for ddl in commit.ddl {
            self.change_definition(ddl)?;
        }
        for table_id in prepare {
            self.table(table_id)?.starts_inlined_table = true;
        }
        self.finish_definitions()?;
        for change in commit.changes {
            self.change_rows(change)?;
        }
        self.next_file_id =
            self.next_file_id.max(self.base.next_file_id + i64::from(!self.tokens.inlined_inserts.is_empty()));
        commit.sidecar.write(self.db, self.snapshot)?;
        self.db
            .prepare_cached("INSERT INTO ducklake_snapshot_changes VALUES (?1, ?2, NULL, NULL, ?3)")?
            .execute(params![self.snapshot, self.tokens.text(), commit.extra_info])?;
        Ok(self.outcome())
    }

    pub(super) fn insert_snapshot(&self, next_file_id: i64) -> Result<()> {
        let time = text::timestamptz(self.time_micros);
        self.db.prepare_cached("INSERT INTO ducklake_snapshot VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            self.snapshot,
            time,
            self.schema_version,
            self.next_catalog_id,
            next_file_id
        ])?;
        Ok(())
    }
}
