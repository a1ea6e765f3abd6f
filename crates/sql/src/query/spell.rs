//! Forms that the planner lacks, spelled with those it has.

use super::{calls, json_aggregates};
use crate::walk::{TreeMut, each_expr_mut, walk_mut};
use crate::{Result, SqlError};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    Query, SetExpr, Value, VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Rewrites `mod(a, b)`, `log(a)`, `a AT TIME ZONE z`, `(a, b) IN (SELECT ...)`, SIMILAR TO and the aggregates that make
/// json wherever they stand in `tree`.
pub(crate) fn spell_out(tree: TreeMut<'_>) -> Result<()> {
    walk_mut(tree, &mut Speller { rows: 0 })
}

struct Speller {
    rows: usize,
}

impl VisitorMut for Speller {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        if let Some(with) = query.with.as_mut().filter(|with| with.recursive) {
            with.cte_tables.iter_mut().for_each(|cte| type_integers(&mut cte.query.body));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        let spelled = modulo(expr)
            .or_else(|| log10(expr))
            .or_else(|| count_of_constant(expr))
            .or_else(|| at_time_zone(expr))
            .or_else(|| self.row_in(expr))
            .or_else(|| json_aggregates::spelled(expr))
            .or_else(|| clock(expr))
            .or_else(|| calls::spelled(expr));
        if let Some(spelled) = spelled {
            *expr = spelled;
        }
        if let Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } = expr {
            name_array(left, right);
        }
        match similar_to(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Integers in the lists of a recursive query get their type at once: that of its working table follows from them.
fn type_integers(body: &mut SetExpr) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            type_integers(left);
            type_integers(right);
        }
        SetExpr::Select(select) => {
            let typed = &mut |expr: &mut Expr| {
                let small = matches!(expr, Expr::Value(v)
                    if matches!(&v.value, Value::Number(n, _) if n.to_string().parse::<i32>().is_ok()));
                if small {
                    *expr = Expr::Cast {
                        kind: CastKind::Cast,
                        expr: Box::new(expr.clone()),
                        data_type: DataType::Integer(None),
                        array: false,
                        format: None,
                    };
                }
            };
            select.projection.iter_mut().for_each(|item| each_expr_mut(TreeMut::Item(item), typed));
        }
        _ => {}
    }
}

fn at_time_zone(expr: &Expr) -> Option<Expr> {
    let Expr::AtTimeZone { timestamp, time_zone } = expr else { return None };
    let text = format!("timezone({time_zone}, {timestamp})");
    Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).ok()?.parse_expr().ok()
}

/// Counting a constant counts rows. The planner takes constants of several types for one.
fn count_of_constant(expr: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let [
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Cast {
            kind: CastKind::DoubleColon | CastKind::Cast,
            expr,
            data_type,
            ..
        })),
    ] = list.args.as_slice()
    else {
        return None;
    };
    let whole = matches!(
        data_type,
        DataType::SmallInt(None) | DataType::Int2(None) | DataType::BigInt(None) | DataType::Int8(None)
    );
    let small = matches!(expr.as_ref(), Expr::Value(v)
        if matches!(&v.value, Value::Number(n, _) if n.to_string().parse::<i16>().is_ok()));
    if !function.name.to_string().eq_ignore_ascii_case("count")
        || list.duplicate_treatment.is_some()
        || !whole
        || !small
    {
        return None;
    }
    let mut function = function.clone();
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)];
    }
    Some(Expr::Function(function))
}

/// The logarithm to base 10 has a function of its own, which is exact.
fn log10(expr: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    if !function.name.to_string().eq_ignore_ascii_case("log") || list.args.len() != 1 {
        return None;
    }
    let mut function = function.clone();
    function.name = ObjectName::from(vec![Ident::new("log10")]);
    Some(Expr::Function(function))
}

