//! What following a change costs the engine, without the commit, and what recomputing would cost.

use crate::report::Report;
use crate::server::Server;
use crate::{duckdb, shop};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// The engine's time in all views for a change of one order beside `orders` of history; the median.
pub async fn one_order(client: &Client, orders: u64) -> Duration {
    let mut random = shop::Random::new(3);
    let mut times = vec![];
    for _ in 0..51 {
        let id = 1 + random.below(orders);
        client.simple_query(&format!("UPDATE orders SET amount = amount + 1 WHERE id = {id}")).await.unwrap();
        times.push(engine_time(client).await);
    }
    middle(times)
}

/// What the last change took in the views, all together.
async fn engine_time(client: &Client) -> Duration {
    let sql = "SELECT sum(last_refresh_ms) FROM sluice.status";
    let row = client.query_one(sql, &[]).await.unwrap();
    Duration::from_secs_f64(row.get::<_, f64>(0) / 1e3)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Medians of running each view's query once, with DataFusion and with DuckDB; returns DataFusion's sum.
pub async fn recompute(client: &Client, server: &Server, report: &mut Report) -> Duration {
    let mut sum = Duration::ZERO;
    for (name, query) in shop::VIEWS {
        // A count alone would let the optimizer leave the columns out.
        let query = format!("SELECT count(*), {} FROM ({query}) q", shop::touch_columns(name));
        let mut times = vec![];
        for _ in 0..5 {
            let started = Instant::now();
            client.query(&query, &[]).await.unwrap();
            times.push(started.elapsed());
        }
        sum += middle(times.clone());
        report.median(&format!("recomputing {name}, DataFusion"), times);
        report.median(&format!("recomputing {name}, DuckDB"), duckdb::times(server.dir(), &query, 5));
    }
    sum
}

pub async fn measure(client: &Client, orders: u64, few: Duration, recomputing: Duration, report: &mut Report) {
    let many = one_order(client, orders).await;
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    let text = |d: Duration| format!("{:.3} ms", d.as_secs_f64() * 1e3);
    report.note(
        "one changed order through four views, engine time",
        &format!("{} ({} beside {} orders: {ratio:.2}x)", text(many), text(few), crate::FEW),
    );

    let mut filtered = vec![];
    for i in 0..51 {
        let sql = format!("UPDATE customers SET email = 'mail {i}' WHERE id = {}", 1 + i);
        client.simple_query(&sql).await.unwrap();
        let sql = "SELECT last_refresh_ms FROM sluice.status WHERE name = 'silver_orders'";
        let ms: f64 = client.query_one(sql, &[]).await.unwrap().get(0);
        filtered.push(Duration::from_secs_f64(ms / 1e3));
    }
    report.median("a change that every view filters out, engine time", filtered);

    let mut moves = vec![];
    for i in 0..21 {
        let sql = format!("UPDATE customers SET region = 'moved {i}' WHERE id = {}", 17 + i);
        let started = Instant::now();
        client.simple_query(&sql).await.unwrap();
        moves.push(started.elapsed());
    }
    let ratio = recomputing.as_secs_f64() / middle(moves.clone()).as_secs_f64();
    report.median("a customer moves region, with all of their orders", moves);
    report.note("recomputing the views instead", &format!("{ratio:.0}x of that"));
}
