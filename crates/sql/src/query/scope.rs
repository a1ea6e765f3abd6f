//! Which columns the tables in FROM have, at any place of a query: the planner is asked, with the queries of WITH that
//! are known there.

use super::names::fold;
use crate::{Result, SqlError};
use sqlparser::ast::{Cte, Query, SetExpr, TableFactor, TableWithJoins};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Names the output columns of a query.
pub(crate) type ColumnsOf<'a> = &'a dyn Fn(&Query) -> Result<Vec<String>>;

/// The queries that are open during a walk, outer ones first.
pub(crate) struct Scopes<'a> {
    planned: ColumnsOf<'a>,
    open: Vec<Scope>,
}

struct Scope {
    ctes: Vec<Cte>,
    /// How many queries directly inside were entered; those of WITH come first.
    entered: usize,
}

impl Scope {
    /// The queries of WITH that the one inside that was entered last knows; those of a recursive one are cut off too,
    /// as they cannot be planned by themselves.
    fn known(&self) -> &[Cte] {
        &self.ctes[..self.entered.saturating_sub(1).min(self.ctes.len())]
    }

    /// One that is being read cannot be planned.
    fn is_open(&self, name: &str) -> bool {
        self.ctes[self.known().len()..].iter().any(|cte| fold(&cte.alias.name) == name)
    }
}

impl<'a> Scopes<'a> {
    pub(crate) fn new(planned: ColumnsOf<'a>) -> Self {
        Self { planned, open: vec![] }
    }

    /// Call it before a query's parts are visited.
    pub(crate) fn enter(&mut self, query: &Query) {
        if let Some(outer) = self.open.last_mut() {
            outer.entered += 1;
        }
        let ctes = query.with.as_ref().map(|w| w.cte_tables.clone()).unwrap_or_default();
        self.open.push(Scope { ctes, entered: 0 });
    }

    /// Call it after a query's parts were visited.
    pub(crate) fn leave(&mut self) {
        self.open.pop();
    }

    /// The columns of FROM in the query that was entered last.
    pub(crate) fn columns(&self, from: &[TableWithJoins]) -> Result<Vec<String>> {
        let Some((innermost, outer)) = self.open.split_last() else {
            return Err(SqlError::internal("no query is open"));
        };
        for table in from {
            if let TableFactor::Table { name, args: None, .. } = &table.relation
                && name.0.len() == 1
                && let Some(name) = name.0[0].as_ident().map(fold)
                && outer.last().is_some_and(|o| o.is_open(&name))
            {
                return Err(SqlError::unsupported(
                    format!("SELECT * over a join by name with \"{name}\" inside of its own definition"),
                    "List the columns and write ON.",
                ));
            }
        }
        let mut query = every_column(from)?;
        query = with(query, &innermost.ctes)?;
        for scope in outer.iter().rev() {
            query = with(query, scope.known())?;
        }
        (self.planned)(&query)
    }

    /// The columns of FROM in `query`, which stands in the query that was entered last.
    pub(crate) fn columns_within(&self, query: &Query) -> Result<Vec<String>> {
        let ctes = query.with.as_ref().map(|w| w.cte_tables.clone()).unwrap_or_default();
        let mut names = vec![];
        let mut bodies = vec![query.body.as_ref()];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::Select(select) if !select.from.is_empty() => {
                    let mut query = with(every_column(&select.from)?, &ctes)?;
                    for scope in self.open.iter().rev() {
                        query = with(query, &scope.ctes)?;
                    }
                    names.extend((self.planned)(&query)?);
                }
                SetExpr::SetOperation { left, right, .. } => bodies.extend([left.as_ref(), right.as_ref()]),
                _ => {}
            }
        }
        Ok(names)
    }
}

fn every_column(from: &[TableWithJoins]) -> Result<Query> {
    let mut query = parsed("SELECT * FROM t")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.from = from.to_vec();
    }
    Ok(query)
}

/// The query where these queries of WITH are known.
fn with(query: Query, ctes: &[Cte]) -> Result<Query> {
    if ctes.is_empty() {
        return Ok(query);
    }
    let mut outer = parsed("WITH t AS (SELECT 1) SELECT * FROM (SELECT 1) AS __from")?;
    if let Some(with) = &mut outer.with {
        with.cte_tables = ctes.to_vec();
    }
    if let SetExpr::Select(select) = outer.body.as_mut()
        && let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|t| &mut t.relation)
    {
        **subquery = query;
    }
    Ok(outer)
}

fn parsed(text: &str) -> Result<Query> {
    Ok(*Parser::new(&PostgreSqlDialect {}).try_with_sql(text)?.parse_query()?)
}
