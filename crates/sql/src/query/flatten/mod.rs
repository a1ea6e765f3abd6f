//! Subqueries that refer to the query around them, and that the planner cannot turn into joins: those with other
//! comparisons than `=`, with LIMIT, over several levels, or LATERAL.
//!
//! The distinct values that a subquery takes from outside become a table of their own. The subquery is computed for all
//! rows of that table at once (`push.rs`), every operator keeping their columns: an aggregate groups by them, a LIMIT
//! counts within each. Then the result is joined back by them, NULLs meeting NULLs (this file). After Neumann and Kemper,
//! "Unnesting Arbitrary Queries", 2015.

mod lateral;
mod push;
mod references;

use crate::error::external;
use crate::functions::single_value::SingleValue;
use crate::{Result, SqlError, SqlType};
use arrow::datatypes::FieldRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, NullEquality, ScalarValue, TableReference};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::utils::{merge_schema, split_conjunction_owned};
use datafusion::logical_expr::{
    AggregateUDF, Expr, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Subquery,
    binary_expr, lit, when,
};
use datafusion::optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion::optimizer::{Optimizer, OptimizerContext};
use references::{is_correlated, references};
use std::sync::Arc;

/// Whether a part of the query refers to the query around it.
pub(crate) fn has_correlated(plan: &LogicalPlan) -> Result<bool> {
    Ok(is_correlated(plan)?)
}

/// Whether the planner's own rules make the right joins of all such parts of an analyzed plan.
pub(crate) fn is_plain(plan: LogicalPlan, options: &Arc<ConfigOptions>) -> bool {
    if !has_plain_parts(&plan).unwrap_or_default() {
        return false;
    }
    let context = OptimizerContext::new_with_config_options(Arc::clone(options)).without_query_execution_start_time();
    let rules = Optimizer::with_rules(vec![
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
    ]);
    rules.optimize(plan, &context, |_, _| {}).is_ok_and(|plan| is_correlated(&plan).is_ok_and(|found| !found))
}

