//! The DuckLake catalog in SQLite: how it is created, read and written.

mod cells;
mod commit;
mod create;
mod ddl;
mod draft;
mod flush;
mod load;
mod load_inlined;
mod row_changes;
mod sidecar;
mod stats;
mod tokens;
mod write_stats;

pub use cells::default_text;
pub(crate) use cells::initial_values;
pub use commit::{Commit, RowInsert, TableChange};
pub(crate) use commit::{begin, newest_snapshot, write};
pub(crate) use create::{index_inlined_tables, prepare};
pub use ddl::Ddl;
pub(crate) use flush::{Flush, FlushedDeletes, FlushedRows, flush};
pub(crate) use load::{FileCache, load, snapshot_time};
pub(crate) use load_inlined::{LiveRows, live_rows};
pub use sidecar::{HistoryRow, RoleRow, Sidecar, SidecarChange, SnapshotChanges, TickRow};
pub(crate) use sidecar::{
    changes_since, last_tick, last_tick_snapshot, objects_at, read as read_sidecar, read_history, tick, tick_before,
};
pub(crate) use stats::{Bound, Observed, TableStats, observe};

/// An identifier in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
