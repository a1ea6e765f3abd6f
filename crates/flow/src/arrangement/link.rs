//! Entering new rows into the chains of their keys. Rows of one batch that share a key are chained among themselves
//! first, so that the index, where each look costs a cache miss or two, is asked once a key.

use super::index::{Entry, kept_hash};
use super::probe::Probe;
use super::{Arrangement, KeyEntry, LONG_CHAIN, NO_SLOT, RowEntry, Slot, noting, split};
use crate::Result;
use arrow::array::{Array, ArrayRef, DynComparator};
use arrow::compute::SortOptions;
use datafusion::arrow::array::make_comparator;
use hashbrown::HashTable;
use hashbrown::hash_table;

/// After so many rows with a key of their own the rest is taken to be so too.
const DISTINCT_ROWS: usize = 1024;

/// Rows of one key, chained from `last` to `first`.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) first: Slot,
    pub(super) last: Slot,
    pub(super) len: u32,
    /// The row of the batch that `first` stands for.
    pub(super) row: u32,
}

/// A batch whose rows `fresh` are stored in `slots` and not linked yet.
pub(super) struct Unlinked<'a> {
    pub(super) keys: &'a [ArrayRef],
    pub(super) fresh: &'a [u32],
    pub(super) key_hashes: &'a [u64],
    pub(super) row_hashes: &'a [u64],
    pub(super) slots: &'a [Slot],
}

impl Arrangement {
    /// Links all rows, later ones before earlier ones.
    pub(super) fn link_all(&mut self, batch: &Unlinked<'_>) -> Result<()> {
        let (runs, run_of) = self.chain_runs(batch)?;
        let key = self.key.clone();
        let mut equal = Probe::new(batch.keys, &key);
        let mut is_indexed = vec![false; runs.len()];
        for (run, is_indexed) in runs.iter().zip(&mut is_indexed) {
            *is_indexed = self.link_run(run, &mut equal, batch.key_hashes[run.row as usize])?;
        }
        for (&row, run) in batch.fresh.iter().zip(run_of) {
            if is_indexed[run as usize] {
                let (slot, hash) = (batch.slots[row as usize], batch.row_hashes[row as usize]);
                self.rows.insert(hash, RowEntry { slot, hash: kept_hash(hash) });
            }
        }
        Ok(())
    }

    /// The runs in order of appearance, and the run of each row. Where the first rows share no key, no others are
    /// looked for: a run of one row is always right, and a key may have several runs.
    fn chain_runs(&mut self, batch: &Unlinked<'_>) -> Result<(Vec<Run>, Vec<u32>)> {
        let equal = comparators(batch.keys)?;
        let mut runs: Vec<Run> = vec![];
        let mut run_of = Vec::with_capacity(batch.fresh.len());
        let mut seen: HashTable<u32> = HashTable::new();
        for (i, &row) in batch.fresh.iter().enumerate() {
            let slot = batch.slots[row as usize];
            if runs.len() == i && i >= DISTINCT_ROWS {
                run_of.push(i as u32);
                runs.push(Run { first: slot, last: slot, len: 1, row });
                continue;
            }
            let hash = batch.key_hashes[row as usize];
            let hash_of = |run: &u32| batch.key_hashes[runs[*run as usize].row as usize];
            let same = |run: &u32| {
                let other = runs[*run as usize].row as usize;
                hash_of(run) == hash && equal.iter().all(|compare| compare(row as usize, other).is_eq())
            };
            let run = match seen.entry(hash, same, hash_of) {
                hash_table::Entry::Occupied(found) => *found.get(),
                hash_table::Entry::Vacant(place) => *place.insert(runs.len() as u32).get(),
            };
            run_of.push(run);
            match runs.get_mut(run as usize) {
                None => runs.push(Run { first: slot, last: slot, len: 1, row }),
                Some(run) => {
                    let before = std::mem::replace(&mut run.last, slot);
                    run.len += 1;
                    self.set_next(slot, before);
                    self.set_prev(before, slot);
                }
            }
        }
        Ok((runs, run_of))
    }

    /// Puts a run at the front of its key's chain. `equal` compares the run's row of its batch with stored keys.
    /// Returns whether its rows are still to enter the index of rows.
    pub(super) fn link_run(&mut self, run: &Run, equal: &mut Probe<'_>, key_hash: u64) -> Result<bool> {
        let (keys, chunks) = (&mut self.keys, &self.chunks);
        let mut failed = None;
        let kept = kept_hash(key_hash);
        let same = |e: &KeyEntry| e.hash == kept && noting(&mut failed, equal.equal(chunks, run.row as usize, e.head));
        let (head, len) = match keys.entry(key_hash, same) {
            Entry::Occupied(mut found) => {
                let entry = found.get_mut();
                entry.len += run.len;
                (std::mem::replace(&mut entry.head, run.last), entry.len)
            }
            Entry::Vacant(place) => {
                place.insert(KeyEntry { head: run.last, len: run.len, hash: kept });
                (NO_SLOT, run.len)
            }
        };
        if let Some(e) = failed {
            return Err(e);
        }
        self.set_next(run.first, head);
        self.set_prev(run.last, NO_SLOT);
        if head != NO_SLOT {
            self.set_prev(head, run.first);
        }
        let before = len - run.len;
        if before <= LONG_CHAIN && len > LONG_CHAIN {
            self.index_chain(run.last)?;
        }
        Ok(before > LONG_CHAIN)
    }

    pub(super) fn set_next(&mut self, slot: Slot, next: Slot) {
        let (chunk, at) = split(slot);
        self.chunk_mut(chunk).next[at] = next;
    }

    pub(super) fn set_prev(&mut self, slot: Slot, prev: Slot) {
        let (chunk, at) = split(slot);
        self.chunk_mut(chunk).prev[at] = prev;
    }
}

/// Compare the rows of a batch with each other.
fn comparators(keys: &[ArrayRef]) -> Result<Vec<DynComparator>> {
    let of_key = |k: &ArrayRef| {
        let key: &dyn Array = k.as_ref();
        make_comparator(key, key, SortOptions::default())
    };
    Ok(keys.iter().map(of_key).collect::<std::result::Result<_, _>>()?)
}
