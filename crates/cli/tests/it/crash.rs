//! kill -9, at random and at each step of a commit: what was acknowledged is there once, nothing else is.

use crate::harness::{Server, rows, run, value, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

async fn shop(server: &Server) {
    let client = server.connect().await;
    run(&client, "CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12,2) NOT NULL)")
        .await;
    run(&client, "CREATE TABLE customers (id int PRIMARY KEY, region text NOT NULL)").await;
    run(&client, "INSERT INTO customers SELECT i, 'r' || (i % 3) FROM generate_series(0, 9) AS g(i)").await;
    run(&client, "CREATE MATERIALIZED VIEW silver AS SELECT o.id, o.amount, c.region FROM orders o JOIN customers c ON c.id = o.customer").await;
    run(&client, "CREATE MATERIALIZED VIEW gold AS SELECT region, count(*) AS n, sum(amount) AS total FROM silver GROUP BY region").await;
}

/// Every acknowledged order is in bronze and gold once, and every view equals its query.
async fn check(server: &Server, acknowledged: i64, attempted: i64) {
    let client = server.connect().await;
    let stored: i64 = value(&client, "SELECT count(*) FROM orders").await.parse().unwrap();
    let highest: i64 = value(&client, "SELECT coalesce(max(id), 0) FROM orders").await.parse().unwrap();
    assert_eq!(stored, highest, "no order is missing or doubled");
    assert!(stored >= acknowledged, "{acknowledged} were acknowledged, {stored} are there");
    assert!(stored <= attempted, "{attempted} were sent, {stored} are there");
    assert_eq!(value(&client, "SELECT coalesce(sum(n), 0) FROM gold").await, stored.to_string());
    for verified in rows(&client, "SELECT * FROM sluice.verify()").await.unwrap() {
        assert_eq!(verified.split(" | ").nth(3), Some("0"), "{verified}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    shop(&server).await;
    let next = Arc::new(AtomicI64::new(1));
    for round in 0..6u64 {
        let client = server.connect().await;
        let first = next.load(Ordering::SeqCst);
        let (sent, answered) = (Arc::clone(&next), Arc::new(AtomicI64::new(first - 1)));
        let acknowledged = Arc::clone(&answered);
        let writer = tokio::spawn(async move {
            loop {
                let id = sent.fetch_add(1, Ordering::SeqCst);
                let sql = format!("INSERT INTO orders VALUES ({id}, {}, {}.25)", id % 10, id % 100);
                if client.batch_execute(&sql).await.is_err() {
                    return;
                }
                answered.store(id, Ordering::SeqCst);
            }
        });
        let some = || if acknowledged.load(Ordering::SeqCst) > first { Ok(()) } else { Err("no answer".to_string()) };
        wait_until(async || some()).await;
        tokio::time::sleep(Duration::from_millis(97 * round)).await;
        let place = server.dir.clone();
        server.kill();
        writer.await.unwrap();
        let acknowledged = acknowledged.load(Ordering::SeqCst);
        server = Server::start(&place);
        check(&server, acknowledged, next.load(Ordering::SeqCst) - 1).await;
        let client = server.connect().await;
        let highest: i64 = value(&client, "SELECT max(id) FROM orders").await.parse().unwrap();
        next.store(highest + 1, Ordering::SeqCst);
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_of_a_commit() {
    for failpoint in ["before_file_sync", "after_file_write", "before_commit", "in_commit", "after_commit"] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        shop(&server).await;
        let client = server.connect().await;
        run(&client, "INSERT INTO orders SELECT i, i % 10, i FROM generate_series(1, 5000) AS g(i)").await;
        server.stop();

        let server = Server::start_with(dir.path(), &[("SLUICE_FAILPOINT", failpoint)]);
        let client = server.connect().await;
        let sql = "INSERT INTO orders SELECT i, i % 10, i FROM generate_series(5001, 9000) AS g(i)";
        assert!(client.batch_execute(sql).await.is_err(), "the server is gone at {failpoint}");
        assert!(!server.wait().success());

        let server = Server::start(dir.path());
        let expected = if failpoint == "after_commit" { 9000 } else { 5000 };
        check(&server, expected, expected).await;
        let client = server.connect().await;
        run(
            &client,
            "INSERT INTO orders SELECT i + (SELECT max(id) FROM orders), 1, i FROM generate_series(1, 3) AS g(i)",
        )
        .await;
        check(&server, expected + 3, expected + 3).await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_wholly_or_not_at_all() {
    for failpoint in ["before_commit", "in_commit", "after_commit"] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        shop(&server).await;
        run(&server.connect().await, "INSERT INTO orders VALUES (1, 1, 5), (2, 2, 6)").await;
        server.stop();

        let server = Server::start_with(dir.path(), &[("SLUICE_FAILPOINT", failpoint)]);
        let client = server.connect().await;
        let sql = "BEGIN; INSERT INTO orders VALUES (3, 3, 7); ALTER TABLE orders RENAME COLUMN amount TO price; \
                   ALTER TABLE customers ADD COLUMN seq serial; CREATE UNIQUE INDEX by_seq ON customers (seq); \
                   CREATE INDEX by_region ON gold (region); ALTER TABLE orders RENAME TO sales; COMMIT";
        assert!(client.batch_execute(sql).await.is_err(), "the server is gone at {failpoint}");
        assert!(!server.wait().success());

        let server = Server::start(dir.path());
        let client = server.connect().await;
        let done = failpoint == "after_commit";
        let (table, column, count) = if done { ("sales", "price", "3") } else { ("orders", "amount", "2") };
        run(&client, &format!("INSERT INTO {table} (id, customer, {column}) VALUES (9, 1, 1)")).await;
        run(&client, &format!("DELETE FROM {table} WHERE {column} = 1")).await;
        assert_eq!(value(&client, "SELECT sum(n) FROM gold").await, count);
        let indexes = "SELECT indexname FROM pg_indexes WHERE indexname LIKE 'by%'";
        let expected: &[&str] = if done { &["by_region", "by_seq"] } else { &[] };
        assert_eq!(rows(&client, indexes).await.unwrap(), expected);
        let again = rows(&client, "INSERT INTO customers (id, region, seq) VALUES (77, 'x', 1)").await;
        assert_eq!(again.unwrap_err().split(' ').next(), Some(if done { "23505" } else { "42703" }));
        for verified in rows(&client, "SELECT sluice.verify()").await.unwrap() {
            assert_eq!(verified.split(" | ").nth(3), Some("0"), "{verified}");
        }
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_owner_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(["up", "--listen", "127.0.0.1:0", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(message.contains(&server.address), "the message names the owner: {message}");
    let answer = std::process::Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(["sql", "--output", "json", "-c", "SELECT 1 + 1 AS two", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), r#"[{"two":"2"}]"#);
    server.stop();
}
