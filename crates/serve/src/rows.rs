//! Results with rows, streamed to the client batch by batch.

use crate::connection::{Connection, unless_canceled};
use crate::encode::Format;
use crate::encode::row::Rows;
use crate::error::Failure;
use crate::wire::FILL;
use arrow::array::RecordBatch;
use futures::StreamExt;
use pgwire::messages::data::{FieldDescription, RowDescription};
use sluice_engine::{OutputColumn, RowStream};
use sluice_sql::SqlError;

/// A result of which some rows may have been sent.
pub(crate) struct Cursor {
    pub(crate) columns: Vec<OutputColumn>,
    formats: Vec<Format>,
    batches: RowStream,
    current: Option<Rows>,
    at_end: bool,
}

impl Cursor {
    pub(crate) fn new(columns: Vec<OutputColumn>, formats: Vec<Format>, batches: RowStream) -> Self {
        Self { columns, formats, batches, current: None, at_end: false }
    }

    /// Whether all rows have been sent.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end
    }
}

impl Connection {
    /// The next batch, unless the client asks to cancel.
    pub(crate) async fn next_batch(&mut self, batches: &mut RowStream) -> Result<Option<RecordBatch>, SqlError> {
        let cancel = self.cancel();
        // RowStream that are always at hand would never let the request through.
        if cancel.is_requested() {
            return Err(cancel.error());
        }
        let point = self.session.commit_point();
        unless_canceled(&cancel, &point, async { batches.next().await.transpose() }).await
    }

    /// Sends up to `limit` rows; returns how many.
    pub(crate) async fn send_rows(&mut self, cursor: &mut Cursor, limit: u64) -> Result<u64, Failure> {
        let mut sent = 0;
        loop {
            while let Some(rows) = &mut cursor.current {
                sent += rows.write(&mut self.wire.output, &cursor.formats, limit - sent, FILL)?;
                if rows.is_done() {
                    cursor.current = None;
                }
                if sent == limit {
                    return Ok(sent);
                }
                self.wire.flush_if_full().await?;
            }
            match self.next_batch(&mut cursor.batches).await? {
                Some(batch) => cursor.current = Some(Rows::new(&cursor.columns, &batch, self.zone)?),
                None => {
                    cursor.at_end = true;
                    self.report()?;
                    return Ok(sent);
                }
            }
        }
    }
}

/// The message that names a result's columns.
pub(crate) fn row_description(columns: &[OutputColumn], formats: &[Format]) -> RowDescription {
    let fields = columns.iter().zip(formats).map(|(column, format)| {
        let name = column.name.replace('\0', "");
        FieldDescription::new(name, 0, 0, column.ty.oid(), column.ty.typlen(), column.ty.typmod(), format.code())
    });
    RowDescription::new(fields.collect())
}

/// The tag of a finished statement, with the number of rows where PostgreSQL's has it.
pub(crate) fn counted(tag: &str, rows: u64) -> String {
    match tag.split(' ').next() {
        Some("SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "FETCH" | "MOVE" | "COPY") => {
            format!("{tag} {rows}")
        }
        _ => tag.to_string(),
    }
}
