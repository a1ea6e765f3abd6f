//! Statements that change definitions.

use super::create::refuse_other_clauses;
use super::{Outcome, Session};
use crate::catalog::{Catalog, ColumnDef, Kind, MaterializedDef, Mode, ObjectRef, TableDef, TableParts};
use crate::read::{ReadView, Staged};
use crate::tick::{DdlOp, plan_maintained};
use crate::write::{Target, WriteSet};
use arrow::array::RecordBatch;
use sluice_sql::{Result, SqlError, SqlType, fold};
use sqlparser::ast::{
    AlterTable, AlterTableOperation, CreateTable, CreateTableOptions, CreateView, ObjectName, ObjectType, SchemaName,
    SqlOption, Statement as Ast, Truncate,
};
use std::sync::Arc;

/// A materialized view to be created, however it was spelled.
pub(crate) struct NewView {
    pub(crate) name: ObjectRef,
    pub(crate) query: String,
    pub(crate) columns: Vec<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) if_not_exists: bool,
    pub(crate) or_replace: bool,
}

impl Session {
    pub(crate) async fn define(&mut self, ast: &Ast) -> Result<Outcome> {
        match ast {
            Ast::CreateTable(create) => self.create_table(create).await,
            Ast::CreateView(create) => self.create_view(create).await,
            Ast::CreateSchema { schema_name, if_not_exists, .. } => {
                self.create_schema(schema_name, *if_not_exists).await
            }
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

    async fn create_table(&mut self, create: &CreateTable) -> Result<Outcome> {
        refuse_other_clauses(create)?;
        let catalog = self.catalog();
        let name = ObjectRef::parse(&create.name)?;
        if self.exists(&catalog, &name)? {
            if create.if_not_exists {
                self.notice(format!("relation \"{}\" already exists, skipping", name.name), None);
                return Ok(Outcome::done("CREATE TABLE"));
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
        if let Some(query) = &create.query {
            return self.create_table_as(create, query, &catalog).await;
        }
        let def = self.table_def(create, &catalog)?;
        self.check_expressions(&def).await?;
        self.submit_ddl(vec![DdlOp::Create(def)]).await?;
        Ok(Outcome::done("CREATE TABLE"))
    }

    /// Defaults and checks must be expressions that can be evaluated: tried on no rows.
    async fn check_expressions(&self, def: &TableDef) -> Result<()> {
        let target = Target { schema: def.arrow(), def: Arc::new(def.clone()) };
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

    async fn create_table_as(
        &mut self,
        create: &CreateTable,
        query: &sqlparser::ast::Query,
        catalog: &Catalog,
    ) -> Result<Outcome> {
        let planned = self.plan(query, &[])?;
        let view = self.view();
        let batches = self.engine.context().runner.collect(planned.plan, &view).await?;
        let name = ObjectRef::parse(&create.name)?;
        let def = TableDef {
            id: self.engine.context().object_id(),
            schema: catalog.creation_schema(&name, &self.settings.search_path())?,
            name: name.name,
            columns: stored_columns(planned.columns, &[])?,
            kind: Kind::Table(TableParts::default()),
        };
        let target = Target { schema: def.arrow(), def: Arc::new(def.clone()) };
        let mut staged = Staged::new(Arc::clone(&target.schema));
        let mut rows = 0;
        for batch in batches {
            let batch = target.assign(batch.columns().to_vec(), batch.num_rows())?;
            rows += batch.num_rows();
            let ids = self.engine.context().provisional_ids(batch.num_rows());
            staged.add(batch, ids);
        }
        self.in_block(async |session| {
            session.submit_ddl(vec![DdlOp::Create(def.clone())]).await?;
            session.stage(def.id, staged)
        })
        .await?;
        Ok(Outcome::done(format!("SELECT {rows}")))
    }

    /// Runs several steps as one transaction.
    async fn in_block(&mut self, steps: impl AsyncFnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let own = self.block.is_none();
        if own {
            self.block = Some(self.new_block(true));
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

    async fn create_view(&mut self, create: &CreateView) -> Result<Outcome> {
        let options = view_options(create)?;
        let columns = create.columns.iter().map(|c| fold(&c.name)).collect();
        let name = ObjectRef::parse(&create.name)?;
        if create.materialized {
            let view = NewView {
                name,
                query: create.query.to_string(),
                columns,
                schedule: options.0,
                mode: options.1,
                if_not_exists: create.if_not_exists,
                or_replace: create.or_replace,
            };
            let rows = self.create_materialized(view).await?;
            return Ok(Outcome::done(format!("SELECT {rows}")));
        }
        let catalog = self.catalog();
        if self.exists(&catalog, &name)? {
            if !create.or_replace {
                return Err(SqlError::new("42P07", format!("relation \"{}\" already exists", name.name)));
            }
            return Err(SqlError::unsupported("CREATE OR REPLACE VIEW", "Drop the view and create it again."));
        }
        let planned = self.plan(&create.query, &[])?;
        let def = TableDef {
            id: self.engine.context().object_id(),
            schema: catalog.creation_schema(&name, &self.settings.search_path())?,
            name: name.name,
            columns: stored_columns(planned.columns, &columns)?,
            kind: Kind::View { query: create.query.to_string() },
        };
        self.submit_ddl(vec![DdlOp::Create(def)]).await?;
        Ok(Outcome::done("CREATE VIEW"))
    }

    /// Creates and fills a materialized view; returns how many rows it has.
    pub(crate) async fn create_materialized(&mut self, new: NewView) -> Result<u64> {
        let catalog = self.catalog();
        let existing = catalog.find(&new.name, &self.settings.search_path()).cloned();
        let mut ops = vec![];
        if let Some(existing) = &existing {
            if new.if_not_exists {
                self.notice(format!("relation \"{}\" already exists, skipping", new.name.name), None);
                return Ok(0);
            }
            if !new.or_replace {
                return Err(SqlError::new("42P07", format!("relation \"{}\" already exists", new.name.name))
                    .hint("Choose another name, or drop it first."));
            }
            if let Some(reader) = catalog.readers(existing.id).first() {
                return Err(SqlError::new(
                    "2BP01",
                    format!("cannot replace \"{}\": \"{}\" reads it", existing.name, reader.name),
                )
                .hint("Drop what reads it first, and create it again after."));
            }
            ops.push(DdlOp::Drop { id: existing.id });
        }
        let (def, notices) = self.materialized_def(&new, &catalog)?;
        for message in notices {
            self.notice(message, None);
        }
        let id = def.id;
        ops.push(DdlOp::Create(def.clone()));
        if self.block.is_some() {
            let rows = self.fill_in_block(&def).await?;
            self.submit_ddl(ops).await?;
            self.stage(id, rows)?;
        } else {
            self.submit_ddl(ops).await?;
        }
        let view = self.view();
        let stored = view.version.tables.get(&id).map_or(0, |t| t.live_rows());
        let staged = view
            .staged
            .get(&id)
            .map_or(Ok(0), |s| s.added().map(|a| a.iter().map(|p| p.rows.num_rows() as u64).sum()))?;
        Ok(stored + staged)
    }

    /// Inside a transaction the new view can be read at once: filled from what the transaction sees.
    async fn fill_in_block(&self, def: &TableDef) -> Result<Staged> {
        let m = def.materialized().ok_or_else(|| SqlError::internal("not a materialized view"))?;
        let planned = self.plan(&crate::statement::parse_query(&m.query)?, &[])?;
        let batches = self.engine.context().runner.collect(planned.plan, &self.view()).await?;
        let target = Target { schema: def.arrow(), def: Arc::new(def.clone()) };
        let mut staged = Staged::new(Arc::clone(&target.schema));
        for batch in batches {
            let batch = target.assign(batch.columns().to_vec(), batch.num_rows())?;
            let ids = self.engine.context().provisional_ids(batch.num_rows());
            staged.add(batch, ids);
        }
        Ok(staged)
    }

    fn materialized_def(&self, new: &NewView, catalog: &Catalog) -> Result<(TableDef, Vec<String>)> {
        let view: ReadView = self.view();
        let path = self.settings.search_path();
        let context = self.engine.context();
        let planned = plan_maintained(context, &view, &path, &new.query)?;
        refuse_limit_without_order(&new.query)?;
        let mut notices = vec![];
        if let Some(reason) = crate::tick::not_incremental(&planned, &context.planner, new.mode)? {
            notices.push(format!("\"{}\" is recomputed when its inputs change: {reason}", new.name.name));
        }
        if orders_without_limit(&new.query)? {
            notices.push("ORDER BY without LIMIT has no effect on a stored table; order when you read it".to_string());
        }
        let def = TableDef {
            id: context.object_id(),
            schema: catalog.creation_schema(&new.name, &path)?,
            name: new.name.name.clone(),
            columns: stored_columns(planned.query.columns, &new.columns)?,
            kind: Kind::Materialized(MaterializedDef {
                query: qualified(&new.query, &path)?,
                schedule: new.schedule.clone(),
                mode: new.mode,
                key: planned.key,
                reads: planned.reads,
                paused: false,
            }),
        };
        Ok((def, notices))
    }

    async fn create_schema(&mut self, name: &SchemaName, if_not_exists: bool) -> Result<Outcome> {
        let name = match name {
            SchemaName::Simple(name) => ObjectRef::parse(name)?.name,
            other => return Err(SqlError::unsupported(format!("CREATE SCHEMA {other}"), "Write CREATE SCHEMA name.")),
        };
        let taken = name == "public" || self.catalog().schemas().contains_key(&name);
        if taken {
            if if_not_exists {
                self.notice(format!("schema \"{name}\" already exists, skipping"), None);
                return Ok(Outcome::done("CREATE SCHEMA"));
            }
            return Err(SqlError::new("42P06", format!("schema \"{name}\" already exists")));
        }
        if ["sluice", "pgtrickle", "pg_catalog", "information_schema"].contains(&name.as_str()) {
            return Err(
                SqlError::new("42939", format!("unacceptable schema name \"{name}\"")).detail("The name is reserved.")
            );
        }
        let id = self.engine.context().object_id();
        self.submit_ddl(vec![DdlOp::CreateSchema { id, name }]).await?;
        Ok(Outcome::done("CREATE SCHEMA"))
    }

    async fn drop(
        &mut self,
        kind: ObjectType,
        if_exists: bool,
        names: &[ObjectName],
        cascade: bool,
    ) -> Result<Outcome> {
        let catalog = self.catalog();
        let tag = match kind {
            ObjectType::Table => "DROP TABLE",
            ObjectType::View => "DROP VIEW",
            ObjectType::MaterializedView => "DROP MATERIALIZED VIEW",
            ObjectType::Schema => return self.drop_schemas(if_exists, names, cascade).await,
            other => {
                return Err(SqlError::unsupported(
                    format!("DROP {other}"),
                    "See docs/sql.md for the statements there are.",
                ));
            }
        };
        let mut doomed = vec![];
        for name in names {
            let reference = ObjectRef::parse(name)?;
            let Some(def) = catalog.find(&reference, &self.settings.search_path()) else {
                if if_exists {
                    self.notice(format!("relation \"{}\" does not exist, skipping", reference.shown()), None);
                    continue;
                }
                return Err(catalog
                    .get(&reference, &self.settings.search_path())
                    .err()
                    .unwrap_or_else(|| SqlError::internal("found and lost")));
            };
            let fits = matches!(
                (&def.kind, kind),
                (Kind::Table(_), ObjectType::Table)
                    | (Kind::View { .. }, ObjectType::View)
                    | (Kind::Materialized(_), ObjectType::MaterializedView)
            );
            if !fits {
                let message = format!("\"{}\" is not a {}", def.name, tag.trim_start_matches("DROP ").to_lowercase());
                return Err(SqlError::new("42809", message)
                    .hint(format!("Use DROP {} to remove it.", def.kind_name().to_uppercase())));
            }
            doomed.push(def.id);
        }
        self.drop_objects(&catalog, doomed, cascade).await?;
        Ok(Outcome::done(tag))
    }

    /// Drops objects and, with `cascade`, what reads them; without it, a reader is an error that names it.
    pub(crate) async fn drop_objects(&mut self, catalog: &Catalog, mut doomed: Vec<i64>, cascade: bool) -> Result<()> {
        let mut at = 0;
        while at < doomed.len() {
            let id = doomed[at];
            at += 1;
            let readers: Vec<Arc<TableDef>> = catalog
                .tables()
                .filter(|t| match &t.kind {
                    Kind::Materialized(m) => m.reads.contains(&id),
                    Kind::Table(p) => t.id != id && p.foreign.iter().any(|f| f.table == id),
                    Kind::View { query } => self.view_reads(query).contains(&id),
                })
                .filter(|t| !doomed.contains(&t.id))
                .cloned()
                .collect();
            let Some(first) = readers.first() else { continue };
            let name = catalog.by_id(id).map_or(String::new(), |d| d.name.clone());
            if !cascade {
                let message = format!(
                    "cannot drop {} {name} because other objects depend on it",
                    catalog.by_id(id).map_or("object", |d| d.kind_name())
                );
                let detail = readers.iter().map(|r| format!("{} {} depends on {name}", r.kind_name(), r.name));
                return Err(SqlError::new("2BP01", message)
                    .detail(detail.collect::<Vec<_>>().join("\n"))
                    .hint("Use DROP ... CASCADE to drop the dependent objects too."));
            }
            if matches!(first.kind, Kind::Table(_)) {
                return Err(SqlError::unsupported(
                    "CASCADE to a foreign key",
                    format!("Drop table \"{}\" first.", first.name),
                ));
            }
            for reader in readers {
                self.notice(format!("drop cascades to {} {}", reader.kind_name(), reader.name), None);
                doomed.push(reader.id);
            }
        }
        let ops = doomed.into_iter().rev().map(|id| DdlOp::Drop { id }).collect();
        self.submit_ddl(ops).await
    }

    /// The stored objects that a plain view reads.
    fn view_reads(&self, query: &str) -> Vec<i64> {
        let view = self.view();
        let path = self.settings.search_path();
        let names = crate::read::Names::new(&view, self.engine.context(), &path);
        match crate::statement::parse_query(query).and_then(|q| self.engine.context().planner.plan(&q, &names, &[])) {
            Ok(_) => names.reads(),
            Err(_) => vec![],
        }
    }

    async fn drop_schemas(&mut self, if_exists: bool, names: &[ObjectName], cascade: bool) -> Result<Outcome> {
        let catalog = self.catalog();
        for name in names {
            let name = ObjectRef::parse(name)?.name;
            if !catalog.schemas().contains_key(&name) {
                if if_exists {
                    self.notice(format!("schema \"{name}\" does not exist, skipping"), None);
                    continue;
                }
                return Err(SqlError::new("3F000", format!("schema \"{name}\" does not exist")));
            }
            let inside: Vec<i64> = catalog.tables().filter(|t| t.schema == name).map(|t| t.id).collect();
            if !inside.is_empty() && !cascade {
                return Err(SqlError::new(
                    "2BP01",
                    format!("cannot drop schema {name} because other objects depend on it"),
                )
                .hint("Use DROP ... CASCADE to drop the dependent objects too."));
            }
            self.in_block(async |session| {
                session.drop_objects(&catalog, inside, true).await?;
                session.submit_ddl(vec![DdlOp::DropSchema { name: name.clone() }]).await
            })
            .await?;
        }
        Ok(Outcome::done("DROP SCHEMA"))
    }

    async fn truncate(&mut self, truncate: &Truncate) -> Result<Outcome> {
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

    async fn alter_table(&mut self, alter: &AlterTable) -> Result<Outcome> {
        let catalog = self.catalog();
        let def = catalog.get(&ObjectRef::parse(&alter.name)?, &self.settings.search_path())?;
        match alter.operations.as_slice() {
            [AlterTableOperation::RenameTable { table_name }] => {
                let name = match table_name {
                    sqlparser::ast::RenameTableNameKind::To(n) | sqlparser::ast::RenameTableNameKind::As(n) => {
                        ObjectRef::parse(n)?.name
                    }
                };
                if let Some(reader) = catalog.readers(def.id).first() {
                    return Err(SqlError::new(
                        "2BP01",
                        format!("cannot rename \"{}\": \"{}\" reads it by name", def.name, reader.name),
                    )
                    .hint("Drop the view, rename the table, and create the view again."));
                }
                self.submit_ddl(vec![DdlOp::Rename { id: def.id, name }]).await?;
                Ok(Outcome::done("ALTER TABLE"))
            }
            _ => Err(SqlError::unsupported(
                "this ALTER TABLE",
                "Create a table of the new shape, copy the rows with INSERT ... SELECT, and drop the old one.",
            )),
        }
    }
}

impl DdlOp {
    /// What the rest of its transaction sees.
    pub(crate) fn show(&self, catalog: &mut Catalog, writes: &mut WriteSet) {
        match self {
            Self::CreateSchema { id, name } => catalog.put_schema(name, *id),
            Self::DropSchema { name } => catalog.remove_schema(name),
            Self::Create(def) => {
                if def.is_stored() {
                    writes.tables.insert(def.id, Staged::new(def.arrow()));
                }
                catalog.put(def.clone());
            }
            Self::Drop { id } => {
                writes.tables.remove(id);
                catalog.remove(*id);
            }
            Self::Rename { id, name } => {
                if let Some(def) = catalog.by_id(*id).cloned() {
                    catalog.put(TableDef { name: name.clone(), ..(*def).clone() });
                }
            }
            Self::Alter(def) => catalog.put(def.clone()),
        }
    }
}

/// Columns of a stored result; `names` replace the first ones.
fn stored_columns(columns: Vec<(String, SqlType)>, names: &[String]) -> Result<Vec<ColumnDef>> {
    if names.len() > columns.len() {
        return Err(SqlError::new("42601", "more column names than columns"));
    }
    let mut stored: Vec<ColumnDef> = vec![];
    for (i, (name, ty)) in columns.into_iter().enumerate() {
        let name = names.get(i).cloned().unwrap_or(name);
        let ty = if ty == SqlType::Unknown { SqlType::Text } else { ty };
        if stored.iter().any(|c| c.name == name) {
            return Err(SqlError::new("42701", format!("column \"{name}\" specified more than once"))
                .hint("Give one of them another name with AS."));
        }
        if !ty.can_be_stored() {
            return Err(SqlError::unsupported(
                format!("a stored column of type {}", ty.name()),
                format!("Cast \"{name}\" to another type."),
            ));
        }
        stored.push(ColumnDef { id: i as i64 + 1, name, ty, not_null: false, default: None, sequence: None });
    }
    Ok(stored)
}

fn view_options(create: &CreateView) -> Result<(Option<String>, Mode)> {
    let mut schedule = None;
    let mut mode = Mode::Auto;
    let foreign = create.or_alter
        || create.secure
        || !create.cluster_by.is_empty()
        || create.comment.is_some()
        || create.with_no_schema_binding
        || create.temporary
        || create.copy_grants
        || create.to.is_some()
        || create.params.is_some();
    if foreign {
        return Err(SqlError::unsupported(
            "a clause of this CREATE VIEW",
            "Write CREATE MATERIALIZED VIEW name AS SELECT ....",
        ));
    }
    let options: &[SqlOption] = match &create.options {
        CreateTableOptions::None => &[],
        CreateTableOptions::With(options) => options,
        _ => return Err(SqlError::unsupported("these options", "Write WITH (schedule = '3s').")),
    };
    for option in options {
        let SqlOption::KeyValue { key, value } = option else {
            return Err(SqlError::new("42601", format!("unrecognized parameter {option}")));
        };
        let value = value.to_string().trim_matches('\'').to_string();
        match fold(key).as_str() {
            "schedule" => schedule = Some(value),
            "refresh_mode" => mode = parse_mode(&value)?,
            other => {
                return Err(SqlError::new("22023", format!("unrecognized parameter \"{other}\""))
                    .hint("Parameters: schedule, refresh_mode."));
            }
        }
    }
    if let Some(schedule) = &schedule {
        check_schedule(schedule)?;
    }
    Ok((schedule, mode))
}

pub(crate) fn parse_mode(name: &str) -> Result<Mode> {
    Mode::parse(name).ok_or_else(|| {
        SqlError::new("22023", format!("invalid refresh_mode \"{name}\""))
            .hint("Use AUTO, DIFFERENTIAL, FULL or IMMEDIATE.")
    })
}

/// A schedule is a bound: `30s`, `1h30m`, or `calculated`.
pub(crate) fn check_schedule(schedule: &str) -> Result<()> {
    if schedule.eq_ignore_ascii_case("calculated") {
        return Ok(());
    }
    let mut number = false;
    let mut units = 0;
    for c in schedule.trim().chars() {
        match c {
            '0'..='9' => number = true,
            's' | 'm' | 'h' | 'd' | 'w' if number => {
                number = false;
                units += 1;
            }
            _ => {
                return Err(SqlError::unsupported(
                    format!("the schedule '{schedule}'"),
                    "Give the longest lag, such as '3s', '5m' or '1h30m'.",
                ));
            }
        }
    }
    if units == 0 || number {
        return Err(SqlError::new("22023", format!("invalid schedule \"{schedule}\""))
            .hint("Write a number and a unit: '30s', '5m', '1h30m', '1d'."));
    }
    Ok(())
}

/// The query with its tables' schemas spelled out, so that it means the same under another search_path.
fn qualified(query: &str, path: &[String]) -> Result<String> {
    if path.first().is_none_or(|p| p == "main") {
        return Ok(query.to_string());
    }
    Err(SqlError::unsupported(
        "creating a view under another search_path",
        "SET search_path TO public and write the schema before each table.",
    ))
}

fn refuse_limit_without_order(query: &str) -> Result<()> {
    let query = crate::statement::parse_query(query)?;
    if query.limit_clause.is_some() && query.order_by.is_none() {
        return Err(SqlError::unsupported(
            "LIMIT without ORDER BY in a maintained view",
            "Which rows would it keep? Add ORDER BY.",
        ));
    }
    Ok(())
}

fn orders_without_limit(query: &str) -> Result<bool> {
    let query = crate::statement::parse_query(query)?;
    Ok(query.order_by.is_some() && query.limit_clause.is_none())
}
