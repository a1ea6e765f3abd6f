//! One client's conversation: settings, an open transaction, and the statements it runs.

mod block;
mod commit_point;
mod cursor;
mod ddl;
mod describe;
mod explain;
mod functions;
mod maintain;
mod outcome;
mod query;
mod savepoint;
mod set;
mod settings;
mod timeout;
mod verify;

pub(crate) use functions::stands_alone;
pub(crate) use query::with_params;

pub use commit_point::CommitPoint;
pub use outcome::{Described, Notice, Outcome, OutputColumn, RowStream, TransactionStatus};

use crate::Engine;
use crate::catalog::ObjectRef;
use crate::statement::{self, Parsed, Statement};
use crate::version::Version;
use block::Block;
use datafusion::common::ScalarValue;
use futures::FutureExt;
pub(crate) use settings::Settings;
use sluice_sql::{Result, SqlError, SqlType};
use sqlparser::ast::Statement as Ast;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// See the module's page.
pub struct Session {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) block: Option<Block>,
    failed: bool,
    pub(crate) notices: Vec<Notice>,
    /// What a statement outside of a block saw when it began to change definitions.
    defines_from: Option<Arc<Version>>,
    /// Alive while the engine waits for this session.
    hold: Weak<block::HeldFor>,
    commit_point: CommitPoint,
    live: mpsc::UnboundedSender<Notice>,
    live_notices: LiveNotices,
}

/// Notices of a statement that is still running.
pub type LiveNotices = Arc<Mutex<mpsc::UnboundedReceiver<Notice>>>;

impl Session {
    pub(crate) fn new(engine: Engine, user: &str) -> Self {
        let (live, live_notices) = mpsc::unbounded_channel();
        Self {
            engine,
            settings: Settings::new(user),
            block: None,
            failed: false,
            notices: vec![],
            defines_from: None,
            hold: Weak::new(),
            commit_point: CommitPoint::default(),
            live,
            live_notices: Arc::new(Mutex::new(live_notices)),
        }
    }

    /// Splits text into statements and parses each; none for empty text.
    pub fn parse(&self, sql: &str) -> Result<Vec<Parsed>> {
        statement::parse(sql)
    }

    /// The types of a statement's parameters and of the columns it returns.
    pub fn describe(&mut self, parsed: &Parsed, declared: &[Option<SqlType>]) -> Result<Described> {
        self.describe_statement(&parsed.statement, declared)
    }

