//! INSERT, UPDATE and DELETE, with what the parser keeps elsewhere or not at all: the WITH before them, and OVERRIDING.

use super::tokens::{find, is_word};
use sluice_sql::{Result, SqlError, Tree, each_expr, fold};
use sqlparser::ast::{
    Assignment, Expr, FromTable, Insert, OnConflictAction, OnInsert, Query, SelectItem, SetExpr, Statement as Ast,
    TableFactor, TableWithJoins, With,
};
use sqlparser::tokenizer::TokenWithSpan;

/// A statement that changes rows.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) statement: Ast,
    /// What comes before UPDATE and DELETE; that of an INSERT is part of its source.
    pub(crate) with: Option<With>,
    pub(crate) overriding: Option<Overriding>,
}

/// What an INSERT does with values for identity columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overriding {
    /// SYSTEM VALUE: they are stored, also where the column is GENERATED ALWAYS.
    System,
    /// USER VALUE: numbers of the sequence take their place.
    User,
}

/// Takes OVERRIDING out of an INSERT.
pub(super) fn take_overriding(tokens: &mut Vec<TokenWithSpan>) -> Option<Overriding> {
    let place = find(tokens, &["OVERRIDING", "SYSTEM|USER", "VALUE"])?;
    let user = tokens.drain(place).any(|t| is_word(&t.token, "USER"));
    Some(if user { Overriding::User } else { Overriding::System })
}

/// `ONLY` says nothing: no table inherits from another.
pub(super) fn leave_only_out(tokens: &mut Vec<TokenWithSpan>) {
    let only = find(tokens, &["DELETE", "FROM", "ONLY"]).or_else(|| find(tokens, &["UPDATE", "ONLY"]));
    if let Some(place) = only {
        tokens.remove(place.end - 1);
    }
}

/// The statement as a change of rows, or as it is.
pub(super) fn change(statement: Ast, overriding: Option<Overriding>) -> Result<std::result::Result<Change, Ast>> {
    let (with, statement) = match statement {
        Ast::Query(query) => match below_with(*query) {
            Ok(found) => found,
            Err(query) => return Ok(Err(Ast::Query(query))),
        },
        other => (None, other),
    };
    let change = match statement {
        Ast::Insert(mut insert) => {
            if let Some(with) = with {
                move_into_source(&mut insert, with)?;
            }
            Change { statement: Ast::Insert(insert), with: None, overriding }
        }
        Ast::Update(update) => {
            refuse_hidden_target(with.as_ref(), &update.table)?;
            refuse_subqueries(with.as_ref(), update.returning.as_deref(), &[], None)?;
            Change { statement: Ast::Update(update), with, overriding: None }
        }
        Ast::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            from.iter().try_for_each(|table| refuse_hidden_target(with.as_ref(), table))?;
            refuse_subqueries(with.as_ref(), delete.returning.as_deref(), &[], None)?;
            Change { statement: Ast::Delete(delete), with, overriding: None }
        }
        other => return Ok(Err(other)),
    };
    Ok(Ok(change))
}

/// The parser has a statement after WITH as the body of a query.
fn below_with(query: Query) -> std::result::Result<(Option<With>, Ast), Box<Query>> {
    match *query.body {
        SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
            Ok((query.with, statement))
        }
        body => Err(Box::new(Query { body: Box::new(body), ..query })),
    }
}

fn move_into_source(insert: &mut Insert, with: With) -> Result<()> {
    let conflict = match &insert.on {
        Some(OnInsert::OnConflict(conflict)) => match &conflict.action {
            OnConflictAction::DoUpdate(update) => (update.assignments.as_slice(), update.selection.as_ref()),
            OnConflictAction::DoNothing => (&[][..], None),
        },
        _ => (&[][..], None),
    };
    refuse_subqueries(Some(&with), insert.returning.as_deref(), conflict.0, conflict.1)?;
    let Some(source) = insert.source.as_mut() else {
        return Err(SqlError::unsupported("WITH before INSERT ... DEFAULT VALUES", "Leave WITH out."));
    };
    if source.with.is_none() {
        source.with = Some(with);
        return Ok(());
    }
    // The source's own WITH hides names of the outer one.
    let inner = SetExpr::Query(source.clone());
    **source = Query {
        with: Some(with),
        body: Box::new(inner),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    };
    Ok(())
}

/// The query for the rows to change would find what WITH names in the place of the table.
fn refuse_hidden_target(with: Option<&With>, table: &TableWithJoins) -> Result<()> {
    let TableFactor::Table { name, .. } = &table.relation else { return Ok(()) };
    let [part] = name.0.as_slice() else { return Ok(()) };
    let hides = |w: &With| w.cte_tables.iter().any(|c| part.as_ident().is_some_and(|i| fold(i) == fold(&c.alias.name)));
    if with.is_some_and(hides) {
        return Err(SqlError::unsupported(
            format!("a WITH query named as the table that changes, \"{name}\","),
            "Give the WITH query another name.",
        ));
    }
    Ok(())
}

/// These are computed apart from the rows that are found, where nothing of WITH is known.
fn refuse_subqueries(
    with: Option<&With>,
    returning: Option<&[SelectItem]>,
    assignments: &[Assignment],
    selection: Option<&Expr>,
) -> Result<()> {
    if with.is_none() {
        return Ok(());
    }
    let mut found = false;
    let mut look = |e: &Expr| found |= matches!(e, Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. });
    returning.unwrap_or_default().iter().for_each(|item| each_expr(Tree::Item(item), &mut look));
    assignments.iter().for_each(|a| each_expr(Tree::Expr(&a.value), &mut look));
    selection.iter().for_each(|e| each_expr(Tree::Expr(e), &mut look));
    if found {
        return Err(SqlError::unsupported(
            "a subquery in RETURNING or ON CONFLICT of a statement with WITH",
            "Leave WITH out, or run the subquery before.",
        ));
    }
    Ok(())
}
