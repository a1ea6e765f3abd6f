use crate::catalog::{
    Commit, FileCache, Sidecar, index_inlined_tables, load, newest_snapshot, prepare, read_sidecar, write,
};
use crate::checkpoint::leave_to_others;
use crate::files::{
    FILE_PREFIX, FileWriter, TEMPORARY_SUFFIX, WrittenFile, create_folder, create_private, others_read,
};
use crate::reader::{LakeReader, Readers};
use crate::state::CatalogState;
use crate::types::{ColumnInfo, SchemaInfo, TableInfo, check_column_names};
use crate::{LakeError, Result};
use arrow::array::{Int64Array, RecordBatch};
use rusqlite::Connection;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) const CATALOG: &str = "catalog.sqlite";
const DATA: &str = "data";

/// How long another program that is writing is waited for.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// A lake and the one connection that writes to it. The newest snapshot is mirrored in memory.
pub struct Lake {
    pub(crate) db: Connection,
    dir: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) files: FileCache,
    pub(crate) state: CatalogState,
}

impl Lake {
    /// Opens the lake in `dir`, or creates it. A lake that was moved is told its new place.
    pub fn open(dir: &Path) -> Result<Self> {
        create_folder(&std::path::absolute(dir).map_err(LakeError::io("finding", dir))?)?;
        let dir = dir.canonicalize().map_err(LakeError::io("finding", dir))?;
        let (catalog, data_dir) = (dir.join(CATALOG), dir.join(DATA));
        create_private(&catalog)?;
        let mut db = Connection::open(&catalog)?;
        db.busy_timeout(BUSY)?;
        db.set_prepared_statement_cache_capacity(1024);
        prepare(&mut db, &catalog, &data_dir)?;
        leave_to_others(&db);
        create_folder(&data_dir)?;
        let files = FileCache::default();
        let state = load(&db, &data_dir, &files, None)?;
        Ok(Self { db, dir, data_dir, files, state })
    }

    /// The lake at the newest snapshot that this process knows.
    pub fn state(&self) -> &CatalogState {
        &self.state
    }

    /// The lake's folder, absolute.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The catalog, if other users of this machine may read it.
    pub fn catalog_for_others(&self) -> Option<PathBuf> {
        Some(self.dir.join(CATALOG)).filter(|catalog| others_read(catalog))
    }

    /// The folder of its Parquet files, absolute.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Makes a snapshot of all that `commit` says, and returns its id when that is safe from a power cut. On
    /// an error nothing has changed; files that were to be committed are still there. A commit of sequences,
    /// positions and history alone makes no snapshot, and returns the id of the last one.
    pub fn commit(&mut self, commit: Commit) -> Result<i64> {
        let outcome = write(&mut self.db, &self.state, &self.data_dir, &self.files, commit)?;
        if let Some(outcome) = outcome {
            outcome.apply(&mut self.state);
        }
        Ok(self.state.snapshot)
    }

    /// Takes over what other programs committed; returns the newest snapshot.
    pub fn reload(&mut self) -> Result<i64> {
        index_inlined_tables(&self.db)?;
        self.state = load(&self.db, &self.data_dir, &self.files, None)?;
        Ok(self.state.snapshot)
    }

    /// The newest snapshot in the catalog, for noticing other writers.
    pub fn newest_snapshot(&self) -> Result<i64> {
        newest_snapshot(&self.db)
    }

    /// A table as the coming commit will create it, so that its files can be written before.
    pub fn table_to_create(
        &self,
        id: i64,
        schema: &SchemaInfo,
        name: &str,
        columns: Vec<ColumnInfo>,
    ) -> Result<TableInfo> {
        check_column_names(&columns)?;
        Ok(TableInfo::new(id, schema, name, columns, &self.data_dir))
    }

    /// A schema as the coming commit will create it.
    pub fn schema_to_create(id: i64, name: &str) -> SchemaInfo {
        SchemaInfo::new(id, name)
    }

    /// Begins a file of a table. It shows up when it is committed.
    pub fn file_writer(&self, table: &TableInfo) -> Result<FileWriter> {
        FileWriter::create(table)
    }

    /// Writes a file of a table. Batches come with their row ids, ascending through all of them, or all without.
    pub fn write_file<E: From<LakeError>>(
        &self,
        table: &TableInfo,
        batches: impl Iterator<Item = Result<(RecordBatch, Option<Int64Array>), E>>,
    ) -> Result<WrittenFile, E> {
        let mut writer = self.file_writer(table)?;
        for next in batches {
            let (rows, row_ids) = next?;
            writer.write(&rows, row_ids.as_ref())?;
        }
        Ok(writer.finish()?)
    }

    /// Deletes a file that will not be committed.
    pub fn abandon(&self, file: WrittenFile) {
        if let Err(error) = fs::remove_file(&file.contents.path) {
            tracing::warn!("{} could not be removed: {error}", file.contents.path.display());
        }
    }

    /// A reader of older snapshots, for another thread.
    pub fn reader(&self) -> Result<LakeReader> {
        self.readers().open()
    }

    /// What opens readers.
    pub fn readers(&self) -> Readers {
        Readers {
            catalog: self.dir.join(CATALOG),
            data_dir: self.data_dir.clone(),
            files: FileCache::clone(&self.files),
        }
    }

    /// All that is kept beside DuckLake's tables.
    pub fn sidecar(&self) -> Result<Sidecar> {
        read_sidecar(&self.db)
    }

    /// Removes files that a crash left uncommitted, and returns how many. Only for the owner of the lake, and
    /// before it writes. Other programs' files are left alone: they may be about to commit them.
    pub fn remove_orphans(&self) -> Result<usize> {
        let known = self.known_file_names()?;
        let mut removed = 0;
        let mut folders = vec![self.data_dir.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(LakeError::io("reading", &folder))? {
                let entry = entry.map_err(LakeError::io("reading", &folder))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if is_own_file(&name) && !known.contains(&name) {
                    fs::remove_file(entry.path()).map_err(LakeError::io("removing", &entry.path()))?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn known_file_names(&self) -> Result<HashSet<String>> {
        let mut query = self.db.prepare(
            "SELECT path FROM ducklake_data_file UNION ALL SELECT path FROM ducklake_delete_file \
             UNION ALL SELECT path FROM ducklake_files_scheduled_for_deletion",
        )?;
        let name = |path: String| path.rsplit('/').next().unwrap_or_default().to_string();
        let names = query.query_map([], |r| r.get(0).map(name))?.collect::<rusqlite::Result<_>>()?;
        Ok(names)
    }
}

fn is_own_file(name: &str) -> bool {
    let whole = name.strip_suffix(TEMPORARY_SUFFIX).unwrap_or(name);
    whole.starts_with(FILE_PREFIX) && whole.ends_with(".parquet")
}
