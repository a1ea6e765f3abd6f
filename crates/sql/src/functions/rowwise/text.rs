//! Functions of text.

use super::{Cell, Spec, Ty, int, spec, text};
use crate::{Result, SqlError};

pub(super) const SPECS: &[Spec] = &[
    spec("format", &[Ty::Text, Ty::Any], Ty::Text, formatted).optional(1).repeats().nulls(),
    spec("quote_literal", &[Ty::Any], Ty::Text, |c| Ok(Cell::Text(literal(text(c, 0))))),
    spec("quote_nullable", &[Ty::Any], Ty::Text, |c| Ok(Cell::Text(nullable(&c[0])))).nulls(),
    spec("quote_ident", &[Ty::Text], Ty::Text, |c| Ok(Cell::Text(identifier(text(c, 0))))),
    spec("chr", &[Ty::Int4], Ty::Text, chr),
    spec("to_hex", &[Ty::Int4], Ty::Text, |c| Ok(Cell::Text(format!("{:x}", int(c, 0) as i32)))),
    spec("to_hex", &[Ty::Int8], Ty::Text, |c| Ok(Cell::Text(format!("{:x}", int(c, 0))))),
    spec("upper", &[Ty::Text], Ty::Text, |c| Ok(Cell::Text(text(c, 0).chars().map(upper).collect()))),
    spec("lower", &[Ty::Text], Ty::Text, |c| Ok(Cell::Text(text(c, 0).chars().map(lower).collect()))),
    spec("initcap", &[Ty::Text], Ty::Text, |c| Ok(Cell::Text(initcap(text(c, 0))))),
    spec("encode", &[Ty::Bytes, Ty::Text], Ty::Text, encode),
    spec("decode", &[Ty::Text, Ty::Text], Ty::Bytes, decode),
    spec("split_part", &[Ty::Text, Ty::Text, Ty::Int4], Ty::Text, split_part),
];

/// One character for one: what becomes several stays, as in PostgreSQL.
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    upper.next().filter(|_| upper.next().is_none()).unwrap_or(c)
}

fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    lower.next().filter(|_| lower.next().is_none()).unwrap_or(c)
}

fn initcap(text: &str) -> String {
    let mut inside = false;
    let each = text.chars().map(|c| {
        let shown = if inside { lower(c) } else { upper(c) };
        inside = c.is_alphanumeric();
        shown
    });
    each.collect()
}

fn chr(cells: &[Cell]) -> Result<Cell> {
    match int(cells, 0) {
        0 => Err(SqlError::new("54000", "null character not permitted")),
        code @ ..0 => Err(SqlError::new("54000", format!("character number must be positive, not {code}"))),
        code => {
            let c = u32::try_from(code).ok().and_then(char::from_u32);
            let c = c.ok_or_else(|| SqlError::new("54000", "requested character not valid for encoding"))?;
            Ok(Cell::Text(c.to_string()))
        }
    }
}

fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''").replace('\\', "\\\\");
    if text.contains('\\') { format!("E'{doubled}'") } else { format!("'{doubled}'") }
}

fn nullable(cell: &Cell) -> String {
    if let Cell::Text(text) = cell { literal(text) } else { "NULL".into() }
}

fn identifier(name: &str) -> String {
    use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, Keyword, RESERVED_FOR_COLUMN_ALIAS};
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let keyword = ALL_KEYWORDS.binary_search(&name.to_uppercase().as_str()).map(|at| ALL_KEYWORDS_INDEX[at]);
    let more =
        ["table", "user", "column", "default", "check", "primary", "references", "unique", "case", "cast", "null"];
    let reserved = keyword.is_ok_and(|k: Keyword| RESERVED_FOR_COLUMN_ALIAS.contains(&k)) || more.contains(&name);
    if plain && !reserved { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `%[position$][-][width]type`: s, I, L and %.
fn formatted(cells: &[Cell]) -> Result<Cell> {
    let Cell::Text(pattern) = &cells[0] else { return Ok(Cell::Null) };
    let args = &cells[1..];
    let invalid = |message: &str| SqlError::new("22023", message);
    let mut chars = pattern.chars().peekable();
    let (mut out, mut next) = (String::new(), 0);
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut number = digits(&mut chars);
        let mut at = None;
        if let (Some(n), Some('$')) = (number, chars.peek()) {
            chars.next();
            if n == 0 {
                return Err(invalid("format specifies argument 0, but arguments are numbered from 1"));
            }
            at = Some(n - 1);
            number = None;
        }
        let mut left = false;
        while number.is_none() && chars.peek() == Some(&'-') {
            chars.next();
            left = true;
        }
        let mut width = number.or_else(|| digits(&mut chars)).unwrap_or(0) as i64;
        if chars.peek() == Some(&'*') {
            chars.next();
            let which = match digits(&mut chars) {
                Some(n) if chars.next_if_eq(&'$').is_some() => n.saturating_sub(1),
                _ => {
                    next += 1;
                    next - 1
                }
            };
            let given = args.get(which).ok_or_else(|| invalid("too few arguments for format()"))?;
            width =
                if let Cell::Text(n) = given { n.trim().parse().map_err(|_| invalid("invalid width"))? } else { 0 };
        }
        let kind = chars.next().ok_or_else(|| invalid("unterminated format() type specifier"))?;
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(invalid(&format!("unrecognized format() type specifier \"{kind}\"")));
        }
        let which = at.unwrap_or(next);
        next = which + 1;
        let value = args.get(which).ok_or_else(|| invalid("too few arguments for format()"))?;
        let shown = match (kind, value) {
            ('s', Cell::Text(text)) => text.clone(),
            ('s', _) => String::new(),
            ('L', value) => nullable(value),
            (_, Cell::Text(text)) => identifier(text),
            _ => return Err(SqlError::new("22004", "null values cannot be formatted as an SQL identifier")),
        };
        let blanks = " ".repeat((width.unsigned_abs() as usize).min(1 << 24).saturating_sub(shown.chars().count()));
        if left || width < 0 { out.extend([shown, blanks]) } else { out.extend([blanks, shown]) }
    }
    Ok(Cell::Text(out))
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut text = String::new();
    while let Some(c) = chars.next_if(char::is_ascii_digit) {
        text.push(c);
    }
    text.parse().ok()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn unknown_encoding(name: &str) -> SqlError {
    SqlError::new("22023", format!("unrecognized encoding: \"{name}\"")).hint("Encodings: base64, hex, escape.")
}

