//! Casts to the types that show an object's number as its name, and types written with their schema.

use super::{call, is_parameter, name_of, parse_expr};
use crate::query::names::fold;
use sqlparser::ast::{AccessExpr, ArrayElemTypeDef, DataType, Expr, Ident, ObjectName, ObjectNamePart, Subscript};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Types of which a value is a number, shown as a name.
const NAMED: [&str; 8] =
    ["regclass", "regtype", "regproc", "regprocedure", "regnamespace", "regrole", "regoper", "regcollation"];

/// `x::regclass` becomes `__regclass(x)`, the number; `x::regclass::text` becomes `__regclass_name(x)`.
pub(super) fn rewrite(expr: &mut Expr) {
    let Expr::Cast { expr: inner, data_type, .. } = expr else { return };
    strip_schema(data_type);
    if matches!(data_type, DataType::Char(None) | DataType::Character(None)) && is_parameter(inner) {
        // char is one character.
        if let Some(first) = parse_expr(&format!("substr(CAST({inner} AS text), 1, 1)")) {
            *expr = first;
        }
        return;
    }
    let target = type_name(data_type);
    if let Some(named) = target.as_deref().and_then(|t| NAMED.iter().find(|n| **n == t)) {
        *expr = call(&format!("__{named}"), inner.as_ref().clone());
        return;
    }
    if matches!(data_type, DataType::Text | DataType::Varchar(_)) || target.as_deref() == Some("name") {
        let shown = plain(inner);
        show_name(shown);
    }
}

/// Lets a call of `__regclass` show the name instead of the number.
pub(super) fn show_name(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let name = name_of(function);
    if name.strip_prefix("__").is_some_and(|n| NAMED.contains(&n)) {
        function.name = ObjectName::from(vec![Ident::new(format!("{name}_name"))]);
    }
}

/// `indoption[i]` of an index: PostgreSQL counts its options from 0, and clients read them as text too.
pub(super) fn option_of_index(expr: &mut Expr) {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return };
    let Some((AccessExpr::Subscript(Subscript::Index { index }), before)) = access_chain.split_last() else { return };
    let fields: String = before.iter().map(ToString::to_string).collect();
    let options = format!("{root}{fields}");
    if options.to_lowercase().ends_with("indoption")
        && let Some(option) = parse_expr(&format!("__option({options}, {index})"))
    {
        *expr = option;
    }
}

fn plain(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::Nested(inner) => plain(inner),
        other => other,
    }
}

fn strip_schema(ty: &mut DataType) {
    match ty {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element)) => {
            strip_schema(element);
        }
        DataType::Custom(name, _) if name.0.len() == 2 => {
            let [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(last)] = name.0.as_slice() else {
                return;
            };
            if fold(schema) != "pg_catalog" {
                return;
            }
            // The quotes of "char" tell it from char.
            let text = if last.value == "char" { last.to_string() } else { last.value.clone() };
            if let Ok(parsed) =
                Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).and_then(|mut p| p.parse_data_type())
            {
                *ty = parsed;
            }
        }
        _ => {}
    }
}

fn type_name(ty: &DataType) -> Option<String> {
    match ty {
        DataType::Regclass => Some("regclass".into()),
        DataType::Custom(name, modifiers) if modifiers.is_empty() && name.0.len() == 1 => {
            name.0[0].as_ident().map(fold)
        }
        _ => None,
    }
}
