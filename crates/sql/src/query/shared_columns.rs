//! Joins by name (USING, NATURAL): PostgreSQL puts their shared columns first and once, and in a RIGHT or FULL JOIN they
//! have the values of the side that is there. The planner does neither, so both are spelled out.

use super::names::{fold, name_columns, output_names, shown};
use super::scope::{ColumnsOf, Scopes};
use crate::walk::{Tree, TreeMut, each_expr, walk, walk_mut};
use crate::{Result, SqlError};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, NamedWindowDefinition, NamedWindowExpr,
    ObjectName, ObjectNamePart, OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins, Visitor,
    VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Spells out the shared columns of every join by name in `query`.
pub(crate) fn spell_out(query: &mut Query, columns: ColumnsOf<'_>) -> Result<()> {
    let mut finder = Finder { found: false };
    walk(Tree::Query(query), &mut finder)?;
    if !finder.found {
        return Ok(());
    }
    walk_mut(TreeMut::Query(query), &mut Merger { scopes: Scopes::new(columns) })
}

/// Looks for a join by name.
struct Finder {
    found: bool,
}

impl Visitor for Finder {
    type Break = SqlError;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        self.found |= select.from.iter().any(|t| any_join(t, &by_name));
        ControlFlow::Continue(())
    }
}

fn any_join(table: &TableWithJoins, is: &dyn Fn(&JoinOperator) -> bool) -> bool {
    let nested = |factor: &TableFactor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => any_join(table_with_joins, is),
        _ => false,
    };
    nested(&table.relation) || table.joins.iter().any(|j| is(&j.join_operator) || nested(&j.relation))
}

fn by_name(join: &JoinOperator) -> bool {
    matches!(constraint(join), Some(JoinConstraint::Using(_) | JoinConstraint::Natural))
}

fn constraint(join: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator as J;
    match join {
        J::Join(c) | J::Inner(c) | J::Left(c) | J::LeftOuter(c) | J::Right(c) | J::RightOuter(c) | J::FullOuter(c) => {
            Some(c)
        }
        _ => None,
    }
}

fn constraint_mut(join: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    use JoinOperator as J;
    match join {
        J::Join(c) | J::Inner(c) | J::Left(c) | J::LeftOuter(c) | J::Right(c) | J::RightOuter(c) | J::FullOuter(c) => {
            Some(c)
        }
        _ => None,
    }
}

struct Merger<'a> {
    scopes: Scopes<'a>,
}

impl VisitorMut for Merger<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.scopes.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        let done = self.query(query);
        self.scopes.leave();
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => ControlFlow::Break(e),
        }
    }
}

/// A column of what FROM gives, and the expression that stands for it.
#[derive(Clone)]
struct Column {
    name: String,
    expr: Expr,
    shared: bool,
}

