use crate::catalog::TableDef;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use sluice_flow::{Circuit, DataError, Errors};
use sluice_sql::Result;
use sluice_zset::ZBatch;
use std::sync::Arc;

/// A maintained view as the engine's thread holds it.
pub(crate) struct View {
    pub(crate) def: Arc<TableDef>,
    /// Schema of its rows in deltas: nullable, without metadata.
    pub(crate) schema: SchemaRef,
    /// The analyzed plan that a batch evaluation runs.
    pub(crate) plan: LogicalPlan,
    pub(crate) how: How,
    /// The sources of its circuit, with the columns that it was built for.
    pub(crate) built_for: Vec<Arc<TableDef>>,
    /// Errors of its own and of what it reads, with their counts.
    pub(crate) errors: Errors,
    /// The one of its errors that a unique index raised.
    pub(crate) violation: Option<DataError>,
    /// Changes withheld while there are errors.
    pub(crate) pending: Vec<ZBatch>,
    /// The machinery failed: rebuilt at the next tick that touches it.
    pub(crate) broken: Option<String>,
    pub(crate) reads_clock: bool,
    /// What this tick has changed outside of the operators.
    pub(crate) undo: Undo,
}

/// How a tick that fails is taken back.
pub(crate) enum Undo {
    /// The tick left the view alone.
    Nothing,
    /// Errors and withheld changes as they were.
    Restore(Errors, Option<DataError>, Vec<ZBatch>),
    /// The view was built in this tick.
    Rebuild,
}

/// How a view follows its inputs.
pub(crate) enum How {
    /// By its circuit, fed with the changes of these tables, of which it uses these columns.
    Incremental { circuit: Circuit, sources: Vec<i64>, used: Vec<Vec<usize>> },
    /// By running its query and comparing, for this reason.
    Recompute { reason: String },
}

/// What `status` shows of a view.
#[derive(Debug, Clone, Default)]
pub struct ViewStatus {
    /// ACTIVE, ERROR or PAUSED.
    pub state: String,
    /// How it follows its inputs: incremental, or why it is recomputed.
    pub strategy: String,
    /// The time up to which it is complete, in microseconds since 1970.
    pub data_micros: i64,
    /// What holds it back, with the row.
    pub error: Option<String>,
    /// How many ticks in a row it has been held back.
    pub consecutive_errors: i64,
    /// Ticks that changed it.
    pub refreshes: i64,
    /// Rows of state in its operators.
    pub state_rows: usize,
    /// Bytes of state in its operators.
    pub state_bytes: usize,
    /// How long the last change took, in microseconds.
    pub last_micros: i64,
}

impl View {
    /// Remembers what a tick is about to change.
    pub(crate) fn remember(&mut self) {
        if matches!(self.undo, Undo::Nothing) {
            self.undo = Undo::Restore(self.errors.clone(), self.violation.clone(), self.pending.clone());
        }
    }

    pub(crate) fn commit(&mut self) -> Result<()> {
        self.undo = Undo::Nothing;
        match &mut self.how {
            How::Incremental { circuit, .. } => Ok(circuit.commit()?),
            How::Recompute { .. } => Ok(()),
        }
    }

    pub(crate) fn abort(&mut self) {
        match std::mem::replace(&mut self.undo, Undo::Nothing) {
            Undo::Nothing => {}
            Undo::Restore(errors, violation, pending) => {
                self.errors = errors;
                self.violation = violation;
                self.pending = pending;
            }
            Undo::Rebuild => self.broken = Some("the tick that built it was taken back".into()),
        }
        if let How::Incremental { circuit, .. } = &mut self.how
            && let Err(e) = circuit.abort()
        {
            self.broken = Some(format!("could not take back a tick: {e}"));
        }
    }

    pub(crate) fn strategy(&self) -> String {
        match &self.how {
            How::Incremental { .. } => "incremental".to_string(),
            How::Recompute { reason } => reason.clone(),
        }
    }
}
