//! Writes a Parquet file that DuckDB takes for one of its own.
//!
//! A file is written under a temporary name and reaches the disk, then its folder does, before a commit may
//! name it. Field ids are column ids; all columns are OPTIONAL.

use super::{Contents, ROW_ID, SNAPSHOT_ID};
use crate::catalog::{Bound, Observed, observe};
use crate::rows::{batch, checked, uuid_bytes};
use crate::types::{LakeType, TableInfo};
use crate::{LakeError, Result, failpoint};
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter, PARQUET_FIELD_ID_META_KEY};
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FooterTail, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// As DuckDB's.
const ROW_GROUP_ROWS: usize = 122_880;
/// Small enough for point reads. A page ends at the first batch that reaches it.
const PAGE_ROWS: usize = 1024;
/// A point read decodes the dictionary too: columns of many values had better have none.
const DICTIONARY_BYTES: usize = 8 << 10;
/// Starts the names of this crate's files, so that its orphans can be told from other writers' new files.
pub(crate) const FILE_PREFIX: &str = "sluice-";
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

/// Statistics of one column of a file.
#[derive(Debug, Clone)]
pub(crate) struct FileColumnStats {
    pub(crate) column_id: i64,
    pub(crate) compressed_bytes: i64,
    pub(crate) seen: Observed,
}

impl FileColumnStats {
    /// The texts of the bounds, where known.
    pub(crate) fn bounds(&self) -> Option<(String, String)> {
        let (low, high) = self.seen.bounds.as_ref().filter(|_| !self.seen.unknown)?;
        Some((Bound::file_text(low), Bound::file_text(high)))
    }
}

/// A file that is safe on disk and waits to be committed.
#[derive(Debug, Clone)]
pub struct WrittenFile {
    pub(crate) contents: Arc<Contents>,
    pub(crate) size_bytes: u64,
    pub(crate) footer_size: u64,
    pub(crate) columns: Vec<FileColumnStats>,
}

impl WrittenFile {
    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.contents.rows()
    }

    /// Size on disk.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

/// Writes one file; needs no lake, so several threads may each write one. Dropped before [`Self::finish`] it
/// leaves nothing.
pub struct FileWriter {
    info: TableInfo,
    temporary: TemporaryFile,
    writer: Option<ArrowWriter<BufWriter<File>>>,
    seen: Vec<Observed>,
    rows: u64,
    last_row_id: Option<i64>,
}

