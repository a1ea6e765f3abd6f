//! Starting servers, and comparing what they answer.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// What the tests run against is set up by `cargo xtask test`.
pub fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
}

/// Whether a part was left out by name (`cargo xtask test --without duckdb`).
pub fn without(part: &str) -> bool {
    std::env::var("SLUICE_TEST_WITHOUT").is_ok_and(|w| w.split(',').any(|p| p == part))
}

/// A `sluice up` of its own.
pub struct Server {
    child: Child,
    pub address: String,
    pub dir: PathBuf,
}

impl Server {
    pub fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// Starts with variables in its environment.
    pub fn start_with(dir: &Path, vars: &[(&str, &str)]) -> Self {
        Self::start_args(dir, &[], vars)
    }

    /// Starts with more arguments, too.
    pub fn start_args(dir: &Path, args: &[&str], vars: &[(&str, &str)]) -> Self {
        let mut command = up(dir);
        command.args(args).envs(vars.iter().copied());
        Self::spawn(dir, command)
    }

    /// Starts with further arguments, and its log in a file.
    pub fn start_logged(dir: &Path, args: &[&str], log: &Path) -> Self {
        let mut command = up(dir);
        command.args(args).stderr(std::fs::File::create(log).unwrap());
        Self::spawn(dir, command)
    }

    /// Starts where other machines can reach it, with everything in its log.
    pub fn start_open(dir: &Path, args: &[&str], log: &Path) -> Self {
        let mut command = up_at(dir, "0.0.0.0:0");
        command.args(args).env("SLUICE_LOG", "trace").stderr(std::fs::File::create(log).unwrap());
        Self::spawn(dir, command)
    }

    /// Starts by way of another program, which is given the command line.
    pub fn start_under(dir: &Path, program: &[&str]) -> Self {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(env!("CARGO_BIN_EXE_sluice"));
        // A group of its own, so that both can be killed.
        command.args(["up", "--listen", "127.0.0.1:0", "--dir"]).arg(dir).process_group(0);
        Self::spawn(dir, command)
    }

    fn spawn(dir: &Path, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split(" at ").nth(1).and_then(|r| r.split(' ').next());
        let address = address.unwrap_or_else(|| panic!("the server did not start: {line:?}")).to_string();
        Self { child, address, dir: dir.to_path_buf() }
    }

    pub async fn connect(&self) -> Client {
        let (host, port) = self.address.rsplit_once(':').unwrap();
        connect(&format!("host={host} port={port} user=test dbname=test")).await
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9 for it and the program that runs it.
    pub fn kill_group(mut self) {
        let group = format!("-{}", self.child.id());
        assert!(Command::new("kill").args(["-KILL", "--", &group]).status().unwrap().success());
        self.child.wait().unwrap();
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit code must be 0.
    pub fn stop(mut self) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(self.child.wait().unwrap().success(), "SIGTERM ends with exit code 0");
    }

    /// Waits for it to end by itself.
    pub fn wait(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

fn up(dir: &Path) -> Command {
    up_at(dir, "127.0.0.1:0")
}

fn up_at(dir: &Path, address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.args(["up", "--listen", address, "--dir"]).arg(dir);
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves its server behind; one that ended has none.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub async fn connect(config: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(config, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The rows of a query as text, sorted.
pub async fn rows(client: &Client, sql: &str) -> Result<Vec<String>, String> {
    let messages = client.simple_query(sql).await.map_err(|e| message(&e))?;
    let mut rows: Vec<String> = messages
        .iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => {
                let cells: Vec<&str> = (0..row.len()).map(|i| row.get(i).unwrap_or("NULL")).collect();
                Some(cells.join(" | "))
            }
            _ => None,
        })
        .collect();
    rows.sort();
    Ok(rows)
}

/// Waits until something is so, and says what is not if that takes longer than on any loaded machine.
pub async fn wait_until(mut so: impl AsyncFnMut() -> Result<(), String>) {
    let started = Instant::now();
    while let Err(not_yet) = so().await {
        assert!(started.elapsed() < Duration::from_secs(120), "{not_yet}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a query gives these rows.
pub async fn becomes(client: &Client, sql: &str, expected: &str) {
    wait_until(async || {
        let found = rows(client, sql).await.map_or_else(|e| e, |r| r.join("; "));
        if found == expected { Ok(()) } else { Err(format!("{sql}: {found} instead of {expected}")) }
    })
    .await;
}

/// One value.
pub async fn value(client: &Client, sql: &str) -> String {
    rows(client, sql).await.unwrap().pop().unwrap_or_default()
}

pub fn message(e: &tokio_postgres::Error) -> String {
    match e.as_db_error() {
        Some(db) => format!("{} {}", db.code().code(), db.message()),
        None => e.to_string(),
    }
}

pub async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {}", message(&e)));
}
