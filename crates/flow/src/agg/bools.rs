use super::staged::Staged;
use super::{Accumulator, Entries, OutputError};
use crate::Result;
use arrow::array::{ArrayRef, AsArray, BooleanArray};
use sluice_zset::ZError;
use std::sync::Arc;

/// `bool_and` and `bool_or`: counts of false and true values. 16 bytes a group.
pub(super) struct Bools {
    all: bool,
    counts: Staged<[i64; 2]>,
}

impl Bools {
    pub(super) fn new(all: bool) -> Self {
        Self { all, counts: Staged::new() }
    }

    fn value(&self, group: u32) -> Option<bool> {
        match *self.counts.get(group) {
            [0, 0] => None,
            [falses, trues] => Some(if self.all { falses == 0 } else { trues > 0 }),
        }
    }
}

impl Accumulator for Bools {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups);
    }

    fn update(&mut self, values: Option<&ArrayRef>, entries: &Entries) -> Result<()> {
        let Some(values) = values.map(|v| v.as_boolean()) else { return Ok(()) };
        for (i, &group) in entries.groups.iter().enumerate() {
            let mut counts = *self.counts.get(group);
            let count = &mut counts[usize::from(values.value(entries.positions[i] as usize))];
            *count = count.checked_add(entries.weights[i]).ok_or(ZError::WeightOverflow)?;
            self.counts.set(group, counts);
        }
        Ok(())
    }

    fn output(&self, groups: &[u32]) -> Result<(ArrayRef, Vec<OutputError>)> {
        Ok((Arc::new(groups.iter().map(|&g| self.value(g)).collect::<BooleanArray>()), vec![]))
    }

    fn commit(&mut self) {
        self.counts.commit();
    }

    fn abort(&mut self) {
        self.counts.abort();
    }

    fn bytes(&self) -> usize {
        self.counts.bytes()
    }
}
