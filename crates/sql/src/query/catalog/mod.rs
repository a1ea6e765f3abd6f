//! Questions to the system catalog, as clients spell them, in forms that the planner knows. Runs after output columns
//! have their names and before clauses are refused.

mod casts;
mod empty;
mod expand;
mod like;
mod subqueries;
mod typeinfo;

use super::names::fold;
use crate::SqlError;
use crate::walk::{TreeMut, walk_mut};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, TableFactor, Value, VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Relations of pg_catalog that clients look into, with and without its name.
const WITH_ROWS: [&str; 10] = [
    "pg_am",
    "pg_attrdef",
    "pg_attribute",
    "pg_class",
    "pg_constraint",
    "pg_database",
    "pg_index",
    "pg_namespace",
    "pg_roles",
    "pg_type",
];

/// Rewrites every such form in `query`.
pub(crate) fn rewrite(query: &mut Query) {
    let mut rewriter = Rewriter { expanded: false };
    let _ = walk_mut(TreeMut::Query(query), &mut rewriter);
    if rewriter.expanded {
        expand::name_fields(query);
    }
}

struct Rewriter {
    /// Whether records were made columns.
    expanded: bool,
}

impl VisitorMut for Rewriter {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        typeinfo::rewrite(query);
        empty::empty_out(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        show_names(&mut query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        self.expanded |= expand::rewrite(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor
            && let [ObjectNamePart::Identifier(only)] = name.0.as_mut_slice()
            && let Some(plain) = only.value.strip_prefix("pg_catalog.")
        {
            only.value = plain.to_string();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        subqueries::rewrite(expr);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        match expr {
            Expr::Collate { expr: inner, collation } if is_default_collation(collation) => {
                *expr = inner.as_ref().clone()
            }
            Expr::BinaryOp { op, .. } => plain_operator(op),
            Expr::Cast { .. } => casts::rewrite(expr),
            Expr::CompoundFieldAccess { .. } => casts::option_of_index(expr),
            Expr::Like { .. } | Expr::ILike { .. } => like::rewrite(expr),
            Expr::Function(function) => {
                plain_function(function);
                if name_of(function) == "generate_subscripts"
                    && let Some(array) = first_argument(function)
                {
                    *expr = call("unnest", call("__subscripts", array));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// An object's number that is shown, and not compared, is shown as its name.
fn show_names(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            for item in &mut select.projection {
                if let SelectItem::ExprWithAlias { expr, .. } = item {
                    casts::show_name(expr);
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            show_names(left);
            show_names(right);
        }
        _ => {}
    }
}

fn is_default_collation(collation: &ObjectName) -> bool {
    let last = collation.0.last().and_then(ObjectNamePart::as_ident).map(fold);
    matches!(last.as_deref(), Some("default" | "C"))
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn plain_operator(op: &mut BinaryOperator) {
    let BinaryOperator::PGCustomBinaryOperator(parts) = &*op else { return };
    let plain = match parts.last().map(String::as_str) {
        Some("~") => BinaryOperator::PGRegexMatch,
        Some("~*") => BinaryOperator::PGRegexIMatch,
        Some("!~") => BinaryOperator::PGRegexNotMatch,
        Some("!~*") => BinaryOperator::PGRegexNotIMatch,
        Some("=") => BinaryOperator::Eq,
        Some("<>") => BinaryOperator::NotEq,
        Some("~~") => BinaryOperator::PGLikeMatch,
        Some("!~~") => BinaryOperator::PGNotLikeMatch,
        Some("||") => BinaryOperator::StringConcat,
        _ => return,
    };
    *op = plain;
}

/// Takes `pg_catalog.` off, and types what the functions of the catalog are given as parameters.
fn plain_function(function: &mut Function) {
    let qualified =
        function.name.0.len() == 2 && function.name.0[0].as_ident().is_some_and(|schema| fold(schema) == "pg_catalog");
    if qualified {
        function.name.0.remove(0);
    }
    let name = name_of(function);
    let of_catalog = ["pg_", "__", "to_reg", "has_"].iter().any(|p| name.starts_with(p))
        || ["current_setting", "format_type", "obj_description", "col_description"].contains(&name.as_str());
    if !of_catalog {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else { return };
    for arg in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = arg {
            type_parameter(value);
        }
    }
}

fn is_parameter(value: &Expr) -> bool {
    matches!(value, Expr::Value(v) if matches!(v.value, Value::Placeholder(_)))
}

fn type_parameter(value: &mut Expr) {
    if is_parameter(value) {
        *value = as_text(value.clone());
    }
}

fn as_text(value: Expr) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(value), data_type: DataType::Text, array: false, format: None }
}

/// The function's last name, folded.
fn name_of(function: &Function) -> String {
    function.name.0.last().and_then(ObjectNamePart::as_ident).map(fold).unwrap_or_default()
}

fn first_argument(function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.first()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    }
}

/// `name(argument)`.
fn call(name: &str, argument: Expr) -> Expr {
    let mut argument = argument;
    type_parameter(&mut argument);
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(sqlparser::ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))],
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

fn parse_expr(text: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

/// The name of a relation of the catalog: `pg_class` of `pg_catalog.pg_class` and of `pg_class`.
fn catalog_relation(factor: &TableFactor) -> Option<String> {
    let TableFactor::Table { name, args: None, .. } = factor else { return None };
    let parts: Vec<String> = name.0.iter().filter_map(ObjectNamePart::as_ident).map(fold).collect();
    match parts.as_slice() {
        [schema, name] if schema == "pg_catalog" => Some(name.clone()),
        [name] if WITH_ROWS.contains(&name.as_str()) || empty::EMPTY.contains(&name.as_str()) => Some(name.clone()),
        _ => None,
    }
}
