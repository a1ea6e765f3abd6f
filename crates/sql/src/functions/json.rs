//! Text of json, which is kept as it is, and of jsonb, which has one form: keys by length and then by bytes, the last
//! of equal keys, numbers without exponents.

use crate::{Result, SqlError};
use serde::de::IgnoredAny;

/// The text itself, if it is json.
pub(crate) fn checked(text: &str) -> Result<String> {
    let invalid =
        |e: serde_json::Error| SqlError::new("22P02", "invalid input syntax for type json").detail(e.to_string());
    serde_json::from_str::<IgnoredAny>(text).map_err(invalid)?;
    Ok(text.to_string())
}

/// The text as jsonb shows it.
pub(crate) fn normal(text: &str) -> Result<String> {
    checked(text)?;
    Walk { rest: text }.value()
}

/// Walks through text that is known to be json, no deeper than the check went.
struct Walk<'a> {
    rest: &'a str,
}

impl Walk<'_> {
    fn value(&mut self) -> Result<String> {
        self.rest = self.rest.trim_start();
        match self.rest.as_bytes().first() {
            Some(b'{') => {
                let mut members: Vec<(String, String)> = vec![];
                self.items('}', |walk| {
                    let key = walk.string()?;
                    walk.rest = walk.rest.trim_start().trim_start_matches(':');
                    let value = walk.value()?;
                    members.retain(|(k, _)| *k != key);
                    members.push((key, value));
                    Ok(())
                })?;
                members.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
                let members = members.iter().map(|(key, value)| Ok(format!("{}: {value}", quoted(key)?)));
                Ok(format!("{{{}}}", members.collect::<Result<Vec<_>>>()?.join(", ")))
            }
            Some(b'[') => {
                let mut elements = vec![];
                self.items(']', |walk| {
                    elements.push(walk.value()?);
                    Ok(())
                })?;
                Ok(format!("[{}]", elements.join(", ")))
            }
            Some(b'"') => quoted(&self.string()?),
            _ => {
                let ends = |c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace();
                let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
                self.rest = rest;
                number_or_word(word)
            }
        }
    }

    /// Takes what stands between brackets, which `item` takes one by one.
    fn items(&mut self, end: char, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.rest = self.rest[1..].trim_start();
        while !self.rest.is_empty() {
            if let Some(rest) = self.rest.strip_prefix(end) {
                self.rest = rest;
                return Ok(());
            }
            item(self)?;
            self.rest = self.rest.trim_start();
            self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest).trim_start();
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String> {
        self.rest = self.rest.trim_start();
        let mut escaped = false;
        let closing = self.rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let (literal, rest) = self.rest.split_at(closing.map_or(self.rest.len(), |(at, _)| at + 1));
        self.rest = rest;
        serde_json::from_str(literal).map_err(SqlError::internal)
    }
}

fn quoted(string: &str) -> Result<String> {
    if string.contains('\0') {
        return Err(SqlError::new("22P05", "unsupported Unicode escape sequence")
            .detail("\\u0000 cannot be converted to text."));
    }
    serde_json::to_string(string).map_err(SqlError::internal)
}

/// The longest exponent that is written out.
const MOST_ZEROS: usize = 1_000;

/// `1.5e3` is 1500, and -0 is 0.
fn number_or_word(text: &str) -> Result<String> {
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Ok(text.to_string());
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |d| ("-", d));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let far = || SqlError::new("22003", "value overflows numeric format");
    let exponent: i32 = exponent.parse().map_err(|_| far())?;
    if exponent.unsigned_abs() as usize > MOST_ZEROS {
        return Err(far());
    }
    let mut all = format!("{whole}{fraction}");
    let mut point = whole.len() as i32 + exponent;
    if point <= 0 {
        all.insert_str(0, &"0".repeat((1 - point) as usize));
        point = 1;
    }
    let point = point as usize;
    if all.len() < point {
        all.push_str(&"0".repeat(point - all.len()));
    }
    let (whole, fraction) = all.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if all.bytes().all(|b| b == b'0') { "" } else { sign };
    let dot = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{dot}{fraction}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        for (text, expected) in [
            (
                r#" {"b":1,"aa":{"y":[1,2.50,-0],"x":null},"b":"\u00e9\n"} "#,
                r#"{"b": "é\n", "aa": {"x": null, "y": [1, 2.50, 0]}}"#,
            ),
            ("[]", "[]"),
            ("{}", "{}"),
            ("1.5e3", "1500"),
            ("12E-3", "0.012"),
            ("-0.0", "0.0"),
            ("true", "true"),
        ] {
            assert_eq!(normal(text).unwrap(), expected);
        }
        for text in ["", "{", "{a:1}", "nul", "[1,]", "1 2", "01"] {
            assert_eq!(normal(text).unwrap_err().code, "22P02", "{text}");
            assert_eq!(checked(text).unwrap_err().code, "22P02", "{text}");
        }
        assert_eq!(normal(r#""\u0000""#).unwrap_err().code, "22P05");
    }
}