impl Merger<'_> {
    fn query(&self, query: &mut Query) -> Result<()> {
        let mut meaning = None;
        let mut outputs = vec![];
        if let SetExpr::Select(select) = query.body.as_mut() {
            meaning = self.select(select)?;
            outputs = select.projection.iter().filter_map(output_name).collect();
        } else {
            self.set(&mut query.body)?;
        }
        let (Some(meaning), Some(order_by)) = (meaning, &mut query.order_by) else { return Ok(()) };
        let OrderByKind::Expressions(order) = &mut order_by.kind else { return Ok(()) };
        for key in order {
            // By itself, the name of an output column is that column.
            if !matches!(&key.expr, Expr::Identifier(i) if outputs.contains(&fold(i))) {
                self.substitute(&meaning, TreeMut::Expr(&mut key.expr))?;
            }
        }
        Ok(())
    }

    fn set(&self, body: &mut SetExpr) -> Result<()> {
        match body {
            SetExpr::Select(select) => self.select(select).map(|_| ()),
            SetExpr::SetOperation { left, right, .. } => {
                self.set(left)?;
                self.set(right)
            }
            _ => Ok(()),
        }
    }

    /// Returns what the names of shared columns mean.
    fn select(&self, select: &mut Select) -> Result<Option<HashMap<String, Expr>>> {
        if !select.from.iter().any(|t| any_join(t, &by_name)) {
            return Ok(None);
        }
        let mut columns = vec![];
        for table in &mut select.from {
            columns.extend(self.joined(table)?);
        }
        expand_wildcards(select, &columns);
        let meaning = meaning(&columns);
        self.substitute_all(&meaning, select)?;
        Ok(Some(meaning))
    }

    /// The columns of a chain of joins, whose joins by name get the conditions that they stand for.
    fn joined(&self, table: &mut TableWithJoins) -> Result<Vec<Column>> {
        let mut left = self.factor(&mut table.relation)?;
        for Join { relation, join_operator, .. } in &mut table.joins {
            let right = self.factor(relation)?;
            let shared = match constraint(join_operator) {
                Some(JoinConstraint::Using(names)) => using(names)?,
                Some(JoinConstraint::Natural) => {
                    let there = |c: &&Column| right.iter().any(|r| r.name == c.name);
                    left.iter().filter(there).map(|c| c.name.clone()).collect()
                }
                _ => {
                    left.extend(right);
                    if let Some(JoinConstraint::On(condition)) = constraint_mut(join_operator) {
                        self.substitute(&meaning(&left), TreeMut::Expr(condition))?;
                    }
                    continue;
                }
            };
            let (columns, condition) = merged(&left, &right, &shared, join_operator)?;
            left = columns;
            if let Some(constraint) = constraint_mut(join_operator) {
                *constraint = JoinConstraint::On(condition);
            }
        }
        Ok(left)
    }

    fn factor(&self, factor: &mut TableFactor) -> Result<Vec<Column>> {
        if let TableFactor::NestedJoin { table_with_joins, alias } = factor {
            if alias.is_some() && any_join(table_with_joins, &by_name) {
                return Err(SqlError::unsupported(
                    "an alias of a join with USING or NATURAL",
                    "Write a subquery: (SELECT * FROM ... JOIN ...) AS t.",
                ));
            }
            if alias.is_none() {
                return self.joined(table_with_joins);
            }
        }
        let qualifier = qualifier(factor);
        let column = |name: String| {
            let ident = Ident::with_quote('"', &name);
            let expr = match &qualifier {
                Some(q) => Expr::CompoundIdentifier(vec![q.clone(), ident]),
                None => Expr::Identifier(ident),
            };
            Column { name, expr, shared: false }
        };
        Ok(self.factor_names(factor)?.into_iter().map(column).collect())
    }

    fn factor_names(&self, factor: &TableFactor) -> Result<Vec<String>> {
        if let TableFactor::Derived { subquery, alias, .. } = factor {
            let mut named = subquery.as_ref().clone();
            name_columns(&mut named);
            if let Some(mut names) = output_names(&named.body) {
                names.iter_mut().for_each(|n| *n = shown(n).to_string());
                let renamed = alias.iter().flat_map(|a| &a.columns);
                names.iter_mut().zip(renamed).for_each(|(n, c)| *n = fold(&c.name));
                return Ok(names);
            }
        }
        self.scopes.columns(&[TableWithJoins { relation: factor.clone(), joins: vec![] }])
    }

    fn substitute_all(&self, meaning: &HashMap<String, Expr>, select: &mut Select) -> Result<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(Expr::Identifier(i)) = item
                && let Some(expr) = meaning.get(&fold(i))
            {
                let alias = Ident::with_quote('"', fold(i));
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
            self.substitute(meaning, TreeMut::Item(item))?;
        }
        let mut exprs: Vec<&mut Expr> = select.selection.iter_mut().chain(&mut select.having).collect();
        if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
            exprs.extend(keys);
        }
        if let Some(Distinct::On(keys)) = &mut select.distinct {
            exprs.extend(keys);
        }
        for NamedWindowDefinition(_, window) in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = window {
                exprs.extend(spec.partition_by.iter_mut().chain(spec.order_by.iter_mut().map(|o| &mut o.expr)));
            }
        }
        for expr in exprs {
            self.substitute(meaning, TreeMut::Expr(expr))?;
        }
        Ok(())
    }

    fn substitute(&self, meaning: &HashMap<String, Expr>, tree: TreeMut<'_>) -> Result<()> {
        walk_mut(tree, &mut Substitute { meaning, scopes: &self.scopes, hidden: vec![] })
    }
}

/// The columns after a join by name, and the condition that it stands for.
fn merged(left: &[Column], right: &[Column], shared: &[String], join: &JoinOperator) -> Result<(Vec<Column>, Expr)> {
    let mut columns = vec![];
    let mut conditions = vec![];
    for name in shared {
        let (l, r) = (only(left, name, "left")?, only(right, name, "right")?);
        conditions.push(format!("{} = {}", l.expr, r.expr));
        let expr = match join {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => r.expr.clone(),
            JoinOperator::FullOuter(_) => parsed(&format!("coalesce({}, {})", l.expr, r.expr))?,
            _ => l.expr.clone(),
        };
        columns.push(Column { name: name.clone(), expr, shared: true });
    }
    let rest = left.iter().chain(right).filter(|c| !shared.contains(&c.name));
    columns.extend(rest.cloned());
    let condition = if conditions.is_empty() { "true".to_string() } else { conditions.join(" AND ") };
    Ok((columns, parsed(&condition)?))
}

