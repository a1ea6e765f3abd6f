//! Functions over the catalog. Each is bound to what its statement sees.

use super::cell::Cell;
use super::names::quoted;
use super::snapshot::{Part, SCHEMAS, Snapshot, part_oid};
use super::types;
use sluice_sql::{Result, SqlError, SqlType};

/// What a function gives, and how.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) returns: Returns,
    pub(super) body: fn(&Snapshot, &[Cell]) -> Result<Cell>,
}

/// The type of a result.
#[derive(Debug, Clone, Copy)]
pub(super) enum Returns {
    Bool,
    Int4,
    Int8,
    Oid,
    Text,
    Name,
    Names,
    Texts,
    Numbers,
    Void,
}

impl Returns {
    pub(super) fn ty(self) -> SqlType {
        match self {
            Self::Bool => SqlType::Bool,
            Self::Int4 => SqlType::Int4,
            Self::Int8 => SqlType::Int8,
            Self::Oid => SqlType::Oid,
            Self::Text => SqlType::Text,
            Self::Name => SqlType::Name,
            Self::Names => SqlType::Array(Box::new(SqlType::Name)),
            Self::Texts => SqlType::Array(Box::new(SqlType::Text)),
            Self::Numbers => SqlType::Array(Box::new(SqlType::Int4)),
            Self::Void => SqlType::Void,
        }
    }
}

macro_rules! functions {
    ($($name:literal $returns:ident $body:expr;)*) => {
        /// Every function, by name.
        pub(super) const FUNCTIONS: &[Definition] =
            &[$(Definition { name: $name, returns: Returns::$returns, body: $body }),*];
    };
}

