use crate::{LakeError, Result};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The type of a column, as DuckLake names it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum LakeType {
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Decimal { precision: u8, scale: i8 },
    Varchar,
    Json,
    Uuid,
    Blob,
    Boolean,
    Date,
    Timestamp,
    TimestampTz,
    Other(String),
}

impl LakeType {
    /// Reads the catalog's text; a type that is not supported becomes [`LakeType::Other`].
    pub fn parse(text: &str) -> Self {
        match text {
            "int16" => Self::Int16,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "float32" => Self::Float32,
            "float64" => Self::Float64,
            "varchar" => Self::Varchar,
            "json" => Self::Json,
            "uuid" => Self::Uuid,
            "blob" => Self::Blob,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::TimestampTz,
            other => parse_decimal(other).unwrap_or_else(|| Self::Other(other.to_string())),
        }
    }

    /// The catalog's text for this type.
    pub fn name(&self) -> String {
        let name = match self {
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Decimal { precision, scale } => return format!("decimal({precision},{scale})"),
            Self::Varchar => "varchar",
            Self::Json => "json",
            Self::Uuid => "uuid",
            Self::Blob => "blob",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Other(name) => name,
        };
        name.to_string()
    }

    /// The Arrow type of the column's arrays, `None` for a type that is not supported.
    pub fn arrow(&self) -> Option<DataType> {
        Some(match self {
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::Varchar | Self::Json | Self::Uuid => DataType::Utf8View,
            Self::Blob => DataType::BinaryView,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Other(_) => return None,
        })
    }

    /// The type of the column in an inlined-data table.
    pub(crate) fn sqlite(&self) -> &'static str {
        match self {
            Self::Int16 | Self::Int32 | Self::Int64 | Self::Boolean => "BIGINT",
            Self::Blob => "BLOB",
            Self::Other(name) if is_small_integer(name) => "BIGINT",
            _ => "VARCHAR",
        }
    }

    /// Every value of `self` is a value of `wider`.
    pub fn widens_to(&self, wider: &Self) -> bool {
        match (self, wider) {
            (a, b) if a == b => true,
            (Self::Int16, Self::Int32 | Self::Int64 | Self::Float32 | Self::Float64) => true,
            (Self::Int32, Self::Int64 | Self::Float64) | (Self::Float32, Self::Float64) => true,
            (Self::Int16 | Self::Int32 | Self::Int64, Self::Decimal { precision, scale }) => {
                i16::from(*precision) - i16::from(*scale) >= self.integer_digits()
            }
            (Self::Decimal { precision: p, scale: s }, Self::Decimal { precision, scale }) => {
                scale >= s && i16::from(*precision) - i16::from(*scale) >= i16::from(*p) - i16::from(*s)
            }
            _ => false,
        }
    }

    fn integer_digits(&self) -> i16 {
        match self {
            Self::Int16 => 5,
            Self::Int32 => 10,
            _ => 19,
        }
    }
}

fn is_small_integer(name: &str) -> bool {
    matches!(name, "int8" | "uint8" | "uint16" | "uint32")
}

fn parse_decimal(text: &str) -> Option<LakeType> {
    let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    let fits = (1..=38).contains(&precision) && scale >= 0 && i16::from(scale) <= i16::from(precision);
    fits.then_some(LakeType::Decimal { precision, scale })
}

/// What a column gets when an INSERT does not name it. The lake only stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Default {
    /// NULL.
    None,
    /// A constant as plain text, without quotes.
    Literal(String),
    /// An expression in DuckDB's SQL.
    Expression(String),
}

/// A column. `id` never changes and is never used again in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Also the Parquet field id.
    pub id: i64,
    /// Unique in the table without regard to letter case.
    pub name: String,
    /// Its type.
    pub ty: LakeType,
    /// Whether NULL is allowed.
    pub nulls_allowed: bool,
    /// What rows that are older than the column have in it, as plain text; `None` is NULL.
    pub initial_default: Option<String>,
    /// What new rows get.
    pub default: Default,
}

impl ColumnInfo {
    /// A column that allows NULL and has no default.
    pub fn new(id: i64, name: impl Into<String>, ty: LakeType) -> Self {
        Self { id, name: name.into(), ty, nulls_allowed: true, initial_default: None, default: Default::None }
    }

