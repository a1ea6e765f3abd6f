//! Functions, operators and rows of PostgreSQL that are others, or several, of the planner's.

use super::set_functions;
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, TimezoneInfo, UnaryOperator, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// The expression in other words, if it needs some.
pub(super) fn spelled(expr: &Expr) -> Option<Expr> {
    let text = match expr {
        Expr::Function(function) => of_function(function)?,
        Expr::UnaryOp { op, expr } => of_sign(*op, expr)?,
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::PGStartsWith => format!("starts_with({left}, {right})"),
            BinaryOperator::PGOverlap => format!("array_has_any({left}, {right})"),
            op => compared_rows(row(left)?, op, row(right)?)?,
        },
        Expr::InList { expr, list, negated } => {
            let value = row(expr)?;
            let one_of = list.iter().map(|other| compared_rows(value, &BinaryOperator::Eq, row(other)?));
            let one_of = one_of.collect::<Option<Vec<_>>>()?.join(" OR ");
            format!("({}({one_of}))", if *negated { "NOT " } else { "" })
        }
        Expr::IsNull(inner) => each(row(inner)?, "IS NULL"),
        Expr::IsNotNull(inner) => each(row(inner)?, "IS NOT NULL"),
        Expr::Substring { expr, substring_from: Some(from), substring_for: None, .. } if is_text(from) => {
            format!("regexp_part({expr}, {from})")
        }
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, .. } => {
            rounded(expr, data_type).or_else(|| array(expr, data_type))?
        }
        _ => return None,
    };
    Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).ok()?.parse_expr().ok()
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(v) if matches!(v.value, Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_)))
}

/// A cast to a timestamp of fewer decimals.
fn rounded(expr: &Expr, ty: &DataType) -> Option<String> {
    let DataType::Timestamp(Some(decimals @ 0..6), zone) = ty else { return None };
    let zone = match zone {
        TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => "timestamptz",
        TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => "timestamp",
    };
    Some(format!("round_time(CAST({expr} AS {zone}), {decimals})"))
}

/// `'{1,2}'::int[]` is an array of its elements.
fn array(expr: &Expr, ty: &DataType) -> Option<String> {
    let (Expr::Value(value), DataType::Array(ArrayElemTypeDef::SquareBracket(element, _))) = (expr, ty) else {
        return None;
    };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    if text.trim_start_matches('{').contains('{') {
        return None;
    }
    let each = crate::functions::json::path::parse(text).ok()?.into_iter().map(|element| match element {
        Some(text) => Value::SingleQuotedString(text).to_string(),
        None => "NULL".to_string(),
    });
    let each: Vec<String> = each.map(|value| format!("CAST({value} AS {element})")).collect();
    if each.is_empty() {
        return Some(format!("array_compact(ARRAY[CAST(NULL AS {element})])"));
    }
    Some(format!("ARRAY[{}]", each.join(", ")))
}

fn of_sign(op: UnaryOperator, value: &Expr) -> Option<String> {
    Some(match op {
        UnaryOperator::BitwiseNot => format!("(-1 - ({value}))"),
        UnaryOperator::PGSquareRoot => format!("sqrt({value})"),
        UnaryOperator::PGCubeRoot => format!("cbrt({value})"),
        UnaryOperator::PGAbs => format!("abs({value})"),
        _ => return None,
    })
}

