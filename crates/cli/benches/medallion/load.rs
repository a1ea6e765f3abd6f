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

pub async fn upsert(client: &Client, rows: u64, report: &mut Report) {
    let started = Instant::now();
    shop::upsert(client, rows).await;
    report.rate(
        "INSERT ... ON CONFLICT DO UPDATE moving customers, 1,000 rows each",
        rows,
        started.elapsed(),
        "rows/s",
    );
}
