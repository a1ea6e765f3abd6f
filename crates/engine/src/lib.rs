//! The graph of tables: ticks, transactions, recovery and status.
//!
//! One thread of its own owns the lake and every operator. Sessions plan and run statements over immutable versions
//! and hand their changes to it; it moves all waiting changes through the graph as one tick, commits one snapshot,
//! shows the new version, and then answers.

mod catalog;
mod chains;
mod context;
mod copy;
mod error;
mod files;
mod index;
mod read;
mod roles;
mod schedule;
mod session;
mod statement;
mod system;
mod tick;
mod time_travel;
mod verify;
mod version;
mod write;
mod yields;

pub use chains::STACK_BYTES;
pub(crate) use context::Context;
pub use copy::{CopyFormat, CopyIn, CopyKind};
pub use roles::{NotAVerifier, ScramVerifier};
pub use session::{
    CommitPoint, Described, LiveNotices, Notice, Outcome, OutputColumn, RowStream, Session, TransactionStatus,
};
pub use sluice_sql::{SqlError, SqlType};
pub use statement::Parsed;
pub use tick::ViewStatus;
pub use verify::{Difference, Verified};
pub use version::Version;

use parking_lot::{Mutex, RwLock};
pub use sluice_lake::Retention;
use sluice_lake::{LakeReader, Readers};
use sluice_sql::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tick::{Core, Request, Requests};

/// What an engine is opened with.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Memory that ad hoc queries may take together, in bytes.
    pub query_memory_bytes: usize,
    /// Which snapshots are kept.
    pub retention: Retention,
    /// Changes that each held-back view may keep until its time comes, in bytes; beyond that it is computed anew.
    pub lag_bytes: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { query_memory_bytes: 4 << 30, retention: Retention::default(), lag_bytes: 64 << 20 }
    }
}

/// An open lake. Clones share it; the last one to go stops it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    requests: Requests,
    status: Arc<RwLock<BTreeMap<i64, ViewStatus>>>,
    readers: Readers,
    dir: PathBuf,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Opens the lake in `dir`, which is made if it is not there, and brings every view to the newest snapshot.
    /// Must be called within a tokio runtime, which then runs the queries.
    pub fn open(dir: &Path, options: &EngineOptions) -> Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let dir = dir.to_path_buf();
        let opened = {
            let (dir, options) = (dir.clone(), options.clone());
            // Recovery runs queries and waits for them, which a thread of the runtime may not do.
            let thread = std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn(move || Core::open(&dir, &options, runtime))
                .map_err(|e| SqlError::internal(format!("no thread to open the lake: {e}")))?;
            thread.join().map_err(|_| SqlError::internal("opening the lake panicked"))?
        };
        let core = opened?;
        if !core.context.version().catalog.roles().is_empty() {
            core.warn_of_readers();
        }
        let readers = core.lake.readers();
        let (context, status) = (Arc::clone(&core.context), Arc::clone(&core.status));
        let (requests, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .stack_size(STACK_BYTES)
            .spawn(move || run_or_exit(core, receiver))
            .map_err(|e| SqlError::internal(format!("no thread for the engine: {e}")))?;
        let inner = Inner { context, requests, status, readers, dir, thread: Mutex::new(Some(thread)) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A session for one connection.
    pub fn session(&self, user: &str, _database: &str) -> Session {
        Session::new(self.clone(), user)
    }

    /// What checks a role's password; `None` if there is no such role.
    pub fn verifier(&self, role: &str) -> Option<ScramVerifier> {
        self.version().catalog.roles().get(role).map(|r| r.verifier.clone())
    }

    /// Whether there is a role with which a client can log in.
    pub fn has_roles(&self) -> bool {
        !self.version().catalog.roles().is_empty()
    }

    /// The folder of the lake.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The newest version.
    pub fn version(&self) -> Arc<Version> {
        self.inner.context.version()
    }

    /// State of every materialized view, by number.
    pub fn status(&self) -> BTreeMap<i64, ViewStatus> {
        self.inner.status.read().clone()
    }

    /// Finishes waiting transactions and stops. Blocks until the last commit is on disk.
    pub fn stop(&self) {
        // The engine may have stopped already; then there is nothing to wait for.
        let _ = self.inner.requests.send(Request::Stop);
        if let Some(thread) = self.inner.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread panicked");
        }
    }

    /// Refuses queries over files of this machine from now on: clients of other machines can connect.
    pub fn refuse_files(&self) {
        self.inner.context.files_refused.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.inner.context
    }

    pub(crate) fn requests(&self) -> &Requests {
        &self.inner.requests
    }

    pub(crate) fn reader(&self) -> Result<LakeReader> {
        self.inner.readers.open().map_err(error::lake)
    }
}

/// A panic in the engine leaves its memory in doubt, the lake as of the last commit is not: the process ends, and the
/// next start rebuilds everything from the lake.
fn run_or_exit(core: Core, requests: std::sync::mpsc::Receiver<Request>) {
    let run = std::panic::AssertUnwindSafe(|| core.run(requests));
    if std::panic::catch_unwind(run).is_err() {
        tracing::error!("the engine panicked; the lake is as of its last commit, start again to go on");
        std::process::exit(EXIT_PANIC);
    }
}

/// Exit code of a process whose engine panicked (EX_SOFTWARE of sysexits.h).
const EXIT_PANIC: i32 = 70;
