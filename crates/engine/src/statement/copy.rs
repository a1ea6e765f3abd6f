//! Options of COPY without parentheses, `COPY t FROM STDIN CSV HEADER`, as psql's `\copy` is mostly typed: the parser
//! knows another database's. They become those in parentheses.

use super::tokens::{keyword, meaningful, shown};
use sluice_sql::{Result, SqlError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Puts the options of a COPY into parentheses.
pub(super) fn enclose_options(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    let places = meaningful(tokens);
    let word = |i: usize| places.get(i).map(|&at| shown(&tokens[at].token)).unwrap_or_default();
    // `COPY BINARY t` is older still.
    let leading = word(1) == "BINARY";
    let Some(target) = target(tokens, &places) else { return Ok(()) };
    let mut at = target + 1;
    at += usize::from(word(at) == "WITH");
    let given = at < places.len();
    if given && tokens[places[at]].token == Token::LParen || !given && !leading {
        return if leading { Err(unexpected("(")) } else { Ok(()) };
    }
    let mut options = if leading { vec![format_is("BINARY")] } else { vec![] };
    while at < places.len() {
        let name = word(at);
        at += 1;
        match name.as_str() {
            "CSV" | "BINARY" => options.push(format_is(&name)),
            "HEADER" | "FREEZE" => options.push(vec![keyword(&name)]),
            "DELIMITER" | "NULL" | "QUOTE" | "ESCAPE" | "ENCODING" => {
                at += usize::from(word(at) == "AS");
                let value = places.get(at).map(|&at| tokens[at].clone());
                let is_text = |t: &TokenWithSpan| {
                    matches!(t.token, Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_))
                };
                let value = value.filter(is_text).ok_or_else(|| unexpected(&word(at)))?;
                options.push(vec![keyword(&name), value]);
                at += 1;
            }
            "FORCE" => return Err(refused(&format!("FORCE {}", word(at)))),
            "WHERE" => {
                return Err(SqlError::unsupported("COPY ... WHERE", "Copy into another table, and INSERT ... SELECT."));
            }
            _ => return Err(unexpected(&name)),
        }
    }
    tokens.truncate(places[target] + 1);
    if leading {
        tokens.remove(places[1]);
    }
    tokens.push(TokenWithSpan::wrap(Token::LParen));
    for (i, option) in options.into_iter().enumerate() {
        if i > 0 {
            tokens.push(TokenWithSpan::wrap(Token::Comma));
        }
        tokens.extend(option);
    }
    tokens.push(TokenWithSpan::wrap(Token::RParen));
    Ok(())
}

/// An option that is not built.
pub(crate) fn refused(option: &str) -> SqlError {
    let hint = "Options: FORMAT, HEADER, NULL, DELIMITER, QUOTE, ESCAPE, ENCODING.";
    SqlError::unsupported(format!("the COPY option {option}"), hint)
}

fn format_is(kind: &str) -> Vec<TokenWithSpan> {
    vec![keyword("FORMAT"), keyword(kind)]
}

/// Which of the places is the client, in FROM STDIN and TO STDOUT; files and programs of the server are refused later.
fn target(tokens: &[TokenWithSpan], places: &[usize]) -> Option<usize> {
    let word = |at: usize| shown(&tokens[at].token);
    let is_target = |pair: &[usize]| {
        matches!(word(pair[0]).as_str(), "FROM" | "TO") && matches!(word(pair[1]).as_str(), "STDIN" | "STDOUT")
    };
    places.windows(2).rposition(is_target).map(|i| i + 1)
}

fn unexpected(token: &str) -> SqlError {
    if token.is_empty() {
        return SqlError::new("42601", "syntax error at end of input");
    }
    SqlError::new("42601", format!("syntax error at or near \"{token}\""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::statement::{Statement, parse};

    fn parsed(sql: &str) -> String {
        match parse(sql) {
            Ok(mut statements) => match statements.pop().unwrap().statement.as_ref() {
                Statement::Sql(ast) => ast.to_string(),
                other => format!("{other:?}"),
            },
            Err(e) => format!("{} {}", e.code, e.message),
        }
    }

    #[test]
    fn old_options_are_those_in_parentheses() {
        let same = [
            ("copy  t from STDIN csv header", "COPY t FROM STDIN (FORMAT csv, HEADER)"),
            (
                "COPY t(a, b) FROM STDIN WITH HEADER CSV DELIMITER AS E'\\t' NULL 'NA'",
                "COPY t (a, b) FROM STDIN (HEADER, FORMAT csv, DELIMITER E'\\t', NULL 'NA')",
            ),
            (
                "COPY (SELECT 1 FROM stdin) TO STDOUT WITH CSV QUOTE '\"' ESCAPE '\\' ENCODING 'UTF8'",
                "COPY (SELECT 1 FROM stdin) TO STDOUT (FORMAT csv, QUOTE '\"', ESCAPE '\\', ENCODING 'UTF8')",
            ),
            ("COPY t FROM STDIN BINARY", "COPY t FROM STDIN (FORMAT binary)"),
            ("COPY BINARY s.t TO STDOUT", "COPY s.t TO STDOUT (FORMAT binary)"),
            ("COPY t FROM STDIN WITH (FORMAT csv)", "COPY t FROM STDIN (FORMAT csv)"),
        ];
        for (old, new) in same {
            assert_eq!(parsed(old).to_lowercase(), parsed(new).to_lowercase(), "{old}");
            assert!(parsed(new).starts_with("COPY"), "{}", parsed(new));
        }
    }

    #[test]
    fn other_options_are_refused_by_name() {
        assert_eq!(parsed("COPY t TO STDOUT CSV FORCE QUOTE *"), "0A000 the COPY option FORCE QUOTE is not supported");
        assert_eq!(parsed("COPY t FROM STDIN CSV DELIMITER"), "42601 syntax error at end of input");
        assert_eq!(parsed("COPY t FROM STDIN CSV NONSENSE"), "42601 syntax error at or near \"NONSENSE\"");
    }
}
