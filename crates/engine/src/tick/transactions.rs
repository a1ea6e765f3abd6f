//! Which of the waiting transactions a tick takes: first committer wins, per row and per key.

use super::ddl::Definitions;
use super::{Core, Tick, Transaction};
use crate::catalog::{ForeignDef, KeyDef, TableDef};
use crate::read::Staged;
use crate::version::Version;
use crate::write::{Changed, WriteSet};
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use hashbrown::HashMap;
use sluice_lake::SidecarChange;
use sluice_sql::{Result, SqlError};
use sluice_zset::{group_rows, normalize_key};
use std::sync::Arc;

type SavedIndexes = HashMap<(i64, Vec<usize>), crate::context::SharedIndex>;

/// Transactions that a tick took, with what those changed that were run again.
type Accepted = Vec<(Transaction, Option<Changed>)>;

/// Why a transaction is not taken as it is.
enum Refusal {
    /// Another change came first; running it again may help.
    Conflict(SqlError),
    /// It is wrong whatever came first.
    Error(SqlError),
}

impl Core {
    /// Takes what can be taken and answers the rest. Returns the definitions after it.
    pub(super) fn accept(
        &mut self,
        tick: &mut Tick,
        transactions: Vec<Transaction>,
    ) -> (Accepted, SidecarChange, Result<Definitions>) {
        let mut accepted = vec![];
        let mut sidecar = SidecarChange::default();
        let mut definitions = Definitions::unchanged(&tick.base);
        for transaction in transactions {
            let Transaction { base, writes, ddl, again, .. } = &transaction;
            // A change of definitions is alone in its tick: if it is not taken, all is as it was before.
            let before = (!ddl.is_empty()).then(|| (self.context.indexes.saved(), Arc::clone(&tick.base)));
            if !ddl.is_empty() {
                match self.apply_ddl(tick, *base, ddl, &mut sidecar) {
                    Ok(changed) => definitions = changed,
                    Err(e) => {
                        let _ = transaction.reply.send(Err(e));
                        self.undo_ddl(tick, before);
                        return (accepted, SidecarChange::default(), Ok(Definitions::unchanged(&tick.base)));
                    }
                }
            }
            // Its keys are looked up in what the transactions before it left.
            if let Err(e) = self.errands.wait() {
                let _ = transaction.reply.send(Err(e.clone()));
                return (accepted, sidecar, Err(e));
            }
            let outcome = match self.check(tick, &definitions, *base, writes) {
                Ok(()) => Ok((writes.clone(), None)),
                Err(Refusal::Error(e)) => Err(e),
                Err(Refusal::Conflict(e)) => match again {
                    None => Err(e),
                    Some(again) => self.run_again(tick, &definitions, &**again),
                },
            };
            match outcome {
                Ok((writes, changed)) => {
                    accepted.push((transaction, changed));
                    // Half a transaction in the indexes: only taking back the whole tick is safe.
                    if let Err(e) = self.stage(tick, &definitions, writes) {
                        return (accepted, sidecar, Err(e));
                    }
                }
                Err(e) => {
                    let _ = transaction.reply.send(Err(e));
                    if before.is_some() {
                        self.undo_ddl(tick, before);
                        return (accepted, SidecarChange::default(), Ok(Definitions::unchanged(&tick.base)));
                    }
                }
            }
        }
        (accepted, sidecar, Ok(definitions))
    }

    fn undo_ddl(&self, tick: &mut Tick, before: Option<(SavedIndexes, Arc<Version>)>) {
        let Some((indexes, base)) = before else { return };
        self.context.indexes.put_back(indexes);
        tick.base = base;
        tick.writes = WriteSet::default();
    }

