//! From text to statements. What the SQL parser lacks is rewritten into what it has before it sees it.

mod change;
mod copy;
mod create;
mod table;
mod tokens;

pub(crate) use change::{Change, Overriding};
pub(crate) use copy::refused as refused_copy_option;
pub(crate) use create::TableAs;
pub(crate) use tokens::is_word;

use crate::chains;
use crate::roles::{self, RoleStatement};
use sluice_sql::{Result, SqlError};
use sqlparser::ast::{self, Statement as Ast};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::sync::Arc;

/// One parsed statement.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub(crate) statement: Arc<Statement>,
}

/// Statements as sessions run them.
#[derive(Debug)]
pub(crate) enum Statement {
    /// A statement of the parser.
    Sql(Box<Ast>),
    /// INSERT, UPDATE or DELETE.
    Change(Box<Change>),
    /// CREATE TABLE ... AS.
    TableAs(Box<TableAs>),
    /// REFRESH MATERIALIZED VIEW.
    Refresh(ast::ObjectName),
    /// CREATE, ALTER or DROP of a role.
    Role(RoleStatement),
    /// Succeeds with a notice: there is nothing to do here.
    Nothing { tag: &'static str, notice: Option<String> },
}

/// Splits `sql` into statements and parses each.
pub(crate) fn parse(sql: &str) -> Result<Vec<Parsed>> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|e| SqlError::new("42601", format!("syntax error: {e}")))?;
    let mut statements = vec![];
    for tokens in split(tokens) {
        chains::check(&tokens)?;
        statements.push(Parsed { statement: Arc::new(parse_one(tokens)?) });
    }
    Ok(statements)
}

/// Parses text that holds one query.
pub(crate) fn parse_query(sql: &str) -> Result<ast::Query> {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Ast::Query(query)), true) => Ok(*query),
        _ => Err(SqlError::new("42601", "a query is expected: SELECT ...")),
    }
}

/// Parses text that holds one expression.
pub(crate) fn parse_expr(sql: &str) -> Result<ast::Expr> {
    Ok(Parser::new(&PostgreSqlDialect {}).try_with_sql(sql)?.parse_expr()?)
}

/// Parses text that names a type.
pub(crate) fn parse_type(sql: &str) -> Result<ast::DataType> {
    Ok(Parser::new(&PostgreSqlDialect {}).try_with_sql(sql)?.parse_data_type()?)
}

fn split(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut statements = vec![];
    let mut current = vec![];
    for token in tokens {
        match token.token {
            Token::SemiColon => statements.push(std::mem::take(&mut current)),
            Token::EOF => {}
            _ => current.push(token),
        }
    }
    statements.push(current);
    let meaningful = |t: &TokenWithSpan| !matches!(t.token, Token::Whitespace(_));
    statements.retain(|s| s.iter().any(meaningful));
    statements
}

/// The first words of a statement in upper case.
fn words(tokens: &[TokenWithSpan]) -> Vec<String> {
    tokens::meaningful(tokens).into_iter().take(6).map(|at| tokens::shown(&tokens[at].token)).collect()
}

