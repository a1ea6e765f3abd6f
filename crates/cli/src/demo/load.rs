//! The shop's past: tables, customers and orders by COPY, then the maintained tables over them.

use super::random::Random;
use super::screen::{Screen, grouped};
use super::shop::{self, CUSTOMERS, TABLES, VIEWS};
use crate::error::Result;
use futures::SinkExt as _;
use std::io::Cursor;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Rows in one message of COPY.
const ROWS_A_MESSAGE: u64 = 1000;

pub(crate) async fn fill(client: &Client, orders: u64, screen: &Screen) -> Result<()> {
    for (_, create) in TABLES {
        client.batch_execute(create).await?;
    }
    let now = chrono::Utc::now().timestamp_micros();
    let mut random = Random::new(1);
    let into = "customers (id, name, region, tier, email)";
    copy(client, into, CUSTOMERS, screen, |row| shop::customer_csv(row + 1, &mut random)).await?;
    let into = "orders (customer_id, amount, currency, status, created_at)";
    copy(client, into, orders, screen, |_| shop::order_csv(now, &mut random)).await?;
    for view in &VIEWS {
        let started = Instant::now();
        screen.draw(vec![format!("{:<9} {:<23} filling ...", view.layer, view.name)]);
        client.batch_execute(&format!("CREATE MATERIALIZED VIEW {} AS {}", view.name, view.query)).await?;
        let text = format!("{:<9} {:<23} created in {}", view.layer, view.name, seconds(started.elapsed()));
        screen.say("created", text, &[("name", view.name.into()), ("seconds", started.elapsed().as_secs_f64().into())]);
    }
    Ok(())
}

async fn copy(
    client: &Client,
    into: &str,
    rows: u64,
    screen: &Screen,
    mut line: impl FnMut(u64) -> String,
) -> Result<()> {
    let started = Instant::now();
    let name = into.split(' ').next().unwrap_or(into);
    let sink = client.copy_in(&format!("COPY {into} FROM STDIN (FORMAT csv)")).await?;
    let mut sink = std::pin::pin!(sink);
    let mut sent = 0;
    while sent < rows {
        let until = rows.min(sent + ROWS_A_MESSAGE);
        let message: String = (sent..until).map(&mut line).collect();
        sink.send(Cursor::new(message.into_bytes())).await?;
        sent = until;
        screen.progress(&format!("bronze    {name:<23} {} rows sent", grouped(sent)));
    }
    let stored = sink.finish().await?;
    let text = format!("bronze    {name:<23} {} rows in {}", grouped(stored), seconds(started.elapsed()));
    let fields = [("name", name.into()), ("rows", stored.into()), ("seconds", started.elapsed().as_secs_f64().into())];
    screen.say("loaded", text, &fields);
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
