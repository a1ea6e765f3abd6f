//! CREATE TABLE, CREATE TABLE AS and TRUNCATE.

use super::columns::refuse_other_clauses;
use super::view::stored_columns;
use crate::catalog::{Catalog, Kind, ObjectRef, TableDef, TableParts};
use crate::read::Staged;
use crate::session::{Outcome, Session};
use crate::statement::TableAs;
use crate::tick::DdlOp;
use crate::write::Target;
use arrow::array::RecordBatch;
use sluice_sql::{Result, SqlError};
use sqlparser::ast::{CreateTable, Truncate};
use std::sync::Arc;

impl Session {
    pub(super) async fn create_table(&mut self, create: &CreateTable) -> Result<Outcome> {
        let catalog = self.catalog();
        if self.is_there(create, &catalog)? {
            return Ok(Outcome::done("CREATE TABLE"));
        }
        let def = self.table_def(create, &catalog)?;
        self.check_expressions(&def).await?;
        self.submit_ddl(vec![DdlOp::Create(Box::new(def))]).await?;
        Ok(Outcome::done("CREATE TABLE"))
    }

    /// Whether there is nothing to create, as IF NOT EXISTS wants it.
    fn is_there(&mut self, create: &CreateTable, catalog: &Catalog) -> Result<bool> {
        refuse_other_clauses(create)?;
        let name = ObjectRef::parse(&create.name)?;
        if self.exists(catalog, &name)? {
            if create.if_not_exists {
                self.skipping(&name.name);
                return Ok(true);
            }
            return Err(SqlError::new("42P07", format!("relation \"{}\" already exists", name.name))
                .hint("Choose another name, or drop it first."));
        }
        if create.or_replace {
            return Err(SqlError::unsupported(
                "CREATE OR REPLACE TABLE",
                "Drop the table first, or create a materialized view.",
            ));
        }
        Ok(false)
    }

    /// Defaults and checks must be expressions that can be evaluated: tried on no rows.
    pub(super) async fn check_expressions(&self, def: &TableDef) -> Result<()> {
        let target = Target::of(Arc::new(def.clone()));
        let none = RecordBatch::new_empty(Arc::clone(&target.schema));
        let view = self.view();
        let checks =
            def.parts().map(|p| p.checks.iter().map(|c| c.condition.clone()).collect::<Vec<_>>()).unwrap_or_default();
        for expr in checks {
            crate::write::evaluate(self.engine.context(), &view, &target, &none, &expr).await?;
        }
        let empty = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
        for column in &def.columns {
            if let Some(default) = &column.default {
                let values = crate::write::evaluate(self.engine.context(), &view, &target, &empty, default).await?;
                sluice_sql::cast_column(&values, &column.ty.arrow())?;
            }
        }
        Ok(())
    }

    pub(super) async fn create_table_as(&mut self, table: &TableAs) -> Result<Outcome> {
        let TableAs { create, columns, filled } = table;
        let catalog = self.catalog();
        if self.is_there(create, &catalog)? {
            return Ok(Outcome::done("CREATE TABLE AS"));
        }
        if !create.columns.is_empty() || !create.constraints.is_empty() {
            return Err(SqlError::unsupported(
                "CREATE TABLE ... AS with types or constraints",
                "Name the columns alone, cast in the query, and add constraints with ALTER TABLE.",
            ));
        }
        let query = create.query.as_ref().ok_or_else(|| SqlError::internal("not CREATE TABLE AS"))?;
        let planned = self.plan(query, &[])?;
        let view = self.view();
        let batches = match filled {
            true => self.engine.context().runner.collect(planned.plan, &view).await?,
            false => vec![],
        };
        let name = ObjectRef::parse(&create.name)?;
        let def = TableDef {
            id: self.engine.context().object_id(),
            schema: catalog.creation_schema(&name, &self.settings.search_path())?,
            name: name.name,
            columns: stored_columns(planned.columns, columns)?,
            kind: Kind::Table(TableParts::default()),
            indexes: vec![],
        };
        let target = Target::of(Arc::new(def.clone()));
        let mut staged = Staged::new(Arc::clone(&target.schema));
        let mut rows = 0;
        for batch in batches {
            let batch = target.assign(batch.columns().to_vec(), batch.num_rows())?;
            rows += batch.num_rows();
            let ids = self.engine.context().provisional_ids(batch.num_rows());
            staged.add(batch, ids);
        }
        self.in_block(async |session| {
            session.submit_ddl(vec![DdlOp::Create(Box::new(def.clone()))]).await?;
            session.stage(def.id, staged)
        })
        .await?;
        Ok(Outcome::done(if *filled { format!("SELECT {rows}") } else { "CREATE TABLE AS".into() }))
    }

    pub(super) async fn truncate(&mut self, truncate: &Truncate) -> Result<Outcome> {
        let catalog = self.catalog();
        let mut targets = vec![];
        for name in &truncate.table_names {
            let def = catalog.get(&ObjectRef::parse(&name.name)?, &self.settings.search_path())?;
            let target = Target::new(Arc::clone(def))?;
            let referring = catalog
                .tables()
                .find(|t| t.id != def.id && t.parts().is_some_and(|p| p.foreign.iter().any(|f| f.table == def.id)));
            if let Some(child) = referring {
                return Err(SqlError::new("0A000", "cannot truncate a table referenced in a foreign key constraint")
                    .detail(format!("Table \"{}\" references \"{}\".", child.name, def.name))
                    .hint("Delete its rows instead."));
            }
            targets.push(target);
        }
        self.in_block(async |session| {
            for target in targets {
                let mut staged = Staged::new(Arc::clone(&target.schema));
                staged.truncated = true;
                session.stage(target.def.id, staged)?;
            }
            Ok(())
        })
        .await?;
        Ok(Outcome::done("TRUNCATE TABLE"))
    }
}
