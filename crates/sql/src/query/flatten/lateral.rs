//! LATERAL: a subquery in FROM for each row of what stands before it.

use super::references::{inlined, references};
use super::{Flattener, columns, joined, named, only, unsupported};
use datafusion::common::{Column, JoinType, Spans, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::utils::{merge_schema, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, SubqueryAlias, Unnest,
};
use std::sync::Arc;

/// Whether the right side of a join is computed for each row of the left one.
pub(super) fn is_lateral(right: &LogicalPlan) -> bool {
    parts(right).is_some()
}

/// Conditions on the rows before LATERAL alone go there: nothing is computed for rows that they leave out, which may be
/// ones that it would fail on.
pub(super) fn filtered_first(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Filter(Filter { predicate, input, .. }) = &plan else { return Ok(plan) };
    let LogicalPlan::Join(join) = input.as_ref() else { return Ok(plan) };
    let outer = join.left.schema();
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) || references(&join.right, outer)?.is_empty() {
        return Ok(plan);
    }
    let is_early = |e: &Expr| !has_subquery(e) && e.column_refs().into_iter().all(|c| outer.has_column(c));
    let (early, late): (Vec<_>, Vec<_>) = split_conjunction_owned(predicate.clone()).into_iter().partition(is_early);
    let Some(early) = early.into_iter().reduce(Expr::and) else { return Ok(plan) };
    let left = LogicalPlan::Filter(Filter::try_new(early, Arc::clone(&join.left))?);
    let join = LogicalPlan::Join(Join { left: Arc::new(left), ..join.clone() });
    Ok(match late.into_iter().reduce(Expr::and) {
        Some(late) => LogicalPlan::Filter(Filter::try_new(late, Arc::new(join))?),
        None => join,
    })
}

fn parts(right: &LogicalPlan) -> Option<(&Subquery, Option<TableReference>)> {
    match right {
        LogicalPlan::Subquery(subquery) => Some((subquery, None)),
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => match input.as_ref() {
            LogicalPlan::Subquery(subquery) => Some((subquery, Some(alias.clone()))),
            _ => None,
        },
        _ => None,
    }
}

impl Flattener {
    pub(super) fn join(&mut self, join: Join) -> Result<LogicalPlan> {
        let within = || -> Result<Option<(Subquery, Option<TableReference>)>> {
            // A join of which a part is.
            let takes = !references(&join.right, join.left.schema())?.is_empty();
            let subquery = Arc::clone(&join.right);
            Ok(takes.then(|| (Subquery { subquery, outer_ref_columns: vec![], spans: Spans::new() }, None)))
        };
        let lateral = match parts(&join.right) {
            Some((subquery, alias)) => Some((subquery.clone(), alias)),
            None => within()?,
        };
        let Some((subquery, alias)) = lateral else {
            let condition = super::merge_schema(&[&join.left, &join.right]);
            let correlated = join.filter.iter().map(|f| self.refers(f, &condition)).collect::<Result<Vec<_>>>()?;
            if correlated.contains(&true) {
                return Err(unsupported("a correlated subquery in the condition of a join"));
            }
            return Ok(LogicalPlan::Join(join));
        };
        if !matches!(join.join_type, JoinType::Inner | JoinType::Left) || !join.on.is_empty() {
            return Err(unsupported("LATERAL in this kind of join"));
        }
        let shown = join.schema.as_ref().clone();
        if join.join_type == JoinType::Inner
            && let Some(plan) = beside(&join.right, &join.left)?
        {
            return match join.filter {
                Some(filter) => Ok(LogicalPlan::Filter(Filter::try_new(filter, Arc::new(plan))?)),
                None => Ok(plan),
            };
        }
        if references(&subquery.subquery, join.left.schema())?.is_empty() {
            return Err(unsupported("LATERAL that refers to a query further out only"));
        }
        let (found, keys, values, taken) = self.computed(&join.left, &subquery)?;
        let own = subquery.subquery.schema();
        let restored = values.into_iter().zip(own.iter()).map(|(value, (qualifier, field))| {
            let qualifier = alias.clone().or_else(|| qualifier.cloned());
            Expr::Column(value).alias_qualified(qualifier, field.name())
        });
        let kept = keys.iter().cloned().map(Expr::Column);
        let found = LogicalPlanBuilder::from(found).project(restored.chain(kept))?.build()?;
        let left = Arc::unwrap_or_clone(join.left);
        let joined = joined(left, found, join.join_type, (&taken, &keys), join.filter)?;
        only(joined, &shown)
    }

    fn refers(&self, expr: &Expr, schema: &datafusion::common::DFSchema) -> Result<bool> {
        use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
        let mut found = false;
        expr.apply(|e| {
            let refers = super::subquery_of(e).map(|s| references(&s.subquery, schema)).transpose()?;
            found |= refers.is_some_and(|r| !r.is_empty());
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    }
}

/// A subquery that only computes values of one row, or takes lists apart, goes on over the left rows themselves: its plan
/// with the left columns before its own. `None` if it does more.
fn beside(plan: &LogicalPlan, left: &Arc<LogicalPlan>) -> Result<Option<LogicalPlan>> {
    let before = columns(left.schema());
    let taken = left.schema().columns();
    let here = merge_schema(&plan.inputs());
    let inline = |e: &Expr| -> Result<Expr> { Ok(named(inlined(e.clone(), &taken, &taken, &here)?, e)) };
    Ok(match plan {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row && empty.schema.fields().is_empty() => {
            Some(left.as_ref().clone())
        }
        LogicalPlan::Subquery(subquery) => beside(&subquery.subquery, left)?,
        LogicalPlan::Projection(projection) => match beside(&projection.input, left)? {
            Some(input) => {
                let exprs = projection.expr.iter().map(inline).collect::<Result<Vec<_>>>()?;
                let exprs: Vec<Expr> = before.into_iter().chain(exprs).collect();
                // Names that stand on both sides are kept apart the long way.
                Projection::try_new(exprs, Arc::new(input)).ok().map(LogicalPlan::Projection)
            }
            None => None,
        },
        LogicalPlan::Filter(filter) if !has_subquery(&filter.predicate) => match beside(&filter.input, left)? {
            Some(input) => {
                let predicate = inlined(filter.predicate.clone(), &taken, &taken, &here)?;
                Some(LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?))
            }
            None => None,
        },
        LogicalPlan::Unnest(unnest) => match beside(&unnest.input, left)? {
            Some(input) => {
                let plan = Unnest::try_new(Arc::new(input), unnest.exec_columns.clone(), unnest.options.clone())?;
                Some(LogicalPlan::Unnest(plan))
            }
            None => None,
        },
        LogicalPlan::SubqueryAlias(alias) => match beside(&alias.input, left)? {
            Some(input) => {
                let own = alias.input.schema().iter().map(|(qualifier, field)| {
                    Expr::Column(Column::from((qualifier, field)))
                        .alias_qualified(Some(alias.alias.clone()), field.name())
                });
                let exprs: Vec<Expr> = before.into_iter().chain(own).collect();
                Projection::try_new(exprs, Arc::new(input)).ok().map(LogicalPlan::Projection)
            }
            None => None,
        },
        _ => None,
    })
}

pub(super) fn has_subquery(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|e| Ok(super::subquery_of(e).is_some())).unwrap_or(true)
}
