//! Result rows on their way out. A batch's columns are downcast once ([`column`]); then rows are written one after
//! another straight into the connection's output ([`row`], [`copy`]), in the text or the binary format.

pub(crate) mod array;
pub(crate) mod binary;
pub(crate) mod column;
pub(crate) mod copy;
pub(crate) mod float;
pub(crate) mod row;
pub(crate) mod text;

use sluice_sql::SqlError;

/// How values travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// As text.
    Text,
    /// In the type's own bytes.
    Binary,
}

impl Format {
    /// The format that a client names by its code.
    pub(crate) fn from_code(code: i16) -> Result<Self, SqlError> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(SqlError::new("22023", format!("unsupported format code: {code}"))),
        }
    }

    /// The code that names it.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// The formats of `count` values: none given means text, one is for all.
pub(crate) fn formats(codes: &[i16], count: usize) -> Option<Result<Vec<Format>, SqlError>> {
    match codes {
        [] => Some(Ok(vec![Format::Text; count])),
        [one] => Some(Format::from_code(*one).map(|f| vec![f; count])),
        all if all.len() == count => Some(all.iter().map(|c| Format::from_code(*c)).collect()),
        _ => None,
    }
}
