//! CREATE, ALTER and DROP of roles. They are not left to the SQL parser, whose errors quote what they stumble on: that
//! may be a password. Here, no error quotes more than a keyword.

use super::ScramVerifier;
use sluice_sql::{Result, SqlError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use std::iter::Peekable;

/// A statement about roles. No password outlives its parsing.
#[derive(Debug)]
pub(crate) enum RoleStatement {
    Create { name: String, verifier: ScramVerifier },
    Alter { name: String, verifier: ScramVerifier },
    Drop { names: Vec<String>, if_exists: bool },
}

/// Reads a statement that starts with CREATE, ALTER or DROP, and ROLE, USER or GROUP.
pub(crate) fn parse(tokens: &[TokenWithSpan]) -> Result<RoleStatement> {
    let meaningful = tokens.iter().map(|t| &t.token).filter(|t| !matches!(t, Token::Whitespace(_)));
    let mut reader = Reader { tokens: meaningful.peekable(), verb: "CREATE" };
    reader.verb = ["ALTER", "DROP"].into_iter().find(|verb| reader.keyword(verb)).unwrap_or("CREATE");
    if reader.verb == "CREATE" {
        reader.tokens.next();
    }
    // ROLE, USER and GROUP mean the same.
    reader.tokens.next();
    match reader.verb {
        "DROP" => reader.drop(),
        "ALTER" => Ok(RoleStatement::Alter { name: reader.name()?, verifier: reader.verifier()? }),
        _ => Ok(RoleStatement::Create { name: reader.name()?, verifier: reader.verifier()? }),
    }
}

struct Reader<'a, I: Iterator<Item = &'a Token>> {
    tokens: Peekable<I>,
    verb: &'static str,
}

impl<'a, I: Iterator<Item = &'a Token>> Reader<'a, I> {
    fn drop(&mut self) -> Result<RoleStatement> {
        let if_exists = self.keyword("IF");
        if if_exists && !self.keyword("EXISTS") {
            return Err(self.syntax_error());
        }
        let mut names = vec![self.name()?];
        while let Some(token) = self.tokens.next() {
            if *token != Token::Comma {
                return Err(self.syntax_error());
            }
            names.push(self.name()?);
        }
        Ok(RoleStatement::Drop { names, if_exists })
    }

    /// The options: `[WITH] [LOGIN] [ENCRYPTED] PASSWORD '...'`.
    fn verifier(&mut self) -> Result<ScramVerifier> {
        self.keyword("WITH");
        let (mut login, mut password) = (false, None);
        while self.tokens.peek().is_some() {
            let redundant = if self.keyword("LOGIN") {
                std::mem::replace(&mut login, true)
            } else if self.keyword("ENCRYPTED") || self.is_keyword("PASSWORD") {
                password.replace(self.password()?).is_some()
            } else {
                return Err(self.refused_option());
            };
            if redundant {
                return Err(SqlError::new("42601", "conflicting or redundant options"));
            }
        }
        password.ok_or_else(|| {
            SqlError::unsupported(
                format!("{} ROLE without a password", self.verb),
                format!("A role is what clients log in with: {}", self.usage()),
            )
        })
    }

    fn password(&mut self) -> Result<ScramVerifier> {
        if !self.keyword("PASSWORD") {
            return Err(self.syntax_error());
        }
        if self.keyword("NULL") {
            return Err(SqlError::unsupported(
                "PASSWORD NULL",
                "A role is what clients log in with: DROP ROLE takes it away.",
            ));
        }
        let text = match self.tokens.next() {
            Some(
                Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::UnicodeStringLiteral(text),
            ) => text,
            Some(Token::DollarQuotedString(text)) => &text.value,
            _ => return Err(self.syntax_error()),
        };
        verifier_of(text)
    }

    fn name(&mut self) -> Result<String> {
        let Some(Token::Word(word)) = self.tokens.next() else { return Err(self.syntax_error()) };
        if word.quote_style.is_some() {
            return checked_name(word.value.clone());
        }
        let spelt = word.value.to_uppercase();
        if ["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"].contains(&spelt.as_str()) {
            return Err(SqlError::new("42939", format!("{spelt} cannot be used as a role name here"))
                .hint("Write the role's name."));
        }
        checked_name(word.value.to_lowercase())
    }

    fn is_keyword(&mut self, keyword: &str) -> bool {
        self.tokens.peek().is_some_and(|t| spells(t, keyword))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.tokens.next_if(|t| spells(t, keyword)).is_some()
    }

    fn refused_option(&mut self) -> SqlError {
        match REFUSED.into_iter().find(|option| self.is_keyword(option)) {
            Some(option) => SqlError::unsupported(
                format!("{option} in {} ROLE", self.verb),
                format!("Every role may log in and do everything: {}", self.usage()),
            ),
            None => self.syntax_error(),
        }
    }

    fn syntax_error(&self) -> SqlError {
        SqlError::new("42601", format!("syntax error in {} ROLE", self.verb)).hint(self.usage())
    }

    fn usage(&self) -> String {
        match self.verb {
            "DROP" => "Write DROP ROLE [IF EXISTS] name.".to_string(),
            verb => format!("Write {verb} ROLE name PASSWORD '...'."),
        }
    }
}