    /// Runs one statement. Dropping the future cancels it, until its commit has been handed in.
    pub async fn execute(&mut self, parsed: &Parsed, params: Vec<ScalarValue>) -> Result<Outcome> {
        // What a statement that was cancelled has left.
        self.defines_from = None;
        let ends_block = matches!(
            parsed.statement.as_ref(),
            Statement::Sql(s) if matches!(s.as_ref(), Ast::Rollback { .. } | Ast::Commit { .. })
        );
        if self.failed && !ends_block {
            return Err(SqlError::new(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        let run = std::panic::AssertUnwindSafe(self.run(parsed, params)).catch_unwind();
        let result = run.await.unwrap_or_else(|_| {
            tracing::error!("a statement panicked");
            Err(SqlError::new("XX000", "the statement ended in a panic, which is a bug: nothing of it was done"))
        });
        if result.is_err() && self.block.is_some() {
            self.failed = true;
        }
        result
    }

    async fn run(&mut self, parsed: &Parsed, params: Vec<ScalarValue>) -> Result<Outcome> {
        match parsed.statement.as_ref() {
            Statement::Nothing { tag, notice } => {
                if let Some(notice) = notice {
                    self.notice(notice.clone(), None);
                }
                Ok(Outcome::done(*tag))
            }
            Statement::Refresh(name) => self.refresh(&ObjectRef::parse(name)?).await,
            Statement::Role(_) | Statement::TableAs(_) => self.define(&parsed.statement).await,
            Statement::Change(_) => self.change_rows(parsed, params).await,
            Statement::Sql(ast) => self.run_sql(parsed, ast, params).await,
        }
    }

    async fn run_sql(&mut self, parsed: &Parsed, ast: &Ast, params: Vec<ScalarValue>) -> Result<Outcome> {
        match ast {
            Ast::Query(query) => self.query(query, &params).await,
            Ast::StartTransaction { .. } => self.begin(ast),
            Ast::Commit { chain: true, .. } | Ast::Rollback { chain: true, .. } => {
                Err(SqlError::unsupported("AND CHAIN", "Write BEGIN after it."))
            }
            Ast::Commit { .. } => self.commit().await,
            Ast::Rollback { savepoint: None, .. } => Ok(self.roll_back_by_statement()),
            Ast::Rollback { savepoint: Some(name), .. } => self.roll_back_to(name),
            Ast::Savepoint { name } => self.save(name),
            Ast::ReleaseSavepoint { name } => self.release(name),
            Ast::Set(set) => self.set(set),
            Ast::ShowVariable { variable } => self.show(variable),
            Ast::Reset(reset) => self.reset(reset),
            Ast::Declare { stmts } => self.declare(stmts, &params).await,
            Ast::Fetch { name, direction, into: None, .. } => self.fetch(&sluice_sql::fold(name), direction).await,
            Ast::Close { cursor } => self.close(cursor),
            Ast::Explain { .. } => self.explain(ast).await,
            Ast::Copy { .. } => self.copy(ast).await,
            Ast::Discard { object_type } => self.discard(*object_type),
            Ast::Deallocate { .. } => Ok(Outcome::done("DEALLOCATE")),
            _ => self.define(&parsed.statement).await,
        }
    }

    /// The longest that a statement may take, if there is a limit.
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.settings.statement_timeout()
    }

    /// Tells, while a statement runs, whether it can still be cancelled.
    pub fn commit_point(&self) -> CommitPoint {
        self.commit_point.clone()
    }

    /// Where the connection stands between statements.
    pub fn transaction_status(&self) -> TransactionStatus {
        match &self.block {
            Some(block) if !block.implicit => {
                if self.failed {
                    TransactionStatus::Failed
                } else {
                    TransactionStatus::InBlock
                }
            }
            _ => TransactionStatus::Idle,
        }
    }

    /// Statements from here to [`Self::end_implicit`] are one transaction.
    pub fn begin_implicit(&mut self) {
        if self.block.is_none() {
            self.block = Some(self.new_block(true));
        }
    }

    /// Commits (or rolls back) what [`Self::begin_implicit`] began; nothing inside BEGIN ... COMMIT.
    pub async fn end_implicit(&mut self, ok: bool) -> Result<()> {
        if !self.block.as_ref().is_some_and(|b| b.implicit) {
            // An error outside of a statement fails an open block as well.
            self.failed |= !ok && self.block.is_some();
            return Ok(());
        }
        let failed = std::mem::take(&mut self.failed);
        let Some(block) = self.block.take() else { return Ok(()) };
        self.end_block(block, ok && !failed).await
    }

    /// Notices that came up since the last call, to be sent before the result.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        let mut notices = vec![];
        if let Ok(mut live) = self.live_notices.try_lock() {
            notices.extend(std::iter::from_fn(|| live.try_recv().ok()));
        }
        notices.append(&mut self.notices);
        notices
    }

    /// What a running statement says of its progress; what is not taken stays for [`Self::take_notices`].
    pub fn live_notices(&self) -> LiveNotices {
        Arc::clone(&self.live_notices)
    }

    /// What the client has set by now, as it connected, is what RESET goes back to.
    pub fn begins(&mut self) {
        self.settings.keep_as_defaults();
    }

    /// Settings that a client is told when it connects.
    pub fn parameter_statuses(&self) -> Vec<(&'static str, String)> {
        self.settings.reported()
    }

    /// Settings that changed since the last call and that clients are told.
    pub fn take_changed_parameters(&mut self) -> Vec<(&'static str, String)> {
        self.settings.take_changed()
    }

    pub(crate) fn notice(&mut self, message: impl Into<String>, hint: Option<String>) {
        self.notices.push(Notice { severity: "NOTICE", code: "00000", message: message.into(), hint });
    }

    /// IF NOT EXISTS has nothing to do.
    pub(crate) fn skipping(&mut self, name: &str) {
        let message = format!("relation \"{name}\" already exists, skipping");
        self.notices.push(Notice { severity: "NOTICE", code: "42P07", message, hint: None });
    }

    /// A notice that does not wait for the statement's end.
    pub(crate) fn notice_now(&mut self, message: String) {
        let notice = Notice { severity: "NOTICE", code: "00000", message, hint: None };
        // The receiver is the session's own.
        let _ = self.live.send(notice);
    }

    /// An error outside of [`Self::execute`] fails the open transaction too.
    pub(crate) fn fail_block(&mut self) {
        self.failed = self.block.is_some();
    }

    pub(crate) fn clear_failure(&mut self) -> bool {
        std::mem::take(&mut self.failed)
    }
}
