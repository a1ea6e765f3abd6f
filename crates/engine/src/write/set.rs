use crate::read::Staged;
use arrow::array::RecordBatch;
use sluice_sql::{Result, SqlType};
use std::collections::BTreeMap;

/// What a statement or transaction changes, table by table.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteSet {
    pub(crate) tables: BTreeMap<i64, Staged>,
}

impl WriteSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.values().all(Staged::is_empty)
    }

    /// Puts the changes of a later statement on top.
    pub(crate) fn merge(&mut self, later: &WriteSet) -> Result<()> {
        for (id, staged) in &later.tables {
            match self.tables.get_mut(id) {
                Some(own) => own.merge(staged)?,
                None => {
                    self.tables.insert(*id, staged.clone());
                }
            }
        }
        Ok(())
    }
}

/// Columns and rows that RETURNING asked for.
pub(crate) type Returned = (Vec<(String, SqlType)>, Vec<RecordBatch>);

/// The outcome of one statement: its changes, how many rows it touched, and what RETURNING asked for.
pub(crate) struct Changed {
    pub(crate) writes: WriteSet,
    pub(crate) rows: usize,
    pub(crate) returning: Option<Returned>,
}
