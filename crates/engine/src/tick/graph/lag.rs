//! What a held-back view has not taken in yet.

use serde::{Deserialize, Serialize};
use sluice_flow::Delta;
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, consolidate};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A committed state at which a view equaled its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) snapshot: i64,
    /// What `now()` was.
    pub(crate) micros: i64,
}

/// Why a view stays behind what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The user paused it.
    Paused,
    /// Its time has not come.
    Scheduled,
    /// Recomputing it takes too long to be part of every commit.
    Dear,
    /// What it reads is behind.
    Waits(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("paused"),
            Self::Scheduled => f.write_str("its time has not come"),
            Self::Dear => f.write_str("too dear for every commit"),
            Self::Waits(name) => write!(f, "waits for \"{name}\""),
        }
    }
}

/// A lagging table as the snapshot's record has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// The reason, for people.
    pub(crate) why: String,
    /// It is withheld because rows fail, and not because it may wait.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) error: bool,
    /// Only the time has moved on since it was computed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) clock: bool,
    /// The snapshot at which it equaled its query, if there is one.
    pub(crate) cut: Option<i64>,
    /// The time up to which it is complete, and what `now()` was when it was computed.
    pub(crate) at: i64,
    /// Views that were brought to the cut together, and later than it: their rows at the cut are those of `with_rows`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) with: Vec<i64>,
    /// The snapshot that stored them; `None` is the one that this record belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) with_rows: Option<i64>,
}

/// Views that one run brought to a cut, and the snapshot that stored their rows: a later one than the cut.
#[derive(Debug, Clone)]
pub(crate) struct Together {
    pub(crate) views: Arc<[i64]>,
    pub(crate) snapshot: i64,
}

impl Held {
    /// Reads the record of a snapshot. Lakes from before there were cuts have the reason alone.
    pub(crate) fn parse(json: Option<&str>) -> Result<BTreeMap<i64, Self>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Entry {
            Held(Held),
            Reason(String),
        }
        let Some(json) = json else { return Ok(BTreeMap::new()) };
        let entries: BTreeMap<i64, Entry> = serde_json::from_str(json)
            .map_err(|e| SqlError::internal(format!("the record of a snapshot cannot be read: {e}")))?;
        let held = |(id, entry)| match entry {
            Entry::Held(held) => (id, held),
            Entry::Reason(why) => {
                let error = why == "error";
                (id, Self { why, error, ..Self::default() })
            }
        };
        Ok(entries.into_iter().map(held).collect())
    }
}

/// The changes since a view's cut.
#[derive(Default)]
pub(crate) struct Lag {
    /// The view is complete up to this time.
    pub(crate) since: i64,
    pub(crate) why: String,
    inputs: BTreeMap<i64, Pending>,
    /// The part of the changes up to which a run beside the ticks brings the view.
    sealed: BTreeMap<i64, Pending>,
    /// Something that it reads changed since that part was sealed.
    pub(crate) touched: bool,
}

/// One input's changes; consolidated when as much came as there was.
#[derive(Default)]
struct Pending {
    delta: Delta,
    consolidated_rows: usize,
    rows: usize,
}

/// So many small changes are put together, whatever their size.
const PARTS: usize = 64;

impl Lag {
    pub(crate) fn new(since: i64, why: String) -> Self {
        Self { since, why, inputs: BTreeMap::new(), sealed: BTreeMap::new(), touched: false }
    }

    /// Whether changes have the columns of those that wait already: a table may have changed its own.
    pub(crate) fn fits(&self, table: i64, delta: &Delta) -> bool {
        let schema = |d: &Delta| d.rows.iter().find(|r| !r.is_empty()).map(ZBatch::schema);
        let old = self.inputs.get(&table).or(self.sealed.get(&table));
        match (old.and_then(|p| schema(&p.delta)), schema(delta)) {
            (Some(old), Some(new)) => old == new,
            _ => true,
        }
    }

    /// Adds a tick's changes.
    pub(crate) fn add(&mut self, arrived: Vec<(i64, Delta)>) -> Result<()> {
        for (table, delta) in arrived {
            self.inputs.entry(table).or_default().add(delta)?;
        }
        Ok(())
    }

    /// All of an input's changes; they stay until the tick that takes them in is kept.
    pub(crate) fn input(&self, table: i64) -> Delta {
        let mut all = self.sealed(table);
        if let Some(open) = self.inputs.get(&table) {
            all.rows.extend(open.delta.rows.iter().cloned());
            all.inherit(&open.delta.errors);
        }
        all
    }

