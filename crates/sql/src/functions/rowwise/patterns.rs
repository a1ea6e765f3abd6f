//! Functions of regular expressions that give parts of a text.

use super::{Cell, Spec, Ty, int, spec, text};
use crate::{Result, SqlError};
use regex::{Regex, RegexBuilder};
use std::cell::RefCell;

pub(super) const SPECS: &[Spec] = &[
    spec("regexp_split_to_array", &[Ty::Text, Ty::Text, Ty::Text], Ty::Texts, split).optional(1),
    spec("regexp_substr", &[Ty::Text, Ty::Text, Ty::Int4, Ty::Int4, Ty::Text, Ty::Int4], Ty::Text, substr).optional(4),
    spec("regexp_part", &[Ty::Text, Ty::Text], Ty::Text, part),
];

thread_local! {
    /// The one that was compiled last: most columns have one pattern.
    static LAST: RefCell<Option<(String, String, Regex)>> = const { RefCell::new(None) };
}

fn compiled(pattern: &str, flags: &str) -> Result<Regex> {
    let known = LAST.with_borrow(|last| match last {
        Some((p, f, regex)) if p == pattern && f == flags => Some(regex.clone()),
        _ => None,
    });
    if let Some(regex) = known {
        return Ok(regex);
    }
    let regex = build(pattern, flags)?;
    LAST.set(Some((pattern.to_string(), flags.to_string(), regex.clone())));
    Ok(regex)
}

fn build(pattern: &str, flags: &str) -> Result<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    // A point is any character, also a new line.
    builder.dot_matches_new_line(true);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'c' => builder.case_insensitive(false),
            'n' | 'm' => builder.multi_line(true).dot_matches_new_line(false),
            's' => builder.multi_line(false).dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            'g' => {
                let message = "this regular expression function does not support the \"global\" option";
                return Err(SqlError::new("22023", message));
            }
            other => {
                return Err(SqlError::new("22023", format!("invalid regular expression option: \"{other}\"")));
            }
        };
    }
    builder.build().map_err(|e| {
        let reason = e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
        SqlError::new("2201B", format!("invalid regular expression: {reason}"))
    })
}

/// An empty match splits between two characters, never at the ends.
fn split(cells: &[Cell]) -> Result<Cell> {
    let subject = text(cells, 0);
    let regex = compiled(text(cells, 1), text(cells, 2))?;
    let (mut parts, mut from) = (vec![], 0);
    for found in regex.find_iter(subject) {
        let empty = found.is_empty();
        if empty && (found.start() <= from || found.start() == subject.len()) {
            continue;
        }
        parts.push(Some(subject[from..found.start()].to_string()));
        from = found.end();
    }
    parts.push(Some(subject[from..].to_string()));
    Ok(Cell::Texts(parts))
}

fn substr(cells: &[Cell]) -> Result<Cell> {
    let subject = text(cells, 0);
    let given = |at: usize| if cells.len() > at { int(cells, at) } else { 1 };
    let (start, nth, group) = (given(2), given(3), if cells.len() > 5 { int(cells, 5) } else { 0 });
    if start < 1 || nth < 1 || group < 0 {
        let (name, value) = if start < 1 {
            ("start", start)
        } else if nth < 1 {
            ("n", nth)
        } else {
            ("subexpr", group)
        };
        return Err(SqlError::new("22023", format!("invalid value for parameter \"{name}\": {value}")));
    }
    let regex = compiled(text(cells, 1), text(cells, 4))?;
    let from = subject.char_indices().nth(start as usize - 1).map_or(subject.len(), |(at, _)| at);
    let found = regex.captures_iter(&subject[from..]).nth(nth as usize - 1);
    let part = found.and_then(|c| c.get(group as usize).map(|m| m.as_str().to_string()));
    Ok(part.map_or(Cell::Null, Cell::Text))
}

/// `substring(text from pattern)`: the first part in parentheses, or the whole match.
fn part(cells: &[Cell]) -> Result<Cell> {
    let regex = compiled(text(cells, 1), "")?;
    let Some(found) = regex.captures(text(cells, 0)) else { return Ok(Cell::Null) };
    let part = if found.len() > 1 { found.get(1) } else { found.get(0) };
    Ok(part.map_or(Cell::Null, |m| Cell::Text(m.as_str().to_string())))
}
