use super::SourceDef;
use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use sluice_sql::{SqlType, Zone};
use std::sync::Arc;

/// A table, view or materialized view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableDef {
    /// The number it has in the lake's catalog; a plain view's comes from the same sequence.
    pub id: i64,
    /// The schema it lives in, as the lake names it (`main`).
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<ColumnDef>,
    /// What kind of object it is.
    pub kind: Kind,
    /// What CREATE INDEX made on it, except what is unique on a table: that is a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexDef>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnDef {
    /// Its number in the lake, which never changes.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: SqlType,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// The expression of its default, as SQL.
    pub default: Option<String>,
    /// The sequence that fills it (serial, identity).
    pub sequence: Option<i64>,
    /// Whether it is an identity column, and which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// Kinds of identity columns. Lakes of before there was a difference have none: theirs are as serial columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Statements do not give values.
    Always,
    /// What a statement gives is stored.
    ByDefault,
}

/// Kinds of objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Rows that users write.
    Table(TableParts),
    /// A query with a name.
    View {
        /// The query's text.
        query: String,
        /// What its names meant when it was created.
        #[serde(default)]
        sources: Vec<SourceDef>,
    },
    /// A query whose result is stored and maintained.
    Materialized(MaterializedDef),
}

/// Constraints of a table. Columns are positions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableParts {
    /// Primary key and unique constraints.
    pub keys: Vec<KeyDef>,
    /// Checks.
    pub checks: Vec<CheckDef>,
    /// References to other tables.
    pub foreign: Vec<ForeignDef>,
}

/// A primary key or unique constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyDef {
    /// Its name.
    pub name: String,
    /// Positions of its columns.
    pub columns: Vec<usize>,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Whether CREATE UNIQUE INDEX made it: then it is no constraint, and DROP INDEX takes it away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub index: bool,
}

/// An index. Columns are positions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexDef {
    /// Its name.
    pub name: String,
    /// Positions of its columns.
    pub columns: Vec<usize>,
    /// Whether no two rows may be equal in them; only on a materialized view.
    pub unique: bool,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckDef {
    /// Its name.
    pub name: String,
    /// Its condition, as SQL.
    pub condition: String,
}

/// A reference to another table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeignDef {
    /// Its name.
    pub name: String,
    /// Positions of the referring columns.
    pub columns: Vec<usize>,
    /// The referenced table.
    pub table: i64,
    /// Positions of the referenced columns, which a key of that table covers.
    pub referenced: Vec<usize>,
}

/// How a materialized view is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// Incremental where there is a rule.
    Auto,
    /// The same, asked for by name.
    Differential,
    /// Recomputed.
    Full,
    /// Never held back.
    Immediate,
}

impl Mode {
    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::Differential => "DIFFERENTIAL",
            Self::Full => "FULL",
            Self::Immediate => "IMMEDIATE",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Auto, Self::Differential, Self::Full, Self::Immediate]
            .into_iter()
            .find(|m| m.name().eq_ignore_ascii_case(name))
    }
}

/// A maintained query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaterializedDef {
    /// The query's text.
    pub query: String,
    /// The longest it may lag, as given.
    pub schedule: Option<String>,
    /// How it is refreshed.
    pub mode: Mode,
    /// Positions of the columns that name a row; `None` when only whole rows do.
    pub key: Option<Vec<usize>>,
    /// The tables and views its query reads.
    pub reads: Vec<i64>,
    /// What its query's names meant when it was created.
    #[serde(default)]
    pub sources: Vec<SourceDef>,
    /// Whether refreshing is paused.
    pub paused: bool,
    /// The time zone of the session that created it: its query means what it meant there.
    #[serde(default, skip_serializing_if = "Zone::is_utc")]
    pub zone: Zone,
}

impl TableDef {
    /// The Arrow schema of its rows, with what tells SQL types apart as metadata.
    pub fn arrow(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(|c| c.ty.field(&c.name)).collect::<Vec<Field>>()))
    }

    /// Position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The name as users write it: `main` is `public`.
    pub fn shown_schema(&self) -> &str {
        if self.schema == "main" { "public" } else { &self.schema }
    }

    /// Constraints, for tables.
    pub fn parts(&self) -> Option<&TableParts> {
        match &self.kind {
            Kind::Table(parts) => Some(parts),
            _ => None,
        }
    }

    /// The maintained query, for materialized views.
    pub fn materialized(&self) -> Option<&MaterializedDef> {
        match &self.kind {
            Kind::Materialized(m) => Some(m),
            _ => None,
        }
    }

    /// What the names of a view's query mean.
    pub fn sources(&self) -> &[SourceDef] {
        match &self.kind {
            Kind::Table(_) => &[],
            Kind::View { sources, .. } => sources,
            Kind::Materialized(m) => &m.sources,
        }
    }

    /// Whether its query reads `id`, by name or through a plain view.
    pub fn reads(&self, id: i64) -> bool {
        let stored = self.materialized().is_some_and(|m| m.reads.contains(&id));
        stored || self.sources().iter().any(|s| s.table == id)
    }

    /// Indexes with their columns and whether they are unique: those of keys, then those of CREATE INDEX.
    pub fn all_indexes(&self) -> Vec<(&str, &[usize], bool)> {
        let keys = self.parts().map(|p| p.keys.as_slice()).unwrap_or_default();
        let keys = keys.iter().map(|k| (k.name.as_str(), k.columns.as_slice(), true));
        keys.chain(self.indexes.iter().map(|i| (i.name.as_str(), i.columns.as_slice(), i.unique))).collect()
    }

    /// Whether rows of it are stored in the lake.
    pub fn is_stored(&self) -> bool {
        !matches!(self.kind, Kind::View { .. })
    }

    /// The columns by which its rows are found: primary key, or a materialized view's key.
    pub fn row_key(&self) -> Option<&[usize]> {
        match &self.kind {
            Kind::Table(parts) => parts.keys.iter().find(|k| k.primary).map(|k| k.columns.as_slice()),
            Kind::Materialized(m) => m.key.as_deref(),
            Kind::View { .. } => None,
        }
    }

    /// What `\d` calls it.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Table(_) => "table",
            Kind::View { .. } => "view",
            Kind::Materialized(_) => "materialized view",
        }
    }
}
