//! The busy time: the load runs, and now and then something worth seeing happens.

use super::screen::Screen;
use super::server::Server;
use super::stage::Stage;
use super::{correction, crash, freshness, watch, writers};
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const CORRECTION_EVERY: Duration = Duration::from_secs(10);

/// Plays for `seconds` or until a person asks to stop; whether the crash lost nothing.
pub(crate) async fn perform(
    seconds: u64,
    server: &mut Server,
    stage: &Arc<Stage>,
    screen: &Arc<Screen>,
) -> Result<bool> {
    let length = Duration::from_secs(seconds);
    let mut tasks = writers::start(stage);
    tasks.push(freshness::start(stage));
    tasks.push(watch::start(stage, screen, length));
    let survived = direct(length, server, stage, screen).await;
    stage.close();
    for task in tasks {
        let _ = task.await;
    }
    survived
}

/// A correction every few seconds, and the crash midway.
async fn direct(length: Duration, server: &mut Server, stage: &Arc<Stage>, screen: &Screen) -> Result<bool> {
    let start = Instant::now();
    let every = CORRECTION_EVERY.min(length / 4);
    let (end, mut crash, mut correction) = (start + length, Some(start + length / 2), start + every);
    let mut survived = true;
    let mut stop = stage.stop.clone();
    loop {
        let next = correction.min(end).min(crash.unwrap_or(end));
        tokio::select! {
            () = stop.asked() => return Ok(survived),
            () = sleep_until(next) => {}
        }
        if next == end {
            return Ok(survived);
        }
        if crash == Some(next) {
            crash = None;
            survived = crash::survive(server, stage, screen).await?;
        } else {
            correction::correct(stage, screen).await?;
            correction = Instant::now().max(correction + every);
        }
    }
}
