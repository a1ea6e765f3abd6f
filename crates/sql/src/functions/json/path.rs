//! Paths into a value: keys and places.

use super::parts::{Kind, element, field};
use crate::{Result, SqlError};

/// The value at the end of a path.
pub(crate) fn at<'a>(mut value: &'a str, path: &[Option<String>]) -> Option<&'a str> {
    for step in path {
        let step = step.as_deref()?;
        value = match Kind::of(value) {
            Kind::Object => field(value, step)?,
            Kind::Array => element(value, step.trim().parse().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// The path in text such as `{a,0,"b c"}`.
pub(crate) fn parse(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = |why: &str| SqlError::new("22P02", format!("malformed array literal: \"{text}\"")).detail(why);
    let inner = text.trim().strip_prefix('{').ok_or_else(|| malformed("Array value must start with \"{\"."))?;
    let inner = inner.strip_suffix('}').ok_or_else(|| malformed("Unexpected end of input."))?;
    if inner.trim().is_empty() {
        return Ok(vec![]);
    }
    let (mut steps, mut step, mut quoted, mut inside) = (vec![], String::new(), false, false);
    let mut chars = inner.chars();
    let mut finish = |step: &mut String, quoted: &mut bool| {
        let text = if *quoted { std::mem::take(step) } else { std::mem::take(step).trim().to_string() };
        let null = !*quoted && text.eq_ignore_ascii_case("null");
        if text.is_empty() && !*quoted {
            return Err(malformed("Unexpected \",\" character."));
        }
        steps.push((!null).then_some(text));
        *quoted = false;
        Ok(())
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' => step.extend(chars.next()),
            '"' => {
                inside = !inside;
                quoted = true;
            }
            ',' if !inside => finish(&mut step, &mut quoted)?,
            '{' | '}' if !inside => return Err(malformed("A path has one dimension.")),
            c => step.push(c),
        }
    }
    finish(&mut step, &mut quoted)?;
    if inside { Err(malformed("Unexpected end of input.")) } else { Ok(steps) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let some = |s: &[&str]| s.iter().map(|s| Some((*s).to_string())).collect::<Vec<_>>();
        assert_eq!(parse("{}").unwrap(), some(&[]));
        assert_eq!(parse("{a, 1 ,\"b, \\\"c\"}").unwrap(), some(&["a", "1", "b, \"c"]));
        assert_eq!(parse("{null}").unwrap(), [None]);
        for text in ["a", "{a", "{a,}", "{\"a}", "{{a}}"] {
            assert_eq!(parse(text).unwrap_err().code, "22P02", "{text}");
        }
        let value = r#"{"a": [10, {"b": 2}]}"#;
        assert_eq!(at(value, &some(&["a", "-1", "b"])), Some("2"));
        assert_eq!(at(value, &some(&["a", "x"])), None);
        assert_eq!(at(value, &some(&["a", "0", "b"])), None);
        assert_eq!(at(value, &some(&[])), Some(value));
        assert_eq!(at(value, &[None]), None);
    }
}
