use super::{Accumulator, Entries, OutputError};
use crate::Result;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use hashbrown::HashMap;
use sluice_zset::{ZError, normalize_key};

/// A group and an encoded value.
type Key = (u32, Box<[u8]>);

/// Counts the copies of each value and passes on only its first coming and last going.
/// About 70 bytes a distinct value and group.
pub(super) struct Distinct {
    inner: Box<dyn Accumulator>,
    input: DataType,
    counts: HashMap<Key, i64>,
    undo: Vec<(Key, i64)>,
}

impl Distinct {
    pub(super) fn new(inner: Box<dyn Accumulator>, input: DataType) -> Self {
        Self { inner, input, counts: HashMap::new(), undo: vec![] }
    }

    /// Returns the counts before and after.
    fn add(&mut self, key: Key, weight: i64) -> Result<(i64, i64)> {
        let count = self.counts.entry(key.clone()).or_insert(0);
        let before = *count;
        let after = before.checked_add(weight).ok_or(ZError::WeightOverflow)?;
        *count = after;
        if after == 0 {
            self.counts.remove(&key);
        }
        Ok((before, after))
    }
}

impl Accumulator for Distinct {
    fn resize(&mut self, groups: usize) {
        self.inner.resize(groups);
    }

    fn update(&mut self, values: Option<&ArrayRef>, entries: &Entries) -> Result<()> {
        let Some(values) = values else { return Ok(()) };
        let values = normalize_key(values);
        let rows = RowConverter::new(vec![SortField::new(self.input.clone())])?
            .convert_columns(std::slice::from_ref(&values))?;
        let mut passed = Entries { positions: vec![], groups: vec![], weights: vec![] };
        for (i, &group) in entries.groups.iter().enumerate() {
            let position = entries.positions[i];
            let key: Key = (group, rows.row(position as usize).as_ref().into());
            let (before, after) = self.add(key.clone(), entries.weights[i])?;
            self.undo.push((key, entries.weights[i]));
            let change = i64::from(after > 0) - i64::from(before > 0);
            if change != 0 {
                passed.positions.push(position);
                passed.groups.push(group);
                passed.weights.push(change);
            }
        }
        self.inner.update(Some(&values), &passed)
    }

    fn output(&self, groups: &[u32]) -> Result<(ArrayRef, Vec<OutputError>)> {
        self.inner.output(groups)
    }

    fn commit(&mut self) {
        self.undo.clear();
        self.inner.commit();
    }

    fn abort(&mut self) {
        while let Some((key, weight)) = self.undo.pop() {
            // Taking back what was just added cannot overflow.
            let _ = self.add(key, -weight);
        }
        self.inner.abort();
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * 48 + self.inner.bytes()
    }
}
