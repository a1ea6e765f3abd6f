//! Freshness as a client has it: from sending an INSERT to another connection seeing it in gold.

use super::random::Random;
use super::session;
use super::shop::{self, FRESHNESS_PROBE};
use super::stage::Stage;
use crate::error::{CliError, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

const PAUSE: Duration = Duration::from_millis(100);
const POLL: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(60);

/// The times measured so far.
#[derive(Default)]
pub(crate) struct Freshness(Mutex<Vec<Duration>>);

/// A summary of them.
#[derive(Clone, Copy)]
pub(crate) struct Percentiles {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) probes: usize,
}

impl Freshness {
    fn add(&self, time: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(time);
    }

    /// None before the first probe.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().checked_sub(1)?)).copied();
        Some(Percentiles { p50: at(50)?, p99: at(99)?, probes: times.len() })
    }
}

pub(crate) fn start(stage: &Arc<Stage>) -> JoinHandle<()> {
    let stage = Arc::clone(stage);
    tokio::spawn(async move {
        let mut random = Random::new(7);
        // A probe that a crash interrupts has no time; the next one counts anew.
        while let (Some(writer), Some(reader)) = (stage.connection().await, stage.connection().await) {
            let _ = measure(&stage, &writer, &reader, &mut random).await;
        }
    })
}

async fn measure(stage: &Stage, writer: &Client, reader: &Client, random: &mut Random) -> Result<()> {
    while !stage.is_closed() {
        stage.freshness.add(probe(stage, writer, reader, FRESHNESS_PROBE, random).await?);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// One INSERT, and how long it took until `reader` saw it in gold. Nothing else may write for the customer.
pub(crate) async fn probe(
    stage: &Stage,
    writer: &Client,
    reader: &Client,
    customer: u64,
    random: &mut Random,
) -> Result<Duration> {
    let before = seen(reader, customer).await?;
    let order = [shop::order_values(customer, stage.order_time(), random)];
    let sent = Instant::now();
    let insert = stage.insert(writer, &order);
    let arrival = arrived(reader, customer, before, sent);
    let (ids, time) = tokio::try_join!(insert, arrival)?;
    match ids.len() {
        1 => Ok(time),
        _ => Err(CliError::new("the probe's order was refused")),
    }
}

async fn arrived(reader: &Client, customer: u64, before: u64, sent: Instant) -> Result<Duration> {
    loop {
        if seen(reader, customer).await? > before {
            return Ok(sent.elapsed());
        }
        if sent.elapsed() > PATIENCE {
            return Err(CliError::new("an acknowledged order did not arrive in gold within a minute"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Orders of a customer that gold shows.
async fn seen(reader: &Client, customer: u64) -> Result<u64> {
    session::number(reader, &format!("SELECT orders FROM gold_customer_ltv WHERE customer_id = {customer}")).await
}
