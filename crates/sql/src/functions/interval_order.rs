//! Intervals that are sorted, grouped, joined and counted go by their key, as those that are compared do. Of a group of
//! equal intervals the first, field by field, is shown.

use super::interval_extreme::IntervalExtreme;
use super::interval_key::{has_key, keyed};
use super::rewrite::{InValues, rewrite};
use crate::SqlError;
use crate::error::external;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, InSubquery, Sort as SortKey};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Distinct, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection, Sort,
    WindowFunctionDefinition,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// Runs before types are coerced, for frames of windows take the type of the key.
#[derive(Debug)]
pub(crate) struct IntervalOrder;

impl AnalyzerRule for IntervalOrder {
    fn name(&self) -> &str {
        "interval_order"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = rewrite(plan, InValues::Keep, ordered)?;
        let by_key = plan.transform_up_with_subqueries(node)?;
        if !by_key.transformed {
            return Ok(by_key.data);
        }
        Ok(by_key.data.transform_up_with_subqueries(|node| Ok(Transformed::yes(node.recompute_schema()?)))?.data)
    }
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|t| has_key(&t))
}

fn by_key(expr: Expr, schema: &DFSchema) -> Expr {
    if is_interval(&expr, schema) { keyed(expr) } else { expr }
}

fn sort_keys(keys: Vec<SortKey>, schema: &DFSchema) -> Vec<SortKey> {
    keys.into_iter().map(|key| SortKey { expr: by_key(key.expr, schema), ..key }).collect()
}

/// Orders inside of expressions.
fn ordered(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
            let of_interval = params.args.first().is_some_and(|a| is_interval(a, schema));
            params.order_by = sort_keys(params.order_by, schema);
            if of_interval && params.distinct {
                params.args = distinct_argument(func.name(), params.args, schema)?;
            }
            let func = extreme(&func, of_interval).unwrap_or(func);
            Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params }))
        }
        Expr::WindowFunction(mut window) => {
            let params = &mut window.params;
            let of_interval = params.args.first().is_some_and(|a| is_interval(a, schema));
            params.order_by = sort_keys(std::mem::take(&mut params.order_by), schema);
            params.partition_by = params.partition_by.drain(..).map(|e| by_key(e, schema)).collect();
            if let WindowFunctionDefinition::AggregateUDF(func) = &window.fun
                && let Some(func) = extreme(func, of_interval)
            {
                window.fun = WindowFunctionDefinition::AggregateUDF(func);
            }
            Transformed::yes(Expr::WindowFunction(window))
        }
        Expr::InSubquery(InSubquery { expr, mut subquery, negated }) if is_interval(&expr, schema) => {
            let plan = subquery.subquery.as_ref().clone();
            let key = keyed(Expr::Column(Column::from(plan.schema().qualified_field(0)))).alias("key");
            subquery.subquery = Arc::new(LogicalPlanBuilder::from(plan).project(vec![key])?.build()?);
            Transformed::yes(Expr::InSubquery(InSubquery { expr: Box::new(keyed(*expr)), subquery, negated }))
        }
        other => Transformed::no(other),
    })
}

/// `min` and `max` that go by the key.
fn extreme(func: &AggregateUDF, of_interval: bool) -> Option<Arc<AggregateUDF>> {
    let max = match func.name() {
        "min" => false,
        "max" => true,
        _ => return None,
    };
    of_interval.then(|| Arc::new(AggregateUDF::new_from_impl(IntervalExtreme::new(max))))
}

/// Counting needs no more than the keys; what keeps the values could keep any of those that are equal.
fn distinct_argument(function: &str, args: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    match function {
        "count" => Ok(args.into_iter().map(|a| by_key(a, schema)).collect()),
        "min" | "max" => Ok(args),
        _ => Err(external(SqlError::unsupported(
            format!("{function}(DISTINCT interval)"),
            "Take the distinct ones in a subquery: SELECT DISTINCT interval.",
        ))),
    }
}

/// Orders, groups and keys of joins.
fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    Ok(match plan {
        LogicalPlan::Sort(sort) if sort.expr.iter().any(|key| is_interval(&key.expr, &schema)) => {
            let mut expr = sort_keys(sort.expr.clone(), &schema);
            // Which of equal ones comes first does not depend on how the rows came in.
            expr.extend(sort.expr.into_iter().filter(|key| is_interval(&key.expr, &schema)));
            Transformed::yes(LogicalPlan::Sort(Sort { expr, ..sort }))
        }
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.iter().any(|e| groups_intervals(e, &schema)) => {
            Transformed::yes(grouped(aggregate, &schema)?)
        }
        LogicalPlan::Distinct(Distinct::All(input)) if has_intervals(input.schema()) => {
            let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
            let aggregate = Aggregate::try_new(input, columns, vec![])?;
            let schema = Arc::clone(aggregate.input.schema());
            Transformed::yes(grouped(aggregate, &schema)?)
        }
        LogicalPlan::Join(mut join) if join.on.iter().any(|(l, _)| is_interval(l, &schema)) => {
            join.on = join.on.into_iter().map(|(l, r)| (by_key(l, &schema), by_key(r, &schema))).collect();
            Transformed::yes(LogicalPlan::Join(join))
        }
        LogicalPlan::RecursiveQuery(query) if query.is_distinct && has_intervals(query.static_term.schema()) => {
            return Err(external(SqlError::unsupported(
                "UNION of intervals in WITH RECURSIVE",
                "Write UNION ALL, or cast the intervals to text.",
            )));
        }
        other => Transformed::no(other),
    })
}

fn has_intervals(schema: &DFSchema) -> bool {
    schema.fields().iter().any(|f| has_key(f.data_type()))
}

fn groups_intervals(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::GroupingSet(sets) => sets.distinct_expr().into_iter().any(|e| is_interval(e, schema)),
        other => is_interval(other, schema),
    }
}

/// Groups by keys, and shows the least of each group's intervals.
fn grouped(aggregate: Aggregate, schema: &DFSchema) -> Result<LogicalPlan> {
    if aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
        let hint = "Write a SELECT ... GROUP BY for each set and join them with UNION ALL.";
        return Err(external(SqlError::unsupported("an interval in GROUPING SETS", hint)));
    }
    let Aggregate { input, group_expr, mut aggr_expr, schema: output, .. } = aggregate;
    let least = Arc::new(AggregateUDF::new_from_impl(IntervalExtreme::new(false)));
    let (groups, given) = (group_expr.len(), aggr_expr.len());
    let mut shown = vec![None; groups];
    let mut keys = vec![];
    for (at, expr) in group_expr.into_iter().enumerate() {
        if is_interval(&expr, schema) {
            shown[at] = Some(groups + aggr_expr.len());
            let name = format!("__least_{at}");
            aggr_expr.push(least.call(vec![expr.clone()]).alias(name));
        }
        keys.push(by_key(expr, schema));
    }
    let plan = Aggregate::try_new(input, keys, aggr_expr)?;
    let columns = (0..groups + given).map(|at| {
        let from = shown.get(at).copied().flatten().unwrap_or(at);
        let (qualifier, field) = output.qualified_field(at);
        let column = Expr::Column(Column::from(plan.schema.qualified_field(from)));
        if from == at { column } else { column.alias_qualified(qualifier.cloned(), field.name()) }
    });
    let columns = columns.collect();
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(LogicalPlan::Aggregate(plan)))?))
}
