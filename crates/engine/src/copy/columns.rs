//! Rows of a COPY that wait to become columns of their table's types.

use crate::catalog::ColumnDef;
use arrow::array::{Array, ArrayRef, StringViewArray, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use sluice_sql::{Result, SqlError, SqlType, Zone, assign_column, assign_in_zone};
use std::sync::Arc;

/// Fields column by column, as the client sent them.
pub(super) enum Waiting {
    /// Fields of text and CSV.
    Text(Vec<Vec<Option<String>>>),
    /// Decoded fields of the binary format.
    Values(Vec<Vec<ScalarValue>>),
}

/// A field that is no value of its column: its row among those that wait, its column, and why.
pub(super) struct BadField {
    pub(super) row: Option<usize>,
    pub(super) column: usize,
    pub(super) error: SqlError,
}

impl Waiting {
    pub(super) fn text(columns: usize) -> Self {
        Self::Text(vec![vec![]; columns])
    }

    pub(super) fn values(columns: usize) -> Self {
        Self::Values(vec![vec![]; columns])
    }

    pub(super) fn push_text(&mut self, row: Vec<Option<String>>) {
        if let Self::Text(columns) = self {
            columns.iter_mut().zip(row).for_each(|(column, field)| column.push(field));
        }
    }

    pub(super) fn push_values(&mut self, row: Vec<ScalarValue>) {
        if let Self::Values(columns) = self {
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
    }

    /// Gives what waits as columns of the types of `defs`, and is empty then.
    pub(super) fn take(&mut self, defs: &[&ColumnDef], zone: Zone) -> std::result::Result<Vec<ArrayRef>, BadField> {
        let column = |at: usize, taken: std::result::Result<ArrayRef, (Option<usize>, SqlError)>| {
            taken.map_err(|(row, error)| BadField { row, column: at, error })
        };
        match self {
            Self::Text(columns) => {
                let columns = columns.iter_mut().zip(defs).enumerate();
                columns.map(|(at, (fields, def))| column(at, from_text(std::mem::take(fields), def, zone))).collect()
            }
            Self::Values(columns) => {
                let columns = columns.iter_mut().zip(defs).enumerate();
                columns.map(|(at, (values, def))| column(at, from_values(std::mem::take(values), def))).collect()
            }
        }
    }
}

fn from_text(
    fields: Vec<Option<String>>,
    def: &ColumnDef,
    zone: Zone,
) -> std::result::Result<ArrayRef, (Option<usize>, SqlError)> {
    let text: ArrayRef = Arc::new(StringViewArray::from_iter(fields));
    let bad_row = || (0..text.len()).find(|&i| assign_in_zone(&text.slice(i, 1), &def.ty, zone).is_err());
    assign_in_zone(&text, &def.ty, zone).map_err(|e| (bad_row(), e))
}

fn from_values(values: Vec<ScalarValue>, def: &ColumnDef) -> std::result::Result<ArrayRef, (Option<usize>, SqlError)> {
    let ty = def.ty.arrow();
    // Each number comes with the scale that it was sent with.
    if matches!(ty, DataType::Decimal128(_, _)) {
        let number = |(row, value): (usize, &ScalarValue)| decimal(value, &def.ty).map_err(|e| (Some(row), e));
        let numbers = values.iter().enumerate().map(number).collect::<std::result::Result<Vec<_>, _>>()?;
        let numbers: Vec<&dyn Array> = numbers.iter().map(|n| n.as_ref()).collect();
        return if numbers.is_empty() {
            Ok(new_empty_array(&ty))
        } else {
            concat(&numbers).map_err(|e| (None, e.into()))
        };
    }
    let column = ScalarValue::iter_to_array(values).map_err(|e| (None, e.into()))?;
    let bad_row = || (0..column.len()).find(|&i| assign_column(&column.slice(i, 1), &def.ty).is_err());
    assign_column(&column, &def.ty).map_err(|e| (bad_row(), e))
}

fn decimal(value: &ScalarValue, ty: &SqlType) -> Result<ArrayRef> {
    assign_column(&value.to_array()?, ty)
}
