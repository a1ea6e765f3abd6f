//! Writes the delete file of a data file.

use super::SNAPSHOT_ID;
use super::deletes::{PATH, POSITION};
use super::write::{FILE_PREFIX, TEMPORARY_SUFFIX, make_durable, sizes};
use crate::{LakeError, Result};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, PARQUET_FIELD_ID_META_KEY};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// `deletes` are positions, ascending, with the snapshots that deleted them. Returns path, size and the length
/// of the footer.
pub(crate) fn write_delete_file(
    folder: &Path,
    data_file: &Path,
    deletes: &[(i64, i64)],
) -> Result<(PathBuf, u64, u64)> {
    let path = folder.join(format!("{FILE_PREFIX}{}-delete.parquet", Uuid::now_v7()));
    let mut temporary = path.clone().into_os_string();
    temporary.push(TEMPORARY_SUFFIX);
    let temporary = PathBuf::from(temporary);
    let rows = delete_rows(data_file, deletes)?;
    let file = File::create(&temporary).map_err(LakeError::io("creating", &temporary))?;
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(crate::created_by()).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let error = || LakeError::parquet(&temporary);
    let mut writer = ArrowWriter::try_new_with_options(BufWriter::new(file), rows.schema(), options).map_err(error())?;
    writer.write(&rows).map_err(error())?;
    writer.finish().map_err(error())?;
    make_durable(writer.inner_mut(), &temporary, &path)?;
    let (size, footer) = sizes(&path)?;
    Ok((path, size, footer))
}

fn delete_rows(data_file: &Path, deletes: &[(i64, i64)]) -> Result<RecordBatch> {
    let field = |(id, name): (i32, &str), ty: DataType| {
        Field::new(name, ty, true).with_metadata([(PARQUET_FIELD_ID_META_KEY.to_string(), id.to_string())].into())
    };
    let fields =
        vec![field(PATH, DataType::Utf8), field(POSITION, DataType::Int64), field(SNAPSHOT_ID, DataType::Int64)];
    let name = data_file.to_string_lossy();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(deletes.iter().map(|_| &name))),
        Arc::new(Int64Array::from_iter_values(deletes.iter().map(|(pos, _)| *pos))),
        Arc::new(Int64Array::from_iter_values(deletes.iter().map(|(_, snapshot)| *snapshot))),
    ];
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}
