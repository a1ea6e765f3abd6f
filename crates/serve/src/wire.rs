//! The bytes of a connection: messages out of the input, messages into the output.

use crate::error::Failure;
use crate::frontend::Frame;
use bytes::BytesMut;
use pgwire::messages::Message;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Output is sent when it has grown to this; until then, only where the protocol demands it.
pub(crate) const FILL: usize = 64 << 10;
/// Room made for each read.
const READ: usize = 16 << 10;
/// A buffer that one large message has grown beyond this is given back.
const KEEP: usize = 1 << 20;

/// A TCP, TLS or unix connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection and its buffers.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    input: BytesMut,
    /// Messages that wait to be sent.
    pub(crate) output: BytesMut,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, input: BytesMut::new(), output: BytesMut::new() }
    }

    /// The next message, if all of it has arrived.
    pub(crate) fn buffered(&mut self) -> Result<Option<Frame>, Failure> {
        Frame::take(&mut self.input)
    }

    /// Whether a Sync is the next message and has arrived.
    pub(crate) fn sync_is_next(&self) -> bool {
        self.input.first() == Some(&b'S')
    }

    /// Waits for more input; `false` if there is none to come. Nothing is lost if the caller stops waiting.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        self.input.reserve(READ);
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }

    /// The next message, waiting for it; `None` at the end.
    pub(crate) async fn read(&mut self) -> Result<Option<Frame>, Failure> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(Some(frame));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Adds a message to the output.
    pub(crate) fn put(&mut self, message: &impl Message) -> io::Result<()> {
        message.encode(&mut self.output).map_err(io::Error::other)
    }

    /// Sends the output.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output).await?;
        self.output.clear();
        if self.output.capacity() > KEEP {
            self.output = BytesMut::new();
        }
        self.stream.flush().await
    }

    /// Sends the output if there is much of it.
    pub(crate) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.output.len() >= FILL { self.flush().await } else { Ok(()) }
    }

    /// Sends the output and says goodbye. The client may be gone by now.
    pub(crate) async fn close(mut self) {
        if self.flush().await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }
}
