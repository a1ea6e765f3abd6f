//! What comes out of a view's operators while they are filled.

use arrow::datatypes::SchemaRef;
use sluice_flow::Delta;
use sluice_sql::Result;
use sluice_zset::{ZBatch, consolidate};

/// So many outputs of steps are put together.
const PARTS: usize = 64;

/// Outputs of steps, put together when as much came as there was.
pub(super) struct Gathered<'a> {
    schema: &'a SchemaRef,
    parts: Vec<ZBatch>,
    consolidated: usize,
    rows: usize,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(schema: &'a SchemaRef) -> Self {
        Self { schema, parts: vec![], consolidated: 0, rows: 0 }
    }

    pub(super) fn add(&mut self, delta: Delta) -> Result<()> {
        for rows in delta.rows.into_iter().filter(|r| !r.is_empty()) {
            self.rows += rows.len();
            self.parts.push(rows);
        }
        if self.parts.len() > PARTS && self.rows >= self.consolidated {
            let all = self.together()?;
            (self.consolidated, self.rows) = (all.len(), 0);
            self.parts = vec![all];
        }
        Ok(())
    }

    pub(super) fn together(&self) -> Result<ZBatch> {
        Ok(consolidate(&ZBatch::concat(self.schema, &self.parts)?)?)
    }
}
