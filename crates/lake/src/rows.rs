//! Record batches fitted to a table: checked on the way in, and moved from one set of columns to another.

use crate::catalog::initial_values;
use crate::types::{ColumnInfo, LakeType, TableInfo};
use crate::{LakeError, Result};
use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, RecordBatchOptions, StringViewArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef};
use std::sync::Arc;
use uuid::Uuid;

/// Refuses rows that are not the table's; the result has the table's schema and canonical uuids.
pub(crate) fn checked(info: &TableInfo, rows: &RecordBatch) -> Result<RecordBatch> {
    if rows.num_columns() != info.columns.len() {
        return Err(info.mismatch(format!("{} columns instead of {}", rows.num_columns(), info.columns.len())));
    }
    let columns = info.columns.iter().zip(rows.columns()).map(|(c, array)| checked_column(info, c, array));
    batch(&info.schema, columns.collect::<Result<_>>()?, rows.num_rows())
}

fn checked_column(info: &TableInfo, column: &ColumnInfo, array: &ArrayRef) -> Result<ArrayRef> {
    let wanted = column.ty.arrow().ok_or_else(|| info.unsupported(column))?;
    if *array.data_type() != wanted {
        return Err(info.mismatch(format!("column {} is {} instead of {wanted}", column.name, array.data_type())));
    }
    if !column.nulls_allowed && array.null_count() > 0 {
        return Err(LakeError::NullNotAllowed { table: info.name.clone(), column: column.name.clone() });
    }
    match column.ty {
        LakeType::Uuid => canonical_uuids(array),
        _ => Ok(Arc::clone(array)),
    }
}

fn canonical_uuids(array: &ArrayRef) -> Result<ArrayRef> {
    let texts = array.as_string_view();
    if texts.iter().flatten().all(is_canonical_uuid) {
        return Ok(Arc::clone(array));
    }
    let parsed = texts.iter().map(|text| text.map(|t| parse_uuid(t).map(|u| u.to_string())).transpose());
    Ok(Arc::new(parsed.collect::<Result<StringViewArray>>()?))
}

fn is_canonical_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn parse_uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| LakeError::BadValue { value: text.to_string(), ty: "uuid".to_string() })
}

/// Texts as the 16 bytes that Parquet stores.
pub(crate) fn uuid_bytes(array: &ArrayRef) -> Result<ArrayRef> {
    let parsed = array.as_string_view().iter().map(|text| text.map(parse_uuid).transpose());
    let parsed = parsed.collect::<Result<Vec<Option<Uuid>>>>()?;
    Ok(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(
        parsed.iter().map(|u| u.map(Uuid::into_bytes)),
        16,
    )?))
}

fn uuid_texts(array: &FixedSizeBinaryArray) -> ArrayRef {
    let texts = array.iter().map(|bytes| Some(Uuid::from_slice(bytes?).ok()?.to_string()));
    Arc::new(texts.collect::<StringViewArray>())
}

/// Casts what a file or an older version of the table holds to the column's type of today.
pub(crate) fn cast_column(array: &ArrayRef, column: &ColumnInfo) -> Result<ArrayRef> {
    let Some(wanted) = column.ty.arrow() else { return initial_values(column, array.len()) };
    if *array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    if let (LakeType::Uuid, DataType::FixedSizeBinary(16)) = (&column.ty, array.data_type()) {
        return Ok(uuid_texts(array.as_fixed_size_binary()));
    }
    Ok(cast_with_options(array, &wanted, &CastOptions { safe: false, ..CastOptions::default() })?)
}

/// Rows of the columns `from` as rows of the columns `to`: by id, cast where the type was widened, with the
/// initial default where the column is newer.
pub(crate) fn adapt(rows: &RecordBatch, from: &[ColumnInfo], to: &TableInfo) -> Result<RecordBatch> {
    batch(&to.schema, adapt_columns(rows, from, &to.columns)?, rows.num_rows())
}

/// The columns `to` for rows of the columns `from`: by id, cast where the type was widened, with the initial default
/// where the column is newer.
pub fn adapt_columns(rows: &RecordBatch, from: &[ColumnInfo], to: &[ColumnInfo]) -> Result<Vec<ArrayRef>> {
    let column = |wanted: &ColumnInfo| match from.iter().position(|c| c.id == wanted.id) {
        Some(at) => cast_column(rows.column(at), wanted),
        None => initial_values(wanted, rows.num_rows()),
    };
    to.iter().map(column).collect()
}

/// Text and blob arrays are views into buffers that may hold much more; this leaves only what is used.
pub(crate) fn compacted(rows: &RecordBatch) -> Result<RecordBatch> {
    let columns = rows.columns().iter().map(|array| match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()) as ArrayRef,
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()) as ArrayRef,
        _ => Arc::clone(array),
    });
    batch(&rows.schema(), columns.collect(), rows.num_rows())
}

/// Also right for batches without columns.
pub(crate) fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
