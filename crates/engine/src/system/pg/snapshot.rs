//! What one statement sees of the catalog: every object with its number, for the relations and the functions alike.

use super::names::{list, quoted};
use crate::catalog::{Kind, ObjectRef, TableDef};
use crate::read::ReadView;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Schemas with numbers that clients know.
pub(super) const SCHEMAS: [(&str, i64); 3] = [("pg_catalog", 11), ("public", 2200), ("information_schema", 13_000)];

/// Relations of pg_catalog that clients name by `'...'::regclass`.
const RELATIONS: [(&str, i64); 9] = [
    ("pg_type", 1247),
    ("pg_attribute", 1249),
    ("pg_proc", 1255),
    ("pg_class", 1259),
    ("pg_database", 1262),
    ("pg_constraint", 2606),
    ("pg_namespace", 2615),
    ("pg_attrdef", 2604),
    ("pg_description", 2609),
];

/// The number of the role that owns everything.
const OWNER: i64 = 10;

/// What an object is; the number goes into its oid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Index = 1,
    Key = 2,
    Check = 3,
    Foreign = 4,
    Sequence = 5,
    Default = 6,
}

/// The number of a table or view.
pub(super) fn table_oid(id: i64) -> i64 {
    16_384 + id
}

/// The number of what belongs to a table, by its place there.
pub(super) fn part_oid(part: Part, id: i64, position: usize) -> i64 {
    (part as i64) * 0x1000_0000 + id * 256 + position as i64
}

/// A relation of pg_class.
pub(super) struct Object {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) def: Arc<TableDef>,
    pub(super) kind: &'static str,
    /// Which index of its table it is, or which column a sequence fills.
    pub(super) position: usize,
}

/// The catalog of one statement.
pub(crate) struct Snapshot {
    pub(super) objects: BTreeMap<i64, Object>,
    pub(super) schemas: BTreeMap<String, i64>,
    /// Schemas that are searched, as they are shown.
    pub(super) path: Vec<String>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) user: String,
    /// Numbers and names of the roles; that of this session owns everything.
    pub(super) roles: BTreeMap<i64, String>,
    pub(super) version: String,
    rows: BTreeMap<i64, u64>,
    bytes: BTreeMap<i64, u64>,
}

impl Snapshot {
    pub(crate) fn new(view: &ReadView, path: &[String], settings: BTreeMap<String, String>) -> Self {
        let catalog = &view.version.catalog;
        let mut schemas: BTreeMap<String, i64> = SCHEMAS.iter().map(|(n, o)| (n.to_string(), *o)).collect();
        for (name, id) in catalog.schemas() {
            if name != "main" {
                schemas.entry(name.clone()).or_insert(0x7000_0000 + id);
            }
        }
        let mut objects = BTreeMap::new();
        for def in catalog.tables() {
            let object = |name: &str, kind, position| Object {
                schema: def.shown_schema().to_string(),
                name: name.to_string(),
                def: Arc::clone(def),
                kind,
                position,
            };
            let kind = match def.kind {
                Kind::Table(_) => "r",
                Kind::View { .. } => "v",
                Kind::Materialized(_) => "m",
            };
            objects.insert(table_oid(def.id), object(&def.name, kind, 0));
            for (i, (name, ..)) in def.all_indexes().into_iter().enumerate() {
                objects.insert(part_oid(Part::Index, def.id, i), object(name, "i", i));
            }
            for (i, column) in def.columns.iter().enumerate().filter(|(_, c)| c.sequence.is_some()) {
                let name = format!("{}_{}_seq", def.name, column.name);
                objects.insert(part_oid(Part::Sequence, def.id, i), object(&name, "S", i));
            }
        }
        let shown = |s: &String| if s == "main" { "public".to_string() } else { s.clone() };
        let tables = || view.version.tables.iter();
        let user = settings.get("session_authorization").cloned().unwrap_or_else(|| "sluice".into());
        let version = settings.get("server_version").cloned().unwrap_or_else(|| "16.0".into());
        let others = catalog.roles().iter().filter(|(name, _)| **name != user);
        let mut roles: BTreeMap<i64, String> = others.map(|(n, r)| (0x6000_0000 + r.id, n.clone())).collect();
        roles.insert(OWNER, user.clone());
        Self {
            objects,
            schemas,
            path: path.iter().map(shown).collect(),
            user,
            roles,
            version,
            settings,
            rows: tables().map(|(id, t)| (*id, t.live_rows())).collect(),
            bytes: tables().map(|(id, t)| (*id, t.files.iter().map(|f| f.file.size_bytes).sum())).collect(),
        }
    }

    /// Tables, views and materialized views.
    pub(super) fn tables(&self) -> impl Iterator<Item = (i64, &Object)> {
        self.objects.iter().filter(|(_, o)| matches!(o.kind, "r" | "v" | "m")).map(|(oid, o)| (*oid, o))
    }

    pub(super) fn schema_oid(&self, name: &str) -> i64 {
        self.schemas.get(name).copied().unwrap_or(0)
    }

    pub(super) fn live_rows(&self, oid: i64) -> i64 {
        self.objects.get(&oid).and_then(|o| self.rows.get(&o.def.id)).map_or(-1, |r| *r as i64)
    }

