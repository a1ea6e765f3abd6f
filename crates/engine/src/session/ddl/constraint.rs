//! ADD and DROP CONSTRAINT, and whether the rows that are there keep a new one.

use super::alter_column::contains_nulls;
use crate::catalog::{CheckDef, ForeignDef, KeyDef, Kind, TableDef, TableParts};
use crate::session::Session;
use crate::tick::{Alteration, DdlOp};
use crate::write::quoted;
use arrow::array::RecordBatch;
use sluice_sql::{Result, SqlError};
use sqlparser::ast::TableConstraint;
use std::sync::Arc;

impl Session {
    pub(super) async fn add_constraint(&mut self, def: &TableDef, constraint: &TableConstraint) -> Result<()> {
        let before = def.parts().cloned().unwrap_or_default();
        let mut altered = def.clone();
        let mut parts = before.clone();
        self.table_constraint(&mut altered, &mut parts, constraint, &self.catalog())?;
        self.finish_parts(&mut altered, parts)?;
        self.check_expressions(&altered).await?;
        let after = altered.parts().cloned().unwrap_or_default();
        let primary: Vec<usize> = after.keys.iter().filter(|k| k.primary).flat_map(|k| k.columns.clone()).collect();
        for &position in primary.iter().filter(|&&p| !def.columns[p].not_null) {
            self.refuse_nulls(def, position).await?;
        }
        // A primary key makes its columns NOT NULL, which the lake knows too.
        if primary.iter().any(|&p| !def.columns[p].not_null) {
            self.change_nulls(def, &primary, true).await?;
        }
        let parents = after.foreign.iter().map(|f| f.table);
        let looked_at = std::iter::once(def.id).chain(parents).collect();
        self.submit_alteration(Alteration { looked_at, ..Alteration::of(altered.clone()) }).await?;
        self.validate(&altered, &before, &after).await
    }

    pub(super) async fn drop_constraint(
        &mut self,
        def: &TableDef,
        name: &str,
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let mut altered = def.clone();
        let Kind::Table(parts) = &mut altered.kind else { return Err(Self::lost()) };
        let key = parts.keys.iter().position(|k| k.name == name && !k.index).map(|at| parts.keys.remove(at));
        let had = parts.checks.len() + parts.foreign.len();
        parts.checks.retain(|c| c.name != name);
        parts.foreign.retain(|f| f.name != name);
        if key.is_none() && had == parts.checks.len() + parts.foreign.len() {
            let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", def.name);
            if if_exists {
                self.notice(format!("{message}, skipping"), None);
                return Ok(());
            }
            return Err(SqlError::new("42704", message));
        }
        let left = parts.keys.clone();
        if let Some(key) = key {
            let what = format!("constraint {name} on table {}", def.name);
            self.release_key(&altered, &key, &left, &what, cascade).await?;
        }
        let mut altered = self.table_by_id(def.id)?.as_ref().clone();
        if let Kind::Table(parts) = &mut altered.kind {
            parts.keys.retain(|k| k.name != name || k.index);
            parts.checks.retain(|c| c.name != name);
            parts.foreign.retain(|f| f.name != name);
        }
        self.submit_alteration(Alteration::of(altered.clone())).await?;
        self.check_readers(&altered)
    }

