//! Removes what no snapshot sees any more, within the transaction that removed the snapshots.

use crate::Result;
use crate::catalog::quoted;
use crate::state::CatalogState;
use crate::text;
use crate::version::TableVersion;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Ended rows whose life no snapshot falls into.
const UNSEEN: &str = "end_snapshot IS NOT NULL AND NOT EXISTS (SELECT * FROM ducklake_snapshot s \
                      WHERE s.snapshot_id >= begin_snapshot AND s.snapshot_id < end_snapshot)";
/// A table that has small commits from before a change of its columns needs the old definitions to read them.
const COLUMN_UNUSED: &str = "(SELECT count(*) FROM ducklake_inlined_data_tables i \
                             WHERE i.table_id = ducklake_column.table_id) < 2";
/// Entries of the history removed at once.
const HISTORY_ROWS: usize = 10_000;

pub(crate) struct Purge<'a> {
    db: &'a Connection,
    state: &'a CatalogState,
    data_dir: &'a Path,
    scheduled_at: String,
    purged: Purged,
}

#[derive(Default)]
pub(super) struct Purged {
    pub(super) rows: u64,
    pub(super) files: usize,
    /// Tables as they are afterwards, if they differ.
    pub(super) tables: BTreeMap<i64, Arc<TableVersion>>,
}

impl<'a> Purge<'a> {
    pub(crate) fn new(db: &'a Connection, state: &'a CatalogState, data_dir: &'a Path, now: i64) -> Self {
        Self { db, state, data_dir, scheduled_at: text::timestamptz(now), purged: Purged::default() }
    }

    pub(super) fn done(self) -> Purged {
        self.purged
    }

    pub(super) fn history(&mut self, before: i64) -> Result<()> {
        let sql = "DELETE FROM sluice_history WHERE rowid IN \
                   (SELECT rowid FROM sluice_history WHERE second < ?1 LIMIT ?2)";
        self.purged.rows += self.db.prepare_cached(sql)?.execute(params![before, HISTORY_ROWS])? as u64;
        Ok(())
    }

    /// Files go first, since their paths come from the definitions; tables before their columns.
    pub(super) fn all(&mut self, victims: &[i64]) -> Result<()> {
        self.unseen_files()?;
        self.spent_files()?;
        for gap in gaps(self.db, victims)? {
            self.inlined_rows(gap)?;
        }
        self.superseded_inlined_tables()?;
        for table in [
            "ducklake_schema",
            "ducklake_table",
            "ducklake_view",
            "ducklake_macro",
            "ducklake_tag",
            "ducklake_column_tag",
            "ducklake_partition_info",
            "ducklake_sort_info",
            "sluice_object",
        ] {
            self.delete(&format!("DELETE FROM {table} WHERE {UNSEEN}"))?;
        }
        self.delete(&format!("DELETE FROM ducklake_column WHERE {UNSEEN} AND {COLUMN_UNUSED}"))?;
        self.dropped_tables()
    }

    fn delete(&mut self, sql: &str) -> Result<()> {
        self.purged.rows += self.db.prepare_cached(sql)?.execute([])? as u64;
        Ok(())
    }

    fn ids(&self, sql: &str) -> Result<Vec<(i64, i64)>> {
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
    }

    fn unseen_files(&mut self) -> Result<()> {
        for (table, file) in
            self.ids(&format!("SELECT table_id, data_file_id FROM ducklake_data_file WHERE {UNSEEN}"))?
        {
            self.remove_file(table, file)?;
        }
        for (table, file) in
            self.ids(&format!("SELECT table_id, delete_file_id FROM ducklake_delete_file WHERE {UNSEEN}"))?
        {
            self.remove_row("ducklake_delete_file", "delete_file_id", table, file)?;
        }
        Ok(())
    }

    /// Files that are not ended, but all of whose rows were deleted before the oldest snapshot.
    fn spent_files(&mut self) -> Result<()> {
        let state = self.state;
        let oldest: i64 = self.db.query_row("SELECT min(snapshot_id) FROM ducklake_snapshot", [], |r| r.get(0))?;
        for table in state.tables.values() {
            let dead = table.files.iter().filter(|f| f.live_rows() == 0).map(|f| f.file.id);
            let mut spent = BTreeSet::new();
            for file in dead {
                if self.last_delete(table, file)?.is_some_and(|last| last < oldest) {
                    self.remove_file(table.info.id, file)?;
                    spent.insert(file);
                }
            }
            if !spent.is_empty() {
                self.changed(table).files.retain(|f| !spent.contains(&f.file.id));
            }
        }
        Ok(())
    }

