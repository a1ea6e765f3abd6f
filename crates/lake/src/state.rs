use crate::types::SchemaInfo;
use crate::version::TableVersion;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The lake at one snapshot.
#[derive(Debug, Clone)]
pub struct CatalogState {
    /// The snapshot's id.
    pub snapshot: i64,
    /// Its time in microseconds since 1970.
    pub time_micros: i64,
    /// Counts changes of definitions.
    pub schema_version: i64,
    /// Above every id of a schema, table or view.
    pub next_catalog_id: i64,
    /// Above every id of a file.
    pub next_file_id: i64,
    /// By id.
    pub schemas: BTreeMap<i64, SchemaInfo>,
    /// By id.
    pub tables: BTreeMap<i64, Arc<TableVersion>>,
}

impl CatalogState {
    /// The schema of that name.
    pub fn schema(&self, name: &str) -> Option<&SchemaInfo> {
        self.schemas.values().find(|s| s.name == name)
    }

    /// The table of that schema and name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Arc<TableVersion>> {
        let schema = self.schema(schema)?.id;
        self.tables.values().find(|t| t.info.schema_id == schema && t.info.name == name)
    }
}
