//! `sluice.resync('t')`: a parked table is taken as it now is.

use super::parking::source;
use super::{Definitions, fits};
use crate::catalog::TableDef;
use crate::context::all_rows;
use crate::read::Staged;
use crate::tick::{Core, Tick};
use crate::write::{Target, WriteSet, check_rows};
use sluice_lake::{SidecarChange, TableVersion};
use sluice_sql::{Result, SqlError};
use std::sync::Arc;

impl Core {
    /// Refused while the rows break a constraint. What follows the table is computed anew, and the difference stored.
    pub(in crate::tick) fn resync(&mut self, id: i64) -> Result<()> {
        self.look_for_foreign();
        self.follow_foreign()?;
        let mut tick = self.start_tick();
        let catalog = Arc::clone(&tick.base.catalog);
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::new("42P01", "the table is gone"))?;
        if !self.parking.has(id) {
            return Err(SqlError::new("55000", format!("\"{}\" is not parked", def.name))
                .hint("There is nothing to do: it follows by itself."));
        }
        let table = self.lake.state().tables.get(&id).cloned();
        let Some(table) = table.filter(|t| fits(&def, &t.info)) else {
            return Err(SqlError::new("55000", format!("\"{}\" does not have the columns that it had", def.name))
                .detail("Another program dropped, renamed or altered it.")
                .hint("Undo that with the other program, then resync."));
        };
        if def.parts().is_some() {
            self.check_all(&tick, &def, &table)?;
        }
        let parked = self.parking.remove(id);
        self.index_as_stored(&def)?;
        self.parking.order(&catalog);
        tick.follows = true;
        let sidecar = SidecarChange { drop_positions: vec![source(id)], ..SidecarChange::default() };
        let definitions = Definitions::unchanged(&tick.base);
        let outcome = self.finish(&mut tick, definitions, sidecar);
        if let Err(e) = outcome {
            self.abort();
            if let Some(parked) = parked {
                self.parking.add(id, parked);
            }
            self.parking.order(&catalog);
            return Err(e);
        }
        self.show_parked();
        Ok(())
    }

    /// Every constraint of the table, and the references to it, over all rows.
    fn check_all(&self, tick: &Tick, def: &Arc<TableDef>, table: &TableVersion) -> Result<()> {
        let target = Target::new(Arc::clone(def))?;
        let mut writes = WriteSet::default();
        let staged = whole(def, table)?;
        for part in staged.added()? {
            self.runtime.block_on(check_rows(&self.context, &self.view(tick), &target, &part.rows))?;
        }
        writes.tables.insert(def.id, staged.clone());
        self.check_keys_and_references(tick, def, &staged, &writes)?;
        for child in tick.base.catalog.tables().filter(|c| c.id != def.id) {
            let foreign = child.parts().map(|p| p.foreign.as_slice()).unwrap_or_default();
            let Some(rows) = self.lake.state().tables.get(&child.id) else { continue };
            if foreign.iter().any(|f| f.table == def.id) {
                self.check_references_of(tick, child, &whole(child, rows)?, &writes)?;
            }
        }
        Ok(())
    }
}

/// All rows of a table as if they came in the place of what it had.
fn whole(def: &TableDef, table: &TableVersion) -> Result<Staged> {
    let (rows, ids) = all_rows(table, def)?;
    let mut staged = Staged::new(def.arrow());
    staged.truncated = true;
    staged.add(rows, ids);
    Ok(staged)
}
