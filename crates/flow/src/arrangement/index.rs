//! A hash index in 256 segments by hash prefix, so that growing one never stalls a step.

use hashbrown::HashTable;
pub(super) use hashbrown::hash_table::Entry;

const SEGMENTS: usize = 256;

/// Entries found by a 64-bit hash of which 40 bits are used: 8 choose the segment, 32 are kept by the entry.
pub(super) struct Index<E> {
    segments: Vec<HashTable<E>>,
}

/// What an entry must know of its hash, so that a segment can grow.
pub(super) trait Hashed {
    fn hash(&self) -> u32;
}

/// The 32 bits that entries keep.
pub(super) fn kept_hash(hash: u64) -> u32 {
    hash as u32
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl<E: Hashed> Index<E> {
    pub(super) fn new() -> Self {
        Self { segments: (0..SEGMENTS).map(|_| HashTable::new()).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.segments.iter().map(HashTable::len).sum()
    }

    /// Makes room for so many more entries.
    pub(super) fn reserve(&mut self, entries: usize) {
        // Segments differ by about the square root of what they hold.
        let each = entries / SEGMENTS;
        let each = each + 4 * each.isqrt();
        for segment in &mut self.segments {
            segment.reserve(each, |e| spread(e.hash()));
        }
    }

    fn segment(hash: u64) -> usize {
        (hash >> 56) as usize
    }

    pub(super) fn find(&self, hash: u64, eq: impl FnMut(&E) -> bool) -> Option<&E> {
        self.segments[Self::segment(hash)].find(spread(kept_hash(hash)), eq)
    }

    pub(super) fn find_mut(&mut self, hash: u64, eq: impl FnMut(&E) -> bool) -> Option<&mut E> {
        self.segments[Self::segment(hash)].find_mut(spread(kept_hash(hash)), eq)
    }

    /// The entry of that hash that `eq` takes, or the place where it belongs.
    pub(super) fn entry(&mut self, hash: u64, eq: impl FnMut(&E) -> bool) -> Entry<'_, E> {
        self.segments[Self::segment(hash)].entry(spread(kept_hash(hash)), eq, |e| spread(e.hash()))
    }

    pub(super) fn insert(&mut self, hash: u64, entry: E) {
        self.segments[Self::segment(hash)].insert_unique(spread(kept_hash(hash)), entry, |e| spread(e.hash()));
    }

    pub(super) fn remove(&mut self, hash: u64, eq: impl FnMut(&E) -> bool) {
        if let Ok(found) = self.segments[Self::segment(hash)].find_entry(spread(kept_hash(hash)), eq) {
            found.remove();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.segments.iter().map(|s| s.capacity() * (size_of::<E>() + 1)).sum()
    }
}
