//! Conditions on keys are looked up, whatever the reader's snapshot and whatever it has staged.

use crate::harness::{Server, rows, run, value};
use tokio_postgres::Client;

const SETUP: &str = "CREATE TABLE parts (id bigint PRIMARY KEY, code text UNIQUE, n int);
     INSERT INTO parts SELECT i, 'c' || i, i % 7 FROM generate_series(1, 20000) AS g(i);
     CREATE TABLE pairs (a int, b text, n int, PRIMARY KEY (a, b));
     INSERT INTO pairs SELECT i % 100, 'b' || (i / 100), i FROM generate_series(1, 5000) AS g(i)";

async fn plan(client: &Client, sql: &str) -> String {
    rows(client, &format!("EXPLAIN {sql}")).await.unwrap().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, SETUP).await;
    let cases = [
        ("SELECT n FROM parts WHERE id = 4711", "parts_pkey (id)", vec!["0"]),
        ("SELECT id FROM parts WHERE code = 'c12' AND n = 5", "parts_code_key (code)", vec!["12"]),
        ("SELECT id FROM parts WHERE id IN (3, 5, 3, 99999)", "parts_pkey (id)", vec!["3", "5"]),
        ("SELECT id FROM parts WHERE id = 3 OR id = 5 OR id = 6", "parts_pkey (id)", vec!["3", "5", "6"]),
        ("SELECT n FROM pairs WHERE b = 'b3' AND a IN (1, 2)", "pairs_pkey (a, b)", vec!["301", "302"]),
        ("SELECT n FROM parts WHERE id = NULL", "", vec![]),
        (
            "SELECT p.n FROM parts p JOIN pairs q ON p.id = q.n WHERE q.a = 7 AND q.b = 'b0'",
            "pairs_pkey (a, b)",
            vec!["0"],
        ),
    ];
    for (sql, index, expected) in cases {
        let plan = plan(&client, sql).await;
        assert!(plan.contains(index), "{sql}: {plan}");
        assert_eq!(rows(&client, sql).await.unwrap(), expected, "{sql}");
    }
    let half = plan(&client, "SELECT n FROM pairs WHERE a = 7").await;
    assert!(!half.contains("lookup"), "half a key finds nothing: {half}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_see_the_transaction_and_its_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (old, new) = (server.connect().await, server.connect().await);
    run(&new, SETUP).await;
    run(&old, "BEGIN").await;
    assert_eq!(value(&old, "SELECT count(*) FROM parts").await, "20000");

    run(&old, "UPDATE parts SET n = 100 WHERE id = 1; DELETE FROM parts WHERE code = 'c2'").await;
    run(
        &old,
        "INSERT INTO parts VALUES (2, 'two', 200), (30000, 'c30000', 1); UPDATE parts SET id = 40000 WHERE id = 3",
    )
    .await;
    let own = "SELECT id, code, n FROM parts WHERE id IN (1, 2, 3, 30000, 40000)";
    let expected = ["1 | c1 | 100", "2 | two | 200", "30000 | c30000 | 1", "40000 | c3 | 3"];
    assert_eq!(rows(&old, own).await.unwrap(), expected);
    assert_eq!(value(&old, "SELECT count(*) FROM parts").await, "20001");

    // More ticks than an index remembers removed entries for.
    run(&new, "DELETE FROM parts WHERE id = 10; UPDATE parts SET id = 50000 WHERE id = 11").await;
    assert_eq!(value(&old, "SELECT code FROM parts WHERE id = 10").await, "c10");
    assert_eq!(rows(&new, "SELECT code FROM parts WHERE id IN (10, 11, 50000)").await.unwrap(), ["c11"]);
    for i in 0..300 {
        run(&new, &format!("UPDATE pairs SET n = -{i} WHERE a = 1 AND b = 'b{}'", i % 50)).await;
        run(&new, &format!("DELETE FROM parts WHERE id = {}", 100 + i)).await;
    }
    assert_eq!(rows(&old, "SELECT code FROM parts WHERE id IN (10, 11, 50000)").await.unwrap(), ["c10", "c11"]);
    assert_eq!(value(&old, "SELECT code FROM parts WHERE id = 150").await, "c150");
    assert_eq!(value(&old, "SELECT n FROM pairs WHERE a = 1 AND b = 'b7'").await, "701");
    run(&old, "ROLLBACK").await;
    assert_eq!(rows(&old, own).await.unwrap(), ["1 | c1 | 1", "2 | c2 | 2", "3 | c3 | 3"]);
    server.stop();
}
