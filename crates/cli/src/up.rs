use crate::error::Result;
use crate::retention::parse_retention;
use sluice_engine::{Engine, EngineOptions, Retention};
use sluice_lake::OwnerLock;
use sluice_serve::ServeOptions;
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
    /// Address to serve at; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:5433", value_name = "ADDR")]
    listen: SocketAddr,
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
            .map_err(|e| crate::error::CliError::new(format!("cannot make the folder {}: {e}", self.dir.display())))?;
        let mut lock = OwnerLock::acquire(&self.dir, "")?;
        let listener = sluice_serve::bind(ServeOptions::new(self.listen)).await?;
        let address = listener.address();
        let mut terminate = signal(SignalKind::terminate())?;
        let options = EngineOptions {
            retention: self.retention,
            lag_bytes: self.held_memory.saturating_mul(1 << 20),
            ..EngineOptions::default()
        };
        let engine = Engine::open(&self.dir, &options)?;
        lock.set_address(&address.to_string())?;
        println!("sluice serves {} at {address} ({} ms)", self.dir.display(), started.elapsed().as_millis());
        println!("  psql -h {} -p {} -d sluice", address.ip(), address.port());
        listener
            .serve(engine.clone(), async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            })
            .await;
        // The engine waits for its last commit, which a thread of the runtime may not do.
        let stopped = tokio::task::spawn_blocking(move || engine.stop()).await;
        if stopped.is_err() {
            tracing::error!("the engine did not stop cleanly");
        }
        drop(lock);
        Ok(ExitCode::SUCCESS)
    }
}