fn of_function(function: &Function) -> Option<String> {
    let FunctionArguments::List(list) = &function.args else { return None };
    if function.over.is_some() || function.filter.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let name = function.name.to_string().to_ascii_lowercase();
    if name == "make_interval" {
        return interval(&list.args);
    }
    let args: Vec<&Expr> = list
        .args
        .iter()
        .map(|a| if let FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) = a { Some(e) } else { None })
        .collect::<Option<_>>()?;
    Some(match (name.as_str(), args.as_slice()) {
        ("trunc", [x]) => format!("trunc_whole({x})"),
        ("ceiling", [x]) => format!("ceil({x})"),
        ("age", [x]) => format!("age(current_date::timestamp, {x})"),
        ("date_trunc", [unit, time, zone]) => {
            format!("timezone({zone}, date_trunc({unit}, timezone({zone}, ({time})::timestamptz)))")
        }
        ("make_timestamptz", [y, mo, d, h, mi, s]) => {
            format!("(make_timestamp({y}, {mo}, {d}, {h}, {mi}, {s}))::timestamptz")
        }
        ("make_timestamptz", [y, mo, d, h, mi, s, zone]) => {
            format!("timezone({zone}, make_timestamp({y}, {mo}, {d}, {h}, {mi}, {s}))")
        }
        ("array_remove", [array, Expr::Value(v)]) if v.value == Value::Null => format!("array_compact({array})"),
        ("array_remove", [array, gone]) => format!("array_remove_all({array}, {gone})"),
        ("array_replace", [array, from, to]) => format!("array_replace_all({array}, {from}, {to})"),
        ("current_timestamp", [decimals]) => format!("round_time(now(), {decimals})"),
        ("localtimestamp", [decimals]) => format!("round_time(now()::timestamp, {decimals})"),
        // An empty array has no dimensions.
        ("array_length", [array, dimension]) => {
            format!("(CASE WHEN cardinality({array}) > 0 THEN \"array_length\"({array}, {dimension})::integer END)")
        }
        (name, args) if name != "unnest" && set_functions::list(name, args).is_some() => {
            set_functions::list(name, args)?
        }
        ("substring", [text, pattern]) if is_text(pattern) => format!("regexp_part({text}, {pattern})"),
        _ => return None,
    })
}

/// `make_interval(days => 10)`: what is not named is zero.
fn interval(args: &[FunctionArg]) -> Option<String> {
    const PARTS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
    let mut parts: Vec<Option<String>> = vec![None; PARTS.len()];
    for (at, arg) in args.iter().enumerate() {
        let (at, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (at, value),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                (PARTS.iter().position(|part| name.value.eq_ignore_ascii_case(part))?, value)
            }
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                (PARTS.iter().position(|part| name.value.eq_ignore_ascii_case(part))?, value)
            }
            _ => return None,
        };
        let part = parts.get_mut(at)?;
        if part.replace(value.to_string()).is_some() {
            return None;
        }
    }
    // All positions are given already, and nothing is to be done.
    if args.len() == PARTS.len() && args.iter().all(|a| matches!(a, FunctionArg::Unnamed(_))) {
        return None;
    }
    let parts: Vec<String> = parts.into_iter().map(|part| part.unwrap_or_else(|| "0".into())).collect();
    Some(format!("make_interval({})", parts.join(", ")))
}

/// The values of `(a, b)` or `ROW(a, b)`.
fn row(expr: &Expr) -> Option<Row<'_>> {
    match expr {
        Expr::Tuple(values) if values.len() > 1 => Some(Row::Tuple(values)),
        Expr::Function(f) if f.name.to_string().eq_ignore_ascii_case("row") => match &f.args {
            FunctionArguments::List(list) if !list.args.is_empty() => Some(Row::Call(&list.args)),
            _ => None,
        },
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Row<'a> {
    Tuple(&'a [Expr]),
    Call(&'a [FunctionArg]),
}

impl Row<'_> {
    fn values(self) -> Vec<String> {
        match self {
            Self::Tuple(values) => values.iter().map(|v| format!("({v})")).collect(),
            Self::Call(args) => args.iter().map(|a| format!("({a})")).collect(),
        }
    }
}

fn each(row: Row<'_>, test: &str) -> String {
    let tests: Vec<String> = row.values().iter().map(|v| format!("{v} {test}")).collect();
    format!("({})", tests.join(" AND "))
}

/// Value by value: equal if all are, less if the first that differs is; unknown where a NULL decides.
fn compared_rows(left: Row<'_>, op: &BinaryOperator, right: Row<'_>) -> Option<String> {
    use BinaryOperator as O;
    let (left, right) = (left.values(), right.values());
    if left.len() != right.len() {
        return None;
    }
    let all = |symbol: &str, joined: &str| {
        let pairs: Vec<String> = left.iter().zip(&right).map(|(l, r)| format!("{l} {symbol} {r}")).collect();
        format!("({})", pairs.join(joined))
    };
    let strict = match op {
        O::Eq => return Some(all("=", " AND ")),
        O::NotEq => return Some(all("<>", " OR ")),
        O::Lt | O::LtEq => "<",
        O::Gt | O::GtEq => ">",
        _ => return None,
    };
    let mut decided = format!("{} {op} {}", left.last()?, right.last()?);
    for (l, r) in left.iter().zip(&right).rev().skip(1) {
        decided = format!("CASE WHEN {l} = {r} THEN {decided} ELSE {l} {strict} {r} END");
    }
    Some(format!("({decided})"))
}
