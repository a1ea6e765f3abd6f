//! The server: PostgreSQL's wire protocol over the engine, so that psql, drivers and Grafana work.
//!
//! A connection is one task that owns one session. It starts in `startup`, and `connection` reads its messages in
//! order: `simple` queries, the `extended` protocol, `copy`. Columns become bytes in `encode`, parameters become
//! values in `decode`. Messages to clients are pgwire's; those from clients are read in `frontend`, with every length
//! checked.
//!
//! Invariants: no input of a client panics or is believed unchecked; a client is never told more or less than one
//! ReadyForQuery for each query and each Sync; what fails is told as an error with PostgreSQL's SQLSTATE.

mod cancel;
mod connection;
mod copy;
mod deallocate;
mod decode;
mod encode;
mod error;
mod extended;
mod frontend;
mod listener;
mod packet;
mod parameters;
mod rows;
mod scram;
mod simple;
mod startup;
mod tls;
mod wire;

pub use error::ServeError;
pub use listener::{Listener, asks_passwords};
pub use tls::TlsFiles;

use sluice_engine::Engine;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How to serve.
#[derive(Clone)]
pub struct ServeOptions {
    /// The address; the system chooses a port if it has none. On others than loopback addresses
    /// clients need the password of a role.
    pub listen: SocketAddr,
    /// Files for encrypted connections; without them, clients that insist on encryption are refused.
    pub tls: Option<TlsFiles>,
    /// A unix socket to listen on as well. Only the user that runs the server can use it, without a password.
    pub unix_socket: Option<PathBuf>,
    /// The most clients at once.
    pub max_connections: usize,
    /// How long running statements have to finish when the server stops.
    pub grace: Duration,
}

impl ServeOptions {
    /// Options for an address, with the defaults for the rest.
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, tls: None, unix_socket: None, max_connections: 200, grace: Duration::from_secs(10) }
    }
}

/// Listens on the addresses, without serving clients yet: the port that the system chose is known, and a port in use is
/// an error, before anything else is begun.
pub async fn bind(options: ServeOptions) -> Result<Listener, ServeError> {
    Listener::bind(options).await
}

/// Serves clients until `shutdown` is done.
pub async fn serve(
    engine: Engine,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    bind(options).await?.serve(engine, shutdown).await;
    Ok(())
}
