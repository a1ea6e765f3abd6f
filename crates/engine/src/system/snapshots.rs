//! `sluice.snapshots`: the snapshots that are kept, and what each changed.

use super::rows::Columns;
use crate::catalog::Catalog;
use crate::read::ReadView;
use crate::{Engine, error};
use arrow::array::RecordBatch;
use sluice_lake::SnapshotChanges;
use sluice_sql::Result;
use std::collections::HashMap;

pub(super) fn snapshots(engine: &Engine, view: &ReadView) -> Result<RecordBatch> {
    let reader = engine.reader()?;
    let snapshots = reader.snapshots().map_err(error::lake)?;
    let before = snapshots.first().map_or(0, |(first, _)| first - 1);
    let changes = reader.changes_since(before).map_err(error::lake)?;
    let changes: HashMap<i64, String> =
        changes.into_iter().map(|c| (c.snapshot, shown(&c, &view.version.catalog))).collect();
    Columns::default()
        .bigint("snapshot_id", snapshots.iter().map(|(id, _)| Some(*id)))
        .time("snapshot_time", snapshots.iter().map(|(_, micros)| Some(*micros)))
        .text("changes", snapshots.iter().map(|(id, _)| changes.get(id).cloned()))
        .build()
}

/// Each table with what was done to it, in DuckLake's words; definitions as the catalog has them.
fn shown(changes: &SnapshotChanges, catalog: &Catalog) -> String {
    let table =
        |id: i64| catalog.by_id(id).map_or_else(|| id.to_string(), |d| format!("{}.{}", d.shown_schema(), d.name));
    if changes.changes.is_empty() {
        return changes.made.clone();
    }
    let each = changes.changes.iter().map(|(what, id)| format!("{what}: {}", table(*id)));
    each.collect::<Vec<_>>().join(", ")
}
