//! Arrays as text: `{1,NULL,"b c"}`.

use super::cast::cast_column;
use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use std::sync::Arc;

/// Each array of a column as text.
pub(super) fn texts(column: &ArrayRef) -> Result<ArrayRef> {
    let lists = column.as_list::<i32>();
    let texts = lists.iter().map(|list| list.map(|list| text(&list)).transpose());
    Ok(Arc::new(texts.collect::<Result<StringViewArray>>()?))
}

fn text(elements: &ArrayRef) -> Result<String> {
    let nested = matches!(elements.data_type(), DataType::List(_));
    let texts = cast_column(elements, &DataType::Utf8View)?;
    let shown = texts.as_string_view().iter().map(|element| match element {
        None => "NULL".to_string(),
        Some("true" | "false") if *elements.data_type() == DataType::Boolean => {
            element.unwrap_or_default()[..1].to_string()
        }
        Some(text) if !nested && needs_quotes(text.as_bytes()) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        Some(text) => text.to_string(),
    });
    Ok(format!("{{{}}}", shown.collect::<Vec<_>>().join(",")))
}

/// Whether an element could be taken for something else without quotes around it.
pub fn needs_quotes(text: &[u8]) -> bool {
    let special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    text.is_empty() || text.eq_ignore_ascii_case(b"NULL") || text.iter().any(special)
}
