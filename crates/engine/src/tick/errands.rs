//! Large changes of indexes, made on other threads while the tick goes on. Whoever needs an index waits for it first,
//! and nothing is stored or taken back while an errand runs.

use sluice_sql::{Result, SqlError};
use std::collections::BTreeMap;
use std::thread::{Builder, JoinHandle};

/// Fewer rows are not worth a thread.
const ROWS: usize = 10_000;

/// At most one errand a table.
#[derive(Default)]
pub(super) struct Errands {
    running: BTreeMap<i64, JoinHandle<Result<()>>>,
}

impl Errands {
    /// Does `work` on the indexes of `table`, beside the tick if there are many `rows`.
    pub(super) fn run(
        &mut self,
        table: i64,
        rows: usize,
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.wait_for(table)?;
        if rows < ROWS {
            return work();
        }
        let thread = Builder::new().name("indexes".into()).spawn(work);
        let thread = thread.map_err(|e| SqlError::new("53000", format!("no thread could be started: {e}")))?;
        self.running.insert(table, thread);
        Ok(())
    }

    /// Waits until the indexes of a table are as the tick left them.
    pub(super) fn wait_for(&mut self, table: i64) -> Result<()> {
        self.running.remove(&table).map_or(Ok(()), outcome)
    }

    /// Waits for all tables; the first failure is returned.
    pub(super) fn wait(&mut self) -> Result<()> {
        let outcomes: Vec<_> = std::mem::take(&mut self.running).into_values().map(outcome).collect();
        outcomes.into_iter().collect()
    }
}

fn outcome(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(SqlError::internal("a thread that changed an index panicked")))
}