    /// An input's changes up to where a run brings the view.
    pub(crate) fn sealed(&self, table: i64) -> Delta {
        self.sealed.get(&table).map(|p| p.delta.clone()).unwrap_or_default()
    }

    /// What has been put aside so far is what a run that starts now takes in.
    pub(crate) fn seal(&mut self) -> Result<()> {
        self.unseal()?;
        self.sealed = std::mem::take(&mut self.inputs);
        self.touched = false;
        Ok(())
    }

    /// The run was given up: all that was put aside waits again.
    pub(crate) fn unseal(&mut self) -> Result<()> {
        let later = std::mem::replace(&mut self.inputs, std::mem::take(&mut self.sealed));
        self.add(later.into_iter().map(|(table, pending)| (table, pending.delta)).collect())
    }

    /// The run took in the sealed part, and the view is complete up to `since`.
    pub(crate) fn take_sealed(&mut self, since: i64) {
        self.sealed.clear();
        self.since = since;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.sealed.is_empty()
    }

    pub(crate) fn rows(&self) -> usize {
        self.pending().map(|p| p.delta.rows.iter().map(ZBatch::len).sum::<usize>()).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        let bytes = |d: &Delta| d.rows.iter().map(|r| r.rows().get_array_memory_size()).sum::<usize>();
        self.pending().map(|p| bytes(&p.delta)).sum()
    }

    fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.inputs.values().chain(self.sealed.values())
    }

    pub(crate) fn forget(&mut self) {
        self.inputs.clear();
        self.sealed.clear();
    }
}

impl Pending {
    fn add(&mut self, delta: Delta) -> Result<()> {
        self.delta.inherit(&delta.errors);
        for rows in delta.rows.into_iter().filter(|r| !r.is_empty()) {
            self.rows += rows.len();
            self.delta.rows.push(rows);
        }
        if self.delta.rows.len() > PARTS && self.rows >= self.consolidated_rows {
            let schema = self.delta.rows[0].schema();
            let all = consolidate(&ZBatch::concat(&schema, &self.delta.rows)?)?;
            (self.consolidated_rows, self.rows) = (all.len(), 0);
            self.delta.rows = vec![all];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, RecordBatch};
    use std::sync::Arc;

    fn rows(values: Vec<i64>, weight: i64) -> Delta {
        let weights = Int64Array::from(vec![weight; values.len()]);
        let column: arrow::array::ArrayRef = Arc::new(Int64Array::from(values));
        Delta::of(ZBatch::with_weights(RecordBatch::try_from_iter([("v", column)]).expect("a column"), weights))
    }

    #[test]
    fn what_comes_and_goes_takes_no_room() {
        let mut lag = Lag::new(0, String::new());
        for i in 0..1_000 {
            lag.add(vec![(7, rows(vec![i], 1))]).expect("room");
            lag.add(vec![(7, rows(vec![i], -1))]).expect("room");
        }
        assert!(lag.rows() <= 2 * PARTS, "{} rows are kept of 1,000 that came and went", lag.rows());
        lag.add(vec![(7, rows(vec![1, 1, 2], 1))]).expect("room");
        let kept = lag.input(7);
        let kept = kept.consolidated(&kept.rows[0].schema()).expect("numbers");
        assert_eq!(kept.iter_weights().sum::<i64>(), 3);
        assert_eq!(lag.input(8).rows.len(), 0);
    }

    #[test]
    fn a_run_takes_in_what_was_sealed_and_no_more() {
        let sum = |d: Delta| d.rows.iter().flat_map(|r| r.iter_weights().collect::<Vec<_>>()).sum::<i64>();
        let mut lag = Lag::new(0, String::new());
        lag.add(vec![(7, rows(vec![1, 2], 1))]).expect("room");
        lag.seal().expect("room");
        lag.add(vec![(7, rows(vec![3], 1)), (8, rows(vec![4], 1))]).expect("room");
        assert_eq!((sum(lag.sealed(7)), sum(lag.sealed(8)), sum(lag.input(7))), (2, 0, 3));
        lag.unseal().expect("room");
        assert_eq!((sum(lag.sealed(7)), sum(lag.input(7))), (0, 3));
        lag.seal().expect("room");
        lag.add(vec![(8, rows(vec![5], 1))]).expect("room");
        lag.take_sealed(9);
        assert_eq!((sum(lag.input(7)), sum(lag.input(8)), lag.since), (0, 1, 9));
    }
}
