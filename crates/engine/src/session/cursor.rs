//! Cursors: a query of a transaction whose rows are fetched in parts.

use super::{Outcome, OutputColumn, RowStream, Session};
use arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use futures::StreamExt;
use parking_lot::Mutex;
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{CloseCursor, Declare, DeclareType, FetchDirection, Value, ValueWithSpan};

/// An open cursor.
pub(crate) struct Cursor {
    pub(super) columns: Vec<OutputColumn>,
    /// Nobody shares it; the lock lets a session be looked at by several threads.
    rows: Mutex<Option<RowStream>>,
    /// Rows that were computed and not fetched.
    rest: Option<RecordBatch>,
}

impl Session {
    /// DECLARE name CURSOR FOR query.
    pub(super) async fn declare(&mut self, declares: &[Declare], params: &[ScalarValue]) -> Result<Outcome> {
        let [declare] = declares else { return Err(SqlError::new("42601", "DECLARE declares one cursor")) };
        let (Some(DeclareType::Cursor), [name], Some(query)) =
            (&declare.declare_type, declare.names.as_slice(), &declare.for_query)
        else {
            return Err(SqlError::unsupported(
                "DECLARE of anything but a cursor",
                "Write DECLARE c CURSOR FOR SELECT ....",
            ));
        };
        if declare.binary == Some(true) || declare.scroll == Some(true) {
            return Err(SqlError::unsupported("a BINARY or SCROLL cursor", "Write DECLARE c CURSOR FOR SELECT ...."));
        }
        if declare.hold == Some(true) {
            return Err(SqlError::unsupported(
                "a cursor WITH HOLD",
                "Fetch before COMMIT, or read the query's result itself.",
            ));
        }
        let name = fold(name);
        match &self.block {
            Some(block) if !block.implicit => {
                if block.cursors.contains_key(&name) {
                    return Err(SqlError::new("42P03", format!("cursor \"{name}\" already exists")));
                }
            }
            _ => {
                return Err(SqlError::new("25P01", "DECLARE CURSOR can only be used in transaction blocks")
                    .hint("Begin with BEGIN; the cursor is closed at COMMIT."));
            }
        }
        let Outcome::Rows { columns, batches, .. } = self.query(query, params).await? else {
            return Err(SqlError::internal("a query without rows"));
        };
        let cursor = Cursor { columns, rows: Mutex::new(Some(batches)), rest: None };
        if let Some(block) = &mut self.block {
            block.cursors.insert(name, cursor);
        }
        Ok(Outcome::done("DECLARE CURSOR"))
    }

    /// FETCH: the next rows.
    pub(super) async fn fetch(&mut self, name: &str, direction: &FetchDirection) -> Result<Outcome> {
        let wanted = count(direction)?;
        let cursor = self.block.as_mut().and_then(|b| b.cursors.get_mut(name)).ok_or_else(|| no_cursor(name))?;
        let batches = cursor.take(wanted).await?;
        let batches = futures::stream::iter(batches.into_iter().map(Ok));
        Ok(Outcome::Rows { columns: cursor.columns.clone(), batches: Box::pin(batches), tag: "FETCH".into() })
    }

    /// CLOSE name, or ALL.
    pub(super) fn close(&mut self, cursor: &CloseCursor) -> Result<Outcome> {
        let cursors = self.block.as_mut().map(|b| &mut b.cursors);
        match cursor {
            CloseCursor::All => {
                cursors.into_iter().for_each(|c| c.clear());
                Ok(Outcome::done("CLOSE CURSOR ALL"))
            }
            CloseCursor::Specific { name } => {
                let name = fold(name);
                cursors.and_then(|c| c.remove(&name)).ok_or_else(|| no_cursor(&name))?;
                Ok(Outcome::done("CLOSE CURSOR"))
            }
        }
    }

    /// The columns of an open cursor.
    pub(super) fn cursor_columns(&self, name: &str) -> Result<Vec<OutputColumn>> {
        let cursor = self.block.as_ref().and_then(|b| b.cursors.get(name));
        cursor.map(|c| c.columns.clone()).ok_or_else(|| no_cursor(name))
    }
}

fn no_cursor(name: &str) -> SqlError {
    SqlError::new("34000", format!("cursor \"{name}\" does not exist"))
}

fn count(direction: &FetchDirection) -> Result<usize> {
    let number = |limit: &ValueWithSpan| match &limit.value {
        Value::Number(n, _) => n.to_string().parse().ok(),
        _ => None,
    };
    let wanted = match direction {
        FetchDirection::Next | FetchDirection::Forward { limit: None } => Some(1),
        FetchDirection::All | FetchDirection::ForwardAll => Some(usize::MAX),
        FetchDirection::Count { limit } | FetchDirection::Forward { limit: Some(limit) } => number(limit),
        _ => None,
    };
    wanted.ok_or_else(|| {
        SqlError::new("55000", "cursor can only scan forward").hint("Write FETCH n, FETCH NEXT or FETCH ALL.")
    })
}

impl Cursor {
    /// Up to `wanted` rows. A fetch that is cancelled leaves the cursor at its end.
    async fn take(&mut self, wanted: usize) -> Result<Vec<RecordBatch>> {
        let mut taken = vec![];
        let mut missing = wanted;
        let mut rows = self.rows.get_mut().take();
        while missing > 0 {
            let batch = match (self.rest.take(), &mut rows) {
                (Some(rest), _) => rest,
                (None, Some(rows)) => match rows.next().await.transpose()? {
                    Some(batch) => batch,
                    None => break,
                },
                (None, None) => break,
            };
            let now = missing.min(batch.num_rows());
            if now < batch.num_rows() {
                self.rest = Some(batch.slice(now, batch.num_rows() - now));
            }
            missing -= now;
            taken.push(batch.slice(0, now));
        }
        *self.rows.get_mut() = rows;
        Ok(taken)
    }
}
