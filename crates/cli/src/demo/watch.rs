//! Every second: rows and changes of each layer, and how fresh gold is.

use super::proof;
use super::screen::{Screen, grouped, shown};
use super::session::ask;
use super::shop::{TABLES, VIEWS};
use super::stage::Stage;
use crate::error::Result;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

const LIVE: Duration = Duration::from_secs(1);
const LINES: Duration = Duration::from_secs(3);

/// Seconds of history that changes a second are taken from.
const WINDOW: u64 = 3;

/// A table at one moment.
struct Layer {
    layer: &'static str,
    name: &'static str,
    rows: u64,
    /// Changed rows a second.
    rate: f64,
}

pub(crate) fn start(stage: &Arc<Stage>, screen: &Arc<Screen>, length: Duration) -> JoinHandle<()> {
    let watch = Watch { stage: Arc::clone(stage), screen: Arc::clone(screen), length, bronze: HashMap::new() };
    tokio::spawn(watch.run())
}

struct Watch {
    stage: Arc<Stage>,
    screen: Arc<Screen>,
    length: Duration,
    /// When the changes of a bronze table were last read, and how many there were.
    bronze: HashMap<&'static str, (Instant, u64)>,
}

impl Watch {
    async fn run(mut self) {
        while let Some(client) = self.stage.connection().await {
            let _ = self.follow(&client).await;
        }
    }

    async fn follow(&mut self, client: &Client) -> Result<()> {
        let every = if self.screen.live() { LIVE } else { LINES };
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        if !self.screen.live() {
            ticks.reset();
        }
        while !self.stage.is_closed() {
            tokio::select! {
                _ = ticks.tick() => {}
                () = tokio::time::sleep(Duration::from_millis(100)) => continue,
            }
            let layers = self.layers(client).await?;
            self.show(&layers);
        }
        Ok(())
    }

    fn show(&self, layers: &[Layer]) {
        if self.screen.live() {
            self.screen.draw(self.table(layers));
        } else {
            self.screen.say("status", self.line(layers), &self.fields(layers));
        }
    }
    async fn layers(&mut self, client: &Client) -> Result<Vec<Layer>> {
        // One statement sees one snapshot, so that the layers of a busy shop add up.
        let names = TABLES.iter().map(|(name, _)| *name).chain(VIEWS.iter().map(|v| v.name));
        let counts: Vec<String> = names.map(|name| format!("(SELECT count(*) FROM {name}) AS {name}")).collect();
        let row = ask(client, &format!("SELECT {}", counts.join(", "))).await?.rows.into_iter().next();
        let mut rows = row.unwrap_or_default().into_iter().map(|count| count.parse().unwrap_or(0));
        let mut layers = vec![];
        for (name, _) in TABLES {
            let rows = rows.next().unwrap_or(0);
            layers.push(Layer { layer: "bronze", name, rows, rate: self.bronze_rate(name) });
        }
        let changes = pairs(ask(client, &self.recent_changes()).await?.rows);
        for view in &VIEWS {
            let rate = changes.get(view.name).copied().unwrap_or(0) as f64 / WINDOW as f64;
            layers.push(Layer { layer: view.layer, name: view.name, rows: rows.next().unwrap_or(0), rate });
        }
        Ok(layers)
    }

    /// Acknowledged changes a second since the last look.
    fn bronze_rate(&mut self, table: &'static str) -> f64 {
        let (now, changes) = (Instant::now(), self.stage.ledger.changes(table));
        let (then, before) = self.bronze.insert(table, (now, changes)).unwrap_or((self.stage.opened, 0));
        (changes - before) as f64 / (now - then).as_secs_f64().max(1e-3)
    }

    /// Changed rows of each view in the last whole seconds, without its first fill.
    fn recent_changes(&self) -> String {
        let window = Duration::from_secs(WINDOW).min(self.stage.opened.elapsed());
        format!(
            "SELECT name, sum(rows_inserted + rows_deleted) FROM sluice.history \
             WHERE start_time >= date_trunc('second', now()) - interval '{} seconds' \
             AND start_time < date_trunc('second', now()) GROUP BY name",
            window.as_secs()
        )
    }

    fn table(&self, layers: &[Layer]) -> Vec<String> {
        let mut lines = vec![String::new(), self.headline(), String::new()];
        lines.push(format!("  {:<9} {:<23} {:>12} {:>10}", "layer", "table", "rows", "changes/s"));
        for l in layers {
            lines.push(format!("  {:<9} {:<23} {:>12} {:>10.0}", l.layer, l.name, grouped(l.rows), l.rate));
        }
        lines.extend([String::new(), format!("  {}", self.freshness()), String::new()]);
        lines.extend(proof::ways_in(&self.stage).into_iter().map(|line| format!("  {line}")));
        lines
    }

    fn headline(&self) -> String {
        let (at, length) = (self.stage.opened.elapsed().min(self.length).as_secs(), self.length.as_secs());
        let changes = grouped(self.stage.ledger.changes("orders") + self.stage.ledger.changes("customers"));
        let refused = match self.stage.ledger.entries().refused {
            0 => String::new(),
            n => format!(", {n} refused"),
        };
        format!("  sluice demo: {at} of {length} s, {changes} changes so far{refused} (Ctrl-C ends with the proof)")
    }

    fn freshness(&self) -> String {
        match self.stage.freshness.percentiles() {
            Some(p) => {
                format!("from INSERT to gold: p50 {}, p99 {} ({} probes)", shown(p.p50), shown(p.p99), p.probes)
            }
            None => "from INSERT to gold: not measured yet".into(),
        }
    }

    fn line(&self, layers: &[Layer]) -> String {
        let rows: Vec<String> = layers.iter().map(|l| format!("{} {}", l.name, grouped(l.rows))).collect();
        let rate = layers.iter().filter(|l| l.layer == "bronze").map(|l| l.rate).sum::<f64>();
        let at = self.stage.opened.elapsed().as_secs();
        format!("{at:>4} s  {rate:.0} changes/s; {}; {}", self.freshness(), rows.join(", "))
    }

    fn fields(&self, layers: &[Layer]) -> Vec<(&'static str, Value)> {
        let one = |l: &Layer| json!({"layer": l.layer, "name": l.name, "rows": l.rows, "changes_per_second": l.rate});
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let p = self.stage.freshness.percentiles();
        vec![
            ("seconds", self.stage.opened.elapsed().as_secs_f64().into()),
            ("tables", layers.iter().map(one).collect()),
            ("freshness_p50_ms", p.map(|p| ms(p.p50)).into()),
            ("freshness_p99_ms", p.map(|p| ms(p.p99)).into()),
        ]
    }
}

fn pairs(rows: Vec<Vec<String>>) -> HashMap<String, u64> {
    rows.into_iter()
        .filter_map(|r| <[String; 2]>::try_from(r).ok())
        .filter_map(|[k, v]| Some((k, v.parse().ok()?)))
        .collect()
}
