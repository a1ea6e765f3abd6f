use super::DdlOp;
use crate::read::ReadView;
use crate::write::{Changed, WriteSet};
use futures::future::BoxFuture;
use sluice_sql::Result;
use std::sync::mpsc::Sender;
use tokio::sync::oneshot;

/// Runs a statement again over what the tick has staged.
pub(crate) type Again = Box<dyn Fn(ReadView) -> BoxFuture<'static, Result<Changed>> + Send>;

/// What clients ask of the engine's thread.
pub(crate) enum Request {
    /// Check and commit a transaction.
    Commit(Transaction),
    /// Let one statement decide while nothing else changes.
    Hold(Hold),
    /// Take a parked table as it now is.
    Resync(i64, oneshot::Sender<Result<()>>),
    /// Do a piece of upkeep.
    Upkeep(super::Task, oneshot::Sender<Result<super::Upkept>>),
    /// Finish what is waiting, then end.
    Stop,
}

/// A statement that changes definitions and lost to others too often: they wait until it is done, or gone.
pub(crate) struct Hold {
    /// Told when the engine waits.
    pub(crate) ready: oneshot::Sender<()>,
    /// Where the statement's transaction comes.
    pub(crate) transaction: oneshot::Receiver<Transaction>,
}

/// A transaction ready to be committed.
pub(crate) struct Transaction {
    /// The snapshot that its statements saw.
    pub(crate) base: i64,
    /// Its changes of rows.
    pub(crate) writes: WriteSet,
    /// Its changes of definitions, in order.
    pub(crate) ddl: Vec<DdlOp>,
    /// How to run it again where another change came first; a transaction block has none and fails instead.
    pub(crate) again: Option<Again>,
    /// Where the answer goes.
    pub(crate) reply: oneshot::Sender<Result<Committed>>,
}

/// A committed transaction.
pub(crate) struct Committed {
    /// The outcome of running it again, if that was needed.
    pub(crate) again: Option<Changed>,
}

/// Where requests go.
pub(crate) type Requests = Sender<Request>;
