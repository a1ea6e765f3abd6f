//! Subqueries over the catalog that stand where a value stands.

use super::{catalog_relation, empty, name_of, parse_expr};
use crate::query::names::fold;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr,
};

/// Replaces the expression, if it is such a subquery.
pub(super) fn rewrite(expr: &mut Expr) {
    let replaced = match expr {
        Expr::Subquery(query) if empty::is_empty(query) => parse_expr("NULL"),
        Expr::Exists { subquery, negated } if empty::is_empty(subquery) => {
            parse_expr(if *negated { "true" } else { "false" })
        }
        Expr::Subquery(query) => column_default(query),
        Expr::Function(function) => array_of_rows(function),
        Expr::InSubquery { expr, subquery, negated } if splits_search_path(subquery) => {
            let not = if *negated { "NOT " } else { "" };
            parse_expr(&format!("{not}({expr} = ANY(current_schemas(false)))"))
        }
        _ => None,
    };
    if let Some(replaced) = replaced {
        *expr = replaced;
    } else if let Expr::Subquery(query) = expr {
        at_most_one(query);
    }
}

/// Grafana takes the setting apart to know which schemas are searched.
fn splits_search_path(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let sources: Vec<String> = select.from.iter().map(ToString::to_string).collect();
    sources.iter().any(|s| s.contains("generate_series"))
        && sources.iter().any(|s| s.starts_with("string_to_array(current_setting('search_path')"))
}

/// `ARRAY(SELECT ...)`: an aggregate over the subquery.
fn array_of_rows(function: &Function) -> Option<Expr> {
    let FunctionArguments::Subquery(query) = &function.args else { return None };
    if name_of(function) != "array" {
        return None;
    }
    if empty::is_empty(query) {
        return parse_expr("__no_names()");
    }
    if let Some(collected) = collected(query) {
        return Some(collected);
    }
    parse_expr(&format!("(SELECT array_agg(__element) FROM ({query}) AS __elements (__element))"))
}

/// The same without a subquery inside, as one that looks at the rows outside needs it.
fn collected(query: &Query) -> Option<Expr> {
    let plain = query.order_by.is_none() && query.limit_clause.is_none() && query.with.is_none();
    let select = single(query).filter(|s| plain && s.distinct.is_none() && !empty::has_aggregate(s))?;
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(e, _) if e.is_empty());
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] = select.projection.as_slice()
    else {
        return None;
    };
    let expr = parse_expr(&format!("array_agg({value})")).filter(|_| !grouped && select.having.is_none())?;
    let mut query = query.clone();
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![SelectItem::ExprWithAlias { expr, alias: Ident::new("array") }];
    }
    Some(Expr::Subquery(Box::new(query)))
}

/// The default of a column, which clients look up in pg_attrdef by its table and number.
fn column_default(query: &Query) -> Option<Expr> {
    let select = single(query)?;
    let [table] = select.from.as_slice() else { return None };
    if !table.joins.is_empty() || catalog_relation(&table.relation)? != "pg_attrdef" {
        return None;
    }
    let (mut relation, mut number) = (None, None);
    equalities(select.selection.as_ref()?, &mut |left, right| {
        for (own, other) in [(left, right), (right, left)] {
            match last_name(own).as_deref() {
                Some("adrelid") => relation = Some(other.clone()),
                Some("adnum") => number = Some(other.clone()),
                _ => {}
            }
        }
    });
    parse_expr(&format!("__column_default({}, {})", relation?, number?))
}

fn single(query: &Query) -> Option<&Select> {
    match query.body.as_ref() {
        SetExpr::Select(select) if select.projection.len() == 1 => Some(select),
        _ => None,
    }
}

fn equalities(condition: &Expr, see: &mut impl FnMut(&Expr, &Expr)) {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            equalities(left, see);
            equalities(right, see);
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => see(left, right),
        Expr::Nested(inner) => equalities(inner, see),
        _ => {}
    }
}

fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(i) => Some(fold(i)),
        Expr::CompoundIdentifier(parts) => parts.last().map(fold),
        _ => None,
    }
}

/// A subquery that finds one row of the catalog by its number is planned as an aggregate of that row.
fn at_most_one(query: &mut Query) {
    let plain = query.limit_clause.is_none() && query.order_by.is_none();
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let of_catalog = select.from.iter().all(|t| {
        std::iter::once(&t.relation).chain(t.joins.iter().map(|j| &j.relation)).all(|f| catalog_relation(f).is_some())
    });
    if !plain || !of_catalog || select.from.is_empty() || empty::has_aggregate(select) {
        return;
    }
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_mut_slice()
    else {
        return;
    };
    if let Some(any) = parse_expr(&format!("any_value({value})")) {
        *value = any;
    }
}
