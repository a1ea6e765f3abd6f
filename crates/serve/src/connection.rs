//! A session's connection: its messages are handled one after another, in the order in which they came.

use crate::cancel::{Cancel, Registration};
use crate::error::{Failure, error_response, notice_response, protocol_violation};
use crate::extended::{Portal, Prepared};
use crate::frontend::{Frame, Frontend};
use crate::wire::Wire;
use datafusion::common::ScalarValue;
use pgwire::messages::response::{CommandComplete, ReadyForQuery, TransactionStatus as Status};
use pgwire::messages::startup::ParameterStatus;
use sluice_engine::{CommitPoint, Outcome, Parsed, Session, TransactionStatus};
use sluice_sql::SqlError;
use sluice_sql::Zone;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// The parameter that changes how values are written.
const TIME_ZONE: &str = "TimeZone";

/// A client that is logged in.
pub(crate) struct Connection {
    pub(crate) wire: Wire,
    pub(crate) session: Session,
    pub(crate) statements: HashMap<String, Arc<Prepared>>,
    pub(crate) portals: HashMap<String, Portal>,
    pub(crate) zone: Zone,
    registration: Registration,
    draining: watch::Receiver<bool>,
    /// Whether a transaction was begun that ends with the query string, or at the next Sync.
    implicit: bool,
    /// Whether messages are ignored until the next Sync, because one failed.
    skipping: bool,
}

impl Connection {
    pub(crate) fn new(
        wire: Wire,
        session: Session,
        registration: Registration,
        draining: watch::Receiver<bool>,
    ) -> Self {
        let parameters = session.parameter_statuses();
        let zone = parameters.iter().find(|(name, _)| *name == TIME_ZONE).and_then(|(_, value)| Zone::parse(value));
        Self {
            wire,
            session,
            statements: HashMap::new(),
            portals: HashMap::new(),
            zone: zone.unwrap_or(Zone::Utc),
            registration,
            draining,
            implicit: false,
            skipping: false,
        }
    }

    /// Serves the client until it leaves, or until the server stops.
    pub(crate) async fn run(mut self) {
        let told = match self.converse().await {
            Ok(()) => Ok(()),
            Err(Failure::Error(error) | Failure::Fatal(error)) => self.wire.put(&error_response("FATAL", &error)),
            Err(Failure::Gone(error)) => Err(error),
        };
        match told {
            Ok(()) => self.wire.close().await,
            Err(error) => tracing::debug!(%error, "a client is gone"),
        }
    }

