//! Rows that a query names itself: VALUES, or the one row of a SELECT without FROM. Delta rule: all of them in the
//! first step, nothing ever after.

use super::{Operator, Step};
use crate::{Delta, Result};
use sluice_zset::ZBatch;

/// See the module's page.
pub struct Constant {
    rows: ZBatch,
}

impl Constant {
    /// The rows that the first step emits.
    pub fn new(rows: ZBatch) -> Self {
        Self { rows }
    }
}

impl Operator for Constant {
    fn describe(&self) -> String {
        format!("{} constant rows", self.rows.len())
    }

    fn has_state(&self) -> bool {
        false
    }

    fn step(&mut self, _: &[&Delta], step: Step) -> Result<Delta> {
        Ok(if step.first { Delta::of(self.rows.clone()) } else { Delta::default() })
    }
}
