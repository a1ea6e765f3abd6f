//! The thread that computes the views of one run, each over what the ones before it gave.

use crate::catalog::TableDef;
use crate::context::Context;
use crate::read::{BoundTable, ReadView, Staged};
use crate::tick::feed::Feed;
use crate::tick::gathered::Gathered;
use crate::tick::graph::{How, View, conform, plain, reads};
use crate::tick::publish::repeated;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;
use sluice_flow::{DataError, Delta, Errors};
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, consolidate};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// All that a run needs.
pub(super) struct Work {
    pub(super) tasks: Vec<Task>,
    /// What the tables that its views read withhold.
    pub(super) withheld: BTreeMap<i64, Delta>,
    /// The pinned version; what has been computed lies over it.
    pub(super) view: ReadView,
    pub(super) context: Arc<Context>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) given_up: oneshot::Receiver<()>,
}

/// One view to be computed.
pub(super) struct Task {
    pub(super) def: Arc<TableDef>,
    pub(super) schema: SchemaRef,
    pub(super) what: What,
    /// Another view of the run reads its rows.
    pub(super) read_later: bool,
}

/// How a view is computed.
pub(super) enum What {
    /// Its query is run, and compared with what is stored.
    Query(LogicalPlan),
    /// Its operators, or its plan, are made anew.
    Build(Box<View>),
    /// It follows by its operators, but what is computed reads its rows: its query is run for these.
    Rows(LogicalPlan),
}

/// A view that was computed.
pub(crate) struct Outcome {
    /// The view with its new operators or plan.
    pub(crate) fresh: Option<Box<View>>,
    /// The new rows less the stored ones, or what the query failed on.
    pub(crate) change: Result<ZBatch>,
    pub(crate) took: Duration,
}

impl Work {
    /// An error means that nothing of the run can be used, and says nothing of the rows.
    pub(super) fn run(mut self) -> Result<BTreeMap<i64, Outcome>> {
        crate::yields::give_way();
        let mut outcomes = BTreeMap::new();
        for task in std::mem::take(&mut self.tasks) {
            let (id, is_member) = (task.def.id, !matches!(task.what, What::Rows(_)));
            let outcome = self.compute(task)?;
            if is_member {
                outcomes.insert(id, outcome);
            }
        }
        Ok(outcomes)
    }

    fn compute(&mut self, task: Task) -> Result<Outcome> {
        let started = Instant::now();
        let Task { def, schema, what, read_later } = task;
        let (fresh, rows) = match what {
            What::Query(plan) | What::Rows(plan) => (None, self.query(&def, plan, &schema)),
            What::Build(mut fresh) => {
                let rows = match &fresh.how {
                    How::Incremental { .. } => self.through_operators(&mut fresh),
                    How::Recompute | How::Rebuilt => self.query(&def, fresh.plan.clone(), &schema),
                };
                (Some(fresh), rows)
            }
        };
        let errors = fresh.as_ref().map(|f| f.errors.clone()).unwrap_or_default();
        let change = match rows {
            Ok(rows) => Ok(self.compare(&def, &schema, &rows, read_later && errors.is_empty())?),
            Err(e) if says_nothing_of_rows(&e) => return Err(e),
            Err(e) => Err(e),
        };
        match &change {
            Ok(change) if !errors.is_empty() => {
                self.withheld.insert(def.id, Delta { rows: vec![change.clone()], errors });
            }
            Ok(_) => {}
            Err(e) => {
                let error = DataError { code: e.code.clone(), message: e.message.clone(), row: String::new() };
                self.withheld.insert(def.id, Delta { rows: vec![], errors: Errors::from([(error, 1)]) });
            }
        }
        Ok(Outcome { fresh, change, took: started.elapsed() })
    }

    /// The result of a view's query.
    fn query(&mut self, def: &TableDef, plan: LogicalPlan, schema: &SchemaRef) -> Result<ZBatch> {
        let withheld = reads(def).into_iter().filter_map(|r| self.withheld.get(&r));
        if let Some((error, _)) = withheld.filter_map(|w| w.errors.first_key_value()).next() {
            return Err(SqlError::new(&error.code, error.message.clone()).detail(error.row.clone()));
        }
        let (context, version) = (Arc::clone(&self.context), self.view.clone());
        let given_up = &mut self.given_up;
        let batches = self.runtime.block_on(async {
            tokio::select! {
                result = collect(&context, plan, &version) => result,
                _ = given_up => Err(given_up_error()),
            }
        })?;
        let parts = batches.iter().map(|b| Ok(ZBatch::new(conform(b, schema)?))).collect::<Result<Vec<_>>>()?;
        Ok(ZBatch::concat(schema, &parts)?)
    }

    /// Builds a view's operators, a portion of the pinned rows at a time; its rows come out.
    fn through_operators(&mut self, fresh: &mut View) -> Result<ZBatch> {
        let How::Incremental { circuit, sources, .. } = &mut fresh.how else {
            return Err(SqlError::internal("a view without operators"));
        };
        let withheld: Vec<Delta> = sources.iter().map(|s| self.withheld.get(s).cloned().unwrap_or_default()).collect();
        let mut out = Gathered::new(&fresh.schema);
        let mut all_errors = Delta::default();
        let given_up = &mut self.given_up;
        let mut step = |inputs: &[Delta]| -> Result<()> {
            if !matches!(given_up.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
                return Err(given_up_error());
            }
            let part = circuit.step(inputs)?;
            circuit.commit()?;
            all_errors.inherit(&part.errors);
            out.add(part)
        };
        step(&withheld)?;
        let catalog = &self.view.version.catalog;
        Feed { view: &self.view, catalog, sources, used: None }.each(&mut step)?;
        fresh.errors = all_errors.errors;
        out.together()
    }

    /// What is to be done to the stored rows; `shown` ones are what the rest of the run reads.
    fn compare(&mut self, def: &Arc<TableDef>, schema: &SchemaRef, rows: &ZBatch, shown: bool) -> Result<ZBatch> {
        let bound = BoundTable {
            schema: def.arrow(),
            table: self.view.version.tables.get(&def.id).cloned(),
            staged: None,
            row_ids: false,
            lookup: None,
        };
        let stored = plain(&ZBatch::new(bound.collect()?))?.negate()?;
        let change = consolidate(&ZBatch::concat(schema, &[rows.clone(), stored])?)?;
        if shown {
            let rows = repeated(rows, def, 1)?;
            let ids = self.context.provisional_ids(rows.num_rows());
            let mut staged = Staged::new(def.arrow());
            staged.truncated = true;
            staged.add(rows, ids);
            let mut all = (*self.view.staged).clone();
            all.insert(def.id, staged);
            self.view.staged = Arc::new(all);
        }
        Ok(change)
    }
}

/// On threads that give way to ticks, if there is much to read.
async fn collect(context: &Context, plan: LogicalPlan, version: &ReadView) -> Result<Vec<RecordBatch>> {
    Ok(context.runner.stream(plan, version).await?.try_collect().await?)
}

fn given_up_error() -> SqlError {
    SqlError::new("57014", "the run was given up")
}

/// Whether an error came from the machine and not from the rows: the same rows may do the next time.
fn says_nothing_of_rows(error: &SqlError) -> bool {
    ["53", "57", "58", "XX"].iter().any(|class| error.code.starts_with(class))
}
