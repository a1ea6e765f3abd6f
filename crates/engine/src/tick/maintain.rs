//! Upkeep of the lake between ticks, in pieces so small that no transaction waits long for one. Files are written by a
//! thread of their own; the engine's thread only names them in a snapshot.

use super::Core;
use super::pace::Pace;
use crate::error;
use crate::version::Version;
use chrono::Utc;
use sluice_lake::{Job, LakeError, Named, Prepared, Retention, TableVersion};
use sluice_sql::{Result, SqlError};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Between two pieces.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks whether the files of a piece are written, or whether others still read.
const LOOK: Duration = Duration::from_millis(10);
/// After so long rows move under the eyes of readers: the catalog must not grow for ever.
const READERS_MAX: Duration = Duration::from_secs(300);
/// Rows that leave the catalog at once.
pub(crate) const FLUSH_ROWS: usize = 20_000;
/// Every so many pieces files are merged.
const MERGE_EVERY: u64 = 5;
/// So many files of about the same size are merged into one.
const MERGE_FILES: usize = 8;
/// Files that were not worth merging are left alone for so long.
const SKIP: Duration = Duration::from_secs(600);
/// Every so many pieces files are deleted and free space is given back.
const CLEAN_EVERY: u64 = 60;
/// Readers outside may use a file that long after it left the newest snapshot.
const CLEAN_AFTER_MICROS: i64 = 3_600_000_000;

/// A piece of upkeep that somebody asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Rows of a table go from the catalog to files, at most [`FLUSH_ROWS`].
    Flush(i64),
    /// Some files of a table become one.
    Merge(i64),
    /// Snapshots go that retention no longer keeps.
    Expire,
    /// Files go that no snapshot names.
    Clean,
}

/// What a piece did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Upkept {
    /// Rows moved to files, or catalog rows removed.
    pub(crate) rows: u64,
    /// Files written or removed.
    pub(crate) files: usize,
    /// Files merged.
    pub(crate) merged: usize,
    /// Snapshots removed.
    pub(crate) snapshots: usize,
}

/// Of the lake's crate.
type LakeResult<T> = std::result::Result<T, LakeError>;
type Reply = oneshot::Sender<Result<Upkept>>;

/// What is under way, and when the last piece was done.
pub(crate) struct Upkeep {
    pub(crate) retention: Retention,
    last: Instant,
    pieces: u64,
    pace: Pace,
    running: Option<Running>,
    ready: Option<Ready>,
    asked: VecDeque<(Task, Reply)>,
    /// Files that are not worth merging, until then.
    skip: HashMap<i64, Instant>,
}

struct Running {
    thread: JoinHandle<LakeResult<Option<Prepared>>>,
    files: Vec<i64>,
    reply: Option<Reply>,
}

/// Files that are written, and wait until nobody reads.
struct Ready {
    prepared: Prepared,
    since: Instant,
    reply: Option<Reply>,
}

impl Upkeep {
    pub(crate) fn new(retention: Retention) -> Self {
        Self {
            retention,
            last: Instant::now(),
            pieces: 0,
            pace: Pace::new(),
            running: None,
            ready: None,
            asked: VecDeque::new(),
            skip: HashMap::new(),
        }
    }

    pub(super) fn ask(&mut self, task: Task, reply: Reply) {
        self.asked.push_back((task, reply));
    }

    /// How long the engine may sleep.
    pub(super) fn patience(&self, otherwise: Duration) -> Duration {
        if self.running.is_some() || self.ready.is_some() || !self.asked.is_empty() { LOOK } else { otherwise }
    }
}

impl Core {
    /// Does a piece of upkeep if the last one was long enough ago, or if it was asked for. Errors of its own pieces
    /// hold nothing up: what they left undone comes again.
    pub(super) fn maintain(&mut self) {
        if self.graph.foreign {
            return;
        }
        if let Some(running) = self.upkeep.running.take_if(|r| r.thread.is_finished()) {
            self.finish_job(running);
            self.show_upkeep();
        }
        if let Some(ready) = self.upkeep.ready.take() {
            self.name_files(ready);
            self.show_upkeep();
        }
        if self.upkeep.running.is_some() || self.upkeep.ready.is_some() {
            return;
        }
        if let Some((task, reply)) = self.upkeep.asked.pop_front() {
            self.run_task(task, reply);
            self.show_upkeep();
        } else if self.upkeep.last.elapsed() >= PAUSE {
            match self.upkeep_piece() {
                // The next tick follows another program that wrote.
                Ok(()) | Err(LakeError::Foreign { .. }) => {}
                Err(e) => tracing::warn!("the upkeep of the lake failed: {}", error::lake(e)),
            }
            self.show_upkeep();
            self.upkeep.pieces += 1;
            self.upkeep.last = Instant::now();
        }
    }

    fn upkeep_piece(&mut self) -> LakeResult<()> {
        // Every second piece only: a table that can't be flushed must not stop the rest.
        if self.upkeep.pieces.is_multiple_of(2)
            && let Some(due) = self.lake.due()?.first()
        {
            let job = self.lake.flush_job(due.table_id, FLUSH_ROWS)?;
            self.start(job, None);
            return Ok(());
        }
        let now = Utc::now().timestamp_micros();
        if self.upkeep.pieces % MERGE_EVERY == MERGE_EVERY - 1
            && let Some(job) = self.merge_due()?
        {
            self.start(job, None);
            return Ok(());
        }
        if self.upkeep.pieces % CLEAN_EVERY == CLEAN_EVERY - 1 {
            self.lake.clean(CLEAN_AFTER_MICROS, now)?;
        }
        self.expire(now)?;
        self.lake.shrink()?;
        Ok(())
    }

