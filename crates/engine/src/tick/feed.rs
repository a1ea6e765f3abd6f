//! Stored rows on their way into a view's operators, a bounded portion at a time.

use super::graph::plain;
use crate::catalog::Catalog;
use crate::read::{BoundTable, ReadView};
use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;
use sluice_flow::Delta;
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, with_row_count};

/// Rows that a step takes at once.
const PORTION: usize = 1 << 17;

/// Where a circuit's rows come from.
pub(super) struct Feed<'a> {
    pub(super) view: &'a ReadView,
    pub(super) catalog: &'a Catalog,
    /// The tables behind the circuit's sources.
    pub(super) sources: &'a [i64],
    /// The columns of each source that its operators use; `None` reads all.
    pub(super) used: Option<&'a [Vec<usize>]>,
}

impl Feed<'_> {
    /// Calls `step` with portions of one source each, small tables first, so that what a large one is joined with is
    /// in place by then.
    pub(super) fn each(&self, mut step: impl FnMut(&[Delta]) -> Result<()>) -> Result<()> {
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        order.sort_by_key(|&s| self.view.version.tables.get(&self.sources[s]).map_or(0, |t| t.live_rows()));
        for s in order {
            let mut deltas = vec![Delta::default(); self.sources.len()];
            let mut rows = 0;
            for batch in self.batches(s)? {
                let batch = batch?;
                rows += batch.len();
                deltas[s].push(batch);
                if rows >= PORTION {
                    step(&deltas)?;
                    deltas[s].rows.clear();
                    rows = 0;
                }
            }
            if rows > 0 {
                step(&deltas)?;
            }
        }
        Ok(())
    }

    fn batches(&self, source: usize) -> Result<impl Iterator<Item = Result<ZBatch>>> {
        let id = self.sources[source];
        let def = self.catalog.by_id(id).ok_or_else(|| SqlError::internal("a table is gone"))?;
        let schema = def.arrow();
        let all = || (0..schema.fields().len()).collect();
        let used = self.used.map_or_else(all, |u| u[source].clone());
        let table = BoundTable {
            schema: SchemaRef::clone(&schema),
            table: self.view.version.tables.get(&id).cloned(),
            staged: self.view.staged.get(&id).cloned(),
            row_ids: false,
            lookup: None,
        };
        let batches = table.scan(&used)?;
        Ok(batches.map(move |b| plain(&ZBatch::new(widened(&b?, &used, &schema)?))))
    }
}

/// The columns `used` in their places, NULLs in the others: operators find columns by position.
fn widened(rows: &RecordBatch, used: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
    if used.len() == schema.fields().len() {
        return Ok(rows.clone());
    }
    let fields: Vec<_> = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    let column = |(i, field): (usize, &arrow::datatypes::FieldRef)| -> ArrayRef {
        match used.iter().position(|&u| u == i) {
            Some(at) => ArrayRef::clone(rows.column(at)),
            None => new_null_array(field.data_type(), rows.num_rows()),
        }
    };
    let columns = schema.fields().iter().enumerate().map(column).collect();
    let nullable = std::sync::Arc::new(arrow::datatypes::Schema::new(fields));
    Ok(with_row_count(nullable, columns, rows.num_rows())?)
}
