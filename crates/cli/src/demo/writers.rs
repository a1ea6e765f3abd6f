//! Four connections that keep the shop busy: new orders, their status, cancellations, deletes, late corrections.

use super::random::Random;
use super::shop;
use super::stage::Stage;
use crate::error::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

const WRITERS: u64 = 4;

/// Rows of one statement at most, when a writer is behind.
const BATCH: u64 = 50;

/// Own orders whose status still changes.
const RECENT: usize = 500;

pub(crate) fn start(stage: &Arc<Stage>) -> Vec<JoinHandle<()>> {
    (0..WRITERS).map(|n| tokio::spawn(Writer::new(n, Arc::clone(stage)).run())).collect()
}

struct Writer {
    stage: Arc<Stage>,
    random: Random,
    recent: Vec<u64>,
}

impl Writer {
    fn new(n: u64, stage: Arc<Stage>) -> Self {
        Self { stage, random: Random::new(100 + n), recent: vec![] }
    }

    /// A connection that breaks is made again, and the writer goes on.
    async fn run(mut self) {
        while let Some(client) = self.stage.connection().await {
            let _ = self.work(&client).await;
        }
    }

    /// Writes at the asked rate; what a slow answer delayed is made up for by larger statements.
    async fn work(&mut self, client: &Client) -> Result<()> {
        let started = Instant::now();
        let rate = self.stage.rate as f64 / WRITERS as f64;
        let mut done = 0;
        while !self.stage.is_closed() {
            let owed = ((started.elapsed().as_secs_f64() * rate) as u64).saturating_sub(done);
            if owed == 0 {
                let due = Duration::from_secs_f64((done + 1) as f64 / rate);
                tokio::time::sleep(due.saturating_sub(started.elapsed()).min(Duration::from_millis(100))).await;
                continue;
            }
            let rows = owed.min(BATCH);
            self.write(client, rows).await?;
            done += rows;
        }
        Ok(())
    }

    async fn write(&mut self, client: &Client, rows: u64) -> Result<()> {
        match self.random.below(100) {
            ..60 => self.order(client, rows).await,
            60..80 => {
                let ids = self.own(rows);
                self.change(client, format!("UPDATE orders SET status = 'paid' WHERE id IN ({ids})")).await
            }
            80..88 => {
                let ids = self.own(rows);
                self.change(client, format!("UPDATE orders SET status = 'cancelled' WHERE id IN ({ids})")).await
            }
            88..96 => {
                let ids = self.old(rows);
                self.change(client, format!("UPDATE orders SET amount = amount + 1.50 WHERE id IN ({ids})")).await
            }
            _ => {
                let ids = self.old(rows);
                self.change(client, format!("DELETE FROM orders WHERE id IN ({ids})")).await
            }
        }
    }

    async fn order(&mut self, client: &Client, rows: u64) -> Result<()> {
        let order = |random: &mut Random, time| shop::order_values(shop::customer(random), time, random);
        let values: Vec<String> = (0..rows).map(|_| order(&mut self.random, self.stage.order_time())).collect();
        let ids = self.stage.insert(client, &values).await?;
        self.recent.extend(ids);
        let surplus = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..surplus);
        Ok(())
    }

    async fn change(&self, client: &Client, sql: String) -> Result<()> {
        self.stage.change(client, "orders", &sql).await
    }

    /// Ids of own recent orders.
    fn own(&mut self, rows: u64) -> String {
        if self.recent.is_empty() {
            return self.old(rows);
        }
        let n = self.recent.len() as u64;
        list((0..rows).map(|_| self.recent[self.random.below(n) as usize]))
    }

    /// Ids of orders that were loaded. Only those are deleted, so that no acknowledged one may be missing.
    fn old(&mut self, rows: u64) -> String {
        list((0..rows).map(|_| 1 + self.random.below(self.stage.loaded)))
    }
}

fn list(ids: impl Iterator<Item = u64>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
}
