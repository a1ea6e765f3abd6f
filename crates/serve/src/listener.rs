//! The addresses that are listened on, and the clients that come.

use crate::ServeOptions;
use crate::cancel::Sessions;
use crate::error::ServeError;
use crate::scram::Decoys;
use crate::startup;
use crate::wire::Stream;
use pgwire::tokio::TlsAcceptor;
use sluice_engine::Engine;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Between attempts to accept a client when the system has run out of something.
const PAUSE: Duration = Duration::from_millis(100);
/// May do anything on this machine.
const ROOT: u32 = 0;
/// As PostgreSQL keeps for superusers.
const OWNER_SLOTS: usize = 3;

/// What all connections share.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) decoys: Decoys,
    pub(crate) sessions: Arc<Sessions>,
    /// One for each client that may be connected.
    pub(crate) slots: Arc<Semaphore>,
    /// More of them for the owner, whom strangers that never log in must not keep out.
    pub(crate) owner_slots: Arc<Semaphore>,
    /// Turns true when the server stops.
    pub(crate) draining: watch::Sender<bool>,
}

/// Addresses that are listened on; clients wait until [`Listener::serve`].
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    socket: Option<Socket>,
    tls: Option<TlsAcceptor>,
    decoys: Decoys,
    options: ServeOptions,
}

/// A unix socket, which goes when the server does.
struct Socket {
    path: PathBuf,
    listener: UnixListener,
    /// The user that runs the server.
    owner: u32,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Listener {
    pub(crate) async fn bind(options: ServeOptions) -> Result<Self, ServeError> {
        let wanted = options.listen;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::AddressInUse(wanted),
            _ => ServeError::Listen { address: wanted, source },
        };
        let tls = options.tls.as_ref().map(|files| files.acceptor()).transpose()?;
        let tcp = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        let socket = options.unix_socket.clone().map(Socket::bind).transpose()?;
        let decoys = Decoys::new().map_err(failed)?;
        Ok(Self { tcp, address, socket, tls, decoys, options })
    }

    /// The address, with the port that the system chose if none was wanted.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves clients until `shutdown` is done. Then no more are accepted, running statements finish within the time of
    /// grace, and the others are told that the server stops.
    pub async fn serve(self, engine: Engine, shutdown: impl Future<Output = ()>) {
        let Self { tcp, address, socket, tls, decoys, options } = self;
        let grace = options.grace;
        let trusts_tcp = !asks_passwords(address);
        let server = Arc::new(Server {
            engine,
            tls,
            decoys,
            sessions: Arc::default(),
            slots: Arc::new(Semaphore::new(options.max_connections)),
            owner_slots: Arc::new(Semaphore::new(if trusts_tcp { 0 } else { OWNER_SLOTS })),
            draining: watch::Sender::new(false),
        });
        if !trusts_tcp {
            server.engine.refuse_files();
        }
        let mut clients = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let accepted: io::Result<(Box<dyn Stream>, bool)> = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = clients.join_next() => {
                    log_panic(ended);
                    continue;
                }
                accepted = tcp.accept() => accepted.and_then(|(stream, _)| {
                    stream.set_nodelay(true)?;
                    // Finds out about clients that vanish without a word.
                    socket2::SockRef::from(&stream).set_keepalive(true)?;
                    Ok((Box::new(stream) as Box<dyn Stream>, trusts_tcp))
                }),
                accepted = accept(socket.as_ref()) => accepted.map(|stream| (stream, true)),
            };
            match accepted {
                Ok((stream, trusted)) => {
                    clients.spawn(startup::serve(Arc::clone(&server), stream, trusted));
                }
                Err(error) => {
                    tracing::warn!(%error, "a client could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop((tcp, socket));
        server.draining.send_replace(true);
        let leave = async {
            while let Some(ended) = clients.join_next().await {
                log_panic(ended);
            }
        };
        if tokio::time::timeout(grace, leave).await.is_err() {
            tracing::warn!(clients = clients.len(), "clients are cut off");
            clients.shutdown().await;
        }
    }
}

/// Whether clients of a server at this address need a password: others than this machine's users can reach it.
pub fn asks_passwords(address: SocketAddr) -> bool {
    // IPv4 addresses may come in the clothes of IPv6.
    !address.ip().to_canonical().is_loopback()
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a session ended in a panic");
    }
}

async fn accept(socket: Option<&Socket>) -> io::Result<Box<dyn Stream>> {
    match socket {
        Some(socket) => loop {
            let (stream, _) = socket.listener.accept().await?;
            // Whatever the socket's mode is, or was for a moment.
            let user = stream.peer_cred()?.uid();
            if user == socket.owner || user == ROOT {
                return Ok(Box::new(stream));
            }
            tracing::warn!(user, "another user tried the unix socket");
        },
        None => std::future::pending().await,
    }
}

impl Socket {
    fn bind(path: PathBuf) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Socket { path: path.clone(), source };
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.file_type().is_socket() => return Err(failed(io::ErrorKind::AlreadyExists.into())),
            // A server that was killed leaves its socket behind; one that lives answers.
            Ok(_) => match std::os::unix::net::UnixStream::connect(&path) {
                Ok(_) => return Err(ServeError::SocketInUse(path)),
                Err(_) => fs::remove_file(&path).map_err(failed)?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        // Whoever can open the socket is trusted.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let owner = fs::symlink_metadata(&path).map_err(failed)?.uid();
        Ok(Self { path, listener, owner })
    }
}
