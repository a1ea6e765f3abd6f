//! Parts of text that is known to be json, as slices of it: nothing is copied on the way to a value.

use crate::{Result, SqlError};

/// What a value is, by how its text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Kind {
    pub(crate) fn of(text: &str) -> Self {
        match text.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::Number,
        }
    }

    /// Its name for `json_typeof`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Null => "null",
        }
    }

    pub(crate) fn is_scalar(self) -> bool {
        !matches!(self, Self::Object | Self::Array)
    }
}

/// The members of an object: keys as string literals, and values. None if it is no object.
pub(crate) fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = if Kind::of(text) == Kind::Object { &text[1..] } else { "" };
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([',', ' ', '\t', '\n', '\r']);
        if !rest.starts_with('"') {
            return None;
        }
        let key = take(&mut rest);
        rest = rest.trim_start().trim_start_matches(':').trim_start();
        Some((key, take(&mut rest)))
    })
}

/// The elements of an array. None if it is no array.
pub(crate) fn elements(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let mut rest = if Kind::of(text) == Kind::Array { &text[1..] } else { "]" };
    let mut all = vec![];
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t', '\n', '\r']);
        if rest.is_empty() || rest.starts_with(']') {
            return all.into_iter();
        }
        all.push(take(&mut rest));
    }
}

/// The value at the beginning of `rest`, which then begins after it.
fn take<'a>(rest: &mut &'a str) -> &'a str {
    let (value, after) = rest.split_at(length(rest));
    *rest = after;
    value
}

/// Bytes of the value that the text begins with.
fn length(text: &str) -> usize {
    match Kind::of(text) {
        Kind::String => string_length(text),
        Kind::Object | Kind::Array => {
            let (mut at, mut depth) = (0, 0);
            while let Some(byte) = text.as_bytes().get(at) {
                match byte {
                    b'"' => {
                        at += string_length(&text[at..]);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            at
        }
        _ => {
            let ends = |c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace();
            text.find(ends).unwrap_or(text.len())
        }
    }
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        if byte == b'"' && !escaped {
            return at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    text.len()
}

/// The string that a literal means.
pub(crate) fn unquoted(literal: &str) -> Result<String> {
    serde_json::from_str(literal).map_err(SqlError::internal)
}

/// Whether a literal means this string.
pub(crate) fn is_string(literal: &str, string: &str) -> bool {
    match literal.contains('\\') {
        true => unquoted(literal).is_ok_and(|s| s == string),
        false => literal.get(1..literal.len() - 1) == Some(string),
    }
}

/// The value under a key; of equal keys the last counts.
pub(crate) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    members(text).filter(|(k, _)| is_string(k, key)).last().map(|(_, value)| value)
}

/// The element at a place, from the end if it is negative.
pub(crate) fn element(text: &str, at: i64) -> Option<&str> {
    let mut elements = elements(text);
    match usize::try_from(at) {
        Ok(at) => elements.nth(at),
        Err(_) => elements.nth_back(usize::try_from(at.checked_add(1)?.unsigned_abs()).ok()?),
    }
}

/// What `->>` shows: a string without its quotes, nothing for null.
pub(crate) fn shown(value: &str) -> Result<Option<String>> {
    Ok(match Kind::of(value) {
        Kind::Null => None,
        Kind::String => {
            let string = unquoted(value)?;
            // PostgreSQL's text cannot hold it.
            super::form::quoted(&string)?;
            Some(string)
        }
        _ => Some(value.to_string()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn values_are_found() {
        let text = r#"{ "a" : [1, "x]", {"y": "}"} ], "b\"": true,"a":-2.5e1 , "n":null}"#;
        let keys: Vec<_> = members(text).collect();
        assert_eq!(keys.len(), 4);
        assert_eq!(keys[0], ("\"a\"", r#"[1, "x]", {"y": "}"} ]"#));
        assert_eq!(field(text, "a"), Some("-2.5e1"));
        assert_eq!(field(text, "b\""), Some("true"));
        assert_eq!(field(text, "c"), None);
        let array = keys[0].1;
        assert_eq!(elements(array).collect::<Vec<_>>(), ["1", "\"x]\"", r#"{"y": "}"}"#]);
        assert_eq!(element(array, -1), Some(r#"{"y": "}"}"#));
        assert_eq!(element(array, -4), None);
        assert_eq!(element(array, 3), None);
        assert_eq!(element(array, i64::MIN), None);
        assert_eq!(elements("[]").count() + elements("[ ]").count() + members("{}").count(), 0);
        assert_eq!(shown("null").unwrap(), None);
        assert_eq!(shown(r#""a\n""#).unwrap().unwrap(), "a\n");
        assert_eq!(shown("\"\\u0000\"").unwrap_err().code, "22P05");
    }
}
