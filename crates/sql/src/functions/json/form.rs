//! Text of json, which is kept as it is, and of jsonb, which has one form: keys by length and then by bytes, the last
//! of equal keys, numbers without exponents.

use super::parts::{Kind, elements, members, unquoted};
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
    normal_value(text.trim())
}

fn normal_value(text: &str) -> Result<String> {
    match Kind::of(text) {
        Kind::Object => {
            let mut all: Vec<(String, String)> = vec![];
            for (key, value) in members(text) {
                all.push((unquoted(key)?, normal_value(value)?));
            }
            object(all)
        }
        Kind::Array => Ok(array(elements(text).map(normal_value).collect::<Result<Vec<_>>>()?)),
        Kind::String => quoted(&unquoted(text)?),
        Kind::Number => number(text),
        Kind::Boolean | Kind::Null => Ok(text.to_string()),
    }
}

/// An object in its one form; the last of equal keys counts.
pub(crate) fn object(mut members: Vec<(String, String)>) -> Result<String> {
    // Stable, so that equal keys stay in their order.
    members.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    let last = |at: usize| members.get(at + 1).is_none_or(|next| next.0 != members[at].0);
    let kept = (0..members.len()).filter(|at| last(*at));
    let each = kept.map(|at| Ok(format!("{}: {}", quoted(&members[at].0)?, members[at].1)));
    Ok(format!("{{{}}}", each.collect::<Result<Vec<_>>>()?.join(", ")))
}

/// An array of values that have their form.
pub(crate) fn array(elements: Vec<String>) -> String {
    format!("[{}]", elements.join(", "))
}

/// A string as json writes it.
pub(crate) fn quoted(string: &str) -> Result<String> {
    if string.contains('\0') {
        return Err(SqlError::new("22P05", "unsupported Unicode escape sequence")
            .detail("\\u0000 cannot be converted to text."));
    }
    serde_json::to_string(string).map_err(SqlError::internal)
}

/// The longest exponent that is written out.
const MOST_ZEROS: usize = 1_000;

/// `1.5e3` is 1500, and -0 is 0.
fn number(text: &str) -> Result<String> {
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
