//! Messages from clients. Nothing in them is trusted: every length is checked and every text must be UTF-8, so that a
//! broken client gets an error and not a session in an unknown state.

use crate::decode::utf8;
use crate::error::{Failure, protocol_violation};
use bytes::{Buf, Bytes, BytesMut};
use sluice_sql::SqlError;

/// The kind of a message and its length.
const HEADER: usize = 5;
/// As in PostgreSQL: messages that carry text or data may be long, the others are short.
const MAX_LONG: usize = 0x3fff_ffff;
const MAX_SHORT: usize = 10_000;

/// A message from a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frontend {
    Query(String),
    Parse(Parse),
    Bind(Bind),
    Describe(Target),
    Execute { portal: String, max_rows: i32 },
    Close(Target),
    Flush,
    Sync,
    CopyData(Bytes),
    CopyDone,
    CopyFail(String),
    Password(Bytes),
    FunctionCall,
    Terminate,
}

/// Prepares a statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parse {
    pub(crate) name: String,
    pub(crate) sql: String,
    /// Numbers of the parameters' types; 0 leaves one open.
    pub(crate) types: Vec<u32>,
}

/// Makes a portal of a statement and its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) portal: String,
    pub(crate) statement: String,
    pub(crate) formats: Vec<i16>,
    /// `None` is NULL.
    pub(crate) values: Vec<Option<Bytes>>,
    pub(crate) result_formats: Vec<i16>,
}

/// What is described or closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Statement(String),
    Portal(String),
}

/// A message whose end is known but whose content is not read yet.
#[derive(Debug)]
pub(crate) struct Frame {
    kind: u8,
    body: Bytes,
}

impl Frame {
    /// Takes the next message out of the input if all of it is there.
    pub(crate) fn take(input: &mut BytesMut) -> Result<Option<Self>, Failure> {
        let Some((header, _)) = input.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [kind, length @ ..] = *header;
        let limit = match kind {
            b'Q' | b'P' | b'B' | b'd' | b'F' => MAX_LONG,
            b'D' | b'E' | b'C' | b'H' | b'S' | b'c' | b'f' | b'p' | b'X' => MAX_SHORT,
            _ => return Err(Failure::protocol(format!("invalid frontend message type {kind}"))),
        };
        // The length counts itself.
        let length = usize::try_from(i32::from_be_bytes(length)).ok().filter(|l| (4..=limit).contains(l));
        let length = length.ok_or_else(|| Failure::protocol("invalid message length"))?;
        if input.len() < length + 1 {
            return Ok(None);
        }
        let mut body = input.split_to(length + 1).freeze();
        body.advance(HEADER);
        Ok(Some(Self { kind, body }))
    }

