//! DROP of tables, views and indexes.

use crate::catalog::{Catalog, Kind, ObjectRef, TableDef};
use crate::session::{Outcome, Session};
use crate::tick::DdlOp;
use sluice_sql::{Result, SqlError};
use sqlparser::ast::{ObjectName, ObjectType};
use std::sync::Arc;

impl Session {
    pub(super) async fn drop(
        &mut self,
        kind: ObjectType,
        if_exists: bool,
        names: &[ObjectName],
        cascade: bool,
    ) -> Result<Outcome> {
        let catalog = self.catalog();
        let tag = match kind {
            ObjectType::Table => "DROP TABLE",
            ObjectType::View => "DROP VIEW",
            ObjectType::MaterializedView => "DROP MATERIALIZED VIEW",
            ObjectType::Schema => return self.drop_schemas(if_exists, names, cascade).await,
            ObjectType::Index => {
                self.in_block(async |session| {
                    for name in names {
                        let catalog = session.catalog();
                        session.drop_index(&catalog, &ObjectRef::parse(name)?, if_exists, cascade).await?;
                    }
                    Ok(())
                })
                .await?;
                return Ok(Outcome::done("DROP INDEX"));
            }
            other => {
                return Err(SqlError::unsupported(
                    format!("DROP {other}"),
                    "See docs/sql.md for the statements there are.",
                ));
            }
        };
        let mut doomed = vec![];
        for name in names {
            let reference = ObjectRef::parse(name)?;
            let Some(def) = catalog.find(&reference, &self.settings.search_path()) else {
                if if_exists {
                    self.notice(format!("relation \"{}\" does not exist, skipping", reference.shown()), None);
                    continue;
                }
                return Err(catalog
                    .get(&reference, &self.settings.search_path())
                    .err()
                    .unwrap_or_else(|| SqlError::internal("found and lost")));
            };
            let fits = matches!(
                (&def.kind, kind),
                (Kind::Table(_), ObjectType::Table)
                    | (Kind::View { .. }, ObjectType::View)
                    | (Kind::Materialized(_), ObjectType::MaterializedView)
            );
            if !fits {
                let message = format!("\"{}\" is not a {}", def.name, tag.trim_start_matches("DROP ").to_lowercase());
                return Err(SqlError::new("42809", message)
                    .hint(format!("Use DROP {} to remove it.", def.kind_name().to_uppercase())));
            }
            doomed.push(def.id);
        }
        self.drop_objects(&catalog, doomed, cascade).await?;
        Ok(Outcome::done(tag))
    }

    /// Drops objects and, with `cascade`, what reads them; without it, a reader is an error that names it.
    pub(crate) async fn drop_objects(&mut self, catalog: &Catalog, mut doomed: Vec<i64>, cascade: bool) -> Result<()> {
        let mut at = 0;
        let mut references = vec![];
        while at < doomed.len() {
            let id = doomed[at];
            at += 1;
            let readers: Vec<Arc<TableDef>> = catalog
                .tables()
                .filter(|t| match &t.kind {
                    Kind::Table(p) => t.id != id && p.foreign.iter().any(|f| f.table == id),
                    Kind::Materialized(_) | Kind::View { .. } => t.reads(id),
                })
                .filter(|t| !doomed.contains(&t.id))
                .cloned()
                .collect();
            if readers.is_empty() {
                continue;
            }
            let name = catalog.by_id(id).map_or(String::new(), |d| d.name.clone());
            if !cascade {
                let message = format!(
                    "cannot drop {} {name} because other objects depend on it",
                    catalog.by_id(id).map_or("object", |d| d.kind_name())
                );
                let detail = readers.iter().map(|r| format!("{} {} depends on {name}", r.kind_name(), r.name));
                return Err(SqlError::new("2BP01", message)
                    .detail(detail.collect::<Vec<_>>().join("\n"))
                    .hint("Use DROP ... CASCADE to drop the dependent objects too."));
            }
            let (tables, views): (Vec<_>, Vec<_>) = readers.into_iter().partition(|r| matches!(r.kind, Kind::Table(_)));
            for reader in views {
                self.notice(format!("drop cascades to {} {}", reader.kind_name(), reader.name), None);
                doomed.push(reader.id);
            }
            for table in tables {
                let foreign = table.parts().map(|p| p.foreign.clone()).unwrap_or_default();
                references
                    .extend(foreign.iter().filter(|f| f.table == id).map(|f| (Arc::clone(&table), f.name.clone())));
            }
        }
        self.in_block(async |session| {
            session.drop_references(references).await?;
            session.submit_ddl(doomed.into_iter().rev().map(|id| DdlOp::Drop { id }).collect()).await
        })
        .await
    }
}
