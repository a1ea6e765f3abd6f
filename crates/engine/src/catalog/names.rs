use super::TableDef;
use crate::roles::Role;
use sluice_sql::{Result, SqlError, fold, nearest};
use sqlparser::ast::{ObjectName, ObjectNamePart};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A name as a statement gives it: a schema, or none, and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The schema, `main` for `public`.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// Reads `name`, `schema.name` or `database.schema.name`.
    pub fn parse(name: &ObjectName) -> Result<Self> {
        let parts: Vec<String> = name
            .0
            .iter()
            .map(|p| match p {
                ObjectNamePart::Identifier(i) => Ok(fold(i)),
                other => Err(SqlError::new("42601", format!("{other} is no name"))),
            })
            .collect::<Result<_>>()?;
        match parts.as_slice() {
            [name] => Ok(Self { schema: None, name: name.clone() }),
            [.., schema, name] if parts.len() <= 3 => {
                Ok(Self { schema: Some(stored_schema(schema)), name: name.clone() })
            }
            _ => Err(SqlError::new("42601", format!("improper qualified name: {name}"))),
        }
    }

    /// Reads a name that came as text: `orders`, `public.orders`.
    pub fn parse_text(text: &str) -> Self {
        let strip = |part: &str| match part.strip_prefix('"').and_then(|p| p.strip_suffix('"')) {
            Some(quoted) => quoted.to_string(),
            None => part.to_lowercase(),
        };
        match text.trim().rsplit_once('.') {
            Some((schema, name)) => Self { schema: Some(stored_schema(&strip(schema))), name: strip(name) },
            None => Self { schema: None, name: strip(text.trim()) },
        }
    }

    /// The name as the user wrote it.
    pub fn shown(&self) -> String {
        match self.schema.as_deref() {
            Some("main") => format!("public.{}", self.name),
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// `public` is a name of the lake's schema `main`.
fn stored_schema(name: &str) -> String {
    if name == "public" { "main".to_string() } else { name.to_string() }
}

/// All definitions of one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    tables: BTreeMap<i64, Arc<TableDef>>,
    names: BTreeMap<(String, String), i64>,
    schemas: BTreeMap<String, i64>,
    roles: BTreeMap<String, Role>,
}

impl Catalog {
    /// A catalog of these definitions.
    pub fn new(schemas: BTreeMap<String, i64>, tables: impl IntoIterator<Item = TableDef>) -> Self {
        let mut catalog = Self { schemas, ..Self::default() };
        tables.into_iter().for_each(|t| catalog.put(t));
        catalog
    }

    /// Adds a definition, or replaces the one with its number.
    pub fn put(&mut self, table: TableDef) {
        self.remove(table.id);
        self.names.insert((table.schema.clone(), table.name.clone()), table.id);
        self.tables.insert(table.id, Arc::new(table));
    }

    /// Forgets a definition.
    pub fn remove(&mut self, id: i64) {
        if let Some(old) = self.tables.remove(&id) {
            self.names.remove(&(old.schema.clone(), old.name.clone()));
        }
    }

    /// Adds a schema.
    pub fn put_schema(&mut self, name: &str, id: i64) {
        self.schemas.insert(name.to_string(), id);
    }

    /// Forgets a schema.
    pub fn remove_schema(&mut self, name: &str) {
        self.schemas.remove(name);
    }

    /// Schemas and their numbers.
    pub fn schemas(&self) -> &BTreeMap<String, i64> {
        &self.schemas
    }

    /// Adds a role, or replaces the one with its name.
    pub fn put_role(&mut self, name: &str, role: Role) {
        self.roles.insert(name.to_string(), role);
    }

    /// Forgets a role.
    pub fn remove_role(&mut self, name: &str) {
        self.roles.remove(name);
    }

    /// Roles by name. Only the newest catalog has them: they are not of any snapshot.
    pub fn roles(&self) -> &BTreeMap<String, Role> {
        &self.roles
    }

    /// All objects in the order of their numbers.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.tables.values()
    }

    /// The object with that number.
    pub fn by_id(&self, id: i64) -> Option<&Arc<TableDef>> {
        self.tables.get(&id)
    }

    /// The object of that name, searched along `path` if no schema is named.
    pub fn find(&self, name: &ObjectRef, path: &[String]) -> Option<&Arc<TableDef>> {
        let in_schema = |schema: &str| self.names.get(&(schema.to_string(), name.name.clone()));
        let id = match &name.schema {
            Some(schema) => in_schema(schema),
            None => path.iter().find_map(|s| in_schema(s)),
        };
        id.and_then(|id| self.tables.get(id))
    }

    /// The object of that name, or PostgreSQL's error with the nearest name.
    pub fn get(&self, name: &ObjectRef, path: &[String]) -> Result<&Arc<TableDef>> {
        self.find(name, path).ok_or_else(|| {
            let error = SqlError::new("42P01", format!("relation \"{}\" does not exist", name.shown()));
            match self.nearest(name, path) {
                Some(near) => error.hint(format!("Perhaps you meant \"{near}\".")),
                None => error,
            }
        })
    }

    /// The name most like `name`, with its schema where a statement has to say it.
    fn nearest(&self, name: &ObjectRef, path: &[String]) -> Option<String> {
        let like = nearest(&name.name, self.tables.values().map(|t| t.name.as_str()))?;
        let bare = ObjectRef { schema: None, name: like };
        if name.schema.is_none() && self.find(&bare, path).is_some() {
            return Some(bare.name);
        }
        let here = |t: &&&Arc<TableDef>| name.schema.as_ref() == Some(&t.schema);
        let all: Vec<&Arc<TableDef>> = self.tables.values().filter(|t| t.name == bare.name).collect();
        let table = all.iter().find(here).or(all.first())?;
        Some(format!("{}.{}", table.shown_schema(), table.name))
    }

    /// Materialized views and views that read `id`, directly.
    pub fn readers(&self, id: i64) -> Vec<&Arc<TableDef>> {
        self.tables
            .values()
            .filter(|t| match &t.kind {
                super::Kind::Materialized(m) => m.reads.contains(&id),
                _ => false,
            })
            .collect()
    }

    /// The table with an index of that name, searched along `path` if no schema is named.
    pub fn find_index(&self, name: &ObjectRef, path: &[String]) -> Option<&Arc<TableDef>> {
        let in_schema = |schema: &str| {
            let has = |t: &&Arc<TableDef>| t.all_indexes().iter().any(|(n, ..)| *n == name.name);
            self.tables.values().filter(|t| t.schema == schema).find(has)
        };
        match &name.schema {
            Some(schema) => in_schema(schema),
            None => path.iter().find_map(|s| in_schema(s)),
        }
    }

    /// The schema in which a statement creates `name`.
    pub fn creation_schema(&self, name: &ObjectRef, path: &[String]) -> Result<String> {
        let schema = name.schema.clone().or_else(|| path.first().cloned()).unwrap_or_else(|| "main".into());
        if !self.schemas.contains_key(&schema) {
            return Err(SqlError::new("3F000", format!("schema \"{schema}\" does not exist"))
                .hint(format!("Create it with CREATE SCHEMA {schema};")));
        }
        Ok(schema)
    }
}
