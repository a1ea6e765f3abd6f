//! The rows of an arrangement: append-only Arrow parts in chunks of at most 16,384 rows.

use super::weights::Weights;
use super::{NO_SLOT, Slot};
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use sluice_zset::Result;
use std::sync::Arc;

pub(super) const ROW_BITS: u32 = 14;
pub(super) const CHUNK_ROWS: usize = 1 << ROW_BITS;

/// A row range of a chunk that came in one batch. Positions never change while the chunk lives.
struct Part {
    start: usize,
    rows: RecordBatch,
}

/// Up to [`CHUNK_ROWS`] rows with what the arrangement keeps beside each. A row of weight 0 is dead.
pub(super) struct Chunk {
    parts: Vec<Part>,
    len: usize,
    pub(super) live: usize,
    weights: Weights,
    pub(super) hashes: Vec<u32>,
    pub(super) next: Vec<Slot>,
    pub(super) prev: Vec<Slot>,
    /// Empty as long as all are 0: most owners keep nothing there.
    payload: Vec<i64>,
}

impl Chunk {
    pub(super) fn new() -> Self {
        Self {
            parts: vec![],
            len: 0,
            live: 0,
            weights: Weights::default(),
            hashes: vec![],
            next: vec![],
            prev: vec![],
            payload: vec![],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn room(&self) -> usize {
        CHUNK_ROWS - self.len
    }

    /// The part that holds `row`, and the row's place in it.
    pub(super) fn locate(&self, row: usize) -> (usize, usize) {
        let part = self.parts.partition_point(|p| p.start <= row) - 1;
        (part, row - self.parts[part].start)
    }

    pub(super) fn part(&self, part: usize) -> &RecordBatch {
        &self.parts[part].rows
    }

    /// Appends rows; parts are merged while the last is at least half as large as the one before it, so that
    /// a chunk has O(log rows) parts and each row is copied O(log rows) times.
    pub(super) fn push(&mut self, schema: &SchemaRef, rows: RecordBatch) -> Result<()> {
        let added = rows.num_rows();
        debug_assert!(added <= self.room());
        self.parts.push(Part { start: self.len, rows: compacted(rows)? });
        self.len += added;
        self.weights.resize(self.len);
        self.hashes.resize(self.len, 0);
        self.next.resize(self.len, NO_SLOT);
        self.prev.resize(self.len, NO_SLOT);
        self.merge_parts(schema)
    }

    fn merge_parts(&mut self, schema: &SchemaRef) -> Result<()> {
        let mut from = self.parts.len() - 1;
        let mut size = self.parts[from].rows.num_rows();
        while from > 0 && (self.parts[from - 1].rows.num_rows() <= 2 * size || self.len == CHUNK_ROWS) {
            from -= 1;
            size += self.parts[from].rows.num_rows();
        }
        if from + 1 < self.parts.len() {
            let start = self.parts[from].start;
            let merged = if schema.fields().is_empty() {
                sluice_zset::with_row_count(SchemaRef::clone(schema), vec![], size)?
            } else {
                concat_batches(schema, self.parts[from..].iter().map(|p| &p.rows))?
            };
            self.parts.truncate(from);
            self.parts.push(Part { start, rows: compacted(merged)? });
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        let data: usize = self.parts.iter().map(|p| p.rows.get_array_memory_size()).sum();
        data + self.len * (1 + 4 + 4 + 4) + self.payload.len() * 8
    }

    pub(super) fn weight(&self, row: usize) -> i64 {
        self.weights.get(row)
    }

    /// Returns the weight before.
    pub(super) fn set_weight(&mut self, row: usize, weight: i64) -> i64 {
        let before = self.weights.set(row, weight);
        match (before == 0, weight == 0) {
            (true, false) => self.live += 1,
            (false, true) => self.live -= 1,
            _ => {}
        }
        before
    }

    pub(super) fn payload(&self, row: usize) -> i64 {
        self.payload.get(row).copied().unwrap_or_default()
    }

    /// Returns the payload before.
    pub(super) fn set_payload(&mut self, row: usize, payload: i64) -> i64 {
        if self.payload.len() <= row {
            if payload == 0 {
                return 0;
            }
            self.payload.resize(self.len, 0);
        }
        std::mem::replace(&mut self.payload[row], payload)
    }
}

/// String views keep their whole source buffers alive; a kept batch must own only what it shows.
fn compacted(rows: RecordBatch) -> Result<RecordBatch> {
    let is_view = |t: &DataType| matches!(t, DataType::Utf8View | DataType::BinaryView);
    if !rows.schema().fields().iter().any(|f| is_view(f.data_type())) {
        return Ok(rows);
    }
    let columns = rows
        .columns()
        .iter()
        .map(|c| match c.data_type() {
            DataType::Utf8View => Arc::new(c.as_string_view().gc()) as ArrayRef,
            DataType::BinaryView => Arc::new(c.as_binary_view().gc()) as ArrayRef,
            _ => ArrayRef::clone(c),
        })
        .collect();
    sluice_zset::with_row_count(rows.schema(), columns, rows.num_rows())
}
