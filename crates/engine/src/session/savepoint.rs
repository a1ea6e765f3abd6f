//! Savepoints: what a transaction had changed when it set them.

use super::block::Block;
use super::{Outcome, Session};
use crate::tick::DdlOp;
use crate::version::Version;
use crate::write::WriteSet;
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::Ident;
use std::sync::Arc;

/// A transaction as it stood.
pub(crate) struct Savepoint {
    name: String,
    version: Arc<Version>,
    writes: WriteSet,
    ddl: Vec<DdlOp>,
    settings: super::settings::Saved,
}

impl Session {
    /// SAVEPOINT.
    pub(crate) fn save(&mut self, name: &Ident) -> Result<Outcome> {
        let settings = self.settings.saved();
        let block = self.open_block("SAVEPOINT")?;
        let (version, writes, ddl) = (Arc::clone(&block.version), block.writes.clone(), block.ddl.clone());
        block.savepoints.push(Savepoint { name: fold(name), version, writes, ddl, settings });
        Ok(Outcome::done("SAVEPOINT"))
    }

    /// RELEASE SAVEPOINT: its changes stay, and it and those set after it are forgotten.
    pub(crate) fn release(&mut self, name: &Ident) -> Result<Outcome> {
        let block = self.open_block("RELEASE SAVEPOINT")?;
        let at = find(block, name)?;
        block.savepoints.truncate(at);
        Ok(Outcome::done("RELEASE"))
    }

    /// ROLLBACK TO SAVEPOINT: the transaction stands as it did then, also after an error.
    pub(crate) fn roll_back_to(&mut self, name: &Ident) -> Result<Outcome> {
        let block = self.open_block("ROLLBACK TO SAVEPOINT")?;
        let at = find(block, name)?;
        block.savepoints.truncate(at + 1);
        if let Some(saved) = block.savepoints.last() {
            block.version = Arc::clone(&saved.version);
            block.writes = saved.writes.clone();
            block.ddl = saved.ddl.clone();
            let settings = saved.settings.clone();
            self.settings.restore(settings);
        }
        self.clear_failure();
        Ok(Outcome::done("ROLLBACK"))
    }

    fn open_block(&mut self, what: &str) -> Result<&mut Block> {
        self.block
            .as_mut()
            .filter(|b| !b.implicit)
            .ok_or_else(|| SqlError::new("25P01", format!("{what} can only be used in transaction blocks")))
    }
}

/// The place of the newest savepoint of that name.
fn find(block: &Block, name: &Ident) -> Result<usize> {
    let name = fold(name);
    let found = block.savepoints.iter().rposition(|s| s.name == name);
    found.ok_or_else(|| SqlError::new("3B001", format!("savepoint \"{name}\" does not exist")))
}
