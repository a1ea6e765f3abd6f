//! Rows of small commits, in memory.
//!
//! Chunks are immutable and shared with readers. Every commit adds one; a chunk is merged with the one
//! before it while that is less than twice as long, so that n one-row commits leave O(log n) chunks at a
//! cost of O(log n) copies a row. Dead rows go when chunks are merged, or when half of a chunk is dead.
//!
//! Invariants: row ids ascend inside a chunk; a live row id occurs once in all chunks; no chunk is all dead.

use crate::Result;
use crate::rows::compacted;
use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{filter, filter_record_batch, interleave_record_batch, take_record_batch};
use arrow::util::bit_util;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Larger chunks are not merged any more.
const CHUNK_ROWS_MAX: usize = 65_536;

/// The inlined rows of a table at one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Inlined {
    /// In no particular order.
    pub chunks: Vec<Arc<InlinedChunk>>,
}

/// Some inlined rows.
#[derive(Debug)]
pub struct InlinedChunk {
    /// In the table's schema.
    pub rows: RecordBatch,
    /// Ascending.
    pub row_ids: Int64Array,
    /// A set bit is a deleted row; `None` when all are live.
    pub deleted: Option<BooleanBuffer>,
    live: usize,
}

/// A chunk's index and the row's index in it.
pub(crate) type Place = (usize, usize);

impl InlinedChunk {
    fn new(rows: RecordBatch, row_ids: Int64Array) -> Self {
        let live = rows.num_rows();
        Self { rows, row_ids, deleted: None, live }
    }

    /// Number of rows that are not deleted.
    pub fn live_rows(&self) -> usize {
        self.live
    }

    fn is_live(&self, row: usize) -> bool {
        self.deleted.as_ref().is_none_or(|d| !d.value(row))
    }

    /// The live rows and their ids.
    pub(crate) fn live(&self) -> Result<(RecordBatch, Int64Array)> {
        let Some(deleted) = &self.deleted else { return Ok((self.rows.clone(), self.row_ids.clone())) };
        let keep = BooleanArray::new(!deleted, None);
        let ids = filter(&self.row_ids, &keep)?;
        Ok((filter_record_batch(&self.rows, &keep)?, Int64Array::from(ids.to_data())))
    }

    fn without(&self, rows: &[usize]) -> Self {
        let len = self.rows.num_rows();
        let mut bits = vec![0u8; bit_util::ceil(len, 8)];
        if let Some(deleted) = &self.deleted {
            deleted.set_indices().for_each(|i| bit_util::set_bit(&mut bits, i));
        }
        rows.iter().for_each(|&i| bit_util::set_bit(&mut bits, i));
        Self {
            rows: self.rows.clone(),
            row_ids: self.row_ids.clone(),
            deleted: Some(BooleanBuffer::new(bits.into(), 0, len)),
            live: self.live - rows.len(),
        }
    }

    fn packed(&self) -> Result<Self> {
        let (rows, row_ids) = self.live()?;
        Ok(Self::new(compacted(&rows)?, row_ids))
    }
}

impl Inlined {
    /// Number of rows that are not deleted.
    pub fn live_rows(&self) -> usize {
        self.chunks.iter().map(|c| c.live).sum()
    }

    /// Where the live row of that id is.
    pub(crate) fn find(&self, row_id: i64) -> Option<Place> {
        self.chunks.iter().enumerate().find_map(|(at, chunk)| {
            let row = chunk.row_ids.values().binary_search(&row_id).ok()?;
            chunk.is_live(row).then_some((at, row))
        })
    }

    /// Deletes live rows.
    pub(crate) fn delete(&mut self, places: &[Place]) -> Result<()> {
        let mut by_chunk: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (chunk, row) in places {
            by_chunk.entry(*chunk).or_default().push(*row);
        }
        for (at, rows) in by_chunk {
            let mut chunk = self.chunks[at].without(&rows);
            if chunk.live > 0 && chunk.live * 2 < chunk.rows.num_rows() {
                chunk = chunk.packed()?;
            }
            self.chunks[at] = Arc::new(chunk);
        }
        self.chunks.retain(|c| c.live > 0);
        Ok(())
    }

    /// Adds rows whose ids are not live yet.
    pub(crate) fn push(&mut self, rows: &RecordBatch, row_ids: &Int64Array) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let (rows, row_ids) = sorted(rows, row_ids)?;
        self.chunks.push(Arc::new(InlinedChunk::new(compacted(&rows)?, row_ids)));
        self.settle()
    }

    fn settle(&mut self) -> Result<()> {
        while let [.., before, last] = self.chunks.as_slice() {
            if before.live >= 2 * last.live || before.live + last.live > CHUNK_ROWS_MAX {
                break;
            }
            let merged = Arc::new(merge(before, last)?);
            self.chunks.truncate(self.chunks.len() - 2);
            self.chunks.push(merged);
        }
        Ok(())
    }

    /// The same rows after `change` of each chunk's columns.
    pub(crate) fn map(&self, change: impl Fn(&RecordBatch) -> Result<RecordBatch>) -> Result<Self> {
        let chunks = self.chunks.iter().map(|c| {
            let (row_ids, deleted) = (c.row_ids.clone(), c.deleted.clone());
            Ok(Arc::new(InlinedChunk { rows: change(&c.rows)?, row_ids, deleted, live: c.live }))
        });
        Ok(Self { chunks: chunks.collect::<Result<_>>()? })
    }
}

fn sorted(rows: &RecordBatch, row_ids: &Int64Array) -> Result<(RecordBatch, Int64Array)> {
    if row_ids.values().is_sorted() {
        return Ok((rows.clone(), row_ids.clone()));
    }
    let mut order: Vec<u32> = (0..row_ids.len() as u32).collect();
    order.sort_unstable_by_key(|&i| row_ids.value(i as usize));
    let ids = order.iter().map(|&i| row_ids.value(i as usize)).collect::<Vec<_>>();
    Ok((take_record_batch(rows, &UInt32Array::from(order))?, ids.into()))
}

fn merge(a: &InlinedChunk, b: &InlinedChunk) -> Result<InlinedChunk> {
    let places = |chunk: &InlinedChunk, source: usize| {
        let rows = (0..chunk.rows.num_rows()).filter(|&row| chunk.is_live(row));
        rows.map(|row| (chunk.row_ids.value(row), (source, row))).collect::<Vec<_>>()
    };
    let mut order = places(a, 0);
    order.extend(places(b, 1));
    order.sort_by_key(|(id, _)| *id);
    let (ids, indices): (Vec<i64>, Vec<_>) = order.into_iter().unzip();
    let rows = if a.rows.num_columns() == 0 {
        crate::rows::batch(&a.rows.schema(), vec![], ids.len())?
    } else {
        compacted(&interleave_record_batch(&[&a.rows, &b.rows], &indices)?)?
    };
    Ok(InlinedChunk::new(rows, ids.into()))
}
