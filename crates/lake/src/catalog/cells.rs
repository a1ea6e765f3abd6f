//! Column values to and from the cells of inlined-data tables.
//!
//! Integers and booleans are INTEGER, blobs BLOB, everything else TEXT in DuckDB's form; NULL is NULL.

use crate::types::{ColumnInfo, LakeType};
use crate::{LakeError, Result, text};
use arrow::array::types::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray, BooleanBuilder, Date32Array,
    Date32Builder, Decimal128Array, Decimal128Builder, Float32Array, Float32Builder, Float64Array, Float64Builder,
    Int16Array, Int16Builder, Int32Array, Int32Builder, Int64Array, Int64Builder, NullArray, StringViewArray,
    StringViewBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::Decimal128Type;
use rusqlite::Statement;
use rusqlite::types::{Null, ValueRef};
use std::sync::Arc;

/// A column to write, with its type resolved once.
pub(crate) enum CellColumn<'a> {
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Decimal(&'a Decimal128Array, i8),
    Text(&'a StringViewArray),
    Blob(&'a BinaryViewArray),
    Boolean(&'a BooleanArray),
    Date(&'a Date32Array),
    Timestamp(&'a TimestampMicrosecondArray),
    TimestampTz(&'a TimestampMicrosecondArray),
}

impl<'a> CellColumn<'a> {
    /// `array` has the type that `ty` says, which the caller has checked; `None` for unsupported types.
    pub(crate) fn new(ty: &LakeType, array: &'a ArrayRef) -> Option<Self> {
        Some(match ty {
            LakeType::Int16 => Self::Int16(array.as_primitive_opt::<Int16Type>()?),
            LakeType::Int32 => Self::Int32(array.as_primitive_opt::<Int32Type>()?),
            LakeType::Int64 => Self::Int64(array.as_primitive_opt::<Int64Type>()?),
            LakeType::Float32 => Self::Float32(array.as_primitive_opt::<Float32Type>()?),
            LakeType::Float64 => Self::Float64(array.as_primitive_opt::<Float64Type>()?),
            LakeType::Decimal { scale, .. } => Self::Decimal(array.as_primitive_opt::<Decimal128Type>()?, *scale),
            LakeType::Varchar | LakeType::Json | LakeType::Uuid => Self::Text(array.as_string_view_opt()?),
            LakeType::Blob => Self::Blob(array.as_binary_view_opt()?),
            LakeType::Boolean => Self::Boolean(array.as_boolean_opt()?),
            LakeType::Date => Self::Date(array.as_primitive_opt::<Date32Type>()?),
            LakeType::Timestamp => Self::Timestamp(array.as_primitive_opt::<TimestampMicrosecondType>()?),
            LakeType::TimestampTz => Self::TimestampTz(array.as_primitive_opt::<TimestampMicrosecondType>()?),
            LakeType::Other(_) => return None,
        })
    }

    /// Binds the value of `row` to parameter `index` (from 1).
    pub(crate) fn bind(&self, row: usize, index: usize, to: &mut Statement<'_>) -> rusqlite::Result<()> {
        if self.array().is_null(row) {
            return to.raw_bind_parameter(index, Null);
        }
        match self {
            Self::Int16(a) => to.raw_bind_parameter(index, a.value(row)),
            Self::Int32(a) => to.raw_bind_parameter(index, a.value(row)),
            Self::Int64(a) => to.raw_bind_parameter(index, a.value(row)),
            Self::Float32(a) => to.raw_bind_parameter(index, text::float(a.value(row))),
            Self::Float64(a) => to.raw_bind_parameter(index, text::float(a.value(row))),
            Self::Decimal(a, scale) => to.raw_bind_parameter(index, text::decimal(a.value(row), *scale)),
            Self::Text(a) => to.raw_bind_parameter(index, a.value(row)),
            Self::Blob(a) => to.raw_bind_parameter(index, a.value(row)),
            Self::Boolean(a) => to.raw_bind_parameter(index, i64::from(a.value(row))),
            Self::Date(a) => to.raw_bind_parameter(index, text::date(a.value(row))),
            Self::Timestamp(a) => to.raw_bind_parameter(index, text::timestamp(a.value(row))),
            Self::TimestampTz(a) => to.raw_bind_parameter(index, text::timestamptz(a.value(row))),
        }
    }

    /// The value of `row` as DuckDB writes it for a default; `None` for NULL, and for blobs.
    fn text(&self, row: usize) -> Option<String> {
        if self.array().is_null(row) {
            return None;
        }
        Some(match self {
            Self::Int16(a) => a.value(row).to_string(),
            Self::Int32(a) => a.value(row).to_string(),
            Self::Int64(a) => a.value(row).to_string(),
            Self::Float32(a) => text::float(a.value(row)),
            Self::Float64(a) => text::float(a.value(row)),
            Self::Decimal(a, scale) => text::decimal(a.value(row), *scale),
            Self::Text(a) => a.value(row).to_string(),
            Self::Blob(_) => return None,
            Self::Boolean(a) => a.value(row).to_string(),
            Self::Date(a) => text::date(a.value(row)),
            Self::Timestamp(a) => text::timestamp(a.value(row)),
            Self::TimestampTz(a) => text::timestamptz(a.value(row)),
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Int16(a) => a,
            Self::Int32(a) => a,
            Self::Int64(a) => a,
            Self::Float32(a) => a,
            Self::Float64(a) => a,
            Self::Decimal(a, _) => a,
            Self::Text(a) => a,
            Self::Blob(a) => a,
            Self::Boolean(a) => a,
            Self::Date(a) => a,
            Self::Timestamp(a) | Self::TimestampTz(a) => a,
        }
    }
}

/// Collects the cells of one column into an array. It takes the text form of every type, too.
pub(crate) enum CellBuilder {
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, i8),
    Text(StringViewBuilder),
    Blob(BinaryViewBuilder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    /// An unsupported type: only the number of rows.
    Other(usize),
}

impl CellBuilder {
    pub(crate) fn new(ty: &LakeType) -> Self {
        match ty {
            LakeType::Int16 => Self::Int16(Int16Builder::new()),
            LakeType::Int32 => Self::Int32(Int32Builder::new()),
            LakeType::Int64 => Self::Int64(Int64Builder::new()),
            LakeType::Float32 => Self::Float32(Float32Builder::new()),
            LakeType::Float64 => Self::Float64(Float64Builder::new()),
            LakeType::Decimal { precision, scale } => {
                let ty = arrow::datatypes::DataType::Decimal128(*precision, *scale);
                Self::Decimal(Decimal128Builder::new().with_data_type(ty), *scale)
            }
            LakeType::Varchar | LakeType::Json | LakeType::Uuid => Self::Text(StringViewBuilder::new()),
            LakeType::Blob => Self::Blob(BinaryViewBuilder::new()),
            LakeType::Boolean => Self::Boolean(BooleanBuilder::new()),
            LakeType::Date => Self::Date(Date32Builder::new()),
            LakeType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            LakeType::TimestampTz => Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            LakeType::Other(_) => Self::Other(0),
        }
    }

    /// Adds a cell; `None` if it is no value of the type.
    fn try_append(&mut self, cell: ValueRef<'_>) -> Option<()> {
        if cell == ValueRef::Null {
            self.append_null();
            return Some(());
        }
        match self {
            Self::Int16(b) => b.append_value(integer(cell)?.try_into().ok()?),
            Self::Int32(b) => b.append_value(integer(cell)?.try_into().ok()?),
            Self::Int64(b) => b.append_value(integer(cell)?),
            Self::Float32(b) => b.append_value(number(cell, str::parse)?),
            Self::Float64(b) => b.append_value(number(cell, str::parse)?),
            Self::Decimal(b, scale) => b.append_value(match cell {
                ValueRef::Integer(i) => i128::from(i).checked_mul(10i128.checked_pow(*scale as u32)?)?,
                _ => text::parse_decimal(string(cell)?, *scale)?,
            }),
            Self::Text(b) => b.append_value(string(cell)?),
            Self::Blob(b) => match cell {
                ValueRef::Blob(bytes) => b.append_value(bytes),
                _ => b.append_value(text::parse_blob(string(cell)?)?),
            },
            Self::Boolean(b) => b.append_value(match cell {
                ValueRef::Integer(i) => i != 0,
                _ => string(cell)?.parse().ok()?,
            }),
            Self::Date(b) => b.append_value(text::parse_date(string(cell)?)?),
            Self::Timestamp(b) => b.append_value(text::parse_timestamp(string(cell)?)?),
            Self::Other(rows) => *rows += 1,
        }
        Some(())
    }

    /// Adds a cell of `column`.
    pub(crate) fn append(&mut self, cell: ValueRef<'_>, column: &ColumnInfo) -> Result<()> {
        self.try_append(cell).ok_or_else(|| LakeError::BadValue { value: describe(cell), ty: column.ty.name() })
    }

    fn append_null(&mut self) {
        match self {
            Self::Int16(b) => b.append_null(),
            Self::Int32(b) => b.append_null(),
            Self::Int64(b) => b.append_null(),
            Self::Float32(b) => b.append_null(),
            Self::Float64(b) => b.append_null(),
            Self::Decimal(b, _) => b.append_null(),
            Self::Text(b) => b.append_null(),
            Self::Blob(b) => b.append_null(),
            Self::Boolean(b) => b.append_null(),
            Self::Date(b) => b.append_null(),
            Self::Timestamp(b) => b.append_null(),
            Self::Other(rows) => *rows += 1,
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Int16(mut b) => Arc::new(b.finish()),
            Self::Int32(mut b) => Arc::new(b.finish()),
            Self::Int64(mut b) => Arc::new(b.finish()),
            Self::Float32(mut b) => Arc::new(b.finish()),
            Self::Float64(mut b) => Arc::new(b.finish()),
            Self::Decimal(mut b, _) => Arc::new(b.finish()),
            Self::Text(mut b) => Arc::new(b.finish()),
            Self::Blob(mut b) => Arc::new(b.finish()),
            Self::Boolean(mut b) => Arc::new(b.finish()),
            Self::Date(mut b) => Arc::new(b.finish()),
            Self::Timestamp(mut b) => Arc::new(b.finish()),
            Self::Other(rows) => Arc::new(NullArray::new(rows)),
        }
    }
}

fn string(cell: ValueRef<'_>) -> Option<&str> {
    cell.as_str().ok()
}

fn integer(cell: ValueRef<'_>) -> Option<i64> {
    match cell {
        ValueRef::Integer(i) => Some(i),
        _ => string(cell)?.parse().ok(),
    }
}

fn number<T: std::str::FromStr>(cell: ValueRef<'_>, parse: fn(&str) -> Result<T, T::Err>) -> Option<T> {
    match cell {
        ValueRef::Integer(i) => parse(&i.to_string()).ok(),
        ValueRef::Real(r) => parse(&r.to_string()).ok(),
        _ => parse(string(cell)?).ok(),
    }
}

fn describe(cell: ValueRef<'_>) -> String {
    match cell {
        ValueRef::Null => "NULL".to_string(),
        ValueRef::Integer(i) => i.to_string(),
        ValueRef::Real(r) => r.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The text under which a catalog can hold the one value of `array` as the default of a column; `None` for NULL and
/// for values that no text stands for there.
pub fn default_text(ty: &LakeType, array: &ArrayRef) -> Option<String> {
    let text = CellColumn::new(ty, array).filter(|_| !array.is_empty())?.text(0)?;
    // The text NULL would be read as no value.
    (text != "NULL").then_some(text)
}

/// `rows` copies of the value that rows older than `column` have in it.
pub(crate) fn initial_values(column: &ColumnInfo, rows: usize) -> Result<ArrayRef> {
    let mut one = CellBuilder::new(&column.ty);
    let cell = column.initial_default.as_deref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()));
    one.append(cell, column)?;
    let one = one.finish();
    if one.is_null(0) {
        return Ok(arrow::array::new_null_array(one.data_type(), rows));
    }
    let indices = arrow::array::UInt32Array::from_value(0, rows);
    Ok(arrow::compute::take(&one, &indices, None)?)
}
