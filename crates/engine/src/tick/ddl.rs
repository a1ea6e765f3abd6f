//! Changes of definitions, each in a tick of its own.

use super::alter::Alteration;
use super::{Core, Tick};
use crate::Context;
use crate::catalog::{Catalog, Kind, ObjectRef, TableDef};
use crate::context::fill_index;
use crate::index::RowIndex;
use crate::read::Staged;
use crate::roles::Role;
use crate::version::Version;
use sluice_lake::{ColumnInfo, Ddl, Default as LakeDefault, LakeType, RoleRow, SidecarChange, TableInfo};
use sluice_sql::{Result, SqlError, SqlType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One change of definitions.
#[derive(Debug, Clone)]
pub(crate) enum DdlOp {
    /// CREATE SCHEMA.
    CreateSchema { id: i64, name: String },
    /// DROP SCHEMA; it is empty by then.
    DropSchema { name: String },
    /// CREATE TABLE, VIEW or MATERIALIZED VIEW.
    Create(Box<TableDef>),
    /// DROP of any of them; nothing reads it by then.
    Drop { id: i64 },
    /// A new name.
    Rename { id: i64, name: String },
    /// CREATE ROLE and ALTER ROLE.
    PutRole { name: String, role: Role },
    /// DROP ROLE.
    DropRole { name: String },
    /// Another definition of what is there.
    Alter(Box<Alteration>),
}

impl DdlOp {
    /// A definition whose columns and rows stay as they are (pausing, another schedule).
    pub(crate) fn redefine(def: TableDef) -> Self {
        Self::Alter(Box::new(Alteration::of(def)))
    }
}

/// The definitions after a transaction, and how the lake gets there.
pub(crate) struct Definitions {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) lake: Vec<Ddl>,
    /// Materialized views to be filled in this tick.
    pub(crate) created_views: Vec<i64>,
    pub(crate) dropped: Vec<i64>,
    /// Altered objects, with what the lake will know of those that it has.
    pub(crate) altered: BTreeMap<i64, Option<Arc<TableInfo>>>,
    pub(crate) changed: bool,
}

impl Definitions {
    pub(crate) fn unchanged(version: &Version) -> Self {
        Self {
            catalog: Arc::clone(&version.catalog),
            lake: vec![],
            created_views: vec![],
            dropped: vec![],
            altered: BTreeMap::new(),
            changed: false,
        }
    }

    /// Notes an alteration that `tick.base` shows already.
    pub(super) fn alter(&mut self, alteration: &Alteration, tick: &Tick) {
        let id = alteration.def.id;
        let info = tick.base.tables.get(&id).map(|t| Arc::clone(&t.info));
        let created = self.lake.iter_mut().find_map(|d| match d {
            Ddl::CreateTable { id: new, columns, .. } if *new == id => Some(columns),
            _ => None,
        });
        match (created, &alteration.columns) {
            (Some(created), Some(columns)) => created.clone_from(columns),
            (Some(_), None) => {}
            (None, _) => self.lake.extend(alteration.lake.iter().cloned()),
        }
        self.altered.insert(id, info);
    }
}

impl Core {
    pub(super) fn apply_ddl(
        &mut self,
        tick: &mut Tick,
        base: i64,
        ops: &[DdlOp],
        sidecar: &mut SidecarChange,
    ) -> Result<Definitions> {
        if base < self.graph.defined_at {
            return Err(SqlError::new("40001", "could not serialize: definitions changed meanwhile")
                .hint("Run the transaction again."));
        }
        let mut definitions = Definitions::unchanged(&tick.base);
        let mut catalog = (*definitions.catalog).clone();
        definitions.changed = true;
        for op in ops {
            self.apply_op(tick, base, op, &mut catalog, &mut definitions, sidecar)?;
        }
        definitions.catalog = Arc::new(catalog);
        for id in definitions.catalog.tables().map(|t| t.id) {
            keep_last(&mut sidecar.put_objects, id);
        }
        sidecar.put_objects.retain(|(id, ..)| definitions.catalog.by_id(*id).is_some());
        definitions.created_views.retain(|id| definitions.catalog.by_id(*id).is_some());
        Ok(definitions)
    }

