//! Forms of statements as people type them: psql prints the same from Sluice as from PostgreSQL.

use crate::harness::{Server, connect, env, message, run, without};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What psql prints of a script: results, tags, and codes and texts of errors and warnings.
fn psql(connection: &str, script: &str) -> Vec<String> {
    let mut child = Command::new("psql")
        .args(["-X", "-A", "-v", "VERBOSITY=verbose", "-d", connection])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    let kept = |line: &&str| !["LOCATION:", "LINE ", "HINT:"].iter().any(|p| line.starts_with(p)) && line.trim() != "^";
    told.lines().filter(kept).map(|line| line.trim_start_matches("<stdin>:").to_string()).collect()
}

/// Runs a script in both, in a schema of that name in PostgreSQL.
async fn same(schema: &str, script: &str) {
    if without("postgres") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let fresh = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    let postgres = env("SLUICE_TEST_POSTGRES");
    run(&connect(&postgres).await, &fresh).await;
    let expected = psql(&format!("{postgres} options='-c search_path={schema}'"), script);
    let got = psql(&format!("host={host} port={port} user=test dbname=test"), script);
    assert_eq!(got.join("\n"), expected.join("\n"));
    assert!(expected.len() > 10, "{expected:?}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_options_of_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("a.csv"), "id,v\n1,a\n2,\"x, \"\"y\"\"\"\n3,\n").unwrap();
    std::fs::write(path("b.csv"), "4;NA\n5;'it''s'\n").unwrap();
    let script = format!(
        r#"
CREATE TABLE t (id int, v text);
CREATE TABLE u (id int, v text);
\copy t from '{a}' csv header
\copy t(id, v) from '{b}' with delimiter ';' null as 'NA' csv quote ''''
COPY t FROM STDIN HEADER CSV DELIMITER AS '|';
id|v
6|six
\.
COPY t FROM STDIN WITH DELIMITER E'\t' NULL '-';
7	-
\.
SELECT * FROM t ORDER BY id;
COPY (SELECT * FROM t ORDER BY id) TO STDOUT WITH CSV HEADER QUOTE '''' ESCAPE '''';
COPY (SELECT * FROM t ORDER BY id) TO STDOUT NULL 'NA' DELIMITER ';';
\copy t to '{out}' binary
\copy u from '{out}' with binary
SELECT count(*), sum(id), max(v) FROM u;
COPY t TO STDOUT CSV CSV;
COPY t TO STDOUT QUOTE '"';
COPY t TO STDOUT (ESCAPE 'x');
COPY t TO STDOUT BINARY DELIMITER ',';
COPY t TO STDOUT BINARY NULL '';
COPY t TO STDOUT (DELIMITER ';', DELIMITER ',');
"#,
        a = path("a.csv"),
        b = path("b.csv"),
        out = path("t.bin")
    );
    same("copy_forms", &script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_before_a_change() {
    same(
        "with_forms",
        r"
CREATE TABLE t (id int PRIMARY KEY, v int, w text DEFAULT 'd');
CREATE TABLE x (id int, v int);
INSERT INTO x VALUES (1, 100), (2, 200), (9, 900);
WITH x AS (SELECT id, v + 1 AS v FROM x) INSERT INTO t (id, v) SELECT * FROM x RETURNING id, v;
WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 6) INSERT INTO t (id, v) SELECT i, i FROM n;
WITH a AS (SELECT 7 AS id) INSERT INTO t (id) WITH b AS (SELECT id + 1 AS id FROM a) SELECT id FROM b UNION ALL SELECT id FROM a;
WITH a AS (SELECT 1 AS id, 5 AS v) INSERT INTO t (id, v) VALUES ((SELECT id FROM a), (SELECT v FROM a)) ON CONFLICT (id) DO UPDATE SET v = excluded.v + t.v RETURNING *;
WITH a AS (SELECT 60 AS id) INSERT INTO t VALUES ((SELECT id FROM a), 1), ((SELECT max(id) FROM x) + 90, DEFAULT, (SELECT 'z'));
INSERT INTO t VALUES ((SELECT 1), 2), (3);
VALUES ((SELECT max(id) FROM x)), (3) ORDER BY 1;
WITH s AS (SELECT id, sum(v) AS v FROM x GROUP BY id) UPDATE t SET v = s.v FROM s WHERE s.id = t.id AND t.id <> 2 AND t.id <> 9 RETURNING t.id, t.v;
WITH s AS (SELECT max(id) AS id FROM x) UPDATE t AS o SET w = 'top' WHERE o.id = (SELECT id FROM s) RETURNING o.*;
WITH s AS (SELECT 3 AS id UNION ALL SELECT 3) DELETE FROM t USING s WHERE s.id = t.id RETURNING t.id;
WITH s AS (SELECT 4 AS id) DELETE FROM t WHERE id IN (SELECT id FROM s);
SELECT * FROM t ORDER BY id;
INSERT INTO x TABLE x;
TABLE x ORDER BY id, v;
DELETE FROM ONLY x WHERE id = 9;
UPDATE ONLY x SET v = 0 WHERE id = 1;
SELECT count(*), sum(v) FROM x;
WITH s AS (SELECT 1 AS id) INSERT INTO t (id) SELECT id FROM nothing;
WITH s AS (SELECT 1 AS id) UPDATE nothing SET v = 1;
",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_columns() {
    same(
        "identity_forms",
        r"
CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY, n int GENERATED BY DEFAULT AS IDENTITY, v text);
INSERT INTO a (v) VALUES ('x'), ('y');
INSERT INTO a VALUES (DEFAULT, 50, 'z');
INSERT INTO a VALUES (7, 50, 'z');
INSERT INTO a (id, v) VALUES (DEFAULT, 'p'), (9, 'q');
INSERT INTO a (id, v) SELECT 1, 'z';
INSERT INTO a (id, v) SELECT 1, 'z' WHERE false;
INSERT INTO a (id, v) OVERRIDING SYSTEM VALUE VALUES (70, 's');
INSERT INTO a (v) OVERRIDING SYSTEM VALUE SELECT 'sel';
INSERT INTO a (id, n, v) OVERRIDING USER VALUE VALUES (80, 90, 'u') RETURNING v;
INSERT INTO a OVERRIDING USER VALUE SELECT 81, 91, 'uu' RETURNING id < 70, n < 70;
UPDATE a SET id = 5 WHERE v = 'x';
UPDATE a SET (v, id) = ('x', id) WHERE v = 'x';
UPDATE a SET id = DEFAULT, n = 6 WHERE v = 'x';
SELECT id IS NOT NULL, n, v FROM a WHERE v IN ('x', 's', 'z') ORDER BY v;
ALTER TABLE a ADD COLUMN k int GENERATED ALWAYS AS IDENTITY;
INSERT INTO a (k) VALUES (1);
SELECT count(DISTINCT k) = count(*) FROM a;
\copy a (id, v) from stdin csv
99,copied
\.
SELECT id, v FROM a WHERE v = 'copied';
",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_on_the_left_of_set() {
    same(
        "set_forms",
        r"
CREATE TABLE t (id int PRIMARY KEY, a int, b text DEFAULT 'd');
INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y');
UPDATE t SET (a, b) = (a + 10, upper(b)) WHERE id = 1 RETURNING *;
UPDATE t SET (b, a) = ROW('r', DEFAULT), id = id + 10 WHERE id = 2 RETURNING *;
UPDATE t SET (a) = ROW(5) WHERE id = 1 RETURNING a;
INSERT INTO t VALUES (1, 7, 'n') ON CONFLICT (id) DO UPDATE SET (a, b) = (excluded.a * t.a, DEFAULT) RETURNING *;
UPDATE t SET (a, b) = (1, 'x', 2);
UPDATE t SET (a, b) = (1, 'x'), a = 2;
UPDATE t SET (a, nope) = (1, 2);
SELECT * FROM t ORDER BY id;
",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_from_queries() {
    same(
        "as_forms",
        r"
CREATE TABLE t (id int, v text);
INSERT INTO t VALUES (1, 'a'), (2, 'b');
CREATE MATERIALIZED VIEW m AS TABLE t;
TABLE t UNION ALL (TABLE t) ORDER BY id, v;
WITH q AS (TABLE t) SELECT count(*) FROM q JOIN (TABLE t) r USING (id);
EXPLAIN (NONSENSE) TABLE t;
CREATE MATERIALIZED VIEW n (k) AS SELECT id, v FROM t WHERE id > 1 WITH DATA;
CREATE TABLE c (a, b) AS SELECT id, v FROM t;
CREATE TABLE d (a) AS TABLE t WITH DATA;
CREATE TABLE e (one, two) AS SELECT id + 1, upper(v) FROM t WITH NO DATA;
CREATE TABLE IF NOT EXISTS e AS SELECT 1;
CREATE TABLE f (a, b, c) AS SELECT id, v FROM t;
SELECT * FROM m ORDER BY id;
SELECT * FROM n;
SELECT * FROM c ORDER BY a;
SELECT * FROM d ORDER BY a;
SELECT * FROM e;
INSERT INTO e VALUES (1, 'x') RETURNING *;
",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn begin_and_end() {
    same(
        "block_forms",
        r"
CREATE TABLE t (id int);
START TRANSACTION;
INSERT INTO t VALUES (1);
ABORT;
START TRANSACTION READ ONLY;
INSERT INTO t VALUES (1);
ABORT WORK;
ABORT;
ROLLBACK;
COMMIT;
END;
SELECT * FROM t;
",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_its_time() {
    same(
        "time_forms",
        r"
SHOW statement_timeout;
SET statement_timeout = '90s';
SHOW statement_timeout;
SET statement_timeout = 1500;
SHOW statement_timeout;
SET statement_timeout = '2 min';
SELECT current_setting('statement_timeout');
BEGIN;
SET LOCAL statement_timeout = '3h';
SHOW statement_timeout;
COMMIT;
SHOW statement_timeout;
SET statement_timeout = 'soon';
SET statement_timeout = '5 weeks';
SET statement_timeout = -1;
RESET statement_timeout;
SHOW statement_timeout;
",
    )
    .await;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    let endless = "SELECT sum(a.i * b.i + c.i) FROM generate_series(1, 100000) a(i), generate_series(1, 100000) b(i), \
                   generate_series(1, 100000) c(i)";
    run(&client, "SET statement_timeout = '300ms'").await;
    let started = Instant::now();
    let late = client.batch_execute(endless).await.unwrap_err();
    assert_eq!(message(&late), "57014 canceling statement due to statement timeout");
    let late = client.query(endless, &[]).await.unwrap_err();
    assert_eq!(message(&late), "57014 canceling statement due to statement timeout");
    let rows = "SELECT a.i FROM generate_series(1, 10000000) a(i), generate_series(1, 100000) b(i)";
    let late = client.query(rows, &[]).await.unwrap_err();
    assert_eq!(message(&late), "57014 canceling statement due to statement timeout");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    // The time of one statement is not that of the next, or of the pause between.
    tokio::time::sleep(Duration::from_millis(400)).await;
    run(&client, "SELECT 1; CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    run(&client, "SET statement_timeout = 0; SELECT 1").await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_explain() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int)").await;
    for plain in ["", "VERBOSE", "(COSTS OFF)", "(ANALYZE false, VERBOSE, BUFFERS 0, FORMAT text)", "(TIMING off)"] {
        let plan = crate::harness::rows(&client, &format!("EXPLAIN {plain} SELECT * FROM t")).await.unwrap().join("\n");
        assert!(!plan.is_empty() && !plan.contains("metrics="), "{plain}: {plan}");
    }
    for run in ["ANALYZE", "(ANALYZE)", "(ANALYZE, COSTS OFF)", "(analyze on, timing, summary)"] {
        let plan = crate::harness::rows(&client, &format!("EXPLAIN {run} SELECT * FROM t")).await.unwrap().join("\n");
        assert!(plan.contains("metrics="), "{run}: {plan}");
    }
    let refused = [
        ("(NONSENSE)", "42601 unrecognized EXPLAIN option \"nonsense\""),
        ("(ANALYZE maybe)", "42601 analyze requires a Boolean value"),
        ("(FORMAT JSON)", "0A000 EXPLAIN in the format JSON is not supported"),
        ("(FORMAT fancy)", "22023 unrecognized value for EXPLAIN option \"format\": \"fancy\""),
        ("(WAL)", "22023 EXPLAIN option WAL requires ANALYZE"),
    ];
    for (options, expected) in refused {
        let refused = client.batch_execute(&format!("EXPLAIN {options} SELECT * FROM t")).await.unwrap_err();
        assert_eq!(message(&refused), expected);
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE SCHEMA bronze; CREATE TABLE bronze.raw (id int); CREATE TABLE t (id int, v int)").await;
    run(&client, "CREATE SCHEMA silver; CREATE TABLE silver.raws (id int); CREATE TABLE orders (id int)").await;
    let refused = [
        ("COPY t TO STDOUT CSV FORCE QUOTE *", "0A000 the COPY option FORCE QUOTE is not supported"),
        ("CREATE MATERIALIZED VIEW m AS SELECT id FROM t WITH NO DATA", "0A000 WITH NO DATA is not supported"),
        ("COPY t FROM '/etc/passwd' CSV", "0A000 COPY with a file or program on the server is not supported"),
        ("CREATE TABLE c (a int) AS SELECT 1", "0A000 CREATE TABLE ... AS with types or constraints is not supported"),
        ("UPDATE t SET (id, v) = (SELECT 1, 2)", "0A000 SET (a, b) = (SELECT ...) is not supported"),
        ("COMMIT AND CHAIN", "0A000 AND CHAIN is not supported"),
        (
            "WITH t AS (SELECT 1 AS id) UPDATE t SET v = 1",
            "0A000 a WITH query named as the table that changes, \"t\", is not supported",
        ),
        (
            "WITH g AS (DELETE FROM t RETURNING id) INSERT INTO t SELECT id FROM g",
            "0A000 a data-modifying statement inside a query is not supported",
        ),
        (
            "WITH s AS (SELECT 1 AS id) DELETE FROM t RETURNING (SELECT id FROM s)",
            "0A000 a subquery in RETURNING or ON CONFLICT of a statement with WITH is not supported",
        ),
    ];
    for (sql, expected) in refused {
        let error = client.batch_execute(sql).await.unwrap_err();
        assert_eq!(message(&error), expected, "{sql}");
        assert!(error.as_db_error().unwrap().hint().is_some(), "{sql}");
    }
    let hints = [
        ("order", "orders"),
        ("raw", "bronze.raw"),
        ("bronze.raws", "silver.raws"),
        ("raaw", "bronze.raw"),
        ("silver.raw", "bronze.raw"),
    ];
    for (name, near) in hints {
        let error = client.batch_execute(&format!("SELECT * FROM {name}")).await.unwrap_err();
        let error = error.as_db_error().unwrap().clone();
        assert_eq!((error.code().code(), error.hint()), ("42P01", Some(&*format!("Perhaps you meant \"{near}\"."))));
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_changes_below_with() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int, v bigint); CREATE TABLE x (id int); INSERT INTO x VALUES (1), (2)").await;
    let inserted = "WITH s AS (SELECT id FROM x WHERE id >= $1::int) INSERT INTO t SELECT id, $2::bigint FROM s";
    assert_eq!(client.execute(inserted, &[&1i32, &5i64]).await.unwrap(), 2);
    let updated =
        "WITH s AS (SELECT id FROM x WHERE id = $1) UPDATE t SET (v, id) = ($2, t.id) FROM s WHERE s.id = t.id";
    assert_eq!(client.execute(updated, &[&2i32, &6i64]).await.unwrap(), 1);
    let deleted = "WITH s AS (SELECT id FROM x WHERE id = $1) DELETE FROM t USING s WHERE s.id = t.id AND t.v = $2";
    assert_eq!(client.execute(deleted, &[&2i32, &6i64]).await.unwrap(), 1);
    assert_eq!(crate::harness::rows(&client, "SELECT * FROM t").await.unwrap(), ["1 | 5"]);
    server.stop();
}
