//! The optimizer rules that views go through, pinned here: circuits are built from what they leave, so a rule that a
//! later DataFusion adds must not reach a stored view unseen.

use crate::Result;
use crate::safe_rules::{SafeEliminateCrossJoin, SafePushDownFilter};
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion::optimizer::rewrite_set_comparison::RewriteSetComparison;
use datafusion::optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Optimizer, OptimizerContext, OptimizerRule};
use std::sync::Arc;

/// Optimizes the plan of a view. No start time is set, so `now()` stays a call.
pub fn optimize_view(plan: LogicalPlan, options: &Arc<ConfigOptions>) -> Result<LogicalPlan> {
    let context = OptimizerContext::new_with_config_options(Arc::clone(options)).without_query_execution_start_time();
    Ok(Optimizer::with_rules(rules()).optimize(plan, &context, |_, _| {})?)
}

/// The rules for queries that run at once: DataFusion's, but for those that change results.
pub fn query_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let safe = |rule: Arc<dyn OptimizerRule + Send + Sync>| -> Arc<dyn OptimizerRule + Send + Sync> {
        match rule.name() {
            "eliminate_cross_join" => Arc::new(SafeEliminateCrossJoin::default()),
            "push_down_filter" => Arc::new(SafePushDownFilter::new()),
            _ => rule,
        }
    };
    Optimizer::new().rules.into_iter().map(safe).collect()
}

fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(RewriteSetComparison::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(EliminateDuplicatedExpr::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(SafeEliminateCrossJoin::default()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(SafePushDownFilter::new()),
        Arc::new(CommonSubexprEliminate::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}
