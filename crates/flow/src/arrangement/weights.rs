//! The weights of a chunk's rows. Nearly all are 0 or 1, so a byte holds one; a few larger ones stand beside.

use std::collections::BTreeMap;

/// Says that the weight stands in `large`.
const LARGE: i8 = i8::MIN;

#[derive(Default)]
pub(super) struct Weights {
    small: Vec<i8>,
    large: BTreeMap<usize, i64>,
}

impl Weights {
    /// Makes room for rows, of weight 0 at first.
    pub(super) fn resize(&mut self, rows: usize) {
        self.small.resize(rows, 0);
    }

    pub(super) fn get(&self, row: usize) -> i64 {
        match self.small[row] {
            LARGE => self.large[&row],
            small => i64::from(small),
        }
    }

    /// Returns the weight before.
    pub(super) fn set(&mut self, row: usize, weight: i64) -> i64 {
        let small = i8::try_from(weight).unwrap_or(LARGE);
        let before = match std::mem::replace(&mut self.small[row], small) {
            LARGE => self.large.remove(&row).unwrap_or_default(),
            small => i64::from(small),
        };
        if small == LARGE {
            self.large.insert(row, weight);
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_all_sizes_are_kept() {
        let mut weights = Weights::default();
        let all = [0, 1, -1, 127, 128, -127, -128, -129, 70_000, i64::MAX, i64::MIN];
        weights.resize(2);
        let mut last = 0;
        for weight in all {
            assert_eq!(weights.set(1, weight), last);
            assert_eq!((weights.get(0), weights.get(1)), (0, weight));
            last = weight;
        }
        weights.set(1, 1);
        assert!(weights.large.is_empty());
    }
}