    async fn converse(&mut self) -> Result<(), Failure> {
        // All that is known by now was reported at login.
        self.session.take_changed_parameters();
        self.ready().await?;
        while let Some(frame) = self.next().await? {
            let extended = frame.is_extended();
            let handled = match frame.read() {
                Ok(Frontend::Terminate) => return Ok(()),
                Ok(message) if self.skipping && message != Frontend::Sync => Ok(()),
                Err(_) if self.skipping => Ok(()),
                Ok(message) => self.handle(message).await,
                Err(error) => Err(error.into()),
            };
            match handled {
                Err(Failure::Error(error)) => {
                    self.fail(&error).await?;
                    if extended {
                        self.skipping = true;
                        self.wire.flush().await?;
                    } else {
                        self.ready().await?;
                    }
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// The next message. The server may stop while there is none.
    async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        loop {
            if let Some(frame) = self.wire.buffered()? {
                return Ok(Some(frame));
            }
            let stopped = async {
                // The sender is gone when the server is.
                let _ = self.draining.wait_for(|draining| *draining).await;
            };
            tokio::select! {
                biased;
                () = stopped => {
                    let error = SqlError::new("57P01", "terminating connection due to administrator command");
                    return Err(Failure::Fatal(error));
                }
                more = self.wire.fill() => if !more? { return Ok(None) },
            }
            // A request to cancel that came before this message meant the one before.
            self.registration.cancel.reset();
        }
    }

    async fn handle(&mut self, message: Frontend) -> Result<(), Failure> {
        match message {
            Frontend::Query(sql) => {
                self.simple_query(&sql).await?;
                self.ready().await
            }
            Frontend::Parse(parse) => self.parse(parse),
            Frontend::Bind(bind) => self.bind(bind),
            Frontend::Describe(target) => self.describe(target),
            Frontend::Execute { portal, max_rows } => self.execute_portal(portal, max_rows).await,
            Frontend::Close(target) => self.close(target),
            Frontend::Flush => Ok(self.wire.flush().await?),
            Frontend::Sync => self.sync().await,
            // What a client still sent when its copy had already failed.
            Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail(_) => Ok(()),
            Frontend::FunctionCall => {
                Err(SqlError::unsupported("the function call message", "Call functions in a SELECT.").into())
            }
            Frontend::Password(_) => Err(Failure::Fatal(protocol_violation("unexpected password message"))),
            Frontend::Terminate => Ok(()),
        }
    }

    async fn sync(&mut self) -> Result<(), Failure> {
        self.skipping = false;
        match self.end_implicit().await {
            Err(Failure::Error(error)) => self.fail(&error).await?,
            other => other?,
        }
        self.ready().await
    }

    /// Tells the client that it is its turn. What belonged to a transaction that has ended goes.
    async fn ready(&mut self) -> Result<(), Failure> {
        self.report()?;
        let status = match self.session.transaction_status() {
            TransactionStatus::Idle => {
                self.portals.clear();
                Status::Idle
            }
            TransactionStatus::InBlock => Status::Transaction,
            TransactionStatus::Failed => Status::Error,
        };
        self.wire.put(&ReadyForQuery::new(status))?;
        Ok(self.wire.flush().await?)
    }

    /// Makes statements from here on one transaction, unless they are in one already.
    pub(crate) fn begin_implicit(&mut self) {
        if matches!(self.session.transaction_status(), TransactionStatus::Idle) {
            self.session.begin_implicit();
            self.implicit = true;
        }
    }

    /// Commits what [`Self::begin_implicit`] began.
    pub(crate) async fn end_implicit(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.implicit) {
            let ended = self.session.end_implicit(true).await;
            self.report()?;
            ended?;
        }
        Ok(())
    }

    /// Whether the statement to be executed is the only one until the next Sync, and so commits by itself.
    pub(crate) fn is_alone(&self) -> bool {
        !self.implicit && self.wire.sync_is_next()
    }

    /// Undoes the transaction at hand, or marks its block as failed, and tells the client why.
    async fn fail(&mut self, error: &SqlError) -> Result<(), Failure> {
        self.implicit = false;
        if let Err(second) = self.session.end_implicit(false).await {
            tracing::warn!(error = %second, "a transaction could not be undone");
        }
        self.report()?;
        Ok(self.wire.put(&error_response("ERROR", error))?)
    }

    /// Executes a statement and tells what it has to say before its result.
    pub(crate) async fn execute(&mut self, statement: &Parsed, values: Vec<ScalarValue>) -> Result<Outcome, Failure> {
        let point = self.session.commit_point();
        let live = self.session.live_notices();
        let mut live = live.lock().await;
        let outcome = {
            let work = self.session.execute(statement, values);
            let work = unless_canceled(&self.registration.cancel, &point, work);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    biased;
                    done = &mut work => break done,
                    Some(notice) = live.recv() => {
                        self.wire.put(&notice_response(&notice))?;
                        self.wire.flush().await?;
                    }
                }
            }
        };
        drop(live);
        self.report()?;
        Ok(outcome?)
    }

    /// A statement begins, or goes on after the client has taken some of its rows.
    pub(crate) fn start_time(&self) {
        self.registration.cancel.limit(self.session.statement_timeout());
    }

    /// What tells that the client asks to cancel.
    pub(crate) fn cancel(&self) -> Arc<Cancel> {
        Arc::clone(&self.registration.cancel)
    }

    /// Tells notices, and parameters that have changed.
    pub(crate) fn report(&mut self) -> io::Result<()> {
        for notice in self.session.take_notices() {
            self.wire.put(&notice_response(&notice))?;
        }
        for (name, value) in self.session.take_changed_parameters() {
            if name == TIME_ZONE {
                self.zone = Zone::parse(&value).unwrap_or(Zone::Utc);
            }
            self.wire.put(&ParameterStatus::new(name.into(), value))?;
        }
        Ok(())
    }

    /// Tells that a statement is done.
    pub(crate) fn complete(&mut self, tag: String) -> io::Result<()> {
        match tag.as_str() {
            "DISCARD ALL" | "DEALLOCATE ALL" => self.statements.clear(),
            _ => {}
        }
        self.wire.put(&CommandComplete::new(tag))
    }
}

/// The result of some work, unless the client asks to cancel it: then it is dropped. What is being committed is not
/// cancelled any more.
pub(crate) async fn unless_canceled<T>(
    cancel: &Cancel,
    point: &CommitPoint,
    work: impl Future<Output = Result<T, SqlError>>,
) -> Result<T, SqlError> {
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        () = cancel.requested() => if point.is_passed() { work.await } else { Err(cancel.error()) },
    }
}
