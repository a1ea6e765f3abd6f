//! A vector with one entry a group, whose changes can be taken back.

/// Remembers the first value that each change replaces since the last commit.
pub(super) struct Staged<T> {
    values: Vec<T>,
    undo: Vec<(u32, T)>,
}

impl<T: Clone + Default> Staged<T> {
    pub(super) fn new() -> Self {
        Self { values: vec![], undo: vec![] }
    }

    pub(super) fn resize(&mut self, groups: usize) {
        if self.values.len() < groups {
            self.values.resize(groups, T::default());
        }
    }

    pub(super) fn get(&self, group: u32) -> &T {
        &self.values[group as usize]
    }

    pub(super) fn set(&mut self, group: u32, value: T) {
        let old = std::mem::replace(&mut self.values[group as usize], value);
        self.undo.push((group, old));
    }

    pub(super) fn commit(&mut self) {
        self.undo.clear();
    }

    pub(super) fn abort(&mut self) {
        while let Some((group, old)) = self.undo.pop() {
            self.values[group as usize] = old;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>()
    }
}
