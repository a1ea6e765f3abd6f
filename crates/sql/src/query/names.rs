//! Output columns are named as PostgreSQL names them: `count`, `date_trunc`, `?column?`.

use crate::SqlError;
use crate::walk::{TreeMut, walk_mut};
use sqlparser::ast::{
    CastKind, Expr, Ident, ObjectName, ObjectNamePart, OrderByKind, Query, Select, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, VisitorMut,
};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Follows a name that stands twice, for the planner wants names that differ; never shown.
const REPEATED: char = '\u{1}';

/// Gives every unnamed output column of every SELECT in `query` its name.
pub(crate) fn name_columns(query: &mut Query) {
    let _ = walk_mut(TreeMut::Query(query), &mut Namer);
}

/// Whether planning may have failed because a column stands beside a wildcard that has it too.
pub(crate) fn is_repeated(error: &SqlError) -> bool {
    error.code == "42702" || error.message.contains("Projections require unique expression names")
}

/// Sets the names of output columns that stand beside a wildcard apart from the wildcard's. Returns whether there are
/// any.
pub(crate) fn set_apart(query: &mut Query) -> bool {
    let SetExpr::Select(select) = query.body.as_mut() else { return false };
    let wildcard = |i: &SelectItem| matches!(i, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    if !select.projection.iter().any(wildcard) {
        return false;
    }
    let mut renamed = HashMap::new();
    for (at, item) in select.projection.iter_mut().enumerate() {
        let (expr, name) = match item {
            SelectItem::UnnamedExpr(e) => (e.clone(), expr_name(e).unwrap_or_else(|| "?column?".into())),
            SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), fold(alias)),
            _ => continue,
        };
        let alias = Ident::with_quote('"', format!("{name}{REPEATED}beside {at}"));
        renamed.entry(name).or_insert_with(|| alias.clone());
        *item = SelectItem::ExprWithAlias { expr, alias };
    }
    if let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|o| &mut o.kind) {
        for key in keys {
            if let Expr::Identifier(name) = &mut key.expr
                && let Some(alias) = renamed.get(&fold(name))
            {
                *name = alias.clone();
            }
        }
    }
    !renamed.is_empty()
}

/// The name as the user sees it.
pub(crate) fn shown(name: &str) -> &str {
    name.split(REPEATED).next().unwrap_or(name)
}

/// The names that [`output_names`] gives, quoted.
pub(crate) fn quoted_columns(body: &SetExpr) -> Option<Vec<String>> {
    let names = output_names(body)?;
    Some(names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect())
}

/// The names of the output columns of a named SELECT (or of the first one of a set operation); `None` where a wildcard
/// hides them.
pub(crate) fn output_names(body: &SetExpr) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => select
            .projection
            .iter()
            .map(|item| match item {
                SelectItem::UnnamedExpr(Expr::Identifier(i)) => Some(fold(i)),
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(fold),
                SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
                _ => None,
            })
            .collect(),
        SetExpr::SetOperation { left, .. } => output_names(left),
        SetExpr::Query(query) => output_names(&query.body),
        _ => None,
    }
}

struct Namer;

impl VisitorMut for Namer {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        name_set(&mut query.body);
        ControlFlow::Continue(())
    }

    /// The planner looks a function in FROM up by its first name only, so its schema becomes part of that.
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        if let TableFactor::UNNEST {
            alias: Some(alias), array_exprs, with_offset: false, with_ordinality: false, ..
        } = factor
            && array_exprs.len() == 1
        {
            name_column(alias);
        }
        let (TableFactor::Table { name, args: Some(_), alias, .. } | TableFactor::Function { name, alias, .. }) =
            factor
        else {
            return ControlFlow::Continue(());
        };
        let parts: Vec<String> = name.0.iter().filter_map(ObjectNamePart::as_ident).map(fold).collect();
        if parts.len() > 1 {
            let last = parts[parts.len() - 1].clone();
            *name = ObjectName::from(vec![Ident::with_quote('"', parts.join("."))]);
            alias.get_or_insert_with(|| TableAlias {
                explicit: true,
                name: Ident::with_quote('"', last),
                columns: vec![],
                at: None,
            });
        }
        if parts.last().is_some_and(|name| name == "generate_series") {
            name_series(alias);
        }
        ControlFlow::Continue(())
    }
}

/// The one column of a function is called as the function is, or as its alias is.
fn name_series(alias: &mut Option<TableAlias>) {
    let name = || Ident::new("generate_series");
    let alias = alias.get_or_insert_with(|| TableAlias { explicit: true, name: name(), columns: vec![], at: None });
    name_column(alias);
}

