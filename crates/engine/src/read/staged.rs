//! Changes of one table that are not committed: rows taken from the version below, and rows added over it.

use arrow::array::AsArray;
use arrow::array::{BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{Int64Type, SchemaRef};
use hashbrown::{HashMap, HashSet};
use sluice_sql::Result;
use sluice_zset::ZBatch;

/// Rows with the numbers that name them; new rows have negative numbers until the tick gives them theirs.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) rows: RecordBatch,
    pub(crate) ids: Int64Array,
}

/// See the module's page. Cheap to clone: the rows are shared.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    schema: SchemaRef,
    /// Rows of the version below that are gone or replaced.
    pub(crate) removed: HashSet<i64>,
    old: Vec<Rows>,
    added: Vec<(Rows, Vec<bool>)>,
    /// Where rows of the first `placed` chunks of `added` are; bulk loads never ask.
    places: HashMap<i64, (usize, usize)>,
    placed: usize,
    /// How many rows of `added` are still there.
    live: usize,
    /// Every row of the version below is gone.
    pub(crate) truncated: bool,
}

impl Staged {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            removed: HashSet::new(),
            old: vec![],
            added: vec![],
            places: HashMap::new(),
            placed: 0,
            live: 0,
            truncated: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.live == 0 && !self.truncated
    }

    /// Takes rows away: of the version below, or rows added here before.
    pub(crate) fn remove(&mut self, rows: &RecordBatch, ids: &Int64Array) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.place();
        let mut below = vec![];
        for &id in ids.values() {
            let place = self.places.remove(&id);
            if let Some((chunk, row)) = place {
                self.added[chunk].1[row] = false;
                self.live -= 1;
            }
            below.push(place.is_none() && self.removed.insert(id));
        }
        let below = BooleanArray::from(below);
        if below.true_count() > 0 {
            let ids = filter(ids, &below)?.as_primitive::<Int64Type>().clone();
            self.old.push(Rows { rows: filter_record_batch(rows, &below)?, ids });
        }
        Ok(())
    }

    /// Adds rows; a number that was removed before marks the new form of that row.
    pub(crate) fn add(&mut self, rows: RecordBatch, ids: Int64Array) {
        let live = vec![true; rows.num_rows()];
        self.live += rows.num_rows();
        self.added.push((Rows { rows, ids }, live));
    }

    fn place(&mut self) {
        for (chunk, (part, _)) in self.added.iter().enumerate().skip(self.placed) {
            self.places.extend(part.ids.values().iter().enumerate().map(|(row, &id)| (id, (chunk, row))));
        }
        self.placed = self.added.len();
    }

    /// Rows that were added and are still there.
    pub(crate) fn added(&self) -> Result<Vec<Rows>> {
        let mut parts = vec![];
        for (part, live) in &self.added {
            if live.iter().all(|l| *l) {
                parts.push(part.clone());
                continue;
            }
            let mask = BooleanArray::from(live.clone());
            if mask.true_count() > 0 {
                let ids = filter(&part.ids, &mask)?.as_primitive::<Int64Type>().clone();
                parts.push(Rows { rows: filter_record_batch(&part.rows, &mask)?, ids });
            }
        }
        Ok(parts)
    }

    /// How many rows were added and are still there.
    pub(crate) fn added_rows(&self) -> usize {
        self.live
    }

    /// Rows of the version below that are gone, as they were.
    pub(crate) fn removed_rows(&self) -> &[Rows] {
        &self.old
    }

    /// The change as a Z-set; a truncated table's old rows are the caller's to add.
    pub(crate) fn delta(&self) -> Result<ZBatch> {
        let mut parts = vec![];
        for old in &self.old {
            parts.push(ZBatch::new(relabel(&old.rows, &self.schema)?).negate()?);
        }
        for added in self.added()? {
            parts.push(ZBatch::new(relabel(&added.rows, &self.schema)?));
        }
        Ok(ZBatch::concat(&self.schema, &parts)?)
    }

    /// The same changes with their rows in the columns of `schema`, as `change` makes them.
    pub(crate) fn in_columns(
        &self,
        schema: &SchemaRef,
        change: impl Fn(&RecordBatch) -> Result<RecordBatch>,
    ) -> Result<Self> {
        let changed = |part: &Rows| Ok(Rows { rows: change(&part.rows)?, ids: part.ids.clone() });
        let added = self.added.iter().map(|(part, live)| Ok((changed(part)?, live.clone())));
        Ok(Self {
            schema: SchemaRef::clone(schema),
            old: self.old.iter().map(changed).collect::<Result<_>>()?,
            added: added.collect::<Result<_>>()?,
            ..self.clone()
        })
    }

    /// Puts the changes of a later transaction on top.
    pub(crate) fn merge(&mut self, later: &Staged) -> Result<()> {
        if later.truncated {
            *self = Self { truncated: true, ..Self::new(SchemaRef::clone(&self.schema)) };
        }
        for old in later.removed_rows() {
            self.remove(&old.rows, &old.ids)?;
        }
        for added in later.added()? {
            self.add(added.rows, added.ids);
        }
        Ok(())
    }
}

/// The same columns under the names and metadata of `schema`.
pub(crate) fn relabel(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    Ok(sluice_zset::with_row_count(SchemaRef::clone(schema), rows.columns().to_vec(), rows.num_rows())?)
}
