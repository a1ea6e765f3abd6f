//! `cargo xtask test`: makes ready what the tests need, runs them all, and sums up.
//!
//! The tests read their surroundings from the environment: `SLUICE_TEST_POSTGRES` (a connection string),
//! `SLUICE_TEST_PYTHON` (an interpreter with the packages of `python.rs`), `SLUICE_TEST_DUCKDB_EXTENSIONS`
//! (a value for DuckDB's `extension_directory`), and `SLUICE_TEST_WITHOUT` (what was left out on purpose).

mod postgres;
mod python;
mod system;
mod tally;

use crate::Result;
use postgres::Cluster;
pub(crate) use python::Python;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tally::Tally;

/// What the tests use beside the compiler.
const PARTS: [&str; 4] = ["postgres", "duckdb", "psql", "strace"];

/// Parts to leave out.
pub(crate) struct Without(Vec<String>);

impl Without {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let list = match arguments {
            [] => return Ok(Self(vec![])),
            ["--without", list] => *list,
            [one] if one.starts_with("--without=") => &one["--without=".len()..],
            other => return Err(format!("test does not know {}", other.join(" "))),
        };
        let parts: Vec<String> = list.split(',').map(|p| p.trim().to_string()).filter(|p| !p.is_empty()).collect();
        match parts.iter().find(|p| !PARTS.contains(&p.as_str())) {
            Some(part) => Err(format!("nothing is called {part}: --without takes some of {}", PARTS.join(","))),
            None => Ok(Self(parts)),
        }
    }

    fn has(&self, part: &str) -> bool {
        self.0.iter().any(|p| p == part)
    }
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// Runs all tests; whether all ran and passed.
pub(crate) fn run(root: &Path, without: Without) -> Result<bool> {
    let (target, env) = prepare(root)?;
    let _lock = lock(&env.join("lock"))?;
    system::provide(&without)?;
    let python = Python::prepare(&env, !without.has("duckdb"))?;
    let cluster = if without.has("postgres") { None } else { Some(Cluster::start(&env.join("pg"))?) };

    let mut cargo = cargo(root, &target);
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    for name in ["SLUICE_TEST_POSTGRES", "SLUICE_TEST_DUCKDB_EXTENSIONS", "SLUICE_TEST_WITHOUT"] {
        cargo.env_remove(name);
    }
    cargo.env("SLUICE_TEST_PYTHON", &python.interpreter);
    if let Some(extensions) = &python.extensions {
        cargo.env("SLUICE_TEST_DUCKDB_EXTENSIONS", extensions);
    }
    if let Some(cluster) = &cluster {
        cargo.env("SLUICE_TEST_POSTGRES", cluster.connection());
    }
    if !without.0.is_empty() {
        cargo.env("SLUICE_TEST_WITHOUT", without.to_string());
    }
    let outcome = stream(&mut cargo);
    if let Some(cluster) = cluster {
        cluster.stop();
    }
    let (tally, ended_well) = outcome?;
    Ok(report(&tally, ended_well, &without))
}

/// The folder for build products, and the one in it for what tests and benches need.
pub(crate) fn prepare(root: &Path) -> Result<(PathBuf, PathBuf)> {
    let target = target_dir(root)?;
    let env = target.join("test-env");
    make_dir(&env)?;
    Ok((target, env))
}

/// Cargo, as if nobody ran it from cargo.
pub(crate) fn cargo(root: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).env("CARGO_TARGET_DIR", target);
    // Cargo tells a program that it runs about its package. Build scripts that look at these would run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Runs `command`, passes its output on line by line, and counts.
fn stream(command: &mut Command) -> Result<(Tally, bool)> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|e| format!("cannot run cargo: {e}"))?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let (mut line, mut stdout) = (vec![], std::io::stdout());
        while output.read_until(b'\n', &mut line).map_err(|e| format!("cannot read cargo's output: {e}"))? > 0 {
            // Whoever read our output may be gone; the count still matters.
            let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
            tally.line(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    let status = child.wait().map_err(|e| format!("cannot wait for cargo: {e}"))?;
    Ok((tally, status.success()))
}

fn report(tally: &Tally, ended_well: bool, without: &Without) -> bool {
    println!();
    for name in &tally.names_failed {
        println!("failed: {name}");
    }
    if tally.ignored > 0 {
        println!("{} tests are ignored, so not everything ran", tally.ignored);
    }
    if !ended_well && tally.failed == 0 {
        println!("cargo test failed: something does not compile, or a test ended its process");
    }
    if !without.0.is_empty() {
        println!("left out: {}", without.0.join(", "));
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    ended_well && tally.failed == 0 && tally.ignored == 0 && tally.passed > 0
}

fn target_dir(root: &Path) -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|d| !d.is_empty()) {
        Some(dir) => std::path::absolute(dir).map_err(|e| format!("CARGO_TARGET_DIR: {e}")),
        None => Ok(root.join("target")),
    }
}

/// One run at a time: the next one waits.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => println!("waiting for another cargo xtask test"),
        Err(TryLockError::Error(e)) => return Err(format!("{}: {e}", path.display())),
    }
    file.lock().map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(file)
}

fn make_dir(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))
}

/// Removes what is at `path`, if anything is.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("cannot remove {}: {e}", path.display())),
        _ => Ok(()),
    }
}

/// Runs a command; its output is the error if it fails.
fn run_quietly(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("cannot run {name}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_string();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{name}: {}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::Without;

    #[test]
    fn without_takes_only_parts_that_exist() {
        assert_eq!(Without::parse(&[]).map(|w| w.to_string()), Ok(String::new()));
        assert_eq!(Without::parse(&["--without", "psql, strace"]).map(|w| w.to_string()), Ok("psql,strace".into()));
        assert_eq!(Without::parse(&["--without=duckdb"]).map(|w| w.has("duckdb")), Ok(true));
        assert!(Without::parse(&["--without", "kafka"]).is_err());
        assert!(Without::parse(&["--fast"]).is_err());
    }
}
