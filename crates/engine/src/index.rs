//! Finding rows by columns: keys of tables, references to them, and the rows of maintained views.

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use sluice_flow::{Arrangement, NO_SLOT, Slot};
use sluice_sql::Result;
use sluice_zset::{ZBatch, consolidate, normalize_key, with_row_count};
use std::collections::VecDeque;
use std::sync::Arc;

/// Maps the values of some columns to the numbers of the rows that have them. Changes are staged with the tick.
pub(crate) struct RowIndex {
    name: String,
    columns: Vec<usize>,
    schema: SchemaRef,
    rows: Arrangement,
    /// Entries that recent ticks removed: readers of older versions still need them.
    ghosts: Arrangement,
    ghost_log: VecDeque<(i64, ZBatch)>,
    staged_ghosts: Vec<ZBatch>,
    ghost_horizon: i64,
    /// Rows with a NULL in a column are left out: in a key of SQL no NULL equals another.
    skip_nulls: bool,
    /// What it was before this tick cleared it.
    cleared: Option<Box<RowIndex>>,
}

impl RowIndex {
    /// An index over `columns` of rows of `schema`.
    pub(crate) fn new(name: &str, schema: &SchemaRef, columns: Vec<usize>, skip_nulls: bool) -> Self {
        let mut fields: Vec<Field> = columns
            .iter()
            .map(|&c| Field::new(schema.field(c).name(), schema.field(c).data_type().clone(), true))
            .collect();
        fields.push(Field::new("row_id", DataType::Int64, true));
        let indexed: SchemaRef = Arc::new(Schema::new(fields));
        let key: Vec<usize> = (0..columns.len()).collect();
        let ghosts = Arrangement::new(name, Arc::clone(&indexed), Vec::clone(&key));
        Self {
            name: name.to_string(),
            rows: Arrangement::new(name, Arc::clone(&indexed), key),
            ghosts,
            ghost_log: VecDeque::new(),
            staged_ghosts: vec![],
            ghost_horizon: 0,
            columns,
            schema: indexed,
            skip_nulls,
            cleared: None,
        }
    }

    /// Versions before `snapshot` cannot use it: rows that they show may be gone from the table, or its columns stood
    /// elsewhere.
    pub(crate) fn serve_from(&mut self, snapshot: i64) {
        self.ghost_horizon = snapshot;
    }

    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The key or the index that it was made for.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn column_names(&self) -> Vec<&str> {
        let named = self.schema.fields().iter().take(self.columns.len());
        named.map(|f| f.name().as_str()).collect()
    }

    /// The key columns of `rows`, as they are compared.
    pub(crate) fn keys(&self, rows: &RecordBatch) -> Vec<ArrayRef> {
        self.columns.iter().map(|&c| normalize_key(rows.column(c))).collect()
    }

    /// Stages rows that go and rows that come, with their numbers.
    pub(crate) fn apply(&mut self, changes: &[(&RecordBatch, &Int64Array, i64)]) -> Result<()> {
        let mut parts = vec![];
        for (rows, ids, weight) in changes {
            let mut columns = self.keys(rows);
            let mask = self.indexed(&columns, rows.num_rows());
            columns.push(Arc::new((*ids).clone()));
            let entries = with_row_count(Arc::clone(&self.schema), columns, rows.num_rows())?;
            let weights = Int64Array::from(vec![*weight; rows.num_rows()]);
            let entries = ZBatch::with_weights(entries, weights);
            parts.push(match mask {
                Some(mask) => entries.filter(&mask)?,
                None => entries,
            });
        }
        let change = consolidate(&ZBatch::concat(&self.schema, &parts)?)?;
        if change.is_empty() {
            return Ok(());
        }
        let gone: BooleanArray = change.iter_weights().map(|w| Some(w < 0)).collect();
        let gone = change.filter(&gone)?.negate()?;
        if !gone.is_empty() {
            self.ghosts.apply(&gone)?;
            self.staged_ghosts.push(gone);
        }
        // A row number that comes and does not go is new, and so is its entry.
        let only_new = change.iter_weights().all(|w| w > 0);
        if only_new {
            self.rows.insert(&change)?
        } else {
            self.rows.apply(&change)?
        };
        Ok(())
    }

    /// Adds rows of a table that the index is made for, for good: the values of its columns, and the rows' numbers.
    pub(crate) fn load(&mut self, columns: &[ArrayRef], ids: &Int64Array) -> Result<()> {
        let mut columns: Vec<ArrayRef> = columns.iter().map(normalize_key).collect();
        let mask = self.indexed(&columns, ids.len());
        columns.push(Arc::new(ids.clone()));
        let entries = ZBatch::new(with_row_count(Arc::clone(&self.schema), columns, ids.len())?);
        let entries = match mask {
            Some(mask) => entries.filter(&mask)?,
            None => entries,
        };
        // Row numbers make the entries distinct.
        self.rows.insert(&entries)?;
        // Nothing looks at it yet, and a log to undo millions of rows would take more room than they do.
        Ok(self.rows.commit()?)
    }

    /// Makes room for the rest of a table of so many rows that is being loaded.
    pub(crate) fn expect(&mut self, rows: u64) {
        let rest = (rows as usize).saturating_sub(self.rows.len());
        self.rows.reserve(rest);
    }

