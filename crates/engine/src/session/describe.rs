//! Parameter types of statements that change rows: a value takes the type of the column that it goes to.

use super::outcome::output;
use super::{Described, Session};
use crate::catalog::{ObjectRef, TableDef};
use crate::read::Names;
use crate::statement::Change;
use crate::write;
use sluice_sql::{Result, SqlType, Tree, each_expr, fold};
use sqlparser::ast::{
    self, Assignment, Expr, FromTable, SelectItem, SetExpr, Statement as Ast, TableObject, TableWithJoins,
    UpdateTableFromKind, Value, With,
};
use std::sync::Arc;

impl Session {
    pub(crate) fn describe_change(&mut self, change: &Change, declared: &[Option<SqlType>]) -> Result<Described> {
        let (ast, with) = (&change.statement, change.with.as_ref());
        let mut params = Params { known: declared.to_vec() };
        params.count(ast);
        with.iter().flat_map(|w| &w.cte_tables).for_each(|c| params.count_in(Tree::Query(&c.query)));
        let returning = match ast {
            Ast::Insert(insert) => {
                if let TableObject::TableName(name) = &insert.table {
                    let def = self.def(name)?;
                    self.insert_params(&def, insert, &mut params);
                    insert.returning.as_ref().map(|r| (def, r))
                } else {
                    None
                }
            }
            Ast::Update(update) => {
                let def = self.target_def(&update.table)?;
                assignment_params(&def, &update.assignments, &mut params);
                let from = match &update.from {
                    Some(UpdateTableFromKind::AfterSet(from)) => from.as_slice(),
                    _ => &[],
                };
                self.condition_params(&update.table, from, update.selection.as_ref(), with, &mut params);
                update.returning.as_ref().map(|r| (def, r))
            }
            Ast::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                match from.first() {
                    Some(table) => {
                        let def = self.target_def(table)?;
                        let using = delete.using.as_deref().unwrap_or_default();
                        self.condition_params(table, using, delete.selection.as_ref(), with, &mut params);
                        delete.returning.as_ref().map(|r| (def, r))
                    }
                    None => None,
                }
            }
            _ => None,
        };
        let columns = match returning {
            None => None,
            Some((def, items)) => Some(self.returning_columns(&def, items)?),
        };
        Ok(Described { params: params.known.into_iter().map(|p| p.unwrap_or(SqlType::Text)).collect(), columns })
    }

    fn def(&self, name: &ast::ObjectName) -> Result<Arc<TableDef>> {
        let view = self.view();
        view.version.catalog.get(&ObjectRef::parse(name)?, &self.settings.search_path()).cloned()
    }

    fn target_def(&self, table: &ast::TableWithJoins) -> Result<Arc<TableDef>> {
        match &table.relation {
            ast::TableFactor::Table { name, .. } => self.def(name),
            _ => Err(sluice_sql::SqlError::new("42601", "a table name is expected")),
        }
    }

    fn insert_params(&self, def: &TableDef, insert: &ast::Insert, params: &mut Params) {
        let named: Vec<Option<usize>> = if insert.columns.is_empty() {
            (0..def.columns.len()).map(Some).collect()
        } else {
            insert.columns.iter().map(|c| ObjectRef::parse(c).ok().and_then(|r| def.position(&r.name))).collect()
        };
        let Some(source) = &insert.source else { return };
        match source.body.as_ref() {
            SetExpr::Values(values) => {
                for row in &values.rows {
                    for (value, position) in row.iter().zip(&named) {
                        if let Some(position) = position {
                            params.learn(value, &def.columns[*position].ty);
                        }
                    }
                }
            }
            _ => {
                if let Ok(planned) = self.plan(source, &params.known) {
                    params.take(planned.params);
                }
            }
        }
        if let Some(ast::OnInsert::OnConflict(c)) = &insert.on
            && let ast::OnConflictAction::DoUpdate(update) = &c.action
        {
            assignment_params(def, &update.assignments, params);
        }
    }

    /// What FROM, WHERE and WITH say of their parameters.
    fn condition_params(
        &self,
        table: &TableWithJoins,
        others: &[TableWithJoins],
        condition: Option<&Expr>,
        with: Option<&With>,
        params: &mut Params,
    ) {
        let condition = condition.map_or(String::new(), |c| format!(" WHERE {c}"));
        let query = crate::statement::parse_query(&format!("SELECT 1 FROM {table}{}{condition}", write::list(others)));
        let query = query.map(|q| ast::Query { with: with.cloned(), ..q });
        if let Ok(planned) = query.and_then(|q| self.plan(&q, &params.known)) {
            params.take(planned.params);
        }
    }

    fn returning_columns(&self, def: &Arc<TableDef>, items: &[SelectItem]) -> Result<Vec<super::OutputColumn>> {
        let items: Vec<String> = items.iter().map(ToString::to_string).collect();
        let query = format!("SELECT {} FROM \"{}\".\"{}\"", items.join(", "), def.schema, def.name);
        let view = self.view();
        let path = self.settings.search_path();
        let names = Names::new(&view, self.engine.context(), &path);
        let planned = self.engine.context().planner.plan(&crate::statement::parse_query(&query)?, &names, &[])?;
        Ok(output(planned.columns))
    }
}

fn assignment_params(def: &TableDef, assignments: &[Assignment], params: &mut Params) {
    // What is wrong with them is told when they run.
    for (name, value) in write::single_assignments(assignments).unwrap_or_default() {
        if let Some(position) = name.0.last().and_then(|p| p.as_ident()).and_then(|i| def.position(&fold(i))) {
            params.learn(value, &def.columns[position].ty);
        }
    }
}

/// Types of `$1`, `$2`, ... as far as they are known.
struct Params {
    known: Vec<Option<SqlType>>,
}

impl Params {
    /// Makes room for every parameter of the statement.
    fn count(&mut self, ast: &Ast) {
        self.count_in(Tree::Statement(ast));
    }

    fn count_in(&mut self, tree: Tree<'_>) {
        each_expr(tree, &mut |e| {
            if let Some(n) = number(e)
                && self.known.len() < n
            {
                self.known.resize(n, None);
            }
        });
    }

    fn learn(&mut self, value: &Expr, ty: &SqlType) {
        if let Some(slot) = number(value).and_then(|n| self.known.get_mut(n - 1)) {
            slot.get_or_insert_with(|| ty.clone());
        }
    }

    fn take(&mut self, found: Vec<Option<SqlType>>) {
        for (slot, found) in self.known.iter_mut().zip(found) {
            if slot.is_none() {
                *slot = found;
            }
        }
    }
}

/// The number of a parameter, from 1.
fn number(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(v) => match &v.value {
            Value::Placeholder(p) => p.strip_prefix('$')?.parse().ok().filter(|n| *n > 0),
            _ => None,
        },
        Expr::Nested(inner) => number(inner),
        _ => None,
    }
}
