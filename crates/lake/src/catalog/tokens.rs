//! What a snapshot changed, in DuckLake's words. DuckDB fails on a word that it does not know.

use std::collections::BTreeSet;

#[derive(Default)]
pub(crate) struct Tokens {
    pub(crate) dropped_schemas: BTreeSet<i64>,
    pub(crate) dropped_tables: BTreeSet<i64>,
    created_schemas: Vec<(i64, String)>,
    created_tables: Vec<(i64, String, String)>,
    pub(crate) altered: BTreeSet<i64>,
    pub(crate) inserted: BTreeSet<i64>,
    pub(crate) inlined_inserts: BTreeSet<i64>,
    pub(crate) deleted: BTreeSet<i64>,
    pub(crate) inlined_deletes: BTreeSet<i64>,
}

impl Tokens {
    pub(crate) fn created_schema(&mut self, id: i64, name: &str) {
        self.created_schemas.push((id, name.to_string()));
    }

    /// Also for a table that was renamed: that is how DuckDB records it.
    pub(crate) fn created_table(&mut self, id: i64, schema: &str, name: &str) {
        self.created_tables.retain(|(other, ..)| *other != id);
        self.created_tables.push((id, schema.to_string(), name.to_string()));
    }

    /// Nothing happened to the table after all.
    pub(crate) fn forget_table(&mut self, id: i64) {
        self.created_tables.retain(|(other, ..)| *other != id);
        self.altered.remove(&id);
    }

    pub(crate) fn forget_schema(&mut self, id: i64) {
        self.created_schemas.retain(|(other, _)| *other != id);
    }

    pub(crate) fn text(&self) -> String {
        let ids = |word: &'static str, ids: &BTreeSet<i64>| {
            ids.iter().map(move |id| format!("{word}:{id}")).collect::<Vec<_>>()
        };
        let mut all = ids("dropped_schema", &self.dropped_schemas);
        all.extend(ids("dropped_table", &self.dropped_tables));
        all.extend(self.created_schemas.iter().map(|(_, name)| format!("created_schema:{}", super::quoted(name))));
        all.extend(
            self.created_tables
                .iter()
                .map(|(_, schema, name)| format!("created_table:{}.{}", super::quoted(schema), super::quoted(name))),
        );
        all.extend(ids("altered_table", &self.altered));
        all.extend(ids("inserted_into_table", &self.inserted));
        all.extend(ids("inlined_insert", &self.inlined_inserts));
        all.extend(ids("deleted_from_table", &self.deleted));
        all.extend(ids("inlined_delete", &self.inlined_deletes));
        all.join(",")
    }
}