fn name_column(alias: &mut TableAlias) {
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
}

fn name_set(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => name_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            name_set(left);
            name_set(right);
        }
        _ => {}
    }
}

fn name_select(select: &mut Select) {
    let mut taken: HashSet<String> = HashSet::new();
    let names: Vec<Option<String>> = select
        .projection
        .iter()
        .map(|item| match item {
            SelectItem::UnnamedExpr(Expr::Identifier(i)) => Some(fold(i)),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(fold),
            SelectItem::UnnamedExpr(e) => Some(expr_name(e).unwrap_or_else(|| "?column?".into())),
            SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
            _ => None,
        })
        .collect();
    for (item, name) in select.projection.iter_mut().zip(names) {
        let Some(name) = name else { continue };
        let mut unique = name.clone();
        let mut n = 1;
        while !taken.insert(unique.clone()) {
            n += 1;
            unique = format!("{name}{REPEATED}{n}");
        }
        let alias = Ident::with_quote('"', unique.clone());
        match item {
            // A plain column keeps its table's name beside it, unless its name stands twice.
            SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) if unique == name => {}
            SelectItem::UnnamedExpr(e) => *item = SelectItem::ExprWithAlias { expr: e.clone(), alias },
            SelectItem::ExprWithAlias { alias: old, .. } if unique != name => *old = alias,
            _ => {}
        }
    }
}

/// An identifier without quotes is lower case.
pub fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// PostgreSQL's name for the column of an expression, `None` for `?column?` (FigureColname in its sources).
fn expr_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(i) => Some(fold(i)),
        Expr::CompoundIdentifier(parts) => parts.last().map(fold),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => expr_name(inner),
        Expr::AtTimeZone { .. } => Some("timezone".into()),
        Expr::Function(f) => match f.name.0.last() {
            Some(ObjectNamePart::Identifier(i)) => Some(fold(i)),
            _ => None,
        },
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, .. } => {
            let own = match expr.as_ref() {
                // Names of types give way to that of the outermost.
                Expr::Value(_) | Expr::Cast { .. } | Expr::TypedString(_) | Expr::Interval(_) | Expr::Case { .. } => {
                    cast_name(expr)
                }
                e => expr_name(e),
            };
            own.or_else(|| crate::SqlType::parse(data_type).ok().map(|t| short_type(&t)))
        }
        Expr::Case { else_result, .. } => {
            let from_else = else_result.as_deref().and_then(cast_name);
            Some(from_else.unwrap_or_else(|| "case".into()))
        }
        Expr::Extract { .. } => Some("extract".into()),
        Expr::Position { .. } => Some("position".into()),
        Expr::Substring { shorthand, .. } => Some(if *shorthand { "substr" } else { "substring" }.into()),
        Expr::Trim { trim_where, .. } => {
            use sqlparser::ast::TrimWhereField as W;
            Some(match trim_where {
                Some(W::Leading) => "ltrim".into(),
                Some(W::Trailing) => "rtrim".into(),
                _ => "btrim".into(),
            })
        }
        Expr::Overlay { .. } => Some("overlay".into()),
        Expr::Ceil { .. } => Some("ceil".into()),
        Expr::Floor { .. } => Some("floor".into()),
        Expr::Exists { .. } => Some("exists".into()),
        Expr::Array(_) => Some("array".into()),
        Expr::Interval(_) => Some("interval".into()),
        Expr::TypedString(t) => crate::SqlType::parse(&t.data_type).ok().map(|t| short_type(&t)),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(e)) => expr_name(e),
                Some(SelectItem::ExprWithAlias { alias, .. }) => Some(fold(alias)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The name of what casts stand around, if it has one of its own.
fn cast_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => cast_name(inner),
        Expr::Case { else_result, .. } => cast_name(else_result.as_deref()?),
        Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => None,
        other => expr_name(other),
    }
}

/// The catalog's name of a type, which names the column of a cast.
fn short_type(ty: &crate::SqlType) -> String {
    use crate::SqlType as T;
    match ty {
        T::Bool => "bool".into(),
        T::Int2 => "int2".into(),
        T::Int4 => "int4".into(),
        T::Int8 => "int8".into(),
        T::Float4 => "float4".into(),
        T::Float8 => "float8".into(),
        T::Numeric(_) => "numeric".into(),
        T::Varchar(_) => "varchar".into(),
        T::Timestamp => "timestamp".into(),
        T::TimestampTz => "timestamptz".into(),
        T::Array(element) => short_type(element),
        other => other.name(),
    }
}
