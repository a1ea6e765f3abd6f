//! The engine's thread: transactions wait, one tick takes them all through the graph, one snapshot stores the result,
//! and then they are answered.

mod alter;
mod beside;
mod checkpoint;
mod ddl;
mod errands;
mod feed;
mod fill;
mod foreign;
mod gathered;
mod graph;
mod maintain;
mod pace;
mod publish;
mod recent;
mod recover;
mod requests;
mod restore;
mod save;
mod transactions;
mod unique;

pub(crate) use alter::{Alteration, lake_columns};
pub(crate) use ddl::{DdlOp, lake_column, lake_type};
pub use graph::ViewStatus;
pub(crate) use graph::{Graph, Held, LARGE_ROWS, not_incremental, plan_maintained};
pub(crate) use maintain::{FLUSH_ROWS, Task, Upkept};
pub(crate) use requests::{Committed, FillRequest, Hold, Refresh, Request, Requests, Transaction};

use crate::context::Context;
use crate::read::ReadView;
use crate::version::Version;
use crate::write::WriteSet;
use chrono::Utc;
use parking_lot::RwLock;
use sluice_lake::{Lake, RowInsert, SidecarChange};
use sluice_sql::{Result, SqlError, Zone};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// While a view waits for its time, the engine looks this often whether it has come.
const WAITING: Duration = Duration::from_millis(250);
/// While something runs beside the ticks, it looks this often whether that is done.
const RUNNING: Duration = Duration::from_millis(10);
/// And this often at what need not be known at once.
const IDLE: Duration = Duration::from_secs(1);
/// The same for what only people look at.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// So often may other programs commit while a tick is at it.
const OVERTAKEN_MAX: usize = 10;

/// Everything that only the engine's thread touches.
pub(crate) struct Core {
    pub(crate) context: Arc<Context>,
    pub(crate) lake: Lake,
    pub(crate) graph: Graph,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) status: Arc<RwLock<BTreeMap<i64, ViewStatus>>>,
    /// Rows changed by recent ticks, so that a transaction can tell what changed since it began.
    pub(crate) recent: recent::Recent,
    pub(crate) upkeep: maintain::Upkeep,
    /// Tables that another program changed in a way that is not followed.
    pub(crate) parking: foreign::Parking,
    /// Bytes of changes that a held-back view may keep.
    pub(crate) lag_bytes: usize,
    pub(crate) looked: Instant,
    errands: errands::Errands,
    checkpoints: checkpoint::Checkpoints,
    /// Clients that wait for views to be brought up to date.
    pub(crate) asked: Vec<beside::Asked>,
}

/// What one tick has gathered so far.
pub(crate) struct Tick {
    pub(crate) time_micros: i64,
    pub(crate) base: Arc<Version>,
    pub(crate) writes: WriteSet,
    pub(crate) next_row: BTreeMap<i64, i64>,
    /// Another program committed before it: it makes a snapshot in any case.
    pub(crate) follows: bool,
    /// Tables whose new rows another program stored.
    pub(crate) followed: BTreeSet<i64>,
    /// Rows of tables that this tick makes, written before it, and how many they are.
    pub(crate) filled: BTreeMap<i64, (Vec<RowInsert>, i64)>,
    /// A run beside the ticks whose results it stores.
    pub(crate) reached: Option<graph::Reached>,
}

