//! Filling a large view: other writers go on, the client hears of it, and a fill that does not finish leaves nothing.

use crate::harness::{Server, message, rows, run, value, wait_until};
use crate::hold::Hold;
use futures::{StreamExt, stream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, NoTls};

const ORDERS: i64 = 120_000;
const GOLD: &str = "CREATE MATERIALIZED VIEW gold AS SELECT c.region, count(*) AS n, sum(o.amount) AS total, \
                    max(o.id) AS last FROM orders o JOIN customers c ON c.id = o.customer GROUP BY c.region";
const SILVER: &str = "CREATE MATERIALIZED VIEW silver AS SELECT o.id, o.amount, c.region FROM orders o \
                      JOIN customers c ON c.id = o.customer";

async fn shop(server: &Server) -> Client {
    let client = server.connect().await;
    run(&client, "CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12,2) NOT NULL)")
        .await;
    run(&client, "CREATE TABLE customers (id int PRIMARY KEY, region text NOT NULL)").await;
    run(&client, "INSERT INTO customers SELECT i, 'r' || (i % 7) FROM generate_series(0, 999) AS g(i)").await;
    let orders = format!("INSERT INTO orders SELECT i, i % 1000, i % 100 FROM generate_series(1, {ORDERS}) AS g(i)");
    run(&client, &orders).await;
    client
}

async fn verified(client: &Client) {
    for line in rows(client, "SELECT sluice.verify()").await.unwrap() {
        let cells: Vec<&str> = line.split(" | ").collect();
        assert_eq!((cells[3], cells[5]), ("0", "t"), "{line}");
    }
}

