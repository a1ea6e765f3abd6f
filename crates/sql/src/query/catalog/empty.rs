//! Relations of the catalog that never have rows here. A SELECT that joins one has none either, so that what it
//! computes need not be planned.

use super::catalog_relation;
use crate::SqlError;
use crate::query::names::fold;
use crate::walk::{Tree, walk};
use sqlparser::ast::{
    BinaryOperator, Expr, JoinOperator, Query, Select, SelectItem, SetExpr, TableFactor, TableFunctionArgs,
    TableWithJoins, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// What Sluice has nothing of.
pub(super) const EMPTY: [&str; 27] = [
    "pg_aggregate",
    "pg_auth_members",
    "pg_collation",
    "pg_conversion",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_inherits",
    "pg_opfamily",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_range",
    "pg_rewrite",
    "pg_sequence",
    "pg_shdescription",
    "pg_statistic_ext",
    "pg_subscription",
    "pg_trigger",
];

const AGGREGATES: [&str; 13] = [
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "max",
    "min",
    "string_agg",
    "sum",
];

/// Replaces every SELECT of `query` that can have no rows by one that says so.
pub(super) fn empty_out(query: &mut Query) {
    if empty_set(&mut query.body) {
        query.order_by = None;
    }
}

/// Whether a query has no rows, whatever the catalog holds.
pub(super) fn is_empty(query: &Query) -> bool {
    matches!(query.body.as_ref(), SetExpr::Select(select) if has_no_rows(select))
}

fn empty_set(body: &mut SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => match has_no_rows(select).then(|| nothing(select)).flatten() {
            Some(empty) => {
                *body = empty;
                true
            }
            None => false,
        },
        SetExpr::SetOperation { left, right, .. } => {
            empty_set(left);
            empty_set(right);
            false
        }
        _ => false,
    }
}

/// The same columns without rows.
fn nothing(select: &Select) -> Option<SetExpr> {
    let names = select.projection.iter().map(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(fold(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(fold),
        _ => None,
    });
    let columns: Option<Vec<String>> =
        names.map(|name| Some(format!("CAST(NULL AS text) AS \"{}\"", name?.replace('"', "\"\"")))).collect();
    let text = format!("SELECT {} WHERE false", columns?.join(", "));
    Some(*Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).ok()?.parse_query().ok()?.body)
}

fn has_no_rows(select: &Select) -> bool {
    let nothing = select.from.iter().any(joins_nothing) || select.selection.as_ref().is_some_and(asks_deferred);
    nothing && !aggregates_all(select)
}

/// No constraint is ever deferred.
fn asks_deferred(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => asks_deferred(left) || asks_deferred(right),
        Expr::Identifier(name) => matches!(fold(name).as_str(), "condeferrable" | "condeferred"),
        _ => false,
    }
}

fn joins_nothing(table: &TableWithJoins) -> bool {
    let inner =
        |op: &JoinOperator| matches!(op, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_));
    let left = |op: &JoinOperator| matches!(op, JoinOperator::Left(_) | JoinOperator::LeftOuter(_));
    let joins = &table.joins;
    joins.iter().all(|j| inner(&j.join_operator) || left(&j.join_operator))
        && (is_nothing(&table.relation) || joins.iter().any(|j| inner(&j.join_operator) && is_nothing(&j.relation)))
}

fn is_nothing(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { args: None, .. } => catalog_relation(factor).is_some_and(|n| EMPTY.contains(&n.as_str())),
        // No relation has options.
        TableFactor::Table { args: Some(args), .. } => unnests_options(&args_text(args)),
        TableFactor::UNNEST { array_exprs, .. } => array_exprs.iter().any(|e| unnests_options(&e.to_string())),
        _ => false,
    }
}

fn args_text(args: &TableFunctionArgs) -> String {
    args.args.first().map(ToString::to_string).unwrap_or_default()
}

fn unnests_options(array: &str) -> bool {
    array == "reloptions" || array.ends_with(".reloptions")
}

/// Whether it gives a row even over no rows.
fn aggregates_all(select: &Select) -> bool {
    let grouped = !matches!(&select.group_by, sqlparser::ast::GroupByExpr::Expressions(e, _) if e.is_empty());
    !grouped && has_aggregate(select)
}

/// Whether an output column has an aggregate of its own.
pub(super) fn has_aggregate(select: &Select) -> bool {
    let mut finder = FindAggregate { depth: 0, found: false };
    // It never breaks off.
    select.projection.iter().for_each(|item| drop(walk(Tree::Item(item), &mut finder)));
    finder.found
}

/// Finds an aggregate outside of subqueries.
struct FindAggregate {
    depth: usize,
    found: bool,
}

impl Visitor for FindAggregate {
    type Break = SqlError;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<SqlError> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<SqlError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
        if let Expr::Function(f) = expr {
            self.found |= self.depth == 0 && AGGREGATES.contains(&super::name_of(f).as_str());
        }
        ControlFlow::Continue(())
    }
}
