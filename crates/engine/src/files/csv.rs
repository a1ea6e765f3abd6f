//! CSV files whose first line names the columns. Types follow from all rows: a column is text where no other type fits
//! every value. Empty fields are NULL.

use super::{BATCH, Batches, bad_file, open};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use sluice_sql::{Result, SqlError};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The columns of all files.
pub(super) fn schema(paths: &[PathBuf]) -> Result<SchemaRef> {
    let mut columns: Vec<(String, DataType)> = vec![];
    for (n, path) in paths.iter().enumerate() {
        let file = BufReader::new(open(path)?);
        let (schema, _) =
            Format::default().with_header(true).infer_schema(file, None).map_err(|e| misread(path, &e))?;
        let own = schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone()));
        if n == 0 {
            columns = own.collect();
            continue;
        }
        let own: Vec<_> = own.collect();
        if !own.iter().map(|c| &c.0).eq(columns.iter().map(|c| &c.0)) {
            return Err(other_columns(path, &paths[0]));
        }
        for (column, (_, ty)) in columns.iter_mut().zip(own) {
            column.1 = both(&column.1, &ty);
        }
    }
    if columns.is_empty() {
        return Err(bad_file(&paths[0], "it is empty").hint("The first line names the columns."));
    }
    let fields = columns.into_iter().map(|(name, ty)| Field::new(name, stored(ty), true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

pub(super) fn other_columns(path: &Path, first: &Path) -> SqlError {
    bad_file(path, format!("its columns are not those of \"{}\"", first.display()))
        .hint("Read files with other columns in a query of their own.")
}

/// The type that holds the values of both.
fn both(a: &DataType, b: &DataType) -> DataType {
    use DataType as T;
    match (a, b) {
        (a, b) if a == b => a.clone(),
        (T::Null, other) | (other, T::Null) => other.clone(),
        (T::Int64, T::Float64) | (T::Float64, T::Int64) => T::Float64,
        (T::Timestamp(_, None), T::Timestamp(_, None)) => T::Timestamp(TimeUnit::Microsecond, None),
        _ => T::Utf8,
    }
}

fn stored(ty: DataType) -> DataType {
    match ty {
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Utf8 | DataType::Null => DataType::Utf8View,
        other => other,
    }
}

pub(super) fn rows(path: &Path, schema: &SchemaRef, projection: &[usize]) -> Result<Batches> {
    let file = BufReader::new(open(path)?);
    let reader = ReaderBuilder::new(Arc::clone(schema))
        .with_header(true)
        .with_batch_size(BATCH)
        .with_projection(projection.to_vec())
        .build_buffered(file)
        .map_err(|e| misread(path, &e))?;
    let path = path.to_path_buf();
    Ok(Box::new(reader.map(move |batch| batch.map_err(|e| misread(&path, &e)))))
}

/// Arrow's messages name the line.
fn misread(path: &Path, error: &ArrowError) -> SqlError {
    match error {
        ArrowError::CsvError(why) | ArrowError::ParseError(why) => {
            bad_file(path, why).hint("Each line has as many fields as the first one, which names the columns.")
        }
        other => bad_file(path, other),
    }
}