functions! {
    "version" Text |s, _| Ok(format!("PostgreSQL {} (Sluice {})", s.version, env!("CARGO_PKG_VERSION")).into());
    "current_database" Name |_, _| Ok(super::DATABASE.into());
    "current_catalog" Name |_, _| Ok(super::DATABASE.into());
    "current_schema" Name |s, _| Ok(Cell::of_option(s.path.iter().find(|p| s.schemas.contains_key(*p)).cloned()));
    "current_schemas" Names current_schemas;
    "current_user" Name |s, _| Ok(s.user.as_str().into());
    "session_user" Name |s, _| Ok(s.user.as_str().into());
    "current_role" Name |s, _| Ok(s.user.as_str().into());
    "user" Name |s, _| Ok(s.user.as_str().into());
    "current_setting" Text current_setting;
    "set_config" Text set_config;
    "pg_backend_pid" Int4 |_, _| Ok(i64::from(std::process::id()).into());
    "pg_is_in_recovery" Bool |_, _| Ok(false.into());
    "pg_advisory_unlock_all" Void |_, _| Ok("".into());
    "getdatabaseencoding" Name |_, _| Ok("UTF8".into());
    "pg_client_encoding" Name |_, _| Ok("UTF8".into());
    "pg_encoding_to_char" Name |_, a| Ok(match number(a, 0) { Some(6) => "UTF8", _ => "" }.into());
    "pg_get_userbyid" Name |s, a| Ok(match number(a, 0) {
        None => Cell::Null,
        Some(oid) => s.roles.get(&oid).cloned().unwrap_or_else(|| format!("unknown (OID={oid})")).into(),
    });
    "pg_table_is_visible" Bool |s, a| Ok(Cell::of_option(number(a, 0).map(|oid| s.is_visible(oid))));
    "pg_type_is_visible" Bool |_, a| Ok(Cell::of_option(number(a, 0).map(|_| true)));
    "pg_function_is_visible" Bool |_, a| Ok(Cell::of_option(number(a, 0).map(|_| true)));
    "pg_collation_is_visible" Bool |_, a| Ok(Cell::of_option(number(a, 0).map(|_| true)));
    "pg_relation_is_publishable" Bool |_, _| Ok(false.into());
    "pg_partition_ancestors" Oid |_, a| Ok(Cell::of_option(number(a, 0)));
    "has_table_privilege" Bool |_, _| Ok(true.into());
    "has_schema_privilege" Bool |_, _| Ok(true.into());
    "has_database_privilege" Bool |_, _| Ok(true.into());
    "has_column_privilege" Bool |_, _| Ok(true.into());
    "has_any_column_privilege" Bool |_, _| Ok(true.into());
    "has_sequence_privilege" Bool |_, _| Ok(true.into());
    "has_function_privilege" Bool |_, _| Ok(true.into());
    "format_type" Text |_, a| Ok(match number(a, 0) {
        None => Cell::Null,
        Some(0) => "-".into(),
        Some(oid) => types::format(oid, number(a, 1).unwrap_or(-1)).into(),
    });
    "pg_get_expr" Text |_, a| Ok(a.first().cloned().unwrap_or(Cell::Null));
    "__column_default" Text |s, a| Ok(both(a).and_then(|(relation, number)| s.default(relation, number)).into_cell());
    "pg_get_constraintdef" Text |s, a| {
        let pretty = matches!(a.get(1), Some(Cell::Bool(true))) || a.get(1).and_then(Cell::text).is_some_and(|t| t.starts_with('t'));
        Ok(number(a, 0).and_then(|oid| s.constraint(oid, pretty)).into_cell())
    };
    "pg_get_indexdef" Text |s, a| {
        Ok(number(a, 0).and_then(|oid| s.index(oid, number(a, 1).unwrap_or(0))).into_cell())
    };
    "pg_get_viewdef" Text |s, a| {
        Ok(relation(s, a).and_then(|oid| s.view(oid)).into_cell())
    };
    "pg_get_serial_sequence" Text serial_sequence;
    "pg_get_partkeydef" Text |_, _| Ok(Cell::Null);
    "pg_get_ruledef" Text |_, _| Ok(Cell::Null);
    "pg_get_triggerdef" Text |_, _| Ok(Cell::Null);
    "pg_get_function_result" Text |_, _| Ok(Cell::Null);
    "pg_get_function_arguments" Text |_, _| Ok(Cell::Null);
    "pg_get_function_identity_arguments" Text |_, _| Ok(Cell::Null);
    "obj_description" Text |_, _| Ok(Cell::Null);
    "col_description" Text |_, _| Ok(Cell::Null);
    "shobj_description" Text |_, _| Ok(Cell::Null);
    "pg_tablespace_location" Text |_, _| Ok("".into());
    "pg_table_size" Int8 |s, a| Ok(Cell::of_option(relation(s, a).and_then(|oid| s.bytes(oid))));
    "pg_relation_size" Int8 |s, a| Ok(Cell::of_option(relation(s, a).and_then(|oid| s.bytes(oid))));
    "pg_total_relation_size" Int8 |s, a| Ok(Cell::of_option(relation(s, a).and_then(|oid| s.bytes(oid))));
    "pg_indexes_size" Int8 |_, _| Ok(Cell::Int(0));
    "pg_database_size" Int8 |s, _| Ok(s.tables().filter_map(|(oid, _)| s.bytes(oid)).sum::<i64>().into());
    "pg_size_pretty" Text |_, a| Ok(number(a, 0).map(size_pretty).into_cell());
    "parse_ident" Texts |_, a| Ok(a.first().and_then(Cell::text).map_or(Cell::Null, |t| {
        let reference = crate::catalog::ObjectRef::parse_text(t);
        let schema = reference.schema.map(|s| if s == "main" { "public".to_string() } else { s });
        schema.into_iter().chain([reference.name]).collect::<Vec<_>>().into()
    }));
    "array_upper" Int4 |_, a| Ok(match a.first() {
        Some(Cell::List(items)) if !items.is_empty() => (items.len() as i64).into(),
        _ => Cell::Null,
    });
    "array_lower" Int4 |_, a| Ok(match a.first() {
        Some(Cell::List(items)) if !items.is_empty() => Cell::Int(1),
        _ => Cell::Null,
    });
    "__subscripts" Numbers |_, a| Ok(match a.first() {
        Some(Cell::List(items)) => (0..items.len() as i64).collect::<Vec<_>>().into(),
        _ => Cell::Null,
    });
    "__positions" Numbers |_, a| Ok(match a.first() {
        Some(Cell::List(items)) => (1..=items.len() as i64).collect::<Vec<_>>().into(),
        _ => Cell::Null,
    });
    "__option" Int4 |_, a| Ok(Cell::of_option(a.first().and_then(Cell::text).zip(number(a, 1)).and_then(|(options, at)| {
        options.split(' ').nth(usize::try_from(at).ok()?)?.parse::<i64>().ok()
    })));
    "__no_names" Names |_, _| Ok(Cell::List(vec![]));
    "to_regclass" Text |s, a| Ok(named_relation(s, a).map(|oid| s.relation_name(oid)).into_cell());
    "to_regtype" Oid |_, a| Ok(Cell::of_option(a.first().and_then(Cell::text).and_then(types::find)));
    "to_regnamespace" Oid |s, a| {
        Ok(Cell::of_option(a.first().and_then(Cell::text).and_then(|t| s.schemas.get(t).copied())))
    };
    "__regclass" Oid |s, a| regclass(s, a);
    "__regclass_name" Text |s, a| Ok(regclass(s, a)?.int().map(|oid| s.relation_name(oid)).into_cell());
    "__regtype" Oid |_, a| regtype(a);
    "__regtype_name" Text |_, a| Ok(regtype(a)?.int().map(|oid| types::format(oid, -1)).into_cell());
    "__regnamespace" Oid |s, a| regnamespace(s, a);
    "__regnamespace_name" Text |s, a| Ok(match regnamespace(s, a)? {
        Cell::Int(oid) => s.schemas.iter().find(|(_, o)| **o == oid).map_or_else(|| oid.to_string(), |(n, _)| quoted(n)).into(),
        other => other,
    });
    "__regproc" Text |_, a| regproc(a);
    "__regproc_name" Text |_, a| regproc(a);
    "__regrole" Oid |_, a| Ok(if a.iter().all(|c| *c == Cell::Null) { Cell::Null } else { Cell::Int(10) });
    "__regrole_name" Text |s, _| Ok(s.user.as_str().into());
}

