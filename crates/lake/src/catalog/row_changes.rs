//! Rows of one table that a commit removes and adds.
//!
//! Rows of the catalog are ended where they are. Rows of files get an entry in the table's inlined deletes:
//! a file has but one delete file, so random deletes would rewrite it over and over.

use super::cells::CellColumn;
use super::commit::{RowInsert, TableChange};
use super::create::index_inlined_table;
use super::draft::Draft;
use super::load::remember;
use super::quoted;
use super::stats::{Observed, observe};
use crate::bitmap::Bitmap;
use crate::files::WrittenFile;
use crate::inlined::Place;
use crate::rows::checked;
use crate::types::{LakeType, TableInfo};
use crate::version::{DataFile, FileVersion, Found};
use crate::{LakeError, Result};
use arrow::array::{Array, Int64Array, RecordBatch};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// SQLite takes 32,766 parameters and 2,000 columns.
const ROWS_AN_INSERT: usize = 16;
/// Keeps the list of them within a few hundred kilobytes.
const IDS_A_STATEMENT: usize = 50_000;

/// What the inserts of one change add up to.
pub(super) struct Inserted {
    pub(super) seen: Vec<Observed>,
    pub(super) rows: i64,
    pub(super) bytes: i64,
}

impl Draft<'_> {
    pub(super) fn change_rows(&mut self, change: TableChange) -> Result<()> {
        let id = change.table_id;
        self.table(id)?.version.check_files()?;
        if change.truncate {
            self.truncate(id)?;
        }
        let mut gone = change.deletes;
        gone.sort_unstable();
        gone.dedup();
        if !gone.is_empty() {
            self.delete(id, &gone)?;
        }
        if change.inserts.is_empty() {
            return Ok(());
        }
        let info = Arc::clone(&self.table(id)?.version.info);
        let mut inserted = Inserted { seen: vec![Observed::default(); info.columns.len()], rows: 0, bytes: 0 };
        let mut files = Vec::new();
        for insert in change.inserts.into_iter().filter(|i| i.rows() > 0) {
            match insert {
                RowInsert::Inline { rows, row_ids } => {
                    self.insert_inline(&info, &rows, &row_ids, &gone, &mut inserted)?;
                }
                RowInsert::File(file) => files.push(file),
            }
        }
        for file in files {
            self.insert_file(&info, &file, &mut inserted)?;
        }
        if inserted.rows > 0 {
            self.widen_stats(&info, &inserted)?;
        }
        Ok(())
    }

    fn truncate(&mut self, id: i64) -> Result<()> {
        let (db, snapshot) = (self.db, self.snapshot);
        let version = &mut self.table(id)?.version;
        let had_inlined = std::mem::take(&mut version.inlined).live_rows() > 0;
        let info = Arc::clone(&version.info);
        if had_inlined {
            for table in &info.inlined_tables {
                let sql = format!("UPDATE {} SET end_snapshot = ?1 WHERE end_snapshot IS NULL", quoted(&table.name));
                db.execute(&sql, [snapshot])?;
            }
            self.tokens.inlined_deletes.insert(id);
        }
        self.truncate_files(id)
    }

    /// Ends files as a whole, except those with inlined deletes: DuckDB's `table_changes` miscounts a file
    /// that has both, so their rows are deleted one by one.
    fn truncate_files(&mut self, id: i64) -> Result<()> {
        let version = &self.table(id)?.version;
        let (files, has_inlined_deletes) = (version.files.clone(), version.has_inlined_deletes);
        let mut kept = Vec::new();
        for file in files {
            if has_inlined_deletes && self.has_inlined_deletes(id, file.file.id)? {
                kept.push(file);
                continue;
            }
            self.end_rows("ducklake_data_file", "data_file_id = ?2", file.file.id)?;
            self.end_rows("ducklake_delete_file", "data_file_id = ?2", file.file.id)?;
            self.tokens.deleted.insert(id);
        }
        let live = |f: &Arc<FileVersion>| (0..f.file.record_count).filter(|p| f.is_live(*p)).collect::<Vec<_>>();
        let rest = kept.iter().map(live).enumerate().filter(|(_, rows)| !rows.is_empty()).collect();
        self.table(id)?.version.files = kept;
        self.delete_in_files(id, rest)
    }

    fn has_inlined_deletes(&self, id: i64, file_id: i64) -> Result<bool> {
        let sql = format!("SELECT EXISTS (SELECT * FROM ducklake_inlined_delete_{id} WHERE file_id = ?1)");
        Ok(self.db.prepare_cached(&sql)?.query_row([file_id], |r| r.get(0))?)
    }

    fn delete(&mut self, id: i64, row_ids: &[i64]) -> Result<()> {
        let found = self.table(id)?.version.find(row_ids)?;
        let mut inlined: Vec<(i64, Place)> = Vec::new();
        let mut in_files: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (&row_id, found) in row_ids.iter().zip(found) {
            match found {
                Found::Inlined(place) => inlined.push((row_id, place)),
                Found::File(file, position) => in_files.entry(file).or_default().push(position),
            }
        }
        self.delete_inlined(id, &inlined)?;
        self.delete_in_files(id, in_files)
    }

    fn delete_inlined(&mut self, id: i64, rows: &[(i64, Place)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.tokens.inlined_deletes.insert(id);
        let (db, snapshot) = (self.db, self.snapshot);
        let version = &mut self.table(id)?.version;
        for rows in rows.chunks(IDS_A_STATEMENT) {
            end_inlined(db, &version.info, snapshot, rows)?;
        }
        version.inlined.delete(&rows.iter().map(|(_, place)| *place).collect::<Vec<_>>())
    }

    fn delete_in_files(&mut self, id: i64, by_file: BTreeMap<usize, Vec<u64>>) -> Result<()> {
        if by_file.is_empty() {
            return Ok(());
        }
        self.tokens.inlined_deletes.insert(id);
        let table = self.inlined_deletes(id)?;
        let (db, snapshot) = (self.db, self.snapshot);
        let version = &mut self.table(id)?.version;
        let sql = format!("INSERT INTO {table} SELECT ?1, value, ?3 FROM json_each(?2)");
        let mut insert = db.prepare_cached(&sql)?;
        for (at, positions) in by_file {
            let old = &version.files[at];
            let mut deleted = old.deleted.as_deref().cloned().unwrap_or_else(|| Bitmap::new(old.file.record_count));
            for position in &positions {
                deleted.insert(*position);
            }
            for positions in positions.chunks(IDS_A_STATEMENT) {
                insert.execute(params![old.file.id, id_list(positions.iter()), snapshot])?;
            }
            let file = Arc::clone(&old.file);
            version.files[at] = Arc::new(FileVersion { file, deleted: Some(Arc::new(deleted)) });
        }
        Ok(())
    }

    /// The table for deletes of the rows of files, made if there is none.
    pub(super) fn inlined_deletes(&mut self, id: i64) -> Result<String> {
        let db = self.db;
        let table = format!("ducklake_inlined_delete_{id}");
        let version = &mut self.table(id)?.version;
        if !version.has_inlined_deletes {
            db.execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS {table}(file_id BIGINT, row_id BIGINT, begin_snapshot BIGINT)"
            ))?;
            index_inlined_table(db, &table)?;
            version.has_inlined_deletes = true;
        }
        Ok(table)
    }

    fn insert_inline(
        &mut self,
        info: &TableInfo,
        rows: &RecordBatch,
        row_ids: &Int64Array,
        gone: &[i64],
        all: &mut Inserted,
    ) -> Result<()> {
        let rows = checked(info, rows)?;
        self.check_new_rows(info, &rows, row_ids, gone)?;
        self.write_cells(info, &rows, row_ids)?;
        for (all, seen) in all.seen.iter_mut().zip(observe(&info.columns, rows.columns())) {
            all.merge(seen);
        }
        all.rows += rows.num_rows() as i64;
        let version = &mut self.table(info.id)?.version;
        version.inlined.push(&rows, row_ids)?;
        version.next_row_id = row_ids.values().iter().map(|id| id + 1).fold(version.next_row_id, i64::max);
        self.tokens.inlined_inserts.insert(info.id);
        Ok(())
    }

    /// `gone` are the rows that this change has deleted, in order.
    fn check_new_rows(
        &mut self,
        info: &TableInfo,
        rows: &RecordBatch,
        row_ids: &Int64Array,
        gone: &[i64],
    ) -> Result<()> {
        if row_ids.len() != rows.num_rows() || row_ids.null_count() > 0 {
            return Err(info.mismatch("every row needs a row id"));
        }
        let exists = |row_id: i64| LakeError::RowExists { table: info.name.clone(), row_id };
        let mut ids = row_ids.values().to_vec();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(exists(twice[0]));
        }
        let version = &self.table(info.id)?.version;
        let used = ids.into_iter().take_while(|id| *id < version.next_row_id);
        let mut used = used.filter(|id| gone.binary_search(id).is_err());
        used.try_for_each(|id| version.locate(id).map_or(Ok(()), |_| Err(exists(id))))
    }

    fn write_cells(&self, info: &TableInfo, rows: &RecordBatch, row_ids: &Int64Array) -> Result<()> {
        let no_place = || LakeError::Corrupt(format!("table {} has no table for its inlined rows", info.name));
        let table = self.inlined_table(info.id).ok_or_else(no_place)?;
        let columns = info.columns.iter().zip(rows.columns());
        let cells = columns.map(|(c, array)| CellColumn::new(&c.ty, array).ok_or_else(|| info.unsupported(c)));
        let cells = cells.collect::<Result<Vec<_>>>()?;
        let one = format!("(?, ?, NULL{})", ", ?".repeat(cells.len()));
        let (mut row, ids) = (0, row_ids.values());
        // A statement for several rows is a third cheaper a row.
        for rows_each in [ROWS_AN_INSERT, 1] {
            if row + rows_each > ids.len() {
                continue;
            }
            let places = vec![one.as_str(); rows_each].join(", ");
            let sql = format!("INSERT INTO {} VALUES {places}", quoted(&table));
            let mut insert = self.db.prepare_cached(&sql)?;
            while row + rows_each <= ids.len() {
                let mut at = 1;
                for row in row..row + rows_each {
                    insert.raw_bind_parameter(at, ids[row])?;
                    insert.raw_bind_parameter(at + 1, self.snapshot)?;
                    for (i, cell) in cells.iter().enumerate() {
                        cell.bind(row, at + 2 + i, &mut insert)?;
                    }
                    at += 2 + cells.len();
                }
                insert.raw_execute()?;
                row += rows_each;
            }
        }
        Ok(())
    }

    fn insert_file(&mut self, info: &TableInfo, file: &WrittenFile, all: &mut Inserted) -> Result<()> {
        let next_row_id = self.table(info.id)?.version.next_row_id;
        let (row_id_start, next_row_id) = match file.contents.row_ids.as_deref() {
            Some([first, .., last] | [last @ first]) => (*first, next_row_id.max(last + 1)),
            _ => (next_row_id, next_row_id + file.rows() as i64),
        };
        let file_id = self.next_file_id;
        self.next_file_id += 1;
        self.insert_file_rows(info, file, file_id, row_id_start)?;
        for (column, all) in info.columns.iter().zip(&mut all.seen) {
            let seen = file.columns.iter().find(|c| c.column_id == column.id).map(|c| c.seen.clone());
            all.merge(seen.unwrap_or(Observed { unknown: true, ..Observed::default() }));
        }
        all.rows += file.rows() as i64;
        all.bytes += file.size_bytes as i64;
        let (contents, snapshot) = (Arc::clone(&file.contents), self.snapshot);
        let data_file =
            DataFile::new(file_id, contents, file.size_bytes, file.footer_size, Some(row_id_start), snapshot)?;
        let data_file = Arc::new(data_file);
        remember(self.files, &data_file);
        let version = &mut self.table(info.id)?.version;
        version.files.push(Arc::new(FileVersion { file: data_file, deleted: None }));
        version.next_row_id = next_row_id;
        self.tokens.inserted.insert(info.id);
        Ok(())
    }

    pub(super) fn insert_file_rows(
        &self,
        info: &TableInfo,
        file: &WrittenFile,
        file_id: i64,
        row_id_start: i64,
    ) -> Result<()> {
        let path = &file.contents.path;
        let relative = path.strip_prefix(&info.folder).unwrap_or(path);
        self.db
            .prepare_cached(
                "INSERT INTO ducklake_data_file VALUES \
                 (?1, ?2, ?3, NULL, NULL, ?4, ?5, 'parquet', ?6, ?7, ?8, ?9, NULL, NULL, NULL, NULL)",
            )?
            .execute(params![
                file_id,
                info.id,
                self.snapshot,
                relative.to_string_lossy(),
                relative.is_relative(),
                file.rows() as i64,
                file.size_bytes as i64,
                file.footer_size as i64,
                row_id_start
            ])?;
        let mut insert = self.db.prepare_cached(
            "INSERT INTO ducklake_file_column_stats VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL)",
        )?;
        for stats in &file.columns {
            let float = info
                .column_by_id(stats.column_id)
                .is_some_and(|(_, c)| matches!(c.ty, LakeType::Float32 | LakeType::Float64));
            let (low, high) = stats.bounds().unzip();
            insert.execute(params![
                file_id,
                info.id,
                stats.column_id,
                stats.compressed_bytes,
                stats.seen.values as i64,
                stats.seen.nulls as i64,
                low,
                high,
                float.then_some(stats.seen.nans > 0)
            ])?;
        }
        Ok(())
    }
}

/// A JSON array: one statement for all rows is cheaper than one for each.
fn id_list<T: ToString>(ids: impl Iterator<Item = T>) -> String {
    format!("[{}]", ids.map(|id| id.to_string()).collect::<Vec<_>>().join(","))
}

/// Ends rows in whichever of the table's inlined-data tables they are.
fn end_inlined(db: &Connection, info: &TableInfo, snapshot: i64, rows: &[(i64, Place)]) -> Result<()> {
    let row_ids = id_list(rows.iter().map(|(row_id, _)| row_id));
    let mut ended = 0;
    for table in &info.inlined_tables {
        let sql = format!(
            "UPDATE {} SET end_snapshot = ?1 WHERE row_id IN (SELECT value FROM json_each(?2)) AND end_snapshot IS NULL",
            quoted(&table.name)
        );
        ended += db.prepare_cached(&sql)?.execute(params![snapshot, row_ids])?;
        if ended >= rows.len() {
            break;
        }
    }
    if ended == rows.len() {
        return Ok(());
    }
    Err(LakeError::Corrupt(format!(
        "of {} rows to delete from table {}, the catalog has {ended}: {}",
        rows.len(),
        info.name,
        row_ids.chars().take(100).collect::<String>()
    )))
}
