//! DuckDB reads what Sluice commits: at every snapshot each view equals its query over the same snapshot.

use crate::harness::{Server, becomes, env, run, without};
use std::path::Path;
use std::process::Command;

/// Runs the check in a process of its own: one process must not open a catalog by two SQLite libraries.
pub fn check(dir: &Path, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/duckdb/check.py");
    let output = Command::new(env("SLUICE_TEST_PYTHON"))
        .arg(script)
        .arg(env("SLUICE_TEST_DUCKDB_EXTENSIONS"))
        .arg(dir)
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

const VIEWS: [(&str, &str); 3] = [
    ("silver", "SELECT o.id, o.amount, c.region FROM orders o JOIN customers c ON c.id = o.customer"),
    ("gold", "SELECT region, count(*) AS n, sum(amount) AS total FROM silver GROUP BY region"),
    ("top", "SELECT region, n FROM gold ORDER BY n DESC, region LIMIT 2"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_holds_the_invariant() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12,2))").await;
    run(&client, "CREATE TABLE customers (id int PRIMARY KEY, region text)").await;
    run(&client, "INSERT INTO customers VALUES (0, 'eu'), (1, 'us'), (2, NULL), (3, 'apac')").await;
    for (name, query) in VIEWS {
        run(&client, &format!("CREATE MATERIALIZED VIEW {name} AS {query}")).await;
    }
    run(&client, "INSERT INTO orders SELECT i, i % 4, i FROM generate_series(1, 6000) AS g(i)").await;
    for step in 0..25 {
        let id = 6001 + step * 3;
        let sql = format!(
            "BEGIN; INSERT INTO orders VALUES ({id}, {}, 1.50), ({}, 2, NULL), ({}, 3, {step}); \
             UPDATE orders SET amount = amount + 1, customer = (customer + 1) % 4 WHERE id % 601 = {step}; \
             DELETE FROM orders WHERE id % 977 = {step}; COMMIT",
            step % 4,
            id + 1,
            id + 2
        );
        run(&client, &sql).await;
        if step % 5 == 0 {
            run(&client, &format!("UPDATE customers SET region = 'r{step}' WHERE id = {}", step % 4)).await;
        }
    }
    let views: Vec<String> = VIEWS.iter().map(|(name, query)| format!("{name}={query}")).collect();
    let arguments: Vec<&str> = views.iter().map(String::as_str).collect();
    let report = check(dir.path(), &arguments);
    assert!(report.contains("0 differences"), "{report}");
    server.stop();
    // The same once the server is gone.
    assert!(check(dir.path(), &arguments).contains("0 differences"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(
        &client,
        "CREATE TABLE types (id int PRIMARY KEY, a smallint, b bigint, c real, d double precision, e numeric(12,3), f text, \
         g varchar(10), h boolean, i date, j timestamp, k timestamptz, l uuid, m bytea, n json)",
    )
    .await;
    run(
        &client,
        "INSERT INTO types VALUES (1, -7, 9223372036854775807, 1.5, -0.25, -123456789.125, 'größe', 'x', true, '2024-02-29', \
         '1969-12-31 23:59:59.5', '2024-06-01 12:00:00+02', '550e8400-e29b-41d4-a716-446655440000', '\\x00ff', '{\"a\": [1]}'), \
         (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    )
    .await;
    run(&client, "CREATE MATERIALIZED VIEW copy AS SELECT * FROM types").await;
    let report = check(dir.path(), &["--print", "SELECT * EXCLUDE (id) FROM copy ORDER BY id"]);
    let first = "(-7, 9223372036854775807, 1.5, -0.25, Decimal('-123456789.125'), 'größe', 'x', True, \
                 datetime.date(2024, 2, 29), datetime.datetime(1969, 12, 31, 23, 59, 59, 500000), '2024-06-01 10:00:00+00', \
                 UUID('550e8400-e29b-41d4-a716-446655440000'), b'\\x00\\xff', '{\"a\": [1]}')";
    let nulls = format!("({})", ["None"; 14].join(", "));
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], first);
    assert_eq!(lines[1], nulls);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_duckdb_appends_reach_gold() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    run(&client, "CREATE MATERIALIZED VIEW s AS SELECT sum(v) AS v FROM t").await;
    run(&client, "INSERT INTO t VALUES (1, 10)").await;
    check(dir.path(), &["--write", "INSERT INTO t VALUES (2, 5), (3, 7)"]);
    becomes(&client, "SELECT v FROM s", "22").await;
    run(&client, "INSERT INTO t VALUES (4, 1)").await;
    assert_eq!(crate::harness::value(&client, "SELECT v FROM s").await, "23");
    server.stop();
}

const CHANGES: [&str; 23] = [
    "CREATE TABLE t (id int PRIMARY KEY, v text, w numeric(8,2))",
    "INSERT INTO t VALUES (1, 'a', 1.5), (2, 'b', NULL), (3, NULL, 3)",
    "INSERT INTO t SELECT i, 'row ' || i, i FROM generate_series(1001, 4000) AS g(i)",
    "CREATE MATERIALIZED VIEW s AS SELECT count(*) AS n, max(id) AS latest FROM t",
    "ALTER TABLE t ADD COLUMN n smallint DEFAULT 7 NOT NULL",
    "INSERT INTO t (id, v) VALUES (4, 'd')",
    "UPDATE t SET n = 8 WHERE id IN (1, 1001, 2000)",
    "ALTER TABLE t RENAME COLUMN v TO name",
    "DELETE FROM t WHERE id IN (2, 1002)",
    "BEGIN; INSERT INTO t VALUES (5, 'e', 5, 5); ALTER TABLE t DROP COLUMN w; INSERT INTO t VALUES (6, 'f', 6); COMMIT",
    "ALTER TABLE t ADD COLUMN w date DEFAULT '2024-02-29'",
    "ALTER TABLE t ALTER n TYPE bigint",
    "INSERT INTO t SELECT i, NULL, i * 1000000000, NULL FROM generate_series(4001, 7000) AS g(i)",
    "ALTER TABLE t RENAME TO u",
    "UPDATE u SET w = NULL, n = n + 1 WHERE id IN (3, 5, 1003, 4001)",
    "ALTER TABLE u ADD COLUMN seq serial",
    "ALTER TABLE u ALTER n TYPE smallint USING n % 100",
    "DELETE FROM u WHERE id % 2 = 1",
    "BEGIN; INSERT INTO u (id, n) VALUES (8000, 9); ALTER TABLE u ALTER w TYPE text; UPDATE u SET n = 10 WHERE id = 8000; COMMIT",
    "ALTER TABLE u RENAME COLUMN w TO day; ALTER TABLE u RENAME COLUMN day TO w",
    "ALTER TABLE u ALTER n DROP NOT NULL, ALTER n SET DEFAULT 3, ADD COLUMN late text DEFAULT 'it''s'",
    "INSERT INTO u (id, n) VALUES (8001, NULL)",
    "ALTER TABLE u ALTER name TYPE int USING length(name), ALTER n TYPE numeric(8,1) USING n / 2.0",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_a_table_is_read_in_its_columns() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    for (i, sql) in CHANGES.iter().enumerate() {
        run(&client, sql).await;
        if i % 3 == 2 {
            server.kill();
            server = Server::start(dir.path());
            client = server.connect().await;
        }
    }
    let id = crate::harness::value(&client, "SELECT 'u'::regclass::oid::bigint - 16384").await;
    let before = compare_versions(dir.path(), &client, &id).await;
    assert!(before > 20_000, "{before} rows compared");
    // The same once rows of several forms of the table are in one file.
    run(&client, "SELECT sluice.maintain()").await;
    assert!(compare_versions(dir.path(), &client, &id).await >= before);
    assert_eq!(
        crate::harness::value(&client, "SELECT n FROM s").await,
        crate::harness::value(&client, "SELECT count(*) FROM u").await
    );
    check(dir.path(), &["--write", "INSERT INTO u (id, name, seq) VALUES (9001, 6, 1)"]);
    becomes(&client, "SELECT latest FROM s", "9001").await;
    let theirs = crate::harness::value(&client, "SELECT id, name, n, w, late FROM u WHERE id = 9001").await;
    assert_eq!(theirs, "9001 | 6 | 3.0 | 2024-02-29 | it's");
    server.stop();
}

/// Compares what DuckDB and Sluice read of a table at every version; returns how many rows that were.
async fn compare_versions(dir: &Path, client: &tokio_postgres::Client, id: &str) -> usize {
    let history = check(dir, &["--history", id]);
    let last: i64 = history.lines().last().unwrap().split(':').next().unwrap().parse().unwrap();
    let mut compared = 0;
    for version in 1..=last {
        let prefix = format!("{version}: ");
        let mut expected: Vec<&str> = history.lines().filter_map(|l| l.strip_prefix(&prefix)).collect();
        expected.sort_unstable();
        let mut got = Err(String::new());
        for name in ["t", "u"] {
            got =
                got.or(crate::harness::rows(client, &format!("SELECT * FROM {name} AT (VERSION => {version})")).await);
        }
        let Ok(got) = got else { continue };
        compared += got.len();
        assert!(got == expected, "version {version}: {:?} and {:?}", got.first(), expected.first());
    }
    compared
}
