//! The types that drivers know by number.

use super::cell::Cell;
use super::relation::Row;
use sluice_sql::SqlType;

/// A type: number, name, length in bytes, category, and the number of its array type.
pub(super) struct Type {
    pub(super) oid: i64,
    pub(super) name: &'static str,
    len: i64,
    category: &'static str,
    array: i64,
}

const fn ty(oid: i64, name: &'static str, len: i64, category: &'static str, array: i64) -> Type {
    Type { oid, name, len, category, array }
}

/// The function that reads arrays, by which Npgsql tells array types.
const ARRAY_RECV: i64 = 2400;

/// Rows of pg_proc.
pub(super) fn functions() -> Vec<Row> {
    vec![vec![("oid", ARRAY_RECV.into()), ("proname", "array_recv".into()), ("pronamespace", Cell::Int(11))]]
}

/// Every type but the arrays.
const TYPES: [Type; 32] = [
    ty(16, "bool", 1, "B", 1000),
    ty(17, "bytea", -1, "U", 1001),
    ty(18, "char", 1, "Z", 1002),
    ty(19, "name", 64, "S", 1003),
    ty(20, "int8", 8, "N", 1016),
    ty(21, "int2", 2, "N", 1005),
    ty(22, "int2vector", -1, "A", 1006),
    ty(23, "int4", 4, "N", 1007),
    ty(24, "regproc", 4, "N", 1008),
    ty(25, "text", -1, "S", 1009),
    ty(26, "oid", 4, "N", 1028),
    ty(30, "oidvector", -1, "A", 1013),
    ty(114, "json", -1, "U", 199),
    ty(700, "float4", 4, "N", 1021),
    ty(701, "float8", 8, "N", 1022),
    ty(705, "unknown", -2, "X", 0),
    ty(1042, "bpchar", -1, "S", 1014),
    ty(1043, "varchar", -1, "S", 1015),
    ty(1082, "date", 4, "D", 1182),
    ty(1083, "time", 8, "D", 1183),
    ty(1114, "timestamp", 8, "D", 1115),
    ty(1184, "timestamptz", 8, "D", 1185),
    ty(1186, "interval", 16, "T", 1187),
    ty(1700, "numeric", -1, "N", 1231),
    ty(2205, "regclass", 4, "N", 2210),
    ty(2206, "regtype", 4, "N", 2211),
    ty(2249, "record", -1, "P", 2287),
    ty(2278, "void", 4, "P", 0),
    ty(2950, "uuid", 16, "U", 2951),
    ty(3802, "jsonb", -1, "U", 3807),
    ty(4089, "regnamespace", 4, "N", 4090),
    ty(4096, "regrole", 4, "N", 4097),
];

/// Rows of pg_type: each type and its array.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![];
    for t in &TYPES {
        let is_text = matches!(t.name, "text" | "varchar" | "bpchar" | "name");
        let collation: i64 = if is_text { 100 } else { 0 };
        let kind = if t.category == "P" || t.category == "X" { "p" } else { "b" };
        rows.push(vec![
            ("oid", t.oid.into()),
            ("typname", t.name.into()),
            ("typlen", t.len.into()),
            ("typbyval", (t.len > 0 && t.len <= 8).into()),
            ("typtype", kind.into()),
            ("typcategory", t.category.into()),
            ("typarray", t.array.into()),
            ("typelem", vector_element(t.name).into()),
            ("typcollation", collation.into()),
        ]);
        if t.array != 0 {
            rows.push(vec![
                ("oid", t.array.into()),
                ("typname", format!("_{}", t.name).into()),
                ("typlen", Cell::Int(-1)),
                ("typcategory", "A".into()),
                ("typelem", t.oid.into()),
                ("typcollation", collation.into()),
                ("typinput", "array_in".into()),
                ("typreceive", ARRAY_RECV.into()),
            ]);
        }
    }
    rows
}

/// The type of a vector's elements; the other types here have none.
fn vector_element(name: &str) -> i64 {
    match name {
        "int2vector" => 21,
        "oidvector" => 26,
        _ => 0,
    }
}

/// The name of a type in `\d`, with its length or its precision and scale.
pub(super) fn format(oid: i64, typmod: i64) -> String {
    if let Some(element) = TYPES.iter().find(|t| t.array == oid && oid != 0) {
        return format!("{}[]", format(element.oid, typmod));
    }
    let Some(known) = TYPES.iter().find(|t| t.oid == oid) else { return "???".into() };
    let size = typmod - 4;
    match known.name {
        "numeric" if size >= 0 => format!("numeric({},{})", size >> 16, size & 0x7ff),
        "varchar" if size >= 0 => format!("character varying({size})"),
        "bpchar" if size >= 0 => format!("character({size})"),
        "bpchar" => "character".into(),
        "time" => "time without time zone".into(),
        name => {
            let sql = u32::try_from(oid).ok().and_then(SqlType::from_oid);
            sql.filter(|t| i64::from(t.oid()) == oid).map_or_else(|| name.to_string(), |t| t.name())
        }
    }
}

/// The catalog's name of a type.
pub(super) fn short_name(oid: i64) -> String {
    match TYPES.iter().find(|t| t.array == oid && oid != 0) {
        Some(element) => format!("_{}", element.name),
        None => TYPES.iter().find(|t| t.oid == oid).map_or_else(|| "???".into(), |t| t.name.to_string()),
    }
}

/// The number of the type of that name, in either spelling.
pub(super) fn find(name: &str) -> Option<i64> {
    let name = name.trim().to_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name).trim_matches('"');
    if let Some(element) = name.strip_suffix("[]").or_else(|| name.strip_prefix('_')) {
        let oid = find(element)?;
        return TYPES.iter().find(|t| t.oid == oid).map(|t| t.array).filter(|a| *a != 0);
    }
    let plain = name.split('(').next().unwrap_or(name).trim();
    let plain = match plain {
        "decimal" => "numeric",
        "int" => "int4",
        other => other,
    };
    TYPES.iter().find(|t| t.name == plain || format(t.oid, -1) == plain).map(|t| t.oid)
}