    fn field(&self) -> Field {
        Field::new(&self.name, self.ty.arrow().unwrap_or(DataType::Null), true)
    }
}

/// A schema (namespace) of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaInfo {
    /// Its id in the catalog.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its folder below the data folder, ending in `/`, or an absolute one.
    pub path: String,
}

impl SchemaInfo {
    pub(crate) fn new(id: i64, name: &str) -> Self {
        Self { id, name: name.to_string(), path: folder_name("schema", id, name) }
    }
}

/// One of the catalog's tables that hold the small commits of a lake table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlinedTable {
    /// Its name in the catalog database.
    pub name: String,
    /// The schema version that it was made for.
    pub schema_version: i64,
}

/// Name, place and columns of a table at one snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// Its id in the catalog.
    pub id: i64,
    /// The schema it is in.
    pub schema_id: i64,
    /// Its name.
    pub name: String,
    /// Its folder below the schema's, ending in `/`, or an absolute one.
    pub path: String,
    /// The absolute folder of its files.
    pub folder: PathBuf,
    /// In order.
    pub columns: Vec<ColumnInfo>,
    /// Above every column id that the table has or had.
    pub next_column_id: i64,
    /// The Arrow schema of its rows: all nullable, no metadata, type Null where a type is not supported.
    pub schema: SchemaRef,
    /// Where its small commits are, newest first.
    pub inlined_tables: Vec<InlinedTable>,
}

impl TableInfo {
    /// The column of that name with its position.
    pub fn column(&self, name: &str) -> Option<(usize, &ColumnInfo)> {
        self.columns.iter().enumerate().find(|(_, c)| c.name == name)
    }

    /// The column of that id with its position.
    pub fn column_by_id(&self, id: i64) -> Option<(usize, &ColumnInfo)> {
        self.columns.iter().enumerate().find(|(_, c)| c.id == id)
    }

    pub(crate) fn new(
        id: i64,
        schema: &SchemaInfo,
        name: &str,
        columns: Vec<ColumnInfo>,
        data_dir: &std::path::Path,
    ) -> Self {
        let path = folder_name("table", id, name);
        let next_column_id = columns.iter().map(|c| c.id + 1).max().unwrap_or(1);
        Self {
            id,
            schema_id: schema.id,
            name: name.to_string(),
            folder: data_dir.join(&schema.path).join(&path),
            path,
            schema: arrow_schema(&columns),
            columns,
            next_column_id,
            inlined_tables: vec![],
        }
    }

    /// Takes other columns.
    pub(crate) fn set_columns(&mut self, columns: Vec<ColumnInfo>) {
        self.next_column_id = columns.iter().map(|c| c.id + 1).fold(self.next_column_id, i64::max);
        self.schema = arrow_schema(&columns);
        self.columns = columns;
    }

    pub(crate) fn unsupported(&self, column: &ColumnInfo) -> LakeError {
        LakeError::UnsupportedType { table: self.name.clone(), column: column.name.clone(), ty: column.ty.name() }
    }

    pub(crate) fn mismatch(&self, why: impl Into<String>) -> LakeError {
        LakeError::Mismatch { table: self.name.clone(), why: why.into() }
    }
}

pub(crate) fn arrow_schema(columns: &[ColumnInfo]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(ColumnInfo::field).collect::<Vec<_>>()))
}

/// Names that would break the inlined-data table, or that DuckDB and SQLite could not tell apart.
pub(crate) fn check_column_names(columns: &[ColumnInfo]) -> Result<()> {
    let mut seen = HashSet::new();
    for column in columns {
        let lower = column.name.to_lowercase();
        if ["row_id", "begin_snapshot", "end_snapshot"].contains(&lower.as_str()) {
            return Err(LakeError::ReservedName(column.name.clone()));
        }
        if !seen.insert(lower) {
            return Err(LakeError::NameTaken { what: "column", name: column.name.clone() });
        }
    }
    Ok(())
}

/// Plain names are folder names too; anything else gets one made from the id.
fn folder_name(kind: &str, id: i64, name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain { format!("{name}/") } else { format!("{kind}-{id}/") }
}