    fn apply_op(
        &mut self,
        tick: &mut Tick,
        base: i64,
        op: &DdlOp,
        catalog: &mut Catalog,
        definitions: &mut Definitions,
        sidecar: &mut SidecarChange,
    ) -> Result<()> {
        match op {
            DdlOp::CreateSchema { id, name } => {
                catalog.put_schema(name, *id);
                definitions.lake.push(Ddl::CreateSchema { id: *id, name: name.clone() });
            }
            DdlOp::DropSchema { name } => {
                if let Some(id) = catalog.schemas().get(name).copied() {
                    definitions.lake.push(Ddl::DropSchema { id });
                }
                catalog.remove_schema(name);
            }
            DdlOp::Create(def) => {
                refuse_taken(catalog, def)?;
                if def.is_stored() {
                    let schema_id = catalog.schemas().get(&def.schema).copied();
                    let schema_id = schema_id.ok_or_else(|| SqlError::internal("a schema is gone"))?;
                    let columns = columns_to_create(def);
                    definitions.lake.push(Ddl::CreateTable { id: def.id, schema_id, name: def.name.clone(), columns });
                    tick.writes.tables.insert(def.id, Staged::new(def.arrow()));
                    create_indexes(&self.context, def, None)?;
                }
                if def.materialized().is_some() {
                    definitions.created_views.push(def.id);
                }
                catalog.put(def.as_ref().clone());
                self.create_reference_indexes(tick, def)?;
                sidecar.put_objects.push(object(def)?);
            }
            DdlOp::Drop { id } => {
                let def = catalog.by_id(*id).cloned().ok_or_else(|| SqlError::internal("a table is gone"))?;
                if def.is_stored() {
                    definitions.lake.push(Ddl::DropTable { id: *id });
                }
                tick.writes.tables.remove(id);
                catalog.remove(*id);
                definitions.dropped.push(*id);
                sidecar.end_objects.push(*id);
            }
            DdlOp::Rename { id, name } => {
                let def = catalog.by_id(*id).cloned().ok_or_else(|| SqlError::internal("a table is gone"))?;
                let renamed = TableDef { name: name.clone(), ..(*def).clone() };
                refuse_taken(catalog, &renamed)?;
                if def.is_stored() {
                    definitions.lake.push(Ddl::RenameTable { id: *id, name: name.clone() });
                }
                sidecar.put_objects.push(object(&renamed)?);
                catalog.put(renamed);
            }
            DdlOp::PutRole { name, role } => {
                let row = RoleRow { id: role.id, verifier: role.verifier.to_string() };
                sidecar.roles.insert(name.clone(), Some(row));
                catalog.put_role(name, role.clone());
            }
            DdlOp::DropRole { name } => {
                sidecar.roles.insert(name.clone(), None);
                catalog.remove_role(name);
            }
            DdlOp::Alter(alteration) => {
                self.alter(tick, base, alteration, catalog, definitions)?;
                sidecar.put_objects.push(object(&alteration.def)?);
            }
        }
        Ok(())
    }

    /// The referenced columns of a new table's foreign keys are indexed by the key they must have.
    pub(super) fn create_reference_indexes(&self, tick: &Tick, def: &TableDef) -> Result<()> {
        for foreign in def.parts().map(|p| p.foreign.as_slice()).unwrap_or_default() {
            if self.context.indexes.get(foreign.table, &foreign.referenced).is_none() {
                let parent = tick.base.catalog.by_id(foreign.table);
                let (Some(parent), Some(table)) = (parent, tick.base.tables.get(&foreign.table)) else { continue };
                let mut index = RowIndex::new(&foreign.name, &parent.arrow(), foreign.referenced.clone(), true);
                fill_index(&mut index, table, tick.base.snapshot)?;
                self.context.indexes.put(foreign.table, index);
            }
        }
        Ok(())
    }
}

/// Indexes for the keys of a table or view, filled from `table` where it exists.
pub(super) fn create_indexes(
    context: &Context,
    def: &TableDef,
    table: Option<&sluice_lake::TableVersion>,
) -> Result<()> {
    for (name, columns, skip_nulls) in wanted_indexes(def) {
        if context.indexes.get(def.id, &columns).is_some() {
            continue;
        }
        let mut index = RowIndex::new(&name, &def.arrow(), columns, skip_nulls);
        if let Some(table) = table {
            fill_index(&mut index, table, context.version().snapshot)?;
        }
        context.indexes.put(def.id, index);
    }
    Ok(())
}

