//! Values of every type as json.

use super::form::{checked, quoted};
use crate::functions::cast::cast_column;
use crate::{Result, SqlError, SqlType};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

/// Each value of a column as json, `None` for NULL.
pub(super) fn texts(column: &ArrayRef, ty: &SqlType) -> Result<Vec<Option<String>>> {
    if matches!(column.data_type(), DataType::List(_)) {
        // Arrays of arrays are of the same type.
        let element = |list: &ArrayRef| match ty {
            SqlType::Array(element) if !matches!(list.data_type(), DataType::List(_)) => element.as_ref().clone(),
            other => other.clone(),
        };
        let list = |list: ArrayRef| Ok(in_brackets(texts(&list, &element(&list))?, ","));
        return column.as_list::<i32>().iter().map(|l| l.map(list).transpose()).collect();
    }
    if *ty == SqlType::TimestampTz {
        return Err(SqlError::unsupported(
            "a timestamptz as json",
            "Say how it is written: to_char(t, 'YYYY-MM-DD\"T\"HH24:MI:SS'), or t::text.",
        ));
    }
    let text = match ty {
        SqlType::Unknown => return Ok(vec![None; column.len()]),
        _ => cast_column(column, &DataType::Utf8View).map_err(SqlError::from)?,
    };
    text.as_string_view().iter().map(|v| v.map(|v| written(v, ty)).transpose()).collect()
}

fn written(text: &str, ty: &SqlType) -> Result<String> {
    match ty {
        SqlType::Int2 | SqlType::Int4 | SqlType::Int8 | SqlType::Oid | SqlType::Numeric(_) => Ok(text.to_string()),
        SqlType::Float4 | SqlType::Float8 if text.ends_with(|c: char| c.is_ascii_digit()) => Ok(text.to_string()),
        SqlType::Bool => Ok(if text.starts_with('t') { "true" } else { "false" }.to_string()),
        SqlType::Json => checked(text),
        SqlType::Jsonb => Ok(text.to_string()),
        SqlType::Timestamp => quoted(&text.replacen(' ', "T", 1)),
        _ => quoted(text),
    }
}

pub(super) fn in_brackets(values: Vec<Option<String>>, comma: &str) -> String {
    let values = values.into_iter().map(|v| v.unwrap_or_else(|| "null".into())).collect::<Vec<_>>();
    format!("[{}]", values.join(comma))
}
