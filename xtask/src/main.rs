//! Tasks of the project: `cargo xtask test`, `cargo xtask bench` and `cargo xtask tidy`. Needs nothing but the standard library.

mod bench;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <COMMAND>

  test [--without LIST]  run every test, with the programs that the tests need
                         LIST: some of postgres,duckdb,psql,strace, comma-separated
  bench medallion [N]    measure with N orders of history (1,000,000), in a release build, beside DuckDB
  bench steady [N]       N minutes (30) of 1,000 changes a second, and what grows meanwhile
  tidy                   check the rules that the compiler does not know

test starts one PostgreSQL server for the run; test and bench keep a Python environment with DuckDB and
PostgreSQL drivers in the target folder. As root, or with CI set, missing system packages are installed.
";

/// What ends a task, worded for the person who gave it.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let outcome = match arguments.as_slice() {
        ["test", rest @ ..] => test::Without::parse(rest).and_then(|without| test::run(&root, without)),
        ["bench", name, rest @ ..] => bench::run(&root, name, rest),
        ["tidy"] => tidy::run(&root),
        [] | ["help" | "-h" | "--help"] => {
            print!("{HELP}");
            Ok(true)
        }
        other => Err(format!("unknown: {}\n\n{HELP}", other.join(" "))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout. Cargo names it when it runs the task; the binary may have been built from another one.
fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_string());
    Path::new(&package).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
