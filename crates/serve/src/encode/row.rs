//! A batch as DataRow messages.

use crate::encode::Format;
use crate::encode::column::Column;
use arrow::array::RecordBatch;
use bytes::{BufMut, BytesMut};
use sluice_engine::OutputColumn;
use sluice_sql::SqlError;
use sluice_sql::Zone;

/// A batch of which some rows may have been sent.
pub(crate) struct Rows {
    columns: Vec<Column>,
    next: usize,
    count: usize,
}

impl Rows {
    /// Downcasts the columns of a batch.
    pub(crate) fn new(columns: &[OutputColumn], batch: &RecordBatch, zone: Zone) -> Result<Self, SqlError> {
        if columns.len() != batch.num_columns() {
            let (named, there) = (columns.len(), batch.num_columns());
            return Err(SqlError::internal(format!("a result of {named} columns has a batch of {there}")));
        }
        let columns =
            columns.iter().zip(batch.columns()).map(|(c, a)| Column::new(&c.ty, a, zone)).collect::<Result<_, _>>()?;
        Ok(Self { columns, next: 0, count: batch.num_rows() })
    }

    /// Whether all rows have been taken.
    pub(crate) fn is_done(&self) -> bool {
        self.next == self.count
    }

    /// The next row's number, which is then taken, and the columns.
    pub(crate) fn take(&mut self) -> Option<(&[Column], usize)> {
        let row = self.next;
        if row == self.count {
            return None;
        }
        self.next += 1;
        Some((&self.columns, row))
    }

    /// Writes up to `limit` rows, fewer once the output holds `fill` bytes; returns how many.
    pub(crate) fn write(
        &mut self,
        out: &mut BytesMut,
        formats: &[Format],
        limit: u64,
        fill: usize,
    ) -> Result<u64, SqlError> {
        let mut written = 0;
        while written < limit && out.len() < fill {
            let Some((columns, row)) = self.take() else { break };
            data_row(out, columns, row, formats)?;
            written += 1;
        }
        Ok(written)
    }
}

fn data_row(out: &mut BytesMut, columns: &[Column], row: usize, formats: &[Format]) -> Result<(), SqlError> {
    message(out, b'D', |out| {
        out.put_i16(columns.len() as i16);
        columns.iter().zip(formats).try_for_each(|(column, format)| column.cell(out, row, *format))
    })
}

/// Appends a message of this kind with its length; nothing of it if its body fails.
pub(crate) fn message(
    out: &mut BytesMut,
    kind: u8,
    body: impl FnOnce(&mut BytesMut) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let start = out.len();
    out.put_u8(kind);
    out.put_i32(0);
    let too_large = |_| SqlError::new("54000", "a row is too large to be sent");
    match body(out).and_then(|()| i32::try_from(out.len() - start - 1).map_err(too_large)) {
        Ok(length) => {
            out[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int32Array, StringArray};
    use sluice_sql::SqlType;
    use std::sync::Arc;

    fn rows(values: ArrayRef, ty: SqlType) -> Rows {
        let batch = RecordBatch::try_from_iter([("c", values)]).expect("a batch");
        Rows::new(&[OutputColumn { name: "c".into(), ty }], &batch, Zone::Utc).expect("rows")
    }

    #[test]
    fn rows_are_messages_and_limits_stop_them() {
        let mut rows = rows(Arc::new(Int32Array::from(vec![Some(7), None, Some(9)])), SqlType::Int4);
        let mut out = BytesMut::new();
        assert_eq!(rows.write(&mut out, &[Format::Text], 2, usize::MAX), Ok(2));
        assert_eq!(&out[..], b"D\0\0\0\x0b\0\x01\0\0\0\x017D\0\0\0\x0a\0\x01\xff\xff\xff\xff");
        assert!(!rows.is_done());
        out.clear();
        assert_eq!(rows.write(&mut out, &[Format::Binary], 9, usize::MAX), Ok(1));
        assert_eq!(&out[..], b"D\0\0\0\x0e\0\x01\0\0\0\x04\0\0\0\x09");
        assert!(rows.is_done());
    }

    #[test]
    fn a_full_output_stops_rows() {
        let mut rows = rows(Arc::new(Int32Array::from(vec![1, 2, 3])), SqlType::Int4);
        let mut out = BytesMut::new();
        assert_eq!(rows.write(&mut out, &[Format::Text], u64::MAX, 1), Ok(1));
        assert_eq!(rows.write(&mut out, &[Format::Text], u64::MAX, 1), Ok(0));
    }

    #[test]
    fn a_value_that_fails_leaves_no_half_message() {
        let mut rows = rows(Arc::new(StringArray::from(vec!["no oid"])), SqlType::Regclass);
        let mut out = BytesMut::new();
        let error = rows.write(&mut out, &[Format::Binary], 1, usize::MAX).expect_err("refused");
        assert_eq!(error.code, "0A000");
        assert!(out.is_empty());
    }
}
