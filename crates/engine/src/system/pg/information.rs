//! Rows of information_schema's relations.

use super::cell::Cell;
use super::relation::Row;
use super::snapshot::{Object, Snapshot, table_oid};
use super::types;
use sluice_sql::SqlType;

/// The rows of a relation of information_schema. Materialized views are among the views: PostgreSQL leaves them out,
/// and tools that list tables to choose from would not show them.
pub(super) fn rows(snapshot: &Snapshot, relation: &str) -> Vec<Row> {
    match relation {
        "schemata" => snapshot.schemas.keys().map(|name| vec![("schema_name", name.as_str().into())]).collect(),
        "tables" => snapshot
            .tables()
            .map(|(_, o)| {
                let (kind, writable) = if o.kind == "r" { ("BASE TABLE", "YES") } else { ("VIEW", "NO") };
                named(o, vec![("table_type", kind.into()), ("is_insertable_into", writable.into())])
            })
            .collect(),
        "columns" => snapshot.tables().flat_map(|(oid, o)| columns(snapshot, oid, o)).collect(),
        "views" => snapshot
            .tables()
            .filter(|(_, o)| o.kind != "r")
            .map(|(oid, o)| named(o, vec![("view_definition", Cell::of_option(snapshot.view(oid)))]))
            .collect(),
        "table_constraints" => snapshot.tables().flat_map(|(_, o)| constraints(o)).collect(),
        "key_column_usage" => snapshot.tables().flat_map(|(_, o)| key_columns(snapshot, o)).collect(),
        _ => vec![],
    }
}

fn named(object: &Object, mut row: Row) -> Row {
    row.push(("table_schema", object.schema.as_str().into()));
    row.push(("table_name", object.name.as_str().into()));
    row
}

fn columns(snapshot: &Snapshot, oid: i64, object: &Object) -> Vec<Row> {
    let describe = |(i, c): (usize, &crate::catalog::ColumnDef)| {
        let type_oid = i64::from(c.ty.oid());
        let (precision, radix, scale) = match c.ty {
            SqlType::Int2 => (Some(16), Some(2), Some(0)),
            SqlType::Int4 => (Some(32), Some(2), Some(0)),
            SqlType::Int8 => (Some(64), Some(2), Some(0)),
            SqlType::Float4 => (Some(24), Some(2), None),
            SqlType::Float8 => (Some(53), Some(2), None),
            SqlType::Numeric(size) => (size.map(|s| i64::from(s.0)), Some(10), size.map(|s| i64::from(s.1))),
            _ => (None, None, None),
        };
        let length = match c.ty {
            SqlType::Varchar(Some(n)) => Some(i64::from(n)),
            _ => None,
        };
        let time = match c.ty {
            SqlType::Timestamp | SqlType::TimestampTz => Some(6),
            SqlType::Date => Some(0),
            _ => None,
        };
        let is_table = object.kind == "r";
        let row = vec![
            ("column_name", c.name.as_str().into()),
            ("ordinal_position", (i as i64 + 1).into()),
            ("column_default", Cell::of_option(snapshot.default(oid, i as i64 + 1))),
            ("is_nullable", if is_table && c.not_null { "NO" } else { "YES" }.into()),
            ("data_type", types::format(type_oid, -1).into()),
            ("character_maximum_length", Cell::of_option::<i64>(length)),
            ("numeric_precision", Cell::of_option::<i64>(precision)),
            ("numeric_precision_radix", Cell::of_option::<i64>(radix)),
            ("numeric_scale", Cell::of_option::<i64>(scale)),
            ("datetime_precision", Cell::of_option::<i64>(time)),
            ("udt_name", types::short_name(type_oid).into()),
            ("dtd_identifier", (i + 1).to_string().into()),
            ("is_updatable", if is_table { "YES" } else { "NO" }.into()),
        ];
        named(object, row)
    };
    object.def.columns.iter().enumerate().map(describe).collect()
}

fn constraint(object: &Object, name: &str) -> Row {
    named(object, vec![("constraint_schema", object.schema.as_str().into()), ("constraint_name", name.into())])
}

fn constraints(object: &Object) -> Vec<Row> {
    let Some(parts) = object.def.parts() else { return vec![] };
    let keys = parts.keys.iter().map(|k| (&k.name, if k.primary { "PRIMARY KEY" } else { "UNIQUE" }));
    let checks = parts.checks.iter().map(|c| (&c.name, "CHECK"));
    let foreign = parts.foreign.iter().map(|f| (&f.name, "FOREIGN KEY"));
    keys.chain(checks)
        .chain(foreign)
        .map(|(name, kind)| {
            let mut row = constraint(object, name);
            row.push(("constraint_type", kind.into()));
            row
        })
        .collect()
}

fn key_columns(snapshot: &Snapshot, object: &Object) -> Vec<Row> {
    let Some(parts) = object.def.parts() else { return vec![] };
    let mut rows = vec![];
    let mut add = |name: &str, columns: &[usize], referenced: Option<(i64, &[usize])>| {
        let key = referenced.and_then(|(table, columns)| {
            let target = snapshot.objects.get(&table_oid(table))?;
            target.def.parts()?.keys.iter().find(|k| columns.iter().all(|c| k.columns.contains(c)))
        });
        for (i, column) in columns.iter().enumerate() {
            let Some(column) = object.def.columns.get(*column) else { continue };
            let position = referenced
                .and_then(|(_, columns)| key?.columns.iter().position(|c| Some(c) == columns.get(i)))
                .map(|p| p as i64 + 1);
            let mut row = constraint(object, name);
            row.extend([
                ("column_name", column.name.as_str().into()),
                ("ordinal_position", (i as i64 + 1).into()),
                ("position_in_unique_constraint", Cell::of_option(position)),
            ]);
            rows.push(row);
        }
    };
    for key in &parts.keys {
        add(&key.name, &key.columns, None);
    }
    for foreign in &parts.foreign {
        add(&foreign.name, &foreign.columns, Some((foreign.table, &foreign.referenced)));
    }
    rows
}
