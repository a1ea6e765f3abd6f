//! Threads for queries that read much: they give way to ticks and to small queries, which somebody waits for.

use super::BoundTable;
use crate::yields::give_way;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A query that reads fewer rows is over before it is in anybody's way.
const MANY_ROWS: u64 = 50_000;
/// Batches computed before the client took the ones before.
const AHEAD: usize = 2;

/// See the module's page.
pub(super) struct Background {
    runtime: Option<Runtime>,
}

impl Background {
    pub(super) fn new() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("query")
            .thread_stack_size(crate::STACK_BYTES)
            .on_thread_start(give_way)
            .enable_all()
            .build();
        Ok(Self { runtime: Some(runtime.map_err(DataFusionError::IoError)?) })
    }

    /// Runs a plan on these threads. Dropping the stream stops it at its next batch.
    pub(super) fn stream(&self, plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema: SchemaRef = plan.schema();
        let (sender, receiver) = mpsc::channel(AHEAD);
        let mut tasks = JoinSet::new();
        if let Some(runtime) = &self.runtime {
            tasks.spawn_on(send_all(plan, context, sender), runtime.handle());
        }
        let batches = futures::stream::unfold((receiver, tasks), |(mut receiver, mut tasks)| async move {
            if let Some(batch) = receiver.recv().await {
                return Some((batch, (receiver, tasks)));
            }
            let Some(Err(e)) = tasks.join_next().await else { return None };
            Some((Err(DataFusionError::ExecutionJoin(Box::new(e))), (receiver, tasks)))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Waiting for its threads could block the thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn send_all(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    sender: mpsc::Sender<Result<datafusion::arrow::array::RecordBatch>>,
) {
    let mut batches = match execute_stream(plan, context) {
        Ok(batches) => batches,
        // A client that went away needs no answer.
        Err(e) => return drop(sender.send(Err(e)).await),
    };
    while let Some(batch) = batches.next().await {
        if sender.send(batch).await.is_err() {
            return;
        }
    }
}

/// Whether a bound plan reads many rows of tables, or may make many of few.
pub(super) fn reads_much(plan: &LogicalPlan) -> Result<bool> {
    let mut rows = 0u64;
    plan.apply_with_subqueries(|node| {
        let read = match node {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                let bound = provider.downcast_ref::<BoundTable>();
                bound.map_or(0, |b| b.table.as_ref().map_or(0, |t| t.live_rows()))
            }
            LogicalPlan::Join(join) if join.on.is_empty() => MANY_ROWS,
            LogicalPlan::RecursiveQuery(_) => MANY_ROWS,
            _ => 0,
        };
        rows = rows.saturating_add(read);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(rows >= MANY_ROWS)
}