fn parsed(text: &str) -> Result<Expr> {
    Ok(Parser::new(&PostgreSqlDialect {}).try_with_sql(text)?.parse_expr()?)
}

fn only<'a>(columns: &'a [Column], name: &str, side: &str) -> Result<&'a Column> {
    let mut named = columns.iter().filter(|c| c.name == name);
    match (named.next(), named.next()) {
        (Some(column), None) => Ok(column),
        (None, _) => {
            let message = format!("column \"{name}\" specified in USING clause does not exist in {side} table");
            Err(SqlError::new("42703", message))
        }
        _ => {
            let message = format!("common column name \"{name}\" appears more than once in {side} table");
            Err(SqlError::new("42702", message).hint("Write ON, with the tables' names before the columns."))
        }
    }
}

fn using(names: &[ObjectName]) -> Result<Vec<String>> {
    let ident = |name: &ObjectName| name.0.last().and_then(ObjectNamePart::as_ident).map(fold);
    let names = names.iter().map(|n| ident(n).ok_or_else(|| SqlError::new("42601", format!("\"{n}\" is no column"))));
    names.collect()
}

/// What stands before the columns of a table in FROM.
pub(super) fn qualifier(factor: &TableFactor) -> Option<Ident> {
    let (name, alias) = match factor {
        TableFactor::Table { name, alias, .. } | TableFactor::Function { name, alias, .. } => (Some(name), alias),
        TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => (None, alias),
        _ => return None,
    };
    let own = || name.and_then(|n| n.0.last()).and_then(ObjectNamePart::as_ident);
    let ident = alias.as_ref().map(|a| &a.name).or_else(own)?;
    Some(Ident::with_quote('"', fold(ident)))
}

fn expand_wildcards(select: &mut Select, columns: &[Column]) {
    let listed = |c: &Column| match &c.expr {
        Expr::CompoundIdentifier(_) | Expr::Identifier(_) => SelectItem::UnnamedExpr(c.expr.clone()),
        other => SelectItem::ExprWithAlias { expr: other.clone(), alias: Ident::with_quote('"', &c.name) },
    };
    let items = std::mem::take(&mut select.projection);
    for item in items {
        match item {
            SelectItem::Wildcard(_) => select.projection.extend(columns.iter().map(listed)),
            other => select.projection.push(other),
        }
    }
}

/// The name of an output column that has one.
fn output_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(i)) => Some(fold(i)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(fold),
        _ => None,
    }
}

/// What the names of shared columns stand for, those that are clear.
fn meaning(columns: &[Column]) -> HashMap<String, Expr> {
    let clear = |c: &&Column| c.shared && columns.iter().filter(|other| other.name == c.name).count() == 1;
    columns.iter().filter(clear).map(|c| (c.name.clone(), c.expr.clone())).collect()
}

/// Puts what shared columns stand for where they are named, except where a subquery has a column of that name.
struct Substitute<'a, 'b> {
    meaning: &'a HashMap<String, Expr>,
    scopes: &'a Scopes<'b>,
    hidden: Vec<Vec<String>>,
}

impl VisitorMut for Substitute<'_, '_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        let mut named = false;
        each_expr(Tree::Query(query), &mut |e| {
            named |= matches!(e, Expr::Identifier(i) if self.meaning.contains_key(&fold(i)));
        });
        // Only a subquery that has such a name needs to know whose it is.
        let own = if named { self.scopes.columns_within(query) } else { Ok(vec![]) };
        match own {
            Ok(own) => {
                self.hidden.push(own);
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Break(SqlError::unsupported(
                "a shared column of a RIGHT or FULL JOIN in this subquery",
                "Write ON, and coalesce(a.x, b.x) for the shared columns.",
            )),
        }
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.hidden.pop();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if let Expr::Identifier(i) = expr {
            let name = fold(i);
            if let Some(meant) = self.meaning.get(&name)
                && !self.hidden.iter().flatten().any(|h| *h == name)
            {
                *expr = meant.clone();
            }
        }
        ControlFlow::Continue(())
    }
}
