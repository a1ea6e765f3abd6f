//! DuckDB reads the same lake, as a peer.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// One value.
pub fn value(lake: &Path, sql: &str) -> String {
    run(lake, sql, 1).0
}

/// What `runs` runs of a query take, after one that fills its caches.
pub fn times(lake: &Path, sql: &str, runs: usize) -> Vec<Duration> {
    run(lake, sql, runs).1
}

const SCRIPT: &str = "
import sys, time, duckdb
con = duckdb.connect(config={'extension_directory': sys.argv[1]})
con.execute('LOAD ducklake'); con.execute('LOAD sqlite_scanner')
con.execute(f\"ATTACH 'ducklake:sqlite:{sys.argv[2]}/catalog.sqlite' AS lake (READ_ONLY)\")
con.execute('USE lake'); con.execute(\"SET TimeZone = 'UTC'\")
print(con.execute(sys.argv[3]).fetchone()[0])
for _ in range(int(sys.argv[4])):
    started = time.perf_counter()
    con.execute(sys.argv[3]).fetchall()
    print(time.perf_counter() - started)
";

fn run(lake: &Path, sql: &str, runs: usize) -> (String, Vec<Duration>) {
    let env = |name: &str| std::env::var(name).expect("run it as `cargo xtask bench medallion`, which provides DuckDB");
    let output = Command::new(env("SLUICE_TEST_PYTHON"))
        .args(["-c", SCRIPT, &env("SLUICE_TEST_DUCKDB_EXTENSIONS")])
        .arg(lake)
        .args([sql, &runs.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let first = lines.next().unwrap().to_string();
    (first, lines.map(|l| Duration::from_secs_f64(l.parse().unwrap())).collect())
}
