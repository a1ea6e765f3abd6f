//! `$1::integer` says what the parameter is, also where the planner drops the expression around it.

use crate::SqlType;
use crate::walk::{Tree, each_expr};
use sqlparser::ast::{self, CastKind, Expr, Query, Value};

/// Types of parameters: those that the client declared, then those that a cast in `query` names.
pub(crate) fn types(query: &Query, declared: &[Option<SqlType>]) -> Vec<Option<SqlType>> {
    let mut types = declared.to_vec();
    each_expr(Tree::Query(query), &mut |expr| {
        if let Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, .. } = expr
            && let Some(number) = number(expr)
            && let Some(ty) = meant(data_type)
        {
            if types.len() < number {
                types.resize(number, None);
            }
            types[number - 1].get_or_insert(ty);
        }
    });
    types
}

/// Names of objects come as text.
fn meant(ty: &ast::DataType) -> Option<SqlType> {
    match ty {
        ast::DataType::Char(None) | ast::DataType::Character(None) | ast::DataType::Regclass => Some(SqlType::Text),
        other => SqlType::parse(other).ok().filter(|t| *t != SqlType::Regclass),
    }
}

/// The number of a parameter, from 1.
fn number(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(v) => match &v.value {
            Value::Placeholder(p) => p.strip_prefix('$')?.parse().ok().filter(|n| (1..=65_535).contains(n)),
            _ => None,
        },
        Expr::Nested(inner) => number(inner),
        _ => None,
    }
}
