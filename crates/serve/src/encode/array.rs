//! Arrays: `{a,NULL,"b c"}` as text; dimensions and elements in binary. A list of lists is an array of two dimensions.

use crate::encode::Format;
use crate::encode::column::Column;
use arrow::datatypes::DataType;
use bytes::{BufMut, BytesMut};
use sluice_sql::{SqlError, SqlType};
use std::ops::Range;

/// The type below an array: its element, unless there is one more dimension.
pub(crate) fn inner(ty: &SqlType, values: DataType) -> &SqlType {
    match ty {
        SqlType::Array(element) if !matches!(values, DataType::List(_)) => element,
        _ => ty,
    }
}

/// Appends the text of the array in a row.
pub(crate) fn text(out: &mut BytesMut, column: &Column, row: usize) {
    let Some((below, elements)) = column.list(row) else { return };
    out.put_u8(b'{');
    for (i, element) in elements.enumerate() {
        if i > 0 {
            out.put_u8(b',');
        }
        if below.is_null(element) {
            out.put_slice(b"NULL");
            continue;
        }
        let start = out.len();
        below.text(out, element);
        if below.list(element).is_none() && sluice_sql::needs_quotes(&out[start..]) {
            let plain = out[start..].to_vec();
            out.truncate(start);
            out.put_u8(b'"');
            for byte in &plain {
                if matches!(byte, b'"' | b'\\') {
                    out.put_u8(b'\\');
                }
                out.put_u8(*byte);
            }
            out.put_u8(b'"');
        }
    }
    out.put_u8(b'}');
}

/// Appends the bytes of the array in a row.
pub(crate) fn binary(out: &mut BytesMut, column: &Column, row: usize) -> Result<(), SqlError> {
    let Some((below, elements)) = column.list(row) else { return Ok(()) };
    let dimensions = dimensions(below, elements.clone());
    let is_empty = dimensions.contains(&0);
    out.put_i32(if is_empty { 0 } else { dimensions.len() as i32 });
    let flags = out.len();
    out.put_i32(0);
    out.put_u32(column.element_oid());
    if is_empty {
        return Ok(());
    }
    for size in &dimensions {
        out.put_i32(i32::try_from(*size).map_err(SqlError::internal)?);
        out.put_i32(1);
    }
    if write(out, below, elements, &dimensions)? {
        out[flags..flags + 4].copy_from_slice(&1i32.to_be_bytes());
    }
    Ok(())
}

/// How many elements each dimension has, going by the first ones.
fn dimensions(mut column: &Column, mut elements: Range<usize>) -> Vec<usize> {
    let mut sizes = vec![elements.len()];
    while !elements.is_empty()
        && let Some((below, first)) = column.list(elements.start)
    {
        sizes.push(first.len());
        (column, elements) = (below, first);
    }
    sizes
}

/// Writes elements of all dimensions; returns whether one was NULL.
fn write(out: &mut BytesMut, column: &Column, elements: Range<usize>, sizes: &[usize]) -> Result<bool, SqlError> {
    if sizes.first() != Some(&elements.len()) {
        return Err(SqlError::new("2202E", "multidimensional arrays must have sub-arrays with matching dimensions"));
    }
    let mut has_null = false;
    for element in elements {
        match column.list(element) {
            Some((below, inner)) => has_null |= write(out, below, inner, &sizes[1..])?,
            None => {
                has_null |= column.is_null(element);
                column.cell(out, element, Format::Binary)?;
            }
        }
    }
    Ok(has_null)
}
