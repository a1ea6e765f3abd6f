//! Transactions: what a session has changed and not yet committed.

use super::{Outcome, Session};
use crate::Context;
use crate::read::ReadView;
use crate::statement::{Parsed, Statement};
use crate::tick::{Committed, DdlOp, Hold, Request, Transaction, stopped};
use crate::version::Version;
use crate::write::{self, Changed, WriteSet};
use chrono::Utc;
use datafusion::common::ScalarValue;
use parking_lot::Mutex;
use sluice_sql::{Result, SqlError};
use sqlparser::ast::{Statement as Ast, TransactionMode};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Where the transaction goes that the engine waits for.
pub(crate) type HeldFor = Mutex<Option<oneshot::Sender<Transaction>>>;

/// An open transaction: the version it began at, and its own changes over it.
pub(crate) struct Block {
    /// The version, with its own new definitions in the catalog.
    pub(crate) version: Arc<Version>,
    pub(crate) writes: WriteSet,
    pub(crate) ddl: Vec<DdlOp>,
    pub(crate) implicit: bool,
    pub(crate) now_micros: i64,
    pub(crate) read_only: bool,
    pub(crate) savepoints: Vec<super::savepoint::Savepoint>,
    pub(crate) cursors: BTreeMap<String, super::cursor::Cursor>,
    /// Settings as it found them.
    pub(crate) settings: super::settings::Saved,
}

impl Session {
    pub(crate) fn new_block(&self, implicit: bool) -> Block {
        Block {
            version: self.engine.version(),
            writes: WriteSet::default(),
            ddl: vec![],
            implicit,
            now_micros: Utc::now().timestamp_micros(),
            read_only: self.settings.read_only(),
            savepoints: vec![],
            cursors: BTreeMap::new(),
            settings: self.settings.saved(),
        }
    }

    /// Refuses a change in a transaction that began READ ONLY.
    pub(crate) fn refuse_if_read_only(&self, what: &str) -> Result<()> {
        if self.block.as_ref().map_or_else(|| self.settings.read_only(), |b| b.read_only) {
            return Err(SqlError::new("25006", format!("cannot execute {what} in a read-only transaction")));
        }
        Ok(())
    }

    /// Takes the modes of BEGIN and SET TRANSACTION.
    pub(crate) fn set_modes(&mut self, modes: &[TransactionMode]) -> Result<()> {
        use sqlparser::ast::{TransactionAccessMode as A, TransactionIsolationLevel as L};
        for mode in modes {
            match mode {
                TransactionMode::IsolationLevel(L::Serializable) => {
                    return Err(no_serializable());
                }
                // Every transaction sees one snapshot, which is at least what these ask for.
                TransactionMode::IsolationLevel(_) => {}
                TransactionMode::AccessMode(access) => {
                    if let Some(block) = &mut self.block {
                        block.read_only = matches!(access, A::ReadOnly);
                    }
                }
            }
        }
        Ok(())
    }

    /// What the next statement sees.
    pub(crate) fn view(&self) -> ReadView {
        match &self.block {
            Some(block) => ReadView {
                version: Arc::clone(&block.version),
                staged: Arc::new(block.writes.tables.clone()),
                now_micros: block.now_micros,
                zone: self.settings.zone(),
            },
            None => ReadView {
                version: self.engine.version(),
                staged: Arc::default(),
                now_micros: Utc::now().timestamp_micros(),
                zone: self.settings.zone(),
            },
        }
    }

    pub(crate) fn begin(&mut self, ast: &Ast) -> Result<Outcome> {
        match &mut self.block {
            Some(block) if !block.implicit => {
                self.notices.push(super::Notice {
                    severity: "WARNING",
                    code: "25001",
                    message: "there is already a transaction in progress".into(),
                    hint: None,
                });
            }
            Some(block) => block.implicit = false,
            None => self.block = Some(self.new_block(false)),
        }
        let Ast::StartTransaction { modes, begin, .. } = ast else { return Err(SqlError::internal("not BEGIN")) };
        if let Err(e) = self.set_modes(modes) {
            self.roll_back();
            return Err(e);
        }
        Ok(Outcome::done(if *begin { "BEGIN" } else { "START TRANSACTION" }))
    }

