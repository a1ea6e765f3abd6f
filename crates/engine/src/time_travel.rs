//! `FROM t [alias] AT (VERSION => n)` and `AT (TIMESTAMP => '...')`, as DuckDB writes time travel. The parser knows
//! neither, so before it sees them the version becomes part of the table's quoted name.

use crate::Engine;
use crate::catalog::{Catalog, ObjectRef, TableDef};
use crate::error;
use crate::statement::is_word;
use sluice_lake::TableVersion;
use sluice_sql::{Result, SqlError, SqlType, cast_column};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use std::sync::Arc;

/// Between a table's name and its version; no name that a user writes has it.
const MARK: char = '\u{1}';

/// Moves every AT clause of a statement into the name before it.
pub(crate) fn rewrite(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let mut out: Vec<TokenWithSpan> = vec![];
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        if !is_word(&token.token, "AT") || !opens(&rest.clone().map(|t| t.token).take(8).collect::<Vec<_>>()) {
            out.push(token);
            continue;
        }
        let mut clause = vec![];
        for token in rest.by_ref() {
            let ends = token.token == Token::RParen;
            if !matches!(token.token, Token::Whitespace(_)) {
                clause.push(token.token);
            }
            if ends {
                break;
            }
        }
        mark_name(&mut out, &version_text(&clause)?)?;
    }
    Ok(out)
}

/// Whether what follows AT is `(VERSION` or `(TIMESTAMP`.
fn opens(next: &[Token]) -> bool {
    let mut next = next.iter().filter(|t| !matches!(t, Token::Whitespace(_)));
    next.next() == Some(&Token::LParen) && next.next().is_some_and(|t| is_word(t, "VERSION") || is_word(t, "TIMESTAMP"))
}

/// `v5` for a version, `t2024-...` for a time.
fn version_text(clause: &[Token]) -> Result<String> {
    match clause {
        [Token::LParen, kind, Token::RArrow, Token::Number(n, _), Token::RParen] if is_word(kind, "VERSION") => {
            Ok(format!("v{n}"))
        }
        [Token::LParen, kind, Token::RArrow, Token::SingleQuotedString(t), Token::RParen]
            if is_word(kind, "TIMESTAMP") =>
        {
            Ok(format!("t{t}"))
        }
        _ => Err(SqlError::new("42601", "time travel cannot be read")
            .hint("Write FROM t AT (VERSION => 5) or FROM t AT (TIMESTAMP => '2024-01-31 12:00:00').")),
    }
}

/// Marks the table's name that stands before the clause, behind which there may be an alias.
fn mark_name(out: &mut Vec<TokenWithSpan>, version: &str) -> Result<()> {
    let starts = |t: &Token| matches!(t, Token::Comma | Token::LParen) || is_word(t, "FROM") || is_word(t, "JOIN");
    let from = out.iter().rposition(|t| starts(&t.token)).map_or(0, |at| at + 1);
    let words: Vec<usize> = (from..out.len()).filter(|&i| matches!(out[i].token, Token::Word(_))).collect();
    let mut name = *words.first().ok_or_else(|| SqlError::new("42601", "AT needs a table's name before it"))?;
    while out.get(name + 1).is_some_and(|t| t.token == Token::Period) && name + 2 < out.len() {
        name += 2;
    }
    let Token::Word(word) = &out[name].token else {
        return Err(SqlError::new("42601", "AT needs a table's name before it"));
    };
    let plain = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
    let has_alias = words.iter().any(|&i| i > name);
    let quoted = |value: String| {
        Token::Word(Word { value, quote_style: Some('"'), keyword: sqlparser::keywords::Keyword::NoKeyword })
    };
    out[name].token = quoted(format!("{plain}{MARK}{version}"));
    if !has_alias {
        out.push(TokenWithSpan::wrap(Token::make_keyword("AS")));
        out.push(TokenWithSpan::wrap(quoted(plain)));
    }
    Ok(())
}

/// A table as of an older snapshot: its definition and rows then.
pub(crate) struct Past {
    pub(crate) def: Arc<TableDef>,
    pub(crate) rows: Arc<TableVersion>,
}

/// The table that a marked name means; `None` for a plain name. Only a statement that a session runs has an engine: a
/// maintained view cannot read the past.
pub(crate) fn find(engine: Option<&Engine>, name: &ObjectRef, path: &[String]) -> Result<Option<Past>> {
    let Some((plain, version)) = name.name.split_once(MARK) else { return Ok(None) };
    let engine = engine.ok_or_else(|| {
        SqlError::unsupported(
            "time travel in a view or in a change of rows",
            "Copy the rows with CREATE TABLE ... AS SELECT first.",
        )
    })?;
    let reader = engine.reader()?;
    let snapshot = match version.split_at(1) {
        ("v", number) => {
            number.parse().map_err(|_| SqlError::new("22023", format!("version {number} is no snapshot")))?
        }
        (_, time) => reader.snapshot_at_time(micros(time)?).map_err(error::lake)?,
    };
    let state = reader.state_at(snapshot).map_err(error::lake)?;
    let defs = reader.objects_at(snapshot).map_err(error::lake)?;
    let defs: Vec<TableDef> = defs.iter().filter_map(|(_, _, json)| serde_json::from_str(json).ok()).collect();
    let catalog = Catalog::new(state.schemas.values().map(|s| (s.name.clone(), s.id)).collect(), defs);
    let plain = ObjectRef { schema: name.schema.clone(), name: plain.to_string() };
    let def = Arc::clone(catalog.get(&plain, path)?);
    let rows = state.tables.get(&def.id).cloned();
    let rows =
        rows.ok_or_else(|| SqlError::unsupported("time travel over a plain view", "Name the tables that it reads."))?;
    Ok(Some(Past { def, rows }))
}

fn micros(time: &str) -> Result<i64> {
    use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
    let text: ArrayRef = Arc::new(StringViewArray::from_iter_values([time]));
    let parsed = cast_column(&text, &SqlType::TimestampTz.arrow())?;
    let parsed = parsed.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    if parsed.is_null(0) { Err(SqlError::new("22007", "a time is expected")) } else { Ok(parsed.value(0)) }
}
