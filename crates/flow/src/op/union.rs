//! UNION ALL. Delta rule: `d(A + B) = dA + dB`. No state; weights add up, NULLs mean nothing to it.

use super::{Operator, Step};
use crate::{Delta, Result};
use arrow::datatypes::SchemaRef;

/// Adds its inputs, column by column.
pub struct Union {
    schema: SchemaRef,
}

impl Union {
    /// Every input must have the types of `schema`; its names are used.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema }
    }
}

impl Operator for Union {
    fn describe(&self) -> String {
        "union all".into()
    }

    fn has_state(&self) -> bool {
        false
    }

    fn step(&mut self, inputs: &[&Delta], _: Step) -> Result<Delta> {
        let mut out = Delta::default();
        for input in inputs {
            for rows in &input.rows {
                let columns = rows.rows().columns().to_vec();
                let named = sluice_zset::with_row_count(SchemaRef::clone(&self.schema), columns, rows.len())?;
                out.push(rows.map_rows(named));
            }
            out.inherit(&input.errors);
        }
        Ok(out)
    }
}