    /// The last snapshot that deleted rows of a file; `None` if the catalog doesn't say. DuckDB gives no last
    /// snapshot for the deletes of a file that it flushed.
    fn last_delete(&self, table: &TableVersion, file: i64) -> Result<Option<i64>> {
        let sql = "SELECT coalesce(d.partial_max, CASE WHEN f.partial_max IS NULL THEN d.begin_snapshot END) \
                   FROM ducklake_delete_file d JOIN ducklake_data_file f USING (data_file_id) \
                   WHERE d.data_file_id = ?1 AND d.end_snapshot IS NULL";
        let mut query = self.db.prepare_cached(sql)?;
        let in_files =
            query.query_map([file], |r| r.get::<_, Option<i64>>(0))?.collect::<rusqlite::Result<Option<Vec<_>>>>()?;
        let Some(mut all) = in_files else { return Ok(None) };
        if table.has_inlined_deletes {
            let sql =
                format!("SELECT max(begin_snapshot) FROM ducklake_inlined_delete_{} WHERE file_id = ?1", table.info.id);
            all.extend(self.db.prepare_cached(&sql)?.query_row([file], |r| r.get::<_, Option<i64>>(0))?);
        }
        Ok(all.into_iter().max())
    }

    fn changed(&mut self, table: &Arc<TableVersion>) -> &mut TableVersion {
        Arc::make_mut(self.purged.tables.entry(table.info.id).or_insert_with(|| Arc::new(table.as_ref().clone())))
    }

    /// A data file with all that belongs to it.
    pub(crate) fn remove_file(&mut self, table: i64, file: i64) -> Result<()> {
        let mut query = self
            .db
            .prepare_cached("SELECT table_id, delete_file_id FROM ducklake_delete_file WHERE data_file_id = ?1")?;
        let deletes = query.query_map([file], |r| r.get(1))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        for delete in deletes {
            self.remove_row("ducklake_delete_file", "delete_file_id", table, delete)?;
        }
        for part in ["ducklake_file_column_stats", "ducklake_file_variant_stats", "ducklake_file_partition_value"] {
            let sql = format!("DELETE FROM {part} WHERE table_id = ?1 AND data_file_id = ?2");
            self.db.prepare_cached(&sql)?.execute([table, file])?;
        }
        let inlined = format!("ducklake_inlined_delete_{table}");
        if has_table(self.db, &inlined)? {
            let sql = format!("DELETE FROM {inlined} WHERE file_id = ?1");
            self.purged.rows += self.db.prepare_cached(&sql)?.execute([file])? as u64;
        }
        self.remove_row("ducklake_data_file", "data_file_id", table, file)
    }

    fn remove_row(&mut self, files: &str, key: &str, table: i64, id: i64) -> Result<()> {
        let sql = format!("SELECT path FROM {files} WHERE {key} = ?1");
        let path: String = self.db.prepare_cached(&sql)?.query_row([id], |r| r.get(0))?;
        let path = self.folder(table)?.join(path);
        schedule(self.db, self.data_dir, id, &path, &self.scheduled_at)?;
        self.db.prepare_cached(&format!("DELETE FROM {files} WHERE {key} = ?1"))?.execute([id])?;
        self.purged.files += 1;
        Ok(())
    }

