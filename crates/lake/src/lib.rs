//! A DuckLake 1.0 lake: a catalog in SQLite, tables in Parquet files, and small commits in the catalog itself.
//!
//! One [`Lake`] writes; [`Lake::commit`] makes one snapshot of changes to any number of tables, together with
//! whatever must not get out of step with them (positions of sources, definitions, sequences). The newest
//! snapshot is mirrored in memory as immutable [`TableVersion`]s, so readers never touch the catalog. DuckDB
//! can read, travel through and append to the same lake while it is written.
//!
//! Invariant: memory shows a snapshot only after it is safe on disk. Invariant: a file reaches the disk before
//! a snapshot names it. Invariant: no async, no threads of its own.

mod bitmap;
mod catalog;
mod checkpoint;
mod error;
mod failpoint;
mod files;
mod inlined;
mod lake;
mod lock;
mod maintain;
mod projection;
mod reader;
mod rows;
mod scan;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod version;

pub use bitmap::Bitmap;
pub use catalog::{
    Commit, Ddl, HistoryRow, RoleRow, RowInsert, Sidecar, SidecarChange, SnapshotChanges, TableChange, TickRow,
    default_text,
};
pub use checkpoint::Checkpointer;
pub use error::{LakeError, Result};
pub use failpoint::failpoint;
pub use files::{FileWriter, WrittenFile};
pub use inlined::{Inlined, InlinedChunk};
pub use lake::Lake;
pub use lock::OwnerLock;
pub use maintain::{Done, Due, Expired, Job, Named, Prepared, Retention};
pub use reader::{LakeReader, Readers};
pub use rows::adapt_columns;
pub use scan::Scan;
pub use state::CatalogState;
pub use types::{ColumnInfo, Default, InlinedTable, LakeType, SchemaInfo, TableInfo};
pub use version::{DataFile, FileVersion, Location, TableVersion};

/// The newest layout of the `sluice_*` tables that this release knows.
pub const FORMAT: i64 = 1;

/// Who wrote a catalog or file.
pub(crate) fn created_by() -> String {
    format!("Sluice {}", env!("CARGO_PKG_VERSION"))
}
