//! Statements that change definitions, one file a statement.

mod alter;
mod alter_column;
mod alter_type;
mod columns;
mod constraint;
mod drop;
mod index;
mod options;
mod replace;
mod role;
mod schema;
mod show;
mod table;
mod uses;
mod view;

pub(crate) use options::{check_schedule, parse_mode};
pub(crate) use view::NewView;

use super::{Outcome, Session};
use crate::catalog::{Catalog, ObjectRef};
use crate::read::Staged;
use crate::statement::Statement;
use crate::write::WriteSet;
use sluice_sql::{Result, SqlError};
use sqlparser::ast::Statement as Ast;
use std::sync::Arc;

/// How often a statement is decided while others write.
const TRIES: usize = 3;

impl Session {
    /// Outside of a block, a change of definitions that another change came before is decided again; if that happens
    /// too often, others wait.
    pub(crate) async fn define(&mut self, statement: &Statement) -> Result<Outcome> {
        if self.block.is_some() {
            return self.define_once(statement).await;
        }
        let notices = self.notices.len();
        let mut tries = 0;
        loop {
            let held = if tries < TRIES { None } else { Some(self.hold_others().await?) };
            self.defines_from = Some(self.engine.version());
            let outcome = self.define_once(statement).await;
            self.defines_from = None;
            match outcome {
                Err(e) if held.is_none() && e.code == "40001" => self.notices.truncate(notices),
                outcome => return outcome,
            }
            tries += 1;
        }
    }

    async fn define_once(&mut self, statement: &Statement) -> Result<Outcome> {
        match statement {
            Statement::Sql(ast) => self.define_object(ast).await,
            Statement::Role(role) => self.change_roles(role).await,
            Statement::TableAs(table) => self.create_table_as(table).await,
            Statement::Change(_) | Statement::Refresh(_) | Statement::Nothing { .. } => {
                Err(SqlError::internal("not a definition"))
            }
        }
    }

    async fn define_object(&mut self, ast: &Ast) -> Result<Outcome> {
        match ast {
            Ast::CreateTable(create) => self.create_table(create).await,
            Ast::CreateView(create) => self.create_view(create).await,
            Ast::CreateSchema { schema_name, if_not_exists, .. } => {
                self.create_schema(schema_name, *if_not_exists).await
            }
            Ast::CreateIndex(create) => self.create_index(create).await,
            Ast::Drop { object_type, if_exists, names, cascade, .. } => {
                self.drop(*object_type, *if_exists, names, *cascade).await
            }
            Ast::Truncate(truncate) => self.truncate(truncate).await,
            Ast::AlterTable(alter) => self.alter_table(alter).await,
            other => {
                let text = other.to_string();
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                Err(SqlError::unsupported(words.join(" "), "See docs/sql.md for the statements there are."))
            }
        }
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.view().version.catalog)
    }

    /// Runs several steps as one transaction.
    async fn in_block(&mut self, steps: impl AsyncFnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let own = self.block.is_none();
        if own {
            let block = self.new_block(true);
            let same = self.defines_from.as_ref().is_none_or(|v| Arc::ptr_eq(&v.catalog, &block.version.catalog));
            if !same {
                return Err(SqlError::new("40001", "could not serialize access: definitions changed meanwhile"));
            }
            self.block = Some(block);
        }
        let result = steps(self).await;
        if !own {
            return result;
        }
        let block = self.block.take();
        result?;
        match block {
            Some(block) => self.submit_block(block).await,
            None => Ok(()),
        }
    }

    fn stage(&mut self, table: i64, staged: Staged) -> Result<()> {
        let mut writes = WriteSet::default();
        writes.tables.insert(table, staged);
        match &mut self.block {
            Some(block) => block.writes.merge(&writes),
            None => Err(SqlError::internal("no open transaction")),
        }
    }

    fn exists(&self, catalog: &Catalog, name: &ObjectRef) -> Result<bool> {
        let schema = catalog.creation_schema(name, &self.settings.search_path())?;
        let full = ObjectRef { schema: Some(schema), name: name.name.clone() };
        Ok(catalog.find(&full, &[]).is_some())
    }
}