fn parse_one(tokens: Vec<TokenWithSpan>) -> Result<Statement> {
    let mut tokens = crate::time_travel::rewrite(tokens)?;
    let start = words(&tokens);
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    match start.as_slice() {
        ["ALTER", "STREAM", "TABLE", ..] | ["ALTER", "MATERIALIZED", "VIEW", ..] => alter_view(&mut tokens)?,
        ["CREATE" | "DROP", "STREAM", "TABLE", ..] => rename_stream_table(&mut tokens),
        ["REFRESH", "MATERIALIZED" | "STREAM", "VIEW" | "TABLE", ..] => return refresh(&tokens),
        ["CREATE" | "ALTER" | "DROP", "ROLE" | "USER" | "GROUP", ..] => {
            return roles::parse(&tokens).map(Statement::Role);
        }
        ["VACUUM", ..] => return Ok(nothing("VACUUM", "sluice compacts by itself; VACUUM does nothing")),
        ["ANALYZE", ..] => return Ok(nothing("ANALYZE", "statistics are kept with every write; ANALYZE does nothing")),
        // Nobody listens.
        ["UNLISTEN", _] => return Ok(Statement::Nothing { tag: "UNLISTEN", notice: None }),
        ["CREATE", "EXTENSION", ..] => return extension(&start),
        ["COPY", ..] => copy::enclose_options(&mut tokens)?,
        ["UPDATE" | "DELETE", ..] => change::leave_only_out(&mut tokens),
        ["ABORT", ..] => abort(&mut tokens),
        _ => {}
    }
    table::spell_out(&mut tokens);
    table::spell_null_tests(&mut tokens);
    let (mut around, mut overriding) = (create::Around::default(), None);
    match start.first() {
        Some(&"CREATE") => around = create::take_around_query(&mut tokens)?,
        Some(&("INSERT" | "WITH")) => overriding = change::take_overriding(&mut tokens),
        _ => {}
    }
    let dialect = PostgreSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement()?;
    if parser.peek_token().token != Token::EOF {
        let token = parser.peek_token();
        return Err(SqlError::new("42601", format!("syntax error at or near \"{}\"", token.token)));
    }
    Ok(match change::change(statement, overriding)? {
        Ok(change) => Statement::Change(Box::new(change)),
        Err(Ast::CreateTable(create)) if create.query.is_some() => {
            Statement::TableAs(Box::new(TableAs { create, columns: around.columns, filled: !around.no_data }))
        }
        Err(other) => Statement::Sql(Box::new(other)),
    })
}

fn nothing(tag: &'static str, notice: &str) -> Statement {
    Statement::Nothing { tag, notice: Some(notice.to_string()) }
}

/// `STREAM TABLE` is a materialized view by another name.
fn rename_stream_table(tokens: &mut [TokenWithSpan]) {
    let mut words = tokens.iter_mut().filter(|t| matches!(t.token, Token::Word(_)));
    let (_, stream, table) = (words.next(), words.next(), words.next());
    if let Some(token) = stream {
        token.token = Token::make_keyword("MATERIALIZED");
    }
    if let Some(token) = table {
        token.token = Token::make_keyword("VIEW");
    }
}

/// A materialized view gets another name as a table does; the parser knows no ALTER of one.
fn alter_view(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    if !tokens.iter().any(|t| is_word(&t.token, "RENAME")) {
        return Err(SqlError::unsupported(
            "this ALTER of a materialized view",
            "Use RENAME TO, or SELECT pgtrickle.alter_stream_table('name', schedule => '3s').",
        ));
    }
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| matches!(tokens[at].token, Token::Word(_))).collect();
    if let [_, first, second, ..] = words.as_slice() {
        tokens[*second].token = Token::make_keyword("TABLE");
        tokens.drain(*first..*second);
    }
    Ok(())
}

/// `ABORT` is `ROLLBACK`.
fn abort(tokens: &mut [TokenWithSpan]) {
    if let Some(token) = tokens.iter_mut().find(|t| matches!(t.token, Token::Word(_))) {
        token.token = Token::make_keyword("ROLLBACK");
    }
}

fn refresh(tokens: &[TokenWithSpan]) -> Result<Statement> {
    let rest: Vec<TokenWithSpan> =
        tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).skip(3).cloned().collect();
    let skip = usize::from(rest.first().is_some_and(|t| t.token.to_string().eq_ignore_ascii_case("concurrently")));
    let dialect = PostgreSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(rest[skip..].to_vec());
    let name = parser.parse_object_name(false)?;
    if parser.peek_token().token != Token::EOF {
        return Err(SqlError::unsupported("REFRESH with options", "Write REFRESH MATERIALIZED VIEW name."));
    }
    Ok(Statement::Refresh(name))
}

fn extension(words: &[&str]) -> Result<Statement> {
    let name = words.last().copied().unwrap_or_default();
    if name.eq_ignore_ascii_case("pg_trickle") || name.eq_ignore_ascii_case("plpgsql") {
        return Ok(nothing("CREATE EXTENSION", &format!("extension \"{}\" is built in", name.to_lowercase())));
    }
    Err(SqlError::unsupported(format!("extension \"{}\"", name.to_lowercase()), "What Sluice has is built in."))
}
