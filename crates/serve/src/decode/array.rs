//! Arrays as parameters: `{a,NULL,"b c"}` and the binary format. More than one dimension becomes lists of lists.

use crate::decode::{binary, null, numeric, text};
use datafusion::common::ScalarValue;
use sluice_sql::Zone;
use sluice_sql::{SqlError, SqlType};

/// As in PostgreSQL.
const MAX_DIMENSIONS: usize = 6;

/// Reads the text format.
pub(crate) fn parse(element: &SqlType, text: &str, zone: Zone) -> Result<ScalarValue, SqlError> {
    let malformed = || SqlError::new("22P02", format!("malformed array literal: \"{text}\""));
    let mut parser = Parser { rest: text.trim(), element, zone, items: Vec::new(), sizes: Vec::new() };
    // Bounds that do not start at one, `[2:3]={1,2}`, have no place in a list.
    parser.dimension(0)?.ok_or_else(malformed)?;
    if !parser.rest.is_empty() {
        return Err(malformed());
    }
    let sizes: Vec<usize> = parser.sizes.iter().map(|size| size.unwrap_or(0)).collect();
    build(element, parser.items, &sizes)
}

struct Parser<'a> {
    rest: &'a str,
    element: &'a SqlType,
    zone: Zone,
    items: Vec<ScalarValue>,
    /// The number of elements in each dimension, once a list of it has been read.
    sizes: Vec<Option<usize>>,
}

impl Parser<'_> {
    /// Reads `{...}`; `None` if that is malformed.
    fn dimension(&mut self, depth: usize) -> Result<Option<()>, SqlError> {
        let Some(rest) = self.rest.strip_prefix('{') else { return Ok(None) };
        if depth == MAX_DIMENSIONS {
            return Err(SqlError::new(
                "54000",
                format!("number of array dimensions exceeds the maximum allowed ({depth})"),
            ));
        }
        if self.sizes.len() == depth {
            // Elements that stand outside of this list have no place.
            if !self.items.is_empty() {
                return Ok(None);
            }
            self.sizes.push(None);
        }
        self.rest = rest.trim_start();
        let mut count = 0;
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest.trim_start();
            return Ok(self.close(depth, count));
        }
        loop {
            let read = if self.rest.starts_with('{') { self.dimension(depth + 1)? } else { self.item(depth)? };
            if read.is_none() {
                return Ok(None);
            }
            count += 1;
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest.trim_start();
            } else if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest.trim_start();
                return Ok(self.close(depth, count));
            } else {
                return Ok(None);
            }
        }
    }

    /// Lists of one dimension have the same size.
    fn close(&mut self, depth: usize, count: usize) -> Option<()> {
        let size = self.sizes.get_mut(depth)?;
        (*size.get_or_insert(count) == count).then_some(())
    }

    fn item(&mut self, depth: usize) -> Result<Option<()>, SqlError> {
        // Elements stand in the innermost lists only.
        if self.sizes.len() != depth + 1 {
            return Ok(None);
        }
        let quoted = self.rest.starts_with('"');
        let Some(content) = (if quoted { self.quoted() } else { self.unquoted() }) else { return Ok(None) };
        let item = if !quoted && content.eq_ignore_ascii_case("NULL") {
            null(self.element)?
        } else {
            text::value(self.element, &content, self.zone)?
        };
        self.items.push(item);
        Ok(Some(()))
    }

    fn quoted(&mut self) -> Option<String> {
        let mut content = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        loop {
            match chars.next()? {
                (at, '"') => {
                    self.rest = &self.rest[at + 1..];
                    return Some(content);
                }
                (_, '\\') => content.push(chars.next()?.1),
                (_, c) => content.push(c),
            }
        }
    }

    fn unquoted(&mut self) -> Option<String> {
        let mut content = String::new();
        let mut chars = self.rest.char_indices();
        // Blanks at the end do not belong to the element unless they are escaped.
        let mut kept = 0;
        loop {
            match chars.next()? {
                (at, ',' | '}') => {
                    self.rest = &self.rest[at..];
                    content.truncate(kept);
                    return (!content.is_empty()).then_some(content);
                }
                (_, '"' | '{') => return None,
                (_, '\\') => {
                    content.push(chars.next()?.1);
                    kept = content.len();
                }
                (_, c) => {
                    content.push(c);
                    if !c.is_ascii_whitespace() {
                        kept = content.len();
                    }
                }
            }
        }
    }
}

/// Reads the binary format.
pub(crate) fn read(element: &SqlType, bytes: &[u8]) -> Result<ScalarValue, SqlError> {
    let mut rest = bytes;
    let malformed = || binary::malformed(&SqlType::Array(Box::new(element.clone())));
    let int = |rest: &mut &[u8]| -> Result<i32, SqlError> {
        let (first, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        *rest = after;
        Ok(i32::from_be_bytes(*first))
    };
    let dimensions = usize::try_from(int(&mut rest)?).map_err(|_| malformed())?;
    int(&mut rest)?;
    let oid = int(&mut rest)?.cast_unsigned();
    if dimensions > MAX_DIMENSIONS {
        return Err(malformed());
    }
    // The element type that the client names may be a cousin: text for varchar, int4 for int8.
    let element_sent = match SqlType::from_oid(oid) {
        Some(sent) if oid != element.oid() => sent,
        Some(_) => element.clone(),
        None => return Err(SqlError::new("42704", format!("type with OID {oid} does not exist"))),
    };
    let mut sizes = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        sizes.push(usize::try_from(int(&mut rest)?).map_err(|_| malformed())?);
        int(&mut rest)?;
    }
    let count =
        sizes.iter().try_fold(usize::from(dimensions > 0), |n, size| n.checked_mul(*size)).ok_or_else(malformed)?;
    // Each element has a length of four bytes at least, so that a count that lies is found before memory is taken.
    if count > rest.len() / 4 {
        return Err(malformed());
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(match int(&mut rest)? {
            -1 => null(&element_sent)?,
            length => {
                let length = usize::try_from(length).map_err(|_| malformed())?;
                let (value, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
                rest = after;
                binary::value(&element_sent, value)?
            }
        });
    }
    if rest.is_empty() { build(&element_sent, items, &sizes) } else { Err(malformed()) }
}

/// Makes lists of the elements of all dimensions, which stand one after another.
fn build(element: &SqlType, items: Vec<ScalarValue>, sizes: &[usize]) -> Result<ScalarValue, SqlError> {
    let mut items = if matches!(element, SqlType::Numeric(_)) { numeric::same_scale(items)? } else { items };
    let mut ty = match items.first() {
        Some(item) => item.data_type(),
        None => null(element)?.data_type(),
    };
    if items.is_empty() {
        return Ok(ScalarValue::List(ScalarValue::new_list_nullable(&[], &ty)));
    }
    for size in sizes.iter().skip(1).rev() {
        items = items.chunks(*size).map(|c| ScalarValue::List(ScalarValue::new_list_nullable(c, &ty))).collect();
        ty = items.first().map_or(ty, ScalarValue::data_type);
    }
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&items, &ty)))
}
