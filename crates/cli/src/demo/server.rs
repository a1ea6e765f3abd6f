//! The demo's own `sluice up`: a child process, so that it can be killed like one.

use crate::error::{CliError, Result};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// How many of the child's last lines are kept to explain its end.
const KEPT_LINES: usize = 20;

type Lines = Arc<Mutex<VecDeque<String>>>;

pub(crate) struct Server {
    child: Child,
    dir: PathBuf,
    greeting: String,
    address: SocketAddr,
    complaints: Lines,
}

impl Server {
    pub(crate) async fn start(dir: &Path, listen: SocketAddr) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["up", "--listen", &listen.to_string(), "--dir"]).arg(dir);
        // A group of its own: Ctrl-C ends the load first, the server last.
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if std::env::var_os("SLUICE_LOG").is_none() {
            command.env("SLUICE_LOG", "warn");
        }
        let mut child = command.spawn()?;
        let complaints = Lines::default();
        let errors = child.stderr.take().map(|e| tokio::spawn(keep(e, Arc::clone(&complaints))));
        let Some(output) = child.stdout.take() else { return Err(CliError::new("the server has no output")) };
        let mut output = BufReader::new(output).lines();
        let greeting = output.next_line().await?.unwrap_or_default();
        let Some(address) = address(&greeting) else {
            let _ = child.wait().await;
            if let Some(errors) = errors {
                let _ = errors.await;
            }
            return Err(refused(&complaints));
        };
        // A pipe that nobody reads would stop the child once it is full.
        tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
        Ok(Self { child, dir: dir.to_path_buf(), greeting, address, complaints })
    }

    pub(crate) fn greeting(&self) -> String {
        self.greeting.clone()
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// kill -9, and a new process on the same folder and port.
    pub(crate) async fn kill_and_restart(&mut self) -> Result<()> {
        self.child.kill().await?;
        *self = Self::start(&self.dir, self.address).await?;
        Ok(())
    }

    /// SIGTERM, as a service manager would; the folder stays.
    pub(crate) async fn stop(mut self) {
        if let Some(id) = self.child.id() {
            let _ = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
        }
        if tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// The server's own end and last words, if that is what an error comes from.
    pub(crate) fn explain(&mut self, e: CliError) -> CliError {
        let Ok(Some(status)) = self.child.try_wait() else { return e };
        let said = format!("the server ended by itself: {status}\n{}", said(&self.complaints));
        let hint = format!("sluice up --dir {} goes on from what it acknowledged.", self.dir.display());
        CliError::new(said.trim_end()).hint(hint)
    }
}

async fn keep(from: impl AsyncRead + Unpin, lines: Lines) {
    let mut from = BufReader::new(from).lines();
    while let Ok(Some(line)) = from.next_line().await {
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(line);
        if lines.len() > KEPT_LINES {
            lines.pop_front();
        }
    }
}

/// The address in `sluice serves DIR at ADDR (n ms)`.
fn address(greeting: &str) -> Option<SocketAddr> {
    greeting.rsplit_once(" at ")?.1.split(' ').next()?.parse().ok()
}

fn said(lines: &Lines) -> String {
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The child's own error, which already tells what to do, with the demo's way to another port.
fn refused(complaints: &Lines) -> CliError {
    let said = said(complaints);
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    if said.contains("in use") {
        return CliError::new(said).hint("sluice demo --listen 127.0.0.1:0 takes a free port.");
    }
    match said.split_once("\nhint: ") {
        Some((message, hint)) => CliError::new(message).hint(hint),
        None => CliError::new(format!("the server did not start: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_greeting() {
        let read = |line: &str| address(line).map(|a| a.to_string());
        assert_eq!(read("sluice serves meet at noon at 127.0.0.1:5433 (8 ms)"), Some("127.0.0.1:5433".into()));
        assert_eq!(read(""), None);
        assert_eq!(read("error: at a loss"), None);
    }
}