trait IntoCell {
    fn into_cell(self) -> Cell;
}

impl IntoCell for Option<String> {
    fn into_cell(self) -> Cell {
        Cell::of_option(self)
    }
}

fn number(args: &[Cell], i: usize) -> Option<i64> {
    args.get(i).and_then(Cell::int)
}

fn both(args: &[Cell]) -> Option<(i64, i64)> {
    Some((number(args, 0)?, number(args, 1)?))
}

/// A relation by its number or its name.
fn relation(s: &Snapshot, args: &[Cell]) -> Option<i64> {
    number(args, 0).or_else(|| named_relation(s, args))
}

fn named_relation(s: &Snapshot, args: &[Cell]) -> Option<i64> {
    args.first().and_then(Cell::text).and_then(|t| s.relation_oid(t))
}

fn regclass(s: &Snapshot, args: &[Cell]) -> Result<Cell> {
    match args.first() {
        Some(Cell::Text(name)) => match s.relation_oid(name) {
            Some(oid) => Ok(oid.into()),
            None => Err(SqlError::new("42P01", format!("relation \"{name}\" does not exist"))),
        },
        Some(Cell::Int(oid)) => Ok((*oid).into()),
        _ => Ok(Cell::Null),
    }
}

fn regtype(args: &[Cell]) -> Result<Cell> {
    match args.first() {
        Some(Cell::Text(name)) => match args[0].int().or_else(|| types::find(name)) {
            Some(oid) => Ok(oid.into()),
            None => Err(SqlError::new("42704", format!("type \"{name}\" does not exist"))),
        },
        Some(Cell::Int(oid)) => Ok((*oid).into()),
        _ => Ok(Cell::Null),
    }
}

