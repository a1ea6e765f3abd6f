use crate::catalog::TableDef;
use crate::error;
use crate::index::RowIndex;
use crate::read::{ReadView, Runner};
use crate::version::Version;
use crate::write::Target;
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use sluice_sql::{Planner, Result, SqlError};
use sluice_zset::normalize_key;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// What sessions and the tick share.
pub(crate) struct Context {
    pub(crate) planner: Planner,
    pub(crate) runner: Runner,
    pub(crate) version: RwLock<Arc<Version>>,
    pub(crate) sequences: Sequences,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) next_object: AtomicI64,
    /// Whether clients may not read files of this machine.
    pub(crate) files_refused: AtomicBool,
    next_provisional: AtomicI64,
}

impl Context {
    pub(crate) fn new(
        planner: Planner,
        runner: Runner,
        indexes: Arc<Indexes>,
        version: Version,
        next_object: i64,
    ) -> Self {
        Self {
            planner,
            runner,
            version: RwLock::new(Arc::new(version)),
            sequences: Sequences::default(),
            indexes,
            next_object: AtomicI64::new(next_object),
            files_refused: AtomicBool::new(false),
            next_provisional: AtomicI64::new(-1),
        }
    }

    /// The newest version.
    pub(crate) fn version(&self) -> Arc<Version> {
        Arc::clone(&self.version.read())
    }

    /// Numbers for new rows until the tick gives them theirs; negative, and never the same twice.
    pub(crate) fn provisional_ids(&self, rows: usize) -> Int64Array {
        let first = self.next_provisional.fetch_sub(rows as i64, Ordering::Relaxed);
        (0..rows as i64).map(|i| Some(first - i)).collect()
    }

    /// The number for a new table, view or sequence.
    pub(crate) fn object_id(&self) -> i64 {
        self.next_object.fetch_add(1, Ordering::Relaxed)
    }

    /// For each row, the number of a row in `view` with the same values in `columns`, a key of the table.
    pub(crate) fn find_rows(
        &self,
        view: &ReadView,
        target: &Target,
        columns: &[usize],
        rows: &RecordBatch,
    ) -> Result<Vec<Option<i64>>> {
        let table = target.def.id;
        let keys: Vec<ArrayRef> = columns.iter().map(|&c| normalize_key(rows.column(c))).collect();
        let n = rows.num_rows();
        let mut found: Vec<Option<i64>> = vec![None; n];
        let staged = view.staged.get(&table);
        let below = view.version.tables.get(&table).filter(|_| !staged.is_some_and(|s| s.truncated));
        if let Some(below) = below {
            let known = !view.version.altered.contains(&table);
            let index = self.indexes.get(table, columns).filter(|_| known);
            let candidates = match index {
                Some(index) => index.read().candidates(view.version.snapshot, &keys, n)?,
                None => None,
            };
            let candidates = match candidates {
                Some(candidates) => candidates,
                None => scan_index(target, below, columns)?.all(&keys, n)?,
            };
            let visible = |id: &i64| below.locate(*id).is_some() && !staged.is_some_and(|s| s.removed.contains(id));
            let mut pairs: Vec<(usize, i64)> = vec![];
            for (row, ids) in candidates.iter().enumerate() {
                pairs.extend(ids.iter().filter(|id| visible(id)).map(|id| (row, *id)));
            }
            for (row, id) in same_key(below, columns, &keys, pairs)? {
                found[row] = Some(id);
            }
        }
        if let Some(staged) = staged {
            let mut index = RowIndex::new("staged rows", &target.schema, columns.to_vec(), true);
            for part in staged.added()? {
                index.apply(&[(&part.rows, &part.ids, 1)])?;
            }
            for (slot, id) in found.iter_mut().zip(index.first(&keys, n)?) {
                *slot = id.or(*slot);
            }
        }
        Ok(found)
    }

