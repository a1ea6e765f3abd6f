//! The simple query: a string of statements, each answered in text format. Several of them are one transaction, and the
//! first that fails is the last that runs.

use crate::connection::Connection;
use crate::deallocate::Deallocate;
use crate::encode::Format;
use crate::error::Failure;
use crate::rows::{Cursor, counted, row_description};
use pgwire::messages::response::EmptyQueryResponse;
use sluice_engine::Outcome;

impl Connection {
    /// Runs a query string.
    pub(crate) async fn simple_query(&mut self, sql: &str) -> Result<(), Failure> {
        // As in PostgreSQL, it takes the place of the nameless statement and portal.
        self.statements.remove("");
        self.portals.remove("");
        if let Some(deallocate) = Deallocate::parse(sql)
            && self.deallocate(&deallocate)?
        {
            return Ok(());
        }
        let statements = self.session.parse(sql)?;
        if statements.is_empty() {
            return Ok(self.wire.put(&EmptyQueryResponse::new())?);
        }
        let (last, several) = (statements.len() - 1, statements.len() > 1);
        for (i, statement) in statements.iter().enumerate() {
            if several {
                self.begin_implicit();
            }
            self.start_time();
            let outcome = self.execute(statement, Vec::new()).await?;
            let tag = self.answer(outcome).await?;
            if i == last {
                // Before the last statement is told to be done, as the commit may fail.
                self.end_implicit().await?;
            }
            match tag {
                Some(tag) => self.complete(tag)?,
                None => self.wire.put(&EmptyQueryResponse::new())?,
            }
        }
        Ok(())
    }

    /// Sends a statement's result; returns its tag, or `None` for an empty statement.
    async fn answer(&mut self, outcome: Outcome) -> Result<Option<String>, Failure> {
        Ok(match outcome {
            Outcome::Rows { columns, batches, tag } => {
                let formats = vec![Format::Text; columns.len()];
                self.wire.put(&row_description(&columns, &formats))?;
                let mut cursor = Cursor::new(columns, formats, batches);
                let rows = self.send_rows(&mut cursor, u64::MAX).await?;
                Some(counted(&tag, rows))
            }
            Outcome::Done { tag } => Some(tag),
            Outcome::Empty => None,
            Outcome::CopyIn(copy) => Some(self.copy_in(copy).await?),
            Outcome::CopyOut { format, columns, batches } => Some(self.copy_out(format, columns, batches).await?),
        })
    }
}