    pub(crate) async fn commit(&mut self) -> Result<Outcome> {
        let failed = self.clear_failure();
        self.warn_without_block();
        match self.block.take() {
            None => Ok(Outcome::done("COMMIT")),
            Some(block) => {
                self.end_block(block, !failed).await?;
                Ok(Outcome::done(if failed { "ROLLBACK" } else { "COMMIT" }))
            }
        }
    }

    /// Statements that end a block do so outside of one as well.
    fn warn_without_block(&mut self) {
        if self.block.as_ref().is_none_or(|b| b.implicit) {
            self.notices.push(super::Notice {
                severity: "WARNING",
                code: "25P01",
                message: "there is no transaction in progress".into(),
                hint: None,
            });
        }
    }

    pub(crate) fn roll_back_by_statement(&mut self) -> Outcome {
        self.warn_without_block();
        self.roll_back()
    }

    pub(crate) fn roll_back(&mut self) -> Outcome {
        self.clear_failure();
        if let Some(block) = self.block.take() {
            self.settings.restore(block.settings);
        }
        Outcome::done("ROLLBACK")
    }

    /// Commits a transaction or drops it; what it has set stays only if it commits.
    pub(crate) async fn end_block(&mut self, block: Block, commits: bool) -> Result<()> {
        let before = block.settings.clone();
        let ended = if commits { self.submit_block(block).await } else { Ok(()) };
        if commits && ended.is_ok() {
            self.settings.end_locals();
        } else {
            self.settings.restore(before);
        }
        ended
    }

    pub(crate) async fn submit_block(&mut self, block: Block) -> Result<()> {
        if block.writes.is_empty() && block.ddl.is_empty() {
            return Ok(());
        }
        self.hand_over(block.version.snapshot, block.writes, block.ddl).await
    }

    /// Hands definitions in, or keeps them with the open transaction.
    pub(crate) async fn submit_ddl(&mut self, ops: Vec<DdlOp>) -> Result<()> {
        self.refuse_if_read_only("a change of definitions")?;
        if let Some(block) = &mut self.block {
            let mut version = (*block.version).clone();
            for op in &ops {
                op.show(&mut version, &mut block.writes)?;
            }
            block.version = Arc::new(version);
            block.ddl.extend(ops);
            return Ok(());
        }
        let base = self.defines_from.as_ref().map_or_else(|| self.engine.version().snapshot, |v| v.snapshot);
        self.hand_over(base, WriteSet::default(), ops).await
    }

    /// Hands a transaction in, before all others if the engine waits for it.
    async fn hand_over(&mut self, base: i64, writes: WriteSet, ddl: Vec<DdlOp>) -> Result<()> {
        let held = self.hold.upgrade().and_then(|hold| hold.lock().take());
        let Some(held) = held else {
            self.hand_in(base, writes, ddl, None).await?;
            return Ok(());
        };
        let (reply, answer) = oneshot::channel();
        held.send(Transaction { base, writes, ddl, again: None, reply }).map_err(|_| stopped())?;
        self.decided(answer).await?;
        Ok(())
    }

    /// Lets the engine wait for what this statement hands in, for as long as the answer lives.
    pub(crate) async fn hold_others(&mut self) -> Result<Arc<HeldFor>> {
        let (ready, waits) = oneshot::channel();
        let (sender, transaction) = oneshot::channel();
        self.engine.requests().send(Request::Hold(Hold { ready, transaction })).map_err(|_| stopped())?;
        waits.await.map_err(|_| stopped())?;
        let held = Arc::new(Mutex::new(Some(sender)));
        self.hold = Arc::downgrade(&held);
        Ok(held)
    }

