//! Parameters of a Bind message on their way in: from PostgreSQL's text or binary format to the values that statements
//! take.

mod array;
mod binary;
pub(crate) mod copy;
mod interval;
mod numeric;
mod text;

use crate::encode::Format;
use datafusion::common::ScalarValue;
use sluice_sql::Zone;
use sluice_sql::{SqlError, SqlType};

/// The value of a parameter; `bytes` is `None` for NULL.
pub(crate) fn parameter(
    ty: &SqlType,
    format: Format,
    bytes: Option<&[u8]>,
    zone: Zone,
) -> Result<ScalarValue, SqlError> {
    let Some(bytes) = bytes else { return null(ty) };
    match format {
        Format::Text => text::value(ty, utf8(bytes)?, zone),
        Format::Binary => binary::value(ty, bytes),
    }
}

/// The NULL of a type.
fn null(ty: &SqlType) -> Result<ScalarValue, SqlError> {
    match ty {
        SqlType::Unknown => Ok(ScalarValue::Utf8View(None)),
        other => ScalarValue::try_new_null(&other.arrow()).map_err(SqlError::from),
    }
}

/// Checks that bytes are text as PostgreSQL stores it.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, SqlError> {
    let invalid = |bytes: &[u8]| {
        let shown: Vec<String> = bytes.iter().take(4).map(|b| format!("0x{b:02x}")).collect();
        SqlError::new("22021", format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")))
    };
    let text = std::str::from_utf8(bytes).map_err(|e| invalid(&bytes[e.valid_up_to()..]))?;
    if text.contains('\0') { Err(invalid(b"\0")) } else { Ok(text) }
}

/// The error for a text that is no value of its type.
fn invalid_text(ty: &str, text: &str) -> SqlError {
    SqlError::new("22P02", format!("invalid input syntax for type {ty}: \"{text}\""))
}

/// A type's name as errors about values have it: without length, precision and scale.
fn plain_name(ty: &SqlType) -> String {
    match ty {
        SqlType::Numeric(_) => "numeric".into(),
        SqlType::Varchar(_) => "character varying".into(),
        other => other.name(),
    }
}

#[cfg(test)]
mod tests;
