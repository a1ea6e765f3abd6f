//! Parquet files; their columns take the nearest type of the type table.

use super::csv::other_columns;
use super::{BATCH, Batches, bad_file, open};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sluice_sql::{Result, SqlError, UTC};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The columns of the first file, which all files have.
pub(super) fn schema(paths: &[PathBuf]) -> Result<SchemaRef> {
    let columns = |path: &Path| -> Result<SchemaRef> {
        let reader = reader(path)?;
        let fields = reader.schema().fields().iter().map(|f| {
            stored(f.data_type()).map(|ty| Field::new(f.name(), ty, true)).ok_or_else(|| {
                SqlError::unsupported(
                    format!("column \"{}\" of type {} in file \"{}\"", f.name(), f.data_type(), path.display()),
                    "Write the file without it.",
                )
            })
        });
        Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
    };
    let first = columns(&paths[0])?;
    for path in &paths[1..] {
        if columns(path)? != first {
            return Err(other_columns(path, &paths[0]));
        }
    }
    Ok(first)
}

fn reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    ParquetRecordBatchReaderBuilder::try_new(open(path)?).map_err(|e| bad_file(path, e))
}

/// `None` for a type that no column has.
fn stored(ty: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match ty {
        T::Boolean | T::Int16 | T::Int32 | T::Int64 | T::Float32 | T::Float64 | T::Date32 => ty.clone(),
        T::Int8 | T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        T::UInt32 => T::Int64,
        T::UInt64 => T::Decimal128(20, 0),
        T::Float16 => T::Float32,
        T::Date64 => T::Date32,
        T::Utf8 | T::LargeUtf8 | T::Utf8View => T::Utf8View,
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => T::BinaryView,
        T::Timestamp(_, None) => T::Timestamp(TimeUnit::Microsecond, None),
        T::Timestamp(_, Some(_)) => T::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s) if *p <= 38 && *s >= 0 => {
            T::Decimal128(*p, *s)
        }
        T::Dictionary(_, value) => stored(value)?,
        _ => return None,
    })
}

pub(super) fn rows(path: &Path, schema: &SchemaRef, projection: &[usize]) -> Result<Batches> {
    let builder = reader(path)?.with_batch_size(BATCH);
    let mask = ProjectionMask::roots(builder.parquet_schema(), projection.iter().copied());
    let names: Vec<usize> = projection.to_vec();
    let wanted = Arc::new(schema.project(projection)?);
    let reader = builder.with_projection(mask).build().map_err(|e| bad_file(path, e))?;
    let path = path.to_path_buf();
    // A mask keeps the file's order; the projection may have another.
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let order: Vec<usize> = names.iter().filter_map(|n| sorted.iter().position(|s| s == n)).collect();
    Ok(Box::new(reader.map(move |batch| {
        let batch = batch.map_err(|e| bad_file(&path, e))?;
        convert(&batch, &order, &wanted).map_err(|e| bad_file(&path, e))
    })))
}

fn convert(batch: &RecordBatch, order: &[usize], wanted: &SchemaRef) -> Result<RecordBatch> {
    let strict = CastOptions { safe: false, ..Default::default() };
    let columns = order
        .iter()
        .zip(wanted.fields())
        .map(|(&at, field)| Ok(cast_with_options(batch.column(at), field.data_type(), &strict)?));
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    Ok(sluice_zset::with_row_count(Arc::clone(wanted), columns, batch.num_rows())?)
}
