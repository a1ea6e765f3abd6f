//! A column of a batch, downcast once, whose cells are written as text or binary.

use crate::encode::{Format, array, binary, text};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray,
    LargeBinaryArray, LargeStringArray, ListArray, StringArray, StringViewArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNanoType, TimeUnit, TimestampMicrosecondType, UInt32Type,
};
use bytes::{BufMut, BytesMut};
use sluice_sql::Zone;
use sluice_sql::{SqlError, SqlType};
use std::sync::Arc;

/// What makes the NULL of a cell.
const NULL_LENGTH: i32 = -1;

/// A column of a batch.
pub(crate) struct Column {
    values: Values,
    nulls: Option<NullBuffer>,
    ty: SqlType,
    zone: Zone,
}

/// The values, by the Arrow types that carry SQL's.
enum Values {
    Null,
    Bool(BooleanArray),
    Int16(Int16Array),
    Int32(Int32Array),
    Int64(Int64Array),
    UInt32(UInt32Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal128(Decimal128Array, i8),
    Decimal256(Decimal256Array, i8),
    Utf8(StringArray),
    LargeUtf8(LargeStringArray),
    Utf8View(StringViewArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    Date(Date32Array),
    Timestamp(TimestampMicrosecondArray),
    Interval(IntervalMonthDayNanoArray),
    List(ListArray, Box<Column>),
}

impl Column {
    /// Downcasts an array that holds values of `ty`; one of another Arrow type is cast to the usual one first.
    pub(crate) fn new(ty: &SqlType, array: &ArrayRef, zone: Zone) -> Result<Self, SqlError> {
        let wanted = carrier(ty, array.data_type());
        let array = if *array.data_type() == wanted {
            ArrayRef::clone(array)
        } else {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, &wanted, &strict).map_err(SqlError::internal)?
        };
        let values = match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Bool(array.as_boolean().clone()),
            DataType::Int16 => Values::Int16(array.as_primitive::<Int16Type>().clone()),
            DataType::Int32 => Values::Int32(array.as_primitive::<Int32Type>().clone()),
            DataType::Int64 => Values::Int64(array.as_primitive::<Int64Type>().clone()),
            DataType::UInt32 => Values::UInt32(array.as_primitive::<UInt32Type>().clone()),
            DataType::Float32 => Values::Float32(array.as_primitive::<Float32Type>().clone()),
            DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>().clone()),
            DataType::Decimal128(_, scale) => {
                Values::Decimal128(array.as_primitive::<Decimal128Type>().clone(), *scale)
            }
            DataType::Decimal256(_, scale) => {
                Values::Decimal256(array.as_primitive::<Decimal256Type>().clone(), *scale)
            }
            DataType::Utf8 => Values::Utf8(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Values::LargeUtf8(array.as_string::<i64>().clone()),
            DataType::Utf8View => Values::Utf8View(array.as_string_view().clone()),
            DataType::Binary => Values::Binary(array.as_binary::<i32>().clone()),
            DataType::LargeBinary => Values::LargeBinary(array.as_binary::<i64>().clone()),
            DataType::BinaryView => Values::BinaryView(array.as_binary_view().clone()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>().clone())
            }
            DataType::Interval(_) => Values::Interval(array.as_primitive::<IntervalMonthDayNanoType>().clone()),
            DataType::List(_) => {
                let list = array.as_list::<i32>().clone();
                let child = Self::new(array::inner(ty, list.value_type()), list.values(), zone)?;
                Values::List(list, Box::new(child))
            }
            other => return Err(SqlError::internal(format!("a column of type {} holds {other}", ty.name()))),
        };
        // The Null type has no bitmap, and all of its values are NULL.
        let nulls = array.nulls().cloned();
        Ok(Self { values, nulls, ty: ty.clone(), zone })
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        match &self.nulls {
            Some(nulls) => nulls.is_null(row),
            None => matches!(self.values, Values::Null),
        }
    }

    /// The list in a row, as a range of the column below.
    pub(crate) fn list(&self, row: usize) -> Option<(&Column, std::ops::Range<usize>)> {
        let Values::List(list, child) = &self.values else { return None };
        let offsets = list.value_offsets();
        Some((child, offsets[row] as usize..offsets[row + 1] as usize))
    }

    /// The number of the type that the cells have in the end: that of an array's elements.
    pub(crate) fn element_oid(&self) -> u32 {
        match &self.values {
            Values::List(_, child) => child.element_oid(),
            _ => self.ty.oid(),
        }
    }

    /// Appends a cell: the length of its value and the value.
    pub(crate) fn cell(&self, out: &mut BytesMut, row: usize, format: Format) -> Result<(), SqlError> {
        if self.is_null(row) {
            out.put_i32(NULL_LENGTH);
            return Ok(());
        }
        let start = out.len();
        out.put_i32(0);
        match format {
            Format::Text => self.text(out, row),
            Format::Binary => self.binary(out, row)?,
        }
        let length = i32::try_from(out.len() - start - 4).map_err(|_| too_large())?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Appends the text of a value that is not NULL.
    pub(crate) fn text(&self, out: &mut BytesMut, row: usize) {
        match &self.values {
            Values::Null => {}
            Values::Bool(a) => text::bool(out, a.value(row)),
            Values::Int16(a) => text::integer(out, a.value(row)),
            Values::Int32(a) => text::integer(out, a.value(row)),
            Values::Int64(a) => text::integer(out, a.value(row)),
            Values::UInt32(a) => text::integer(out, a.value(row)),
            Values::Float32(a) => text::float4(out, a.value(row)),
            Values::Float64(a) => text::float8(out, a.value(row)),
            Values::Decimal128(a, scale) => {
                let value = a.value(row);
                let mut digits = itoa::Buffer::new();
                text::numeric(out, value < 0, digits.format(value.unsigned_abs()).as_bytes(), *scale);
            }
            Values::Decimal256(a, scale) => {
                let value = a.value(row).to_string();
                let digits = value.trim_start_matches('-');
                text::numeric(out, value.starts_with('-'), digits.as_bytes(), *scale);
            }
            Values::Utf8(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Values::LargeUtf8(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Values::Utf8View(a) => out.extend_from_slice(a.value(row).as_bytes()),
            Values::Binary(a) => text::bytea(out, a.value(row)),
            Values::LargeBinary(a) => text::bytea(out, a.value(row)),
            Values::BinaryView(a) => text::bytea(out, a.value(row)),
            Values::Date(a) => text::date(out, a.value(row)),
            Values::Timestamp(a) if self.ty == SqlType::TimestampTz => text::timestamptz(out, a.value(row), self.zone),
            Values::Timestamp(a) => text::timestamp(out, a.value(row)),
            Values::Interval(a) => {
                let value = a.value(row);
                // Writing into memory doesn't fail.
                let _ = sluice_sql::write_interval(out, value.months, value.days, value.nanoseconds / 1_000);
            }
            Values::List(_, _) => array::text(out, self, row),
        }
    }

    /// Appends the bytes of a value that is not NULL.
    fn binary(&self, out: &mut BytesMut, row: usize) -> Result<(), SqlError> {
        match &self.values {
            Values::Null => {}
            Values::Bool(a) => out.put_u8(a.value(row).into()),
            Values::Int16(a) => out.put_i16(a.value(row)),
            Values::Int32(a) => out.put_i32(a.value(row)),
            Values::Int64(a) => out.put_i64(a.value(row)),
            Values::UInt32(a) => out.put_u32(a.value(row)),
            Values::Float32(a) => out.put_f32(a.value(row)),
            Values::Float64(a) => out.put_f64(a.value(row)),
            Values::Decimal128(a, scale) => {
                let value = a.value(row);
                let mut digits = itoa::Buffer::new();
                binary::numeric(out, value < 0, digits.format(value.unsigned_abs()).as_bytes(), *scale);
            }
            Values::Decimal256(a, scale) => {
                let value = a.value(row).to_string();
                let digits = value.trim_start_matches('-');
                binary::numeric(out, value.starts_with('-'), digits.as_bytes(), *scale);
            }
            Values::Utf8(a) => self.binary_string(out, a.value(row))?,
            Values::LargeUtf8(a) => self.binary_string(out, a.value(row))?,
            Values::Utf8View(a) => self.binary_string(out, a.value(row))?,
            Values::Binary(a) => out.put_slice(a.value(row)),
            Values::LargeBinary(a) => out.put_slice(a.value(row)),
            Values::BinaryView(a) => out.put_slice(a.value(row)),
            Values::Date(a) => out.put_i32(binary::date(a.value(row)).ok_or_else(|| out_of_range("date"))?),
            Values::Timestamp(a) => {
                out.put_i64(binary::timestamp(a.value(row)).ok_or_else(|| out_of_range("timestamp"))?);
            }
            Values::Interval(a) => {
                let value = a.value(row);
                binary::interval(out, value.months, value.days, value.nanoseconds / 1_000);
            }
            Values::List(_, _) => array::binary(out, self, row)?,
        }
        Ok(())
    }

    /// Types that Arrow carries as text have binary formats of their own.
    fn binary_string(&self, out: &mut BytesMut, value: &str) -> Result<(), SqlError> {
        match &self.ty {
            SqlType::Uuid => {
                let bytes = binary::uuid(value);
                out.put_slice(&bytes.ok_or_else(|| SqlError::internal(format!("not a uuid: \"{value}\"")))?);
            }
            SqlType::Jsonb => {
                out.put_u8(1);
                out.put_slice(value.as_bytes());
            }
            SqlType::Char => out.put_u8(value.as_bytes().first().copied().unwrap_or(0)),
            SqlType::Regclass => {
                let oid = value.parse::<u32>().map_err(|_| {
                    SqlError::unsupported("the binary format of regclass", "Ask for text format, or cast to text.")
                })?;
                out.put_u32(oid);
            }
            SqlType::Int2Vector => binary::int2vector(out, value)
                .ok_or_else(|| SqlError::internal(format!("not an int2vector: \"{value}\"")))?,
            SqlType::Record => {
                return Err(SqlError::unsupported("the binary format of a row", "Select its columns one by one."));
            }
            _ => out.put_slice(value.as_bytes()),
        }
        Ok(())
    }
}

/// The Arrow type in which a column is written: `actual` where that can carry the type, else the usual one.
fn carrier(ty: &SqlType, actual: &DataType) -> DataType {
    let is_text = matches!(actual, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match (ty, actual) {
        (_, DataType::Null) => DataType::Null,
        (SqlType::Numeric(_), DataType::Decimal128(_, _) | DataType::Decimal256(_, _)) => actual.clone(),
        (SqlType::Bytea, DataType::Binary | DataType::LargeBinary | DataType::BinaryView) => actual.clone(),
        (SqlType::Timestamp | SqlType::TimestampTz, DataType::Timestamp(TimeUnit::Microsecond, _)) => actual.clone(),
        (SqlType::Array(element), DataType::List(field)) => {
            let inner = match field.data_type() {
                DataType::List(_) => carrier(ty, field.data_type()),
                other => carrier(element, other),
            };
            DataType::List(Arc::new(Field::new(field.name(), inner, field.is_nullable())))
        }
        (SqlType::Oid, _) => DataType::UInt32,
        (SqlType::Unknown, _) if !is_text => DataType::Utf8View,
        (SqlType::Unknown, _) => actual.clone(),
        _ if is_text && ty.arrow() == DataType::Utf8View => actual.clone(),
        _ => ty.arrow(),
    }
}

fn too_large() -> SqlError {
    SqlError::new("54000", "a value is too large to be sent")
}

fn out_of_range(what: &str) -> SqlError {
    SqlError::new("22008", format!("{what} out of range"))
}

#[cfg(test)]
mod tests;
