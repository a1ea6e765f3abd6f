//! The medallion under load, over the PostgreSQL protocol: `cargo xtask bench medallion [ORDERS]`, and
//! `cargo xtask bench steady [MINUTES]`, which shows whether anything grows.
//!
//! Prints a table of medians. Beside what follows a change stands the recomputation of the same views in the same
//! run, by DataFusion and by DuckDB.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run ends with the reason")]

mod changes;
mod duckdb;
mod freshness;
mod load;
mod points;
mod report;
mod server;
mod shop;
mod steady;

use report::Report;
use server::Server;
use std::path::Path;
use std::time::Instant;

/// History beside which the cost of one change is measured first.
const FEW: u64 = 100_000;

#[tokio::main]
async fn main() {
    let number: Option<u64> = std::env::args().skip(1).find_map(|a| a.parse().ok());
    let dir = std::env::temp_dir().join(format!("sluice-bench-{}", std::process::id()));
    match std::env::args().any(|a| a == "steady") {
        true => steady::run(&dir, number.unwrap_or(30)).await,
        false => medallion(&dir, number.unwrap_or(1_000_000)).await,
    }
    let _ = std::fs::remove_dir_all(&dir);
}

async fn medallion(dir: &Path, orders: u64) {
    let mut report = Report::new(orders);
    let server = Server::start(dir).await;
    let client = server.connect().await;
    shop::create(&client).await;
    shop::copy_orders(&client, FEW, 1).await;
    let beside_few = changes::one_order(&client, FEW).await;
    load::copy(&client, &server, orders - FEW, &mut report).await;
    let recomputing = changes::recompute(&client, &server, &mut report).await;
    changes::measure(&client, orders, beside_few, recomputing, &mut report).await;
    load::upsert(&server, (orders / 10).min(100_000), &mut report).await;
    points::by_key(&client, orders, &mut report).await;
    points::inserts(&server, &mut report).await;
    freshness::measure(&server, None, &mut report).await;
    freshness::measure(
        &server,
        Some("SELECT region, status, sum(amount), count(*) FROM silver_orders GROUP BY 1, 2"),
        &mut report,
    )
    .await;
    report.note(
        "memory of the server",
        &format!("{} MiB, {} bytes an order", server.memory_mib(), server.memory_mib() * 1024 * 1024 / orders),
    );
    let server = restart(server, &mut report).await;
    server.stop();
    report.print();
}

/// kill -9, and the time until a write is accepted and seen in gold.
async fn restart(server: Server, report: &mut Report) -> Server {
    let started = Instant::now();
    let server = server.kill_and_start().await;
    let client = server.connect().await;
    let before = shop::total(&client).await;
    client.simple_query("INSERT INTO orders (customer_id, amount) VALUES (1, 1)").await.unwrap();
    assert_eq!(shop::total(&client).await, before + 1, "gold follows after the restart");
    report.median("kill -9 until a write is seen in gold", vec![started.elapsed()]);
    server
}
