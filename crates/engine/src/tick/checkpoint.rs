//! When the catalog's log is copied into it: by a thread, once it is long, while ticks go on.

use super::Core;
use crate::error;
use sluice_lake::LakeError;
use sluice_sql::SqlError;
use std::thread::{Builder, JoinHandle};

/// Pages in the log that are worth copying. A page that many commits changed is copied once.
const PAGES: u32 = 2048;
/// While a reader keeps the log from starting over, it is tried again after so many more.
const PAGES_MORE: u32 = 1024;

pub(super) struct Checkpoints {
    running: Option<JoinHandle<Result<(), LakeError>>>,
    /// Pages in the log at which the next copying begins.
    next: u32,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { running: None, next: PAGES }
    }
}

impl Checkpoints {
    pub(super) fn running(&self) -> bool {
        self.running.is_some()
    }
}

impl Core {
    /// Begins or ends a copying. A failure holds nothing up: the log just grows, and it is tried again.
    pub(super) fn copy_log(&mut self) {
        let pages = self.lake.log_pages();
        if let Some(thread) = self.checkpoints.running.take_if(|thread| thread.is_finished()) {
            let copied = thread.join().map_err(|_| SqlError::internal("the thread panicked"));
            let finished = copied.and_then(|c| c.and_then(|()| self.lake.finish_checkpoint()).map_err(error::lake));
            if let Err(e) = finished {
                tracing::warn!("the log of the catalog could not be copied: {e}");
            }
            self.checkpoints.next = pages + PAGES_MORE;
        } else if pages < PAGES {
            self.checkpoints.next = PAGES;
        } else if pages >= self.checkpoints.next && !self.checkpoints.running() {
            let checkpointer = self.lake.checkpointer();
            match Builder::new().name("checkpoint".into()).spawn(move || checkpointer.run()) {
                Ok(thread) => self.checkpoints.running = Some(thread),
                Err(e) => tracing::warn!("no thread to copy the log of the catalog: {e}"),
            }
        }
    }
}
