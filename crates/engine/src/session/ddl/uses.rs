//! Which views use a column. A view's query is planned once with the column and once without: if nothing in the plan
//! differs, it does not use it.

use crate::catalog::{Kind, TableDef};
use crate::read::Names;
use crate::session::Session;
use sluice_sql::{Result, SqlError};
use std::sync::Arc;

impl Session {
    /// Views and materialized views whose queries name a column of `table`, `*` and NATURAL JOIN included.
    pub(super) fn users_of_column(&self, table: &TableDef, column: i64) -> Result<Vec<Arc<TableDef>>> {
        let catalog = self.catalog();
        let mut users = vec![];
        for view in catalog.tables().filter(|v| v.sources().iter().any(|s| s.table == table.id)) {
            let with = self.plan_text(view, (table.id, None));
            let without = self.plan_text(view, (table.id, Some(column)));
            if with.is_none() || with != without {
                users.push(Arc::clone(view));
            }
        }
        Ok(users)
    }

    /// A view's optimized plan as text, over a table without one of its columns; `None` if there is none.
    fn plan_text(&self, def: &TableDef, without: (i64, Option<i64>)) -> Option<String> {
        let mut view = self.view();
        view.zone = def.materialized().map_or(view.zone, |m| m.zone);
        let mut names = Names::new(&view, self.engine.context(), &[]);
        names.bound = def.sources();
        names.without = Some(without);
        names.engine = Some(&self.engine);
        names.settings = Some(&self.settings);
        let query = match &def.kind {
            Kind::View { query, .. } => query,
            Kind::Materialized(m) => &m.query,
            Kind::Table(_) => return None,
        };
        let query = crate::statement::parse_query(query).ok()?;
        let planner = &self.engine.context().planner;
        let planned = planner.plan(&query, &names, &[]).ok()?;
        // Before it is optimized, GROUP BY over a key names every column that depends on the key.
        let plan = sluice_sql::optimize_view(planned.plan, planner.options()).ok()?;
        Some(format!("{} {:?}", plan.display_indent(), planned.columns))
    }

    /// Refuses a change after which a maintained view could not be planned as it is stored: its rows are told apart by
    /// a key that follows from the keys of its tables.
    pub(super) fn check_readers(&self, table: &TableDef) -> Result<()> {
        let mut view = self.view();
        let catalog = Arc::clone(&view.version.catalog);
        for reader in catalog.readers(table.id) {
            let Some(m) = reader.materialized() else { continue };
            view.zone = m.zone;
            let planned = crate::tick::plan_maintained(self.engine.context(), &view, &[], &m.query, &m.sources)?;
            if m.key.is_some() && planned.key != m.key {
                let message = format!("cannot alter table {} because other objects depend on it", table.name);
                return Err(SqlError::new("2BP01", message)
                    .detail(format!(
                        "The rows of {} {} are told apart by a key of it.",
                        reader.kind_name(),
                        reader.name
                    ))
                    .hint("Drop the view first, and create it again after."));
            }
        }
        Ok(())
    }

    /// Refuses a change of a table that a view of an older release reads, of which it is not known how.
    pub(super) fn refuse_unbound_readers(&self, table: &TableDef) -> Result<()> {
        let catalog = self.catalog();
        let unbound = catalog.readers(table.id).into_iter().find(|v| v.sources().is_empty());
        match unbound {
            None => Ok(()),
            Some(view) => Err(SqlError::new(
                "2BP01",
                format!("cannot alter table {}: {} {} reads it by name", table.name, view.kind_name(), view.name),
            )
            .hint("An older release made the view. Drop it and create it again, then alter the table.")),
        }
    }
}
