//! Changes of definitions, as DuckDB would record them.
//!
//! Several changes of one commit leave their net effect only: a row that would begin and end with the same
//! snapshot is never kept.

use super::create::index_inlined_table;
use super::draft::Draft;
use super::quoted;
use crate::types::{ColumnInfo, Default, InlinedTable, LakeType, SchemaInfo, TableInfo, check_column_names};
use crate::version::TableVersion;
use crate::{LakeError, Result};
use rusqlite::params;
use std::sync::Arc;
use uuid::Uuid;

/// A change of a definition. Ids of new schemas and tables start at
/// [`crate::CatalogState::next_catalog_id`], of new columns at [`TableInfo::next_column_id`].
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Ddl {
    CreateSchema {
        id: i64,
        name: String,
    },
    /// Its tables must have been dropped.
    DropSchema {
        id: i64,
    },
    CreateTable {
        id: i64,
        schema_id: i64,
        name: String,
        columns: Vec<ColumnInfo>,
    },
    DropTable {
        id: i64,
    },
    RenameTable {
        id: i64,
        name: String,
    },
    AddColumn {
        table_id: i64,
        column: ColumnInfo,
    },
    DropColumn {
        table_id: i64,
        column_id: i64,
    },
    RenameColumn {
        table_id: i64,
        column_id: i64,
        name: String,
    },
    SetNullsAllowed {
        table_id: i64,
        column_id: i64,
        allowed: bool,
    },
    SetDefault {
        table_id: i64,
        column_id: i64,
        default: Default,
    },
    /// Puts a new column in the place of another; its values are those of the rows that are written with it.
    ReplaceColumn {
        table_id: i64,
        column_id: i64,
        column: ColumnInfo,
    },
    /// Only to a type that has all values of the old one.
    SetType {
        table_id: i64,
        column_id: i64,
        ty: LakeType,
    },
}