    fn merge_due(&mut self) -> LakeResult<Option<Job>> {
        self.upkeep.skip.retain(|_, until| *until > Instant::now());
        let skip: HashSet<i64> = self.upkeep.skip.keys().copied().collect();
        for table in self.lake.state().tables.keys() {
            if let Some(job) = self.lake.merge_job(*table, MERGE_FILES, &skip)? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    fn expire(&mut self, now: i64) -> LakeResult<sluice_lake::Expired> {
        let start = Instant::now();
        let reached = self.lake.reached(&self.upkeep.retention, now, self.upkeep.pace.last())?;
        let limit = self.upkeep.pace.limit(reached);
        let expired = self.lake.expire(&self.upkeep.retention, now, limit)?;
        let took = start.elapsed();
        self.upkeep.pace.learn(limit, expired.snapshots, took);
        tracing::debug!("upkeep: {expired:?} in {took:?}");
        Ok(expired)
    }

    /// Has a thread write the files of a job.
    fn start(&mut self, job: Job, reply: Option<Reply>) {
        let files = job.files();
        match std::thread::Builder::new().name("upkeep".into()).spawn(move || job.write()) {
            Ok(thread) => self.upkeep.running = Some(Running { thread, files, reply }),
            Err(e) => tracing::warn!("no thread for the upkeep of the lake: {e}"),
        }
    }

    fn finish_job(&mut self, running: Running) {
        let outcome = match running.thread.join() {
            Err(_) => Err(SqlError::internal("the upkeep of the lake panicked")),
            Ok(Err(e)) => Err(error::lake(e)),
            Ok(Ok(None)) => {
                self.upkeep.skip.extend(running.files.iter().map(|f| (*f, Instant::now() + SKIP)));
                Ok(Upkept::default())
            }
            Ok(Ok(Some(prepared))) => {
                self.upkeep.ready = Some(Ready { prepared, since: Instant::now(), reply: running.reply });
                return;
            }
        };
        answer(running.reply, outcome);
    }

    fn name_files(&mut self, ready: Ready) {
        let Ready { prepared, since, reply } = ready;
        let now = Utc::now().timestamp_micros();
        let named = if since.elapsed() < READERS_MAX {
            self.lake.commit_job_alone(prepared, now)
        } else {
            tracing::warn!("rows move to files although another program has been reading the lake all the time");
            self.lake.commit_job(prepared, now).map(Named::Done)
        };
        let outcome = match named {
            Ok(Named::Readers(prepared)) => {
                self.upkeep.ready = Some(Ready { prepared: *prepared, since, reply });
                return;
            }
            Ok(Named::Done(done)) => {
                tracing::debug!("upkeep: {done:?}");
                Ok(Upkept { rows: done.rows, files: done.files, merged: done.merged, snapshots: 0 })
            }
            Err(e) => Err(error::lake(e)),
        };
        answer(reply, outcome);
    }

    fn run_task(&mut self, task: Task, reply: Reply) {
        let now = Utc::now().timestamp_micros();
        let job = match task {
            Task::Flush(table) => self.lake.flush_job(table, FLUSH_ROWS).map(Some),
            Task::Merge(table) => self.lake.merge_job(table, 2, &HashSet::new()),
            Task::Expire => {
                let expired = self.expire(now).map_err(error::lake);
                let done = expired.map(|e| Upkept { rows: e.rows, files: e.files, snapshots: e.snapshots, merged: 0 });
                return drop(reply.send(done));
            }
            Task::Clean => {
                let cleaned = self.lake.clean(CLEAN_AFTER_MICROS, now).and_then(|files| {
                    while self.lake.shrink()? > 0 {}
                    Ok(Upkept { files, ..Upkept::default() })
                });
                return drop(reply.send(cleaned.map_err(error::lake)));
            }
        };
        match job {
            Ok(Some(job)) => self.start(job, Some(reply)),
            Ok(None) => drop(reply.send(Ok(Upkept::default()))),
            Err(e) => drop(reply.send(Err(error::lake(e)))),
        }
    }

    /// Readers get the same rows from where they are now.
    fn show_upkeep(&self) {
        let (shown, state) = (self.context.version(), self.lake.state());
        let moved =
            |(id, table): (&i64, &Arc<TableVersion>)| state.tables.get(id).is_some_and(|t| !Arc::ptr_eq(t, table));
        if state.snapshot == shown.snapshot && !shown.tables.iter().any(moved) {
            return;
        }
        let now = |(id, table): (&i64, &Arc<TableVersion>)| (*id, Arc::clone(state.tables.get(id).unwrap_or(table)));
        let tables = shown.tables.iter().map(now).collect();
        let version = Version { snapshot: state.snapshot, tables, ..Version::clone(&shown) };
        *self.context.version.write() = Arc::new(version);
    }
}

fn answer(reply: Option<Reply>, outcome: Result<Upkept>) {
    match (reply, outcome) {
        // A client that went away needs no answer.
        (Some(reply), outcome) => drop(reply.send(outcome)),
        (None, Err(e)) => tracing::warn!("the upkeep of the lake failed: {e}"),
        (None, Ok(_)) => {}
    }
}
