//! Rows of pg_catalog's relations; those that are not here are empty.

use super::cell::Cell;
use super::relation::Row;
use super::snapshot::{Object, Part, Snapshot, part_oid, table_oid};
use super::types;
use crate::catalog::{ColumnDef, ForeignDef, KeyDef};
use sluice_sql::SqlType;

/// The heap and btree of pg_am, which clients expect of tables and indexes.
const HEAP: i64 = 2;
const BTREE: i64 = 403;

/// The rows of a relation of pg_catalog.
pub(super) fn rows(snapshot: &Snapshot, relation: &str) -> Vec<Row> {
    match relation {
        "pg_namespace" => namespaces(snapshot),
        "pg_class" => snapshot.objects.iter().map(|(oid, o)| class(snapshot, *oid, o)).collect(),
        "pg_attribute" => snapshot.objects.iter().flat_map(|(oid, o)| attributes(*oid, o)).collect(),
        "pg_attrdef" => defaults(snapshot),
        "pg_constraint" => snapshot.tables().flat_map(|(oid, o)| constraints(snapshot, oid, o)).collect(),
        "pg_index" => snapshot.objects.iter().filter_map(|(oid, o)| index(*oid, o)).collect(),
        "pg_type" => types::rows(),
        "pg_proc" => types::functions(),
        "pg_database" => vec![vec![("oid", Cell::Int(5)), ("datname", super::DATABASE.into())]],
        "pg_roles" => roles(snapshot, "oid", "rolname"),
        "pg_user" => roles(snapshot, "usesysid", "usename"),
        "pg_am" => [(HEAP, "heap", "t"), (BTREE, "btree", "i")]
            .map(|(oid, name, kind)| vec![("oid", oid.into()), ("amname", name.into()), ("amtype", kind.into())])
            .into(),
        "pg_tablespace" => [(1663, "pg_default"), (1664, "pg_global")]
            .map(|(oid, name): (i64, &str)| vec![("oid", oid.into()), ("spcname", name.into())])
            .into(),
        "pg_settings" => snapshot
            .settings
            .iter()
            .map(|(name, value)| vec![("name", name.as_str().into()), ("setting", value.as_str().into())])
            .collect(),
        "pg_tables" => of_kind(snapshot, "r", |_, o| {
            vec![("tablename", o.name.as_str().into()), ("hasindexes", has_indexes(o).into())]
        }),
        "pg_views" => of_kind(snapshot, "v", |oid, o| {
            vec![("viewname", o.name.as_str().into()), ("definition", Cell::of_option(snapshot.view(oid)))]
        }),
        "pg_matviews" => of_kind(snapshot, "m", |oid, o| {
            vec![("matviewname", o.name.as_str().into()), ("definition", Cell::of_option(snapshot.view(oid)))]
        }),
        "pg_indexes" => of_kind(snapshot, "i", |oid, o| {
            vec![
                ("tablename", o.def.name.as_str().into()),
                ("indexname", o.name.as_str().into()),
                ("indexdef", Cell::of_option(snapshot.index(oid, 0))),
            ]
        }),
        _ => vec![],
    }
}

fn of_kind(snapshot: &Snapshot, kind: &str, row: impl Fn(i64, &Object) -> Row) -> Vec<Row> {
    let of_kind = snapshot.objects.iter().filter(|(_, o)| o.kind == kind);
    of_kind
        .map(|(oid, o)| {
            let mut row = row(*oid, o);
            row.push(("schemaname", o.schema.as_str().into()));
            row
        })
        .collect()
}

fn roles(snapshot: &Snapshot, oid: &'static str, name: &'static str) -> Vec<Row> {
    snapshot.roles.iter().map(|(o, n)| vec![(oid, (*o).into()), (name, n.as_str().into())]).collect()
}

fn namespaces(snapshot: &Snapshot) -> Vec<Row> {
    snapshot.schemas.iter().map(|(name, oid)| vec![("oid", (*oid).into()), ("nspname", name.as_str().into())]).collect()
}

fn has_indexes(object: &Object) -> bool {
    !object.def.all_indexes().is_empty()
}

fn class(snapshot: &Snapshot, oid: i64, object: &Object) -> Row {
    let is_table = object.kind == "r";
    let parts = object.def.parts().filter(|_| is_table);
    let access = match object.kind {
        "r" | "m" => HEAP,
        "i" => BTREE,
        _ => 0,
    };
    let columns = match object.kind {
        "i" => indexed(object).len(),
        "S" => 3,
        _ => object.def.columns.len(),
    };
    vec![
        ("oid", oid.into()),
        ("relname", object.name.as_str().into()),
        ("relnamespace", snapshot.schema_oid(&object.schema).into()),
        ("relkind", object.kind.into()),
        ("relam", access.into()),
        ("relnatts", (columns as i64).into()),
        ("relhasindex", (access == HEAP && has_indexes(object)).into()),
        ("relchecks", (parts.map_or(0, |p| p.checks.len()) as i64).into()),
        ("relhastriggers", (is_table && is_in_reference(snapshot, object)).into()),
        ("relhasrules", (object.kind == "v").into()),
        ("reltuples", snapshot.live_rows(oid).into()),
    ]
}

/// Whether it refers to a table or is referred to, which PostgreSQL checks by triggers.
fn is_in_reference(snapshot: &Snapshot, object: &Object) -> bool {
    let refers = |o: &Object| o.def.parts().is_some_and(|p| !p.foreign.is_empty());
    let refers_here = |o: &Object| o.def.parts().is_some_and(|p| p.foreign.iter().any(|f| f.table == object.def.id));
    refers(object) || snapshot.tables().any(|(_, o)| refers_here(o))
}