impl Core {
    /// Serves requests until the last sender is gone or a stop is asked for.
    pub(crate) fn run(mut self, requests: Receiver<Request>) {
        loop {
            let first = match requests.recv_timeout(self.upkeep.patience(self.patience())) {
                Ok(request) => Some(request),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut waiting: Vec<Request> = first.into_iter().chain(requests.try_iter()).collect();
            let stop = waiting.iter().position(|r| matches!(r, Request::Stop));
            if let Some(at) = stop {
                waiting.truncate(at);
            }
            self.serve(waiting);
            self.finish_runs();
            self.keep_house();
            self.maintain();
            self.copy_log();
            if stop.is_some() {
                return;
            }
        }
    }

    /// How long the engine may sleep, as far as views and the log are concerned.
    fn patience(&self) -> Duration {
        match (self.graph.runs.is_empty() && !self.checkpoints.running(), self.graph.waits()) {
            (false, _) => RUNNING,
            (true, true) => WAITING,
            (true, false) => IDLE,
        }
    }

    /// One tick for all waiting transactions, except that each change of definitions has a tick of its own.
    fn serve(&mut self, waiting: Vec<Request>) {
        let (mut batch, mut refreshes) = (vec![], vec![]);
        for request in waiting {
            match request {
                Request::Commit(t) if t.ddl.is_empty() => batch.push(t),
                Request::Commit(t) => {
                    self.tick(std::mem::take(&mut batch));
                    self.tick(vec![t]);
                }
                Request::Hold(hold) => {
                    self.tick(std::mem::take(&mut batch));
                    self.wait_for(hold);
                }
                Request::Upkeep(task, reply) => self.upkeep.ask(task, reply),
                Request::Resync(table, reply) => drop(reply.send(self.resync(table))),
                Request::Refresh(refresh) => refreshes.push(refresh),
                Request::Fill(request) => self.start_fill(request),
                Request::Filled(filled) => self.join(*filled),
                Request::Stop => {}
            }
        }
        self.tick(batch);
        self.refresh(refreshes);
    }

    /// What is worth a look once a second.
    fn keep_house(&mut self) {
        if self.looked.elapsed() < HOUSEKEEPING {
            return;
        }
        self.looked = Instant::now();
        self.show_states();
        self.warn_late(Utc::now().timestamp_micros());
    }

    /// Takes one transaction before all others; a statement that fails or is cancelled drops its end.
    fn wait_for(&mut self, hold: Hold) {
        if hold.ready.send(()).is_ok()
            && let Ok(transaction) = self.runtime.block_on(hold.transaction)
        {
            self.tick(vec![transaction]);
        }
    }

    pub(crate) fn start_tick(&self) -> Tick {
        let base = self.context.version();
        let time_micros = Utc::now().timestamp_micros().max(base.time_micros + 1);
        Tick {
            time_micros,
            base,
            writes: WriteSet::default(),
            next_row: BTreeMap::new(),
            follows: false,
            followed: BTreeSet::new(),
            filled: BTreeMap::new(),
            reached: None,
        }
    }

    /// A tick whose transactions are answered one by one; a failure is in the log as well.
    fn tick(&mut self, transactions: Vec<Transaction>) {
        let _ = self.try_tick(transactions);
    }

    /// Runs a tick and answers its transactions; does nothing when there is nothing to do. Where another program commits
    /// first, what that wrote comes first.
    fn try_tick(&mut self, mut transactions: Vec<Transaction>) -> Result<()> {
        for _ in 0..OVERTAKEN_MAX {
            match self.one_tick(transactions, false) {
                Ok(None) => return Ok(()),
                Ok(Some(overtaken)) => transactions = overtaken,
                Err(e) => return Err(e),
            }
        }
        self.one_tick(transactions, true).map(drop)
    }

    /// Returns the transactions if another program committed first, unless it is the `last` attempt.
    fn one_tick(&mut self, transactions: Vec<Transaction>, last: bool) -> Result<Option<Vec<Transaction>>> {
        self.look_for_foreign();
        let now = Utc::now().timestamp_micros();
        let due = self.graph.is_due(now) || self.graph.retry_due(now);
        if transactions.is_empty() && !due && !self.graph.foreign {
            return Ok(None);
        }
        if let Err(e) = self.follow_foreign() {
            for t in transactions {
                let _ = t.reply.send(Err(e.clone()));
            }
            return Err(e);
        }
        let mut tick = self.start_tick();
        let (accepted, sidecar, version) = self.accept(&mut tick, transactions);
        let (redefines, outcome) = match version {
            Err(e) => (true, Err(e)),
            Ok(definitions) => (definitions.changed, self.finish(&mut tick, definitions, sidecar)),
        };
        if let Err(e) = &outcome {
            tracing::warn!("a tick was taken back: {}", e.message);
            self.abort();
            if self.graph.foreign && !redefines && !last {
                return Ok(Some(accepted.into_iter().map(|(transaction, _)| transaction).collect()));
            }
            // Tables and indexes that came or went with it are not worth an undo of their own.
            self.graph.stale |= redefines;
            self.graph.foreign |= redefines;
        }
        for (transaction, again) in accepted {
            let answer = outcome.clone().map(|_| Committed { again });
            // A client that went away needs no answer.
            let _ = transaction.reply.send(answer);
        }
        outcome?;
        self.start_runs();
        Ok(None)
    }

    /// Notices snapshots of other programs; a commit over them would be refused.
    fn look_for_foreign(&mut self) {
        match self.lake.newest_snapshot() {
            Ok(newest) if newest != self.lake.state().snapshot => self.graph.foreign = true,
            Ok(_) => {}
            Err(e) => tracing::error!("the catalog cannot be read: {e}"),
        }
    }

    /// Takes over what other programs wrote to the lake.
    fn follow_foreign(&mut self) -> Result<()> {
        if !self.graph.foreign {
            return Ok(());
        }
        let outcome = if self.graph.stale { self.follow_and_rebuild() } else { self.follow() };
        if outcome.is_err() {
            self.abort();
        }
        outcome
    }

    /// Moves the accepted changes through the graph, stores everything, and shows it.
    fn finish(&mut self, tick: &mut Tick, definitions: ddl::Definitions, sidecar: SidecarChange) -> Result<i64> {
        self.run_graph(tick, &definitions)?;
        self.save(tick, definitions, sidecar)
    }

    /// What statements of this tick see: the version below and what the tick has gathered.
    pub(crate) fn view(&self, tick: &Tick) -> ReadView {
        ReadView {
            version: Arc::clone(&tick.base),
            staged: Arc::new(tick.writes.tables.clone()),
            now_micros: tick.time_micros,
            zone: Zone::Utc,
        }
    }

    /// Readers see this version from now on.
    fn reveal(&mut self, version: Version) {
        self.recent.record_shown(version.snapshot, &version.in_use);
        *self.context.version.write() = Arc::new(version);
    }

    /// Takes back everything that operators and indexes have staged.
    fn abort(&mut self) {
        if let Err(e) = self.errands.wait() {
            tracing::warn!("indexes of a tick that is taken back: {}", e.message);
        }
        for (_, index) in self.context.indexes.all() {
            if let Err(e) = index.write().abort() {
                tracing::error!("an index could not take back a tick: {e}");
            }
        }
        self.graph.abort();
    }
}

/// An error for a client whose request could not be handed to the engine.
pub(crate) fn stopped() -> SqlError {
    SqlError::new("57P01", "the engine has stopped").hint("Start it again with sluice up.")
}