    /// Runs a statement over what the tick has staged, so that it comes after what it conflicted with.
    fn run_again(
        &mut self,
        tick: &Tick,
        definitions: &Definitions,
        again: &(dyn Fn(crate::read::ReadView) -> futures::future::BoxFuture<'static, Result<Changed>> + Send),
    ) -> Result<(WriteSet, Option<Changed>)> {
        let changed = self.runtime.block_on(again(self.view(tick)))?;
        let writes = changed.writes.clone();
        match self.check(tick, definitions, i64::MAX, &writes) {
            Ok(()) => Ok((writes, Some(changed))),
            Err(Refusal::Conflict(e) | Refusal::Error(e)) => Err(e),
        }
    }

    /// Whether the rows a transaction changes are still as it saw them, and its keys free.
    fn check(
        &self,
        tick: &Tick,
        definitions: &Definitions,
        base: i64,
        writes: &WriteSet,
    ) -> std::result::Result<(), Refusal> {
        for (&table, staged) in &writes.tables {
            let Some(def) = definitions.catalog.by_id(table) else {
                return Err(Refusal::Error(SqlError::new("42P01", "a table was dropped while it was written to")));
            };
            if self.recent.altered_since(table, base) {
                let message = format!("could not serialize access to \"{}\": it was altered meanwhile", def.name);
                return Err(Refusal::Conflict(SqlError::new("40001", message).hint("Run the transaction again.")));
            }
            self.parking.refuse_write(table, &definitions.catalog).map_err(Refusal::Error)?;
            self.check_rows(tick, base, def, staged)?;
            for key in def.parts().map(|p| p.keys.as_slice()).unwrap_or_default() {
                self.check_key(table, def, key, staged)?;
            }
        }
        self.check_references(tick, definitions, writes)
    }

    fn check_rows(&self, tick: &Tick, base: i64, def: &TableDef, staged: &Staged) -> std::result::Result<(), Refusal> {
        let conflict = || {
            let message = format!("could not serialize access to \"{}\" due to concurrent update", def.name);
            Refusal::Conflict(SqlError::new("40001", message).hint("Run the transaction again."))
        };
        if self.recent.has_forgotten(base) && !staged.removed.is_empty() {
            return Err(conflict());
        }
        let in_tick = tick.writes.tables.get(&def.id);
        if base != i64::MAX && in_tick.is_some_and(|t| t.truncated) && !staged.removed.is_empty() {
            return Err(conflict());
        }
        for &row in &staged.removed {
            let touched = base != i64::MAX && in_tick.is_some_and(|t| t.removed.contains(&row));
            if touched || self.recent.changed_since(def.id, row, base) {
                return Err(conflict());
            }
        }
        Ok(())
    }

    /// No other row may have a key that these rows bring.
    fn check_key(&self, table: i64, def: &TableDef, key: &KeyDef, staged: &Staged) -> std::result::Result<(), Refusal> {
        let Some(index) = self.context.indexes.get(table, &key.columns) else { return Ok(()) };
        let index = index.read();
        let added = staged.added().map_err(Refusal::Error)?;
        let Some(first) = added.first() else { return Ok(()) };
        let schema = first.rows.schema();
        let rows = arrow::compute::concat_batches(&schema, added.iter().map(|p| &p.rows))
            .map_err(|e| Refusal::Error(e.into()))?;
        let ids: Vec<i64> = added.iter().flat_map(|p| p.ids.values().iter().copied()).collect();
        let keys = index.keys(&rows);
        let duplicate = |row: usize| {
            let error = duplicate_key(def, key, &rows, row);
            Refusal::Conflict(error)
        };
        let grouped = group_rows(&keys, rows.num_rows()).map_err(|e| Refusal::Error(e.into()))?;
        for (row, &group) in grouped.group_of.iter().enumerate() {
            let is_null = keys.iter().any(|k| k.is_null(row));
            if !is_null && grouped.firsts[group as usize] as usize != row {
                return Err(Refusal::Error(duplicate_key(def, key, &rows, row)));
            }
        }
        if staged.truncated {
            return Ok(());
        }
        let existing = index.first(&keys, rows.num_rows()).map_err(Refusal::Error)?;
        for (row, existing) in existing.into_iter().enumerate() {
            let Some(existing) = existing else { continue };
            if keys.iter().all(|k| k.is_valid(row)) && existing != ids[row] && !staged.removed.contains(&existing) {
                return Err(duplicate(row));
            }
        }
        Ok(())
    }

    /// Every reference finds its row, and no row that goes is referred to.
    fn check_references(
        &self,
        tick: &Tick,
        definitions: &Definitions,
        writes: &WriteSet,
    ) -> std::result::Result<(), Refusal> {
        for (&table, staged) in &writes.tables {
            let Some(def) = definitions.catalog.by_id(table) else { continue };
            for foreign in def.parts().map(|p| p.foreign.as_slice()).unwrap_or_default() {
                self.check_parents(definitions, writes, def, foreign, staged).map_err(Refusal::Error)?;
            }
            for child in definitions.catalog.tables() {
                let foreign = child.parts().map(|p| p.foreign.as_slice()).unwrap_or_default();
                for foreign in foreign.iter().filter(|f| f.table == table) {
                    self.check_children(tick, writes, def, child, foreign, staged).map_err(Refusal::Error)?;
                }
            }
        }
        Ok(())
    }

    fn check_parents(
        &self,
        definitions: &Definitions,
        writes: &WriteSet,
        def: &TableDef,
        foreign: &ForeignDef,
        staged: &Staged,
    ) -> Result<()> {
        let Some(parent) = definitions.catalog.by_id(foreign.table) else { return Ok(()) };
        let index = self.context.indexes.get(foreign.table, &foreign.referenced);
        for part in staged.added()? {
            let keys: Vec<ArrayRef> = foreign.columns.iter().map(|&c| normalize_key(part.rows.column(c))).collect();
            let found =
                self.rows_with_key(writes, foreign.table, &foreign.referenced, index.as_ref(), parent, &keys)?;
            for (row, found) in found.iter().enumerate() {
                if keys.iter().all(|k| k.is_valid(row)) && found.is_empty() {
                    let message = format!(
                        "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                        def.name, foreign.name
                    );
                    let (columns, values) = key_text(def, &foreign.columns, &part.rows, row);
                    let detail = format!("Key ({columns})=({values}) is not present in table \"{}\".", parent.name);
                    return Err(SqlError::new("23503", message).detail(detail).constraint(&def.name, &foreign.name));
                }
            }
        }
        Ok(())
    }

    fn check_children(
        &self,
        _: &Tick,
        writes: &WriteSet,
        def: &TableDef,
        child: &Arc<TableDef>,
        foreign: &ForeignDef,
        staged: &Staged,
    ) -> Result<()> {
        let own = self.context.indexes.get(def.id, &foreign.referenced);
        let referring = self.context.indexes.get(child.id, &foreign.columns);
        for old in staged.removed_rows() {
            let keys: Vec<ArrayRef> = foreign.referenced.iter().map(|&c| normalize_key(old.rows.column(c))).collect();
            let kept = self.rows_with_key(writes, def.id, &foreign.referenced, own.as_ref(), def, &keys)?;
            let used = self.rows_with_key(writes, child.id, &foreign.columns, referring.as_ref(), child, &keys)?;
            for (row, (kept, used)) in kept.iter().zip(&used).enumerate() {
                if kept.is_empty() && !used.is_empty() {
                    let message = format!(
                        "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
                        def.name, foreign.name, child.name
                    );
                    let (columns, values) = key_text(def, &foreign.referenced, &old.rows, row);
                    let detail =
                        format!("Key ({columns})=({values}) is still referenced from table \"{}\".", child.name);
                    return Err(SqlError::new("23503", message).detail(detail).constraint(&child.name, &foreign.name));
                }
            }
        }
        Ok(())
    }

    /// Rows that will have each key once `writes` are in: those of the index that stay, and those that come.
    fn rows_with_key(
        &self,
        writes: &WriteSet,
        table: i64,
        columns: &[usize],
        index: Option<&Arc<parking_lot::RwLock<crate::index::RowIndex>>>,
        def: &TableDef,
        keys: &[ArrayRef],
    ) -> Result<Vec<Vec<i64>>> {
        let rows = keys.first().map_or(0, |k| k.len());
        let mut found = match index {
            Some(index) => index.read().all(keys, rows)?,
            None => vec![vec![]; rows],
        };
        let Some(staged) = writes.tables.get(&table) else { return Ok(found) };
        for ids in &mut found {
            ids.retain(|id| !staged.truncated && !staged.removed.contains(id));
        }
        let mut coming = crate::index::RowIndex::new("rows that come", &def.arrow(), columns.to_vec(), true);
        for part in staged.added()? {
            coming.apply(&[(&part.rows, &part.ids, 1)])?;
        }
        for (ids, more) in found.iter_mut().zip(coming.all(keys, rows)?) {
            ids.extend(more);
        }
        Ok(found)
    }

    /// Keys and references of rows that another program stored; `all` are all that it did.
    pub(super) fn check_keys_and_references(
        &self,
        tick: &Tick,
        def: &TableDef,
        staged: &Staged,
        all: &WriteSet,
    ) -> Result<()> {
        for key in def.parts().map(|p| p.keys.as_slice()).unwrap_or_default() {
            self.check_key(def.id, def, key, staged).map_err(|refusal| match refusal {
                Refusal::Conflict(e) | Refusal::Error(e) => e,
            })?;
        }
        self.check_references_of(tick, def, staged, all)
    }

    pub(super) fn check_references_of(
        &self,
        tick: &Tick,
        def: &TableDef,
        staged: &Staged,
        all: &WriteSet,
    ) -> Result<()> {
        let definitions = Definitions::unchanged(&tick.base);
        let mut foreign = def.parts().map(|p| p.foreign.as_slice()).unwrap_or_default().iter();
        foreign.try_for_each(|foreign| self.check_parents(&definitions, all, def, foreign, staged))
    }

    /// Gives new rows their numbers, and puts the transaction into the tick and the indexes.
    pub(super) fn stage(&mut self, tick: &mut Tick, definitions: &Definitions, writes: WriteSet) -> Result<()> {
        for (table, staged) in writes.tables {
            let Some(def) = definitions.catalog.by_id(table) else { continue };
            let numbered = self.number(tick, def, &staged)?;
            let schema = def.arrow();
            tick.writes.tables.entry(table).or_insert_with(|| Staged::new(schema)).merge(&numbered)?;
            let indexes = self.context.indexes.of_table(table);
            self.errands.run(table, numbered.added_rows() + numbered.removed.len(), move || {
                let added = numbered.added()?;
                let gone = numbered.removed_rows().iter().map(|r| (&r.rows, &r.ids, -1));
                let come = added.iter().map(|r| (&r.rows, &r.ids, 1));
                let changes: Vec<_> = gone.chain(come).collect();
                for index in indexes {
                    let mut index = index.write();
                    if numbered.truncated {
                        index.clear();
                    }
                    index.apply(&changes)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn number(&self, tick: &mut Tick, def: &TableDef, staged: &Staged) -> Result<Staged> {
        let mut numbered = Staged::new(def.arrow());
        numbered.truncated = staged.truncated;
        for old in staged.removed_rows() {
            numbered.remove(&old.rows, &old.ids)?;
        }
        for part in staged.added()? {
            let ids: Int64Array =
                part.ids.values().iter().map(|&id| Some(if id < 0 { tick.new_row(def.id) } else { id })).collect();
            numbered.add(part.rows, ids);
        }
        Ok(numbered)
    }
}

impl Tick {
    /// The number of a new row.
    pub(super) fn new_row(&mut self, table: i64) -> i64 {
        let base = &self.base;
        let next = self.next_row.entry(table).or_insert_with(|| base.tables.get(&table).map_or(0, |t| t.next_row_id));
        *next += 1;
        *next - 1
    }
}

fn duplicate_key(def: &TableDef, key: &KeyDef, rows: &RecordBatch, row: usize) -> SqlError {
    let (columns, values) = key_text(def, &key.columns, rows, row);
    SqlError::new("23505", format!("duplicate key value violates unique constraint \"{}\"", key.name))
        .detail(format!("Key ({columns})=({values}) already exists."))
        .constraint(&def.name, &key.name)
}

fn key_text(def: &TableDef, columns: &[usize], rows: &RecordBatch, row: usize) -> (String, String) {
    let names: Vec<&str> = columns.iter().map(|&c| def.columns[c].name.as_str()).collect();
    let values = rows.project(columns).map_or_else(|_| String::new(), |r| sluice_flow::row_text(&r, row));
    (names.join(", "), values.trim_start_matches('(').trim_end_matches(')').to_string())
}
