//! The snapshot that names the files of a flush or a merge. It changes no row: a file's rows say which snapshot each
//! came with, and a delete file when each was deleted.

use super::commit::begin;
use super::draft::{Draft, Outcome};
use super::load::{FileCache, remember};
use super::quoted;
use crate::bitmap::Bitmap;
use crate::files::WrittenFile;
use crate::maintain::{Merged, Purge, drop_superseded, schedule};
use crate::state::CatalogState;
use crate::version::{DataFile, FileVersion};
use crate::{LakeError, Result, failpoint, text};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that replace a table's rows and deletes in the catalog, or other files.
#[derive(Default)]
pub(crate) struct Flush {
    pub(crate) table_id: i64,
    pub(crate) time_micros: i64,
    /// The newest snapshot that the files know.
    pub(crate) as_of: i64,
    pub(crate) rows: Vec<FlushedRows>,
    pub(crate) deletes: Vec<FlushedDeletes>,
    pub(crate) merged: Option<Merged>,
}

/// The live rows of an inlined-data table, up to some row id.
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
        self.rows.is_empty() && self.deletes.is_empty() && self.merged.is_none()
    }

    fn new_files(&self) -> i64 {
        (self.rows.len() + self.deletes.len() + self.merged.iter().flat_map(Merged::paths).count()) as i64
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
        self.insert_snapshot(self.next_file_id + work.new_files())?;
        failpoint(if work.merged.is_some() { "in_merge" } else { "in_flush" });
        for rows in &work.rows {
            self.flush_rows(work, rows)?;
        }
        for deletes in &work.deletes {
            self.flush_deletes(work, deletes)?;
        }
        if !work.rows.is_empty() {
            self.after_rows(work)?;
        }
        if let Some(merged) = &work.merged {
            self.merge(work, merged)?;
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
        tokens.extend(work.merged.is_some().then(|| token("merge_adjacent")));
        tokens.extend((!work.rows.is_empty()).then(|| token("inline_flush")));
        self.db
            .prepare_cached("INSERT INTO ducklake_snapshot_changes VALUES (?1, ?2, NULL, NULL, NULL)")?
            .execute(params![self.snapshot, tokens.join(",")])?;
        Ok(self.outcome())
    }

    fn flush_rows(&mut self, work: &Flush, rows: &FlushedRows) -> Result<()> {
        let table_id = work.table_id;
        let ids = rows.file.contents.row_ids.clone().unwrap_or_default();
        let late = self.leave_catalog(work, rows, &ids)?;
        let gone = late.iter().map(|(position, _)| ids[*position as usize]).collect::<std::collections::HashSet<_>>();
        let stale = self.stale(table_id);
        let inlined = &mut self.table(table_id)?.version.inlined;
        let live = ids.iter().filter(|id| !gone.contains(id));
        let places = live.map(|id| inlined.find(*id)).collect::<Option<Vec<_>>>();
        inlined.delete(&places.ok_or(stale)?)?;
        let file_id = self.new_file(table_id, &rows.file, rows.first, rows.last)?;
        self.insert_late(table_id, file_id, &late)?;
        let late = late.iter().map(|(position, _)| *position as u64);
        self.show_file(table_id, file_id, &rows.file, rows.first, late)
    }

    /// Takes the rows of a file out of their inlined-data table. Returns the positions of those that ended after the
    /// file was written, with the snapshots that ended them.
    fn leave_catalog(&mut self, work: &Flush, rows: &FlushedRows, ids: &[i64]) -> Result<Vec<(i64, i64)>> {
        let table = quoted(&rows.inlined_table);
        let of_file = "row_id <= ?1 AND begin_snapshot <= ?2 AND (end_snapshot IS NULL OR end_snapshot > ?2)";
        let range = [ids.last().copied().unwrap_or_default(), work.as_of];
        let sql = format!("SELECT row_id, end_snapshot FROM {table} WHERE end_snapshot > ?2 AND {of_file}");
        let mut query = self.db.prepare_cached(&sql)?;
        let ended = query.query_map(range, |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<Vec<_>>>()?;
        let position = |(id, end): (i64, i64)| Some((ids.binary_search(&id).ok()? as i64, end));
        let late = ended.into_iter().map(position).collect::<Option<Vec<_>>>();
        let moved = self.db.execute(&format!("DELETE FROM {table} WHERE {of_file}"), range)?;
        match late {
            Some(late) if moved == ids.len() => Ok(late),
            _ => Err(self.stale(work.table_id)),
        }
    }

    /// Enters a file whose rows came with several snapshots.
    fn new_file(&mut self, table_id: i64, file: &WrittenFile, first: i64, last: i64) -> Result<i64> {
        let file_id = self.next_file_id;
        self.next_file_id += 1;
        let info = Arc::clone(&self.table(table_id)?.version.info);
        self.insert_file_rows(&info, file, file_id, first_row(file))?;
        self.db
            .prepare_cached(
                "UPDATE ducklake_data_file SET begin_snapshot = ?2, partial_max = ?3 WHERE data_file_id = ?1",
            )?
            .execute([file_id, first, last])?;
        Ok(file_id)
    }

    fn show_file(
        &mut self,
        table_id: i64,
        file_id: i64,
        file: &WrittenFile,
        first: i64,
        deleted: impl Iterator<Item = u64>,
    ) -> Result<()> {
        let (contents, size, footer) = (Arc::clone(&file.contents), file.size_bytes, file.footer_size);
        let mut bitmap = Bitmap::new(file.rows());
        for position in deleted {
            bitmap.insert(position);
        }
        let deleted = (bitmap.count() > 0).then(|| Arc::new(bitmap));
        let file = Arc::new(DataFile::new(file_id, contents, size, footer, Some(first_row(file)), first)?);
        remember(self.files, &file);
        self.table(table_id)?.version.files.push(Arc::new(FileVersion { file, deleted }));
        self.file_bytes(table_id, size as i64)
    }

    fn file_bytes(&mut self, table_id: i64, bytes: i64) -> Result<()> {
        Arc::make_mut(&mut self.table(table_id)?.version.stats).file_size_bytes += bytes;
        self.db
            .prepare_cached(
                "UPDATE ducklake_table_stats SET file_size_bytes = file_size_bytes + ?2 WHERE table_id = ?1",
            )?
            .execute([table_id, bytes])?;
        Ok(())
    }

    /// Deletes that came after a file was written, by position.
    fn insert_late(&mut self, table_id: i64, file_id: i64, deletes: &[(i64, i64)]) -> Result<()> {
        if deletes.is_empty() {
            return Ok(());
        }
        let table = self.inlined_deletes(table_id)?;
        let mut insert = self.db.prepare_cached(&format!("INSERT INTO {table} VALUES (?1, ?2, ?3)"))?;
        for (position, snapshot) in deletes {
            insert.execute([file_id, *position, *snapshot])?;
        }
        Ok(())
    }

    fn after_rows(&mut self, work: &Flush) -> Result<()> {
        let db = self.db;
        let version = &mut self.table(work.table_id)?.version;
        let gone = drop_superseded(db, &version.info)?;
        if !gone.is_empty() {
            Arc::make_mut(&mut version.info).inlined_tables.retain(|t| !gone.contains(&t.name));
        }
        Ok(())
    }

    fn flush_deletes(&mut self, work: &Flush, deletes: &FlushedDeletes) -> Result<()> {
        let (table_id, file) = (work.table_id, deletes.data_file_id);
        let old = deletes.replaces.as_ref().map(|(id, _)| *id);
        let known = self.table(table_id)?.version.files.iter().any(|f| f.file.id == file);
        if !known || self.delete_file_ids(file)? != old.into_iter().collect::<Vec<_>>() {
            return Err(self.stale(table_id));
        }
        if let Some((old, path)) = &deletes.replaces {
            let time = text::timestamptz(self.time_micros);
            schedule(self.db, self.data_dir, *old, path, &time)?;
            self.db.prepare_cached("DELETE FROM ducklake_delete_file WHERE delete_file_id = ?1")?.execute([old])?;
        }
        self.insert_delete_file(table_id, file, deletes)?;
        let sql = format!("DELETE FROM ducklake_inlined_delete_{table_id} WHERE file_id = ?1 AND begin_snapshot <= ?2");
        self.db.prepare_cached(&sql)?.execute([file, work.as_of])?;
        Ok(())
    }

    fn delete_file_ids(&self, data_file_id: i64) -> Result<Vec<i64>> {
        let sql = "SELECT delete_file_id FROM ducklake_delete_file WHERE data_file_id = ?1 AND end_snapshot IS NULL";
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_map([data_file_id], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    fn insert_delete_file(&mut self, table_id: i64, data_file_id: i64, deletes: &FlushedDeletes) -> Result<()> {
        let id = self.next_file_id;
        self.next_file_id += 1;
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
                data_file_id,
                relative.to_string_lossy(),
                relative.is_relative(),
                deletes.count as i64,
                deletes.size_bytes as i64,
                deletes.footer_size as i64,
                deletes.last
            ])?;
        Ok(())
    }

    /// One file in the place of others.
    fn merge(&mut self, work: &Flush, merged: &Merged) -> Result<()> {
        let table_id = work.table_id;
        let files = self.table(table_id)?.version.files.clone();
        let known = |id: i64| files.iter().find(|f| f.file.id == id);
        let sources = merged.sources.iter().map(|s| known(s.file.file.id)).collect::<Option<Vec<_>>>();
        let live: u64 = sources.ok_or_else(|| self.stale(table_id))?.iter().map(|f| f.live_rows()).sum();
        let mut late = self.late_deletes(work, merged)?;
        let left: u64 = merged.files.iter().map(|f| f.file.rows() - f.deleted.len() as u64).sum();
        // Otherwise somebody deleted rows in another way than by a commit of ours.
        if left.checked_sub(late.values().map(|l| l.len() as u64).sum()) != Some(live) {
            return Err(self.stale(table_id));
        }
        let mut purge = Purge::new(self.db, self.base, self.data_dir, self.time_micros);
        for source in &merged.sources {
            purge.remove_file(table_id, source.file.file.id)?;
        }
        let gone = |id: i64| merged.sources.iter().any(|s| s.file.file.id == id);
        self.table(table_id)?.version.files.retain(|f| !gone(f.file.id));
        self.file_bytes(table_id, -merged.sources.iter().map(|s| s.file.file.size_bytes as i64).sum::<i64>())?;
        for (at, new) in merged.files.iter().enumerate() {
            let late = late.remove(&(at as u32)).unwrap_or_default();
            let file_id = self.new_file(table_id, &new.file, new.first, new.last)?;
            if let Some(deletes) = &new.deletes {
                self.insert_delete_file(table_id, file_id, deletes)?;
            }
            self.insert_late(table_id, file_id, &late)?;
            let deleted = new.deleted.iter().copied().chain(late.iter().map(|(position, _)| *position as u64));
            self.show_file(table_id, file_id, &new.file, new.first, deleted)?;
        }
        Ok(())
    }

    /// Rows of the old files that were deleted after the new ones were written: for each new file their positions
    /// and the snapshots that deleted them.
    fn late_deletes(&mut self, work: &Flush, merged: &Merged) -> Result<BTreeMap<u32, Vec<(i64, i64)>>> {
        let mut late: BTreeMap<u32, Vec<(i64, i64)>> = BTreeMap::new();
        if !self.table(work.table_id)?.version.has_inlined_deletes {
            return Ok(late);
        }
        let sql = format!(
            "SELECT row_id, begin_snapshot FROM ducklake_inlined_delete_{} WHERE file_id = ?1 AND begin_snapshot > ?2",
            work.table_id
        );
        let mut query = self.db.prepare_cached(&sql)?;
        for source in &merged.sources {
            let mut rows = query.query([source.file.file.id, work.as_of])?;
            while let Some(row) = rows.next()? {
                let position = usize::try_from(row.get::<_, i64>(0)?).ok();
                match position.and_then(|p| *source.moved_to.get(p)?) {
                    Some((file, moved)) => late.entry(file).or_default().push((i64::from(moved), row.get(1)?)),
                    None => return Err(self.stale(work.table_id)),
                }
            }
        }
        Ok(late)
    }

    fn stale(&self, table_id: i64) -> LakeError {
        let table = self.base.tables.get(&table_id).map_or_else(String::new, |t| t.info.name.clone());
        LakeError::Stale { table }
    }
}

fn first_row(file: &WrittenFile) -> i64 {
    file.contents.row_ids.as_deref().and_then(|ids| ids.first().copied()).unwrap_or_default()
}
