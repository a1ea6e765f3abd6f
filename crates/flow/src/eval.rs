//! Evaluating expressions so that one bad row costs that row alone.

use crate::{DataError, Result, row_text};
use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::physical_expr::PhysicalExpr;
use std::sync::Arc;

/// The values of some expressions over the rows that did not fail.
pub struct Evaluated {
    /// One column an expression, as long as `rows`.
    pub columns: Vec<ArrayRef>,
    /// Positions of the rows that did not fail; `None` when none failed.
    pub rows: Option<UInt32Array>,
    /// Positions of the rows that failed, and why.
    pub failed: Vec<(usize, DataError)>,
}

/// Evaluates `exprs` over `batch`. If that fails it is done again by bisection down to single rows, so that the
/// result does not depend on how a batch was cut (a conjunction may skip its right side for a whole batch).
pub fn evaluate(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Evaluated> {
    if let Ok(columns) = values(exprs, batch) {
        return Ok(Evaluated { columns, rows: None, failed: vec![] });
    }
    let mut good = vec![];
    let mut failed = vec![];
    bisect(exprs, batch, 0, batch.num_rows(), &mut good, &mut failed);
    let rows = UInt32Array::from(good);
    let kept = sluice_zset::gather(batch, &rows)?;
    // Every half of `kept` was evaluated without an error, but the whole never was.
    let columns = match values(exprs, &kept) {
        Ok(columns) => columns,
        Err(_) => row_by_row(exprs, &kept)?,
    };
    Ok(Evaluated { columns, rows: Some(rows), failed })
}

fn values(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> std::result::Result<Vec<ArrayRef>, DataFusionError> {
    let values = || exprs.iter().map(|e| e.evaluate(batch)?.into_array(batch.num_rows())).collect();
    // A function that panics over some row costs that row, as any other failure does.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(values)).unwrap_or_else(|_| {
        Err(DataFusionError::Execution("[XX000] a function panicked: this is a bug of it".to_string()))
    })
}

fn bisect(
    exprs: &[Arc<dyn PhysicalExpr>],
    batch: &RecordBatch,
    from: usize,
    len: usize,
    good: &mut Vec<u32>,
    failed: &mut Vec<(usize, DataError)>,
) {
    if len == 0 {
        return;
    }
    match values(exprs, &batch.slice(from, len)) {
        Ok(_) => good.extend(from as u32..(from + len) as u32),
        Err(e) if len == 1 => failed.push((from, data_error(&e, batch, from))),
        Err(_) => {
            let half = len / 2;
            bisect(exprs, batch, from, half, good, failed);
            bisect(exprs, batch, from + half, len - half, good, failed);
        }
    }
}

fn row_by_row(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let rows =
        (0..batch.num_rows()).map(|i| values(exprs, &batch.slice(i, 1))).collect::<std::result::Result<Vec<_>, _>>()?;
    let mut columns = vec![];
    for c in 0..exprs.len() {
        let parts: Vec<&dyn arrow::array::Array> = rows.iter().map(|r| r[c].as_ref()).collect();
        // A constant may fail even where there is no row.
        columns.push(match parts.as_slice() {
            [] => arrow::array::new_empty_array(&exprs[c].data_type(&batch.schema())?),
            parts => arrow::compute::concat(parts)?,
        });
    }
    Ok(columns)
}

/// An evaluation error as PostgreSQL would report it.
pub(crate) fn data_error(error: &DataFusionError, batch: &RecordBatch, row: usize) -> DataError {
    let (code, message) = classify_error(error);
    DataError { code: code.to_string(), message, row: row_text(batch, row) }
}

/// The SQLSTATE and message of an evaluation error. Messages that carry a SQLSTATE of their own begin with it in
/// brackets (`[22003] integer out of range`).
pub fn classify_error(error: &DataFusionError) -> (String, String) {
    let root = error.find_root();
    let text = match root {
        DataFusionError::ArrowError(e, _) => match e.as_ref() {
            ArrowError::DivideByZero => return ("22012".into(), "division by zero".into()),
            ArrowError::ArithmeticOverflow(_) => return ("22003".into(), "value out of range".into()),
            ArrowError::CastError(m) | ArrowError::ParseError(m) => return ("22P02".into(), m.clone()),
            ArrowError::ComputeError(m) if m.contains("overflow") => {
                return ("22003".into(), "value out of range".into());
            }
            ArrowError::InvalidArgumentError(m) | ArrowError::ComputeError(m) => m.clone(),
            other => other.to_string(),
        },
        DataFusionError::Execution(m) => m.clone(),
        other => other.to_string(),
    };
    match text.strip_prefix('[').and_then(|t| t.split_once("] ")) {
        Some((code, message)) if code.len() == 5 => (code.to_string(), message.to_string()),
        _ => ("22000".into(), text),
    }
}
