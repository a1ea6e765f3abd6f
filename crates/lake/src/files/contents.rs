//! What a Parquet file's footer says, kept for as long as the file is known.

use super::source::Source;
use super::{ROW_ID, SNAPSHOT_ID};
use crate::{LakeError, Result};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file's path, footer and row ids.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) path: PathBuf,
    pub(crate) meta: ArrowReaderMetadata,
    /// Row ids by position, if the file carries them.
    pub(crate) row_ids: Option<Arc<[i64]>>,
}

impl Contents {
    /// Reads the footer, and the row ids if there are any.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = open_file(path)?;
        let options =
            ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Optional);
        let plain = ArrowReaderMetadata::load(&file, options.clone()).map_err(LakeError::parquet(path))?;
        let views = with_views(plain.schema());
        let meta = ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options.with_schema(views))
            .map_err(LakeError::parquet(path))?;
        let mut contents = Self { path: path.to_owned(), meta, row_ids: None };
        contents.row_ids = match contents.internal_column(ROW_ID) {
            Some(root) => Some(contents.int64_column(root)?.into()),
            None => None,
        };
        Ok(contents)
    }

    /// The root column of that field id, or of that name in a file without field ids.
    pub(crate) fn column(&self, id: i64, name: &str) -> Option<usize> {
        let roots = self.meta.parquet_schema().root_schema().get_fields();
        let by_id = |i: &usize| {
            let info = roots[*i].get_basic_info();
            info.has_id() && i64::from(info.id()) == id
        };
        let has_ids = roots.iter().any(|r| r.get_basic_info().has_id());
        let all = 0..roots.len();
        if has_ids { all.clone().find(by_id) } else { all.clone().find(|i| roots[*i].name() == name) }
    }

    /// How many columns are the table's.
    pub(crate) fn user_columns(&self) -> usize {
        let internal = [ROW_ID, SNAPSHOT_ID].into_iter().filter_map(|column| self.internal_column(column)).count();
        self.meta.parquet_schema().root_schema().get_fields().len() - internal
    }

    pub(crate) fn internal_column(&self, (id, name): (i32, &str)) -> Option<usize> {
        self.column(i64::from(id), name)
    }

    /// All values of one of DuckLake's own columns.
    pub(crate) fn int64_column(&self, root: usize) -> Result<Vec<i64>> {
        let reader = self
            .reader()?
            .with_projection(ProjectionMask::roots(self.meta.parquet_schema(), [root]))
            .build()
            .map_err(LakeError::parquet(&self.path))?;
        let mut values = Vec::with_capacity(self.rows() as usize);
        for batch in reader {
            let batch: RecordBatch = batch?;
            let Some(column) = batch.column(0).as_primitive_opt::<Int64Type>() else {
                return Err(LakeError::Corrupt(format!(
                    "{} has row numbers that are no integers",
                    self.path.display()
                )));
            };
            values.extend_from_slice(column.values());
        }
        Ok(values)
    }

    /// Reads pages as they are wanted.
    pub(crate) fn reader(&self) -> Result<ParquetRecordBatchReaderBuilder<Source>> {
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(self.source()?, self.meta.clone()))
    }

    /// Reads all of some root columns of one row group.
    pub(crate) fn group_reader(
        &self,
        group: usize,
        roots: &[usize],
    ) -> Result<ParquetRecordBatchReaderBuilder<Source>> {
        let mask = ProjectionMask::roots(self.meta.parquet_schema(), roots.iter().copied());
        let columns = self.meta.metadata().row_group(group).columns().iter().enumerate();
        let wanted = columns.filter(|(leaf, _)| mask.leaf_included(*leaf)).map(|(_, column)| column.byte_range());
        let mut source = self.source()?;
        source
            .read_ahead(wanted.map(|(start, length)| start..start + length))
            .map_err(LakeError::parquet(&self.path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, self.meta.clone());
        Ok(builder.with_row_groups(vec![group]).with_projection(mask))
    }

    fn source(&self) -> Result<Source> {
        Source::new(open_file(&self.path)?).map_err(LakeError::io("opening", &self.path))
    }

    pub(crate) fn rows(&self) -> u64 {
        self.meta.metadata().file_metadata().num_rows() as u64
    }

    pub(crate) fn row_groups(&self) -> Vec<u64> {
        self.meta.metadata().row_groups().iter().map(|g| g.num_rows() as u64).collect()
    }
}

fn open_file(path: &Path) -> Result<File> {
    File::open(path).map_err(LakeError::io("opening", path))
}

/// The file's own schema, with texts and blobs as views.
fn with_views(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        DataType::Binary => Arc::new(field.as_ref().clone().with_data_type(DataType::BinaryView)),
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new_with_metadata(
        schema.fields().iter().map(field).collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}
