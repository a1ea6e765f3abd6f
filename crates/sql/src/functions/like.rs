//! LIKE with a pattern that could end in its escape character, which is an error where a text gets that far. All other
//! patterns are Arrow's.

use super::arithmetic::coded;
use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Like, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// Whether the pattern may be unfinished, as far as the query says.
pub(super) fn is_ours(like: &Like) -> bool {
    let unfinished = |p: &str| p.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
    like.escape_char.is_none()
        && match like.pattern.as_ref() {
            Expr::Literal(ScalarValue::Utf8(p) | ScalarValue::Utf8View(p) | ScalarValue::LargeUtf8(p), _) => {
                p.as_deref().is_some_and(unfinished)
            }
            Expr::Literal(..) => false,
            _ => true,
        }
}

pub(super) fn call(like: Like) -> Expr {
    let function = ScalarUDF::new_from_impl(Matches {
        any_case: like.case_insensitive,
        signature: Signature::user_defined(Volatility::Immutable),
    });
    let call = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![*like.expr, *like.pattern]));
    if like.negated { Expr::Not(Box::new(call)) } else { call }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Matches {
    any_case: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Matches {
    fn name(&self) -> &str {
        if self.any_case { "text_ilike" } else { "text_like" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let column = |at: usize| {
            Ok::<_, datafusion::error::DataFusionError>(cast(&args.args[at].to_array(rows)?, &DataType::Utf8View)?)
        };
        let (texts, patterns) = (column(0)?, column(1)?);
        let pairs = texts.as_string_view().iter().zip(patterns.as_string_view().iter());
        let is_like = pairs.map(|pair| match pair {
            (Some(text), Some(pattern)) if self.any_case => {
                like(&text.to_lowercase(), &pattern.to_lowercase()).map(Some)
            }
            (Some(text), Some(pattern)) => like(text, pattern).map(Some),
            _ => Ok(None),
        });
        let is_like: ArrayRef = Arc::new(is_like.collect::<Result<BooleanArray>>()?);
        crate::functions::one_or_all(scalar, is_like)
    }

    fn is_strict(&self) -> bool {
        true
    }
}

/// Goes from left to right; after a mismatch the last `%` takes one more character.
fn like(text: &str, pattern: &str) -> Result<bool> {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p, mut again) = (0, 0, None);
    loop {
        if p < pattern.len() && pattern[p] == '%' {
            p += 1;
            again = Some((t, p));
            continue;
        }
        if t == text.len() {
            return Ok(pattern[p..].iter().all(|c| *c == '%'));
        }
        let step = match pattern.get(p) {
            None => None,
            Some('\\') => match pattern.get(p + 1) {
                None => return Err(coded("22025", "LIKE pattern must not end with escape character")),
                Some(c) => (*c == text[t]).then_some(2),
            },
            Some('_') => Some(1),
            Some(c) => (*c == text[t]).then_some(1),
        };
        match (step, again) {
            (Some(step), _) => (t, p) = (t + 1, p + step),
            (None, Some((from, after))) if from < text.len() => {
                again = Some((from + 1, after));
                (t, p) = (from + 1, after);
            }
            _ => return Ok(false),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("abc", "a%", true),
            ("abc", "%b%", true),
            ("abc", "_b_", true),
            ("abc", "a_", false),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("", "%", true),
            ("", "_", false),
            ("aab", "%ab", true),
            ("mississippi", "%iss%ip%", true),
            ("x", "y\\", false),
            ("abc", "abc\\", false),
        ] {
            assert_eq!(like(text, pattern).unwrap(), expected, "{text} LIKE {pattern}");
        }
        assert!(like("abc", "%\\").is_err() && like("abcd", "abc\\").is_err());
    }
}