    /// Before a key goes: references that no other key supports are refused, or go with it.
    pub(super) async fn release_key(
        &mut self,
        def: &TableDef,
        key: &KeyDef,
        left: &[KeyDef],
        what: &str,
        cascade: bool,
    ) -> Result<()> {
        let mut references = vec![];
        for child in self.catalog().tables() {
            let foreign = child.parts().map(|p| p.foreign.clone()).unwrap_or_default();
            let needs = |f: &&ForeignDef| {
                f.table == def.id
                    && same(&f.referenced, &key.columns)
                    && !left.iter().any(|k| same(&k.columns, &f.referenced))
            };
            references.extend(foreign.iter().filter(needs).map(|f| (Arc::clone(child), f.name.clone())));
        }
        if references.is_empty() {
            return Ok(());
        }
        if !cascade {
            let detail = references
                .iter()
                .map(|(t, name)| format!("constraint {name} on table {} depends on index {}", t.name, key.name));
            return Err(SqlError::new("2BP01", format!("cannot drop {what} because other objects depend on it"))
                .detail(detail.collect::<Vec<_>>().join("\n"))
                .hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        self.drop_references(references).await
    }

    /// Drops foreign keys, with a notice for each.
    pub(super) async fn drop_references(&mut self, references: Vec<(Arc<TableDef>, String)>) -> Result<()> {
        for (table, name) in references {
            self.notice(format!("drop cascades to constraint {name} on table {}", table.name), None);
            let mut altered = self.table_by_id(table.id)?.as_ref().clone();
            if let Kind::Table(parts) = &mut altered.kind {
                parts.foreign.retain(|f| f.name != name);
            }
            self.submit_ddl(vec![DdlOp::redefine(altered)]).await?;
        }
        Ok(())
    }

    /// Whether the rows that are there keep what `after` has and `before` has not.
    pub(super) async fn validate(&self, def: &TableDef, before: &TableParts, after: &TableParts) -> Result<()> {
        for check in after.checks.iter().filter(|c| !before.checks.contains(c)) {
            self.validate_check(def, check).await?;
        }
        for key in after.keys.iter().filter(|k| !before.keys.contains(k)) {
            self.validate_key(def, &key.name, &key.columns).await?;
        }
        for foreign in after.foreign.iter().filter(|f| !before.foreign.contains(f)) {
            self.validate_reference(def, foreign).await?;
        }
        Ok(())
    }

    async fn validate_check(&self, def: &TableDef, check: &CheckDef) -> Result<()> {
        let sql = format!("SELECT 1 FROM {} WHERE NOT ({}) LIMIT 1", full_name(def), check.condition);
        match self.first_row(&sql).await? {
            None => Ok(()),
            Some(_) => {
                let message =
                    format!("check constraint \"{}\" of relation \"{}\" is violated by some row", check.name, def.name);
                Err(SqlError::new("23514", message).constraint(&def.name, &check.name))
            }
        }
    }

    /// No two rows may be equal in `columns`; rows with a NULL there do not count.
    pub(super) async fn validate_key(&self, def: &TableDef, name: &str, columns: &[usize]) -> Result<()> {
        let names: Vec<String> = columns.iter().map(|&c| quoted(&def.columns[c].name)).collect();
        let not_null: Vec<String> = names.iter().map(|n| format!("{n} IS NOT NULL")).collect();
        let list = names.join(", ");
        let sql = format!(
            "SELECT {list} FROM {} WHERE {} GROUP BY {list} HAVING count(*) > 1 ORDER BY {list} LIMIT 1",
            full_name(def),
            not_null.join(" AND ")
        );
        match self.first_row(&sql).await? {
            None => Ok(()),
            Some(row) => Err(SqlError::new("23505", format!("could not create unique index \"{name}\""))
                .detail(format!("Key {}={} is duplicated.", columns_text(def, columns), row_text(&row)))
                .constraint(&def.name, name)),
        }
    }

    async fn validate_reference(&self, def: &TableDef, foreign: &ForeignDef) -> Result<()> {
        let parent = self.table_by_id(foreign.table)?;
        let pairs = foreign.columns.iter().zip(&foreign.referenced);
        let equal: Vec<String> = pairs
            .map(|(&c, &r)| format!("p.{} = c.{}", quoted(&parent.columns[r].name), quoted(&def.columns[c].name)))
            .collect();
        let columns: Vec<String> =
            foreign.columns.iter().map(|&c| format!("c.{}", quoted(&def.columns[c].name))).collect();
        let not_null: Vec<String> = columns.iter().map(|c| format!("{c} IS NOT NULL")).collect();
        let sql = format!(
            "SELECT {} FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {}) LIMIT 1",
            columns.join(", "),
            full_name(def),
            not_null.join(" AND "),
            full_name(&parent),
            equal.join(" AND ")
        );
        let Some(row) = self.first_row(&sql).await? else { return Ok(()) };
        let message =
            format!("insert or update on table \"{}\" violates foreign key constraint \"{}\"", def.name, foreign.name);
        let key = format!("Key {}={}", columns_text(def, &foreign.columns), row_text(&row));
        Err(SqlError::new("23503", message)
            .detail(format!("{key} is not present in table \"{}\".", parent.name))
            .constraint(&def.name, &foreign.name))
    }

    pub(super) async fn refuse_nulls(&self, def: &TableDef, position: usize) -> Result<()> {
        let column = &def.columns[position].name;
        let sql = format!("SELECT 1 FROM {} WHERE {} IS NULL LIMIT 1", full_name(def), quoted(column));
        if self.first_row(&sql).await?.is_some() { Err(contains_nulls(def, column)) } else { Ok(()) }
    }

    pub(super) async fn has_rows(&self, def: &TableDef) -> Result<bool> {
        Ok(self.first_row(&format!("SELECT 1 FROM {} LIMIT 1", full_name(def))).await?.is_some())
    }

    async fn first_row(&self, sql: &str) -> Result<Option<RecordBatch>> {
        let planned = self.plan(&crate::statement::parse_query(sql)?, &[])?;
        let batches = self.engine.context().runner.collect(planned.plan, &self.view()).await?;
        Ok(batches.into_iter().find(|b| b.num_rows() > 0))
    }
}

/// The same columns, in any order.
fn same(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().all(|c| b.contains(c))
}

fn full_name(def: &TableDef) -> String {
    format!("{}.{}", quoted(&def.schema), quoted(&def.name))
}

fn columns_text(def: &TableDef, columns: &[usize]) -> String {
    let names: Vec<&str> = columns.iter().map(|&c| def.columns[c].name.as_str()).collect();
    format!("({})", names.join(", "))
}

fn row_text(rows: &RecordBatch) -> String {
    sluice_flow::row_text(rows, 0)
}
