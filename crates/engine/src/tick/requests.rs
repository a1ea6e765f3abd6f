use super::DdlOp;
use super::graph::View;
use crate::catalog::TableDef;
use crate::index::RowIndex;
use crate::read::ReadView;
use crate::write::{Changed, WriteSet};
use futures::future::BoxFuture;
use sluice_lake::{RowInsert, WrittenFile};
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
    /// Bring a view up to date that is held back.
    Refresh(Refresh),
    /// Fill a new view beside the ticks.
    Fill(FillRequest),
    /// A view that has been filled.
    Filled(Box<Filled>),
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

/// REFRESH MATERIALIZED VIEW.
pub(crate) struct Refresh {
    pub(crate) view: i64,
    pub(crate) reply: oneshot::Sender<Result<()>>,
}

/// Where a client hears how far its view is.
pub(crate) type Progress = tokio::sync::mpsc::UnboundedSender<String>;

/// Where the outcome of a fill goes; closed when the client has gone or has cancelled.
pub(crate) type FillReply = oneshot::Sender<Result<()>>;

/// CREATE MATERIALIZED VIEW over large tables.
pub(crate) struct FillRequest {
    pub(crate) def: TableDef,
    /// The snapshot over which it was planned.
    pub(crate) base: i64,
    pub(crate) progress: Progress,
    /// Where the filled view goes.
    pub(crate) requests: Requests,
    pub(crate) reply: FillReply,
}

/// A view with its state at the version that it was filled from.
pub(crate) struct Filled {
    pub(crate) view: View,
    pub(crate) outcome: Result<FilledRows>,
    pub(crate) reply: FillReply,
}

/// Its rows, ready to be committed.
pub(crate) struct FilledRows {
    pub(crate) inserts: Vec<RowInsert>,
    pub(crate) rows: i64,
    /// A file among them, to be deleted if it is not committed.
    pub(crate) file: Option<WrittenFile>,
    pub(crate) index: RowIndex,
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
