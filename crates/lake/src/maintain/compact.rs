//! Small files become one, and files with many rows that no snapshot sees are written again without them.
//!
//! The new file holds every row that some kept snapshot sees, with its row id and the snapshot that it came with; rows
//! that ended are in its delete file with the snapshot that ended them. So it shows each snapshot what the old files
//! showed it, and the old ones leave the catalog at once. (DuckDB's own rewrite ends the old files instead, after which
//! its change feed shows every row as updated.)
//!
//! Invariant: no file gets two versions of a row. DuckDB's change feed looks the end of a version up by its row id, and
//! would give both the same. So older versions go to files of their own.

use super::delete_files::{self, delete_files, inlined_deletes_by_file, known_deletes};
use super::flush::lenient;
use super::job::What;
use crate::catalog::FlushedDeletes;
use crate::files::{FileWriter, WrittenFile, begin_snapshots, rows_at};
use crate::lake::Lake;
use crate::projection::Projection;
use crate::types::{LakeType, TableInfo};
use crate::version::{FileVersion, TableVersion};
use crate::{Job, LakeError, Result};
use arrow::array::{Int64Array, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::DataType;
use rusqlite::Connection;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Files from this size on are not merged.
const LARGE: u64 = 64 << 20;
/// Files below it count as equally small.
const SMALL: u64 = 64 << 10;
/// A step from one class of sizes to the next.
const CLASS: u64 = 8;
/// Rows of one job: it holds 32 bytes of memory for each.
const ROWS_MAX: u64 = 4_000_000;
/// Files of one job.
const FILES_MAX: usize = 64;
/// Rows read at once.
const CHUNK_ROWS: usize = 32_768;
/// A file with at least that part of its rows unseen is rewritten.
const UNSEEN_PERCENT: u64 = 30;

/// What a job may merge.
pub(super) struct Merge {
    files: Vec<Arc<FileVersion>>,
    files_min: usize,
}

/// Files that take the place of others.
pub(crate) struct Merged {
    /// None if no snapshot sees any of the rows.
    pub(crate) files: Vec<MergedFile>,
    pub(crate) sources: Vec<Source>,
    pub(crate) dropped: u64,
}

pub(crate) struct MergedFile {
    pub(crate) file: WrittenFile,
    /// The first and the last snapshot that rows came with.
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) deletes: Option<FlushedDeletes>,
    /// Positions of the new file that are deleted.
    pub(crate) deleted: Vec<u64>,
}

/// A file that goes.
pub(crate) struct Source {
    pub(crate) file: Arc<FileVersion>,
    /// For each of its rows the new file and the position in it, `None` for a row left out.
    pub(crate) moved_to: Vec<Option<(u32, u32)>>,
}

impl Merged {
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let deletes = self.files.iter().filter_map(|f| f.deletes.as_ref()).map(|d| d.path.clone());
        self.files.iter().map(|f| f.file.contents.path.clone()).chain(deletes)
    }
}

impl Lake {
    /// The job that merges at least `files_min` files of about the same size, or writes a file again that has many
    /// deleted rows; `None` if no file of the table looks like it. `skip` are files that lately turned out not to be
    /// worth it.
    pub fn merge_job(&self, table_id: i64, files_min: usize, skip: &HashSet<i64>) -> Result<Option<Job>> {
        let Some(table) = self.state.tables.get(&table_id) else { return Ok(None) };
        let wanted = |f: &&Arc<FileVersion>| !skip.contains(&f.file.id) && f.file.record_count <= ROWS_MAX;
        if table.unsupported_file.is_some() || table.info.columns.iter().any(|c| c.ty.arrow().is_none()) {
            return Ok(None);
        }
        let half_dead = |f: &&Arc<FileVersion>| dead(f) * 100 >= f.file.record_count * UNSEEN_PERCENT && dead(f) > 0;
        let mut classes: BTreeMap<u32, Vec<Arc<FileVersion>>> = BTreeMap::new();
        for file in table.files.iter().filter(wanted).filter(|f| f.file.size_bytes < LARGE) {
            let class = (file.file.size_bytes.max(SMALL) / SMALL).ilog(CLASS);
            classes.entry(class).or_default().push(Arc::clone(file));
        }
        let files = match classes.into_values().find(|files| files.len() >= files_min.max(2)) {
            Some(files) => files,
            None => table.files.iter().filter(wanted).filter(half_dead).take(1).cloned().collect(),
        };
        if files.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.job(table, What::Merge(Merge { files, files_min: files_min.max(2) }))?))
    }
}