    /// Whether an error in this message means that all is skipped until the next Sync.
    pub(crate) fn is_extended(&self) -> bool {
        matches!(self.kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
    }

    /// Reads the content.
    pub(crate) fn read(self) -> Result<Frontend, SqlError> {
        let mut body = Body(self.body);
        Ok(match self.kind {
            b'Q' => Frontend::Query(body.text()?),
            b'P' => Frontend::Parse(Parse { name: body.text()?, sql: body.text()?, types: body.list(|b| b.u32())? }),
            b'B' => Frontend::Bind(Bind {
                portal: body.text()?,
                statement: body.text()?,
                formats: body.list(|b| b.i16())?,
                values: body.list(|b| b.value())?,
                result_formats: body.list(|b| b.i16())?,
            }),
            b'D' => Frontend::Describe(body.target()?),
            b'E' => Frontend::Execute { portal: body.text()?, max_rows: body.i32()? },
            b'C' => Frontend::Close(body.target()?),
            b'H' => Frontend::Flush,
            b'S' => Frontend::Sync,
            b'd' => Frontend::CopyData(body.0),
            b'c' => Frontend::CopyDone,
            b'f' => Frontend::CopyFail(body.text()?),
            b'p' => Frontend::Password(body.0),
            b'F' => Frontend::FunctionCall,
            _ => Frontend::Terminate,
        })
    }
}

/// What is left of a message's content.
pub(crate) struct Body(pub(crate) Bytes);

impl Body {
    fn take(&mut self, count: usize) -> Result<Bytes, SqlError> {
        if count > self.0.len() {
            return Err(protocol_violation("insufficient data left in message"));
        }
        Ok(self.0.split_to(count))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SqlError> {
        let bytes = self.take(N)?;
        bytes.as_ref().try_into().map_err(|_| protocol_violation("insufficient data left in message"))
    }

    pub(crate) fn i16(&mut self) -> Result<i16, SqlError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, SqlError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, SqlError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A text that ends with a zero byte.
    pub(crate) fn text(&mut self) -> Result<String, SqlError> {
        let end = self.0.iter().position(|b| *b == 0);
        let end = end.ok_or_else(|| protocol_violation("invalid string in message"))?;
        let text = self.take(end)?;
        self.0.advance(1);
        utf8(&text).map(str::to_string)
    }

    /// Bytes with their length before them; -1 for NULL.
    pub(crate) fn value(&mut self) -> Result<Option<Bytes>, SqlError> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| protocol_violation("invalid length of a value"))?;
                self.take(length).map(Some)
            }
        }
    }

    /// Items with their count before them.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, SqlError>) -> Result<Vec<T>, SqlError> {
        let count = self.array().map(u16::from_be_bytes)?;
        (0..count).map(|_| item(self)).collect()
    }

    fn target(&mut self) -> Result<Target, SqlError> {
        let [kind] = self.array()?;
        match kind {
            b'S' => self.text().map(Target::Statement),
            b'P' => self.text().map(Target::Portal),
            other => Err(protocol_violation(format!("invalid kind of object {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Frontend, SqlError> {
        let mut input = BytesMut::from(bytes);
        Frame::take(&mut input).expect("well framed").expect("a whole message").read()
    }

    #[test]
    fn messages_are_read() {
        assert_eq!(read(b"Q\0\0\0\x0dselect 1\0"), Ok(Frontend::Query("select 1".into())));
        assert_eq!(read(b"S\0\0\0\x04"), Ok(Frontend::Sync));
        let parse = Parse { name: String::new(), sql: "x".into(), types: vec![23] };
        assert_eq!(read(b"P\0\0\0\x0d\0x\0\0\x01\0\0\0\x17"), Ok(Frontend::Parse(parse)));
        let bind = Bind {
            portal: "p".into(),
            statement: String::new(),
            formats: vec![1],
            values: vec![Some(Bytes::from_static(b"v")), None],
            result_formats: vec![],
        };
        let bytes = b"B\0\0\0\x18p\0\0\0\x01\0\x01\0\x02\0\0\0\x01v\xff\xff\xff\xff\0\0";
        assert_eq!(read(&bytes[..]), Ok(Frontend::Bind(bind)));
        assert_eq!(read(b"C\0\0\0\x07Sa\0"), Ok(Frontend::Close(Target::Statement("a".into()))));
    }

    #[test]
    fn messages_come_in_pieces() {
        let mut input = BytesMut::from(&b"S\0\0\0\x04Q\0\0"[..]);
        assert!(Frame::take(&mut input).expect("well framed").is_some());
        assert!(Frame::take(&mut input).expect("well framed").is_none());
        input.extend_from_slice(b"\0\x06x\0H");
        assert!(Frame::take(&mut input).expect("well framed").is_some());
        assert!(Frame::take(&mut input).expect("well framed").is_none());
    }

    #[test]
    fn lies_are_errors() {
        for bytes in [
            &b"Q\0\0\0\x05x"[..],
            b"P\0\0\0\x06\0\0",
            b"P\0\0\0\x08\0\0\xff\xff",
            b"B\0\0\0\x0a\0\0\0\0\xff\xff",
            b"B\0\0\0\x0e\0\0\0\0\0\x01\x7f\xff\xff\xff",
            b"D\0\0\0\x06Xa",
            b"E\0\0\0\x05\0",
            b"C\0\0\0\x04",
        ] {
            assert_eq!(read(bytes).expect_err("refused").code, "08P01", "{bytes:?}");
        }
        assert_eq!(read(b"Q\0\0\0\x06\xff\0").expect_err("refused").code, "22021");
        for bytes in [&b"Z\0\0\0\x04"[..], b"Q\0\0\0\x03", b"Q\xff\xff\xff\xff", b"S\0\x10\0\0"] {
            assert!(matches!(Frame::take(&mut BytesMut::from(bytes)), Err(Failure::Fatal(_))), "{bytes:?}");
        }
    }
}
