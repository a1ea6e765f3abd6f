//! What the parts of the demo share while the shop is busy.

use super::freshness::Freshness;
use super::ledger::Ledger;
use super::session;
use super::stop::Stop;
use crate::error::{CliError, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use tokio::sync::watch;
use tokio_postgres::Client;

pub(crate) struct Stage {
    pub(crate) address: String,
    pub(crate) dir: PathBuf,
    /// Ids up to this one were loaded; those above are the writers'.
    pub(crate) loaded: u64,
    pub(crate) rate: u64,
    pub(crate) ledger: Ledger,
    pub(crate) freshness: Freshness,
    pub(crate) opened: Instant,
    pub(crate) stop: Stop,
    last_order: AtomicI64,
    closed: watch::Sender<bool>,
}

impl Stage {
    pub(crate) fn new(address: String, dir: &Path, loaded: u64, rate: u64, stop: Stop) -> Self {
        Self {
            address,
            dir: dir.to_path_buf(),
            loaded,
            rate,
            ledger: Ledger::default(),
            freshness: Freshness::default(),
            opened: Instant::now(),
            stop,
            last_order: AtomicI64::new(0),
            closed: watch::Sender::new(false),
        }
    }

    /// Ends the load: each part finishes the statement that it is in.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// A connection, waiting for a server that restarts; None once the stage is closed.
    pub(crate) async fn connection(&self) -> Option<Client> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => None,
            client = session::reconnect(&self.address) => Some(client),
        }
    }

    /// The time of a new order, which no other order has: what is stored twice shows by it.
    pub(crate) fn order_time(&self) -> i64 {
        let now = chrono::Utc::now().timestamp_micros();
        let next = |last: i64| now.max(last + 1);
        let last = self.last_order.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(next(last)));
        next(last.unwrap_or_default())
    }

    /// Inserts orders and keeps account of them. A connection that broke is an error; a refusal is noted.
    pub(crate) async fn insert(&self, client: &Client, values: &[String]) -> Result<Vec<u64>> {
        let sql = format!(
            "INSERT INTO orders (customer_id, amount, currency, status, created_at) VALUES {} RETURNING id",
            values.join(", ")
        );
        match session::ask(client, &sql).await {
            Ok(answer) => {
                let ids: Vec<u64> = answer.rows.iter().flatten().filter_map(|id| id.parse().ok()).collect();
                self.ledger.inserted(&ids);
                Ok(ids)
            }
            Err(e) => {
                if e.as_db_error().is_none() {
                    self.ledger.in_doubt(values.len() as u64);
                }
                self.failed(e)?;
                Ok(vec![])
            }
        }
    }

    /// Changes orders or customers and keeps account of it.
    pub(crate) async fn change(&self, client: &Client, table: &'static str, sql: &str) -> Result<()> {
        match session::ask(client, sql).await {
            Ok(answer) => self.ledger.changed(table, answer.touched),
            Err(e) => self.failed(e)?,
        }
        Ok(())
    }

    fn failed(&self, e: tokio_postgres::Error) -> Result<()> {
        let lost = e.as_db_error().is_none();
        let error = CliError::from(e);
        if lost {
            return Err(error);
        }
        self.ledger.refused(error.to_string());
        Ok(())
    }
}
