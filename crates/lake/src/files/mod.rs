//! Parquet files of the lake.

mod contents;
mod deletes;
mod private;
mod read;
mod source;
mod write;
mod write_deletes;

pub(crate) use contents::Contents;
pub(crate) use deletes::{read_delete_file, read_deletes, rows_after, snapshots as begin_snapshots};
pub(crate) use private::{create_private, others_read};
pub(crate) use read::{FileScan, rows_at};
pub(crate) use write::{FILE_PREFIX, TEMPORARY_SUFFIX, create_folder};
pub use write::{FileWriter, WrittenFile};
pub(crate) use write_deletes::write_delete_file;

/// Parquet field ids and names of the columns that DuckLake keeps for itself.
pub(crate) const ROW_ID: (i32, &str) = (2_147_483_540, "_ducklake_internal_row_id");
pub(crate) const SNAPSHOT_ID: (i32, &str) = (2_147_483_539, "_ducklake_internal_snapshot_id");
