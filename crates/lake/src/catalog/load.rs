//! Reads the lake at one snapshot from the catalog and the footers of its files.

use super::load_inlined::load_inlined;
use super::stats::{ColumnStats, TableStats};
use crate::bitmap::Bitmap;
use crate::files::{Contents, read_delete_file, rows_after};
use crate::inlined::Inlined;
use crate::state::CatalogState;
use crate::types::{ColumnInfo, Default, InlinedTable, LakeType, SchemaInfo, TableInfo, arrow_schema};
use crate::version::{DataFile, FileVersion, TableVersion};
use crate::{LakeError, Result, text};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// Files that somebody still uses, so that their footers are read once. File ids are never used again.
pub(crate) type FileCache = Arc<Mutex<HashMap<i64, Weak<DataFile>>>>;

/// Rows that a snapshot sees.
pub(super) const VISIBLE: &str = "begin_snapshot <= ?1 AND (end_snapshot IS NULL OR end_snapshot > ?1)";

const INLINED_DELETES: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'ducklake_inlined_delete_*'";

/// Reads the lake at `snapshot`, `None` for the newest. Everything comes from one read transaction.
pub(crate) fn load(db: &Connection, data_dir: &Path, files: &FileCache, snapshot: Option<i64>) -> Result<CatalogState> {
    let txn = db.unchecked_transaction()?;
    let state = Loader { db: &txn, data_dir, files, snapshot: 0 }.state(snapshot)?;
    txn.commit()?;
    Ok(state)
}

struct Loader<'a> {
    db: &'a Connection,
    data_dir: &'a Path,
    files: &'a FileCache,
    snapshot: i64,
}

struct FileRow {
    id: i64,
    table_id: i64,
    begin_snapshot: i64,
    path: String,
    size_bytes: i64,
    footer_size: i64,
    row_id_start: Option<i64>,
    encrypted: bool,
    mapped: bool,
    partial_max: Option<i64>,
}

struct DeleteRow {
    path: String,
    format: String,
}

