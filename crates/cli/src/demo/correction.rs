//! One late correction: a customer turns out to live elsewhere, and every layer follows. Beside it, what computing
//! the same tables anew takes.

use super::random::Random;
use super::screen::{Screen, grouped, shown};
use super::session::{ask, connect, number};
use super::shop::{REGIONS, VIEWS};
use super::stage::Stage;
use crate::error::{CliError, Result};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

const POLL: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(60);

struct Move {
    customer: u64,
    from: String,
    to: String,
}

pub(crate) async fn correct(stage: &Stage, screen: &Screen) -> Result<()> {
    let (writer, reader) = (connect(&stage.address).await?, connect(&stage.address).await?);
    let Some(moved) = choose(&reader, stage.loaded).await? else { return Ok(()) };
    let time = apply(stage, &writer, &reader, &moved).await?;
    let (rows, tables) = moved.rows(&reader).await?;
    let recomputed = recompute(&reader).await?;
    let ratio = recomputed.as_secs_f64() / time.as_secs_f64().max(1e-6);
    let times = if ratio < 10.0 { format!("{ratio:.1}x") } else { format!("{ratio:.0}x") };
    let customer = moved.customer;
    let text = format!(
        "customer {customer} moved from {} to {}: {} rows in {tables} tables in {}; recomputing takes {} ({times})",
        moved.from,
        moved.to,
        grouped(rows),
        shown(time),
        shown(recomputed)
    );
    let fields = [
        ("customer", customer.into()),
        ("rows", rows.into()),
        ("tables", tables.into()),
        ("ms", (time.as_secs_f64() * 1e3).into()),
        ("recompute_ms", (recomputed.as_secs_f64() * 1e3).into()),
        ("ratio", ratio.into()),
    ];
    screen.say("correction", text, &fields);
    Ok(())
}

/// A customer that gold shows, and another region.
async fn choose(reader: &Client, loaded: u64) -> Result<Option<Move>> {
    let mut random = Random::new(u64::from(chrono::Utc::now().timestamp_subsec_micros()));
    let from = 1 + random.below(loaded);
    let sql = format!(
        "SELECT customer_id, region FROM silver_orders WHERE id BETWEEN {from} AND {} AND status <> 'cancelled' LIMIT 1",
        from + 1000
    );
    let row = ask(reader, &sql).await?.rows.into_iter().next();
    let Some([customer, region]) = row.and_then(|r| <[String; 2]>::try_from(r).ok()) else { return Ok(None) };
    let customer: u64 = customer.parse().map_err(|_| CliError::new(format!("{customer:?} is not a customer's id")))?;
    let others: Vec<&str> = REGIONS.into_iter().filter(|r| *r != region).collect();
    Ok(Some(Move { customer, from: region, to: random.pick(&others).to_string() }))
}

/// From sending the correction to another connection seeing it in gold.
async fn apply(stage: &Stage, writer: &Client, reader: &Client, moved: &Move) -> Result<Duration> {
    let sql = format!("UPDATE customers SET region = '{}' WHERE id = {}", moved.to, moved.customer);
    let sent = Instant::now();
    let (_, time) = tokio::try_join!(stage.change(writer, "customers", &sql), arrived(reader, moved, sent))?;
    Ok(time)
}

async fn arrived(reader: &Client, moved: &Move, sent: Instant) -> Result<Duration> {
    while number(reader, &moved.count("gold_customer_ltv")).await? == 0 {
        if sent.elapsed() > PATIENCE {
            return Err(CliError::new("a correction did not arrive in gold within a minute"));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(sent.elapsed())
}

impl Move {
    /// Counts the customer's rows of a table that show the new region. None did before.
    fn count(&self, table: &str) -> String {
        format!("SELECT count(*) FROM {table} WHERE customer_id = {} AND region = '{}'", self.customer, self.to)
    }

    /// Maintained rows that changed, and in how many tables.
    async fn rows(&self, reader: &Client) -> Result<(u64, usize)> {
        // The days on which the customer ordered moved from the old region's revenue to the new one's.
        let days = format!(
            "SELECT count(*) FROM gold_revenue_by_region WHERE region IN ('{}', '{}') AND day IN \
             (SELECT date_trunc('day', created_at) FROM silver_orders WHERE customer_id = {})",
            self.from, self.to, self.customer
        );
        let queries = ["silver_orders", "gold_customer_ltv", "platinum_top_customers"].map(|table| self.count(table));
        let mut changed = vec![number(reader, &days).await?];
        for query in &queries {
            changed.push(number(reader, query).await?);
        }
        Ok((changed.iter().sum(), changed.iter().filter(|rows| **rows > 0).count()))
    }
}

/// Runs each view's query once. Its result is only counted, which favours recomputing.
async fn recompute(reader: &Client) -> Result<Duration> {
    let started = Instant::now();
    for view in &VIEWS {
        number(reader, &format!("SELECT count({}) FROM ({}) AS recomputed", view.computed, view.query)).await?;
    }
    Ok(started.elapsed())
}
