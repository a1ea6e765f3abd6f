//! DataFusion's rule that reorders inner joins takes one meaning of NULL for all of them: where `IS NOT DISTINCT FROM`
//! stands among `=`, it would let NULLs meet.

use datafusion::common::NullEquality;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Join, JoinType, LogicalPlan};
use datafusion::optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// The rule, for plans in which NULL has one meaning.
#[derive(Debug, Default)]
pub struct SafeEliminateCrossJoin {
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
