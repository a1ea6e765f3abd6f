//! Rules of DataFusion that change the result of some plans, for the other plans.

use datafusion::common::NullEquality;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Aggregate, Expr, Filter, Join, JoinType, LogicalPlan};
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// Reorders inner joins. DataFusion's rule takes one meaning of NULL for all of them: where `IS NOT DISTINCT FROM` stands
/// among `=`, it would let NULLs meet.
#[derive(Debug, Default)]
pub(crate) struct SafeEliminateCrossJoin {
    inner: EliminateCrossJoin,
}

impl OptimizerRule for SafeEliminateCrossJoin {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let nulls_meet = plan.exists(|node| {
            Ok(matches!(
                node,
                LogicalPlan::Join(Join { join_type: JoinType::Inner, null_equality: NullEquality::NullEqualsNull, .. })
            ))
        })?;
        if nulls_meet { Ok(Transformed::no(plan)) } else { self.inner.rewrite(plan, config) }
    }
}

/// Moves conditions towards the tables. DataFusion's rule moves one without columns below an aggregate too, which has a
/// row for no input where it has no groups.
#[derive(Debug)]
pub(crate) struct SafePushDownFilter {
    inner: PushDownFilter,
}

impl SafePushDownFilter {
    pub(crate) fn new() -> Self {
        Self { inner: PushDownFilter::new() }
    }
}

impl OptimizerRule for SafePushDownFilter {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.inner.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::Filter(Filter { input, .. }) if has_row_for_nothing(input) => Ok(Transformed::no(plan)),
            _ => self.inner.rewrite(plan, config),
        }
    }
}

fn has_row_for_nothing(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(Aggregate { group_expr, .. }) => {
            group_expr.is_empty() || group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_)))
        }
        _ => false,
    }
}