impl Job {
    /// The files that the job may merge.
    pub fn files(&self) -> Vec<i64> {
        match &self.what {
            What::Merge(merge) => merge.files.iter().map(|f| f.file.id).collect(),
            What::Flush(_) => vec![],
        }
    }
}

fn dead(file: &FileVersion) -> u64 {
    file.deleted.as_ref().map_or(0, |d| d.count())
}

/// Where a row is, and when it was there.
struct Kept {
    row_id: i64,
    begin: i64,
    end: Option<i64>,
    source: u32,
    position: u32,
}

pub(super) fn write(db: &Connection, table: &TableVersion, merge: &Merge) -> Result<Option<Merged>> {
    let kept_snapshots = snapshots(db)?;
    let oldest = kept_snapshots.first().copied().unwrap_or_default();
    let settled = columns_settled(db, &table.info, oldest)?;
    let mut inlined = match table.has_inlined_deletes {
        true => inlined_deletes_by_file(db, table.info.id)?,
        false => BTreeMap::new(),
    };
    let (mut rows, mut sources, mut total) = (vec![], vec![], 0);
    for file in &merge.files {
        total += file.file.record_count;
        if total > ROWS_MAX || sources.len() == FILES_MAX {
            break;
        }
        if !settled && !has_columns(file, &table.info) {
            continue;
        }
        let Some(mut deletes) = known_deletes(&delete_files(db, &table.info, file.file.id)?)? else { continue };
        deletes.extend(inlined.remove(&file.file.id).unwrap_or_default());
        rows.extend(seen_rows(file, sources.len() as u32, deletes, &kept_snapshots)?);
        let moved_to = vec![None; file.file.record_count as usize];
        sources.push(Source { file: Arc::clone(file), moved_to });
    }
    let had: u64 = sources.iter().map(|s: &Source| s.file.file.record_count).sum();
    let dropped = had - rows.len() as u64;
    let parts = parts(rows);
    let fewer = sources.len() >= merge.files_min && parts.len() < sources.len();
    if sources.is_empty() || !(fewer || dropped * 100 >= had * UNSEEN_PERCENT) {
        return Ok(None);
    }
    let mut merged = Merged { files: vec![], sources, dropped };
    for rows in parts {
        write_part(table, &rows, &mut merged)?;
    }
    Ok(Some(merged))
}

/// Rows for each new file by row id: the newest versions, those before them, and so on.
fn parts(mut rows: Vec<Kept>) -> Vec<Vec<Kept>> {
    rows.sort_unstable_by_key(|r| (r.row_id, std::cmp::Reverse(r.begin)));
    let mut parts: Vec<Vec<Kept>> = vec![];
    let mut last = None;
    for row in rows {
        let version = match last {
            Some((id, version)) if id == row.row_id => version + 1,
            _ => 0,
        };
        last = Some((row.row_id, version));
        if parts.len() <= version {
            parts.push(vec![]);
        }
        parts[version].push(row);
    }
    parts
}

fn snapshots(db: &Connection) -> Result<Vec<i64>> {
    let mut query = db.prepare_cached("SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1")?;
    Ok(query.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// No kept snapshot has other columns than the newest.
fn columns_settled(db: &Connection, info: &TableInfo, oldest: i64) -> Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT * FROM ducklake_column WHERE table_id = ?1 \
               AND (begin_snapshot > ?2 OR end_snapshot > ?2))";
    Ok(db.prepare_cached(sql)?.query_row([info.id, oldest], |r| r.get(0))?)
}

