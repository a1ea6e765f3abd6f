//! LIKE with an escape of its own: the pattern is rewritten to escape by backslashes, which the planner knows.

use super::parse_expr;
use sqlparser::ast::{Expr, Value};

/// Rewrites the expression, if it is such a LIKE.
pub(super) fn rewrite(expr: &mut Expr) {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr else { return };
    let Some(escape) = escape_char.as_ref().and_then(|e| match &e.value {
        Value::SingleQuotedString(s) => Some(s.clone()),
        _ => None,
    }) else {
        return;
    };
    if escape.chars().count() != 1 || escape == "\\" {
        return;
    }
    let escape = escape.replace('\'', "''");
    // An escape that is escaped itself stands aside as \u{1} meanwhile.
    let escaped = format!(
        "replace(replace(replace(replace({pattern}, '\\', '\\\\'), '{escape}{escape}', '\u{1}'), '{escape}', '\\'), \
         '\u{1}', '{escape}')"
    );
    if let Some(escaped) = parse_expr(&escaped) {
        **pattern = escaped;
        *escape_char = None;
    }
}
