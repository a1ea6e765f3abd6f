//! Talking to the server as any PostgreSQL client does.

use crate::client;
use crate::error::{CliError, Result};
use std::time::Duration;
use tokio_postgres::{Client, SimpleQueryMessage};

/// What a statement answered: its rows as text, and how many rows it touched.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) touched: u64,
}

pub(crate) async fn connect(address: &str) -> Result<Client> {
    client::connect(address).await
}

/// Tries again until the server is there; the caller stops waiting by dropping the future.
pub(crate) async fn reconnect(address: &str) -> Client {
    loop {
        match connect(address).await {
            Ok(client) => return client,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

pub(crate) async fn ask(client: &Client, sql: &str) -> std::result::Result<Answer, tokio_postgres::Error> {
    let mut answer = Answer::default();
    for message in client.simple_query(sql).await? {
        match message {
            SimpleQueryMessage::Row(row) => {
                answer.rows.push((0..row.len()).map(|i| row.get(i).unwrap_or_default().to_string()).collect());
            }
            SimpleQueryMessage::CommandComplete(n) => answer.touched += n,
            _ => {}
        }
    }
    Ok(answer)
}

/// A query's one number; no row counts as 0.
pub(crate) async fn number(client: &Client, sql: &str) -> Result<u64> {
    let answer = ask(client, sql).await?;
    let Some(cell) = answer.rows.first().and_then(|r| r.first()) else { return Ok(0) };
    cell.parse().map_err(|_| CliError::new(format!("{sql} answered {cell:?}, not a number")))
}
