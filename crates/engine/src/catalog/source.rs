//! What the names of a view's query meant when it was created. They bind by number, so a rename breaks nothing; and a
//! column added later is no part of `*`.

use super::TableDef;
use serde::{Deserialize, Serialize};

/// A table or view that a query names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDef {
    /// The schema, if the query names one.
    pub schema: Option<String>,
    /// The name in the query.
    pub name: String,
    /// The table or view it means.
    pub table: i64,
    /// The columns the query sees, by their numbers, under the names it knows.
    pub columns: Vec<(i64, String)>,
}

impl SourceDef {
    /// What `name` means while it means `def`.
    pub(crate) fn new(schema: Option<&str>, name: &str, def: &TableDef) -> Self {
        let columns = def.columns.iter().map(|c| (c.id, c.name.clone())).collect();
        Self { schema: schema.map(str::to_string), name: name.to_string(), table: def.id, columns }
    }

    pub(crate) fn is_named(&self, schema: Option<&str>, name: &str) -> bool {
        self.schema.as_deref() == schema && self.name == name
    }

    /// Whether the table still looks as it did.
    pub(crate) fn is_as_created(&self, def: &TableDef) -> bool {
        let now = def.columns.iter().map(|c| (c.id, c.name.as_str()));
        self.columns.iter().map(|(id, name)| (*id, name.as_str())).eq(now)
    }

    /// The table as the query sees it, without the column `without`.
    pub(crate) fn as_created(&self, def: &TableDef, without: Option<i64>) -> TableDef {
        let kept: Vec<(usize, &String)> = self
            .columns
            .iter()
            .filter(|(id, _)| Some(*id) != without)
            .filter_map(|(id, name)| Some((def.columns.iter().position(|c| c.id == *id)?, name)))
            .collect();
        let mut seen = def.clone();
        seen.keep_columns(&kept.iter().map(|(at, _)| *at).collect::<Vec<_>>());
        for (column, (_, name)) in seen.columns.iter_mut().zip(&kept) {
            column.name.clone_from(name);
        }
        seen
    }
}
