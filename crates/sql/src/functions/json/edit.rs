//! Joining jsonb values, and taking parts out.

use super::form::{array, object};
use super::parts::{Kind, element, elements, is_string, members, unquoted};
use crate::{Result, SqlError};

/// PostgreSQL's `||`: objects are united, everything else is joined as arrays.
pub(crate) fn join(left: &str, right: &str) -> Result<String> {
    if Kind::of(left) == Kind::Object && Kind::of(right) == Kind::Object {
        return unite(members(left).chain(members(right)));
    }
    Ok(array(one_by_one(left).into_iter().chain(one_by_one(right)).map(str::to_string).collect()))
}

fn one_by_one(value: &str) -> Vec<&str> {
    if Kind::of(value) == Kind::Array { elements(value).collect() } else { vec![value] }
}

fn unite<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Result<String> {
    object(members.map(|(key, value)| Ok((unquoted(key)?, value.to_string()))).collect::<Result<_>>()?)
}

/// Without a key, or the strings of an array that are these.
pub(crate) fn without(value: &str, keys: &[&str]) -> Result<String> {
    let is = |literal: &str| keys.iter().any(|key| is_string(literal, key));
    match Kind::of(value) {
        Kind::Object => unite(members(value).filter(|(key, _)| !is(key))),
        Kind::Array => {
            let stays = |e: &&str| Kind::of(e) != Kind::String || !is(e);
            Ok(array(elements(value).filter(stays).map(str::to_string).collect()))
        }
        _ => Err(SqlError::new("22023", "cannot delete from scalar")),
    }
}

/// Without the element at a place.
pub(crate) fn without_element(value: &str, at: i64) -> Result<String> {
    match Kind::of(value) {
        Kind::Object => Err(SqlError::new("22023", "cannot delete from object using integer index")),
        Kind::Array => {
            let gone = element(value, at).map(str::as_ptr);
            let stays = |e: &&str| Some(e.as_ptr()) != gone;
            Ok(array(elements(value).filter(stays).map(str::to_string).collect()))
        }
        _ => Err(SqlError::new("22023", "cannot delete from scalar")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn edits() {
        assert_eq!(join(r#"{"a": 1, "b": 2}"#, r#"{"a": 3}"#).unwrap(), r#"{"a": 3, "b": 2}"#);
        assert_eq!(join("[1]", r#"{"a": 1}"#).unwrap(), r#"[1, {"a": 1}]"#);
        assert_eq!(join("1", "2").unwrap(), "[1, 2]");
        assert_eq!(without(r#"{"a": 1, "b": 2}"#, &["a"]).unwrap(), r#"{"b": 2}"#);
        assert_eq!(without(r#"["a", 1, "a"]"#, &["a"]).unwrap(), "[1]");
        assert_eq!(without_element("[1, 1, 2]", -2).unwrap(), "[1, 2]");
        assert_eq!(without_element("[1]", 5).unwrap(), "[1]");
        assert_eq!(without("1", &["a"]).unwrap_err().code, "22023");
        assert_eq!(without_element("{}", 0).unwrap_err().code, "22023");
    }
}