/// Positions of an index's columns.
fn indexed(object: &Object) -> &[usize] {
    object.def.all_indexes().get(object.position).map_or(&[], |i| i.1)
}

fn attributes(oid: i64, object: &Object) -> Vec<Row> {
    let columns: Vec<&ColumnDef> = match object.kind {
        "i" => indexed(object).iter().filter_map(|c| object.def.columns.get(*c)).collect(),
        "S" => vec![],
        _ => object.def.columns.iter().collect(),
    };
    let is_table = object.kind == "r";
    columns
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let is_text = matches!(c.ty, SqlType::Text | SqlType::Varchar(_));
            vec![
                ("attrelid", oid.into()),
                ("attname", c.name.as_str().into()),
                ("atttypid", i64::from(c.ty.oid()).into()),
                ("attlen", i64::from(c.ty.typlen()).into()),
                ("attnum", (i as i64 + 1).into()),
                ("atttypmod", i64::from(c.ty.typmod()).into()),
                ("attstorage", if c.ty.typlen() > 0 { "p" } else { "x" }.into()),
                ("attnotnull", (is_table && c.not_null).into()),
                ("atthasdef", (is_table && (c.default.is_some() || c.sequence.is_some())).into()),
                ("attcollation", Cell::Int(if is_text { 100 } else { 0 })),
            ]
        })
        .collect()
}

fn defaults(snapshot: &Snapshot) -> Vec<Row> {
    let mut rows = vec![];
    for (oid, object) in snapshot.tables() {
        for i in 0..object.def.columns.len() {
            if let Some(default) = snapshot.default(oid, i as i64 + 1) {
                rows.push(vec![
                    ("oid", part_oid(Part::Default, object.def.id, i).into()),
                    ("adrelid", oid.into()),
                    ("adnum", (i as i64 + 1).into()),
                    ("adbin", default.into()),
                ]);
            }
        }
    }
    rows
}

/// Numbers of columns, from 1.
fn numbers(positions: &[usize]) -> Cell {
    positions.iter().map(|p| *p as i64 + 1).collect::<Vec<_>>().into()
}

fn constraints(snapshot: &Snapshot, oid: i64, object: &Object) -> Vec<Row> {
    let Some(parts) = object.def.parts() else { return vec![] };
    let id = object.def.id;
    let row = |part, position, name: &str, kind: &str| {
        vec![
            ("oid", part_oid(part, id, position).into()),
            ("conname", name.into()),
            ("connamespace", snapshot.schema_oid(&object.schema).into()),
            ("contype", kind.into()),
            ("conrelid", oid.into()),
        ]
    };
    let mut rows: Vec<Row> = vec![];
    for (i, key) in parts.keys.iter().enumerate().filter(|(_, k)| !k.index) {
        let mut key_row = row(Part::Key, i, &key.name, if key.primary { "p" } else { "u" });
        key_row.push(("conindid", part_oid(Part::Index, id, i).into()));
        key_row.push(("conkey", numbers(&key.columns)));
        rows.push(key_row);
    }
    for (i, check) in parts.checks.iter().enumerate() {
        let mut check_row = row(Part::Check, i, &check.name, "c");
        check_row.push(("conbin", check.condition.as_str().into()));
        rows.push(check_row);
    }
    for (i, foreign) in parts.foreign.iter().enumerate() {
        let mut foreign_row = row(Part::Foreign, i, &foreign.name, "f");
        foreign_row.extend([
            ("confrelid", table_oid(foreign.table).into()),
            ("conindid", Cell::of_option(referenced_index(snapshot, foreign))),
            ("conkey", numbers(&foreign.columns)),
            ("confkey", numbers(&foreign.referenced)),
            ("confupdtype", "a".into()),
            ("confdeltype", "a".into()),
            ("confmatchtype", "s".into()),
        ]);
        rows.push(foreign_row);
    }
    rows
}

/// The index of the key that a foreign key refers to.
fn referenced_index(snapshot: &Snapshot, foreign: &ForeignDef) -> Option<i64> {
    let parent = &snapshot.objects.get(&table_oid(foreign.table))?.def;
    let covers = |k: &KeyDef| {
        k.columns.len() == foreign.referenced.len() && foreign.referenced.iter().all(|c| k.columns.contains(c))
    };
    let position = parent.parts()?.keys.iter().position(covers)?;
    Some(part_oid(Part::Index, parent.id, position))
}

fn index(oid: i64, object: &Object) -> Option<Row> {
    if object.kind != "i" {
        return None;
    }
    let (_, columns, unique) = *object.def.all_indexes().get(object.position)?;
    let primary = object.def.parts().and_then(|p| p.keys.get(object.position)).is_some_and(|k| k.primary);
    let count = columns.len();
    let zeros = || Cell::from(vec![0i64; count]);
    Some(vec![
        ("indexrelid", oid.into()),
        ("indrelid", table_oid(object.def.id).into()),
        ("indnatts", (count as i64).into()),
        ("indnkeyatts", (count as i64).into()),
        ("indisprimary", primary.into()),
        ("indisunique", unique.into()),
        ("indkey", numbers(columns)),
        ("indcollation", zeros()),
        ("indclass", zeros()),
        ("indoption", vec!["0"; count].join(" ").into()),
    ])
}
