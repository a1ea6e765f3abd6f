//! A server with a lake of its own, and a client that shows every message.

use sluice_engine::{Engine, EngineOptions};
use sluice_serve::{ServeOptions, bind};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Longer than any answer takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that stops when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Server {
    pub fn start() -> Self {
        Self::start_after(|_| {})
    }

    /// Starts once `prepare` has seen the engine.
    pub fn start_after(prepare: impl FnOnce(&Engine) + Send + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().to_path_buf();
        let (stop, stopped) = oneshot::channel();
        let (started, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let engine = Engine::open(&path, &EngineOptions::default()).expect("a lake");
                prepare(&engine);
                let listener = bind(ServeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)))).await.expect("a port");
                started.send(listener.address()).expect("the test waits");
                listener.serve(engine.clone(), async { stopped.await.unwrap_or(()) }).await;
                tokio::task::spawn_blocking(move || engine.stop()).await.expect("the engine stops");
            });
        });
        let address = address.recv().expect("a server");
        Self { address, stop: Some(stop), thread: Some(thread), _dir: dir }
    }

    /// Asks the server to stop, without waiting for it.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).expect("the server runs");
        }
    }

    pub fn connect(&self) -> Client {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let parameters = b"\0\x03\0\0user\0tester\0\0";
        stream.write_all(&[&(parameters.len() as u32 + 4).to_be_bytes()[..], parameters].concat()).expect("sent");
        let mut client = Client { stream, key: Vec::new(), last_error: String::new() };
        let greeting = client.until_ready();
        assert_eq!(greeting.last().map(String::as_str), Some("Z I"));
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client that is logged in.
pub struct Client {
    stream: TcpStream,
    /// Process number and secret, as a cancel request has them.
    pub key: Vec<u8>,
    /// All fields of the last error.
    pub last_error: String,
}

impl Client {
    /// Sends messages in one piece.
    pub fn send(&mut self, messages: &[Vec<u8>]) {
        self.stream.write_all(&messages.concat()).expect("sent");
    }

    /// Runs a query string and returns the messages up to ReadyForQuery.
    pub fn query(&mut self, sql: &str) -> Vec<String> {
        self.send(&[message(b'Q', &[sql.as_bytes(), b"\0"])]);
        self.until_ready()
    }

    /// Whether there is something to read, waiting for it so long.
    pub fn has_answer(&self, wait: Duration) -> bool {
        self.stream.set_read_timeout(Some(wait)).expect("a timeout");
        let some = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        some
    }

    pub fn until_ready(&mut self) -> Vec<String> {
        let mut shown = Vec::new();
        loop {
            shown.push(self.next().expect("a message"));
            if shown.last().is_some_and(|m| m.starts_with('Z')) {
                return shown;
            }
        }
    }

    /// The next message, in short; `None` if the server has closed the connection.
    pub fn next(&mut self) -> Option<String> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).ok()?;
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).ok()?;
        if header[0] == b'K' {
            self.key = body.clone();
        }
        if header[0] == b'E' {
            self.last_error = String::from_utf8_lossy(&body).replace('\0', "\n");
        }
        Some(shown(header[0], &body))
    }
}

/// A message of this kind.
pub fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), &body].concat()
}

/// Kind and content: the code of an error, the values of a row, the names of columns.
fn shown(kind: u8, body: &[u8]) -> String {
    let count = || usize::from(u16::from_be_bytes([body[0], body[1]]));
    let until_zero = |bytes: &[u8]| {
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let content = match kind {
        b'E' | b'N' => {
            let code = body.split(|b| *b == 0).find_map(|f| f.strip_prefix(b"C"));
            until_zero(code.unwrap_or_default())
        }
        b'D' => {
            let mut rest = &body[2..];
            let values = (0..count()).map(|_| {
                let length = i32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]);
                rest = &rest[4..];
                let Ok(length) = usize::try_from(length) else { return "NULL".to_string() };
                let (value, after) = rest.split_at(length);
                rest = after;
                match value.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
                    true => String::from_utf8_lossy(value).into_owned(),
                    false => format!("{value:02x?}"),
                }
            });
            values.collect::<Vec<_>>().join("|")
        }
        b'T' => {
            let mut rest = &body[2..];
            let names = (0..count()).map(|_| {
                let name = until_zero(rest);
                let format = rest[name.len() + 18];
                rest = &rest[name.len() + 19..];
                if format == 1 { format!("{name} in binary") } else { name }
            });
            names.collect::<Vec<_>>().join("|")
        }
        b't' => {
            let types = body[2..].chunks(4).map(|t| u32::from_be_bytes([t[0], t[1], t[2], t[3]]).to_string());
            types.collect::<Vec<_>>().join("|")
        }
        b'S' => return "S".into(),
        b'd' => String::from_utf8_lossy(body).into_owned(),
        _ => until_zero(body),
    };
    format!("{} {content}", char::from(kind)).trim_end().to_string()
}
