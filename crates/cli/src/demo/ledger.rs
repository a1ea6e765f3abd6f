//! What the server acknowledged, for comparing it with what is there after a crash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Default, Clone)]
pub(crate) struct Entries {
    /// Ids of orders whose INSERT was acknowledged.
    pub(crate) acknowledged: Vec<u64>,
    /// INSERTs that were sent and never answered.
    pub(crate) in_doubt: u64,
    /// Acknowledged changed rows of each bronze table.
    pub(crate) changes: HashMap<&'static str, u64>,
    /// Statements that the server refused, and the first refusal.
    pub(crate) refused: u64,
    pub(crate) refusal: Option<String>,
}

impl Ledger {
    pub(crate) fn inserted(&self, ids: &[u64]) {
        self.with(|e| e.acknowledged.extend(ids));
        self.changed("orders", ids.len() as u64);
    }

    pub(crate) fn changed(&self, table: &'static str, rows: u64) {
        self.with(|e| *e.changes.entry(table).or_default() += rows);
    }

    /// An INSERT whose connection ended before its answer.
    pub(crate) fn in_doubt(&self, rows: u64) {
        self.with(|e| e.in_doubt += rows);
    }

    pub(crate) fn refused(&self, reason: String) {
        self.with(|e| {
            e.refused += 1;
            e.refusal.get_or_insert(reason);
        });
    }

    pub(crate) fn entries(&self) -> Entries {
        self.with(|e| e.clone())
    }

    /// Changed rows so far, of one table.
    pub(crate) fn changes(&self, table: &str) -> u64 {
        self.with(|e| e.changes.get(table).copied().unwrap_or(0))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Entries) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
