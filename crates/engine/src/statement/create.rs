//! CREATE TABLE AS and CREATE MATERIALIZED VIEW: words that the parser does not know.

use super::tokens::{find, is_word, meaningful};
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{CreateTable, Ident};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// CREATE TABLE ... AS.
#[derive(Debug)]
pub(crate) struct TableAs {
    pub(crate) create: CreateTable,
    /// Names for the first of its columns.
    pub(crate) columns: Vec<String>,
    /// Whether it begins with the query's rows.
    pub(crate) filled: bool,
}

/// What stands around the query.
#[derive(Default)]
pub(super) struct Around {
    pub(super) columns: Vec<String>,
    pub(super) no_data: bool,
}

/// Takes out what the parser does not know.
pub(super) fn take_around_query(tokens: &mut Vec<TokenWithSpan>) -> Result<Around> {
    let query = find(tokens, &["AS"]).map_or(usize::MAX, |place| place.start);
    let creates = |what: &str| find(tokens, &[what]).is_some_and(|place| place.start < query);
    let (is_table, is_view) = (creates("TABLE"), creates("MATERIALIZED"));
    if !is_table && !is_view {
        return Ok(Around::default());
    }
    let no_data = take_data(tokens);
    if no_data && is_view {
        return Err(SqlError::unsupported(
            "WITH NO DATA",
            "Leave it out: a materialized view is filled when it is created, and follows from then on.",
        ));
    }
    let columns = if is_table { take_columns(tokens) } else { vec![] };
    Ok(Around { columns, no_data })
}

/// `WITH DATA`, which changes nothing, or `WITH NO DATA` at the end.
fn take_data(tokens: &mut Vec<TokenWithSpan>) -> bool {
    let places = meaningful(tokens);
    let ends_with = |words: &[&str]| {
        let from = places.len().checked_sub(words.len())?;
        places[from..].iter().zip(words).all(|(&at, word)| is_word(&tokens[at].token, word)).then_some(places[from])
    };
    let (no_data, data) = (ends_with(&["WITH", "NO", "DATA"]), ends_with(&["WITH", "DATA"]));
    if let Some(from) = no_data.or(data) {
        tokens.truncate(from);
    }
    no_data.is_some()
}

/// The names in `CREATE TABLE t (a, b) AS`.
fn take_columns(tokens: &mut Vec<TokenWithSpan>) -> Vec<String> {
    let places = meaningful(tokens);
    let token = |i: usize| places.get(i).map(|&at| &tokens[at].token);
    let Some(open) = places.iter().position(|&at| tokens[at].token == Token::LParen) else { return vec![] };
    let mut columns = vec![];
    let mut at = open + 1;
    loop {
        let Some(Token::Word(Word { value, quote_style, .. })) = token(at) else { return vec![] };
        columns.push(fold(&Ident { quote_style: *quote_style, ..Ident::new(value.as_str()) }));
        match token(at + 1) {
            Some(Token::Comma) => at += 2,
            Some(Token::RParen) => break,
            _ => return vec![],
        }
    }
    if !token(at + 2).is_some_and(|t| is_word(t, "AS")) {
        return vec![];
    }
    tokens.drain(places[open]..=places[at + 1]);
    columns
}
