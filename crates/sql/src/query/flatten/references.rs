//! What a subquery refers to outside of itself, and other names for it.

use super::subquery_of;
use arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Subquery};
use std::sync::Arc;

/// The columns of `outer` that a subquery takes, those that subqueries inside it take included.
pub(super) fn references(plan: &LogicalPlan, outer: &DFSchema) -> Result<Vec<(FieldRef, Column)>> {
    let mut found = vec![];
    collect(plan, &mut vec![], &mut |field, column| {
        if outer.has_column(column) && !found.iter().any(|(_, c)| c == column) {
            found.push((Arc::clone(field), column.clone()));
        }
    })?;
    Ok(found)
}

/// All columns that a subquery takes from outside.
pub(super) fn all(plan: &LogicalPlan) -> Result<Vec<Column>> {
    let mut found = vec![];
    collect(plan, &mut vec![], &mut |_, column| found.push(column.clone()))?;
    Ok(found)
}

/// Whether any part of a plan refers to what is outside of that part.
pub(super) fn is_correlated(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|e| {
            e.apply(|e| {
                found |= matches!(e, Expr::OuterReferenceColumn(..));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// Visits all references that leave the plan. `scopes` are the rows that queries between it and its parts offer.
fn collect(plan: &LogicalPlan, scopes: &mut Vec<DFSchema>, see: &mut impl FnMut(&FieldRef, &Column)) -> Result<()> {
    let here = merge_schema(&plan.inputs());
    plan.apply_expressions(|e| {
        e.apply(|e| {
            if let Expr::OuterReferenceColumn(field, column) = e
                && !scopes.iter().any(|scope| scope.has_column(column))
            {
                see(field, column);
            }
            if let Some(subquery) = subquery_of(e) {
                scopes.push(here.clone());
                collect(&subquery.subquery, scopes, see)?;
                scopes.pop();
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    if let LogicalPlan::Join(Join { left, right, .. }) = plan {
        collect(left, scopes, see)?;
        scopes.push(left.schema().as_ref().clone());
        collect(right, scopes, see)?;
        scopes.pop();
        return Ok(());
    }
    plan.inputs().into_iter().try_for_each(|input| collect(input, scopes, see))
}

/// An expression of a subquery's own, in which what it takes from outside stands in columns beside it.
pub(super) fn inlined(expr: Expr, taken: &[Column], columns: &[Column], here: &DFSchema) -> Result<Expr> {
    let changed = expr.transform_down(|e| {
        if let Expr::OuterReferenceColumn(_, column) = &e
            && let Some(at) = taken.iter().position(|c| c == column)
        {
            return Ok(Transformed::yes(Expr::Column(columns[at].clone())));
        }
        let mut scopes = vec![here.clone()];
        with_subquery(e, |plan| renamed(plan, taken, columns, &mut scopes))
    })?;
    Ok(changed.data)
}

/// A plan inside of a subquery, whose references to the outside get other names.
pub(super) fn renamed(
    plan: LogicalPlan,
    taken: &[Column],
    columns: &[Column],
    scopes: &mut Vec<DFSchema>,
) -> Result<LogicalPlan> {
    let here = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let changed = expr.transform_down(|e| {
            if let Expr::OuterReferenceColumn(field, column) = &e
                && !scopes.iter().any(|scope| scope.has_column(column))
                && let Some(at) = taken.iter().position(|c| c == column)
            {
                return Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(field), columns[at].clone())));
            }
            with_subquery(e, |plan| {
                scopes.push(here.clone());
                let plan = renamed(plan, taken, columns, scopes);
                scopes.pop();
                plan
            })
        })?;
        Ok(changed.update_data(|e| name.restore(e)))
    })?;
    let left = match &plan.data {
        LogicalPlan::Join(join) => Some(join.left.schema().as_ref().clone()),
        _ => None,
    };
    let mut child = 0;
    let plan = plan.data.map_children(|input| {
        let beside = left.clone().filter(|_| child == 1);
        child += 1;
        let pushed = beside.is_some();
        scopes.extend(beside);
        let input = renamed(input, taken, columns, scopes);
        if pushed {
            scopes.pop();
        }
        Ok(Transformed::yes(input?))
    })?;
    match plan.data {
        LogicalPlan::Subquery(subquery) => Ok(LogicalPlan::Subquery(refreshed(subquery)?)),
        other => Ok(other),
    }
}

fn with_subquery(expr: Expr, change: impl FnOnce(LogicalPlan) -> Result<LogicalPlan>) -> Result<Transformed<Expr>> {
    let changed = |subquery: Subquery| -> Result<Subquery> {
        let plan = change(Arc::unwrap_or_clone(subquery.subquery))?;
        refreshed(Subquery { subquery: Arc::new(plan), ..subquery })
    };
    Ok(match expr {
        Expr::ScalarSubquery(s) => Transformed::yes(Expr::ScalarSubquery(changed(s)?)),
        Expr::Exists(mut e) => {
            e.subquery = changed(e.subquery)?;
            Transformed::yes(Expr::Exists(e))
        }
        Expr::InSubquery(mut e) => {
            e.subquery = changed(e.subquery)?;
            Transformed::yes(Expr::InSubquery(e))
        }
        Expr::SetComparison(mut e) => {
            e.subquery = changed(e.subquery)?;
            Transformed::yes(Expr::SetComparison(e))
        }
        other => Transformed::no(other),
    })
}

fn refreshed(subquery: Subquery) -> Result<Subquery> {
    let mut outer_ref_columns = vec![];
    collect(&subquery.subquery, &mut vec![], &mut |field, column| {
        let reference = Expr::OuterReferenceColumn(Arc::clone(field), column.clone());
        if !outer_ref_columns.contains(&reference) {
            outer_ref_columns.push(reference);
        }
    })?;
    Ok(Subquery { outer_ref_columns, ..subquery })
}
