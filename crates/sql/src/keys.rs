//! The key of a view: output columns that name a row, derived from the keys of its tables. A view with a key stores
//! an update as an update; one without is a multiset of whole rows.

use datafusion::common::{Column, Constraint};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan};

/// Positions of the output columns that name a row, if any do. An empty key means at most one row.
pub fn derive_key(plan: &LogicalPlan) -> Option<Vec<usize>> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let keys = scan.source.constraints()?.iter().filter_map(|c| match c {
                Constraint::PrimaryKey(columns) => Some(columns.clone()),
                Constraint::Unique(_) => None,
            });
            let key = keys.into_iter().next()?;
            match &scan.projection {
                None => Some(key),
                Some(kept) => key.iter().map(|k| kept.iter().position(|p| p == k)).collect(),
            }
        }
        LogicalPlan::Filter(filter) => derive_key(&filter.input),
        LogicalPlan::SubqueryAlias(alias) => derive_key(&alias.input),
        LogicalPlan::Sort(sort) => derive_key(&sort.input),
        LogicalPlan::Limit(limit) => derive_key(&limit.input),
        LogicalPlan::Projection(projection) => {
            let key = derive_key(&projection.input)?;
            let columns = projection.input.schema().columns();
            key.iter().map(|&k| projection.expr.iter().position(|e| column_of(e) == Some(&columns[k]))).collect()
        }
        LogicalPlan::Aggregate(aggregate) => {
            if aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
                return None;
            }
            Some((0..aggregate.group_expr.len()).collect())
        }
        LogicalPlan::Join(join) => join_key(join),
        LogicalPlan::Distinct(distinct) => Some((0..distinct.input().schema().fields().len()).collect()),
        _ => None,
    }
}

fn column_of(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column_of(&alias.expr),
        _ => None,
    }
}

fn join_key(join: &datafusion::logical_expr::Join) -> Option<Vec<usize>> {
    let left = derive_key(&join.left);
    let right = derive_key(&join.right);
    let offset = join.left.schema().fields().len();
    match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => return left,
        JoinType::RightSemi | JoinType::RightAnti => return right,
        // A padded row has a NULL key, and padded rows of both sides may look alike.
        JoinType::Full | JoinType::RightMark => return None,
        JoinType::Inner | JoinType::Left | JoinType::Right => {}
    }
    let matched_at_most_once = |key: &Option<Vec<usize>>, schema: &datafusion::common::DFSchema, side: usize| {
        let columns = schema.columns();
        key.as_ref().is_some_and(|key| {
            key.iter()
                .all(|&k| join.on.iter().any(|(l, r)| column_of(if side == 0 { l } else { r }) == Some(&columns[k])))
        })
    };
    if join.join_type != JoinType::Right && matched_at_most_once(&right, join.right.schema(), 1) {
        return left;
    }
    if join.join_type != JoinType::Left && matched_at_most_once(&left, join.left.schema(), 0) {
        return right.map(|key| key.into_iter().map(|k| k + offset).collect());
    }
    // The right key of a padded row is NULL, but its left key is there; both together name a row.
    if join.join_type == JoinType::Right {
        return None;
    }
    let right = right?.into_iter().map(|k| k + offset);
    Some(left?.into_iter().chain(right).collect())
}
