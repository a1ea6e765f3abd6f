use crate::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sluice_zset::{ZBatch, consolidate};
use std::collections::BTreeMap;

/// An expression that failed on a row: data, with a weight of its own, so that it goes when the row goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataError {
    /// PostgreSQL's SQLSTATE.
    pub code: String,
    /// What happened, as PostgreSQL words it.
    pub message: String,
    /// The row that it happened on, as text.
    pub row: String,
}

/// Failing rows and how often each fails.
pub type Errors = BTreeMap<DataError, i64>;

/// A change: rows that appear and go, and errors that appear and go.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    /// Changed rows; equal rows may stand in it more than once until it is consolidated.
    pub rows: Vec<ZBatch>,
    /// Changed errors.
    pub errors: Errors,
}

impl Delta {
    /// A change of rows alone.
    pub fn of(rows: ZBatch) -> Self {
        Self { rows: vec![rows], errors: Errors::new() }
    }

    /// Nothing changes.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.rows.iter().all(ZBatch::is_empty)
    }

    /// Adds rows, if there are any.
    pub fn push(&mut self, rows: ZBatch) {
        if !rows.is_empty() {
            self.rows.push(rows);
        }
    }

    /// Adds `weight` to an error.
    pub fn fail(&mut self, error: DataError, weight: i64) {
        let sum = self.errors.entry(error).or_insert(0);
        *sum += weight;
    }

    /// Adds the errors of an input to those of this output.
    pub fn inherit(&mut self, errors: &Errors) {
        for (error, weight) in errors {
            self.fail(error.clone(), *weight);
        }
        self.errors.retain(|_, weight| *weight != 0);
    }

    /// The rows as one batch in which every row stands once.
    pub fn consolidated(&self, schema: &SchemaRef) -> Result<ZBatch> {
        let all = ZBatch::concat(schema, &self.rows)?;
        Ok(consolidate(&all)?)
    }
}

/// A row as users see it in messages: `(7, seven, null)`.
pub fn row_text(rows: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let columns = rows.columns().iter().map(|c| match ArrayFormatter::try_new(c, &options) {
        Ok(f) => f.value(row).to_string(),
        Err(_) => "?".to_string(),
    });
    format!("({})", columns.collect::<Vec<_>>().join(", "))
}