impl Draft<'_> {
    pub(super) fn change_definition(&mut self, ddl: Ddl) -> Result<()> {
        match ddl {
            Ddl::CreateSchema { id, name } => self.create_schema(id, &name),
            Ddl::DropSchema { id } => self.drop_schema(id),
            Ddl::CreateTable { id, schema_id, name, columns } => self.create_table(id, schema_id, &name, columns),
            Ddl::DropTable { id } => self.drop_table(id),
            Ddl::RenameTable { id, name } => self.rename_table(id, &name),
            Ddl::AddColumn { table_id, column } => self.add_column(table_id, column),
            Ddl::DropColumn { table_id, column_id } => self.drop_column(table_id, column_id),
            Ddl::ReplaceColumn { table_id, column_id, column } => self.replace_column(table_id, column_id, column),
            Ddl::RenameColumn { table_id, column_id, name } => {
                self.change_column(table_id, column_id, true, |c| c.name = name)
            }
            Ddl::SetNullsAllowed { table_id, column_id, allowed } => {
                self.change_column(table_id, column_id, false, |c| c.nulls_allowed = allowed)
            }
            Ddl::SetDefault { table_id, column_id, default } => {
                self.change_column(table_id, column_id, false, |c| c.default = default)
            }
            Ddl::SetType { table_id, column_id, ty } => self.set_type(table_id, column_id, ty),
        }
    }

    /// After the last change: schema versions and inlined-data tables.
    pub(super) fn finish_definitions(&mut self) -> Result<()> {
        for id in self.staged_ids() {
            let staged = self.table(id)?;
            let (altered, starts) = (staged.altered, staged.starts_inlined_table);
            if altered {
                self.db
                    .prepare_cached("INSERT INTO ducklake_schema_versions VALUES (?1, ?2, ?3)")?
                    .execute(params![self.snapshot, self.schema_version, id])?;
            }
            if starts {
                self.start_inlined_table(id)?;
            }
        }
        Ok(())
    }

    /// Creates the table that small commits go to from this schema version on.
    pub(super) fn start_inlined_table(&mut self, id: i64) -> Result<()> {
        let (db, schema_version) = (self.db, self.schema_version);
        let version = &mut self.table(id)?.version;
        let table = InlinedTable { name: format!("ducklake_inlined_data_{id}_{schema_version}"), schema_version };
        let columns = version.info.columns.iter().map(|c| format!(", {} {}", quoted(&c.name), c.ty.sqlite()));
        let columns = columns.collect::<String>();
        db.execute_batch(&format!(
            "CREATE TABLE {}(row_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT{columns})",
            table.name
        ))?;
        index_inlined_table(db, &table.name)?;
        db.prepare_cached("INSERT INTO ducklake_inlined_data_tables VALUES (?1, ?2, ?3)")?.execute(params![
            id,
            table.name,
            schema_version
        ])?;
        Arc::make_mut(&mut version.info).inlined_tables.insert(0, table);
        Ok(())
    }

    fn create_schema(&mut self, id: i64, name: &str) -> Result<()> {
        self.check_new_id(id)?;
        if self.schemas.values().any(|s| s.name.eq_ignore_ascii_case(name)) {
            return Err(LakeError::NameTaken { what: "schema", name: name.to_string() });
        }
        let schema = SchemaInfo::new(id, name);
        self.db.execute(
            "INSERT INTO ducklake_schema VALUES (?1, ?2, ?3, NULL, ?4, ?5, 1)",
            params![id, Uuid::now_v7().to_string(), self.snapshot, name, schema.path],
        )?;
        self.tokens.created_schema(id, name);
        self.schemas.insert(id, schema);
        Ok(())
    }

    fn drop_schema(&mut self, id: i64) -> Result<()> {
        let schema = self.schema(id)?.clone();
        if self.names(id).next().is_some() {
            return Err(LakeError::SchemaNotEmpty(schema.name));
        }
        self.end_rows("ducklake_schema", "schema_id = ?2", id)?;
        self.schemas.remove(&id);
        if self.base.schemas.contains_key(&id) {
            self.tokens.dropped_schemas.insert(id);
        }
        self.tokens.forget_schema(id);
        Ok(())
    }

    fn create_table(&mut self, id: i64, schema_id: i64, name: &str, columns: Vec<ColumnInfo>) -> Result<()> {
        self.check_new_id(id)?;
        self.check_table_name(schema_id, name)?;
        check_column_names(&columns)?;
        let schema = self.schema(schema_id)?.clone();
        let info = TableInfo::new(id, &schema, name, columns, self.data_dir);
        if let Some(column) = info.columns.iter().find(|c| c.ty.arrow().is_none()) {
            return Err(info.unsupported(column));
        }
        self.insert_table(&info, &Uuid::now_v7().to_string())?;
        for column in &info.columns {
            self.insert_column(id, column, column.id)?;
        }
        self.tokens.created_table(id, &schema.name, name);
        self.add_table(TableVersion {
            info: Arc::new(info),
            next_row_id: 0,
            files: vec![],
            inlined: crate::Inlined::default(),
            stats: Arc::default(),
            has_inlined_deletes: false,
            unsupported_file: None,
        });
        Ok(())
    }

    fn drop_table(&mut self, id: i64) -> Result<()> {
        self.table(id)?;
        for table in ["table", "column", "column_tag", "data_file", "delete_file"] {
            self.end_rows(&format!("ducklake_{table}"), "table_id = ?2", id)?;
        }
        self.end_rows("ducklake_tag", "object_id = ?2", id)?;
        self.remove_table(id);
        self.tokens.forget_table(id);
        if self.base.tables.contains_key(&id) {
            self.tokens.dropped_tables.insert(id);
        }
        Ok(())
    }

    fn rename_table(&mut self, id: i64, name: &str) -> Result<()> {
        let staged = self.table(id)?;
        (staged.altered, staged.starts_inlined_table) = (true, true);
        let mut info = staged.version.info.as_ref().clone();
        if !info.name.eq_ignore_ascii_case(name) {
            self.check_table_name(info.schema_id, name)?;
        }
        info.name = name.to_string();
        let sql = "SELECT table_uuid FROM ducklake_table WHERE table_id = ?1 AND end_snapshot IS NULL";
        let uuid: String = self.db.query_row(sql, [id], |r| r.get(0))?;
        self.end_rows("ducklake_table", "table_id = ?2", id)?;
        self.insert_table(&info, &uuid)?;
        let schema = self.schema(info.schema_id)?.name.clone();
        self.tokens.created_table(id, &schema, name);
        self.table(id)?.version.info = Arc::new(info);
        Ok(())
    }

    fn add_column(&mut self, table_id: i64, column: ColumnInfo) -> Result<()> {
        let info = Arc::clone(&self.table(table_id)?.version.info);
        check_new_column(&info, &column)?;
        let mut columns = info.columns.clone();
        columns.push(column.clone());
        self.set_columns(table_id, columns, true)?;
        self.insert_column(table_id, &column, column.id)
    }

    fn replace_column(&mut self, table_id: i64, column_id: i64, column: ColumnInfo) -> Result<()> {
        let info = Arc::clone(&self.table(table_id)?.version.info);
        check_new_column(&info, &column)?;
        let (at, _) = info.column_by_id(column_id).ok_or(LakeError::NoSuchObject { what: "column", id: column_id })?;
        let order = self.column_order(table_id, column_id)?;
        let mut columns = info.columns.clone();
        columns[at] = column.clone();
        self.set_columns(table_id, columns, true)?;
        self.end_column(table_id, column_id)?;
        self.insert_column(table_id, &column, order)
    }

    fn drop_column(&mut self, table_id: i64, column_id: i64) -> Result<()> {
        let info = Arc::clone(&self.table(table_id)?.version.info);
        let (at, _) = info.column_by_id(column_id).ok_or(LakeError::NoSuchObject { what: "column", id: column_id })?;
        let mut columns = info.columns.clone();
        columns.remove(at);
        self.set_columns(table_id, columns, true)?;
        self.end_column(table_id, column_id)
    }

    /// Ends a column that the table's columns have no more.
    fn end_column(&mut self, table_id: i64, column_id: i64) -> Result<()> {
        Arc::make_mut(&mut self.table(table_id)?.version.stats).columns.remove(&column_id);
        // Nested columns go with theirs.
        let nested = format!(
            "table_id = {table_id} AND column_id IN (WITH RECURSIVE gone(id) AS (SELECT ?2 UNION SELECT column_id \
             FROM ducklake_column JOIN gone ON parent_column = id WHERE table_id = {table_id}) SELECT id FROM gone)"
        );
        self.end_rows("ducklake_column", &nested, column_id)?;
        self.end_rows("ducklake_column_tag", &format!("table_id = {table_id} AND column_id = ?2"), column_id)
    }

    fn set_type(&mut self, table_id: i64, column_id: i64, ty: LakeType) -> Result<()> {
        let info = Arc::clone(&self.table(table_id)?.version.info);
        let (_, old) = info.column_by_id(column_id).ok_or(LakeError::NoSuchObject { what: "column", id: column_id })?;
        if !old.ty.widens_to(&ty) {
            let (table, column) = (info.name.clone(), old.name.clone());
            return Err(LakeError::Narrowing { table, column, from: old.ty.clone(), to: ty });
        }
        let same_texts = matches!(ty, LakeType::Int32 | LakeType::Int64);
        self.change_column(table_id, column_id, true, |c| c.ty = ty)?;
        if !same_texts {
            self.forget_bounds(table_id, column_id)?;
        }
        Ok(())
    }

    /// The texts of the old type's bounds may not bound the values as the new type has them.
    fn forget_bounds(&mut self, table_id: i64, column_id: i64) -> Result<()> {
        let stats = Arc::make_mut(&mut self.table(table_id)?.version.stats);
        stats.columns.remove(&column_id);
        stats.unreadable.remove(&column_id);
        self.db.execute(
            "DELETE FROM ducklake_table_column_stats WHERE table_id = ?1 AND column_id = ?2",
            params![table_id, column_id],
        )?;
        self.db.execute(
            "UPDATE ducklake_file_column_stats SET min_value = NULL, max_value = NULL \
             WHERE table_id = ?1 AND column_id = ?2",
            params![table_id, column_id],
        )?;
        Ok(())
    }

    fn change_column(
        &mut self,
        table_id: i64,
        column_id: i64,
        starts_inlined_table: bool,
        change: impl FnOnce(&mut ColumnInfo),
    ) -> Result<()> {
        let mut columns = self.table(table_id)?.version.info.columns.clone();
        let column = columns.iter_mut().find(|c| c.id == column_id);
        let column = column.ok_or(LakeError::NoSuchObject { what: "column", id: column_id })?;
        change(column);
        let column = column.clone();
        self.set_columns(table_id, columns, starts_inlined_table)?;
        let order = self.column_order(table_id, column_id)?;
        self.end_rows("ducklake_column", &format!("table_id = {table_id} AND column_id = ?2"), column_id)?;
        self.insert_column(table_id, &column, order)
    }

    fn set_columns(&mut self, table_id: i64, columns: Vec<ColumnInfo>, starts_inlined_table: bool) -> Result<()> {
        check_column_names(&columns)?;
        self.tokens.altered.insert(table_id);
        let staged = self.table(table_id)?;
        staged.altered = true;
        staged.starts_inlined_table |= starts_inlined_table;
        staged.version = staged.version.with_columns(columns)?;
        Ok(())
    }

    fn insert_table(&self, info: &TableInfo, uuid: &str) -> Result<()> {
        let relative = !info.path.starts_with('/');
        self.db.execute(
            "INSERT INTO ducklake_table VALUES (?1, ?2, ?3, NULL, ?4, ?5, ?6, ?7)",
            params![info.id, uuid, self.snapshot, info.schema_id, info.name, info.path, relative],
        )?;
        Ok(())
    }

    /// The place of a column among those of its table.
    fn column_order(&self, table_id: i64, column_id: i64) -> Result<i64> {
        let sql = "SELECT column_order FROM ducklake_column \
                   WHERE table_id = ?1 AND column_id = ?2 AND end_snapshot IS NULL";
        Ok(self.db.prepare_cached(sql)?.query_row([table_id, column_id], |r| r.get(0))?)
    }

    fn insert_column(&self, table_id: i64, column: &ColumnInfo, order: i64) -> Result<()> {
        let (value, kind) = match &column.default {
            Default::None => ("NULL".to_string(), "literal"),
            // The text NULL would be read as no default at all.
            Default::Literal(text) if text == "NULL" => ("'NULL'".to_string(), "expression"),
            Default::Literal(text) => (text.clone(), "literal"),
            Default::Expression(sql) => (sql.clone(), "expression"),
        };
        self.db
            .prepare_cached(
                "INSERT INTO ducklake_column VALUES (?1, ?2, NULL, ?3, ?10, ?4, ?5, ?6, ?7, ?8, NULL, ?9, 'duckdb')",
            )?
            .execute(params![
                column.id,
                self.snapshot,
                table_id,
                column.name,
                column.ty.name(),
                column.initial_default,
                value,
                column.nulls_allowed,
                kind,
                order
            ])?;
        Ok(())
    }

    fn schema(&self, id: i64) -> Result<&SchemaInfo> {
        self.schemas.get(&id).ok_or(LakeError::NoSuchObject { what: "schema", id })
    }

    fn check_new_id(&self, id: i64) -> Result<()> {
        let next = self.base.next_catalog_id;
        if id < next { Err(LakeError::IdTaken { what: "object", id, next }) } else { Ok(()) }
    }

    fn check_table_name(&self, schema_id: i64, name: &str) -> Result<()> {
        match self.names(schema_id).any(|(_, other)| other.eq_ignore_ascii_case(name)) {
            true => Err(LakeError::NameTaken { what: "table", name: name.to_string() }),
            false => Ok(()),
        }
    }
}

fn check_new_column(info: &TableInfo, column: &ColumnInfo) -> Result<()> {
    if column.id < info.next_column_id {
        return Err(LakeError::IdTaken { what: "column", id: column.id, next: info.next_column_id });
    }
    if column.ty.arrow().is_none() {
        return Err(info.unsupported(column));
    }
    // A value that is none of the type must not get into the catalog.
    super::initial_values(column, 0)?;
    Ok(())
}
