//! Whether a jsonb value holds another one, or a key.

use super::parts::{Kind, elements, is_string, members};

/// PostgreSQL's `@>`: an array holds a scalar too, but only outside of everything.
pub(crate) fn contains(whole: &str, part: &str) -> bool {
    match (Kind::of(whole), Kind::of(part)) {
        (Kind::Array, kind) if kind.is_scalar() => elements(whole).any(|e| equal(e, part)),
        _ => holds(whole, part),
    }
}

fn holds(whole: &str, part: &str) -> bool {
    match (Kind::of(whole), Kind::of(part)) {
        (Kind::Object, Kind::Object) => {
            members(part).all(|(key, value)| members(whole).any(|(k, v)| k == key && holds(v, value)))
        }
        (Kind::Array, Kind::Array) => elements(part).all(|e| elements(whole).any(|of| holds(of, e))),
        (a, b) if a.is_scalar() && a == b => equal(whole, part),
        _ => false,
    }
}

/// Scalars in their one form; numbers may differ in zeros at their end.
fn equal(a: &str, b: &str) -> bool {
    fn short(n: &str) -> &str {
        if n.contains('.') { n.trim_end_matches('0').trim_end_matches('.') } else { n }
    }
    match (Kind::of(a), Kind::of(b)) {
        (Kind::Number, Kind::Number) => short(a) == short(b),
        _ => a == b,
    }
}

/// Whether a string is a key of an object, an element of an array, or the value itself.
pub(crate) fn has_key(value: &str, key: &str) -> bool {
    match Kind::of(value) {
        Kind::Object => members(value).any(|(k, _)| is_string(k, key)),
        Kind::Array => elements(value).any(|e| Kind::of(e) == Kind::String && is_string(e, key)),
        Kind::String => is_string(value, key),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containment() {
        for (whole, part, expected) in [
            (r#"{"a": 1, "b": {"c": [1, 2]}}"#, r#"{"b": {"c": [2]}}"#, true),
            (r#"{"a": 1}"#, r#"{"a": 1.0}"#, true),
            (r#"{"a": 1}"#, r#"{"a": "1"}"#, false),
            (r#"["foo", "bar"]"#, r#""bar""#, true),
            (r#""bar""#, r#"["bar"]"#, false),
            ("[[1, 2], 3]", "[[1]]", true),
            ("[[1, 2], 3]", "[1]", false),
            ("[1, 2]", "[2, 2, 1]", true),
            ("[]", "[]", true),
            ("{}", "[]", false),
            ("10", "1", false),
        ] {
            assert_eq!(contains(whole, part), expected, "{whole} @> {part}");
        }
        assert!(has_key(r#"{"a\"b": 1}"#, "a\"b") && has_key(r#"["x"]"#, "x") && has_key(r#""x""#, "x"));
        assert!(!has_key("[1]", "1") && !has_key("1", "1"));
    }
}