fn regnamespace(s: &Snapshot, args: &[Cell]) -> Result<Cell> {
    match args.first() {
        Some(Cell::Text(name)) => match args[0].int().or_else(|| s.schemas.get(name).copied()) {
            Some(oid) => Ok(oid.into()),
            None => Err(SqlError::new("3F000", format!("schema \"{name}\" does not exist"))),
        },
        Some(Cell::Int(oid)) => Ok((*oid).into()),
        _ => Ok(Cell::Null),
    }
}

/// Functions are known by name; those of types are those of arrays.
fn regproc(args: &[Cell]) -> Result<Cell> {
    let Some(text) = args.first().and_then(Cell::text) else { return Ok(Cell::Null) };
    let name = text.strip_prefix("pg_catalog.").unwrap_or(text);
    let known = name == "-" || name.starts_with("array_") || FUNCTIONS.iter().any(|f| f.name == name);
    if known {
        return Ok(name.into());
    }
    Err(SqlError::new("42883", format!("function \"{name}\" does not exist")))
}

fn current_schemas(s: &Snapshot, args: &[Cell]) -> Result<Cell> {
    let implicit = matches!(args.first(), Some(Cell::Bool(true)));
    let first = implicit.then(|| SCHEMAS[0].0.to_string());
    let known = s.path.iter().filter(|p| s.schemas.contains_key(*p)).cloned();
    Ok(first.into_iter().chain(known).collect::<Vec<_>>().into())
}

fn setting(s: &Snapshot, name: &str) -> Option<String> {
    let known = s.settings.get(&name.to_lowercase()).cloned();
    known.or_else(|| (name == "default_table_access_method").then(|| "heap".into()))
}

fn current_setting(s: &Snapshot, args: &[Cell]) -> Result<Cell> {
    let Some(name) = args.first().and_then(Cell::text) else { return Ok(Cell::Null) };
    let missing_ok = matches!(args.get(1), Some(Cell::Bool(true)));
    match setting(s, name) {
        Some(value) => Ok(value.into()),
        None if missing_ok => Ok(Cell::Null),
        None => Err(SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\""))),
    }
}

/// Settings are changed by SET; here only what changes no answer is taken.
fn set_config(s: &Snapshot, args: &[Cell]) -> Result<Cell> {
    let (Some(name), Some(value)) = (args.first().and_then(Cell::text), args.get(1).and_then(Cell::text)) else {
        return Ok(Cell::Null);
    };
    if name.eq_ignore_ascii_case("jit") || setting(s, name).as_deref() == Some(value) {
        return Ok(value.into());
    }
    Err(SqlError::unsupported(format!("set_config('{name}', ...)"), format!("Write SET {name} = '{value}'.")))
}

fn serial_sequence(s: &Snapshot, args: &[Cell]) -> Result<Cell> {
    let column = args.get(1).and_then(Cell::text);
    let object = relation(s, args).and_then(|oid| s.objects.get(&oid));
    let found = object.zip(column).and_then(|(o, c)| {
        let position = o.def.columns.iter().position(|d| d.name == c && d.sequence.is_some())?;
        let sequence = s.objects.get(&part_oid(Part::Sequence, o.def.id, position))?;
        Some(format!("{}.{}", quoted(&sequence.schema), quoted(&sequence.name)))
    });
    Ok(found.into_cell())
}

/// As PostgreSQL shortens sizes: a unit while there are fewer than 10240 of it.
fn size_pretty(bytes: i64) -> String {
    let mut size = bytes;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if size.abs() < 10_240 {
            return format!("{size} {unit}");
        }
        size = (size + 512) / 1024;
    }
    format!("{size} TB")
}
