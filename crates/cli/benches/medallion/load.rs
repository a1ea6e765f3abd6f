//! Bulk.

use crate::report::Report;
use crate::server::Server;
use crate::{duckdb, shop};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Rows of one COPY.
const PIECE: u64 = 1_000_000;

/// COPY until DuckDB reads the rows' gold.
pub async fn copy(client: &Client, server: &Server, orders: u64, report: &mut Report) {
    let before = shop::total(client).await;
    let mut copying = Duration::ZERO;
    for (piece, start) in (0..orders).step_by(PIECE as usize).enumerate() {
        let text = shop::orders_text(PIECE.min(orders - start), 2 + piece as u64);
        let started = Instant::now();
        shop::copy_text(client, text).await;
        copying += started.elapsed();
    }
    let started = Instant::now();
    let seen = duckdb::value(server.dir(), "SELECT sum(order_count) FROM gold_revenue_by_region");
    let reading = started.elapsed();
    let cancelled = shop::value(client, "SELECT count(*) FROM orders WHERE status = 'cancelled'").await;
    let all = shop::value(client, "SELECT count(*) FROM orders").await;
    assert_eq!(seen.parse::<i64>().unwrap(), all - cancelled, "DuckDB sees all of the orders in gold");
    assert!(all > before);
    report.rate("COPY of orders, into gold", orders, copying, "rows/s");
    report.rate("COPY of orders, until DuckDB has read their gold", orders, copying + reading, "rows/s");
}

/// Upserts by one client and by several at once, small and large.
pub async fn upsert(server: &Server, rows: u64, report: &mut Report) {
    for (at, (clients, each)) in [(1, 1_000), (4, 1_000), (1, 20_000)].into_iter().enumerate() {
        let first = 1 + at as u64 * rows;
        let mut work = vec![];
        for client in 0..clients {
            let first = first + client * (rows / clients);
            work.push((server.connect().await, shop::upserts(first, first + rows / clients - 1, each)));
        }
        let started = Instant::now();
        let running = work.into_iter().map(|(client, statements)| async move {
            for sql in statements {
                client.batch_execute(&sql).await.unwrap();
            }
        });
        futures::future::join_all(running).await;
        let what = format!("INSERT ... ON CONFLICT DO UPDATE moving customers, {each} rows each, {clients} clients");
        report.rate(&what, rows, started.elapsed(), "rows/s");
    }
}
