use crate::catalog::Catalog;
use sluice_lake::TableVersion;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What readers see: everything as of one snapshot, immutable, behind one pointer.
#[derive(Clone)]
pub struct Version {
    /// The lake's snapshot.
    pub snapshot: i64,
    /// The tick's time, in microseconds since 1970.
    pub time_micros: i64,
    /// Definitions.
    pub catalog: Arc<Catalog>,
    /// Rows of every stored table.
    pub tables: BTreeMap<i64, Arc<TableVersion>>,
    /// Tables that an open transaction has altered: the engine's indexes know their columns by other places.
    pub(crate) altered: BTreeSet<i64>,
    /// Lives as long as this version or a copy of it.
    pub(crate) in_use: Arc<()>,
}
