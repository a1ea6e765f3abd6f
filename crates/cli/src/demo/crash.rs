//! The crash on purpose: kill -9 under load, a restart, and a count of what was acknowledged.

use super::freshness;
use super::ledger::Entries;
use super::random::Random;
use super::screen::{Screen, grouped, shown};
use super::server::Server;
use super::session;
use super::shop::RESTART_PROBE;
use super::stage::Stage;
use crate::error::Result;
use std::collections::HashSet;
use std::time::Instant;
use tokio_postgres::Client;

/// Whether every acknowledged order is there once, and none twice.
pub(crate) async fn survive(server: &mut Server, stage: &Stage, screen: &Screen) -> Result<bool> {
    screen.say("killing", "kill -9 on the server, under load ...".into(), &[]);
    let killed = Instant::now();
    server.kill_and_restart().await?;
    let writer = session::connect(&stage.address).await?;
    let reader = session::connect(&stage.address).await?;
    freshness::probe(stage, &writer, &reader, RESTART_PROBE, &mut Random::new(9)).await?;
    let outage = killed.elapsed();
    let entries = stage.ledger.entries();
    let (lost, doubled) = compare(&reader, &entries, stage.loaded).await?;
    let acknowledged = entries.acknowledged.len() as u64;
    let text = format!(
        "{} acknowledged, serving again after {}, {lost} lost, {doubled} doubled",
        grouped(acknowledged),
        shown(outage)
    );
    let fields = [
        ("acknowledged", acknowledged.into()),
        ("unanswered", entries.in_doubt.into()),
        ("seconds", outage.as_secs_f64().into()),
        ("lost", lost.into()),
        ("doubled", doubled.into()),
    ];
    screen.say("crash", text, &fields);
    Ok(lost == 0 && doubled == 0)
}

/// Acknowledged orders that are missing, and orders that are there more than once. No two INSERTs carry the same
/// time, so an order that was stored twice under two ids shows as well, also one that was never acknowledged.
async fn compare(reader: &Client, entries: &Entries, loaded: u64) -> Result<(usize, usize)> {
    let stored = session::ask(reader, &format!("SELECT id, created_at FROM orders WHERE id > {loaded}")).await?.rows;
    let ids: HashSet<u64> = stored.iter().filter_map(|r| r.first()?.parse().ok()).collect();
    let times: HashSet<&str> = stored.iter().filter_map(|r| r.get(1).map(String::as_str)).collect();
    let lost = entries.acknowledged.iter().filter(|id| !ids.contains(id)).count();
    Ok((lost, stored.len() - ids.len().min(times.len())))
}
