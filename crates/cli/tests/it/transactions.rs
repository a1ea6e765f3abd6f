//! Transactions as clients see them.

use crate::harness::{Server, message, rows, run, value};
use tokio_postgres::Client;

#[tokio::test(flavor = "multi_thread")]
async fn counters_lose_nothing() {
    let adds: i64 = std::env::var("SLUICE_TEST_ADDS").map_or(1000, |adds| adds.parse().unwrap());
    // In blocks that all change the same row one of 32 wins, and the others begin again.
    let hot_adds: i64 = std::env::var("SLUICE_TEST_HOT_ADDS").map_or(100, |adds| adds.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE counters (id bigint PRIMARY KEY, n bigint NOT NULL)").await;
    run(&client, &format!("INSERT INTO counters SELECT i, 0 FROM generate_series(0, {CLIENTS}) AS g(i)")).await;
    run(&client, "CREATE MATERIALIZED VIEW total AS SELECT sum(n) AS n FROM counters").await;
    let start = std::time::Instant::now();
    every_client(&server, |_, client| async move {
        for _ in 0..adds {
            run(&client, "UPDATE counters SET n = n + 1 WHERE id = 0").await;
        }
    })
    .await;
    println!("{CLIENTS} clients add {adds} each to one counter: {:?}", start.elapsed());
    assert_eq!(value(&client, "SELECT n FROM counters WHERE id = 0").await, (CLIENTS * adds).to_string());

    let start = std::time::Instant::now();
    every_client(&server, |number, client| async move {
        for i in 0..adds {
            // Every client visits every counter, each in an order of its own.
            add_in_block(&client, 1 + (number + i * (2 * number + 1)) % CLIENTS).await;
        }
    })
    .await;
    println!("{CLIENTS} clients add {adds} each in blocks: {:?}", start.elapsed());
    assert_eq!(value(&client, "SELECT sum(n) FROM counters WHERE id > 0").await, (CLIENTS * adds).to_string());

    let start = std::time::Instant::now();
    every_client(&server, |_, client| async move {
        for _ in 0..hot_adds {
            add_in_block(&client, 0).await;
        }
    })
    .await;
    println!("{CLIENTS} clients add {hot_adds} each to one counter in blocks: {:?}", start.elapsed());
    let hot = CLIENTS * (adds + hot_adds);
    assert_eq!(value(&client, "SELECT n FROM counters WHERE id = 0").await, hot.to_string());
    assert_eq!(value(&client, "SELECT n FROM total").await, (hot + CLIENTS * adds).to_string());
    server.stop();
}

const CLIENTS: i64 = 32;

/// Runs the work in as many clients at once.
async fn every_client<W: Future<Output = ()> + Send + 'static>(server: &Server, work: impl Fn(i64, Client) -> W) {
    let mut tasks = vec![];
    for number in 0..CLIENTS {
        tasks.push(tokio::spawn(work(number, server.connect().await)));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Adds one inside BEGIN ... COMMIT; a conflict is retried, as its hint says.
async fn add_in_block(client: &Client, counter: i64) {
    let sql = format!("BEGIN; UPDATE counters SET n = n + 1 WHERE id = {counter}; COMMIT");
    loop {
        match client.batch_execute(&sql).await {
            Ok(()) => return,
            Err(e) => {
                assert!(message(&e).starts_with("40001"), "{}", message(&e));
                run(client, "ROLLBACK").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_one_snapshot_and_sees_itself() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (a, b) = (server.connect().await, server.connect().await);
    run(&a, "CREATE TABLE x (id bigint PRIMARY KEY, v int NOT NULL); CREATE TABLE y (id bigserial PRIMARY KEY, v int)")
        .await;
    run(&a, "CREATE MATERIALIZED VIEW both AS SELECT x.id, x.v AS xv, y.v AS yv FROM x JOIN y ON x.id = y.id").await;
    run(&a, "BEGIN; INSERT INTO x VALUES (1, 10), (2, 20); INSERT INTO y (v) VALUES (100), (200);").await;
    run(&a, "UPDATE x SET v = v + 1 WHERE id = 1; DELETE FROM y WHERE id = 2").await;
    assert_eq!(rows(&a, "SELECT id, v FROM x").await.unwrap(), ["1 | 11", "2 | 20"]);
    assert_eq!(rows(&b, "SELECT id, v FROM x").await.unwrap(), Vec::<String>::new());
    run(&a, "COMMIT").await;
    assert_eq!(rows(&b, "SELECT * FROM x").await.unwrap(), ["1 | 11", "2 | 20"]);
    assert_eq!(rows(&b, "SELECT * FROM both").await.unwrap(), ["1 | 11 | 100"]);

    run(&a, "BEGIN; UPDATE x SET v = 0; ROLLBACK").await;
    assert_eq!(value(&b, "SELECT sum(v) FROM x").await, "31");
    let error = rows(&a, "BEGIN; INSERT INTO x VALUES (3, 1); INSERT INTO x VALUES (1, 1); COMMIT").await.unwrap_err();
    assert_eq!(error, "23505 duplicate key value violates unique constraint \"x_pkey\"");
    run(&a, "ROLLBACK").await;
    assert_eq!(value(&a, "SELECT count(*) FROM x").await, "2");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_roll_back_with_their_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    run(&client, "INSERT INTO t VALUES (1, 5), (2, 7)").await;
    run(&client, "BEGIN; CREATE TABLE u (id int); INSERT INTO u VALUES (1);").await;
    run(&client, "CREATE MATERIALIZED VIEW m AS SELECT t.v FROM t JOIN u ON t.id = u.id").await;
    assert_eq!(rows(&client, "SELECT * FROM m").await.unwrap(), ["5"]);
    run(&client, "ROLLBACK").await;
    let error = rows(&client, "SELECT * FROM m").await.unwrap_err();
    assert!(error.starts_with("42P01"), "{error}");

    run(&client, "BEGIN; CREATE TABLE u (id int); INSERT INTO u VALUES (2);").await;
    run(&client, "CREATE MATERIALIZED VIEW m AS SELECT t.v FROM t JOIN u ON t.id = u.id; COMMIT").await;
    assert_eq!(rows(&client, "SELECT * FROM m").await.unwrap(), ["7"]);
    run(&client, "INSERT INTO u VALUES (1)").await;
    assert_eq!(rows(&client, "SELECT * FROM m").await.unwrap(), ["5", "7"]);
    let error = rows(&client, "DROP TABLE u").await.unwrap_err();
    assert!(error.starts_with("2BP01"), "{error}");
    run(&client, "DROP TABLE u CASCADE").await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn constraints_hold() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE c (id int PRIMARY KEY, email text UNIQUE, age int CHECK (age >= 0))").await;
    run(&client, "CREATE TABLE o (id serial PRIMARY KEY, c int NOT NULL REFERENCES c(id), amount numeric(6,2) NOT NULL DEFAULT 1.5)").await;
    run(&client, "INSERT INTO c VALUES (1, 'a', 3), (2, NULL, NULL), (3, NULL, 1)").await;
    run(&client, "INSERT INTO o (c) VALUES (1)").await;
    run(&client, "CREATE TABLE plain (n numeric); INSERT INTO plain VALUES (1.5), (2.10000000000000)").await;
    let refused = [
        ("INSERT INTO c VALUES (1, 'z', 1)", "23505"),
        ("INSERT INTO c VALUES (9, 'a', 1)", "23505"),
        ("INSERT INTO c VALUES (9, 'z', -1)", "23514"),
        ("INSERT INTO c VALUES (NULL, 'z', 1)", "23502"),
        ("INSERT INTO o (c) VALUES (7)", "23503"),
        ("DELETE FROM c WHERE id = 1", "23503"),
        ("UPDATE c SET id = 8 WHERE id = 1", "23503"),
        ("INSERT INTO o (c, amount) VALUES (1, 12345.6)", "22003"),
        ("INSERT INTO o (c, amount) VALUES ('x', 1)", "22P02"),
        ("INSERT INTO o (nope) VALUES (1)", "42703"),
        ("SELECT * FROM nope", "42P01"),
        ("SELECT 1 / 0", "22012"),
        ("SELECT 'x'::uuid", "22P02"),
        ("SELECT '{'::jsonb", "22P02"),
        ("SELECT to_char(now(), 'TMMonth')", "0A000"),
        ("SELECT to_date('2024-13-01', 'YYYY-MM-DD')", "22008"),
        ("SELECT to_date('x', 'YYYY')", "22007"),
        ("SELECT DISTINCT ON (id) id FROM c ORDER BY email", "42P10"),
        ("DECLARE x CURSOR FOR SELECT 1", "25P01"),
        ("FETCH 1 FROM x", "34000"),
        ("CLOSE x", "34000"),
        ("SET statement_timeout = 'soon'", "22023"),
        ("SET datestyle = 'German'", "0A000"),
        ("INSERT INTO plain VALUES (1.00000000001)", "22003"),
        ("SELECT 2147483647 + 1", "22003"),
        ("INSERT INTO nope VALUES (1)", "42P01"),
        ("INSERT INTO c VALUES (1, 'b', 4) ON CONFLICT (id) DO UPDATE SET age = age + 1", "42702"),
        ("INSERT INTO c VALUES (9, 'b', 4), (10, 'c')", "42601"),
        ("INSERT INTO c VALUES (9, 'b', 'x')", "22P02"),
        ("INSERT INTO c VALUES (9, 'b', 3000000000)", "22003"),
    ];
    for (sql, code) in refused {
        let error = rows(&client, sql).await.expect_err(sql);
        assert!(error.starts_with(code), "{sql}: {error}");
    }
    assert_eq!(value(&client, "SELECT count(*) FROM c").await, "3");
    assert_eq!(rows(&client, "SELECT * FROM o").await.unwrap(), ["1 | 1 | 1.50"]);
    run(
        &client,
        "INSERT INTO c VALUES (1, 'b', 4), (4, 'd', 5) ON CONFLICT (id) DO UPDATE SET age = c.age + excluded.age",
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT id, email, age FROM c WHERE id IN (1, 4)").await.unwrap(),
        ["1 | a | 7", "4 | d | 5"]
    );
    run(&client, "INSERT INTO c VALUES (4, 'q', 9) ON CONFLICT DO NOTHING").await;
    let returned =
        rows(&client, "UPDATE c SET age = age + 1 WHERE id = 4 RETURNING id, age * 2 AS twice").await.unwrap();
    assert_eq!(returned, ["4 | 12"]);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_row_holds_its_views_and_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, a int, b int)").await;
    run(&client, "CREATE MATERIALIZED VIEW ratio AS SELECT id, a / b AS r FROM t").await;
    run(&client, "CREATE MATERIALIZED VIEW total AS SELECT sum(r) AS s FROM ratio").await;
    run(&client, "CREATE MATERIALIZED VIEW rows_in AS SELECT count(*) AS n FROM t").await;
    run(&client, "INSERT INTO t VALUES (1, 10, 2)").await;
    run(&client, "INSERT INTO t VALUES (2, 10, 0)").await;
    run(&client, "INSERT INTO t VALUES (3, 9, 3)").await;
    assert_eq!(rows(&client, "SELECT * FROM ratio").await.unwrap(), ["1 | 5"]);
    assert_eq!(value(&client, "SELECT s FROM total").await, "5");
    assert_eq!(value(&client, "SELECT n FROM rows_in").await, "3");
    let status = rows(&client, "SELECT name, status, error FROM sluice.status WHERE status <> 'ACTIVE'").await.unwrap();
    assert_eq!(status.len(), 2, "{status:?}");
    assert!(status[0].contains("division by zero") && status[0].contains("(2, 10, 0)"), "{status:?}");
    run(&client, "UPDATE t SET b = 5 WHERE id = 2").await;
    assert_eq!(rows(&client, "SELECT * FROM ratio").await.unwrap(), ["1 | 5", "2 | 2", "3 | 3"]);
    assert_eq!(value(&client, "SELECT s FROM total").await, "10");
    assert_eq!(value(&client, "SELECT count(*) FROM sluice.status WHERE status = 'ACTIVE'").await, "3");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_view_keeps_its_rows_and_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    run(&client, "CREATE MATERIALIZED VIEW s AS SELECT sum(v) AS v FROM t").await;
    run(&client, "CREATE MATERIALIZED VIEW twice AS SELECT v * 2 AS v FROM s").await;
    run(&client, "INSERT INTO t VALUES (1, 10)").await;
    run(&client, "SELECT sluice.pause('s')").await;
    run(&client, "INSERT INTO t VALUES (2, 5)").await;
    assert_eq!(value(&client, "SELECT v FROM s").await, "10");
    assert_eq!(value(&client, "SELECT status FROM sluice.status WHERE name = 's'").await, "PAUSED");
    server.stop();
    server = Server::start(dir.path());
    client = server.connect().await;
    run(&client, "INSERT INTO t VALUES (3, 7)").await;
    assert_eq!(value(&client, "SELECT v FROM s").await, "10");
    let verified = rows(&client, "SELECT sluice.verify()").await.unwrap();
    assert!(verified[0].contains("held back: paused"), "{verified:?}");
    run(&client, "SELECT sluice.resume('s')").await;
    assert_eq!(value(&client, "SELECT v FROM s").await, "22");
    assert_eq!(value(&client, "SELECT v FROM twice").await, "44");
    run(&client, "INSERT INTO t VALUES (4, 1)").await;
    assert_eq!(value(&client, "SELECT v FROM twice").await, "46");
    for verified in rows(&client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(verified.split(" | ").nth(3), Some("0"), "{verified}");
        assert!(!verified.contains("held back"), "{verified}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_built_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    let refused = [
        "SELECT * FROM t FOR UPDATE",
        "SELECT * FROM t TABLESAMPLE SYSTEM (10)",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "CREATE MATERIALIZED VIEW m AS SELECT random() AS r FROM t",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t LIMIT 3",
        "CREATE TABLE u (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE u (a int[])",
        "INSERT INTO m SELECT 1",
        "CREATE MATERIALIZED VIEW m WITH (shedule = '3s') AS SELECT 1 AS one",
    ];
    for sql in refused {
        let error = rows(&client, sql).await.expect_err(sql);
        let code = error.split(' ').next().unwrap().to_string();
        assert!(["0A000", "42P01", "22023"].contains(&code.as_str()), "{sql}: {error}");
    }
    let error = rows(&client, "BEGIN READ ONLY; INSERT INTO t VALUES (1, 1)").await.unwrap_err();
    assert!(error.starts_with("25006"), "{error}");
    run(&client, "ROLLBACK").await;
    let error = rows(&client, "SELECT nmae FROM (SELECT 1 AS name) x").await.unwrap_err();
    assert!(error.starts_with("42703"), "{error}");
    assert_eq!(rows(&client, "SHOW application_name").await.unwrap(), [""]);
    run(&client, "SET application_name TO 'x'; RESET application_name").await;
    assert_eq!(rows(&client, "SHOW application_name").await.unwrap(), [""]);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_select_reads_an_older_version() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int)").await;
    run(&client, "INSERT INTO t VALUES (1)").await;
    run(&client, "INSERT INTO t VALUES (2)").await;
    let listed = "SELECT snapshot_id, changes FROM sluice.snapshots WHERE snapshot_id IN (1, 2) ORDER BY 1";
    let expected = ["1 | created_table:\"main\".\"t\"", "2 | inlined_insert: public.t"];
    assert_eq!(rows(&client, listed).await.unwrap(), expected);
    assert_eq!(value(&client, "SELECT count(*) FROM t AT (VERSION => 2)").await, "1");
    assert_eq!(rows(&client, "SELECT x.id FROM t x AT (VERSION => 3)").await.unwrap(), ["1", "2"]);
    assert!(rows(&client, "SELECT * FROM t AT (VERSION => 99)").await.is_err());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_changes_keep_their_keys() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id bigserial PRIMARY KEY, k int UNIQUE, v int)").await;
    run(&client, "CREATE MATERIALIZED VIEW per_key AS SELECT k, sum(v) AS v FROM t GROUP BY k").await;
    run(&client, "INSERT INTO t (k, v) SELECT i, 1 FROM generate_series(1, 20000) AS g(i)").await;
    let refused = rows(&client, "INSERT INTO t (k, v) SELECT i, 2 FROM generate_series(20000, 40000) AS g(i)").await;
    assert!(refused.unwrap_err().starts_with("23505"));
    let refused =
        rows(&client, "INSERT INTO t (k, v) SELECT i % 15000 + 30000, 2 FROM generate_series(1, 20000) AS g(i)");
    assert!(refused.await.unwrap_err().starts_with("23505"));
    run(
        &client,
        "INSERT INTO t (k, v) SELECT i, 5 FROM generate_series(10001, 30000) AS g(i) \
         ON CONFLICT (k) DO UPDATE SET v = t.v + excluded.v",
    )
    .await;
    let sums = "SELECT count(*), sum(v), count(*) FILTER (WHERE v = 6) FROM per_key";
    assert_eq!(rows(&client, sums).await.unwrap(), ["30000 | 120000 | 10000"]);
    run(&client, "BEGIN").await;
    run(&client, "DELETE FROM t").await;
    run(&client, "INSERT INTO t (k, v) SELECT i, 1 FROM generate_series(1, 12000) AS g(i)").await;
    run(&client, "COMMIT").await;
    assert_eq!(rows(&client, sums).await.unwrap(), ["12000 | 12000 | 0"]);
    assert!(rows(&client, "INSERT INTO t (k, v) VALUES (12000, 1)").await.unwrap_err().starts_with("23505"));
    run(&client, "INSERT INTO t (k, v) VALUES (12001, 1)").await;
    assert_eq!(value(&client, "SELECT v FROM t WHERE k = 12001").await, "1");
    server.stop();
}
