//! `information_schema._pg_expandarray(keys)`, by which JDBC asks for keys and indexes: for each element a record of it
//! (`x`) and its place (`n`). A record becomes two columns.

use super::{call, first_argument, name_of};
use crate::SqlError;
use crate::query::names::fold;
use crate::walk::{TreeMut, walk_mut};
use sqlparser::ast::{AccessExpr, Expr, Ident, Query, Select, SelectItem, VisitorMut};
use std::ops::ControlFlow;

const FIELDS: [&str; 2] = ["x", "n"];

/// Rewrites calls in the list of a SELECT; returns whether there was one.
pub(super) fn rewrite(select: &mut Select) -> bool {
    let mut expanded = false;
    let mut items = vec![];
    for item in std::mem::take(&mut select.projection) {
        let SelectItem::ExprWithAlias { expr, alias } = &item else {
            items.push(item);
            continue;
        };
        if let Some(array) = expands(expr) {
            items.extend(FIELDS.map(|field| SelectItem::ExprWithAlias {
                expr: elements(&array, field),
                alias: Ident::with_quote('"', format!("{}.{field}", fold(alias))),
            }));
        } else if let Some((array, field)) = field_of(expr).and_then(|(root, field)| Some((expands(root)?, field))) {
            items.push(SelectItem::ExprWithAlias { expr: elements(&array, field), alias: alias.clone() });
        } else {
            items.push(item);
            continue;
        }
        expanded = true;
    }
    select.projection = items;
    expanded
}

/// `(t.keys).x` is the column that [`rewrite`] made of the field.
pub(super) fn name_fields(query: &mut Query) {
    let _ = walk_mut(TreeMut::Query(query), &mut Fields);
}

struct Fields;

impl VisitorMut for Fields {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if let Some((root, field)) = field_of(expr) {
            let column = |ident: &Ident| Ident::with_quote('"', format!("{}.{field}", fold(ident)));
            match root {
                Expr::Identifier(ident) => *expr = Expr::Identifier(column(ident)),
                Expr::CompoundIdentifier(parts) => {
                    let mut parts = parts.clone();
                    parts.iter_mut().rev().take(1).for_each(|last| *last = column(last));
                    *expr = Expr::CompoundIdentifier(parts);
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }
}

/// The record and the field of `(record).field`.
fn field_of(expr: &Expr) -> Option<(&Expr, &'static str)> {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return None };
    let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice() else { return None };
    let field = FIELDS.into_iter().find(|f| *f == fold(field))?;
    match root.as_ref() {
        Expr::Nested(inner) => Some((inner, field)),
        other => Some((other, field)),
    }
}

/// The array that a call takes apart.
fn expands(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Function(function) if name_of(function) == "_pg_expandarray" => first_argument(function),
        _ => None,
    }
}

fn elements(array: &Expr, field: &str) -> Expr {
    match field {
        "n" => call("unnest", call("__positions", array.clone())),
        _ => call("unnest", array.clone()),
    }
}
