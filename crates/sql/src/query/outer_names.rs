//! Tables of an outer query that a column of an inner one hides: with a column `o` in its FROM, the planner takes `o.id`
//! of a subquery for a part of that column, where PostgreSQL finds the outer table `o`. Such tables get other names.

use super::names::fold;
use super::shared_columns::qualifier;
use crate::walk::{Tree, TreeMut, walk, walk_mut};
use crate::{Result, SqlError};
use arrow::datatypes::Field;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::Expr as PlannedExpr;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias,
    TableFactor, TableWithJoins, Visitor, VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow::{self, Break, Continue};

/// Columns have no fields: `o.id` is the column `id` of a table `o`, or none.
#[derive(Debug)]
pub(crate) struct NoFields;

impl ExprPlanner for NoFields {
    fn plan_compound_identifier(
        &self,
        field: &Field,
        _: Option<&TableReference>,
        nested_names: &[String],
    ) -> datafusion::error::Result<PlannerResult<Vec<PlannedExpr>>> {
        let name = nested_names.join(".");
        let column = Column::new(Some(TableReference::bare(field.name().as_str())), name);
        Ok(PlannerResult::Planned(PlannedExpr::Column(column)))
    }
}

/// Whether planning may have failed because a column hides a table.
pub(crate) fn is_hidden(error: &SqlError) -> bool {
    // The second is said where the column is an outer query's.
    is_missing_column(error) || error.message.contains("not yet supported for OuterReferenceColumn")
}

pub(crate) fn is_missing_column(error: &SqlError) -> bool {
    error.code == "42703"
}

/// Gives each table that a subquery names as one outside of it a name that no column has. Returns whether there is one.
pub(crate) fn rename(query: &mut Query) -> Result<bool> {
    let mut renamer = Renamer { renamed: 0 };
    walk_mut(TreeMut::Query(query), &mut renamer)?;
    Ok(renamer.renamed > 0)
}

struct Renamer {
    renamed: usize,
}

impl VisitorMut for Renamer {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        // The queries of WITH do not see what is in FROM.
        let with = query.with.take();
        let done = self.query(query);
        query.with = with;
        match done {
            Ok(()) => Continue(()),
            Err(e) => Break(e),
        }
    }
}

impl Renamer {
    fn query(&mut self, query: &mut Query) -> Result<()> {
        if let SetExpr::SetOperation { left, right, .. } = query.body.as_mut() {
            self.part(left)?;
            return self.part(right);
        }
        for name in tables(&query.body).iter().filter_map(|t| renamable(t)).collect::<Vec<_>>() {
            let mut finder = Finder { name: &name, hidden: vec![], found: false };
            walk(Tree::Query(query), &mut finder)?;
            if finder.found {
                let new = Ident::with_quote('"', format!("__outer_{}", self.renamed));
                self.renamed += 1;
                if let SetExpr::Select(select) = query.body.as_mut() {
                    select.from.iter_mut().for_each(|table| rename_table(table, &name, &new));
                }
                walk_mut(TreeMut::Query(query), &mut References { name: &name, new, hidden: vec![] })?;
            }
        }
        Ok(())
    }

    /// One side of a set operation.
    fn part(&mut self, part: &mut SetExpr) -> Result<()> {
        let mut query = *Parser::new(&PostgreSqlDialect {}).try_with_sql("SELECT 1")?.parse_query()?;
        std::mem::swap(query.body.as_mut(), part);
        let done = self.query(&mut query);
        std::mem::swap(query.body.as_mut(), part);
        done
    }
}

/// The tables in FROM, all of them in a set operation.
fn tables(body: &SetExpr) -> Vec<&TableFactor> {
    let mut tables = vec![];
    match body {
        SetExpr::Select(select) => select.from.iter().for_each(|table| joined(table, &mut tables)),
        SetExpr::SetOperation { left, right, .. } => {
            tables.extend(self::tables(left));
            tables.extend(self::tables(right));
        }
        _ => {}
    }
    tables
}

fn joined<'a>(table: &'a TableWithJoins, tables: &mut Vec<&'a TableFactor>) {
    for factor in std::iter::once(&table.relation).chain(table.joins.iter().map(|j| &j.relation)) {
        match factor {
            TableFactor::NestedJoin { table_with_joins, alias: None } => joined(table_with_joins, tables),
            factor => tables.push(factor),
        }
    }
}

/// The name of a table that can have another one: the name of a function is also that of its column.
fn renamable(table: &TableFactor) -> Option<String> {
    let plain = matches!(table, TableFactor::Table { args: None, .. } | TableFactor::Derived { .. });
    qualifier(table).filter(|_| plain).map(|ident| fold(&ident))
}

fn rename_table(table: &mut TableWithJoins, name: &str, new: &Ident) {
    let joins = table.joins.iter_mut().map(|j| &mut j.relation);
    for factor in std::iter::once(&mut table.relation).chain(joins) {
        if renamable(factor).as_deref() == Some(name)
            && let TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } = factor
        {
            match alias {
                Some(alias) => alias.name = new.clone(),
                None => *alias = Some(TableAlias { explicit: true, name: new.clone(), columns: vec![], at: None }),
            }
        } else if let TableFactor::NestedJoin { table_with_joins, alias: None } = factor {
            rename_table(table_with_joins, name, new);
        }
    }
}

fn has_table(query: &Query, name: &str) -> bool {
    tables(&query.body).iter().any(|t| qualifier(t).is_some_and(|ident| fold(&ident) == name))
}

/// Looks for a column of an outer table in subqueries.
struct Finder<'a> {
    name: &'a str,
    /// For each query that is open, whether it has a table of that name itself.
    hidden: Vec<bool>,
    found: bool,
}

impl Visitor for Finder<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        self.hidden.push(!self.hidden.is_empty() && has_table(query, self.name));
        Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<SqlError> {
        self.hidden.pop();
        Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [table, _] = parts.as_slice()
        {
            self.found |= self.hidden.len() > 1 && !self.hidden.contains(&true) && fold(table) == self.name;
        }
        Continue(())
    }
}

/// Changes the name where it means the renamed table.
struct References<'a> {
    name: &'a str,
    new: Ident,
    hidden: Vec<bool>,
}

impl References<'_> {
    fn means_it(&self, table: &Ident) -> bool {
        fold(table) == self.name && !self.hidden.contains(&true)
    }
}

impl VisitorMut for References<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.hidden.push(has_table(query, self.name));
        Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<SqlError> {
        self.hidden.pop();
        Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        for item in &mut select.projection {
            if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item
                && let [part] = name.0.as_slice()
                && part.as_ident().is_some_and(|table| self.means_it(table))
            {
                *name = ObjectName::from(vec![self.new.clone()]);
            }
        }
        Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [table, _] = parts.as_mut_slice()
            && self.means_it(table)
        {
            *table = self.new.clone();
        }
        Continue(())
    }
}
