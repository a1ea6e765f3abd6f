//! Comparing rows of a batch with rows of an arrangement, by value: equal hashes prove nothing.

use super::Slot;
use super::chunk::Chunk;
use crate::Result;
use arrow::array::{Array, ArrayRef, DynComparator};
use arrow::compute::SortOptions;
use datafusion::arrow::array::make_comparator;
use hashbrown::HashMap;

/// Columns of a batch laid beside columns of an arrangement. Comparators are made once a part and kept.
pub(super) struct Probe<'a> {
    columns: &'a [ArrayRef],
    against: &'a [usize],
    comparators: HashMap<(usize, usize), Vec<DynComparator>>,
}

impl<'a> Probe<'a> {
    /// `columns[i]` is compared with the arrangement's column `against[i]`; NULL equals NULL.
    pub(super) fn new(columns: &'a [ArrayRef], against: &'a [usize]) -> Self {
        Self { columns, against, comparators: HashMap::new() }
    }

    pub(super) fn equal(&mut self, chunks: &[Option<Chunk>], row: usize, slot: Slot) -> Result<bool> {
        let (id, at) = super::split(slot);
        let chunk = super::chunk_of(chunks, id);
        let (part, position) = chunk.locate(at);
        let comparators = match self.comparators.entry((id, part)) {
            hashbrown::hash_map::Entry::Occupied(e) => e.into_mut(),
            hashbrown::hash_map::Entry::Vacant(e) => {
                let stored = chunk.part(part);
                let made = self
                    .columns
                    .iter()
                    .zip(self.against)
                    .map(|(c, &i)| make_comparator(c.as_ref() as &dyn Array, stored.column(i), SortOptions::default()))
                    .collect::<std::result::Result<Vec<_>, _>>()?;
                e.insert(made)
            }
        };
        Ok(comparators.iter().all(|compare| compare(row, position).is_eq()))
    }
}
