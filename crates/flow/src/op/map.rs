//! Filter and projection. Delta rule: `d(f(A)) = f(dA)`, for both are linear. No state. A filter keeps a row
//! whose predicate is true; false and NULL go. Weights pass through. A row on which an expression fails leaves
//! the rows and enters the errors.

use super::{Operator, Step};
use crate::{Delta, Result, evaluate};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use sluice_zset::ZBatch;
use std::sync::Arc;

/// Keeps the rows that pass every predicate, then computes one column an expression.
pub struct Map {
    predicates: Vec<Arc<dyn PhysicalExpr>>,
    project: Option<(Vec<Arc<dyn PhysicalExpr>>, SchemaRef)>,
}

impl Map {
    /// A filter alone.
    pub fn filter(predicates: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Self { predicates, project: None }
    }

    /// Predicates over the input, then expressions over what passed; `schema` is the output's.
    pub fn new(predicates: Vec<Arc<dyn PhysicalExpr>>, exprs: Vec<Arc<dyn PhysicalExpr>>, schema: SchemaRef) -> Self {
        Self { predicates, project: Some((exprs, schema)) }
    }

    fn apply(&self, input: &ZBatch, out: &mut Delta) -> Result<()> {
        let mut rows = input.clone();
        for predicate in &self.predicates {
            rows = keep(predicate, &rows, out)?;
            if rows.is_empty() {
                return Ok(());
            }
        }
        if let Some((exprs, schema)) = &self.project {
            rows = project(exprs, schema, &rows, out)?;
        }
        out.push(rows);
        Ok(())
    }
}

impl Operator for Map {
    fn describe(&self) -> String {
        let list = |exprs: &[Arc<dyn PhysicalExpr>]| exprs.iter().map(|e| e.to_string()).collect::<Vec<_>>();
        match &self.project {
            None => format!("filter {}", list(&self.predicates).join(" AND ")),
            Some((exprs, _)) if self.predicates.is_empty() => format!("project {}", list(exprs).join(", ")),
            Some((exprs, _)) => {
                format!("filter {} project {}", list(&self.predicates).join(" AND "), list(exprs).join(", "))
            }
        }
    }

    fn has_state(&self) -> bool {
        false
    }

    fn step(&mut self, inputs: &[&Delta], _: Step) -> Result<Delta> {
        let mut out = Delta::default();
        for rows in &inputs[0].rows {
            self.apply(rows, &mut out)?;
        }
        out.inherit(&inputs[0].errors);
        Ok(out)
    }
}

/// Puts the rows of `input` that failed into the errors of `out` and returns the others with their columns.
pub(crate) fn succeed(
    exprs: &[Arc<dyn PhysicalExpr>],
    input: &ZBatch,
    out: &mut Delta,
) -> Result<(Vec<arrow::array::ArrayRef>, ZBatch)> {
    let evaluated = evaluate(exprs, input.rows())?;
    for (row, error) in evaluated.failed {
        out.fail(error, input.weight(row));
    }
    let rest = match &evaluated.rows {
        None => input.clone(),
        Some(rows) => input.take(rows)?,
    };
    Ok((evaluated.columns, rest))
}

fn keep(predicate: &Arc<dyn PhysicalExpr>, input: &ZBatch, out: &mut Delta) -> Result<ZBatch> {
    let (columns, rest) = succeed(std::slice::from_ref(predicate), input, out)?;
    Ok(rest.filter(&truth(columns[0].as_boolean()))?)
}

/// NULL is not true.
pub(crate) fn truth(mask: &BooleanArray) -> BooleanArray {
    use arrow::array::Array;
    if mask.null_count() == 0 { mask.clone() } else { prep_null_mask_filter(mask) }
}

fn project(exprs: &[Arc<dyn PhysicalExpr>], schema: &SchemaRef, input: &ZBatch, out: &mut Delta) -> Result<ZBatch> {
    let (columns, rest) = succeed(exprs, input, out)?;
    let rows: RecordBatch = sluice_zset::with_row_count(SchemaRef::clone(schema), columns, rest.len())?;
    Ok(rest.map_rows(rows))
}
