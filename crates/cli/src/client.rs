//! One way to a lake: over the PostgreSQL protocol, to the process that owns it, or to one started for the command.

use crate::error::{CliError, Result};
use sluice_engine::{Engine, EngineOptions};
use sluice_lake::OwnerLock;
use sluice_serve::{ServeOptions, asks_passwords};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

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
            return Ok(Self { client: connect_to_owner(dir, &address).await?, embedded: None });
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

/// The unix socket of a server that asks for passwords elsewhere. Clients find it by its folder and PostgreSQL's port.
pub(crate) fn socket(dir: &Path) -> PathBuf {
    dir.join(format!(".s.PGSQL.{SOCKET_PORT}"))
}

const SOCKET_PORT: u16 = 5432;

/// Connects to the process that owns the lake in `dir`, whose address others may have to give a password at.
async fn connect_to_owner(dir: &Path, address: &str) -> Result<Client> {
    if asks_passwords(parse(address)?) {
        return establish(Config::new().host_path(dir).port(SOCKET_PORT)).await;
    }
    connect(address).await
}

/// Connects to a server's address, `host:port`.
pub(crate) async fn connect(address: &str) -> Result<Client> {
    let at = parse(address)?;
    establish(Config::new().host(at.ip().to_string()).port(at.port())).await
}

fn parse(address: &str) -> Result<SocketAddr> {
    let starting = |_| CliError::new("the process that owns the lake is starting").hint("Try again in a moment.");
    address.parse().map_err(starting)
}

async fn establish(config: &mut Config) -> Result<Client> {
    let (client, connection) = config.user("sluice").dbname("sluice").connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(e) = connection.await {
            tracing::debug!("connection ended: {e}");
        }
    });
    Ok(client)
}
