//! Parsing COPY data as it comes, in pieces of any size.

use super::{CopyFormat, CopyKind};
use sluice_sql::{Result, SqlError};

/// Splits bytes into rows of fields.
pub(super) struct Rows {
    format: CopyFormat,
    width: usize,
    table: String,
    rest: Vec<u8>,
    skip_header: bool,
    pub(super) line: u64,
    ended: bool,
}

impl Rows {
    pub(super) fn new(format: CopyFormat, width: usize, table: String) -> Self {
        let skip_header = format.header;
        Self { format, width, table, rest: vec![], skip_header, line: 0, ended: false }
    }

    /// Takes more bytes and gives every whole row in them to `row`.
    pub(super) fn feed(&mut self, bytes: &[u8], mut row: impl FnMut(Vec<Option<String>>)) -> Result<()> {
        self.rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(end) = self.line_end(from) {
            let line = self.rest[from..end].to_vec();
            from = end + 1;
            self.take(&line, &mut row)?;
        }
        self.rest.drain(..from);
        Ok(())
    }

    /// The last row may lack its newline.
    pub(super) fn finish(&mut self, mut row: impl FnMut(Vec<Option<String>>)) -> Result<()> {
        let line = std::mem::take(&mut self.rest);
        if line.is_empty() {
            return Ok(());
        }
        if self.format.kind == CopyKind::Csv && self.open_quote(&line) {
            return Err(self.error("unterminated CSV quoted field"));
        }
        self.take(&line, &mut row)
    }

    /// The newline that ends the row at `from`; in CSV one within quotes belongs to the field.
    fn line_end(&self, from: usize) -> Option<usize> {
        if self.format.kind == CopyKind::Text {
            return self.rest[from..].iter().position(|&b| b == b'\n').map(|p| from + p);
        }
        let (mut quoted, mut at) = (false, from);
        while at < self.rest.len() {
            let b = self.rest[at];
            if quoted
                && b == self.format.escape
                && self.rest.get(at + 1) == Some(&self.format.quote)
                && self.format.escape != self.format.quote
            {
                at += 1;
            } else if b == self.format.quote {
                quoted = !quoted;
            } else if b == b'\n' && !quoted {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    fn open_quote(&self, line: &[u8]) -> bool {
        line.iter().filter(|b| **b == self.format.quote).count() % 2 == 1
    }

    fn take(&mut self, line: &[u8], row: &mut impl FnMut(Vec<Option<String>>)) -> Result<()> {
        self.line += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if std::mem::take(&mut self.skip_header) || self.ended {
            return Ok(());
        }
        if line == b"\\." {
            self.ended = true;
            return Ok(());
        }
        let text = std::str::from_utf8(line)
            .map_err(|_| self.coded("22021", "invalid byte sequence for encoding \"UTF8\""))?;
        let fields = match self.format.kind {
            CopyKind::Csv => self.csv(text)?,
            _ => self.text(text)?,
        };
        if fields.len() < self.width {
            return Err(self.error(&format!("missing data for column {}", fields.len() + 1)));
        }
        if fields.len() > self.width {
            return Err(self.error("extra data after last expected column"));
        }
        row(fields);
        Ok(())
    }

    pub(super) fn error(&self, message: &str) -> SqlError {
        self.coded("22P04", message)
    }

    fn coded(&self, code: &str, message: &str) -> SqlError {
        SqlError::new(code, message)
            .detail(format!("COPY {}, line {}", self.table, self.line))
            .hint("Nothing was loaded.")
    }

    fn text(&self, line: &str) -> Result<Vec<Option<String>>> {
        let delimiter = char::from(self.format.delimiter);
        let mut fields = vec![];
        let mut field = String::new();
        let mut raw_start = 0;
        let mut chars = line.char_indices();
        while let Some((at, c)) = chars.next() {
            if c == delimiter {
                fields.push(self.text_field(&line[raw_start..at], std::mem::take(&mut field)));
                raw_start = at + c.len_utf8();
            } else if c == '\\' {
                field.push(match chars.next().map(|(_, c)| c) {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('v') => '\u{b}',
                    Some(other) => other,
                    None => '\\',
                });
            } else {
                field.push(c);
            }
        }
        fields.push(self.text_field(&line[raw_start..], field));
        Ok(fields)
    }

    fn text_field(&self, raw: &str, field: String) -> Option<String> {
        (raw != self.format.null).then_some(field)
    }

    fn csv(&self, line: &str) -> Result<Vec<Option<String>>> {
        let (delimiter, quote, escape) =
            (char::from(self.format.delimiter), char::from(self.format.quote), char::from(self.format.escape));
        let mut fields = vec![];
        let (mut field, mut was_quoted, mut quoted) = (String::new(), false, false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            if quoted && c == escape && chars.peek() == Some(&quote) {
                field.push(quote);
                chars.next();
            } else if c == quote {
                quoted = !quoted;
                was_quoted = true;
            } else if c == delimiter && !quoted {
                let text = std::mem::take(&mut field);
                fields.push((was_quoted || text != self.format.null).then_some(text));
                was_quoted = false;
            } else {
                field.push(c);
            }
        }
        if quoted {
            return Err(self.error("unterminated CSV quoted field"));
        }
        fields.push((was_quoted || field != self.format.null).then_some(field));
        Ok(fields)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn parse(kind: CopyKind, width: usize, data: &str, piece: usize) -> Result<Vec<Vec<Option<String>>>> {
        let format = match kind {
            CopyKind::Csv => {
                CopyFormat { kind, header: true, null: String::new(), delimiter: b',', quote: b'"', escape: b'"' }
            }
            _ => CopyFormat { kind, header: false, null: "\\N".into(), delimiter: b'\t', quote: b'"', escape: b'"' },
        };
        let mut rows = Rows::new(format, width, "t".into());
        let mut out = vec![];
        for piece in data.as_bytes().chunks(piece) {
            rows.feed(piece, |r| out.push(r))?;
        }
        rows.finish(|r| out.push(r))?;
        Ok(out)
    }

    fn some(fields: &[&str]) -> Vec<Option<String>> {
        fields.iter().map(|f| if *f == "NULL" { None } else { Some(f.to_string()) }).collect()
    }

    #[test]
    fn pieces_of_any_size_give_the_same_rows() {
        let csv = "a,b\n1,\"x \"\"y\"\", z\"\n2,\r\n3,\"line\nbreak\"\n4,\"\"";
        let expected =
            vec![some(&["1", "x \"y\", z"]), some(&["2", "NULL"]), some(&["3", "line\nbreak"]), some(&["4", ""])];
        let text = "1\ta\\tb\n2\t\\N\n3\t\\\\N\n\\.\n";
        let expected_text = vec![some(&["1", "a\tb"]), some(&["2", "NULL"]), some(&["3", "\\N"])];
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(parse(CopyKind::Csv, 2, csv, piece).unwrap(), expected);
            assert_eq!(parse(CopyKind::Text, 2, text, piece).unwrap(), expected_text);
        }
    }

    #[test]
    fn a_short_row_names_its_line() {
        let error = parse(CopyKind::Text, 2, "1\ta\n2\n", 100).unwrap_err();
        assert_eq!((error.code.as_str(), error.detail.as_deref()), ("22P04", Some("COPY t, line 2")));
        assert_eq!(error.message, "missing data for column 2");
    }
}
