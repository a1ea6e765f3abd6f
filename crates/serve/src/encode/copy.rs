//! Rows of COPY TO STDOUT, each in one CopyData message.

use crate::encode::Format;
use crate::encode::column::Column;
use crate::encode::row::message;
use bytes::{BufMut, BytesMut};
use sluice_engine::{CopyFormat, CopyKind, OutputColumn};
use sluice_sql::SqlError;

/// What a binary copy starts with: its mark, flags, and the length of an extension that nobody has.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Writes rows in the format that COPY asked for.
pub(crate) struct CopyWriter {
    format: CopyFormat,
    value: BytesMut,
    /// PostgreSQL sends the binary header in the same message as the first row, and clients rely on it.
    header_due: bool,
}

impl CopyWriter {
    pub(crate) fn new(format: CopyFormat) -> Self {
        let header_due = matches!(format.kind, CopyKind::Binary);
        Self { format, value: BytesMut::new(), header_due }
    }

    /// Writes what comes before the rows.
    pub(crate) fn start(&mut self, out: &mut BytesMut, columns: &[OutputColumn]) -> Result<(), SqlError> {
        if !self.format.header || self.header_due {
            return Ok(());
        }
        message(out, b'd', |out| {
            for (i, column) in columns.iter().enumerate() {
                self.delimit(out, i);
                self.escaped(out, column.name.as_bytes(), columns.len() == 1);
            }
            out.put_u8(b'\n');
            Ok(())
        })
    }

    /// Writes a row.
    pub(crate) fn row(&mut self, out: &mut BytesMut, columns: &[Column], row: usize) -> Result<(), SqlError> {
        let header_due = std::mem::take(&mut self.header_due);
        if matches!(self.format.kind, CopyKind::Binary) {
            return message(out, b'd', |out| {
                if header_due {
                    out.put_slice(BINARY_HEADER);
                }
                out.put_i16(columns.len() as i16);
                columns.iter().try_for_each(|column| column.cell(out, row, Format::Binary))
            });
        }
        let mut value = std::mem::take(&mut self.value);
        let written = message(out, b'd', |out| {
            for (i, column) in columns.iter().enumerate() {
                self.delimit(out, i);
                if column.is_null(row) {
                    out.put_slice(self.format.null.as_bytes());
                } else {
                    value.clear();
                    column.text(&mut value, row);
                    self.escaped(out, &value, columns.len() == 1);
                }
            }
            out.put_u8(b'\n');
            Ok(())
        });
        self.value = value;
        written
    }

    /// Writes what comes after the rows.
    pub(crate) fn end(&mut self, out: &mut BytesMut) -> Result<(), SqlError> {
        if !matches!(self.format.kind, CopyKind::Binary) {
            return Ok(());
        }
        let header_due = std::mem::take(&mut self.header_due);
        message(out, b'd', |out| {
            if header_due {
                out.put_slice(BINARY_HEADER);
            }
            out.put_i16(-1);
            Ok(())
        })
    }

    fn delimit(&self, out: &mut BytesMut, column: usize) {
        if column > 0 {
            out.put_u8(self.format.delimiter);
        }
    }

    fn escaped(&self, out: &mut BytesMut, value: &[u8], alone: bool) {
        match self.format.kind {
            CopyKind::Csv => self.csv(out, value, alone),
            CopyKind::Text | CopyKind::Binary => self.backslashed(out, value),
        }
    }

    fn backslashed(&self, out: &mut BytesMut, value: &[u8]) {
        let mut plain = 0;
        for (i, byte) in value.iter().enumerate() {
            let escape = match byte {
                0x08 => b'b',
                b'\t' => b't',
                b'\n' => b'n',
                0x0b => b'v',
                0x0c => b'f',
                b'\r' => b'r',
                b'\\' => b'\\',
                b if *b == self.format.delimiter => *b,
                _ => continue,
            };
            out.put_slice(&value[plain..i]);
            out.put_slice(&[b'\\', escape]);
            plain = i + 1;
        }
        out.put_slice(&value[plain..]);
    }

    fn csv(&self, out: &mut BytesMut, value: &[u8], alone: bool) {
        let CopyFormat { delimiter, quote, escape, .. } = self.format;
        let special = |b: &u8| *b == delimiter || *b == quote || matches!(b, b'\n' | b'\r');
        // `\.` alone on a line would end the data.
        let quoted = value == self.format.null.as_bytes() || (alone && value == b"\\.") || value.iter().any(special);
        if !quoted {
            return out.put_slice(value);
        }
        out.put_u8(quote);
        for byte in value {
            if *byte == quote || *byte == escape {
                out.put_u8(escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(quote);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use sluice_sql::SqlType;
    use sluice_sql::Zone;
    use std::sync::Arc;

    fn copied(kind: CopyKind, header: bool, values: &[Option<&str>]) -> Vec<Vec<u8>> {
        let (delimiter, null) = match kind {
            CopyKind::Csv => (b',', ""),
            _ => (b'\t', "\\N"),
        };
        let format = CopyFormat { kind, header, null: null.into(), delimiter, quote: b'"', escape: b'"' };
        let named = OutputColumn { name: "a,b".into(), ty: SqlType::Text };
        let columns: Vec<_> = values
            .iter()
            .map(|v| Column::new(&SqlType::Text, &(Arc::new(StringArray::from(vec![*v])) as ArrayRef), Zone::Utc))
            .collect::<Result<_, _>>()
            .expect("columns");
        let (mut out, mut writer) = (BytesMut::new(), CopyWriter::new(format));
        writer.start(&mut out, &[named]).expect("a start");
        writer.row(&mut out, &columns, 0).expect("a row");
        writer.end(&mut out).expect("an end");
        let mut messages = Vec::new();
        while out.len() > 5 {
            let length = i32::from_be_bytes([out[1], out[2], out[3], out[4]]) as usize;
            messages.push(out.split_to(length + 1)[5..].to_vec());
        }
        messages
    }

    #[test]
    fn text_escapes_what_would_end_a_field() {
        let rows = copied(CopyKind::Text, true, &[Some("a\tb\\c\nd"), None, Some(""), Some("\u{8}ü")]);
        assert_eq!(rows, [b"a,b\n".to_vec(), "a\\tb\\\\c\\nd\t\\N\t\t\\bü\n".as_bytes().to_vec()]);
    }

    #[test]
    fn csv_quotes_what_would_be_read_otherwise() {
        let rows = copied(CopyKind::Csv, true, &[Some("say \"x\", y"), None, Some(""), Some("plain")]);
        assert_eq!(rows, [b"\"a,b\"\n".to_vec(), b"\"say \"\"x\"\", y\",,\"\",plain\n".to_vec()]);
        assert_eq!(copied(CopyKind::Csv, false, &[Some("\\.")]), [b"\"\\.\"\n".to_vec()]);
    }

    #[test]
    fn binary_has_its_header_with_the_first_row() {
        let rows = copied(CopyKind::Binary, false, &[Some("x"), None]);
        let mut first = BINARY_HEADER.to_vec();
        first.extend_from_slice(b"\0\x02\0\0\0\x01x\xff\xff\xff\xff");
        assert_eq!(rows, [first, vec![0xff, 0xff]]);
    }
}