/// Indexes that a table or view needs: name, columns, and whether rows with a NULL are left out.
pub(super) fn wanted_indexes(def: &TableDef) -> Vec<(String, Vec<usize>, bool)> {
    let mut wanted: Vec<(String, Vec<usize>, bool)> = vec![];
    match &def.kind {
        Kind::Table(parts) => {
            wanted.extend(parts.keys.iter().map(|k| (k.name.clone(), k.columns.clone(), true)));
            wanted.extend(parts.foreign.iter().map(|f| (f.name.clone(), f.columns.clone(), true)));
        }
        Kind::Materialized(m) => {
            let columns = m.key.clone().unwrap_or_else(|| (0..def.columns.len()).collect());
            wanted.push((format!("the rows of {}", def.name), columns, false));
        }
        Kind::View { .. } => {}
    }
    wanted.extend(def.indexes.iter().map(|i| (i.name.clone(), i.columns.clone(), true)));
    wanted
}

/// Of several definitions of an object, the last one counts.
fn keep_last(objects: &mut Vec<(i64, String, String)>, id: i64) {
    let last = objects.iter().rposition(|o| o.0 == id);
    let mut at = 0;
    objects.retain(|o| {
        at += 1;
        o.0 != id || Some(at - 1) == last
    });
}

pub(super) fn refuse_taken(catalog: &Catalog, def: &TableDef) -> Result<()> {
    let name = ObjectRef { schema: Some(def.schema.clone()), name: def.name.clone() };
    match catalog.find(&name, &[]) {
        Some(other) if other.id != def.id => {
            Err(SqlError::new("42P07", format!("relation \"{}\" already exists", def.name))
                .hint("Choose another name, or drop it first."))
        }
        _ => Ok(()),
    }
}

pub(super) fn object(def: &TableDef) -> Result<(i64, String, String)> {
    let json = serde_json::to_string(def).map_err(|e| SqlError::internal(format!("a definition has no JSON: {e}")))?;
    let kind = match def.kind {
        Kind::Table(_) => "table",
        Kind::View { .. } => "view",
        Kind::Materialized(_) => "materialized_view",
    };
    Ok((def.id, kind.to_string(), json))
}

/// A table's columns as the lake stores them.
pub(super) fn columns_to_create(def: &TableDef) -> Vec<ColumnInfo> {
    def.columns.iter().map(lake_column).collect()
}

/// A column as the lake stores it.
pub(crate) fn lake_column(column: &crate::catalog::ColumnDef) -> ColumnInfo {
    ColumnInfo {
        nulls_allowed: !column.not_null,
        default: LakeDefault::None,
        ..ColumnInfo::new(column.id, column.name.clone(), lake_type(&column.ty))
    }
}

/// The SQL type for a lake's type, of a table that another program made.
pub(super) fn sql_type(ty: &LakeType) -> Option<SqlType> {
    Some(match ty {
        LakeType::Boolean => SqlType::Bool,
        LakeType::Int16 => SqlType::Int2,
        LakeType::Int32 => SqlType::Int4,
        LakeType::Int64 => SqlType::Int8,
        LakeType::Float32 => SqlType::Float4,
        LakeType::Float64 => SqlType::Float8,
        LakeType::Decimal { precision, scale } => SqlType::Numeric(Some((*precision, *scale))),
        LakeType::Date => SqlType::Date,
        LakeType::Timestamp => SqlType::Timestamp,
        LakeType::TimestampTz => SqlType::TimestampTz,
        LakeType::Uuid => SqlType::Uuid,
        LakeType::Blob => SqlType::Bytea,
        LakeType::Json => SqlType::Json,
        LakeType::Varchar => SqlType::Text,
        LakeType::Other(_) => return None,
    })
}

/// The lake's type for a SQL type.
pub(crate) fn lake_type(ty: &SqlType) -> LakeType {
    match ty {
        SqlType::Bool => LakeType::Boolean,
        SqlType::Int2 => LakeType::Int16,
        SqlType::Int4 => LakeType::Int32,
        SqlType::Int8 => LakeType::Int64,
        SqlType::Float4 => LakeType::Float32,
        SqlType::Float8 => LakeType::Float64,
        SqlType::Numeric(size) => {
            let (precision, scale) = size.unwrap_or((38, 10));
            LakeType::Decimal { precision, scale }
        }
        SqlType::Date => LakeType::Date,
        SqlType::Timestamp => LakeType::Timestamp,
        SqlType::TimestampTz => LakeType::TimestampTz,
        SqlType::Uuid => LakeType::Uuid,
        SqlType::Bytea => LakeType::Blob,
        SqlType::Json | SqlType::Jsonb => LakeType::Json,
        _ => LakeType::Varchar,
    }
}
