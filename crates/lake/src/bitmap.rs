//! Which rows of a file are deleted.
//!
//! Readers pin a bitmap while the writer makes the next one, so it is copied on write, a page of 8 KB at a
//! time: deleting one row of a file of ten million copies 153 pointers and one page.

use std::sync::Arc;

const PAGE_WORDS: usize = 1024;
const PAGE_BITS: u64 = PAGE_WORDS as u64 * 64;

type Page = [u64; PAGE_WORDS];

/// A set of row positions, cheap to clone.
#[derive(Debug, Clone)]
pub struct Bitmap {
    pages: Vec<Option<Arc<Page>>>,
    count: u64,
}

impl Bitmap {
    pub(crate) fn new(len: u64) -> Self {
        Self { pages: vec![None; len.div_ceil(PAGE_BITS) as usize], count: 0 }
    }

    /// Number of positions in the set.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether `position` is in the set.
    pub fn contains(&self, position: u64) -> bool {
        let (page, word, bit) = split(position);
        matches!(self.pages.get(page), Some(Some(words)) if words[word] & bit != 0)
    }

    /// False when it was in already, or is beyond the length.
    pub(crate) fn insert(&mut self, position: u64) -> bool {
        let (page, word, bit) = split(position);
        let Some(slot) = self.pages.get_mut(page) else { return false };
        let words = Arc::make_mut(slot.get_or_insert_with(|| Arc::new([0; PAGE_WORDS])));
        let new = words[word] & bit == 0;
        words[word] |= bit;
        self.count += u64::from(new);
        new
    }
}

fn split(position: u64) -> (usize, usize, u64) {
    let within = position % PAGE_BITS;
    ((position / PAGE_BITS) as usize, (within / 64) as usize, 1 << (within % 64))
}
