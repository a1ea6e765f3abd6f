use super::staged::Staged;
use super::{Accumulator, Entries, OutputError};
use crate::Result;
use arrow::array::{ArrayRef, Int64Array};
use sluice_zset::ZError;
use std::sync::Arc;

/// `count(*)` and `count(x)`: the sum of the weights. 8 bytes a group.
pub(super) struct Count(Staged<i64>);

impl Default for Count {
    fn default() -> Self {
        Self(Staged::new())
    }
}

impl Accumulator for Count {
    fn resize(&mut self, groups: usize) {
        self.0.resize(groups);
    }

    fn update(&mut self, _: Option<&ArrayRef>, entries: &Entries) -> Result<()> {
        for (&group, &weight) in entries.groups.iter().zip(&entries.weights) {
            let count = self.0.get(group).checked_add(weight).ok_or(ZError::WeightOverflow)?;
            self.0.set(group, count);
        }
        Ok(())
    }

    fn output(&self, groups: &[u32]) -> Result<(ArrayRef, Vec<OutputError>)> {
        let counts: Int64Array = groups.iter().map(|&g| Some(*self.0.get(g))).collect();
        Ok((Arc::new(counts), vec![]))
    }

    fn commit(&mut self) {
        self.0.commit();
    }

    fn abort(&mut self) {
        self.0.abort();
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