    /// Bytes of a relation's files.
    pub(super) fn bytes(&self, oid: i64) -> Option<i64> {
        let object = self.objects.get(&oid)?;
        let stored = matches!(object.kind, "r" | "m").then(|| self.bytes.get(&object.def.id)).flatten();
        Some(stored.map_or(0, |b| *b as i64))
    }

    /// Whether its name without a schema means this object.
    pub(super) fn is_visible(&self, oid: i64) -> bool {
        let Some(object) = self.objects.get(&oid) else { return RELATIONS.iter().any(|(_, o)| *o == oid) };
        let first = self.path.iter().find(|s| self.objects.values().any(|o| o.schema == **s && o.name == object.name));
        first.is_some_and(|s| *s == object.schema)
    }

    /// The relation of that name, written as in SQL or as a number.
    pub(super) fn relation_oid(&self, text: &str) -> Option<i64> {
        if let Ok(number) = text.trim().parse() {
            return Some(number);
        }
        let reference = ObjectRef::parse_text(text);
        let schema = reference.schema.as_deref().map(|s| if s == "main" { "public" } else { s });
        let of_catalog = matches!(schema, None | Some("pg_catalog"));
        if let Some((_, oid)) = RELATIONS.iter().find(|(n, _)| of_catalog && *n == reference.name) {
            return Some(*oid);
        }
        let in_schema =
            |s: &str| self.objects.iter().find(|(_, o)| o.schema == s && o.name == reference.name).map(|(oid, _)| *oid);
        match schema {
            Some(schema) => in_schema(schema),
            None => self.path.iter().find_map(|s| in_schema(s)),
        }
    }

    /// How the relation is written, with its schema where it needs it.
    pub(super) fn relation_name(&self, oid: i64) -> String {
        if let Some((name, _)) = RELATIONS.iter().find(|(_, o)| *o == oid) {
            return (*name).to_string();
        }
        match self.objects.get(&oid) {
            Some(o) if self.is_visible(oid) => quoted(&o.name),
            Some(o) => format!("{}.{}", quoted(&o.schema), quoted(&o.name)),
            None if oid == 0 => "-".into(),
            None => oid.to_string(),
        }
    }

    /// The default of a column, as an expression.
    pub(super) fn default(&self, relation: i64, number: i64) -> Option<String> {
        let object = self.objects.get(&relation).filter(|o| o.kind == "r")?;
        let position = usize::try_from(number).ok()?.checked_sub(1)?;
        let column = object.def.columns.get(position)?;
        if column.sequence.is_some() {
            let name = self.relation_name(part_oid(Part::Sequence, object.def.id, position));
            return Some(format!("nextval('{}'::regclass)", name.replace('\'', "''")));
        }
        column.default.clone()
    }

    /// What CREATE TABLE would say of a constraint.
    pub(super) fn constraint(&self, oid: i64, pretty: bool) -> Option<String> {
        let (part, rest) = (oid / 0x1000_0000, oid % 0x1000_0000);
        let (id, position) = (rest / 256, (rest % 256) as usize);
        let def = &self.objects.get(&table_oid(id))?.def;
        let parts = def.parts()?;
        let names = |def: &TableDef, columns: &[usize]| {
            list(columns.iter().filter_map(|c| def.columns.get(*c)).map(|c| c.name.as_str()))
        };
        if part == Part::Key as i64 {
            let key = parts.keys.get(position)?;
            let kind = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
            Some(format!("{kind} ({})", names(def, &key.columns)))
        } else if part == Part::Check as i64 {
            let condition = &parts.checks.get(position)?.condition;
            Some(if pretty { format!("CHECK ({condition})") } else { format!("CHECK (({condition}))") })
        } else if part == Part::Foreign as i64 {
            let foreign = parts.foreign.get(position)?;
            let target = &self.objects.get(&table_oid(foreign.table))?.def;
            Some(format!(
                "FOREIGN KEY ({}) REFERENCES {}({})",
                names(def, &foreign.columns),
                self.relation_name(table_oid(foreign.table)),
                names(target, &foreign.referenced)
            ))
        } else {
            None
        }
    }

    /// The statement that would make an index, or one of its columns, counted from 1.
    pub(super) fn index(&self, oid: i64, column: i64) -> Option<String> {
        let object = self.objects.get(&oid).filter(|o| o.kind == "i")?;
        let (_, columns, unique) = *object.def.all_indexes().get(object.position)?;
        let names: Vec<&str> =
            columns.iter().filter_map(|c| object.def.columns.get(*c)).map(|c| c.name.as_str()).collect();
        if column > 0 {
            return usize::try_from(column - 1).ok().and_then(|i| names.get(i)).map(|n| quoted(n));
        }
        Some(format!(
            "CREATE {}INDEX {} ON {}.{} USING btree ({})",
            if unique { "UNIQUE " } else { "" },
            quoted(&object.name),
            quoted(&object.schema),
            quoted(&object.def.name),
            list(names)
        ))
    }

    /// The query of a view.
    pub(super) fn view(&self, oid: i64) -> Option<String> {
        let object = self.objects.get(&oid)?;
        let query = match &object.def.kind {
            Kind::View { query, .. } => query,
            Kind::Materialized(m) => &m.query,
            Kind::Table(_) => return None,
        };
        Some(format!(" {};", query.trim().trim_end_matches(';')))
    }
}