/// Files of a table, whatever schema it is in.
fn files(dir: &Path, table: &str) -> usize {
    let folder = dir.join("data").join("main").join(table);
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// A client, and the notices that it gets.
async fn listening(server: &Server) -> (Client, mpsc::UnboundedReceiver<String>) {
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let config = format!("host={host} port={port} user=test dbname=test");
    let (client, mut connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
    let (send, notices) = mpsc::unbounded_channel();
    let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
    tokio::spawn(async move {
        while let Some(Ok(next)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = next {
                let _ = send.send(notice.message().to_string());
            }
        }
    });
    (client, notices)
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_go_on_while_a_view_is_filled() {
    let (dir, hold) = (tempfile::tempdir().unwrap(), Hold::at("in_fill"));
    let server = hold.server(dir.path());
    let client = shop(&server).await;
    let (creator, mut notices) = listening(&server).await;
    let (done, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let writer = {
        let (client, done, written) = (server.connect().await, Arc::clone(&done), Arc::clone(&written));
        tokio::spawn(async move {
            let mut id = ORDERS;
            while !done.load(Ordering::SeqCst) {
                id += 1;
                run(&client, &format!("INSERT INTO orders VALUES ({id}, {}, 5)", id % 1000)).await;
                run(&client, &format!("DELETE FROM orders WHERE id = {}", id - ORDERS)).await;
                run(&client, &format!("UPDATE customers SET region = 'moved' WHERE id = {}", id % 1000)).await;
                written.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    hold.arm();
    let create = tokio::spawn(async move {
        for sql in [SILVER, GOLD] {
            run(&creator, sql).await;
        }
        creator
    });
    hold.reached().await;
    let before = written.load(Ordering::SeqCst);
    let some = || if written.load(Ordering::SeqCst) > before + 2 { Ok(()) } else { Err("writers wait".to_string()) };
    wait_until(async || some()).await;
    assert!(message(&client.batch_execute("SELECT * FROM silver").await.unwrap_err()).starts_with("42P01"));
    hold.release();
    notices.recv().await.expect("it tells how far it is");
    create.await.unwrap();
    done.store(true, Ordering::SeqCst);
    writer.await.unwrap();
    let count = value(&client, "SELECT count(*) FROM orders").await;
    assert_eq!(value(&client, "SELECT count(*) FROM silver").await, count);
    assert_eq!(value(&client, "SELECT sum(n) FROM gold").await, count);
    run(&client, "DELETE FROM orders WHERE id % 2 = 0").await;
    verified(&client).await;
    server.kill();
    let server = Server::start(dir.path());
    verified(&server.connect().await).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_fill_leaves_nothing() {
    let (dir, hold) = (tempfile::tempdir().unwrap(), Hold::at("in_fill"));
    let server = hold.server(dir.path());
    let client = shop(&server).await;
    // One that goes through operators, and one whose query is run.
    let sorted = "CREATE MATERIALIZED VIEW silver AS SELECT o.id, p.id AS other, row_number() OVER (ORDER BY o.id, p.id) \
                  AS k FROM orders o JOIN orders p ON o.customer = p.customer";
    for sql in [SILVER, sorted] {
        let (creator, mut notices) = listening(&server).await;
        let cancel = creator.cancel_token();
        if sql == SILVER {
            hold.arm();
        }
        let create = tokio::spawn(async move { creator.batch_execute(sql).await.unwrap_err() });
        if sql == SILVER {
            hold.reached().await;
        } else {
            assert!(notices.recv().await.unwrap().contains("its query is run"));
        }
        cancel.cancel_query(NoTls).await.unwrap();
        assert!(message(&create.await.unwrap()).starts_with("57014"));
        if sql == SILVER {
            hold.release();
        }
    }
    run(&client, "INSERT INTO orders VALUES (0, 0, 0)").await;
    assert_eq!(rows(&client, "SELECT name FROM sluice.status").await.unwrap(), Vec::<String>::new());
    run(&client, SILVER).await;
    assert_eq!(files(dir.path(), "silver"), 1, "a file of the view that is there, none of the one that is not");
    verified(&client).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_that_a_crash_ends_leaves_nothing() {
    let (dir, hold) = (tempfile::tempdir().unwrap(), Hold::at("after_file_write"));
    let server = hold.server(dir.path());
    shop(&server).await;
    let creator = server.connect().await;
    hold.arm();
    let create = tokio::spawn(async move { creator.batch_execute(SILVER).await.is_err() });
    hold.reached().await;
    assert_eq!(files(dir.path(), "silver"), 1);
    server.kill();
    assert!(create.await.unwrap(), "the crash came while it was filled");
    let server = Server::start(dir.path());
    let client = server.connect().await;
    assert_eq!(rows(&client, "SELECT name FROM sluice.status").await.unwrap(), Vec::<String>::new());
    assert_eq!(files(dir.path(), "silver"), 0);
    run(&client, SILVER).await;
    verified(&client).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_under_a_fill() {
    let (dir, hold) = (tempfile::tempdir().unwrap(), Hold::at("in_fill"));
    let server = hold.server(dir.path());
    let client = shop(&server).await;
    // What it reads is dropped: the fill fails, and says so.
    run(&client, "CREATE TABLE copied AS SELECT * FROM orders").await;
    let creator = server.connect().await;
    hold.arm();
    let create = tokio::spawn(async move {
        let sql = "CREATE MATERIALIZED VIEW doomed AS SELECT o.id FROM copied c JOIN orders o ON o.id = c.id";
        message(&creator.batch_execute(sql).await.unwrap_err())
    });
    hold.reached().await;
    run(&client, "DROP TABLE copied").await;
    hold.release();
    assert_eq!(create.await.unwrap(), "42P01 relation \"copied\" does not exist", "it is planned again, and cannot be");
    // A row that fails: the view is there, withheld, and follows once the row is mended.
    run(&client, "UPDATE orders SET amount = 0 WHERE id = 77").await;
    run(
        &client,
        "CREATE MATERIALIZED VIEW shares AS SELECT id, round(100 / amount, 2) AS share FROM orders WHERE id % 100 = 77",
    )
    .await;
    assert_eq!(value(&client, "SELECT status FROM sluice.status").await, "ERROR");
    run(&client, "UPDATE orders SET amount = 4 WHERE id = 77").await;
    assert_eq!(value(&client, "SELECT share FROM shares WHERE id = 77").await, "25.00");
    assert_eq!(value(&client, "SELECT count(*) FROM shares").await, (ORDERS / 100).to_string());
    verified(&client).await;
    server.stop();
}