    /// Of a table that may be dropped.
    fn folder(&self, table: i64) -> Result<PathBuf> {
        if let Some(table) = self.state.tables.get(&table) {
            return Ok(table.info.folder.clone());
        }
        let sql = "SELECT s.path, t.path FROM ducklake_table t JOIN ducklake_schema s USING (schema_id) \
                   WHERE t.table_id = ?1";
        let paths =
            self.db.prepare_cached(sql)?.query_row([table], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)));
        let (schema, table) = paths.optional()?.unwrap_or_default();
        Ok(self.data_dir.join(schema).join(table))
    }

    fn inlined_rows(&mut self, gap: Gap) -> Result<()> {
        let mut names = self.db.prepare_cached("SELECT table_name FROM ducklake_inlined_data_tables")?;
        for name in names.query_map([], |r| r.get::<_, String>(0))? {
            let sql = format!(
                "DELETE FROM {} WHERE end_snapshot > ?1 AND end_snapshot <= ?2 AND begin_snapshot > ?1",
                quoted(&name?)
            );
            self.purged.rows += self.db.prepare_cached(&sql)?.execute([gap.after, gap.before])? as u64;
        }
        Ok(())
    }

    /// Places for small commits of older columns that are empty by now.
    fn superseded_inlined_tables(&mut self) -> Result<()> {
        let state = self.state;
        for table in state.tables.values() {
            let gone = drop_superseded(self.db, &table.info)?;
            if !gone.is_empty() {
                let version = self.changed(table);
                Arc::make_mut(&mut version.info).inlined_tables.retain(|t| !gone.contains(&t.name));
            }
        }
        Ok(())
    }

    /// What is left of tables that no snapshot knows.
    fn dropped_tables(&mut self) -> Result<()> {
        let unknown = "table_id NOT IN (SELECT table_id FROM ducklake_table)";
        let inlined = format!("SELECT table_name FROM ducklake_inlined_data_tables WHERE {unknown}");
        let mut names = self.strings(&inlined)?;
        let deletes = "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'ducklake_inlined_delete_*' \
                       AND CAST(substr(name, 25) AS INTEGER) NOT IN (SELECT table_id FROM ducklake_table)";
        names.extend(self.strings(deletes)?);
        for name in names {
            self.db.execute_batch(&format!("DROP TABLE IF EXISTS {}", quoted(&name)))?;
        }
        for table in [
            "ducklake_inlined_data_tables",
            "ducklake_schema_versions",
            "ducklake_table_stats",
            "ducklake_table_column_stats",
            "ducklake_column",
        ] {
            self.delete(&format!("DELETE FROM {table} WHERE {unknown}"))?;
        }
        Ok(())
    }

    fn strings(&self, sql: &str) -> Result<Vec<String>> {
        Ok(self.db.prepare_cached(sql)?.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
    }
}

/// Drops the empty inlined-data tables of a table except its newest; returns their names.
pub(crate) fn drop_superseded(db: &Connection, info: &crate::TableInfo) -> Result<Vec<String>> {
    let mut gone = vec![];
    for table in info.inlined_tables.iter().skip(1) {
        let name = quoted(&table.name);
        let used: bool = db.query_row(&format!("SELECT EXISTS (SELECT * FROM {name})"), [], |r| r.get(0))?;
        if !used {
            db.execute_batch(&format!("DROP TABLE {name}"))?;
            let sql = "DELETE FROM ducklake_inlined_data_tables WHERE table_id = ?1 AND table_name = ?2";
            db.prepare_cached(sql)?.execute(params![info.id, table.name])?;
            gone.push(table.name.clone());
        }
    }
    Ok(gone)
}

/// Has a file deleted by a later clean-up.
pub(crate) fn schedule(db: &Connection, data_dir: &Path, id: i64, path: &Path, time: &str) -> Result<()> {
    let path = path.strip_prefix(data_dir).unwrap_or(path);
    db.prepare_cached("INSERT INTO ducklake_files_scheduled_for_deletion VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, path.to_string_lossy(), path.is_relative(), time])?;
    Ok(())
}

/// Two neighbouring snapshots between which some have gone.
#[derive(Clone, Copy)]
struct Gap {
    after: i64,
    before: i64,
}

fn gaps(db: &Connection, victims: &[i64]) -> Result<Vec<Gap>> {
    let mut around = db.prepare_cached(
        "SELECT coalesce((SELECT max(snapshot_id) FROM ducklake_snapshot WHERE snapshot_id < ?1), -1), \
         (SELECT min(snapshot_id) FROM ducklake_snapshot WHERE snapshot_id > ?1)",
    )?;
    let mut gaps: Vec<Gap> = vec![];
    for id in victims {
        if gaps.last().is_none_or(|g| g.before < *id) {
            gaps.push(around.query_row([id], |r| Ok(Gap { after: r.get(0)?, before: r.get(1)? }))?);
        }
    }
    Ok(gaps)
}

fn has_table(db: &Connection, name: &str) -> Result<bool> {
    let mut found =
        db.prepare_cached("SELECT EXISTS (SELECT * FROM sqlite_master WHERE type = 'table' AND name = ?1)")?;
    Ok(found.query_row([name], |r| r.get(0))?)
}
