//! Files of the server's machine in FROM.

use crate::harness::{Server, message, rows, run, value};
use std::fmt::Write;
use tokio_postgres::Client;

async fn error(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.expect_err(sql);
    let hint = error.as_db_error().and_then(|e| e.hint()).unwrap_or_default().to_string();
    format!("{} [{hint}]", message(&error))
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_files_are_rows() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("lake"));
    let client = server.connect().await;
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    file("a1.csv", "id,name,amount,day,at\n1,\"x, y\",1.5,2024-02-29,2024-01-01 10:00:00\n2,,2,,\n");
    file("a2.csv", "id,name,amount,day,at\n3,NA,,2024-03-01,2024-01-01T00:00:00.5\n");
    let all = format!("SELECT * FROM read_csv('{}')", path("a*.csv"));
    let expected = [
        "1 | x, y | 1.5 | 2024-02-29 | 2024-01-01 10:00:00",
        "2 | NULL | 2 | NULL | NULL",
        "3 | NA | NULL | 2024-03-01 | 2024-01-01 00:00:00.5",
    ];
    assert_eq!(rows(&client, &all).await.unwrap(), expected);
    run(&client, &format!("CREATE TABLE t AS {all}")).await;
    run(&client, "CREATE TABLE u (id bigint PRIMARY KEY, name text, amount numeric(8,2))").await;
    run(&client, "CREATE MATERIALIZED VIEW m AS SELECT sum(amount) AS s FROM u").await;
    let insert = format!("INSERT INTO u SELECT id, nullif(name, 'NA'), amount FROM read_csv('{}')", path("a?.csv"));
    run(&client, &insert).await;
    assert_eq!(rows(&client, "SELECT * FROM t").await.unwrap(), expected);
    assert_eq!(
        rows(&client, "SELECT * FROM u").await.unwrap(),
        ["1 | x, y | 1.50", "2 | NULL | 2.00", "3 | NULL | NULL"]
    );
    assert_eq!(value(&client, "SELECT s FROM m").await, "3.50");
    assert_eq!(
        value(&client, &format!("SELECT count(*) FROM read_csv('{}') f WHERE f.id > 1", path("a1.csv"))).await,
        "1"
    );

    file("short.csv", "a,b\n1,2\n3\n");
    file("other.csv", "b,a\n1,2\n");
    file("good.csv", "a,b\n1,2\n");
    file("empty.csv", "");
    let wrong = [
        (format!("'{}'", path("none.csv")), "58P01"),
        (format!("'{}'", path("none*.csv")), "58P01"),
        (format!("'{}'", path("empty.csv")), "22P04"),
        (format!("'{}'", dir.path().display()), "42809"),
        (format!("'{}'", path("[og]*.csv")), "22P04"),
        ("7".to_string(), "42883"),
    ];
    for (argument, code) in wrong {
        let error = error(&client, &format!("SELECT * FROM read_csv({argument})")).await;
        assert!(error.starts_with(code) && !error.ends_with("[]"), "{argument}: {error}");
    }
    let short = error(&client, &format!("SELECT * FROM read_csv('{}')", path("short.csv"))).await;
    assert!(short.starts_with("22P04") && short.contains("short.csv") && short.contains("line 3"), "{short}");
    let view = error(&client, &format!("CREATE MATERIALIZED VIEW v AS {all}")).await;
    assert!(view.starts_with("0A000") && view.contains("INSERT INTO t SELECT"), "{view}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_files_are_rows() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("lake"));
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id bigint PRIMARY KEY, v varchar(9), n numeric(9,3), z timestamptz, b bytea)").await;
    let mut insert = String::from("INSERT INTO t VALUES (0, NULL, NULL, NULL, NULL)");
    for id in 1..6_000 {
        write!(insert, ", ({id}, 'v{id}', {id}.125, '2024-01-01 00:00:00+00', '\\xff')").unwrap();
    }
    run(&client, &insert).await;
    // The lake's own files; the columns that the lake adds are not named.
    let files = format!("{}/lake/**/*.parquet", dir.path().display());
    let sql = format!("SELECT n, id, v, z, b FROM read_parquet('{files}')");
    assert_eq!(rows(&client, &sql).await.unwrap(), rows(&client, "SELECT n, id, v, z, b FROM t").await.unwrap());
    let not_parquet = dir.path().join("x.parquet");
    std::fs::write(&not_parquet, "no parquet").unwrap();
    let error = error(&client, &format!("SELECT * FROM read_parquet('{}')", not_parquet.display())).await;
    assert!(error.starts_with("22P04") && error.contains("x.parquet"), "{error}");
    server.stop();
}
