//! Sessions in other time zones: what they read and show is what PostgreSQL reads and shows.

use crate::harness::{Server, connect, env, message, rows, run, without};
use tokio_postgres::{Client, SimpleQueryMessage};

const SETUP: &str = "CREATE TABLE z (id integer, at timestamptz, loc timestamp, d date, txt text)";

/// Run one after another on both sides.
const STATEMENTS: [&str; 31] = [
    "SHOW timezone",
    "SET TIME ZONE 'America/New_York'",
    "SHOW timezone",
    "INSERT INTO z VALUES (1, '2024-07-01 12:00', '2024-07-01 12:00', '2024-07-01', 'a'), (2, '2024-01-01 12:00+00', NULL, NULL, NULL)",
    "INSERT INTO z (id, at) VALUES (3, timestamp '2024-11-03 01:30'), (4, date '2024-03-10')",
    "INSERT INTO z (id, at) SELECT 5, '2024-03-10 02:30'::timestamp",
    "INSERT INTO z (id, loc, txt) SELECT 6, at, at::text FROM z WHERE id = 1",
    "UPDATE z SET d = at, loc = '2024-07-01 10:00+00'::timestamptz WHERE id = 2",
    "UPDATE z SET at = '2024-12-24 18:00' WHERE id = 4",
    "SELECT * FROM z ORDER BY id",
    "SELECT id, at::date, date_trunc('day', at), extract(hour FROM at) FROM z WHERE at >= '2024-07-01' ORDER BY id",
    "SELECT count(*) FROM z WHERE at = '2024-07-01 12:00'",
    "SELECT now()::date = current_date, now()::timestamp = now() AT TIME ZONE 'America/New_York'",
    "SET timezone = 'asia/kolkata'",
    "SHOW timezone",
    "SELECT * FROM z ORDER BY id",
    "SELECT timestamp '2024-07-01 12:00' AT TIME ZONE 'UTC', timestamptz '2024-07-01 12:00' AT TIME ZONE 'UTC'",
    "SELECT date_trunc('hour', timestamptz '2024-07-01 12:10+00'), date_trunc('day', timestamptz '2024-07-01 22:10+00')",
    "SET TIME ZONE -3.5",
    "SHOW timezone",
    "SELECT at, at::text, at::date FROM z ORDER BY id",
    "SELECT '2024-07-01 12:00'::timestamptz, timestamptz '2024-07-01 12:00+02'",
    "SET TIME ZONE 'EST+5'",
    "SELECT at::text, at::date FROM z ORDER BY id",
    "SET TIME ZONE LOCAL",
    "SHOW timezone",
    "SET timezone TO 'Europe/Berlin'",
    "BEGIN; SET timezone TO 'UTC'; COMMIT",
    "SELECT at FROM z ORDER BY id",
    "RESET timezone",
    "SELECT at FROM z ORDER BY id",
];

const REFUSED: [(&str, &str); 3] = [
    ("SET timezone TO 'Middle/Earth'", "22023"),
    ("SELECT now() AT TIME ZONE 'Middle/Earth'", "22023"),
    ("SELECT '2024-02-30'::timestamptz", "22"),
];

/// The rows in the order in which they came.
async fn in_order(client: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let messages = client.simple_query(sql).await.map_err(|e| message(&e))?;
    let row = |m: SimpleQueryMessage| match m {
        SimpleQueryMessage::Row(r) => Some((0..r.len()).map(|i| r.get(i).map(String::from)).collect()),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

#[tokio::test]
async fn sessions_have_their_zone() {
    if without("postgres") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let zone = " options='-c TimeZone=Europe/Berlin'";
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let client = connect(&format!("host={host} port={port} user=test{zone}")).await;
    let postgres = connect(&format!("{}{zone}", env("SLUICE_TEST_POSTGRES"))).await;
    run(&postgres, "DROP SCHEMA IF EXISTS zones CASCADE; CREATE SCHEMA zones; SET search_path TO zones").await;
    run(&client, SETUP).await;
    run(&postgres, SETUP).await;
    for statement in STATEMENTS {
        let expected = in_order(&postgres, statement).await.unwrap();
        assert_eq!(in_order(&client, statement).await, Ok(expected), "{statement}");
    }
    for (statement, code) in REFUSED {
        let ours = client.simple_query(statement).await.unwrap_err();
        let theirs = postgres.simple_query(statement).await.unwrap_err();
        let state = |e: &tokio_postgres::Error| e.code().map(|c| c.code().to_string()).unwrap_or_default();
        assert!(state(&ours).starts_with(code) && state(&theirs).starts_with(code), "{statement}: {ours:?} {theirs:?}");
    }
    server.stop();
}

#[tokio::test]
async fn copy_and_parameters_are_in_the_sessions_zone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, SETUP).await;
    run(&client, "SET timezone TO 'Asia/Tokyo'").await;
    let sink = client.copy_in::<_, bytes::Bytes>("COPY z (id, at) FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let text = bytes::Bytes::from_static(b"1\t2024-07-01 12:00\n2\t2024-07-01 12:00+00\n3\t\\N\n");
    futures::SinkExt::send(&mut sink, text).await.unwrap();
    sink.finish().await.unwrap();
    let expected = ["1 | 2024-07-01 12:00:00+09", "2 | 2024-07-01 21:00:00+09", "3 | NULL"];
    assert_eq!(rows(&client, "SELECT id, at FROM z ORDER BY id").await.unwrap(), expected);
    let out = client.copy_out("COPY (SELECT at FROM z WHERE id = 1) TO STDOUT").await.unwrap();
    let mut out = std::pin::pin!(out);
    let line = futures::StreamExt::next(&mut out).await.unwrap().unwrap();
    assert_eq!(&line[..], b"2024-07-01 12:00:00+09\n");
    server.stop();
}

#[tokio::test]
async fn a_view_keeps_the_zone_of_its_creation() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, SETUP).await;
    run(&client, "SET timezone TO 'Asia/Tokyo'").await;
    let view = "SELECT at::date AS day, count(*) AS n FROM z GROUP BY 1";
    run(&client, &format!("CREATE MATERIALIZED VIEW days AS {view}")).await;
    run(&client, &format!("CREATE MATERIALIZED VIEW again WITH (refresh_mode = 'FULL', schedule = '1s') AS {view}"))
        .await;
    run(
        &client,
        "SET timezone TO 'UTC'; INSERT INTO z (id, at) VALUES (1, '2024-07-01 20:00'), (2, '2024-07-01 10:00')",
    )
    .await;
    let expected = ["2024-07-01 | 1", "2024-07-02 | 1"];
    run(&client, "REFRESH MATERIALIZED VIEW again").await;
    holds(&client, &expected).await;
    server.kill();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    holds(&client, &expected).await;
    run(&client, "SELECT pgtrickle.alter_stream_table('days', refresh_mode => 'DIFFERENTIAL')").await;
    run(&client, "UPDATE z SET at = at + interval '1 day'").await;
    run(&client, "REFRESH MATERIALIZED VIEW again").await;
    holds(&client, &["2024-07-02 | 1", "2024-07-03 | 1"]).await;
    server.stop();
}

/// Both views hold these rows, and `verify` agrees.
async fn holds(client: &Client, expected: &[&str]) {
    for name in ["days", "again"] {
        assert_eq!(rows(client, &format!("SELECT * FROM {name}")).await.unwrap(), expected, "{name}");
    }
    let verified = rows(client, "SELECT sluice.verify()").await.unwrap();
    assert_eq!(verified.len(), 2);
    assert!(verified.iter().all(|v| v.split(" | ").nth(3) == Some("0")), "{verified:?}");
}
