use crate::types::LakeType;
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with a lake. Messages are written for the person who runs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// A file or folder could not be read or written.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was tried, e.g. `reading`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// SQLite refused: disk full, catalog locked for long, damaged catalog.
    #[error("the lake's catalog could not be read or written: {0}")]
    Catalog(#[from] rusqlite::Error),
    /// A Parquet file is damaged, or could not be encoded.
    #[error("Parquet file {}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the Parquet library says.
        source: parquet::errors::ParquetError,
    },
    /// Arrow refused to combine or cast columns.
    #[error("columns could not be combined: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The folder's `catalog.sqlite` is some other database.
    #[error("{} is an SQLite database but no DuckLake catalog; choose another folder", .0.display())]
    NotALake(PathBuf),
    /// A DuckLake version that this release can't read.
    #[error(
        "{} is a DuckLake catalog of version {found}, this release reads version 1.0 only; \
         open it with a release that knows {found}, or migrate it with DuckDB", path.display()
    )]
    Version {
        /// The catalog.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// Written by a newer release.
    #[error(
        "{} was written by a newer release (format {found}, this one knows {known}); upgrade first", path.display()
    )]
    Format {
        /// The catalog.
        path: PathBuf,
        /// Its format number.
        found: i64,
        /// The newest that this release knows.
        known: i64,
    },
    /// Encrypted Parquet files.
    #[error(
        "{} is an encrypted lake, which is not supported; copy its tables into a new lake with DuckDB", .0.display()
    )]
    Encrypted(PathBuf),
    /// Somebody else committed since the state in memory: reload, look at the changes, and commit again.
    #[error("another program committed snapshot {snapshot} to this lake; reload and try again")]
    Foreign {
        /// The newest snapshot in the catalog.
        snapshot: i64,
    },
    /// Another process owns the lake.
    #[error("the lake is in use by process {pid} ({address}); stop it, or connect to it")]
    Locked {
        /// Process id of the owner.
        pid: u32,
        /// Where it listens.
        address: String,
    },
    /// The snapshot never existed or has expired.
    #[error("no snapshot {0}: it does not exist, or has expired")]
    NoSnapshot(String),
    /// A column of a type that only other programs can read.
    #[error(
        "column {column} of table {table} has the type {ty}, which is not supported; drop or convert it with DuckDB"
    )]
    UnsupportedType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The type as the catalog names it.
        ty: String,
    },
    /// A data or delete file of a kind that only other programs can read.
    #[error("file {} of table {table} can't be read: {why}", path.display())]
    UnsupportedFile {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// The reason and the way out.
        why: &'static str,
    },
    /// A table changed while its files were written anew.
    #[error("table {table} was altered or rewritten meanwhile; the next upkeep tries again")]
    Stale {
        /// The table.
        table: String,
    },
    /// The catalog contradicts itself or its files.
    #[error("the lake is damaged: {0}; restore it from a backup")]
    Corrupt(String),
    /// A row to delete or read is not there.
    #[error("table {table} has no row with row id {row_id}")]
    NoSuchRow {
        /// The table.
        table: String,
        /// The row id.
        row_id: i64,
    },
    /// A row to insert has the id of a row that is there.
    #[error("table {table} already has a row with row id {row_id}")]
    RowExists {
        /// The table.
        table: String,
        /// The row id.
        row_id: i64,
    },
    /// No schema, table or column of that id.
    #[error("no {what} with id {id} in the lake")]
    NoSuchObject {
        /// `schema`, `table` or `column`.
        what: &'static str,
        /// The id asked for.
        id: i64,
    },
    /// The name is taken, perhaps in another letter case, which DuckDB would not tell apart.
    #[error("{what} {name} already exists (names are compared without letter case)")]
    NameTaken {
        /// `schema`, `table` or `column`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A column name that DuckLake keeps for itself.
    #[error("a column can't be called {0}: DuckLake keeps that name for itself; choose another name")]
    ReservedName(String),
    /// An id that was used before.
    #[error("{what} id {id} was used before, the next free one is {next}")]
    IdTaken {
        /// `schema`, `table` or `column`.
        what: &'static str,
        /// The id.
        id: i64,
        /// What it should be at least.
        next: i64,
    },
    /// A schema that still has tables.
    #[error("schema {0} still has tables; drop them first")]
    SchemaNotEmpty(String),
    /// A change of a column's type that could lose values.
    #[error(
        "column {column} of table {table} can't change from {} to {}: only widening changes keep all values",
        from.name(), to.name()
    )]
    Narrowing {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        from: LakeType,
        /// The type asked for.
        to: LakeType,
    },
    /// Rows that do not have the table's columns.
    #[error("rows for table {table} do not fit: {why}")]
    Mismatch {
        /// The table.
        table: String,
        /// What differs.
        why: String,
    },
    /// NULL in a column that refuses it.
    #[error("column {column} of table {table} does not allow NULL")]
    NullNotAllowed {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A value that is no value of its column's type.
    #[error("{value:?} is no {ty}")]
    BadValue {
        /// The value as text.
        value: String,
        /// The type.
        ty: String,
    },
}

/// Result of the lake.
pub type Result<T, E = LakeError> = std::result::Result<T, E>;

impl LakeError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LakeError + use<> {
        let path = path.to_owned();
        move |source| LakeError::Io { action, path, source }
    }

    pub(crate) fn parquet(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> LakeError + use<> {
        let path = path.to_owned();
        move |source| LakeError::Parquet { path, source }
    }
}
