//! What comes before messages: packets that have a code instead of a kind.

use crate::error::protocol_violation;
use crate::frontend::Body;
use bytes::{Bytes, BytesMut};
use sluice_sql::SqlError;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

const CANCEL: u32 = 80_877_102;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const MAJOR: u32 = 3;
/// As in PostgreSQL.
const MAX_LENGTH: usize = 10_000;

/// A packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// TLS is asked for.
    Ssl,
    /// Encryption of another kind is asked for.
    Gss,
    /// Another session's statement is to stop.
    Cancel { pid: i32, secret: Bytes },
    /// A session is asked for.
    Startup(Startup),
}

/// The wish for a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Startup {
    /// The minor version of the protocol; the major one is 3.
    pub(crate) minor: u16,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Startup {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }
}

impl Packet {
    /// Reads a packet and not a byte more: what follows may be encrypted.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Result<Self, SqlError>> {
        let length = stream.read_u32().await? as usize;
        if !(8..=MAX_LENGTH).contains(&length) {
            return Ok(Err(protocol_violation("invalid length of startup packet")));
        }
        let mut body = BytesMut::zeroed(length - 4);
        stream.read_exact(&mut body).await?;
        Ok(Self::decode(Body(body.freeze())))
    }

    fn decode(mut body: Body) -> Result<Self, SqlError> {
        match body.u32()? {
            SSL => Ok(Self::Ssl),
            GSS => Ok(Self::Gss),
            CANCEL => Ok(Self::Cancel { pid: body.i32()?, secret: body.0 }),
            version if version >> 16 == MAJOR => Startup::decode(version as u16, body).map(Self::Startup),
            version => {
                let (major, minor) = (version >> 16, version & 0xffff);
                let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2");
                Err(SqlError::new("0A000", message))
            }
        }
    }
}

impl Startup {
    fn decode(minor: u16, mut body: Body) -> Result<Self, SqlError> {
        let mut parameters = Vec::new();
        loop {
            let name = body.text()?;
            if name.is_empty() {
                return Ok(Self { minor, parameters });
            }
            parameters.push((name, body.text()?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &'static [u8]) -> Result<Packet, SqlError> {
        Packet::decode(Body(Bytes::from_static(bytes)))
    }

    #[test]
    fn packets() {
        assert_eq!(decode(b"\x04\xd2\x16\x2f"), Ok(Packet::Ssl));
        let cancel = Packet::Cancel { pid: 7, secret: Bytes::from_static(b"abcd") };
        assert_eq!(decode(b"\x04\xd2\x16\x2e\0\0\0\x07abcd"), Ok(cancel));
        let startup = decode(b"\0\x03\0\0user\0me\0database\0\0\0");
        let Ok(Packet::Startup(startup)) = startup else { panic!("{startup:?}") };
        assert_eq!((startup.get("user"), startup.get("database"), startup.minor), (Some("me"), None, 0));
        assert_eq!(decode(b"\0\x02\0\0\0").expect_err("refused").code, "0A000");
        assert_eq!(decode(b"\0\x03\0\0user").expect_err("refused").code, "08P01");
        assert_eq!(decode(b"\0\x03\0\0user\0\xff\0\0").expect_err("refused").code, "22021");
    }
}
