use crate::client::socket;
use crate::error::{CliError, Result};
use crate::retention::parse_retention;
use sluice_engine::{Engine, EngineOptions, Retention};
use sluice_lake::OwnerLock;
use sluice_serve::{ServeOptions, TlsFiles, asks_passwords};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};

/// Run continuously and serve the PostgreSQL protocol
#[derive(clap::Args)]
pub(crate) struct Up {
    /// Folder of the lake, made if it is not there
    #[arg(long, default_value = "lake", value_name = "DIR")]
    dir: PathBuf,
    /// Address to serve at; port 0 takes a free one. Beyond 127.0.0.1 and [::1], clients need the password of a role
    #[arg(long, default_value = "127.0.0.1:5433", value_name = "ADDR")]
    listen: SocketAddr,
    /// Certificate for encrypted connections, with those that sign it (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How long snapshots are kept: every one, one a minute, one an hour; what is left out is not kept
    #[arg(long, default_value = "1h,1d,30d", value_name = "TIME[,TIME[,TIME]]", value_parser = parse_retention)]
    retention: Retention,
    /// Memory for the changes that each held-back view puts aside until its time comes; one that needs more is
    /// computed anew then
    #[arg(long, default_value = "64", value_name = "MIB")]
    held_memory: usize,
}

impl Up {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let started = Instant::now();
        std::fs::create_dir_all(&self.dir)
            .map_err(|e| CliError::new(format!("cannot make the folder {}: {e}", self.dir.display())))?;
        let mut lock = OwnerLock::acquire(&self.dir, "")?;
        let listener = sluice_serve::bind(self.serve_options()).await?;
        let address = listener.address();
        let mut terminate = signal(SignalKind::terminate())?;
        let options = EngineOptions {
            retention: self.retention.clone(),
            lag_bytes: self.held_memory.saturating_mul(1 << 20),
            ..EngineOptions::default()
        };
        let engine = Engine::open(&self.dir, &options)?;
        let served = if asks_passwords(address) && !engine.has_roles() {
            Err(self.nobody_could_log_in())
        } else {
            lock.set_address(&address.to_string())?;
            tell(&format!("sluice serves {} at {address} ({} ms)", self.dir.display(), started.elapsed().as_millis()));
            self.tell_how_to_connect(address);
            let shutdown = async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            };
            listener.serve(engine.clone(), shutdown).await;
            Ok(ExitCode::SUCCESS)
        };
        // The engine waits for its last commit, which a thread of the runtime may not do.
        let stopped = tokio::task::spawn_blocking(move || engine.stop()).await;
        if stopped.is_err() {
            tracing::error!("the engine did not stop cleanly");
        }
        drop(lock);
        served
    }

    fn serve_options(&self) -> ServeOptions {
        let tls = self.tls_cert.clone().zip(self.tls_key.clone()).map(|(cert, key)| TlsFiles { cert, key });
        // The other commands have no password: they come by the socket.
        let unix_socket = asks_passwords(self.listen).then(|| socket(&self.dir));
        ServeOptions { tls, unix_socket, ..ServeOptions::new(self.listen) }
    }

    fn nobody_could_log_in(&self) -> CliError {
        let (dir, listen) = (self.dir.display(), self.listen);
        CliError::new(format!(
            "{listen} can be reached from other machines, and nobody could log in: there are no roles"
        ))
        .hint(format!(
            "Make one first: sluice sql --dir {dir} -c \"CREATE ROLE name PASSWORD '...'\"\n\
                 Or listen on 127.0.0.1, where no password is needed."
        ))
    }

    fn tell_how_to_connect(&self, address: SocketAddr) {
        let (ip, port) = (address.ip(), address.port());
        if !asks_passwords(address) {
            return tell(&format!("  psql -h {ip} -p {port} -d sluice"));
        }
        let host = if ip.is_unspecified() { "HOST".to_string() } else { ip.to_string() };
        tell(&format!("  psql -h {host} -p {port} -U ROLE -d sluice"));
        if self.tls_cert.is_none() {
            eprintln!(
                "warning: without --tls-cert and --tls-key, everybody on the way to {address} can read what is sent"
            );
        }
    }
}

/// A reader that went away does not stop the server.
fn tell(line: &str) {
    let _ = crate::output::print(format_args!("{line}\n"));
}
