//! A commit in the making: the open transaction, and what memory will hold once it is durable.

use super::load::FileCache;
use super::tokens::Tokens;
use crate::state::CatalogState;
use crate::types::SchemaInfo;
use crate::version::TableVersion;
use crate::{LakeError, Result};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(super) struct Draft<'a> {
    pub(super) db: &'a Connection,
    pub(super) base: &'a CatalogState,
    pub(super) data_dir: &'a Path,
    pub(super) files: &'a FileCache,
    /// The snapshot to come, and its counters.
    pub(super) snapshot: i64,
    pub(super) time_micros: i64,
    pub(super) schema_version: i64,
    pub(super) next_catalog_id: i64,
    pub(super) next_file_id: i64,
    pub(super) schemas: BTreeMap<i64, SchemaInfo>,
    tables: BTreeMap<i64, Option<Staged>>,
    pub(super) tokens: Tokens,
}

/// A table that the commit touches.
pub(super) struct Staged {
    pub(super) version: TableVersion,
    /// Its definition changed.
    pub(super) altered: bool,
    /// Its columns or name changed, so small commits go to a new inlined-data table.
    pub(super) starts_inlined_table: bool,
}

/// What the commit leaves, to be taken over after it is durable.
pub(crate) struct Outcome {
    snapshot: i64,
    time_micros: i64,
    schema_version: i64,
    next_catalog_id: i64,
    next_file_id: i64,
    schemas: BTreeMap<i64, SchemaInfo>,
    tables: BTreeMap<i64, Option<Arc<TableVersion>>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(db: &'a Connection, base: &'a CatalogState, data_dir: &'a Path, files: &'a FileCache) -> Self {
        Self {
            db,
            base,
            data_dir,
            files,
            snapshot: base.snapshot,
            time_micros: base.time_micros,
            schema_version: base.schema_version,
            next_catalog_id: base.next_catalog_id,
            next_file_id: base.next_file_id,
            schemas: base.schemas.clone(),
            tables: BTreeMap::new(),
            tokens: Tokens::default(),
        }
    }

    /// The table as the commit has made it so far.
    pub(super) fn table(&mut self, id: i64) -> Result<&mut Staged> {
        let missing = || LakeError::NoSuchObject { what: "table", id };
        if !self.tables.contains_key(&id) {
            let version = self.base.tables.get(&id).ok_or_else(missing)?.as_ref().clone();
            let staged = Staged { version, altered: false, starts_inlined_table: false };
            self.tables.insert(id, Some(staged));
        }
        self.tables.get_mut(&id).and_then(Option::as_mut).ok_or_else(missing)
    }

    pub(super) fn add_table(&mut self, version: TableVersion) {
        let id = version.info.id;
        self.tables.insert(id, Some(Staged { version, altered: true, starts_inlined_table: true }));
    }

    pub(super) fn remove_table(&mut self, id: i64) {
        self.tables.insert(id, None);
    }

    pub(super) fn staged_ids(&self) -> Vec<i64> {
        self.tables.iter().filter(|(_, t)| t.is_some()).map(|(id, _)| *id).collect()
    }

    /// Ids and names of the tables of a schema as of now.
    pub(super) fn names(&self, schema_id: i64) -> impl Iterator<Item = (i64, &str)> {
        let unstaged = self.base.tables.values().filter(|t| !self.tables.contains_key(&t.info.id)).map(Arc::as_ref);
        let staged = self.tables.values().flatten().map(|s| &s.version);
        let in_schema = unstaged.chain(staged).filter(move |t| t.info.schema_id == schema_id);
        in_schema.map(|t| (t.info.id, t.info.name.as_str()))
    }

    /// Where small commits of the table go.
    pub(super) fn inlined_table(&self, id: i64) -> Option<String> {
        let staged = self.tables.get(&id)?.as_ref()?;
        Some(staged.version.info.inlined_tables.first()?.name.clone())
    }

    /// Ends the live rows of `table` that `condition` (with `?2`) selects; rows of this snapshot vanish, since
    /// they would begin and end with it.
    pub(super) fn end_rows(&self, table: &str, condition: &str, id: i64) -> Result<()> {
        let live = format!("({condition}) AND end_snapshot IS NULL");
        let delete = format!("DELETE FROM {table} WHERE {live} AND begin_snapshot = ?1");
        self.db.prepare_cached(&delete)?.execute(params![self.snapshot, id])?;
        let end = format!("UPDATE {table} SET end_snapshot = ?1 WHERE {live}");
        self.db.prepare_cached(&end)?.execute(params![self.snapshot, id])?;
        Ok(())
    }

    pub(super) fn outcome(self) -> Outcome {
        Outcome {
            snapshot: self.snapshot,
            time_micros: self.time_micros,
            schema_version: self.schema_version,
            next_catalog_id: self.next_catalog_id,
            next_file_id: self.next_file_id,
            schemas: self.schemas,
            tables: self.tables.into_iter().map(|(id, t)| (id, t.map(|t| Arc::new(t.version)))).collect(),
        }
    }
}

impl Outcome {
    pub(crate) fn apply(self, state: &mut CatalogState) {
        state.snapshot = self.snapshot;
        state.time_micros = self.time_micros;
        state.schema_version = self.schema_version;
        state.next_catalog_id = self.next_catalog_id;
        state.next_file_id = self.next_file_id;
        state.schemas = self.schemas;
        for (id, table) in self.tables {
            match table {
                Some(table) => state.tables.insert(id, table),
                None => state.tables.remove(&id),
            };
        }
    }
}