fn encode(cells: &[Cell]) -> Result<Cell> {
    let Cell::Bytes(bytes) = &cells[0] else { return Ok(Cell::Null) };
    Ok(Cell::Text(match text(cells, 1).to_lowercase().as_str() {
        "hex" => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        "base64" => base64(bytes),
        "escape" => bytes
            .iter()
            .map(|b| match b {
                b'\\' => "\\\\".to_string(),
                0 | 128.. => format!("\\{b:03o}"),
                b => char::from(*b).to_string(),
            })
            .collect(),
        other => return Err(unknown_encoding(other)),
    }))
}

/// In lines of 76 characters.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (at, part) in bytes.chunks(3).enumerate() {
        if at > 0 && at % 19 == 0 {
            out.push('\n');
        }
        let bits = part.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - part.len()));
        for place in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= part.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn decode(cells: &[Cell]) -> Result<Cell> {
    let text = text(cells, 0);
    Ok(Cell::Bytes(match super::text(cells, 1).to_lowercase().as_str() {
        "hex" => from_hex(text)?,
        "base64" => from_base64(text)?,
        "escape" => crate::functions::cast::unescaped(text)
            .ok_or_else(|| SqlError::new("22P02", "invalid input syntax for type bytea"))?,
        other => return Err(unknown_encoding(other)),
    }))
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let value =
        |c: char| c.to_digit(16).ok_or_else(|| SqlError::new("22023", format!("invalid hexadecimal digit: \"{c}\"")));
    if digits.len() % 2 == 1 {
        return Err(SqlError::new("22023", "invalid hexadecimal data: odd number of digits"));
    }
    digits.chunks(2).map(|pair| Ok((value(pair[0])? * 16 + value(pair[1])?) as u8)).collect()
}

fn from_base64(text: &str) -> Result<Vec<u8>> {
    let (mut bits, mut count, mut out, mut ended) = (0u32, 0, vec![], 0);
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c == '=' {
            ended += 1;
            continue;
        }
        let digit = u8::try_from(c).ok().and_then(|b| BASE64.iter().position(|d| *d == b));
        let digit = digit.filter(|_| ended == 0);
        let digit = digit.ok_or_else(|| {
            SqlError::new("22023", format!("invalid symbol \"{c}\" found while decoding base64 sequence"))
        })?;
        bits = bits << 6 | digit as u32;
        count += 1;
        if count % 4 == 0 {
            out.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            bits = 0;
        }
    }
    match (count % 4, ended) {
        (0, 0) => {}
        (2, 2) => out.push((bits >> 4) as u8),
        (3, 1) => out.extend([(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => return Err(SqlError::new("22023", "invalid base64 end sequence")),
    }
    Ok(out)
}

fn split_part(cells: &[Cell]) -> Result<Cell> {
    let (text, by, at) = (text(cells, 0), text(cells, 1), int(cells, 2));
    if at == 0 {
        return Err(SqlError::new("22023", "field position must not be zero"));
    }
    let parts: Vec<&str> = if by.is_empty() { vec![text] } else { text.split(by).collect() };
    let at = if at > 0 { at - 1 } else { at + parts.len() as i64 };
    let part = usize::try_from(at).ok().and_then(|at| parts.get(at));
    Ok(Cell::Text(part.copied().unwrap_or_default().to_string()))
}
