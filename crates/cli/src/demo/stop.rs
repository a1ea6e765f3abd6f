//! The end asked for by a person: once to end the load and see the proof, twice to leave at once.

use crate::error::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct Stop {
    asked: watch::Receiver<u32>,
}

impl Stop {
    pub(crate) fn listen() -> Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (times, asked) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                times.send_modify(|n| *n += 1);
            }
        });
        Ok(Self { asked })
    }

    pub(crate) async fn asked(&mut self) {
        self.wait(1).await;
    }

    pub(crate) async fn insisted(&mut self) {
        self.wait(2).await;
    }

    async fn wait(&mut self, times: u32) {
        if self.asked.wait_for(|n| *n >= times).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}
