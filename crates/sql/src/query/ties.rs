//! `ORDER BY ... LIMIT` and `row_number()` get a full-row tie-break, so that every way to compute them picks the same
//! rows. The batch evaluation runs the same rewritten plan.

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Sort};
use std::sync::Arc;

/// Extends the sort below every LIMIT by the columns of the sorted rows, ascending with NULLs last.
pub(crate) fn break_ties(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Limit(mut limit) => match limit.input.as_ref() {
            LogicalPlan::Sort(sort) => {
                limit.input = Arc::new(LogicalPlan::Sort(extend(sort)));
                Ok(Transformed::yes(LogicalPlan::Limit(limit)))
            }
            LogicalPlan::Projection(projection) if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) => {
                let LogicalPlan::Sort(sort) = projection.input.as_ref() else {
                    return Ok(Transformed::no(LogicalPlan::Limit(limit)));
                };
                let mut projection = projection.clone();
                projection.input = Arc::new(LogicalPlan::Sort(extend(sort)));
                limit.input = Arc::new(LogicalPlan::Projection(projection));
                Ok(Transformed::yes(LogicalPlan::Limit(limit)))
            }
            _ => Ok(Transformed::no(LogicalPlan::Limit(limit))),
        },
        other => Ok(Transformed::no(other)),
    })?;
    Ok(rewritten.data)
}

fn extend(sort: &Sort) -> Sort {
    let mut sort = sort.clone();
    for column in sort.input.schema().columns() {
        let column = Expr::Column(column);
        if !sort.expr.iter().any(|e| e.expr == column) {
            sort.expr.push(column.sort(true, false));
        }
    }
    sort
}