fn modulo(expr: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    if !function.name.to_string().eq_ignore_ascii_case("mod") {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(a)), FunctionArg::Unnamed(FunctionArgExpr::Expr(b))] =
        list.args.as_slice()
    else {
        return None;
    };
    let nested = |e: &Expr| Box::new(Expr::Nested(Box::new(e.clone())));
    Some(Expr::Nested(Box::new(Expr::BinaryOp { left: nested(a), op: BinaryOperator::Modulo, right: nested(b) })))
}

/// An array whose type the text does not say gets it from what it is compared with.
fn name_array(left: &Expr, right: &mut Box<Expr>) {
    let inner = match right.as_ref() {
        Expr::Nested(inner) => inner.as_ref(),
        other => other,
    };
    let Expr::Value(value) = inner else { return };
    if !matches!(value.value, Value::SingleQuotedString(_) | Value::Placeholder(_)) {
        return;
    }
    let text = format!("{}(({left}), {inner})", crate::functions::any_of::ANY_OF);
    if let Ok(call) = Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).and_then(|mut p| p.parse_expr()) {
        **right = call;
    }
}

/// Other names of the time at which a transaction began.
fn clock(expr: &Expr) -> Option<Expr> {
    let text = match expr {
        Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("localtimestamp") => {
            "now()::timestamp"
        }
        Expr::Function(f)
            if f.name.to_string().eq_ignore_ascii_case("localtimestamp")
                && !matches!(&f.args, FunctionArguments::List(list) if !list.args.is_empty()) =>
        {
            "now()::timestamp"
        }
        Expr::Function(f)
            if ["statement_timestamp", "transaction_timestamp"]
                .iter()
                .any(|name| f.name.to_string().eq_ignore_ascii_case(name)) =>
        {
            "now()"
        }
        _ => return None,
    };
    Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

/// SQL's own patterns are regular expressions over the whole text, in which `%` and `_` stand for any text and any
/// character.
fn similar_to(expr: &mut Expr) -> Result<()> {
    let Expr::SimilarTo { pattern, escape_char, .. } = expr else { return Ok(()) };
    let Expr::Value(value) = pattern.as_mut() else {
        return Err(SqlError::unsupported(
            "SIMILAR TO a pattern that is no literal",
            "Write a regular expression: text ~ pattern.",
        ));
    };
    let (Value::SingleQuotedString(text), None) = (&mut value.value, &escape_char) else {
        return Err(SqlError::unsupported("SIMILAR TO with ESCAPE", "Write a regular expression: text ~ 'pattern'."));
    };
    *text = regular(text);
    Ok(())
}

fn regular(pattern: &str) -> String {
    let (mut regular, mut in_class) = (String::from("^(?:"), false);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                regular.push('\\');
                regular.extend(chars.next());
            }
            '[' => {
                in_class = true;
                regular.push(c);
            }
            ']' => {
                in_class = false;
                regular.push(c);
            }
            '%' if !in_class => regular.push_str("(?s:.*)"),
            '_' if !in_class => regular.push_str("(?s:.)"),
            '.' | '^' | '$' if !in_class => regular.extend(['\\', c]),
            c => regular.push(c),
        }
    }
    regular + ")$"
}

impl Speller {
    /// A row that is in a subquery: there is a row of it that equals, column by column. In a condition, NULL and
    /// false keep a row out alike; the negated form, where they differ, is left to be refused.
    fn row_in(&mut self, expr: &Expr) -> Option<Expr> {
        let Expr::InSubquery { expr: row, subquery, negated: false } = expr else { return None };
        let Expr::Tuple(values) = row.as_ref() else { return None };
        self.rows += 1;
        let columns: Vec<String> = (0..values.len()).map(|i| format!("__row_{}_{i}", self.rows)).collect();
        let equal: Vec<String> = columns.iter().zip(values).map(|(c, v)| format!("{c} = ({v})")).collect();
        let text = format!(
            "EXISTS (SELECT 1 FROM ({subquery}) AS __row_{} ({}) WHERE {})",
            self.rows,
            columns.join(", "),
            equal.join(" AND ")
        );
        Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).ok()?.parse_expr().ok()
    }
}
