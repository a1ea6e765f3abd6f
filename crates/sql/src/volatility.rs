//! What a query reads besides its tables: the clock, or chance.

use crate::{Result, SqlError};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};

/// Functions whose value moves with time.
pub(crate) fn reads_clock_by_name(name: &str) -> bool {
    matches!(name, "now" | "current_timestamp" | "current_date" | "current_time" | "today")
}

/// Whether the query reads the clock.
pub fn reads_clock(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    visit(plan, |e| {
        if let Expr::ScalarFunction(f) = e {
            found |= reads_clock_by_name(f.name());
        }
    })?;
    Ok(found)
}

/// Refuses functions that give another value each time: a maintained row could not be taken back.
pub fn refuse_volatile(plan: &LogicalPlan) -> Result<()> {
    let mut volatile = None;
    visit(plan, |e| {
        if let Expr::ScalarFunction(f) = e
            && f.func.signature().volatility == Volatility::Volatile
        {
            volatile = Some(f.name().to_string());
        }
    })?;
    match volatile {
        None => Ok(()),
        Some(name) => {
            Err(SqlError::new("0A000", format!("{name}() cannot be maintained: it gives another value each time"))
                .hint("Store the value in a column of the table when the row is written, and read that column."))
        }
    }
}

fn visit(plan: &LogicalPlan, mut see: impl FnMut(&Expr)) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|e| {
            e.apply(|e| {
                see(e);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}
