//! Single rows.

use crate::report::Report;
use crate::server::Server;
use crate::shop;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

pub async fn by_key(client: &Client, orders: u64, report: &mut Report) {
    let select = client.prepare("SELECT * FROM orders WHERE id = $1").await.unwrap();
    let update = client.prepare("UPDATE orders SET amount = amount + 1 WHERE id = $1").await.unwrap();
    let delete = client.prepare("DELETE FROM orders WHERE id = $1").await.unwrap();
    let mut random = shop::Random::new(7);
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..300 {
        let id = 1 + random.below(orders) as i64;
        for (statement, times) in [&select, &update, &delete].into_iter().zip(&mut times) {
            let started = Instant::now();
            client.execute(statement, &[&id]).await.unwrap();
            times.push(started.elapsed());
        }
    }
    let [select, update, delete] = times;
    report.median("SELECT by primary key", select);
    report.median("UPDATE by primary key", update);
    report.median("DELETE by primary key", delete);
}

/// One-row INSERTs that are in gold when they return: one client, and 64 at once.
pub async fn inserts(server: &Server, report: &mut Report) {
    let client = server.connect().await;
    let insert = client.prepare("INSERT INTO orders (customer_id, amount) VALUES ($1, 9.99)").await.unwrap();
    let mut times = vec![];
    for i in 0..500i64 {
        let started = Instant::now();
        client.execute(&insert, &[&(1 + i % 1000)]).await.unwrap();
        times.push(started.elapsed());
    }
    report.median("one-row INSERT, durable and in gold", times);
    report.median("a write of 4 KiB and fsync in the same folder", fsyncs(server.dir()));

    const CLIENTS: usize = 64;
    const EACH: u64 = 400;
    let mut clients = vec![];
    for _ in 0..CLIENTS {
        clients.push(server.connect().await);
    }
    let started = Instant::now();
    let tasks = clients.into_iter().map(|client| {
        tokio::spawn(async move {
            let insert = client.prepare("INSERT INTO orders (customer_id, amount) VALUES ($1, 9.99)").await.unwrap();
            for i in 0..EACH as i64 {
                client.execute(&insert, &[&(1 + i)]).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    report.rate("one-row INSERTs of 64 clients", CLIENTS as u64 * EACH, started.elapsed(), "inserts/s");
}

fn fsyncs(dir: &std::path::Path) -> Vec<Duration> {
    let path = dir.join("fsync-bench");
    let mut file = std::fs::File::create(&path).unwrap();
    let times = (0..500).map(|_| {
        let started = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_all().unwrap();
        started.elapsed()
    });
    let times = times.collect();
    std::fs::remove_file(path).unwrap();
    times
}