impl Loader<'_> {
    fn state(mut self, snapshot: Option<i64>) -> Result<CatalogState> {
        let sql = "SELECT snapshot_id, snapshot_time, schema_version, next_catalog_id, next_file_id \
                   FROM ducklake_snapshot \
                   WHERE snapshot_id = coalesce(?1, (SELECT max(snapshot_id) FROM ducklake_snapshot))";
        let found = self
            .db
            .query_row(sql, [snapshot], |r| Ok((r.get(0)?, r.get::<_, String>(1)?, r.get(2)?, r.get(3)?, r.get(4)?)));
        let Some((id, time, schema_version, next_catalog_id, next_file_id)) = found.optional()? else {
            return Err(LakeError::NoSnapshot(snapshot.map_or("at all".to_string(), |s| s.to_string())));
        };
        self.snapshot = id;
        let schemas = self.schemas()?;
        let tables = self.tables(&schemas)?;
        let time_micros = snapshot_time(&time)?;
        Ok(CatalogState { snapshot: id, time_micros, schema_version, next_catalog_id, next_file_id, schemas, tables })
    }

    fn visible<T>(
        &self,
        columns: &str,
        table: &str,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut query = self.db.prepare_cached(&format!("SELECT {columns} FROM {table} WHERE {VISIBLE}"))?;
        Ok(query.query_map([self.snapshot], row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn all<T>(&self, sql: &str, row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        Ok(self.db.prepare_cached(sql)?.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn schemas(&self) -> Result<BTreeMap<i64, SchemaInfo>> {
        let schema = |r: &Row<'_>| Ok((r.get(0)?, SchemaInfo { id: r.get(0)?, name: r.get(1)?, path: r.get(2)? }));
        Ok(self.visible("schema_id, schema_name, path", "ducklake_schema", schema)?.into_iter().collect())
    }

    fn tables(&self, schemas: &BTreeMap<i64, SchemaInfo>) -> Result<BTreeMap<i64, Arc<TableVersion>>> {
        let mut columns = self.columns()?;
        let used = self.used_column_ids()?;
        let mut inlined_tables = self.inlined_tables()?;
        let mut stats = self.stats(&columns)?;
        let mut files = self.file_rows()?;
        let mut deletes = self.delete_rows()?;
        let inlined_deletes = self.all(INLINED_DELETES, |r| r.get(0))?.into_iter().collect::<HashSet<String>>();
        let row = |r: &Row<'_>| {
            Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, String>(2)?, r.get::<_, String>(3)?))
        };
        let mut tables = BTreeMap::new();
        for (id, schema_id, name, path) in
            self.visible("table_id, schema_id, table_name, path", "ducklake_table", row)?
        {
            let schema =
                schemas.get(&schema_id).ok_or_else(|| LakeError::Corrupt(format!("table {name} has no schema")))?;
            let columns = columns.remove(&id).unwrap_or_default();
            let next_column_id = columns.iter().map(|c| c.id).chain(used.get(&id).copied()).max().unwrap_or(0) + 1;
            let info = Arc::new(TableInfo {
                id,
                schema_id,
                folder: self.data_dir.join(&schema.path).join(&path),
                path,
                next_column_id: next_column_id.max(self.max_file_column(id)? + 1),
                schema: arrow_schema(&columns),
                inlined_tables: inlined_tables.remove(&id).unwrap_or_default(),
                name,
                columns,
            });
            let (next_row_id, stats) = stats.remove(&id).unwrap_or_default();
            let has_inlined_deletes = inlined_deletes.contains(&format!("ducklake_inlined_delete_{id}"));
            let files = files.remove(&id).unwrap_or_default();
            let (files, unsupported_file) = match self.files(&info, files, &mut deletes, has_inlined_deletes) {
                Ok(files) => (files, None),
                Err(LakeError::UnsupportedFile { path, why, .. }) => (vec![], Some((path, why))),
                Err(error) => return Err(error),
            };
            let mut inlined = Inlined::default();
            load_inlined(self.db, &info, self.snapshot, &mut inlined)?;
            tables.insert(
                id,
                Arc::new(TableVersion {
                    info,
                    next_row_id,
                    files,
                    inlined,
                    stats: Arc::new(stats),
                    has_inlined_deletes,
                    unsupported_file,
                }),
            );
        }
        Ok(tables)
    }

    fn columns(&self) -> Result<HashMap<i64, Vec<ColumnInfo>>> {
        let columns = format!("table_id, {COLUMN}");
        let from = "(SELECT * FROM ducklake_column WHERE parent_column IS NULL ORDER BY table_id, column_order)";
        let rows = self.visible(&columns, from, |r| Ok((r.get::<_, i64>(0)?, column_info(r, 1)?)))?;
        Ok(grouped(rows))
    }

    /// The highest column id that each table ever had.
    fn used_column_ids(&self) -> Result<HashMap<i64, i64>> {
        let sql = "SELECT table_id, max(column_id) FROM (SELECT table_id, column_id FROM ducklake_column \
                   UNION ALL SELECT table_id, column_id FROM ducklake_table_column_stats) GROUP BY table_id";
        Ok(self.all(sql, |r| Ok((r.get(0)?, r.get(1)?)))?.into_iter().collect())
    }

    fn max_file_column(&self, table_id: i64) -> Result<i64> {
        let mut query = self
            .db
            .prepare_cached("SELECT coalesce(max(column_id), 0) FROM ducklake_file_column_stats WHERE table_id = ?1")?;
        Ok(query.query_row([table_id], |r| r.get(0))?)
    }

    fn inlined_tables(&self) -> Result<HashMap<i64, Vec<InlinedTable>>> {
        let sql = "SELECT table_id, table_name, schema_version FROM ducklake_inlined_data_tables \
                   ORDER BY schema_version DESC";
        let rows = self.all(sql, |r| Ok((r.get(0)?, InlinedTable { name: r.get(1)?, schema_version: r.get(2)? })))?;
        Ok(grouped(rows))
    }

    fn stats(&self, columns: &HashMap<i64, Vec<ColumnInfo>>) -> Result<HashMap<i64, (i64, TableStats)>> {
        let sql = "SELECT table_id, record_count, next_row_id, file_size_bytes FROM ducklake_table_stats";
        let table = |r: &Row<'_>| {
            let (record_count, file_size_bytes) = (r.get(1)?, r.get(3)?);
            let stats = TableStats { exists: true, record_count, file_size_bytes, ..TableStats::default() };
            Ok((r.get::<_, i64>(0)?, (r.get::<_, i64>(2)?, stats)))
        };
        let mut all: HashMap<_, _> = self.all(sql, table)?.into_iter().collect();
        let sql = "SELECT table_id, column_id, contains_null, contains_nan, min_value, max_value \
                   FROM ducklake_table_column_stats";
        let column = |r: &Row<'_>| Ok(((r.get(0)?, r.get(1)?), (r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?)));
        let rows: Vec<((i64, i64), RawColumnStats)> = self.all(sql, column)?;
        for ((table_id, column_id), raw) in rows {
            let current = columns.get(&table_id).is_some_and(|c| c.iter().any(|c| c.id == column_id));
            let Some((_, stats)) = all.get_mut(&table_id).filter(|_| current) else { continue };
            match column_stats(raw) {
                Some(known) => {
                    stats.columns.insert(column_id, known);
                }
                None => {
                    stats.unreadable.insert(column_id);
                }
            }
        }
        Ok(all)
    }

    fn file_rows(&self) -> Result<HashMap<i64, Vec<FileRow>>> {
        let columns = "data_file_id, table_id, begin_snapshot, path, file_size_bytes, footer_size, row_id_start, \
                       encryption_key, mapping_id, partial_max";
        let row = |r: &Row<'_>| {
            Ok(FileRow {
                id: r.get(0)?,
                table_id: r.get(1)?,
                begin_snapshot: r.get(2)?,
                path: r.get(3)?,
                size_bytes: r.get(4)?,
                footer_size: r.get::<_, Option<i64>>(5)?.unwrap_or(0),
                row_id_start: r.get(6)?,
                encrypted: r.get::<_, Option<String>>(7)?.is_some(),
                mapped: r.get::<_, Option<i64>>(8)?.is_some(),
                partial_max: r.get(9)?,
            })
        };
        let mut rows = self.visible(columns, "ducklake_data_file", row)?;
        rows.sort_by_key(|f| f.id);
        Ok(grouped(rows.into_iter().map(|f| (f.table_id, f)).collect()))
    }

    fn delete_rows(&self) -> Result<HashMap<i64, Vec<DeleteRow>>> {
        let row = |r: &Row<'_>| Ok((r.get(0)?, DeleteRow { path: r.get(1)?, format: r.get(2)? }));
        Ok(grouped(self.visible("data_file_id, path, format", "ducklake_delete_file", row)?))
    }

    fn files(
        &self,
        info: &TableInfo,
        rows: Vec<FileRow>,
        deletes: &mut HashMap<i64, Vec<DeleteRow>>,
        has_inlined_deletes: bool,
    ) -> Result<Vec<Arc<FileVersion>>> {
        let mut inlined = if has_inlined_deletes { self.inlined_deletes(info.id)? } else { HashMap::new() };
        let mut files = Vec::with_capacity(rows.len());
        for row in rows {
            let file = self.file(info, &row)?;
            let mut deleted = Bitmap::new(file.record_count);
            if row.partial_max.is_some_and(|max| max > self.snapshot) {
                rows_after(&file.contents, self.snapshot, &mut deleted)?;
            }
            for delete in deletes.remove(&row.id).unwrap_or_default() {
                self.delete_file(info, &delete, &mut deleted)?;
            }
            for position in inlined.remove(&row.id).unwrap_or_default() {
                deleted.insert(position as u64);
            }
            let deleted = (deleted.count() > 0).then(|| Arc::new(deleted));
            files.push(Arc::new(FileVersion { file, deleted }));
        }
        Ok(files)
    }

    fn file(&self, info: &TableInfo, row: &FileRow) -> Result<Arc<DataFile>> {
        let path = info.folder.join(&row.path);
        if row.encrypted {
            return Err(unsupported(info, path, "it is encrypted"));
        }
        if row.mapped {
            let why = "it was added as it is, without field ids; rewrite it with INSERT ... SELECT in DuckDB";
            return Err(unsupported(info, path, why));
        }
        if let Some(known) = self.files.lock().get(&row.id).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let contents = Arc::new(Contents::open(&path)?);
        let (size, footer) = (row.size_bytes as u64, row.footer_size as u64);
        let file = Arc::new(DataFile::new(row.id, contents, size, footer, row.row_id_start, row.begin_snapshot)?);
        remember(self.files, &file);
        Ok(file)
    }

    fn delete_file(&self, info: &TableInfo, row: &DeleteRow, deleted: &mut Bitmap) -> Result<()> {
        let path = info.folder.join(&row.path);
        if row.format != "parquet" {
            return Err(unsupported(
                info,
                path,
                "it is a deletion vector; turn write_deletion_vectors off and rewrite the table",
            ));
        }
        read_delete_file(&path, self.snapshot, deleted)
    }

    fn inlined_deletes(&self, table_id: i64) -> Result<HashMap<i64, Vec<i64>>> {
        let sql = format!("SELECT file_id, row_id FROM ducklake_inlined_delete_{table_id} WHERE begin_snapshot <= ?1");
        let mut query = self.db.prepare(&sql)?;
        let rows =
            query.query_map([self.snapshot], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        Ok(grouped(rows))
    }
}

