//! Literals that the planner reads otherwise than PostgreSQL: numbers with exponents, times of day in intervals, NULLs
//! and text beside typed values in VALUES, arrays as text, arrays after ANY and ALL.

use crate::functions::interval_text;
use crate::walk::{TreeMut, walk_mut};
use crate::{SqlError, SqlType};
use sqlparser::ast::{
    Array, ArrayElemTypeDef, BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Parens, Query, SetExpr, Value,
    VisitorMut,
};
use std::ops::ControlFlow;

/// Spells such literals out wherever they stand in `tree`.
pub(crate) fn spell_out(tree: TreeMut<'_>) {
    // It never breaks off.
    let _ = walk_mut(tree, &mut Literals);
}

struct Literals;

impl VisitorMut for Literals {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        if let SetExpr::Values(values) = query.body.as_mut() {
            type_columns(&mut values.rows);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let spelled = number(expr).or_else(|| interval(expr)).or_else(|| quantified(expr)).or_else(|| array(expr));
        if let Some(spelled) = spelled {
            *expr = spelled;
        }
        ControlFlow::Continue(())
    }
}

/// In a column of VALUES that has a typed value, NULLs and text are of its type.
fn type_columns(rows: &mut [Parens<Vec<Expr>>]) {
    let width = rows.first().map_or(0, |row| row.content.len());
    for column in 0..width {
        let stated = rows.iter().filter_map(|row| row.content.get(column)).find_map(stated_type).cloned();
        let Some(ty) = stated else { continue };
        for value in rows.iter_mut().filter_map(|row| row.content.get_mut(column)) {
            if matches!(&value, Expr::Value(v) if matches!(v.value, Value::Null | Value::SingleQuotedString(_))) {
                *value = cast(value.clone(), ty.clone());
            }
        }
    }
}

/// The type that an expression names, if it is one that the planner does not give to text beside it.
fn stated_type(expr: &Expr) -> Option<&DataType> {
    let ty = match expr {
        Expr::Cast { data_type, .. } => data_type,
        Expr::TypedString(typed) => &typed.data_type,
        Expr::Nested(inner) => return stated_type(inner),
        _ => return None,
    };
    use SqlType as T;
    let open = T::parse(ty);
    matches!(open, Ok(T::Uuid | T::Json | T::Jsonb | T::Date | T::Timestamp | T::TimestampTz | T::Interval))
        .then_some(ty)
}

/// `1.5e3` is the numeric 1500; what is too long for one is a double.
fn number(expr: &Expr) -> Option<Expr> {
    let Expr::Value(value) = expr else { return None };
    let Value::Number(text, long) = &value.value else { return None };
    let text = text.to_string();
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let Some(plain) = expanded(mantissa, exponent) else {
        let text = Expr::Value(Value::SingleQuotedString(text).into());
        return Some(cast(text, DataType::Double(ExactNumberInfo::None)));
    };
    let whole = !plain.contains('.');
    let plain = Expr::Value(Value::Number(plain.parse().ok()?, *long).into());
    // Without a point it would be an integer.
    Some(if whole { cast(plain, DataType::Numeric(ExactNumberInfo::PrecisionAndScale(38, 0))) } else { plain })
}

/// The number without its exponent, if it has at most 38 digits before and after the point together.
fn expanded(mantissa: &str, exponent: &str) -> Option<String> {
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let scale = i64::try_from(fraction.len()).ok()?.checked_sub(exponent.parse().ok()?)?;
    let most = i64::from(crate::functions::decimal::MAX_PRECISION);
    let length = digits.len() as i64;
    if length.max(scale) > most || length - scale > most {
        return None;
    }
    if scale <= 0 {
        let zeros = if digits.is_empty() { 0 } else { -scale as usize };
        return Some(format!("0{digits}{}", "0".repeat(zeros)));
    }
    let padded = format!("{}{digits}", "0".repeat((scale + 1 - length).max(0) as usize));
    let (whole, fraction) = padded.split_at(padded.len() - scale as usize);
    Some(format!("{whole}.{fraction}"))
}

fn interval(expr: &Expr) -> Option<Expr> {
    let spelled = |e: &Expr| match e {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(text) => {
                interval_text::spelled(text).map(|t| Box::new(Expr::Value(Value::SingleQuotedString(t).into())))
            }
            _ => None,
        },
        _ => None,
    };
    let mut changed = expr.clone();
    match &mut changed {
        Expr::Interval(interval) => {
            use sqlparser::ast::DateTimeField as F;
            let Expr::Value(value) = interval.value.as_ref() else { return None };
            let Value::SingleQuotedString(text) = &value.value else { return None };
            let text = match (&interval.leading_field, &interval.last_field) {
                (None, None) | (Some(F::Year), Some(F::Month)) => text.clone(),
                // A number of the field; other text would be cut off at it.
                (Some(field), None) if text.trim().parse::<f64>().is_ok() => format!("{text} {field}"),
                _ => return None,
            };
            interval.value = spelled(&Expr::Value(Value::SingleQuotedString(text).into()))?;
            (interval.leading_field, interval.last_field) = (None, None);
        }
        Expr::Cast { expr, data_type: DataType::Interval { .. }, .. } => *expr = spelled(expr)?,
        _ => return None,
    }
    Some(changed)
}

