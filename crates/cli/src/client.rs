//! One way to a lake: over the PostgreSQL protocol, to the process that owns it, or to one started for the command.

use crate::error::{CliError, Result};
use sluice_engine::{Engine, EngineOptions};
use sluice_lake::OwnerLock;
use sluice_serve::ServeOptions;
use std::net::SocketAddr;
use std::path::Path;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

/// A connection, and the server behind it if this process runs it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    embedded: Option<Embedded>,
}

struct Embedded {
    engine: Engine,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _lock: OwnerLock,
}

impl Connection {
    /// Connects to the lake in `dir`, which must exist.
    pub(crate) async fn open(dir: &Path) -> Result<Self> {
        if let Some((_, address)) = OwnerLock::read(dir) {
            return Ok(Self { client: connect(&address).await?, embedded: None });
        }
        if !dir.join("catalog.sqlite").exists() {
            return Err(CliError::new(format!("there is no lake in {}", dir.display()))
                .hint("Name its folder with --dir, or make one with sluice up --dir DIR."));
        }
        let lock = OwnerLock::acquire(dir, "")?;
        let engine = Engine::open(dir, &EngineOptions::default())?;
        let listener = sluice_serve::bind(ServeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)))).await?;
        let address = listener.address().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn({
            let engine = engine.clone();
            async move {
                listener
                    .serve(engine, async {
                        let _ = stopped.await;
                    })
                    .await
            }
        });
        let client = connect(&address).await?;
        Ok(Self { client, embedded: Some(Embedded { engine, stop, served, _lock: lock }) })
    }

    /// Closes the connection, and stops the server if this process runs it.
    pub(crate) async fn close(self) {
        drop(self.client);
        if let Some(embedded) = self.embedded {
            let _ = embedded.stop.send(());
            let _ = embedded.served.await;
            let _ = tokio::task::spawn_blocking(move || embedded.engine.stop()).await;
        }
    }
}

/// Connects to a server's address, `host:port`.
pub(crate) async fn connect(address: &str) -> Result<Client> {
    let at = address
        .parse::<SocketAddr>()
        .map_err(|_| CliError::new("the process that owns the lake is starting").hint("Try again in a moment."))?;
    let config = format!("host={} port={} user=sluice dbname=sluice", at.ip(), at.port());
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
    tokio::spawn(async move {
        if let Err(e) = connection.await {
            tracing::debug!("connection ended: {e}");
        }
    });
    Ok(client)
}
