//! COPY: data in from the client and out to it.

use crate::connection::{Connection, unless_canceled};
use crate::decode::copy::CopyReader;
use crate::encode::copy::CopyWriter;
use crate::encode::row::Rows;
use crate::error::{Failure, protocol_violation};
use crate::frontend::Frontend;
use crate::wire::FILL;
use bytes::Bytes;
use pgwire::messages::copy::{CopyDone, CopyInResponse, CopyOutResponse};
use sluice_engine::{CopyFormat, CopyIn, CopyKind, OutputColumn, RowStream};
use sluice_sql::SqlError;
use std::io;

impl Connection {
    /// Takes the client's data; returns the tag.
    pub(crate) async fn copy_in(&mut self, mut copy: CopyIn) -> Result<String, Failure> {
        let (format, columns, formats) = wire_formats(&copy.format, copy.columns.len());
        self.wire.put(&CopyInResponse::new(format, columns, formats))?;
        self.wire.flush().await?;
        let mut reader = matches!(copy.format.kind, CopyKind::Binary).then(|| CopyReader::new(&copy.columns));
        loop {
            let taken = match (self.copy_data().await, &mut reader) {
                (Ok(Some(data)), None) => copy.data(&data).map_err(Failure::from),
                (Ok(Some(data)), Some(reader)) => reader.feed(&data, &mut copy).map_err(Failure::from),
                (Ok(None), Some(reader)) => match reader.finish(&copy) {
                    Ok(()) => break,
                    Err(error) => Err(error.into()),
                },
                (Ok(None), None) => break,
                (Err(failure), _) => Err(failure),
            };
            if let Err(failure) = taken {
                self.session.copy_abort(copy);
                return Err(failure);
            }
        }
        let (cancel, point) = (self.cancel(), self.session.commit_point());
        let tag = unless_canceled(&cancel, &point, self.session.copy_finish(copy)).await;
        self.report()?;
        Ok(tag?)
    }

    /// The next piece of data; `None` at its end.
    async fn copy_data(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let cancel = self.cancel();
            let frame = tokio::select! {
                biased;
                () = cancel.requested() => return Err(cancel.error().into()),
                frame = self.wire.read() => frame?,
            };
            let Some(frame) = frame else {
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the client left during COPY");
                return Err(error.into());
            };
            match frame.read()? {
                Frontend::CopyData(data) => return Ok(Some(data)),
                Frontend::CopyDone => return Ok(None),
                Frontend::CopyFail(reason) => {
                    return Err(SqlError::new("57014", format!("COPY from stdin failed: {reason}")).into());
                }
                // Clients send these right after the Execute that turns out to be a COPY.
                Frontend::Flush | Frontend::Sync => {}
                _ => return Err(protocol_violation("unexpected message type during COPY from stdin").into()),
            }
        }
    }

    /// Sends rows as data; returns the tag.
    pub(crate) async fn copy_out(
        &mut self,
        format: CopyFormat,
        columns: Vec<OutputColumn>,
        mut batches: RowStream,
    ) -> Result<String, Failure> {
        let (code, count, formats) = wire_formats(&format, columns.len());
        self.wire.put(&CopyOutResponse::new(code, count, formats))?;
        let mut writer = CopyWriter::new(format);
        writer.start(&mut self.wire.output, &columns)?;
        let mut sent = 0u64;
        while let Some(batch) = self.next_batch(&mut batches).await? {
            let mut rows = Rows::new(&columns, &batch, self.zone)?;
            while let Some((columns, row)) = rows.take() {
                writer.row(&mut self.wire.output, columns, row)?;
                sent += 1;
                if self.wire.output.len() >= FILL {
                    self.wire.flush().await?;
                }
            }
        }
        writer.end(&mut self.wire.output)?;
        self.wire.put(&CopyDone::new())?;
        self.report()?;
        Ok(format!("COPY {sent}"))
    }
}

/// The format of the whole copy, the number of columns, and the format of each.
fn wire_formats(format: &CopyFormat, columns: usize) -> (i8, i16, Vec<i16>) {
    let code = i8::from(matches!(format.kind, CopyKind::Binary));
    (code, columns as i16, vec![code.into(); columns])
}
