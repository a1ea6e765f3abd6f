//! DEALLOCATE of statements that were prepared with the Parse message: drivers use both for the same statements.

use crate::connection::Connection;
use std::io;

/// A DEALLOCATE of one statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deallocate {
    name: String,
}

impl Deallocate {
    /// Reads `DEALLOCATE [PREPARE] name`.
    pub(crate) fn parse(sql: &str) -> Option<Self> {
        let rest = after_word(sql.trim_start(), "DEALLOCATE")?;
        let name = after_word(rest, "PREPARE").unwrap_or(rest).trim_end().trim_end_matches(';').trim_end();
        let name = match name.strip_prefix('"') {
            Some(quoted) => {
                let inner = quoted.strip_suffix('"')?.replace("\"\"", "\u{0}");
                if inner.contains('"') {
                    return None;
                }
                inner.replace('\u{0}', "\"")
            }
            None if name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) => name.to_lowercase(),
            None => return None,
        };
        (!name.is_empty()).then_some(Self { name })
    }
}

fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    let ends = rest.starts_with(|c: char| c.is_whitespace() || c == '"');
    (start.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start())
}

impl Connection {
    /// Forgets the statement, if it is one of the protocol's.
    pub(crate) fn deallocate(&mut self, deallocate: &Deallocate) -> io::Result<bool> {
        let known = self.statements.remove(&deallocate.name).is_some();
        if known {
            self.complete("DEALLOCATE".into())?;
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_sql_has_them() {
        let name = |sql: &str| Deallocate::parse(sql).map(|d| d.name);
        assert_eq!(name("deallocate Abc;"), Some("abc".into()));
        assert_eq!(name(" DEALLOCATE PREPARE \"_pg3_0\" ; "), Some("_pg3_0".into()));
        assert_eq!(name("DEALLOCATE\"A\"\"b\""), Some("A\"b".into()));
        for other in ["DEALLOCATE", "DEALLOCATE a; SELECT 1", "DEALLOCATE \"a\"; \"", "DEALLOCATED x", "SELECT 1"] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
