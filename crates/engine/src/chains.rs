//! How long a chain of operators may be. `a OR b OR c ...` is no deeper to the parser than `a`, but every walk over what it
//! makes of it goes a step down for each operator.

use sluice_sql::{Result, SqlError};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Bytes of stack of every thread that plans or runs statements: enough for the longest chain in a debug build. Memory
/// that no walk reaches is never taken.
pub const STACK_BYTES: usize = 256 << 20;

/// AND, OR, UNION and their like in one chain.
const LONGEST: usize = 2_000;

/// Other operators in one chain: the type of each result is found anew from all before it.
const LONGEST_SUM: usize = 300;

/// What was counted between two parentheses.
#[derive(Default)]
struct Counts {
    joined: usize,
    summed: usize,
}

/// Refuses a statement with a longer chain.
pub(crate) fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut open = vec![Counts::default()];
    for token in tokens {
        let depth = open.len();
        let Some(counts) = open.last_mut() else { break };
        match &token.token {
            Token::LParen | Token::LBracket => open.push(Counts::default()),
            Token::RParen | Token::RBracket if depth > 1 => drop(open.pop()),
            // Another expression begins.
            Token::Comma => *counts = Counts::default(),
            token if joins(token) => {
                counts.joined += 1;
                counts.summed = 0;
                within(counts.joined, LONGEST)?;
            }
            token if adds(token) => {
                counts.summed += 1;
                within(counts.summed, LONGEST_SUM)?;
            }
            token if ends(token) => counts.summed = 0,
            _ => {}
        }
    }
    Ok(())
}

fn within(count: usize, longest: usize) -> Result<()> {
    if count <= longest {
        return Ok(());
    }
    Err(SqlError::new("54001", "stack depth limit exceeded")
        .detail(format!("A chain of more than {longest} operators."))
        .hint("Write a list, x IN (1, 2, 3), or put the values into a table and join or sum it."))
}

fn joins(token: &Token) -> bool {
    use Keyword as K;
    match token {
        Token::Word(word) => matches!(word.keyword, K::AND | K::OR | K::UNION | K::EXCEPT | K::INTERSECT | K::JOIN),
        token => *token == Token::DoubleColon,
    }
}

fn adds(token: &Token) -> bool {
    use Token as T;
    let arithmetic = matches!(token, T::Plus | T::Minus | T::Mul | T::Div | T::Mod | T::StringConcat);
    let of_json = matches!(token, T::Arrow | T::LongArrow | T::HashArrow | T::HashLongArrow);
    arithmetic || of_json
}

/// Comparisons and words that no column is named stand between expressions.
fn ends(token: &Token) -> bool {
    use Keyword as K;
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            K::WHEN | K::THEN | K::ELSE | K::SELECT | K::FROM | K::WHERE | K::ON | K::HAVING | K::IN | K::BETWEEN
        ),
        token => matches!(token, Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::LtEq | Token::GtEq),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::tokenizer::Tokenizer;

    fn checked(sql: &str) -> Result<()> {
        check(&Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap())
    }

    #[test]
    fn only_chains_count() {
        let many = LONGEST + 2;
        for part in [" + 1", " OR a", " UNION ALL SELECT 1", "::int", " -> 'a'", " JOIN b"] {
            assert_eq!(checked(&format!("SELECT 1{}", part.repeat(many))).unwrap_err().code, "54001", "{part}");
        }
        assert_eq!(checked(&format!("SELECT (1, (1{}))", " + f(1, 2)".repeat(many))).unwrap_err().code, "54001");
        checked(&format!("INSERT INTO t VALUES {}", "(-1, 2 + 3), ".repeat(many))).unwrap();
        checked(&format!("SELECT {} 1", "a = b, ".repeat(many))).unwrap();
        checked(&format!("SELECT 1 WHERE true{}", " OR a + 1 = b - 2".repeat(LONGEST))).unwrap();
        checked(&format!("SELECT CASE {} END", "WHEN a THEN b + 1 ".repeat(many))).unwrap();
        checked("SELECT 1))) + 1").unwrap();
    }
}