    /// The rows with these numbers in `view`, in that order.
    pub(crate) fn rows_by_id(&self, view: &ReadView, target: &Target, ids: &Int64Array) -> Result<RecordBatch> {
        let staged = view.staged.get(&target.def.id);
        let mut places: HashMap<i64, (usize, usize)> = HashMap::new();
        let mut parts: Vec<RecordBatch> = vec![];
        for part in staged.map_or(Ok(vec![]), |s| s.added())? {
            for (row, &id) in part.ids.values().iter().enumerate() {
                places.insert(id, (parts.len(), row));
            }
            parts.push(part.rows);
        }
        let below: Vec<i64> = ids.values().iter().copied().filter(|id| !places.contains_key(id)).collect();
        if !below.is_empty() {
            let table = view.version.tables.get(&target.def.id).ok_or_else(|| SqlError::internal("a table is gone"))?;
            let rows = table.rows(&below, None).map_err(error::lake)?;
            for (row, &id) in below.iter().enumerate() {
                places.insert(id, (parts.len(), row));
            }
            parts.push(sluice_zset::with_row_count(
                Arc::clone(&target.schema),
                rows.columns().to_vec(),
                rows.num_rows(),
            )?);
        }
        let indices: Vec<(usize, usize)> = ids.values().iter().map(|id| places[id]).collect();
        let parts: Vec<&RecordBatch> = parts.iter().collect();
        Ok(sluice_zset::gather_batch(&target.schema, &parts, &indices)?)
    }
}

/// Of `(row, number)` pairs, those whose stored row has the same key as the row: an index may be ahead of a version.
fn same_key(
    table: &sluice_lake::TableVersion,
    columns: &[usize],
    keys: &[ArrayRef],
    pairs: Vec<(usize, i64)>,
) -> Result<Vec<(usize, i64)>> {
    if pairs.is_empty() {
        return Ok(pairs);
    }
    let ids: Vec<i64> = pairs.iter().map(|p| p.1).collect();
    let stored = table.rows(&ids, Some(columns)).map_err(error::lake)?;
    let mut equal = vec![];
    for (c, key) in keys.iter().enumerate() {
        let stored = normalize_key(stored.column(c));
        equal.push(arrow::array::make_comparator(key.as_ref(), stored.as_ref(), Default::default())?);
    }
    let not_null = |row: usize| keys.iter().all(|k| k.is_valid(row));
    Ok(pairs
        .into_iter()
        .enumerate()
        .filter(|(at, (row, _))| not_null(*row) && equal.iter().all(|e| e(*row, *at).is_eq()))
        .map(|(_, pair)| pair)
        .collect())
}

/// An index made for one statement, by reading the table.
fn scan_index(target: &Target, table: &sluice_lake::TableVersion, columns: &[usize]) -> Result<RowIndex> {
    let mut index = RowIndex::new("rows", &target.schema, columns.to_vec(), true);
    add_rows(&mut index, table)?;
    Ok(index)
}

/// Adds every row of a table, of which it reads the columns of the index alone.
fn add_rows(index: &mut RowIndex, table: &sluice_lake::TableVersion) -> Result<()> {
    let columns = index.columns().to_vec();
    for part in table.scan(Some(&columns)) {
        let (rows, ids) = part.map_err(error::lake)?;
        index.load(rows.columns(), &ids)?;
        index.expect(table.live_rows());
    }
    Ok(())
}

/// Fills a new index with the rows of a table at `snapshot`; it knows nothing of rows that were gone by then.
pub(crate) fn fill_index(index: &mut RowIndex, table: &sluice_lake::TableVersion, snapshot: i64) -> Result<()> {
    add_rows(index, table)?;
    index.filled_at(snapshot)
}

