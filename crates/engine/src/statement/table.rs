//! `TABLE x` is `SELECT * FROM x`, wherever a query may stand, and `x ISNULL` is `x IS NULL`.

use super::tokens::{is_word, keyword, meaningful, shown};
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

/// Spells out every `TABLE x` of a statement that is a query.
pub(super) fn spell_out(tokens: &mut Vec<TokenWithSpan>) {
    let places = meaningful(tokens);
    let first = places.first().map(|&at| shown(&tokens[at].token)).unwrap_or_default();
    let mut depth = 0;
    let mut queries = vec![];
    for (i, &at) in places.iter().enumerate() {
        match &tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            token if is_word(token, "TABLE") => {
                let before = i.checked_sub(1).map(|i| shown(&tokens[places[i]].token));
                let is_query = match before.as_deref() {
                    None | Some("(" | "AS" | "UNION" | "EXCEPT" | "INTERSECT" | "ALL" | "DISTINCT") => true,
                    Some("EXPLAIN" | "ANALYZE" | "VERBOSE" | ")") if first == "EXPLAIN" => true,
                    // After the name and the columns of what is inserted into.
                    Some(before) => first == "INSERT" && depth == 0 && before != "INTO",
                };
                if is_query {
                    queries.push(at);
                }
            }
            _ => {}
        }
    }
    for at in queries.into_iter().rev() {
        tokens.splice(at..=at, [keyword("SELECT"), TokenWithSpan::wrap(Token::Mul), keyword("FROM")]);
    }
}

/// `x ISNULL` is `x IS NULL`; the parser takes the word for an alias.
pub(super) fn spell_null_tests(tokens: &mut Vec<TokenWithSpan>) {
    let places = meaningful(tokens);
    let is_test = |i: usize| {
        let next = places.get(i + 1).map(|&at| &tokens[at].token);
        let before = i.checked_sub(1).map(|i| shown(&tokens[places[i]].token));
        is_word(&tokens[places[i]].token, "ISNULL")
            && next != Some(&Token::LParen)
            && !matches!(before.as_deref(), None | Some("AS" | "," | "." | "("))
    };
    let tests: Vec<usize> = (0..places.len()).filter(|&i| is_test(i)).map(|i| places[i]).collect();
    for at in tests.into_iter().rev() {
        let space = TokenWithSpan::wrap(Token::Whitespace(Whitespace::Space));
        tokens.splice(at..=at, [keyword("IS"), space, keyword("NULL")]);
    }
}
