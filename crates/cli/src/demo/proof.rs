//! What is left is proved: every maintained table equals its query, now and at past snapshots, and how to see the
//! same from outside.

use super::screen::{Screen, grouped, shown};
use super::session::{ask, connect};
use super::shop::LIFETIME_VALUE;
use super::stage::Stage;
use crate::error::{CliError, Result};
use std::time::Instant;
use tokio_postgres::Client;

/// The newest snapshot's number.
pub(crate) async fn newest(client: &Client) -> Result<i64> {
    let compared = compare(client, "platinum_top_customers", None).await?;
    compared.first().map(|c| c.snapshot).ok_or_else(|| CliError::new("the platinum table was not compared"))
}

/// Whether no maintained table differs from its query, at the newest snapshot and at three before it, and whether
/// every statement was accepted.
pub(crate) async fn prove(stage: &Stage, first: i64, screen: &Screen) -> Result<bool> {
    let client = connect(&stage.address).await?;
    let entries = stage.ledger.entries();
    let changes: u64 = entries.changes.values().sum();
    screen.say(
        "finished",
        finished(stage, changes),
        &[("changes", changes.into()), ("refused", entries.refused.into())],
    );
    if let Some(reason) = &entries.refusal {
        let text = format!("{} statements were refused, the first with {reason}", entries.refused);
        screen.say("refused", text, &[("statements", entries.refused.into()), ("reason", reason.clone().into())]);
    }
    let last = newest(&client).await?;
    let mut differences = verify(&client, None, screen).await?;
    for snapshot in past(first, last) {
        differences += verify(&client, Some(snapshot), screen).await?;
    }
    screen.say("verified", format!("{differences} differences"), &[("differences", differences.into())]);
    let outside = outside(stage);
    let text = format!("\nThe same from outside, in DuckDB (both counts are 0):\n{}\n", indented(&outside));
    screen.say("outside", text, &[("duckdb", outside.join("\n").into())]);
    Ok(differences == 0 && entries.refused == 0)
}

/// The lines with which psql and DuckDB look at the running shop.
pub(crate) fn ways_in(stage: &Stage) -> Vec<String> {
    let (host, port) = stage.address.rsplit_once(':').unwrap_or((&stage.address, ""));
    let mut lines = vec!["Join in with psql:".to_string()];
    lines.push(format!("  psql -h {host} -p {port} -d sluice"));
    lines.push("  SELECT * FROM platinum_top_customers;".to_string());
    lines.push("or with DuckDB:".to_string());
    lines.extend(attach(stage).into_iter().map(|line| format!("  {line}")));
    lines.push("  FROM lake.platinum_top_customers;".to_string());
    lines
}

fn attach(stage: &Stage) -> [String; 2] {
    let catalog = stage.dir.join("catalog.sqlite").display().to_string().replace('\'', "''");
    [
        "INSTALL ducklake; LOAD ducklake; INSTALL sqlite; LOAD sqlite;".to_string(),
        format!("ATTACH 'ducklake:sqlite:{catalog}' AS lake (READ_ONLY);"),
    ]
}

fn outside(stage: &Stage) -> Vec<String> {
    let mut lines = vec![];
    lines.extend(attach(stage));
    lines.push("USE lake;".into());
    lines.push("WITH query AS (".into());
    let broken =
        LIFETIME_VALUE.replace(", sum(", ",\n  sum(").replace(" FROM ", "\nFROM ").replace(" GROUP ", "\nGROUP ");
    lines.extend(broken.lines().map(|line| format!("  {line}")));
    lines.push(")".into());
    lines.push("SELECT (SELECT count(*) FROM (FROM gold_customer_ltv EXCEPT ALL FROM query)) AS only_in_gold,".into());
    lines.push("       (SELECT count(*) FROM (FROM query EXCEPT ALL FROM gold_customer_ltv)) AS only_in_query;".into());
    lines
}

struct Compared {
    snapshot: i64,
    rows: u64,
    differences: u64,
    differing: String,
}

async fn verify(client: &Client, at: Option<i64>, screen: &Screen) -> Result<u64> {
    screen.draw(vec!["verifying ...".into()]);
    let started = Instant::now();
    let compared = compare(client, "", at).await?;
    let rows: u64 = compared.iter().map(|c| c.rows).sum();
    let differences: u64 = compared.iter().map(|c| c.differences).sum();
    let snapshot = compared.first().map_or(0, |c| c.snapshot);
    let tables = compared.len();
    let mut text = format!(
        "verified {tables} tables at snapshot {snapshot}: {} rows, {differences} differing, in {}",
        grouped(rows),
        shown(started.elapsed())
    );
    for row in compared.iter().filter(|c| c.differences > 0) {
        text.push_str(&format!("\n{}", row.differing));
    }
    let fields = [
        ("snapshot", snapshot.into()),
        ("tables", tables.into()),
        ("rows", rows.into()),
        ("differing", differences.into()),
        ("seconds", started.elapsed().as_secs_f64().into()),
    ];
    screen.say("compared", text, &fields);
    Ok(differences)
}

async fn compare(client: &Client, names: &str, at: Option<i64>) -> Result<Vec<Compared>> {
    let at = at.map_or("NULL".to_string(), |at| at.to_string());
    let answer = ask(client, &format!("SELECT sluice.verify(names => '{names}', at => {at})")).await?;
    answer.rows.iter().map(|row| read(row)).collect()
}

fn read(row: &[String]) -> Result<Compared> {
    let unreadable = || CliError::new(format!("the answer to verify cannot be read: {row:?}"));
    let [_, snapshot, rows, differences, differing, _] = row else { return Err(unreadable()) };
    Ok(Compared {
        snapshot: snapshot.parse().map_err(|_| unreadable())?,
        rows: rows.parse().map_err(|_| unreadable())?,
        differences: differences.parse().map_err(|_| unreadable())?,
        differing: differing.clone(),
    })
}

/// Three snapshots spread over those between the load and now.
fn past(first: i64, last: i64) -> Vec<i64> {
    let mut snapshots: Vec<i64> = (1..=3).map(|quarter| first + (last - first) * quarter / 4).collect();
    snapshots.dedup();
    snapshots
}

fn finished(stage: &Stage, changes: u64) -> String {
    let freshness = match stage.freshness.percentiles() {
        Some(p) => format!("from INSERT to gold p50 {}, p99 {}", shown(p.p50), shown(p.p99)),
        None => "freshness was not measured".into(),
    };
    format!("{} changes in {}; {freshness}", grouped(changes), shown(stage.opened.elapsed()))
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
