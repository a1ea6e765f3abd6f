use arrow::array::{
    Array, ArrayRef, BooleanArray, Float32Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray,
    ListArray, StringViewArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, IntervalMonthDayNano};
use datafusion::common::ScalarValue;
use sluice_sql::{Result, SqlType};
use std::sync::Arc;

/// A value of the catalog, of whatever type its column says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Cell>),
}

impl Cell {
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(v) => Some(*v),
            Self::Text(t) => t.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(t) => Some(t),
            _ => None,
        }
    }

    pub(super) fn of_option<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }

    pub(super) fn of_scalar(value: &ScalarValue) -> Self {
        if value.is_null() {
            return Self::Null;
        }
        match value {
            ScalarValue::Boolean(Some(v)) => Self::Bool(*v),
            ScalarValue::List(list) => {
                let values = list.value(0);
                let cell = |i| ScalarValue::try_from_array(&values, i).map_or(Self::Null, |v| Self::of_scalar(&v));
                Self::List((0..values.len()).map(cell).collect())
            }
            other => {
                let text = other.try_as_str().flatten().map_or_else(|| other.to_string(), str::to_string);
                match other.data_type().is_integer().then(|| text.parse().ok()).flatten() {
                    Some(number) => Self::Int(number),
                    None => Self::Text(text),
                }
            }
        }
    }
}

impl From<&str> for Cell {
    fn from(v: &str) -> Self {
        Self::Text(v.to_string())
    }
}

impl From<String> for Cell {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}

impl From<i64> for Cell {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<bool> for Cell {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl<T: Into<Cell>> From<Vec<T>> for Cell {
    fn from(v: Vec<T>) -> Self {
        Self::List(v.into_iter().map(Into::into).collect())
    }
}

/// A column of these values.
pub(super) fn column(ty: &SqlType, cells: &[Cell]) -> Result<ArrayRef> {
    let ints = || cells.iter().map(Cell::int);
    Ok(match ty {
        SqlType::Bool => {
            let bool = |c: &Cell| match c {
                Cell::Bool(v) => Some(*v),
                _ => None,
            };
            Arc::new(cells.iter().map(bool).collect::<BooleanArray>())
        }
        SqlType::Int2 => Arc::new(ints().map(|v| v.and_then(|v| i16::try_from(v).ok())).collect::<Int16Array>()),
        SqlType::Int4 => Arc::new(ints().map(|v| v.and_then(|v| i32::try_from(v).ok())).collect::<Int32Array>()),
        SqlType::Int8 | SqlType::Oid => Arc::new(ints().collect::<Int64Array>()),
        SqlType::Float4 => Arc::new(ints().map(|v| v.map(|v| v as f32)).collect::<Float32Array>()),
        SqlType::Interval => {
            let interval = |micros: i64| IntervalMonthDayNano::new(0, 0, micros.saturating_mul(1_000));
            Arc::new(ints().map(|v| v.map(interval)).collect::<IntervalMonthDayNanoArray>())
        }
        SqlType::Array(element) => {
            let mut values: Vec<Cell> = vec![];
            let mut lengths = vec![];
            for cell in cells {
                let items: &[Cell] = match cell {
                    Cell::List(items) => items,
                    _ => &[],
                };
                values.extend_from_slice(items);
                lengths.push(items.len());
            }
            let nulls: NullBuffer = cells.iter().map(|c| *c != Cell::Null).collect::<Vec<bool>>().into();
            let field = Arc::new(Field::new_list_field(element.arrow(), true));
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::try_new(field, offsets, column(element, &values)?, Some(nulls))?)
        }
        other if other.arrow() == arrow::datatypes::DataType::Utf8View => {
            Arc::new(cells.iter().map(Cell::text).collect::<StringViewArray>())
        }
        other => new_null_array(&other.arrow(), cells.len()),
    })
}