    /// The row number of an entry, the last of its columns.
    fn number(&self, entries: &Arrangement, slot: Slot) -> i64 {
        entries.integer(slot, self.columns.len())
    }

    /// Rows without a NULL among `columns`; `None` when all count.
    fn indexed(&self, columns: &[ArrayRef], rows: usize) -> Option<BooleanArray> {
        if !self.skip_nulls || columns.iter().all(|c| c.null_count() == 0) {
            return None;
        }
        Some((0..rows).map(|i| Some(columns.iter().all(|c| c.is_valid(i)))).collect())
    }

    /// One row number for each key, the first found.
    pub(crate) fn first(&self, keys: &[ArrayRef], rows: usize) -> Result<Vec<Option<i64>>> {
        let slots = self.rows.find(keys, rows)?;
        Ok(slots.into_iter().map(|s| (s != NO_SLOT).then(|| self.number(&self.rows, s))).collect())
    }

    /// All row numbers of each key.
    pub(crate) fn all(&self, keys: &[ArrayRef], rows: usize) -> Result<Vec<Vec<i64>>> {
        let mut found = vec![vec![]; rows];
        self.rows.probe(keys, rows, |row, slot| found[row].push(self.number(&self.rows, slot)))?;
        Ok(found)
    }

    /// The first key that several rows have.
    pub(crate) fn shared(&self, keys: &[ArrayRef], rows: usize) -> Result<Option<usize>> {
        let mut holders = vec![0u32; rows];
        self.rows.probe(keys, rows, |row, _| holders[row] += 1)?;
        Ok(holders.iter().position(|&n| n > 1))
    }

    /// Every row number that has or lately had each key; the caller checks which of them its version shows.
    /// `None` for a version from before the entries that are still remembered.
    pub(crate) fn candidates(&self, snapshot: i64, keys: &[ArrayRef], rows: usize) -> Result<Option<Vec<Vec<i64>>>> {
        if snapshot < self.ghost_horizon {
            return Ok(None);
        }
        let mut found = self.all(keys, rows)?;
        self.ghosts.probe(keys, rows, |row, slot| found[row].push(self.number(&self.ghosts, slot)))?;
        Ok(Some(found))
    }

    /// Keeps the rows of a table at `snapshot`, which are all that it knows.
    pub(crate) fn filled_at(&mut self, snapshot: i64) -> Result<()> {
        self.ghost_horizon = snapshot;
        self.commit(snapshot)
    }

    /// Keeps what was staged by the tick that became `snapshot`.
    pub(crate) fn commit(&mut self, snapshot: i64) -> Result<()> {
        if self.cleared.take().is_some() {
            self.ghost_horizon = snapshot;
        }
        self.rows.commit()?;
        self.ghosts.commit()?;
        for gone in self.staged_ghosts.drain(..) {
            self.ghost_log.push_back((snapshot, gone));
        }
        while self.ghost_log.len() > GHOST_TICKS {
            let Some((removed_at, gone)) = self.ghost_log.pop_front() else { break };
            self.ghosts.apply(&gone.negate()?)?;
            self.ghosts.commit()?;
            self.ghost_horizon = removed_at;
        }
        Ok(())
    }

    pub(crate) fn abort(&mut self) -> Result<()> {
        if let Some(before) = self.cleared.take() {
            *self = *before;
        }
        self.staged_ghosts.clear();
        self.ghosts.abort()?;
        Ok(self.rows.abort()?)
    }

    /// Stages that every row is gone. Until the tick is kept, no version's rows are looked up.
    pub(crate) fn clear(&mut self) {
        let empty = Self::rebuilt(self);
        let mut before = std::mem::replace(self, empty);
        let first = before.cleared.take();
        self.cleared = Some(first.unwrap_or_else(|| Box::new(before)));
    }

    fn rebuilt(old: &Self) -> Self {
        let key: Vec<usize> = (0..old.columns.len()).collect();
        let empty = || Arrangement::new(old.name.as_str(), Arc::clone(&old.schema), key.clone());
        Self {
            name: old.name.clone(),
            columns: old.columns.clone(),
            schema: Arc::clone(&old.schema),
            rows: empty(),
            ghosts: empty(),
            ghost_log: VecDeque::new(),
            staged_ghosts: vec![],
            ghost_horizon: i64::MAX,
            skip_nulls: old.skip_nulls,
            cleared: None,
        }
    }
}

/// How many ticks that removed entries are remembered.
const GHOST_TICKS: usize = 256;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_cleared_index_comes_back_with_its_tick_taken_back() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
        let mut index = RowIndex::new("rows", &schema, vec![0], true);
        let keys: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![7]))];
        index.load(&keys, &Int64Array::from(vec![42])).unwrap();
        index.commit(1).unwrap();

        index.clear();
        index.clear();
        assert_eq!(index.candidates(1, &keys, 1).unwrap(), None);
        index.abort().unwrap();
        assert_eq!(index.candidates(1, &keys, 1).unwrap(), Some(vec![vec![42]]));

        index.clear();
        index.commit(2).unwrap();
        assert_eq!(index.candidates(1, &keys, 1).unwrap(), None);
        assert_eq!(index.candidates(2, &keys, 1).unwrap(), Some(vec![vec![]]));
    }
}
