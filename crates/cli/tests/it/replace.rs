//! Another query for a view that others read: they follow the difference, and a refused one leaves all as it was.

use crate::harness::{Server, rows, run, value};
use tokio_postgres::Client;

/// What is not as its query says.
async fn wrong(client: &Client) -> Vec<String> {
    let lines = rows(client, "SELECT sluice.verify()").await.unwrap();
    lines.into_iter().filter(|line| line.split(" | ").nth(3) != Some("0")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_follow_the_difference() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    run(&client, "INSERT INTO t SELECT i, i FROM generate_series(1, 100) AS g(i)").await;
    run(&client, "CREATE MATERIALIZED VIEW silver AS SELECT id, v AS w FROM t").await;
    run(&client, "CREATE MATERIALIZED VIEW gold AS SELECT sum(w) AS w, count(*) AS n FROM silver").await;
    run(&client, "CREATE MATERIALIZED VIEW ranks AS SELECT id, rank() OVER (ORDER BY w) AS r FROM silver").await;
    run(&client, "CREATE MATERIALIZED VIEW top AS SELECT id, w FROM silver ORDER BY w DESC, id LIMIT 3").await;
    run(&client, "CREATE MATERIALIZED VIEW large AS SELECT id, v FROM t WHERE v > 50").await;
    run(&client, "CREATE INDEX silver_w ON silver (w)").await;
    let all = "SELECT g.w, g.n, (SELECT max(r) FROM ranks), (SELECT sum(w) FROM top) FROM gold g";
    assert_eq!(value(&client, all).await, "5050 | 100 | 100 | 297");
    let before = value(&client, "SELECT max(snapshot_id) FROM sluice.snapshots").await;

    run(
        &client,
        "SELECT pgtrickle.alter_stream_table('silver', query => 'SELECT id, v * 10 AS w FROM t WHERE v < 11')",
    )
    .await;
    assert_eq!(value(&client, all).await, "550 | 10 | 10 | 270");
    run(&client, "UPDATE t SET v = 5 WHERE id = 50").await;
    assert_eq!(value(&client, all).await, "600 | 11 | 11 | 270");
    // A view that was created after the readers, and another plan.
    run(&client, "CREATE OR REPLACE MATERIALIZED VIEW silver AS SELECT id, v AS w FROM large").await;
    assert_eq!(value(&client, all).await, "3775 | 50 | 50 | 297");
    assert_eq!(wrong(&client).await, Vec::<String>::new());
    let then = rows(&client, &format!("SELECT sluice.verify(at => {before})")).await.unwrap();
    assert!(then.iter().all(|line| line.split(" | ").nth(3) == Some("0")), "each snapshot by the query of its time");
    let index = "SELECT count(*) FROM pg_indexes WHERE tablename = 'silver'";
    assert_eq!(value(&client, index).await, "1");

    server.kill();
    server = Server::start(dir.path());
    client = server.connect().await;
    assert_eq!(value(&client, all).await, "3775 | 50 | 50 | 297");
    run(&client, "DELETE FROM t WHERE id = 100; INSERT INTO t VALUES (101, 1000)").await;
    assert_eq!(value(&client, all).await, "4675 | 50 | 50 | 1197");
    assert_eq!(wrong(&client).await, Vec::<String>::new());

    let refused = [
        ("SELECT id, v::bigint AS w FROM t", "the new query has other columns"),
        ("SELECT id, v FROM t", "the new query has other columns"),
        ("SELECT n::int AS id, n::int AS w FROM gold", "the new query reads that"),
        ("SELECT v AS id, id AS w FROM t", "the new query tells its rows apart by other"),
    ];
    for (query, why) in refused {
        let error = rows(&client, &format!("CREATE OR REPLACE MATERIALIZED VIEW silver AS {query}")).await.unwrap_err();
        assert!(error.starts_with("2BP01") && error.contains(why), "{query}: {error}");
    }
    let block = "BEGIN; CREATE OR REPLACE MATERIALIZED VIEW silver AS SELECT id, v AS w FROM t; COMMIT";
    let error = rows(&client, block).await.unwrap_err();
    assert!(error.starts_with("2BP01") && error.contains("transaction block"), "{error}");
    run(&client, "ROLLBACK").await;
    assert_eq!(value(&client, all).await, "4675 | 50 | 50 | 1197");

    // A query that fails on a row withholds what it would change, until one comes that does not.
    run(&client, "UPDATE t SET v = 0 WHERE id = 1").await;
    run(&client, "CREATE OR REPLACE MATERIALIZED VIEW silver AS SELECT id, 100 / v AS w FROM t").await;
    assert_eq!(value(&client, all).await, "4675 | 50 | 50 | 1197");
    let error = "SELECT error FROM sluice.status WHERE name = 'silver'";
    assert!(value(&client, error).await.contains("division by zero"));
    run(&client, "CREATE OR REPLACE MATERIALIZED VIEW silver AS SELECT id, v AS w FROM t WHERE v > 98").await;
    assert_eq!(value(&client, all).await, "1099 | 2 | 2 | 1099");
    assert_eq!(wrong(&client).await, Vec::<String>::new());
    server.stop();
}

/// One that is computed at its times is computed at once when its query changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_does_not_hold_a_new_query_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    run(&client, "INSERT INTO t VALUES (1, 10), (2, 20)").await;
    let create = "SELECT pgtrickle.create_stream_table('daily', 'SELECT id, v AS w FROM t', '0 3 * * *')";
    run(&client, create).await;
    run(&client, "CREATE MATERIALIZED VIEW total AS SELECT sum(w) AS w FROM daily").await;
    assert_eq!(value(&client, "SELECT w FROM total").await, "30");
    run(&client, "SELECT pgtrickle.alter_stream_table('daily', query => 'SELECT id, v * 2 AS w FROM t')").await;
    assert_eq!(value(&client, "SELECT w FROM total").await, "60");
    assert_eq!(wrong(&client).await, Vec::<String>::new());
    server.stop();
}
