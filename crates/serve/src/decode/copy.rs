//! COPY FROM in PostgreSQL's binary format: a signature and a header, then rows of fields that tell their length.

use crate::decode::{binary, null};
use datafusion::common::ScalarValue;
use sluice_engine::{CopyIn, OutputColumn};
use sluice_sql::{SqlError, SqlType};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Stands where the number of fields would, after the last row.
const TRAILER: i16 = -1;
/// Flags of the header that a reader must know; none are defined any more.
const CRITICAL: u32 = 0xffff_0000;

/// Takes data in pieces of any size apart.
pub(crate) struct CopyReader {
    types: Vec<SqlType>,
    rest: Vec<u8>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Header,
    Rows,
    Ended,
}

impl CopyReader {
    pub(crate) fn new(columns: &[OutputColumn]) -> Self {
        Self { types: columns.iter().map(|c| c.ty.clone()).collect(), rest: vec![], state: State::Header }
    }

    /// Gives every row that is whole to `copy`.
    pub(crate) fn feed(&mut self, data: &[u8], copy: &mut CopyIn) -> Result<(), SqlError> {
        self.rest.extend_from_slice(data);
        let mut used = 0;
        loop {
            let mut bytes = Bytes { rest: &self.rest[used..] };
            let step = match self.state {
                State::Header => header(&mut bytes).map_err(|e| copy.misread(None, e))?.map(|()| State::Rows),
                State::Rows => self.row(&mut bytes, copy)?,
                State::Ended if bytes.rest.is_empty() => None,
                State::Ended => return Err(copy.misread(None, bad_data("received copy data after EOF marker"))),
            };
            let Some(next) = step else { break };
            used = self.rest.len() - bytes.rest.len();
            self.state = next;
        }
        self.rest.drain(..used);
        Ok(())
    }

    /// Checks that nothing is missing. As in PostgreSQL, data may end without its trailer.
    pub(crate) fn finish(&self, copy: &CopyIn) -> Result<(), SqlError> {
        match self.state {
            State::Header => Err(copy.misread(None, bad_data("COPY file signature not recognized"))),
            State::Rows | State::Ended if self.rest.is_empty() => Ok(()),
            State::Rows | State::Ended => Err(copy.misread(None, bad_data("unexpected EOF in COPY data"))),
        }
    }

    /// Reads a row, or the trailer; `None` if some of it has not come yet.
    fn row(&self, bytes: &mut Bytes<'_>, copy: &mut CopyIn) -> Result<Option<State>, SqlError> {
        let Some(count) = bytes.take().map(i16::from_be_bytes) else { return Ok(None) };
        if count == TRAILER {
            return Ok(Some(State::Ended));
        }
        if usize::try_from(count) != Ok(self.types.len()) {
            let message = format!("row field count is {count}, expected {}", self.types.len());
            return Err(copy.misread(None, bad_data(message)));
        }
        let mut values = Vec::with_capacity(self.types.len());
        for (at, ty) in self.types.iter().enumerate() {
            match field(ty, bytes).map_err(|e| copy.misread(Some(at), e))? {
                Some(value) => values.push(value),
                None => return Ok(None),
            }
        }
        copy.row(values)?;
        Ok(Some(State::Rows))
    }
}

/// `None` if some of it has not come yet.
fn field(ty: &SqlType, bytes: &mut Bytes<'_>) -> Result<Option<ScalarValue>, SqlError> {
    let Some(length) = bytes.take().map(i32::from_be_bytes) else { return Ok(None) };
    if length == -1 {
        return null(ty).map(Some);
    }
    let length = usize::try_from(length).map_err(|_| bad_data("invalid field size"))?;
    bytes.split(length).map(|value| binary::value(ty, value)).transpose()
}

fn header(bytes: &mut Bytes<'_>) -> Result<Option<()>, SqlError> {
    let known = bytes.rest.len().min(SIGNATURE.len());
    if bytes.rest[..known] != SIGNATURE[..known] {
        return Err(bad_data("COPY file signature not recognized").hint("Is the data in binary format?"));
    }
    if bytes.split(SIGNATURE.len()).is_none() {
        return Ok(None);
    }
    let (Some(flags), Some(extension)) = (bytes.take().map(u32::from_be_bytes), bytes.take().map(u32::from_be_bytes))
    else {
        return Ok(None);
    };
    if flags & CRITICAL != 0 {
        return Err(bad_data("unrecognized critical flags in COPY file header"));
    }
    Ok(bytes.split(extension as usize).map(|_| ()))
}

fn bad_data(message: impl Into<String>) -> SqlError {
    SqlError::new("22P04", message)
}

/// What has come and is not read yet.
struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*first)
    }

    fn split(&mut self, length: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(first)
    }
}
