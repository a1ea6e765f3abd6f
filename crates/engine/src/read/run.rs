use super::background::{Background, reads_much};
use super::{ReadView, bind, direct};
use crate::context::Indexes;
use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableFunctionArgs;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::execution::context::SessionState;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan, TableSource};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr, collect, execute_stream};
use datafusion::prelude::SessionConfig;
use sluice_sql::{Planner, Result, SqlError};
use std::sync::Arc;

/// Runs plans by DataFusion, within a memory pool of its own.
pub(crate) struct Runner {
    state: SessionState,
    options: Arc<ConfigOptions>,
    indexes: Arc<Indexes>,
    background: Background,
}

impl Runner {
    /// `memory_bytes` is what all queries together may take; conditions on keys are looked up in `indexes`.
    pub(crate) fn new(planner: &Planner, memory_bytes: usize, indexes: Arc<Indexes>) -> Result<Self> {
        let runtime =
            RuntimeEnvBuilder::new().with_memory_pool(Arc::new(GreedyMemoryPool::new(memory_bytes))).build_arc()?;
        let config = SessionConfig::from(planner.options().as_ref().clone());
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_scalar_functions(planner.scalar_functions())
            .with_aggregate_functions(planner.aggregate_functions())
            .with_optimizer_rules(sluice_sql::query_rules())
            // Plans come analyzed, with PostgreSQL's types: a second pass would have nothing to add.
            .with_analyzer_rules(vec![])
            .build();
        Ok(Self { state, options: Arc::clone(planner.options()), indexes, background: Background::new()? })
    }

    /// Starts a planned query over the rows of `view`.
    pub(crate) async fn stream(&self, plan: LogicalPlan, view: &ReadView) -> Result<SendableRecordBatchStream> {
        let plan = bind::bind(plan, view, Some(&self.indexes))?;
        if let Some(rows) = self.directly(&plan, view)? {
            let schema = rows.schema();
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter([Ok(rows)]))));
        }
        let much = reads_much(&plan)?;
        let (plan, context) = self.physical(plan, view).await?;
        Ok(if much { self.background.stream(plan, context) } else { execute_stream(plan, context)? })
    }

    /// Runs a planned query to its end.
    pub(crate) async fn collect(&self, plan: LogicalPlan, view: &ReadView) -> Result<Vec<RecordBatch>> {
        let plan = bind::bind(plan, view, Some(&self.indexes))?;
        if let Some(rows) = self.directly(&plan, view)? {
            return Ok(vec![rows]);
        }
        let (plan, context) = self.physical(plan, view).await?;
        Ok(collect(plan, context).await?)
    }

    /// The same, reading whole tables: a proof must not lean on what is held in memory.
    pub(crate) async fn collect_by_scan(&self, plan: LogicalPlan, view: &ReadView) -> Result<Vec<RecordBatch>> {
        let (plan, context) = self.physical(bind::bind(plan, view, None)?, view).await?;
        Ok(collect(plan, context).await?)
    }

    fn directly(&self, plan: &LogicalPlan, view: &ReadView) -> Result<Option<RecordBatch>> {
        Ok(direct::run(plan, view.now_micros, &self.options)?)
    }

    async fn physical(&self, plan: LogicalPlan, view: &ReadView) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
        let mut state = self.state.clone();
        state.execution_props_mut().query_execution_start_time = DateTime::from_timestamp_micros(view.now_micros);
        let plan = yielding(state.create_physical_plan(&plan).await?)?;
        Ok((plan, state.task_ctx()))
    }
}

/// Joins make many batches of one, and would never let a request to cancel through.
fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let wrapped = plan.transform_up(|node| {
        let joins = node.is::<CrossJoinExec>() || node.is::<NestedLoopJoinExec>() || node.is::<HashJoinExec>();
        Ok(if joins { Transformed::yes(Arc::new(CooperativeExec::new(node)) as _) } else { Transformed::no(node) })
    })?;
    Ok(wrapped.data)
}

impl Runner {
    /// The numbers from the first to the second, by the third.
    pub(super) fn number_series(&self, numbers: &[i64]) -> Result<Arc<dyn TableSource>> {
        let args: Vec<Expr> = numbers.iter().map(|n| Expr::Literal(ScalarValue::Int64(Some(*n)), None)).collect();
        let functions = self.state.table_functions();
        let function = functions.get("generate_series").ok_or_else(|| SqlError::internal("no generate_series"))?;
        let provider = function.create_table_provider_with_args(TableFunctionArgs::new(&args, &self.state))?;
        Ok(provider_as_source(provider))
    }

    /// An analyzed expression to evaluate; without a time it may not read the clock.
    pub(super) fn expression(
        &self,
        expr: Expr,
        schema: &DFSchema,
        now: Option<DateTime<Utc>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema.clone()))
            .with_config_options(Arc::clone(&self.options))
            .with_query_execution_start_time(now)
            .build();
        let expr = ExprSimplifier::new(context).simplify(expr)?;
        Ok(self.state.create_physical_expr(expr, schema)?)
    }

    /// The plan as text, with what running it took if `analyze`.
    pub(crate) async fn explain(&self, plan: LogicalPlan, view: &ReadView, analyze: bool) -> Result<String> {
        use datafusion::physical_plan::display::DisplayableExecutionPlan;
        let (plan, context) = self.physical(bind::bind(plan, view, Some(&self.indexes))?, view).await?;
        if !analyze {
            return Ok(DisplayableExecutionPlan::new(plan.as_ref()).indent(false).to_string());
        }
        let started = std::time::Instant::now();
        let rows: usize = collect(Arc::clone(&plan), context).await?.iter().map(RecordBatch::num_rows).sum();
        let text = DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string();
        Ok(format!("{text}{rows} rows in {:.3} ms", started.elapsed().as_secs_f64() * 1e3))
    }
}