/// All rows of a table as one batch.
pub(crate) fn all_rows(table: &sluice_lake::TableVersion, def: &TableDef) -> Result<(RecordBatch, Int64Array)> {
    let (mut parts, mut ids) = (vec![], vec![]);
    for part in table.scan(None) {
        let (rows, part_ids) = part.map_err(error::lake)?;
        parts.push(sluice_zset::with_row_count(def.arrow(), rows.columns().to_vec(), rows.num_rows())?);
        ids.extend(part_ids.values().iter().copied());
    }
    Ok((concat_batches(&def.arrow(), &parts)?, Int64Array::from(ids)))
}

/// An index that statements read and the tick changes.
pub(crate) type SharedIndex = Arc<RwLock<RowIndex>>;

/// Indexes by table and columns.
#[derive(Default)]
pub(crate) struct Indexes {
    indexes: RwLock<HashMap<(i64, Vec<usize>), SharedIndex>>,
}

impl Indexes {
    pub(crate) fn get(&self, table: i64, columns: &[usize]) -> Option<SharedIndex> {
        self.indexes.read().get(&(table, columns.to_vec())).cloned()
    }

    pub(crate) fn of_table(&self, table: i64) -> Vec<SharedIndex> {
        self.indexes.read().iter().filter(|(k, _)| k.0 == table).map(|(_, i)| Arc::clone(i)).collect()
    }

    pub(crate) fn put(&self, table: i64, index: RowIndex) {
        let columns = index.columns().to_vec();
        self.indexes.write().insert((table, columns), Arc::new(RwLock::new(index)));
    }

    /// Drops those of a table whose columns are not among `kept`.
    pub(crate) fn retain(&self, table: i64, kept: &[Vec<usize>]) {
        self.indexes.write().retain(|k, _| k.0 != table || kept.contains(&k.1));
    }

    pub(crate) fn drop_table(&self, table: i64) {
        self.indexes.write().retain(|k, _| k.0 != table);
    }

    /// All that there are, to be put back if a change of definitions is not taken.
    pub(crate) fn saved(&self) -> HashMap<(i64, Vec<usize>), SharedIndex> {
        self.indexes.read().clone()
    }

    pub(crate) fn put_back(&self, saved: HashMap<(i64, Vec<usize>), SharedIndex>) {
        *self.indexes.write() = saved;
    }

    pub(crate) fn all(&self) -> Vec<(i64, SharedIndex)> {
        self.indexes.read().iter().map(|(k, i)| (k.0, Arc::clone(i))).collect()
    }
}

/// Numbers for serial columns. Taking one is never undone, as in PostgreSQL.
#[derive(Default)]
pub(crate) struct Sequences {
    state: Mutex<BTreeMap<i64, Sequence>>,
}

#[derive(Default)]
struct Sequence {
    last: i64,
    saved: i64,
}

impl Sequences {
    pub(crate) fn load(&self, values: &BTreeMap<i64, i64>) {
        let mut state = self.state.lock();
        for (&id, &last) in values {
            state.insert(id, Sequence { last, saved: last });
        }
    }

    /// The next `rows` numbers.
    pub(crate) fn take(&self, id: i64, rows: usize) -> Result<Int64Array> {
        let mut state = self.state.lock();
        let sequence = state.entry(id).or_default();
        let end = sequence.last.checked_add(rows as i64).ok_or_else(|| {
            SqlError::new("2200H", "nextval: reached maximum value of sequence (9223372036854775807)")
        })?;
        let numbers = (sequence.last + 1..=end).map(Some).collect();
        sequence.last = end;
        Ok(numbers)
    }

    /// Sequences that moved since they were last saved.
    pub(crate) fn moved(&self) -> Vec<(i64, i64)> {
        self.state.lock().iter().filter(|(_, s)| s.last != s.saved).map(|(id, s)| (*id, s.last)).collect()
    }

    pub(crate) fn saved(&self, values: &[(i64, i64)]) {
        let mut state = self.state.lock();
        for (id, value) in values {
            if let Some(sequence) = state.get_mut(id) {
                sequence.saved = *value;
            }
        }
    }
}