    /// INSERT, UPDATE and DELETE.
    pub(crate) async fn change_rows(&mut self, parsed: &Parsed, params: Vec<ScalarValue>) -> Result<Outcome> {
        let verb = verb(&parsed.statement);
        self.refuse_if_read_only(verb)?;
        let view = self.view();
        let context = Arc::clone(self.engine.context());
        let path = self.settings.search_path();
        let statement = Arc::clone(&parsed.statement);
        let changed =
            change(Arc::clone(&context), view.clone(), path.clone(), Arc::clone(&statement), params.clone()).await?;
        let changed = match &mut self.block {
            Some(block) => {
                block.writes.merge(&changed.writes)?;
                changed
            }
            None if changed.writes.is_empty() => changed,
            None => {
                let again = move |view: ReadView| -> futures::future::BoxFuture<'static, Result<Changed>> {
                    Box::pin(change(Arc::clone(&context), view, path.clone(), Arc::clone(&statement), params.clone()))
                };
                let writes = changed.writes.clone();
                let committed = self.hand_in(view.version.snapshot, writes, vec![], Some(Box::new(again))).await?;
                committed.again.unwrap_or(changed)
            }
        };
        Ok(finished(verb, changed))
    }
}

pub(super) fn no_serializable() -> SqlError {
    SqlError::unsupported("SERIALIZABLE", "Use REPEATABLE READ: every transaction sees one snapshot.")
}

fn verb(statement: &Statement) -> &'static str {
    match statement {
        Statement::Change(c) if matches!(c.statement, Ast::Insert(_)) => "INSERT",
        Statement::Change(c) if matches!(c.statement, Ast::Update(_)) => "UPDATE",
        _ => "DELETE",
    }
}

fn finished(verb: &str, changed: Changed) -> Outcome {
    // Before the count stands what was the number of the row when rows had numbers.
    let tag = if verb == "INSERT" { "INSERT 0" } else { verb };
    match changed.returning {
        Some((columns, batches)) => Outcome::rows(columns, batches, tag),
        None => Outcome::done(format!("{tag} {}", changed.rows)),
    }
}

/// Runs a statement that changes rows over what `view` shows.
async fn change(
    context: Arc<Context>,
    view: ReadView,
    path: Vec<String>,
    statement: Arc<Statement>,
    params: Vec<ScalarValue>,
) -> Result<Changed> {
    let Statement::Change(change) = statement.as_ref() else { return Err(SqlError::internal("not a change of rows")) };
    let with = change.with.as_ref();
    match &change.statement {
        Ast::Insert(insert) => write::insert(&context, &view, &path, insert, change.overriding, &params).await,
        Ast::Update(update) => write::update(&context, &view, &path, update, with, &params).await,
        Ast::Delete(delete) => write::delete(&context, &view, &path, delete, with, &params).await,
        _ => Err(SqlError::internal("not a change of rows")),
    }
}

type Again = Box<dyn Fn(ReadView) -> futures::future::BoxFuture<'static, Result<Changed>> + Send>;

impl Session {
    /// Hands a transaction to the engine's thread and waits until it is on disk. From here on nothing cancels it.
    async fn hand_in(&self, base: i64, writes: WriteSet, ddl: Vec<DdlOp>, again: Option<Again>) -> Result<Committed> {
        let (reply, answer) = oneshot::channel();
        let transaction = Transaction { base, writes, ddl, again, reply };
        self.engine.requests().send(Request::Commit(transaction)).map_err(|_| stopped())?;
        self.decided(answer).await
    }

    async fn decided(&self, answer: oneshot::Receiver<Result<Committed>>) -> Result<Committed> {
        self.commit_point.pass();
        let committed = answer.await;
        self.commit_point.leave();
        committed.map_err(|_| stopped())?
    }

    /// Commits changes of rows that no statement can run again.
    pub(crate) async fn submit(&self, base: i64, writes: WriteSet) -> Result<()> {
        self.hand_in(base, writes, vec![], None).await?;
        Ok(())
    }
}
