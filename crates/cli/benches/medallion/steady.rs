//! A steady load, and what grows meanwhile: orders come, change and go, as many as before.

use crate::server::Server;
use crate::{duckdb, shop};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_postgres::SimpleQueryMessage;

const ORDERS: u64 = 100_000;
const RETENTION: &str = "5min";
/// Orders that one transaction adds; it changes and deletes as many.
const ROWS: u64 = 12;
/// About 1,000 changes a second.
const EVERY: Duration = Duration::from_millis(ROWS * 3);

pub async fn run(dir: &Path, minutes: u64) {
    let server = Server::start_with(dir, &["--retention", RETENTION]).await;
    let client = server.connect().await;
    shop::create(&client).await;
    shop::copy_orders(&client, ORDERS, 1).await;
    println!("| minute | changes | snapshots | catalog MiB | its log MiB | Parquet files | their MiB | memory MiB |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut load = Load { random: shop::Random::new(7), oldest: 1, newest: ORDERS };
    let mut next = Instant::now();
    for minute in 1..=minutes {
        let end = next + Duration::from_secs(60);
        let mut changes = 0;
        while next < end {
            sleep_until(next).await;
            client.batch_execute(&load.transaction()).await.unwrap();
            changes += 3 * ROWS;
            // What is late is not made up for.
            next = (next + EVERY).max(Instant::now());
        }
        println!("| {minute} | {changes} | {} |", sizes(&server));
    }
    for message in client.simple_query("SELECT * FROM sluice.verify()").await.unwrap() {
        if let SimpleQueryMessage::Row(row) = message {
            assert_eq!(row.get("differences"), Some("0"), "{:?} equals its query", row.get("name"));
        }
    }
    server.stop();
}

struct Load {
    random: shop::Random,
    oldest: u64,
    newest: u64,
}

impl Load {
    fn transaction(&mut self) -> String {
        let mut sql = "BEGIN; INSERT INTO orders (customer_id, amount) VALUES ".to_string();
        for row in 0..ROWS {
            let comma = if row == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}({}, {}.25)", 1 + self.random.below(10_000), self.random.below(20_000));
        }
        self.newest += ROWS;
        let gone = self.oldest + ROWS;
        let changed = (0..ROWS).map(|_| gone + self.random.below(self.newest - gone)).collect();
        let _ = write!(
            sql,
            "; UPDATE orders SET amount = amount + 1, status = 'shipped' WHERE id IN ({}); \
             DELETE FROM orders WHERE id IN ({}); COMMIT",
            list(changed),
            list((self.oldest..gone).collect())
        );
        self.oldest = gone;
        sql
    }
}

fn list(ids: Vec<u64>) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// Cells of the table. DuckDB counts the snapshots that it could read.
fn sizes(server: &Server) -> String {
    let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let size = |name: &str| std::fs::metadata(server.dir().join(name)).map_or(0, |m| m.len());
    let mut parquet = vec![];
    let mut folders = vec![server.dir().join("data")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                // One that is gone by now has no size.
                false => parquet.extend(entry.metadata().map(|m| m.len())),
            }
        }
    }
    let snapshots = duckdb::value(server.dir(), "SELECT count(*) FROM snapshots()");
    let (files, bytes) = (parquet.len(), mib(parquet.iter().sum()));
    let (catalog, log) = (mib(size("catalog.sqlite")), mib(size("catalog.sqlite-wal")));
    format!("{snapshots} | {catalog} | {log} | {files} | {bytes} | {}", server.memory_mib())
}