/// The planner's rules take conditions out of a DISTINCT or a window too, and any NULL for one that NOT IN has met.
fn has_plain_parts(plan: &LogicalPlan) -> DfResult<bool> {
    let mut plain = true;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Subquery(s) = node {
            plain &= s.outer_ref_columns.is_empty() || is_simple(&s.subquery)?;
        }
        node.apply_expressions(|e| {
            e.apply(|e| {
                if let Some(s) = subquery_of(e).filter(|s| !s.outer_ref_columns.is_empty()) {
                    let not_in = matches!(e, Expr::InSubquery(InSubquery { negated: true, .. }));
                    plain &= !not_in && is_simple(&s.subquery)?;
                }
                // Over several levels.
                if let Some(s) = subquery_of(e) {
                    let taken = references::all(&s.subquery)?;
                    plain &= taken.iter().all(|column| merge_schema(&node.inputs()).has_column(column));
                }
                plain &= !matches!(e, Expr::Not(inner) if matches!(inner.as_ref(), Expr::InSubquery(_)));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(plain)
}

fn is_simple(plan: &LogicalPlan) -> DfResult<bool> {
    let odd = plan.exists(|node| {
        use LogicalPlan as P;
        Ok(match node {
            P::Join(join) => join.join_type != JoinType::Inner,
            P::Distinct(_) | P::Window(_) | P::Limit(_) | P::Union(_) | P::Unnest(_) | P::RecursiveQuery(_) => true,
            _ => false,
        })
    })?;
    Ok(!odd)
}

/// Makes joins of all of them.
pub(crate) fn flatten(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(Flattener { names: 0 }.flat(plan)?)
}

fn unsupported(what: &str) -> DataFusionError {
    let hint = "Join the query that it refers to, or number the rows with row_number() OVER (PARTITION BY ...).";
    external(SqlError::unsupported(what, hint))
}

/// What a subquery takes from outside.
struct Domain<'a> {
    outer: &'a LogicalPlan,
    taken: Vec<(FieldRef, Column)>,
}

impl Domain<'_> {
    fn columns(&self) -> Vec<Column> {
        self.taken.iter().map(|(_, column)| column.clone()).collect()
    }
}

struct Flattener {
    names: usize,
}

fn columns(schema: &DFSchema) -> Vec<Expr> {
    schema.columns().into_iter().map(Expr::Column).collect()
}

/// Only the columns that there were.
fn only(plan: LogicalPlan, schema: &DFSchema) -> DfResult<LogicalPlan> {
    Ok(LogicalPlan::Projection(Projection::try_new(columns(schema), Arc::new(plan))?))
}

/// Under the name that it had.
fn named(new: Expr, old: &Expr) -> Expr {
    let (qualifier, name) = old.qualified_name();
    if new.qualified_name() == (qualifier.clone(), name.clone()) { new } else { new.alias_qualified(qualifier, name) }
}

impl Flattener {
    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("__{what}_{}", self.names)
    }

    /// This node first, for what it pulls out of its subqueries may refer to one another.
    fn flat(&mut self, plan: LogicalPlan) -> DfResult<LogicalPlan> {
        let plan = self.node(lateral::filtered_first(plan)?)?;
        let plan = plan.map_children(|child| Ok(Transformed::yes(self.flat(child)?)))?.data;
        let plan = plan.map_subqueries(|part| match part {
            LogicalPlan::Subquery(s) => {
                let subquery = Arc::new(self.flat(Arc::unwrap_or_clone(s.subquery))?);
                Ok(Transformed::yes(LogicalPlan::Subquery(Subquery { subquery, ..s })))
            }
            other => Ok(Transformed::yes(self.flat(other)?)),
        })?;
        match plan.data {
            values @ LogicalPlan::Values(_) => Ok(values),
            plan => plan.recompute_schema(),
        }
    }

    fn node(&mut self, plan: LogicalPlan) -> DfResult<LogicalPlan> {
        if let LogicalPlan::Join(join) = plan {
            return self.join(join);
        }
        let inputs = plan.inputs();
        let [input] = inputs.as_slice() else { return Ok(plan) };
        let schema = merge_schema(&inputs);
        let mut found = false;
        plan.apply_expressions(|e| {
            e.apply(|e| {
                found |= subquery_of(e)
                    .map(|s| references(&s.subquery, &schema))
                    .transpose()?
                    .is_some_and(|r| !r.is_empty());
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        if !found {
            return Ok(plan);
        }
        let mut input = (*input).clone();
        match plan {
            LogicalPlan::Filter(filter) => self.filter(filter.predicate, input),
            LogicalPlan::Projection(projection) => {
                let exprs = projection.expr.into_iter().map(|e| {
                    let new = self.pulled(e.clone(), &mut input)?;
                    Ok(named(new, &e))
                });
                let exprs = exprs.collect::<DfResult<Vec<_>>>()?;
                Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?))
            }
            LogicalPlan::Aggregate(_) | LogicalPlan::Sort(_) | LogicalPlan::Window(_) => {
                let shown = plan.schema().as_ref().clone();
                let mut exprs = vec![];
                for e in plan.expressions() {
                    let new = self.pulled(e.clone(), &mut input)?;
                    exprs.push(if matches!(plan, LogicalPlan::Sort(_)) { new } else { named(new, &e) });
                }
                only(plan.with_new_exprs(exprs, vec![input])?, &shown)
            }
            _ => Err(unsupported("a subquery that is correlated in this place")),
        }
    }

    /// Conditions that a subquery alone decides become semi joins and anti joins.
    fn filter(&mut self, predicate: Expr, mut input: LogicalPlan) -> DfResult<LogicalPlan> {
        let shown = input.schema().as_ref().clone();
        let mut rest = vec![];
        let (plain, others): (Vec<_>, Vec<_>) =
            split_conjunction_owned(predicate).into_iter().partition(|condition| !lateral::has_subquery(condition));
        // First of all, so that subqueries are computed for the rows that are left only.
        if let Some(predicate) = plain.into_iter().reduce(Expr::and) {
            input = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?);
        }
        for condition in others {
            let condition = match condition {
                Expr::Not(inner) => match *inner {
                    Expr::Exists(e) => Expr::Exists(Exists { negated: !e.negated, ..e }),
                    Expr::InSubquery(e) => Expr::InSubquery(InSubquery { negated: !e.negated, ..e }),
                    other => Expr::Not(Box::new(other)),
                },
                other => other,
            };
            match condition {
                Expr::Exists(Exists { subquery, negated }) if !references(&subquery.subquery, &shown)?.is_empty() => {
                    input = self.semi(input, &subquery, None, negated)?;
                }
                Expr::InSubquery(InSubquery { expr, subquery, negated })
                    if !references(&subquery.subquery, &shown)?.is_empty() =>
                {
                    let value = self.pulled(*expr, &mut input)?;
                    input = self.semi(input, &subquery, Some((value, Operator::Eq)), negated)?;
                }
                Expr::SetComparison(SetComparison { expr, subquery, op, quantifier })
                    if !references(&subquery.subquery, &shown)?.is_empty() =>
                {
                    let value = self.pulled(*expr, &mut input)?;
                    let (op, all) = match quantifier {
                        SetQuantifier::Any => (op, false),
                        // It holds for all unless one is found for which the opposite may hold.
                        SetQuantifier::All => (op.negate().ok_or_else(|| unsupported("ALL with this operator"))?, true),
                    };
                    input = self.semi(input, &subquery, Some((value, op)), all)?;
                }
                other => rest.push(self.pulled(other, &mut input)?),
            }
        }
        let Some(predicate) = rest.into_iter().reduce(Expr::and) else { return only(input, &shown) };
        only(LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?), &shown)
    }

    fn semi(
        &mut self,
        input: LogicalPlan,
        subquery: &Subquery,
        value: Option<(Expr, Operator)>,
        negated: bool,
    ) -> DfResult<LogicalPlan> {
        let (found, keys, shown, taken) = self.computed(&input, subquery)?;
        // A row is not in the others unless it differs from all of them for certain.
        let condition = value.map(|(value, op)| {
            let met = binary_expr(value, op, Expr::Column(shown[0].clone()));
            if negated { met.is_not_false() } else { met }
        });
        let kind = if negated { JoinType::LeftAnti } else { JoinType::LeftSemi };
        joined(input, found, kind, (&taken, &keys), condition)
    }

    /// The subquery for all outer rows, with the columns to join by, its own, and those of the outer query.
    #[allow(clippy::type_complexity, reason = "four lists that belong together once")]
    fn computed(
        &mut self,
        outer: &LogicalPlan,
        subquery: &Subquery,
    ) -> DfResult<(LogicalPlan, Vec<Column>, Vec<Column>, Vec<Column>)> {
        let domain = Domain { outer, taken: references(&subquery.subquery, outer.schema())? };
        let own = subquery.subquery.schema().columns();
        let (plan, kept) = self.push(subquery.subquery.as_ref().clone(), &domain)?;
        let name = self.name("part");
        let named =
            |at: usize, what: &str, column: &Column| Expr::Column(column.clone()).alias(format!("{name}_{what}_{at}"));
        let shown = own.iter().enumerate().map(|(at, c)| named(at, "value", c));
        let keys = kept.iter().enumerate().map(|(at, c)| named(at, "key", c));
        let plan = LogicalPlanBuilder::from(plan).project(shown.chain(keys))?.alias(name.as_str())?.build()?;
        let mut all = plan.schema().columns();
        let keys = all.split_off(own.len());
        Ok((plan, keys, all, domain.columns()))
    }

    /// An expression without its correlated subqueries, whose values are joined to the input.
    fn pulled(&mut self, expr: Expr, input: &mut LogicalPlan) -> DfResult<Expr> {
        let new = expr.transform_down(|e| {
            let Some(subquery) = subquery_of(&e) else { return Ok(Transformed::no(e)) };
            if references(&subquery.subquery, input.schema())?.is_empty() {
                return Ok(Transformed::no(e));
            }
            let (value, joined) = match &e {
                Expr::ScalarSubquery(subquery) => self.scalar(input.clone(), subquery)?,
                Expr::Exists(Exists { subquery, negated }) => self.existence(input.clone(), subquery, *negated)?,
                _ => return Err(unsupported("a correlated IN or ANY in this place")),
            };
            *input = joined;
            Ok(Transformed::yes(value))
        })?;
        Ok(new.data)
    }

    fn scalar(&mut self, input: LogicalPlan, subquery: &Subquery) -> DfResult<(Expr, LogicalPlan)> {
        let (mut found, mut keys, mut shown, taken) = self.computed(&input, subquery)?;
        if !at_most_one(&subquery.subquery)? {
            let name = self.name("single");
            let single = Arc::new(AggregateUDF::new_from_impl(SingleValue::new()));
            let value = single.call(vec![Expr::Column(shown[0].clone())]).alias(format!("{name}_value"));
            let groups: Vec<Expr> = keys.iter().cloned().map(Expr::Column).collect();
            found = LogicalPlanBuilder::from(found).aggregate(groups, vec![value])?.build()?;
            keys = found.schema().columns();
            shown = keys.split_off(keys.len() - 1);
        }
        let joined = joined(input, found, JoinType::Left, (&taken, &keys), None)?;
        Ok((Expr::Column(shown[0].clone()), joined))
    }

    fn existence(&mut self, input: LogicalPlan, subquery: &Subquery, negated: bool) -> DfResult<(Expr, LogicalPlan)> {
        let (found, keys, _, taken) = self.computed(&input, subquery)?;
        let name = self.name("there");
        let named = keys.iter().enumerate().map(|(at, c)| Expr::Column(c.clone()).alias(format!("{name}_{at}")));
        let there = std::iter::once(lit(true).alias(format!("{name}_is")));
        let found = LogicalPlanBuilder::from(found).project(named.chain(there))?.distinct()?.alias(name.as_str())?;
        let found = found.build()?;
        let mut keys = found.schema().columns();
        let there = Expr::Column(keys.remove(keys.len() - 1));
        let joined = joined(input, found, JoinType::Left, (&taken, &keys), None)?;
        Ok((if negated { there.is_null() } else { there.is_not_null() }, joined))
    }
}

/// A join of rows whose columns are the same, NULLs too. That is said with keys that are never NULL: an optimizer that
/// later moves a comparison into a join in which NULLs meet would let them meet there as well.
fn joined(
    left: LogicalPlan,
    right: LogicalPlan,
    kind: JoinType,
    columns: (&[Column], &[Column]),
    condition: Option<Expr>,
) -> DfResult<LogicalPlan> {
    let mut on = vec![];
    for (l, r) in columns.0.iter().zip(columns.1) {
        on.extend(met(l, r, left.schema())?);
    }
    let (left, right) = (Arc::new(left), Arc::new(right));
    let constraint = datafusion::common::JoinConstraint::On;
    let nulls = NullEquality::NullEqualsNothing;
    Ok(LogicalPlan::Join(Join::try_new(left, right, on, condition, kind, constraint, nulls, false)?))
}

/// What is equal where both columns are the same.
fn met(left: &Column, right: &Column, schema: &DFSchema) -> DfResult<[(Expr, Expr); 2]> {
    let ty = schema.field_from_column(left)?.data_type().clone();
    let filled = |column: &Column| -> DfResult<Expr> {
        let column = Expr::Column(column.clone());
        if SqlType::of_arrow(&ty) == SqlType::Text {
            // No literal stands beside it, which would have to be json where the column is.
            return Ok(datafusion::functions::string::concat().call(vec![column]));
        }
        let default = Expr::Literal(ScalarValue::new_default(&ty)?, None);
        when(column.clone().is_null(), default).otherwise(column)
    };
    let is_null = |column: &Column| Expr::Column(column.clone()).is_null();
    Ok([(is_null(left), is_null(right)), (filled(left)?, filled(right)?)])
}

fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(s) => Some(s),
        Expr::Exists(e) => Some(&e.subquery),
        Expr::InSubquery(e) => Some(&e.subquery),
        Expr::SetComparison(e) => Some(&e.subquery),
        _ => None,
    }
}

/// Whether the plan shows that there is no second row.
fn at_most_one(plan: &LogicalPlan) -> DfResult<bool> {
    use datafusion::logical_expr::FetchType;
    Ok(match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Limit(limit) => {
            matches!(limit.get_fetch_type()?, FetchType::Literal(Some(0 | 1))) || at_most_one(&limit.input)?
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Subquery(_) => {
            plan.inputs().into_iter().map(at_most_one).collect::<DfResult<Vec<_>>>()?.iter().all(|one| *one)
        }
        _ => false,
    })
}

/// A column that nobody else names.
fn alone(name: &str, at: usize) -> Column {
    Column::new(Some(TableReference::bare(name)), format!("{name}_{at}"))
}

fn null_of(field: &arrow::datatypes::Field) -> DfResult<Expr> {
    Ok(Expr::Literal(ScalarValue::try_new_null(field.data_type())?, None))
}