struct TemporaryFile {
    path: PathBuf,
    keep: bool,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.keep {
            // What is left behind goes at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl FileWriter {
    /// Begins a file of a table. It shows up when it is committed.
    pub fn create(info: &TableInfo) -> Result<Self> {
        create_folder(&info.folder)?;
        let name = format!("{FILE_PREFIX}{}.parquet{TEMPORARY_SUFFIX}", Uuid::now_v7());
        let path = info.folder.join(name);
        Ok(Self {
            info: info.clone(),
            temporary: TemporaryFile { path, keep: false },
            writer: None,
            seen: vec![Observed::default(); info.columns.len()],
            rows: 0,
            last_row_id: None,
        })
    }

    /// Adds rows in the table's schema. Row ids must ascend, and be given for all rows or for none.
    pub fn write(&mut self, rows: &RecordBatch, row_ids: Option<&Int64Array>) -> Result<()> {
        self.write_with(rows, row_ids, None)
    }

    /// Adds rows with their ids and the snapshots that they came with, for a file that always has both.
    pub(crate) fn write_versions(
        &mut self,
        rows: &RecordBatch,
        row_ids: &Int64Array,
        begins: &Int64Array,
    ) -> Result<()> {
        self.write_with(rows, Some(row_ids), Some(begins))
    }

    fn write_with(
        &mut self,
        rows: &RecordBatch,
        row_ids: Option<&Int64Array>,
        begins: Option<&Int64Array>,
    ) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let rows = checked(&self.info, rows)?;
        self.check_row_ids(rows.num_rows(), row_ids)?;
        for (all, seen) in self.seen.iter_mut().zip(observe(&self.info.columns, rows.columns())) {
            all.merge(seen);
        }
        let schema = file_schema(&self.info, row_ids.is_some(), begins.is_some());
        if self.writer.is_none() {
            let file = File::create(&self.temporary.path).map_err(LakeError::io("creating", &self.temporary.path))?;
            self.writer = Some(arrow_writer(file, &self.info, &schema).map_err(self.parquet_error())?);
        }
        let rows = file_rows(&self.info, &rows, [row_ids, begins], &schema)?;
        self.rows += rows.num_rows() as u64;
        let error = self.parquet_error();
        self.writer.as_mut().map_or(Ok(()), |w| w.write(&rows)).map_err(error)
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// About the size so far.
    pub fn bytes(&self) -> usize {
        self.writer.as_ref().map_or(0, |w| w.bytes_written() + w.in_progress_size())
    }

    /// Makes the file durable under its final name. A file without rows is refused.
    pub fn finish(mut self) -> Result<WrittenFile> {
        let Some(mut writer) = self.writer.take() else {
            return Err(self.info.mismatch("a file needs rows"));
        };
        let meta = writer.finish().map_err(self.parquet_error())?;
        let path = self.temporary.path.with_extension("");
        make_durable(writer.inner_mut(), &self.temporary.path, &path)?;
        self.temporary.keep = true;
        failpoint("after_file_write");
        let (size_bytes, footer_size) = sizes(&path)?;
        let columns = column_stats(&self.info, &self.seen, &meta);
        Ok(WrittenFile { contents: Arc::new(Contents::open(&path)?), size_bytes, footer_size, columns })
    }

    fn check_row_ids(&mut self, rows: usize, row_ids: Option<&Int64Array>) -> Result<()> {
        let Some(ids) = row_ids else {
            return match self.last_row_id {
                None => Ok(()),
                Some(_) => Err(self.info.mismatch("some rows have row ids and some have none")),
            };
        };
        let mut last = self.last_row_id.unwrap_or(-1);
        let ascending = ids.null_count() == 0 && ids.values().iter().all(|&id| std::mem::replace(&mut last, id) < id);
        if ids.len() != rows || !ascending || (self.rows > 0 && self.last_row_id.is_none()) {
            return Err(self.info.mismatch("row ids must be one a row, for all rows, and ascend"));
        }
        self.last_row_id = Some(last);
        Ok(())
    }

    fn parquet_error(&self) -> impl FnOnce(ParquetError) -> LakeError + use<> {
        LakeError::parquet(&self.temporary.path)
    }
}

/// The schema of the file as Arrow sees it, DuckLake's own columns last.
fn file_schema(info: &TableInfo, with_row_ids: bool, with_snapshots: bool) -> SchemaRef {
    let field = |name: &str, ty: DataType, id: i64| {
        let metadata = [(PARQUET_FIELD_ID_META_KEY.to_string(), id.to_string())];
        Field::new(name, ty, true).with_metadata(metadata.into())
    };
    let mut fields = info
        .columns
        .iter()
        .map(|column| {
            let ty = match column.ty {
                LakeType::Uuid => DataType::FixedSizeBinary(16),
                _ => column.ty.arrow().unwrap_or(DataType::Null),
            };
            field(&column.name, ty, column.id)
        })
        .collect::<Vec<_>>();
    if with_row_ids {
        fields.push(field(ROW_ID.1, DataType::Int64, i64::from(ROW_ID.0)));
    }
    if with_snapshots {
        fields.push(field(SNAPSHOT_ID.1, DataType::Int64, i64::from(SNAPSHOT_ID.0)));
    }
    Arc::new(Schema::new(fields))
}

fn file_rows(
    info: &TableInfo,
    rows: &RecordBatch,
    internal: [Option<&Int64Array>; 2],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let column = |i: usize| match info.columns[i].ty {
        LakeType::Uuid => uuid_bytes(rows.column(i)),
        _ => Ok(Arc::clone(rows.column(i))),
    };
    let mut columns = (0..info.columns.len()).map(column).collect::<Result<Vec<_>>>()?;
    columns.extend(internal.into_iter().flatten().map(|ids| Arc::new(ids.clone()) as ArrayRef));
    batch(schema, columns, rows.num_rows())
}

fn arrow_writer(
    file: File,
    info: &TableInfo,
    schema: &SchemaRef,
) -> Result<ArrowWriter<BufWriter<File>>, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_created_by(crate::created_by());
    // Parquet's bounds leave NaN out, and DuckDB would then not find it in the file.
    for float in info.columns.iter().filter(|c| matches!(c.ty, LakeType::Float32 | LakeType::Float64)) {
        let path = ColumnPath::from(float.name.as_str());
        properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    let schema_in_file = parquet_schema(info, schema)?;
    // Differences take half the space of integers, and a twentieth of the time to unpack.
    let integers = |ty: &PhysicalType| matches!(ty, PhysicalType::INT32 | PhysicalType::INT64);
    for column in schema_in_file.columns().iter().filter(|c| integers(&c.physical_type())) {
        properties = properties.set_column_encoding(column.path().clone(), Encoding::DELTA_BINARY_PACKED);
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true)
        .with_parquet_schema(schema_in_file);
    ArrowWriter::try_new_with_options(BufWriter::new(file), Arc::clone(schema), options)
}

/// Arrow's own translation, with the logical types of uuid and json put in.
fn parquet_schema(info: &TableInfo, schema: &SchemaRef) -> Result<SchemaDescriptor, ParquetError> {
    let plain = ArrowSchemaConverter::new().convert(schema)?;
    let mut fields = plain.root_schema().get_fields().to_vec();
    for (field, column) in fields.iter_mut().zip(&info.columns) {
        let logical = match column.ty {
            LakeType::Uuid => Type::primitive_type_builder(&column.name, PhysicalType::FIXED_LEN_BYTE_ARRAY)
                .with_length(16)
                .with_logical_type(Some(LogicalType::Uuid)),
            LakeType::Json => Type::primitive_type_builder(&column.name, PhysicalType::BYTE_ARRAY)
                .with_logical_type(Some(LogicalType::Json)),
            _ => continue,
        };
        let id = field.get_basic_info().id();
        *field = Arc::new(logical.with_repetition(Repetition::OPTIONAL).with_id(Some(id)).build()?);
    }
    let root = Type::group_type_builder("sluice_schema").with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

fn column_stats(info: &TableInfo, seen: &[Observed], meta: &ParquetMetaData) -> Vec<FileColumnStats> {
    let compressed = |i: usize| meta.row_groups().iter().map(|g| g.column(i).compressed_size()).sum();
    let stats = info.columns.iter().zip(seen).enumerate();
    stats
        .map(|(i, (column, seen))| FileColumnStats {
            column_id: column.id,
            compressed_bytes: compressed(i),
            seen: seen.clone(),
        })
        .collect()
}

pub(super) fn make_durable(file: &mut BufWriter<File>, temporary: &Path, path: &Path) -> Result<()> {
    file.flush().map_err(LakeError::io("writing", temporary))?;
    failpoint("before_file_sync");
    file.get_ref().sync_all().map_err(LakeError::io("flushing", temporary))?;
    fs::rename(temporary, path).map_err(LakeError::io("renaming", temporary))?;
    path.parent().map_or(Ok(()), sync_folder)
}

pub(super) fn sizes(path: &Path) -> Result<(u64, u64)> {
    let error = || LakeError::io("reading", path);
    let mut file = File::open(path).map_err(error())?;
    let size = file.metadata().map_err(error())?.len();
    let mut tail = [0; 8];
    file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut tail)).map_err(error())?;
    let footer = FooterTail::try_new(&tail).map_err(LakeError::parquet(path))?;
    Ok((size, footer.metadata_length() as u64))
}

/// Creates a folder with all above it, so that each survives a power cut.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folder(parent)?;
        match fs::create_dir(folder) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(LakeError::io("creating", folder)(e));
            }
            _ => sync_folder(parent)?,
        }
    }
    Ok(())
}

pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(LakeError::io("flushing", folder))
}
