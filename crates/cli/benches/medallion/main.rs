//! The medallion under load, over the PostgreSQL protocol: `cargo xtask bench medallion [ORDERS]`.
//!
//! Prints a table of medians. Beside what follows a change stands the recomputation of the same views in the same run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run ends with the reason")]

mod report;
mod server;
mod shop;

use report::Report;
use server::Server;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

#[tokio::main]
async fn main() {
    let orders: u64 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(1_000_000);
    let dir = std::env::temp_dir().join(format!("sluice-bench-{}", std::process::id()));
    let mut report = Report::new(orders);
    let server = Server::start(&dir).await;
    let client = server.connect().await;
    shop::create(&client).await;
    load(&client, orders, &mut report).await;
    recompute(&client, &mut report).await;
    points(&client, orders, &mut report).await;
    singles(&server, &mut report).await;
    freshness(&server, &mut report).await;
    corrections(&client, &mut report).await;
    let server = restart(server, &mut report).await;
    server.stop();
    report.print();
    let _ = std::fs::remove_dir_all(&dir);
}

/// COPY until gold shows it, and one COPY more of a tenth beside the history.
async fn load(client: &Client, orders: u64, report: &mut Report) {
    let started = Instant::now();
    shop::copy_orders(client, orders).await;
    report.rate("COPY of orders until gold shows them", orders, started.elapsed(), "rows/s");
    let tenth = orders / 10;
    let started = Instant::now();
    shop::upsert(client, tenth).await;
    report.rate("INSERT ... ON CONFLICT DO UPDATE of existing orders", tenth, started.elapsed(), "rows/s");
}

/// What it costs to run the views' queries once, which is what a change would cost without maintenance.
async fn recompute(client: &Client, report: &mut Report) {
    for (name, query) in shop::VIEWS {
        let mut times = vec![];
        for _ in 0..5 {
            let started = Instant::now();
            client.query(&format!("SELECT count(*) FROM ({query}) q"), &[]).await.unwrap();
            times.push(started.elapsed());
        }
        report.median(&format!("recomputing {name}"), times);
    }
}

async fn points(client: &Client, orders: u64, report: &mut Report) {
    let mut random = shop::Random::new(7);
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..50 {
        let id = 1 + random.below(orders) as i64;
        let sql = [
            format!("SELECT * FROM orders WHERE id = {id}"),
            format!("UPDATE orders SET amount = amount + 1 WHERE id = {id}"),
            format!("DELETE FROM orders WHERE id = {id}"),
        ];
        for (sql, times) in sql.iter().zip(&mut times) {
            let started = Instant::now();
            client.simple_query(sql).await.unwrap();
            times.push(started.elapsed());
        }
    }
    let [select, update, delete] = times;
    report.median("SELECT by primary key", select);
    report.median("UPDATE by primary key", update);
    report.median("DELETE by primary key", delete);
}

/// One-row INSERTs that are in gold when they return: one client, and 64 at once.
async fn singles(server: &Server, report: &mut Report) {
    let client = server.connect().await;
    let insert = client.prepare("INSERT INTO orders (customer_id, amount) VALUES ($1, 9.99)").await.unwrap();
    let mut times = vec![];
    for i in 0..300i64 {
        let started = Instant::now();
        client.execute(&insert, &[&(1 + i % 1000)]).await.unwrap();
        times.push(started.elapsed());
    }
    report.median("one-row INSERT, durable and in gold", times);

    const CLIENTS: usize = 64;
    const EACH: u64 = 40;
    let mut tasks = vec![];
    let mut clients = vec![];
    for _ in 0..CLIENTS {
        clients.push(server.connect().await);
    }
    let started = Instant::now();
    for client in clients {
        tasks.push(tokio::spawn(async move {
            let insert = client.prepare("INSERT INTO orders (customer_id, amount) VALUES ($1, 9.99)").await.unwrap();
            for i in 0..EACH as i64 {
                client.execute(&insert, &[&(1 + i)]).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    report.rate("one-row INSERTs of 64 clients", CLIENTS as u64 * EACH, started.elapsed(), "inserts/s");
}

/// From sending an INSERT to another connection seeing it in gold, at 10,000 changes a second.
async fn freshness(server: &Server, report: &mut Report) {
    let writer = server.connect().await;
    let reader = server.connect().await;
    let (mut times, mut next, mut late) = (vec![], Instant::now(), 0);
    for _ in 0..500 {
        next += Duration::from_millis(10);
        match next.checked_duration_since(Instant::now()) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => late += 1,
        }
        let before: i64 = total(&reader).await;
        let started = Instant::now();
        writer.simple_query(&shop::hundred_orders()).await.unwrap();
        while total(&reader).await < before + 100 {}
        times.push(started.elapsed());
    }
    report.median("INSERT of 100 rows until another connection sees it in gold", times);
    report.note("of 500 such INSERTs, one every 10 ms, sent late", &late.to_string());
}

async fn total(client: &Client) -> i64 {
    let sql = "SELECT sum(order_count)::bigint FROM gold_revenue_by_region";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// A customer moves: all of their orders follow, in every table.
async fn corrections(client: &Client, report: &mut Report) {
    let mut times = vec![];
    for i in 0..20 {
        let sql = format!("UPDATE customers SET region = 'moved {i}' WHERE id = {}", 17 + i);
        let started = Instant::now();
        client.simple_query(&sql).await.unwrap();
        times.push(started.elapsed());
    }
    report.median("a customer of about orders/1000 orders moves region", times);
}

/// kill -9, and the time until a write is accepted and seen in gold.
async fn restart(server: Server, report: &mut Report) -> Server {
    report.note("memory of the server", &format!("{} MiB", server.memory_mib()));
    let started = Instant::now();
    let server = server.kill_and_start().await;
    let client = server.connect().await;
    let before = total(&client).await;
    client.simple_query("INSERT INTO orders (customer_id, amount) VALUES (1, 1)").await.unwrap();
    assert_eq!(total(&client).await, before + 1, "gold follows after the restart");
    report.median("kill -9 until a write is seen in gold", vec![started.elapsed()]);
    server
}