/// Whether a file has exactly the table's columns.
fn has_columns(file: &FileVersion, info: &TableInfo) -> bool {
    let contents = &file.file.contents;
    let same = |column: &crate::ColumnInfo| {
        let stored = match column.ty {
            LakeType::Uuid => Some(DataType::FixedSizeBinary(16)),
            _ => column.ty.arrow(),
        };
        contents.column(column.id, &column.name).map(|root| contents.meta.schema().field(root).data_type().clone())
            == stored
    };
    contents.user_columns() == info.columns.len() && info.columns.iter().all(same)
}

/// The rows of a file that some snapshot sees.
fn seen_rows(file: &FileVersion, source: u32, deletes: Vec<(i64, i64)>, snapshots: &[i64]) -> Result<Vec<Kept>> {
    let data = &file.file;
    let begins = begin_snapshots(&data.contents)?;
    let mut ends: Vec<Option<i64>> = vec![None; data.record_count as usize];
    for (position, snapshot) in deletes {
        let missing = || LakeError::Corrupt(format!("{} has no row {position} to delete", data.path.display()));
        let end = usize::try_from(position).ok().and_then(|p| ends.get_mut(p)).ok_or_else(missing)?;
        *end = Some(end.map_or(snapshot, |e: i64| e.min(snapshot)));
    }
    let seen = |begin: i64, end: i64| {
        let at = snapshots.partition_point(|s| *s < begin);
        snapshots.get(at).is_some_and(|s| *s < end)
    };
    let row = |(position, end): (usize, Option<i64>)| {
        let begin = begins.as_ref().map_or(data.begin_snapshot, |b| b[position]);
        let kept = end.is_none_or(|end| seen(begin, end));
        let row_id = data.row_id(position as u64);
        kept.then_some(Kept { row_id, begin, end, source, position: position as u32 })
    };
    Ok(ends.into_iter().enumerate().filter_map(row).collect())
}

fn write_part(table: &TableVersion, rows: &[Kept], merged: &mut Merged) -> Result<()> {
    let info = lenient(&table.info, table.info.columns.clone());
    let projection = Projection::new(&info, None)?;
    let mut writer = FileWriter::create(&info)?;
    let file_at = merged.files.len() as u32;
    for (n, chunk) in rows.chunks(CHUNK_ROWS).enumerate() {
        let row_ids: Int64Array = chunk.iter().map(|r| Some(r.row_id)).collect();
        let begins: Int64Array = chunk.iter().map(|r| Some(r.begin)).collect();
        writer.write_versions(&gather(&projection, chunk, &merged.sources)?, &row_ids, &begins)?;
        for (i, row) in chunk.iter().enumerate() {
            let place = (file_at, (n * CHUNK_ROWS + i) as u32);
            merged.sources[row.source as usize].moved_to[row.position as usize] = Some(place);
        }
    }
    let file = writer.finish()?;
    let ended = |(at, row): (usize, &Kept)| row.end.map(|end| (at as i64, end));
    let ended: Vec<(i64, i64)> = rows.iter().enumerate().filter_map(ended).collect();
    let begins = || rows.iter().map(|r| r.begin);
    let deletes = match ended.is_empty() {
        true => None,
        false => Some(delete_files::write(&table.info, 0, &file.contents.path, ended.clone())?),
    };
    merged.files.push(MergedFile {
        first: begins().min().unwrap_or_default(),
        last: begins().max().unwrap_or_default(),
        file,
        deletes,
        deleted: ended.into_iter().map(|(at, _)| at as u64).collect(),
    });
    Ok(())
}

/// Rows of several files in the order of `chunk`.
fn gather(projection: &Arc<Projection>, chunk: &[Kept], sources: &[Source]) -> Result<RecordBatch> {
    let mut wanted: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for row in chunk {
        wanted.entry(row.source).or_default().push(u64::from(row.position));
    }
    let mut batches = vec![];
    let mut place_of = BTreeMap::new();
    for (source, positions) in &mut wanted {
        positions.sort_unstable();
        place_of.insert(*source, batches.len());
        batches.push(rows_at(&sources[*source as usize].file, projection, positions)?);
    }
    let place = |row: &Kept| {
        let position = u64::from(row.position);
        (place_of[&row.source], wanted[&row.source].partition_point(|p| *p < position))
    };
    let places = chunk.iter().map(place).collect::<Vec<_>>();
    Ok(interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &places)?)
}
