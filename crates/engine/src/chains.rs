//! How long a chain of operators may be. `a OR b OR c ...` is no deeper to the parser than `a`, but every walk over what it
//! makes of it goes a step down for each operator.

use sluice_sql::{Result, SqlError};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Bytes of stack of every thread that plans or runs statements: enough for the longest chain in a debug build. Memory
/// that no walk reaches is never taken.
pub const STACK_BYTES: usize = 256 << 20;

/// Operators in one chain.
const LONGEST: usize = 2_000;

/// Refuses a statement with a longer chain.
pub(crate) fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    // One count for each open parenthesis; a comma begins another expression.
    let mut counts = vec![0];
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => counts.push(0),
            Token::RParen | Token::RBracket if counts.len() > 1 => drop(counts.pop()),
            Token::Comma => counts.iter_mut().last().into_iter().for_each(|n| *n = 0),
            token if joins(token) => {
                let Some(count) = counts.last_mut() else { continue };
                *count += 1;
                if *count > LONGEST {
                    return Err(SqlError::new("54001", "stack depth limit exceeded")
                        .detail(format!("A chain of more than {LONGEST} operators."))
                        .hint("Write a list, x IN (1, 2, 3), or put the values into a table and join it."));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a token stands between two operands.
fn joins(token: &Token) -> bool {
    use Token as T;
    if let T::Word(word) = token {
        use Keyword as K;
        return matches!(word.keyword, K::AND | K::OR | K::UNION | K::EXCEPT | K::INTERSECT | K::JOIN);
    }
    let arithmetic = matches!(token, T::Plus | T::Minus | T::Mul | T::Div | T::Mod | T::StringConcat);
    let comparison = matches!(token, T::Eq | T::Neq | T::Lt | T::Gt | T::LtEq | T::GtEq);
    let of_json = matches!(token, T::Arrow | T::LongArrow | T::HashArrow | T::HashLongArrow);
    arithmetic || comparison || of_json || matches!(token, T::DoubleColon)
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
        checked("SELECT 1))) + 1").unwrap();
    }
}