/// Options of PostgreSQL that say what is not so here.
const REFUSED: [&str; 28] = [
    "SUPERUSER",
    "NOSUPERUSER",
    "CREATEDB",
    "NOCREATEDB",
    "CREATEROLE",
    "NOCREATEROLE",
    "INHERIT",
    "NOINHERIT",
    "NOLOGIN",
    "REPLICATION",
    "NOREPLICATION",
    "BYPASSRLS",
    "NOBYPASSRLS",
    "UNENCRYPTED",
    "CONNECTION",
    "VALID",
    "IN",
    "ROLE",
    "ADMIN",
    "USER",
    "SYSID",
    "RENAME",
    "SET",
    "RESET",
    "ADD",
    "DROP",
    "FOR",
    "IF",
];

fn spells(token: &Token, keyword: &str) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(keyword))
}

fn checked_name(name: String) -> Result<String> {
    let reserved = || SqlError::new("42939", format!("role name \"{name}\" is reserved"));
    if name.is_empty() {
        return Err(SqlError::new("42601", "zero-length delimited identifier"));
    }
    if name.starts_with("pg_") {
        return Err(reserved().detail("Role names starting with \"pg_\" are reserved."));
    }
    if ["public", "none"].contains(&name.as_str()) {
        return Err(reserved());
    }
    Ok(name)
}

/// A verifier is taken as it is, any other text is a password, as in PostgreSQL.
fn verifier_of(text: &str) -> Result<ScramVerifier> {
    if let Ok(verifier) = text.parse() {
        return Ok(verifier);
    }
    if text.is_empty() {
        return Err(SqlError::new("22023", "empty string is not a valid password"));
    }
    if is_md5(text) {
        return Err(SqlError::unsupported(
            "an MD5-hashed password",
            "Give the password itself, or its SCRAM-SHA-256 verifier.",
        ));
    }
    ScramVerifier::of_password(text).map_err(SqlError::internal)
}

fn is_md5(text: &str) -> bool {
    text.strip_prefix("md5").is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::tokenizer::Tokenizer;

    fn read(sql: &str) -> Result<RoleStatement> {
        parse(&Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap())
    }

    #[test]
    fn a_password_becomes_a_verifier() {
        let spellings = [
            "CREATE ROLE Ann PASSWORD 'it''s'",
            "create user ann with encrypted password E'it\\'s' login",
            "CREATE ROLE \"ann\" /* me */ LOGIN PASSWORD $$it's$$",
        ];
        for sql in spellings {
            let Ok(RoleStatement::Create { name, verifier }) = read(sql) else { panic!("{sql}") };
            assert_eq!(name, "ann");
            assert_eq!(
                ScramVerifier::salted("it's", verifier.salt().to_vec(), verifier.iterations()),
                verifier,
                "{sql}"
            );
        }
    }

    #[test]
    fn a_verifier_is_kept() {
        let verifier = ScramVerifier::of_password("secret").unwrap();
        let Ok(RoleStatement::Alter { verifier: kept, .. }) = read(&format!("ALTER ROLE a PASSWORD '{verifier}'"))
        else {
            panic!("it is one")
        };
        assert_eq!(kept, verifier);
    }

    #[test]
    fn drop_takes_several() {
        let Ok(RoleStatement::Drop { names, if_exists: true }) = read("DROP USER IF EXISTS a, \"B c\"") else {
            panic!("it drops")
        };
        assert_eq!(names, ["a", "B c"]);
    }

    #[test]
    fn what_is_refused_quotes_no_password() {
        let refused = [
            ("CREATE ROLE", "42601"),
            ("CREATE ROLE a, b PASSWORD 'hunter2'", "42601"),
            ("CREATE ROLE a PASSWORD hunter2", "42601"),
            ("CREATE ROLE a PASSWORD", "42601"),
            ("CREATE ROLE a PASSWORD $1", "42601"),
            ("CREATE ROLE a PASSWORD \"hunter2\"", "42601"),
            ("CREATE ROLE a ENCRYPTED 'hunter2'", "42601"),
            ("CREATE ROLE a PASSWORD 'x' hunter2", "42601"),
            ("CREATE ROLE a 'hunter2'", "42601"),
            ("CREATE ROLE a PASSWORD 'x' PASSWORD 'hunter2'", "42601"),
            ("CREATE ROLE a LOGIN LOGIN PASSWORD 'x'", "42601"),
            ("CREATE ROLE a PASSWORD ''", "22023"),
            ("CREATE ROLE \"\" PASSWORD 'x'", "42601"),
            ("CREATE ROLE a", "0A000"),
            ("CREATE ROLE a PASSWORD NULL", "0A000"),
            ("CREATE ROLE a PASSWORD 'md5c0ffeec0ffeec0ffeec0ffeec0ffee00'", "0A000"),
            ("CREATE ROLE a SUPERUSER PASSWORD 'hunter2'", "0A000"),
            ("CREATE ROLE a PASSWORD 'hunter2' NOLOGIN", "0A000"),
            ("CREATE ROLE a PASSWORD 'hunter2' VALID UNTIL 'tomorrow'", "0A000"),
            ("ALTER ROLE a RENAME TO b", "0A000"),
            ("ALTER ROLE a SET search_path TO b", "0A000"),
            ("CREATE ROLE pg_a PASSWORD 'x'", "42939"),
            ("CREATE ROLE public PASSWORD 'x'", "42939"),
            ("DROP ROLE current_user", "42939"),
            ("DROP ROLE IF a", "42601"),
            ("DROP ROLE a b", "42601"),
            ("DROP ROLE a,", "42601"),
        ];
        for (sql, code) in refused {
            let error = read(sql).expect_err(sql);
            assert_eq!(error.code, code, "{sql}: {}", error.message);
            assert!(!format!("{error:?}").contains("hunter2"), "{sql}");
        }
    }
}
