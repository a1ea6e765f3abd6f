//! Looking at a statement before the parser does: at its words, not at space and comments between them.

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use std::ops::Range;

/// Whether a token is that word, without quotes.
pub(crate) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// Positions of the tokens that mean something.
pub(super) fn meaningful(tokens: &[TokenWithSpan]) -> Vec<usize> {
    (0..tokens.len()).filter(|&at| !matches!(tokens[at].token, Token::Whitespace(_))).collect()
}

/// A token in upper case; what is in quotes stays.
pub(super) fn shown(token: &Token) -> String {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => value.to_uppercase(),
        other => other.to_string(),
    }
}

/// Where these words stand one after another, outside of parentheses. The last one may be one of several: `A|B`.
pub(super) fn find(tokens: &[TokenWithSpan], words: &[&str]) -> Option<Range<usize>> {
    let places = meaningful(tokens);
    let is = |at: usize, word: &str| word.split('|').any(|w| is_word(&tokens[at].token, w));
    let mut depth = 0;
    for (i, &at) in places.iter().enumerate() {
        match tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        let next = places.get(i..i + words.len()).unwrap_or_default();
        if depth == 0 && !next.is_empty() && next.iter().zip(words).all(|(&at, word)| is(at, word)) {
            return Some(at..next[next.len() - 1] + 1);
        }
    }
    None
}

pub(super) fn keyword(word: &str) -> TokenWithSpan {
    TokenWithSpan::wrap(Token::make_keyword(word))
}
