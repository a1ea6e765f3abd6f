//! A new query for a materialized view that others read. The view stays what it is, and the difference between what it
//! has and what the new query gives goes on to its readers, as any change of it does.

use super::NewView;
use crate::catalog::{Catalog, ObjectRef, TableDef};
use crate::session::Session;
use crate::tick::{DdlOp, ViewStatus};
use sluice_sql::{Result, SqlError};
use std::collections::BTreeSet;

impl Session {
    pub(super) async fn replace_read(&mut self, new: &NewView, existing: &TableDef, reader: &str) -> Result<()> {
        let catalog = self.catalog();
        let refused = |why: &str, hint: &str| {
            let message = format!("cannot replace \"{}\": \"{reader}\" reads it, and {why}", existing.name);
            Err(SqlError::new("2BP01", message).hint(hint))
        };
        let Some(old) = existing.materialized() else {
            return refused("it is not a materialized view", "Choose another name.");
        };
        if self.block.is_some() {
            return refused("this is a transaction block", "Replace it by itself, outside of BEGIN ... COMMIT.");
        }
        let (mut def, notices) = self.materialized_def(new, &catalog)?;
        let again = "Drop what reads it first, and create it again after.";
        let Some(query) = def.materialized().cloned() else {
            return Err(SqlError::internal("not a materialized view"));
        };
        if reads_through(&catalog, &query.reads, existing.id) {
            return refused("the new query reads that", "A view cannot read itself. Name what it read before.");
        }
        let shape = |def: &TableDef| def.columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect::<Vec<_>>();
        if shape(&def) != shape(existing) {
            return refused("the new query has other columns", again);
        }
        if query.key != old.key {
            return refused("the new query tells its rows apart by other columns", again);
        }
        def.id = existing.id;
        def.columns.clone_from(&existing.columns);
        def.indexes.clone_from(&existing.indexes);
        for message in notices {
            self.notice(message, None);
        }
        self.submit_ddl(vec![DdlOp::redefine(def)]).await?;
        // One with a schedule would wait for its time.
        let waits = |status: &ViewStatus| status.cut.is_some() && status.error.is_none();
        if self.engine.status().get(&existing.id).is_some_and(waits) {
            let name = ObjectRef { schema: Some(existing.schema.clone()), name: existing.name.clone() };
            self.refresh(&name).await?;
        }
        Ok(())
    }
}

/// Whether a query that reads these tables reads `id` in the end.
fn reads_through(catalog: &Catalog, reads: &[i64], id: i64) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), reads.to_vec());
    while let Some(read) = next.pop() {
        if read == id {
            return true;
        }
        if seen.insert(read) {
            let def = catalog.by_id(read).and_then(|d| d.materialized());
            next.extend(def.into_iter().flat_map(|m| m.reads.iter().copied()));
        }
    }
    false
}
