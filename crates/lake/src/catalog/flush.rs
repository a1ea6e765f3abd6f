//! The snapshot that names the files of a flush. It changes no row: a file's rows say which snapshot each came
//! with, and a delete file when each was deleted.

use super::commit::begin;
use super::draft::{Draft, Outcome};
use super::load::{FileCache, remember};
use super::quoted;
use crate::files::WrittenFile;
use crate::inlined::Inlined;
use crate::maintain::{drop_superseded, schedule};
use crate::state::CatalogState;
use crate::version::{DataFile, FileVersion};
use crate::{Result, failpoint, text};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that replace a table's rows and deletes in the catalog.
pub(crate) struct Flush {
    pub(crate) table_id: i64,
    pub(crate) time_micros: i64,
    pub(crate) rows: Vec<FlushedRows>,
    pub(crate) deletes: Vec<FlushedDeletes>,
}

/// The live rows of an inlined-data table.
pub(crate) struct FlushedRows {
    pub(crate) file: WrittenFile,
    pub(crate) inlined_table: String,
    /// The first and the last snapshot that rows came with.
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// All deletes of a data file.
pub(crate) struct FlushedDeletes {
    pub(crate) data_file_id: i64,
    pub(crate) path: PathBuf,
    pub(crate) size_bytes: u64,
    pub(crate) footer_size: u64,
    pub(crate) count: usize,
    /// The first and the last snapshot that deleted rows.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// The delete file that it takes the place of.
    pub(crate) replaces: Option<(i64, PathBuf)>,
}

impl Flush {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.deletes.is_empty()
    }
}

pub(crate) fn flush(
    db: &mut Connection,
    base: &CatalogState,
    data_dir: &Path,
    files: &FileCache,
    work: &Flush,
) -> Result<Outcome> {
    let txn = begin(db, base)?;
    let outcome = Draft::new(&txn, base, data_dir, files).flush(work)?;
    txn.commit()?;
    Ok(outcome)
}

impl Draft<'_> {
    fn flush(mut self, work: &Flush) -> Result<Outcome> {
        self.snapshot += 1;
        self.time_micros = work.time_micros.max(self.base.time_micros + 1);
        self.insert_snapshot(self.next_file_id + (work.rows.len() + work.deletes.len()) as i64)?;
        failpoint("in_flush");
        for rows in &work.rows {
            self.flush_rows(work.table_id, rows)?;
        }
        for deletes in &work.deletes {
            self.flush_deletes(work.table_id, deletes)?;
        }
        if !work.rows.is_empty() {
            self.after_rows(work)?;
        }
        // No row changed, so this snapshot shows what the last tick left.
        self.db
            .prepare_cached(
                "INSERT INTO sluice_tick SELECT ?1, tick_time_micros, held FROM sluice_tick WHERE snapshot_id = ?2",
            )?
            .execute([self.snapshot, self.base.snapshot])?;
        let token = |word: &str| format!("{word}:{}", work.table_id);
        let mut tokens = vec![];
        tokens.extend((!work.deletes.is_empty()).then(|| token("deleted_from_table")));
        tokens.extend((!work.rows.is_empty()).then(|| token("inline_flush")));
        self.db
            .prepare_cached("INSERT INTO ducklake_snapshot_changes VALUES (?1, ?2, NULL, NULL, NULL)")?
            .execute(params![self.snapshot, tokens.join(",")])?;
        Ok(self.outcome())
    }

    fn flush_rows(&mut self, table_id: i64, rows: &FlushedRows) -> Result<()> {
        let file_id = self.next_file_id;
        self.next_file_id += 1;
        let info = Arc::clone(&self.table(table_id)?.version.info);
        let contents = Arc::clone(&rows.file.contents);
        let first_row = contents.row_ids.as_deref().and_then(|ids| ids.first().copied()).unwrap_or_default();
        self.insert_file_rows(&info, &rows.file, file_id, first_row)?;
        self.db
            .prepare_cached(
                "UPDATE ducklake_data_file SET begin_snapshot = ?2, partial_max = ?3 WHERE data_file_id = ?1",
            )?
            .execute([file_id, rows.first, rows.last])?;
        let sql = format!("DELETE FROM {} WHERE end_snapshot IS NULL", quoted(&rows.inlined_table));
        self.db.execute(&sql, [])?;
        let (size, footer) = (rows.file.size_bytes, rows.file.footer_size);
        let file = Arc::new(DataFile::new(file_id, contents, size, footer, Some(first_row), rows.first)?);
        remember(self.files, &file);
        self.table(table_id)?.version.files.push(Arc::new(FileVersion { file, deleted: None }));
        Ok(())
    }

    /// No live row is left in the catalog.
    fn after_rows(&mut self, work: &Flush) -> Result<()> {
        let (db, bytes) = (self.db, work.rows.iter().map(|r| r.file.size_bytes as i64).sum::<i64>());
        let version = &mut self.table(work.table_id)?.version;
        let gone = drop_superseded(db, &version.info)?;
        if !gone.is_empty() {
            Arc::make_mut(&mut version.info).inlined_tables.retain(|t| !gone.contains(&t.name));
        }
        version.inlined = Inlined::default();
        Arc::make_mut(&mut version.stats).file_size_bytes += bytes;
        db.prepare_cached(
            "UPDATE ducklake_table_stats SET file_size_bytes = file_size_bytes + ?2 WHERE table_id = ?1",
        )?
        .execute([work.table_id, bytes])?;
        Ok(())
    }

    fn flush_deletes(&mut self, table_id: i64, deletes: &FlushedDeletes) -> Result<()> {
        let id = self.next_file_id;
        self.next_file_id += 1;
        if let Some((old, path)) = &deletes.replaces {
            let time = text::timestamptz(self.time_micros);
            schedule(self.db, self.data_dir, *old, path, &time)?;
            self.db.prepare_cached("DELETE FROM ducklake_delete_file WHERE delete_file_id = ?1")?.execute([old])?;
        }
        let info = Arc::clone(&self.table(table_id)?.version.info);
        let relative = deletes.path.strip_prefix(&info.folder).unwrap_or(&deletes.path);
        self.db
            .prepare_cached(
                "INSERT INTO ducklake_delete_file VALUES (?1, ?2, ?3, NULL, ?4, ?5, ?6, 'parquet', ?7, ?8, ?9, NULL, ?10)",
            )?
            .execute(params![
                id,
                table_id,
                deletes.first,
                deletes.data_file_id,
                relative.to_string_lossy(),
                relative.is_relative(),
                deletes.count as i64,
                deletes.size_bytes as i64,
                deletes.footer_size as i64,
                deletes.last
            ])?;
        let sql = format!("DELETE FROM ducklake_inlined_delete_{table_id} WHERE file_id = ?1");
        self.db.prepare_cached(&sql)?.execute([deletes.data_file_id])?;
        Ok(())
    }
}
