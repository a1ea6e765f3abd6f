//! ALTER TABLE: each action in turn, all in one transaction.

use crate::catalog::{ObjectRef, TableDef};
use crate::session::{Outcome, Session};
use crate::tick::{Alteration, DdlOp};
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation as Action, DropBehavior, Ident, RenameTableNameKind,
};
use std::sync::Arc;

impl Session {
    pub(super) async fn alter_table(&mut self, alter: &AlterTable) -> Result<Outcome> {
        if alter.location.is_some() || alter.on_cluster.is_some() || alter.table_type.is_some() {
            return Err(SqlError::unsupported("a clause of another SQL dialect", "Write ALTER TABLE name action."));
        }
        let name = ObjectRef::parse(&alter.name)?;
        let catalog = self.catalog();
        let Some(def) = catalog.find(&name, &self.settings.search_path()) else {
            if alter.if_exists {
                self.notice(format!("relation \"{}\" does not exist, skipping", name.shown()), None);
                return Ok(Outcome::done("ALTER TABLE"));
            }
            return Err(catalog.get(&name, &self.settings.search_path()).err().unwrap_or_else(Self::lost));
        };
        let id = def.id;
        self.in_block(async |session| {
            for action in &alter.operations {
                session.alter_one(id, action).await?;
            }
            Ok(())
        })
        .await?;
        Ok(Outcome::done("ALTER TABLE"))
    }

    async fn alter_one(&mut self, id: i64, action: &Action) -> Result<()> {
        let def = self.table_by_id(id)?;
        if let Action::RenameTable { table_name } = action {
            let (RenameTableNameKind::To(name) | RenameTableNameKind::As(name)) = table_name;
            return self.rename_table(&def, ObjectRef::parse(name)?.name).await;
        }
        if def.parts().is_none() {
            let message = format!("ALTER action cannot be performed on relation \"{}\"", def.name);
            return Err(SqlError::new("42809", message)
                .detail(format!("This operation is not supported for a {}.", def.kind_name()))
                .hint("It follows from its query: drop it and create it again."));
        }
        self.refuse_unbound_readers(&def)?;
        match action {
            Action::AddColumn { if_not_exists, column_def, column_position: None, .. } => {
                self.add_column(&def, column_def, *if_not_exists).await
            }
            Action::DropColumn { column_names, if_exists, drop_behavior, .. } => {
                for name in column_names {
                    let def = self.table_by_id(id)?;
                    self.drop_column(&def, &fold(name), *if_exists, cascades(drop_behavior)).await?;
                }
                Ok(())
            }
            Action::RenameColumn { old_column_name, new_column_name } => {
                self.rename_column(&def, &fold(old_column_name), &fold(new_column_name)).await
            }
            Action::AlterColumn { column_name, op } => self.alter_column(&def, column_name, op).await,
            Action::AddConstraint { constraint, not_valid: false } => self.add_constraint(&def, constraint).await,
            Action::DropConstraint { if_exists, name, drop_behavior } => {
                self.drop_constraint(&def, &fold(name), *if_exists, cascades(drop_behavior)).await
            }
            other => Err(SqlError::unsupported(
                format!("ALTER TABLE ... {other}"),
                "Actions: ADD, DROP, RENAME and ALTER of a column, ADD and DROP CONSTRAINT, RENAME TO.",
            )),
        }
    }

    async fn alter_column(&mut self, def: &TableDef, name: &Ident, op: &AlterColumnOperation) -> Result<()> {
        let position = self.column_position(def, &fold(name))?;
        match op {
            AlterColumnOperation::SetNotNull => self.set_not_null(def, position).await,
            AlterColumnOperation::DropNotNull => self.drop_not_null(def, position).await,
            AlterColumnOperation::SetDefault { value } => {
                self.set_default(def, position, Some(value.to_string())).await
            }
            AlterColumnOperation::DropDefault => self.set_default(def, position, None).await,
            AlterColumnOperation::SetDataType { data_type, using, .. } => {
                self.set_type(def, position, data_type, using.as_ref()).await
            }
            AlterColumnOperation::AddGenerated { .. } => Err(SqlError::unsupported(
                "ALTER COLUMN ADD GENERATED",
                "Add another column: ADD COLUMN name bigint GENERATED ALWAYS AS IDENTITY.",
            )),
        }
    }

    async fn rename_table(&mut self, def: &TableDef, name: String) -> Result<()> {
        let catalog = self.catalog();
        let taken = ObjectRef { schema: Some(def.schema.clone()), name: name.clone() };
        if catalog.find(&taken, &[]).is_some() || catalog.find_index(&taken, &[]).is_some() {
            return Err(SqlError::new("42P07", format!("relation \"{name}\" already exists"))
                .hint("Choose another name, or drop it first."));
        }
        if let Some(view) = catalog.readers(def.id).into_iter().find(|v| v.sources().is_empty()) {
            let message = format!("cannot rename \"{}\": \"{}\" reads it by name", def.name, view.name);
            return Err(
                SqlError::new("2BP01", message).hint("Drop the view, rename the table, and create the view again.")
            );
        }
        let mut ops = vec![];
        if def.parts().is_some_and(|p| !p.checks.is_empty()) {
            ops.push(DdlOp::redefine(super::columns::without_table_name(def)?));
        }
        ops.push(DdlOp::Rename { id: def.id, name });
        self.submit_ddl(ops).await
    }

    /// Hands in an alteration of one table.
    pub(super) async fn submit_alteration(&mut self, alteration: Alteration) -> Result<()> {
        self.submit_ddl(vec![DdlOp::Alter(Box::new(alteration))]).await
    }

    pub(super) fn table_by_id(&self, id: i64) -> Result<Arc<TableDef>> {
        self.catalog().by_id(id).cloned().ok_or_else(Self::lost)
    }

    pub(super) fn lost() -> SqlError {
        SqlError::internal("found and lost")
    }

    /// Where a column is, or PostgreSQL's error with the nearest name.
    pub(super) fn column_position(&self, def: &TableDef, name: &str) -> Result<usize> {
        def.position(name).ok_or_else(|| {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", def.name);
            let error = SqlError::new("42703", message);
            match sluice_sql::nearest(name, def.columns.iter().map(|c| c.name.as_str())) {
                Some(near) => error.hint(format!("Perhaps you meant \"{near}\".")),
                None => error,
            }
        })
    }
}

fn cascades(behavior: &Option<DropBehavior>) -> bool {
    matches!(behavior, Some(DropBehavior::Cascade))
}