fn unsupported(info: &TableInfo, path: PathBuf, why: &'static str) -> LakeError {
    LakeError::UnsupportedFile { table: info.name.clone(), path, why }
}

/// Lets later loads find the file; forgets those that nobody uses.
pub(super) fn remember(files: &FileCache, file: &Arc<DataFile>) {
    let mut files = files.lock();
    if files.len().is_power_of_two() {
        files.retain(|_, f| f.strong_count() > 0);
    }
    files.insert(file.id, Arc::downgrade(file));
}

fn grouped<K: std::hash::Hash + Eq, V>(rows: Vec<(K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in rows {
        groups.entry(key).or_default().push(value);
    }
    groups
}

/// What [`column_info`] reads.
pub(super) const COLUMN: &str =
    "column_id, column_name, column_type, nulls_allowed, initial_default, default_value, default_value_type";

pub(super) fn column_info(r: &Row<'_>, at: usize) -> rusqlite::Result<ColumnInfo> {
    let value: Option<String> = r.get(at + 5)?;
    let kind: Option<String> = r.get(at + 6)?;
    Ok(ColumnInfo {
        id: r.get(at)?,
        name: r.get(at + 1)?,
        ty: LakeType::parse(&r.get::<_, String>(at + 2)?),
        nulls_allowed: r.get::<_, Option<bool>>(at + 3)?.unwrap_or(true),
        initial_default: r.get(at + 4)?,
        default: match (value, kind.as_deref()) {
            (None, _) => Default::None,
            (Some(value), Some("expression")) => Default::Expression(value),
            (Some(value), _) if value == "NULL" => Default::None,
            (Some(value), _) => Default::Literal(value),
        },
    })
}

type RawColumnStats = (Option<bool>, Option<bool>, Option<String>, Option<String>);

/// `None` for a row that does not say enough to be widened.
fn column_stats((contains_null, contains_nan, low, high): RawColumnStats) -> Option<ColumnStats> {
    let bounds = match (low, high) {
        (Some(low), Some(high)) => Some((low, high)),
        (None, None) if contains_nan != Some(true) => None,
        _ => return None,
    };
    Some(ColumnStats { contains_null: contains_null?, contains_nan, bounds })
}

/// Snapshot times in microseconds.
pub(crate) fn snapshot_time(text: &str) -> Result<i64> {
    text::parse_timestamp(text).ok_or_else(|| LakeError::Corrupt(format!("snapshot time {text:?} is no time")))
}