/// A comparison with ANY or ALL of an array that is written out is one with each of its elements.
fn quantified(expr: &Expr) -> Option<Expr> {
    let (left, op, right, any) = match expr {
        Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op, right, true),
        Expr::AllOp { left, compare_op, right } => (left, compare_op, right, false),
        _ => return None,
    };
    let mut array = right.as_ref();
    while let Expr::Nested(inner) = array {
        array = inner;
    }
    let read = array_literal(array);
    let elements = match (array, &read) {
        (Expr::Array(array), _) => &array.elem,
        (_, Some(elements)) => elements,
        _ => return None,
    };
    if elements.is_empty() {
        return Some(Expr::Value(Value::Boolean(!any).into()));
    }
    let left = Expr::Nested(left.clone());
    let join = if any { BinaryOperator::Or } else { BinaryOperator::And };
    let comparison = |element: &Expr| Expr::BinaryOp {
        left: Box::new(left.clone()),
        op: op.clone(),
        right: Box::new(Expr::Nested(Box::new(element.clone()))),
    };
    let in_list = |negated| Expr::InList { expr: Box::new(left.clone()), list: elements.clone(), negated };
    let spelled = match (op, any) {
        (BinaryOperator::Eq, true) => in_list(false),
        (BinaryOperator::NotEq, false) => in_list(true),
        _ => elements.iter().map(comparison).reduce(|a, b| Expr::BinaryOp {
            left: Box::new(a),
            op: join.clone(),
            right: Box::new(b),
        })?,
    };
    Some(Expr::Nested(Box::new(spelled)))
}

/// `'{1,2}'::int[]` is an array of casts.
fn array(expr: &Expr) -> Option<Expr> {
    let elem = array_literal(expr).filter(|elements| !elements.is_empty())?;
    Some(Expr::Array(Array { elem, named: true }))
}

/// The elements of text that is cast to an array of one dimension, each cast to its type.
fn array_literal(expr: &Expr) -> Option<Vec<Expr>> {
    let Expr::Cast { expr, data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(ty, _)), .. } = expr else {
        return None;
    };
    let Expr::Value(value) = expr.as_ref() else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let element = |word: (String, bool)| match word {
        (word, false) if word.eq_ignore_ascii_case("null") => cast(Expr::Value(Value::Null.into()), (**ty).clone()),
        (word, _) => cast(Expr::Value(Value::SingleQuotedString(word).into()), (**ty).clone()),
    };
    Some(words(inner)?.into_iter().map(element).collect())
}

/// The elements between braces, and whether they stand in quotes; `None` if there are braces within.
fn words(text: &str) -> Option<Vec<(String, bool)>> {
    let (mut words, mut word, mut quoted, mut inside) = (vec![], String::new(), false, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.push(chars.next()?),
            '"' => {
                inside = !inside;
                quoted = true;
            }
            ',' if !inside => words.push((std::mem::take(&mut word), std::mem::take(&mut quoted))),
            '{' | '}' if !inside => return None,
            c if !inside && c.is_whitespace() && (word.is_empty() || quoted) => {}
            c => word.push(c),
        }
    }
    if !(words.is_empty() && word.is_empty() && !quoted) {
        words.push((word, quoted));
    }
    let trimmed = words.into_iter().map(|(w, quoted)| if quoted { (w, quoted) } else { (w.trim().into(), quoted) });
    let words: Vec<(String, bool)> = trimmed.collect();
    (!inside && words.iter().all(|(w, quoted)| *quoted || !w.is_empty())).then_some(words)
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn exponents() {
        for (mantissa, exponent, expected) in [
            ("1", "3", Some("01000")),
            ("1.5", "3", Some("01500")),
            ("1.25", "+1", Some("12.5")),
            ("1.5", "-3", Some("0.0015")),
            ("0.0", "5", Some("0")),
            ("12", "-1", Some("1.2")),
            ("1", "308", None),
            ("1", "-300", None),
        ] {
            assert_eq!(expanded(mantissa, exponent).as_deref(), expected, "{mantissa}e{exponent}");
        }
    }
}
