use super::{ReadView, bind};
use arrow::array::RecordBatch;
use chrono::DateTime;
use datafusion::execution::context::SessionState;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{collect, execute_stream};
use datafusion::prelude::SessionConfig;
use sluice_sql::{Planner, Result};
use std::sync::Arc;

/// Runs plans by DataFusion, within a memory pool of its own.
pub(crate) struct Runner {
    state: SessionState,
}

impl Runner {
    /// `memory_bytes` is what all queries together may take.
    pub(crate) fn new(planner: &Planner, memory_bytes: usize) -> Result<Self> {
        let runtime =
            RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(memory_bytes))).build_arc()?;
        let config = SessionConfig::from(planner.options().as_ref().clone());
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_scalar_functions(planner.scalar_functions())
            .with_aggregate_functions(planner.aggregate_functions())
            // Plans come analyzed, with PostgreSQL's types: a second pass would have nothing to add.
            .with_analyzer_rules(vec![])
            .build();
        Ok(Self { state })
    }

    /// Starts a planned query over the rows of `view`.
    pub(crate) async fn stream(&self, plan: LogicalPlan, view: &ReadView) -> Result<SendableRecordBatchStream> {
        let (plan, context) = self.physical(plan, view).await?;
        Ok(execute_stream(plan, context)?)
    }

    /// Runs a planned query to its end.
    pub(crate) async fn collect(&self, plan: LogicalPlan, view: &ReadView) -> Result<Vec<RecordBatch>> {
        let (plan, context) = self.physical(plan, view).await?;
        Ok(collect(plan, context).await?)
    }

    async fn physical(
        &self,
        plan: LogicalPlan,
        view: &ReadView,
    ) -> Result<(Arc<dyn datafusion::physical_plan::ExecutionPlan>, Arc<TaskContext>)> {
        let plan = bind::bind(plan, view)?;
        let mut state = self.state.clone();
        state.execution_props_mut().query_execution_start_time = DateTime::from_timestamp_micros(view.now_micros);
        let plan = state.create_physical_plan(&plan).await?;
        Ok((plan, state.task_ctx()))
    }
}

impl Runner {
    /// The plan as text, with what running it took if `analyze`.
    pub(crate) async fn explain(&self, plan: LogicalPlan, view: &ReadView, analyze: bool) -> Result<String> {
        use datafusion::physical_plan::display::DisplayableExecutionPlan;
        let (plan, context) = self.physical(plan, view).await?;
        if !analyze {
            return Ok(DisplayableExecutionPlan::new(plan.as_ref()).indent(false).to_string());
        }
        let started = std::time::Instant::now();
        let rows: usize = collect(Arc::clone(&plan), context).await?.iter().map(RecordBatch::num_rows).sum();
        let text = DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string();
        Ok(format!("{text}{rows} rows in {:.3} ms", started.elapsed().as_secs_f64() * 1e3))
    }
}
