//! `sluice maintain`, and crashes in the middle of upkeep.

use crate::duckdb;
use crate::harness::{Server, rows, run, value, wait_until, without};
use std::path::Path;
use std::process::{Command, Output};

fn maintain(dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(["maintain", "--output", "json", "--dir"])
        .arg(dir)
        .output()
        .unwrap()
}

/// Files of some age, inlined rows, and deletes of both.
async fn fill(server: &Server) {
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, g int, v numeric(12,2))").await;
    run(&client, "CREATE MATERIALIZED VIEW sums AS SELECT g, count(*) AS n, sum(v) AS v FROM t GROUP BY g").await;
    for i in 0..4 {
        let first = i * 10_000;
        let sql = format!("INSERT INTO t SELECT i, i % 7, i FROM generate_series({first}, {}) AS g(i)", first + 2999);
        run(&client, &sql).await;
        run(&client, &format!("INSERT INTO t VALUES ({}, 1, 1.5)", first + 5000)).await;
        run(&client, "UPDATE t SET v = v + 1 WHERE id % 500 = 3").await;
        run(&client, &format!("DELETE FROM t WHERE id % 1000 = {i}")).await;
    }
}

async fn state(server: &Server) -> Vec<String> {
    let client = server.connect().await;
    let mut all = rows(&client, "SELECT count(*), sum(id), sum(v) FROM t").await.unwrap();
    all.extend(rows(&client, "SELECT * FROM sums").await.unwrap());
    for verified in rows(&client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(verified.split(" | ").nth(3), Some("0"), "{verified}");
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn maintain_changes_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    fill(&server).await;
    let before = state(&server).await;
    let output = maintain(dir.path());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    let steps: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let of = |action: &str, column: &str| {
        let found = steps.iter().filter(|s| s["action"] == action && s["name"] != "public.sums");
        found.map(|s| s[column].as_str().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert!(of("flush", "rows") > 0 && of("flush", "files") > 1, "{text}");
    assert!(of("merge", "merged") >= 4, "{text}");
    assert_eq!(state(&server).await, before);
    if !without("duckdb") {
        let views = ["sums=SELECT g, count(*) AS n, sum(v) AS v FROM t GROUP BY g"];
        assert!(duckdb::check(dir.path(), &views).contains("0 differences"));
    }
    let client = server.connect().await;
    run(&client, "UPDATE t SET v = v + 1 WHERE id % 100 = 5; DELETE FROM t WHERE id % 100 = 6").await;
    let before = state(&server).await;
    server.stop();

    assert!(maintain(dir.path()).status.success(), "a stopped lake");
    let server = Server::start(dir.path());
    assert_eq!(state(&server).await, before);
    let client = server.connect().await;
    let wrong = rows(&client, "SELECT sluice.maintain(step => 'x')").await.unwrap_err();
    assert!(wrong.starts_with("22023"), "{wrong}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_of_upkeep() {
    let steps = [
        "before_flush_commit",
        "in_flush",
        "after_flush",
        "before_merge_commit",
        "in_merge",
        "after_merge",
        "in_expire",
        "after_expire",
    ];
    for failpoint in steps {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        fill(&server).await;
        let before = state(&server).await;
        server.stop();

        let server = Server::start_args(dir.path(), &["--retention", "0s"], &[("SLUICE_FAILPOINT", failpoint)]);
        let client = server.connect().await;
        assert!(client.batch_execute("SELECT sluice.maintain()").await.is_err(), "the server is gone at {failpoint}");
        assert!(!server.wait().success());

        let server = Server::start(dir.path());
        assert_eq!(state(&server).await, before, "{failpoint}");
        let client = server.connect().await;
        run(&client, "SELECT sluice.maintain()").await;
        assert_eq!(state(&server).await, before, "{failpoint}");
        server.stop();
    }
}

/// With a short retention the catalog stops growing while writers go on.
#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_levels_off() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_args(dir.path(), &["--retention", "1s"], &[]);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    run(&client, "INSERT INTO t SELECT i, 'x' FROM generate_series(1, 50) AS g(i)").await;
    let catalog = dir.path().join("catalog.sqlite");
    for round in 0..5 {
        for i in 0..300 {
            run(&client, &format!("UPDATE t SET v = 'round {round} {i}' WHERE id = {}", i % 50 + 1)).await;
        }
        wait_until(async || {
            let db = rusqlite::Connection::open(&catalog).unwrap();
            let count =
                |of: &str| db.query_row(&format!("SELECT count(*) FROM {of}"), [], |r| r.get::<_, i64>(0)).unwrap();
            let left = [
                count("ducklake_snapshot"),
                count("ducklake_snapshot_changes"),
                count("sluice_tick"),
                count("ducklake_inlined_data_1_1 WHERE end_snapshot IS NOT NULL"),
            ];
            if left.iter().all(|n| *n < 3) { Ok(()) } else { Err(format!("left after round {round}: {left:?}")) }
        })
        .await;
    }
    assert_eq!(value(&client, "SELECT count(*) FROM t").await, "50");
    server.stop();
}

/// DuckDB reads the catalog by several connections: rows that move while it reads must be missed by none.
#[tokio::test(flavor = "multi_thread")]
async fn duckdb_misses_no_rows_that_move() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, g int, v int)").await;
    run(&client, "INSERT INTO t SELECT i, i % 3, 1 FROM generate_series(1, 3000) AS g(i)").await;
    let (lake, done) = (dir.path().to_owned(), dir.path().join("done"));
    let file = done.to_str().unwrap().to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        duckdb::check(&lake, &["--steady", "SELECT count(*), sum(v * id), sum(id) FROM t", &file])
    });
    for round in 0..60 {
        // The first puts rows back into the catalog, and deletes the files' rows there.
        run(&client, &format!("UPDATE t SET g = g + 1 WHERE id % 6 = {}", round % 6)).await;
        run(&client, "SELECT sluice.maintain()").await;
    }
    std::fs::write(done, "").unwrap();
    let report = reading.await.unwrap();
    let asked: usize = report.split(' ').next().unwrap().parse().unwrap();
    assert!(asked > 20, "{report}");
    server.stop();
}
