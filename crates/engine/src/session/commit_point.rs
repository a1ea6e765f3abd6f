use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells whether a session's transaction has been handed in: it commits or fails then, and cannot be cancelled.
#[derive(Debug, Clone, Default)]
pub struct CommitPoint {
    passed: Arc<AtomicBool>,
}

impl CommitPoint {
    /// Whether the statement at hand has to be waited for.
    pub fn is_passed(&self) -> bool {
        self.passed.load(Ordering::SeqCst)
    }

    pub(super) fn pass(&self) {
        self.passed.store(true, Ordering::SeqCst);
    }

    pub(super) fn leave(&self) {
        self.passed.store(false, Ordering::SeqCst);
    }
}
