//! `cargo xtask bench NAME`: a release build under load, beside peers that this provides.

use crate::Result;
use crate::test::{Python, prepare};
use std::path::Path;

/// What there is to measure.
const BENCHES: [&str; 2] = ["medallion", "steady"];

/// Runs one bench with its arguments; whether it ran to its end.
pub(crate) fn run(root: &Path, name: &str, arguments: &[&str]) -> Result<bool> {
    if !BENCHES.contains(&name) {
        return Err(format!("no bench is called {name}: there are {}", BENCHES.join(" and ")));
    }
    let (target, env) = prepare(root)?;
    let python = Python::prepare(&env, true)?;
    let mut cargo = crate::test::cargo(root, &target);
    cargo.args(["bench", "--package", "sluice", "--bench", "medallion", "--", name]).args(arguments);
    cargo.env("SLUICE_TEST_PYTHON", &python.interpreter);
    if let Some(extensions) = &python.extensions {
        cargo.env("SLUICE_TEST_DUCKDB_EXTENSIONS", extensions);
    }
    let status = cargo.status().map_err(|e| format!("cannot run cargo: {e}"))?;
    Ok(status.success())
}
