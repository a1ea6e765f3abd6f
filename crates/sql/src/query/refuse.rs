//! The planner drops several clauses in silence; here every clause of a query is handled or refused by name.

use crate::walk::{Tree, walk};
use crate::{Result, SqlError};
use sqlparser::ast::{
    Expr, Function, FunctionArgumentClause, GroupByExpr, GroupByWithModifier, Query, Select, SetExpr, SetQuantifier,
    TableFactor, Visitor, WildcardAdditionalOptions,
};
use std::ops::ControlFlow;

/// Refuses what would otherwise be parsed and ignored, anywhere in `query`.
pub(crate) fn check(query: &Query) -> Result<()> {
    walk(Tree::Query(query), &mut Checker)
}

struct Checker;

fn refused<T>(what: &str, hint: &str) -> ControlFlow<SqlError, T> {
    ControlFlow::Break(SqlError::unsupported(what, hint))
}

impl Visitor for Checker {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        let Query {
            with: _,
            body,
            order_by: _,
            limit_clause: _,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if fetch.is_some() {
            return refused("FETCH FIRST", "Write LIMIT n.");
        }
        if !locks.is_empty() {
            return refused("FOR UPDATE or FOR SHARE", "Leave it out: conflicting writes are found at COMMIT.");
        }
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
            return refused("this clause of another SQL dialect", "Write it in PostgreSQL's SQL.");
        }
        set_expr(body)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<SqlError> {
        match factor {
            TableFactor::Table {
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
                ..
            } => {
                if sample.is_some() {
                    return refused("TABLESAMPLE", "Filter with WHERE, on a hash of the key for example.");
                }
                if version.is_some() {
                    return refused("this form of time travel", "Write FROM t AT (VERSION => n).");
                }
                if *with_ordinality {
                    return refused("WITH ORDINALITY", "Use row_number() OVER ().");
                }
                if !with_hints.is_empty() || !partitions.is_empty() || json_path.is_some() || !index_hints.is_empty() {
                    return refused("this table clause of another SQL dialect", "Write it in PostgreSQL's SQL.");
                }
                ControlFlow::Continue(())
            }
            TableFactor::Derived { sample: Some(_), .. } => {
                refused("TABLESAMPLE", "Filter with WHERE, on a hash of the key for example.")
            }
            TableFactor::Derived { .. }
            | TableFactor::Function { with_ordinality: false, .. }
            | TableFactor::UNNEST { with_offset: false, with_ordinality: false, .. }
            | TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            other => refused(&format!("FROM {other}"), "Write it with joins and subqueries."),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
        match expr {
            Expr::Function(function) => check_function(function),
            Expr::Collate { .. } => refused("COLLATE", "Text is compared byte by byte (collation C)."),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn set_expr(body: &SetExpr) -> ControlFlow<SqlError> {
    match body {
        SetExpr::Select(select) => check_select(select),
        SetExpr::SetOperation { left, set_quantifier, right, .. } => {
            if !matches!(set_quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None) {
                return refused("a set operation BY NAME", "List the columns in the same order on both sides.");
            }
            set_expr(left)?;
            set_expr(right)
        }
        SetExpr::Query(_) | SetExpr::Values(_) => ControlFlow::Continue(()),
        _ => refused("a data-modifying statement inside a query", "Run it as a statement of its own."),
    }
}

fn check_select(select: &Select) -> ControlFlow<SqlError> {
    let Select {
        select_token: _,
        optimizer_hints: _,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor: _,
    } = select;
    if into.is_some() {
        return refused("SELECT INTO", "Write CREATE TABLE name AS SELECT ....");
    }
    let foreign = select_modifiers.is_some()
        || top.is_some()
        || exclude.is_some()
        || !lateral_views.is_empty()
        || prewhere.is_some()
        || !connect_by.is_empty()
        || !cluster_by.is_empty()
        || !distribute_by.is_empty()
        || !sort_by.is_empty()
        || qualify.is_some()
        || value_table_mode.is_some();
    if foreign {
        return refused("this clause of another SQL dialect", "Write it in PostgreSQL's SQL.");
    }
    let modifiers: &[GroupByWithModifier] = match group_by {
        GroupByExpr::All(_) => return refused("GROUP BY ALL", "List the columns to group by."),
        GroupByExpr::Expressions(_, modifiers) => modifiers,
    };
    if !modifiers.is_empty() {
        return refused("GROUP BY ... WITH", "Write GROUP BY ROLLUP (...) or CUBE (...).");
    }
    for item in projection {
        use sqlparser::ast::SelectItem as I;
        match item {
            I::ExprWithAlias { alias, .. } if alias.quote_style == Some('\'') => {
                let message = format!("syntax error at or near \"'{}'\"", alias.value);
                return ControlFlow::Break(SqlError::new("42601", message));
            }
            I::UnnamedExpr(_) | I::ExprWithAlias { .. } => {}
            I::Wildcard(options) | I::QualifiedWildcard(_, options) => plain_wildcard(options)?,
            I::ExprWithAliases { .. } => return refused("several aliases for one column", "Name one alias."),
        }
    }
    ControlFlow::Continue(())
}

fn plain_wildcard(options: &WildcardAdditionalOptions) -> ControlFlow<SqlError> {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    if plain { ControlFlow::Continue(()) } else { refused("a wildcard with options", "List the columns.") }
}

fn check_function(function: &Function) -> ControlFlow<SqlError> {
    use sqlparser::ast::FunctionArguments as A;
    if function.uses_odbc_syntax || !matches!(function.parameters, A::None) {
        return refused("this function call of another SQL dialect", "Write name(arguments).");
    }
    if let A::List(list) = &function.args {
        let known = |c: &FunctionArgumentClause| {
            matches!(c, FunctionArgumentClause::OrderBy(_) | FunctionArgumentClause::IgnoreOrRespectNulls(_))
        };
        if let Some(clause) = list.clauses.iter().find(|c| !known(c)) {
            return refused(&format!("{clause} in a function call"), "Write it without.");
        }
    }
    ControlFlow::Continue(())
}
