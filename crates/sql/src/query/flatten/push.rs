//! A subquery for all rows of its domain at once: each operator keeps the domain's columns.

use super::references::{inlined, references, renamed};
use super::{Domain, Flattener, alone, columns, joined, met, named, null_of, unsupported};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprFunctionExt, FetchType, Filter, Join, Limit, LogicalPlan, LogicalPlanBuilder,
    Operator, Projection, SkipType, Sort, SubqueryAlias, Union, Unnest, Window, WindowFunctionDefinition, binary_expr,
    lit, when,
};
use std::sync::Arc;

type Pushed = (LogicalPlan, Vec<Column>);

fn kept(names: &[Column]) -> Vec<Expr> {
    names.iter().cloned().map(Expr::Column).collect()
}

impl Flattener {
    /// The domain under a name of its own.
    fn domain(&mut self, domain: &Domain<'_>) -> Result<Pushed> {
        let name = self.name("outer");
        let named = domain.columns().into_iter().enumerate();
        let named = named.map(|(at, c)| Expr::Column(c).alias(alone(&name, at).name));
        let plan = LogicalPlanBuilder::from(domain.outer.clone()).project(named)?.distinct()?.alias(name.as_str())?;
        Ok((plan.build()?, (0..domain.taken.len()).map(|at| alone(&name, at)).collect()))
    }

    /// The plan with the domain's columns, and what they are called.
    pub(super) fn push(&mut self, plan: LogicalPlan, domain: &Domain<'_>) -> Result<Pushed> {
        let takes = |plan: &LogicalPlan| -> Result<bool> { Ok(!references(plan, domain.outer.schema())?.is_empty()) };
        if !takes(&plan)? {
            let (every, names) = self.domain(domain)?;
            let one_row =
                matches!(&plan, LogicalPlan::EmptyRelation(e) if e.produce_one_row && e.schema.fields().is_empty());
            let plan = if one_row { every } else { LogicalPlanBuilder::from(plan).cross_join(every)?.build()? };
            return Ok((plan, names));
        }
        let taken = domain.columns();
        let here = merge_schema(&plan.inputs());
        let inline = |expr: Expr, names: &[Column]| inlined(expr, &taken, names, &here);
        match plan {
            LogicalPlan::Subquery(subquery) => self.push(Arc::unwrap_or_clone(subquery.subquery), domain),
            LogicalPlan::Projection(projection) => {
                let (input, names) = self.push(Arc::unwrap_or_clone(projection.input), domain)?;
                let own = projection.expr.into_iter().map(|e| Ok(named(inline(e.clone(), &names)?, &e)));
                let exprs = own.chain(kept(&names).into_iter().map(Ok)).collect::<Result<Vec<_>>>()?;
                Ok((LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?), names))
            }
            LogicalPlan::Filter(filter) => {
                let (input, names) = self.push(Arc::unwrap_or_clone(filter.input), domain)?;
                let predicate = inline(filter.predicate, &names)?;
                Ok((LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?), names))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let (input, names) = self.push(Arc::unwrap_or_clone(alias.input), domain)?;
                let plan = SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?;
                let names = names.into_iter().map(|c| Column::new(Some(alias.alias.clone()), c.name)).collect();
                Ok((LogicalPlan::SubqueryAlias(plan), names))
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let (input, names) = self.push(Arc::unwrap_or_clone(input), domain)?;
                Ok((LogicalPlan::Distinct(Distinct::All(Arc::new(input))), names))
            }
            LogicalPlan::Sort(sort) => {
                let (input, names) = self.push(Arc::unwrap_or_clone(sort.input), domain)?;
                let keys = sort.expr.into_iter().map(|k| Ok(k.with_expr(inline(k.expr.clone(), &names)?)));
                let expr = keys.collect::<Result<Vec<_>>>()?;
                Ok((LogicalPlan::Sort(Sort { expr, input: Arc::new(input), fetch: None }), names))
            }
            LogicalPlan::Unnest(unnest) => {
                let (input, names) = self.push(Arc::unwrap_or_clone(unnest.input), domain)?;
                let plan = Unnest::try_new(Arc::new(input), unnest.exec_columns, unnest.options)?;
                Ok((LogicalPlan::Unnest(plan), names))
            }
            LogicalPlan::Window(window) => {
                let (input, names) = self.push(Arc::unwrap_or_clone(window.input), domain)?;
                let exprs =
                    window.window_expr.into_iter().map(|e| Ok(named(within(inline(e.clone(), &names)?, &names)?, &e)));
                let plan = Window::try_new(exprs.collect::<Result<Vec<_>>>()?, Arc::new(input))?;
                Ok((LogicalPlan::Window(plan), names))
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, domain, &here),
            LogicalPlan::Limit(limit) => self.limit(limit, domain),
            LogicalPlan::Join(join) => self.inner_join(join, domain, &here),
            LogicalPlan::Union(union) => {
                let name = self.name("union");
                let mut inputs = vec![];
                for input in union.inputs {
                    let own = columns(input.schema());
                    let (input, names) = self.push(Arc::unwrap_or_clone(input), domain)?;
                    let keys = kept(&names).into_iter().enumerate().map(|(at, c)| c.alias(alone(&name, at).name));
                    inputs
                        .push(Arc::new(LogicalPlanBuilder::from(input).project(own.into_iter().chain(keys))?.build()?));
                }
                let plan = LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?);
                let all = plan.schema().columns();
                let names = all[all.len() - taken.len()..].to_vec();
                Ok((plan, names))
            }
            _ => Err(unsupported("a subquery that is correlated in this way")),
        }
    }

    /// Of each row of the domain; one without groups has a row also where there is nothing to aggregate.
    fn aggregate(&mut self, aggregate: Aggregate, domain: &Domain<'_>, here: &DFSchema) -> Result<Pushed> {
        if aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
            return Err(unsupported("a correlated subquery with GROUPING SETS"));
        }
        let taken = domain.columns();
        let (input, names) = self.push(Arc::unwrap_or_clone(aggregate.input), domain)?;
        let inline = |e: &Expr| Ok(named(inlined(e.clone(), &taken, &names, here)?, e));
        let groups: Vec<Expr> = aggregate.group_expr.iter().map(inline).collect::<Result<_>>()?;
        let exprs: Vec<Expr> = aggregate.aggr_expr.iter().map(inline).collect::<Result<_>>()?;
        let alone = groups.is_empty();
        let groups = groups.into_iter().chain(kept(&names)).collect();
        let plan = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), groups, exprs)?);
        if !alone {
            return Ok((plan, names));
        }
        let (every, all) = self.domain(domain)?;
        let joined = joined(every, plan, JoinType::Left, (&all, &names), None)?;
        let results = aggregate.aggr_expr.iter().zip(aggregate.schema.iter()).map(|(e, (qualifier, field))| {
            let result = Expr::Column(Column::from((qualifier, field)));
            let nothing = of_nothing(e, field)?;
            let is_null = matches!(&nothing, Expr::Literal(v, _) if v.is_null());
            let value = if is_null { result } else { when(result.clone().is_null(), nothing).otherwise(result)? };
            Ok(value.alias_qualified(qualifier.cloned(), field.name()))
        });
        let exprs = results.chain(kept(&all).into_iter().map(Ok)).collect::<Result<Vec<_>>>()?;
        Ok((LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(joined))?), all))
    }

    /// So many rows of each row of the domain.
    fn limit(&mut self, limit: Limit, domain: &Domain<'_>) -> Result<Pushed> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Err(unsupported("LIMIT or OFFSET with an expression in a correlated subquery"));
        };
        let own = columns(limit.input.schema());
        let (order, shown, input) = match Arc::unwrap_or_clone(limit.input) {
            LogicalPlan::Sort(sort) => (sort.expr, None, sort.input),
            LogicalPlan::Projection(projection) if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) => {
                match Arc::unwrap_or_clone(projection.input) {
                    LogicalPlan::Sort(sort) => (sort.expr, Some(projection.expr), sort.input),
                    other => (vec![], Some(projection.expr), Arc::new(other)),
                }
            }
            other => (own.iter().map(|c| c.clone().sort(true, false)).collect(), None, Arc::new(other)),
        };
        let taken = domain.columns();
        let here = input.schema().as_ref().clone();
        let (input, names) = self.push(Arc::unwrap_or_clone(input), domain)?;
        let inline = |e: Expr| inlined(e, &taken, &names, &here);
        let keys = order.into_iter().map(|k| Ok(k.with_expr(inline(k.expr.clone())?))).collect::<Result<Vec<_>>>()?;
        let number = self.name("row");
        let function = WindowFunction::new(WindowFunctionDefinition::WindowUDF(row_number_udwf()), vec![]);
        let counted = Expr::WindowFunction(Box::new(function)).partition_by(kept(&names)).order_by(keys).build()?;
        let counted = Window::try_new(vec![counted.alias(&number)], Arc::new(input))?;
        let at = Expr::Column(Column::new_unqualified(&number));
        let mut within = at.clone().gt(lit(skip as u64));
        if let Some(fetch) = fetch {
            within = within.and(at.lt_eq(lit((skip + fetch) as u64)));
        }
        let plan = LogicalPlan::Filter(Filter::try_new(within, Arc::new(LogicalPlan::Window(counted)))?);
        let shown = match shown {
            Some(exprs) => exprs.into_iter().map(|e| Ok(named(inline(e.clone())?, &e))).collect::<Result<Vec<_>>>()?,
            None => own,
        };
        let exprs = shown.into_iter().chain(kept(&names)).collect();
        Ok((LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?), names))
    }

    fn inner_join(&mut self, join: Join, domain: &Domain<'_>, here: &DFSchema) -> Result<Pushed> {
        let outer = domain.outer.schema();
        let taken = domain.columns();
        let (in_left, in_right) =
            (!references(&join.left, outer)?.is_empty(), !references(&join.right, outer)?.is_empty());
        let lateral = super::lateral::is_lateral(&join.right);
        let (left, right) = (Arc::unwrap_or_clone(join.left), Arc::unwrap_or_clone(join.right));
        use JoinType as J;
        let keeps_left = !matches!(join.join_type, J::Inner | J::Right | J::RightSemi | J::RightAnti | J::RightMark);
        let keeps_right = matches!(join.join_type, J::Right | J::RightSemi | J::RightAnti | J::RightMark);
        if join.join_type == J::Full {
            return Err(unsupported("a correlated subquery with FULL JOIN"));
        }
        // The side whose rows stay has to have the domain; the other one where it takes something.
        let push_left = keeps_left || lateral || in_left || !in_right && !keeps_right;
        let push_right = keeps_right || in_right && !lateral;
        let (left, left_names) = if push_left { self.push(left, domain)? } else { (left, vec![]) };
        let (right, right_names) = if push_right {
            self.push(right, domain)?
        } else if lateral {
            (renamed(right, &taken, &left_names, &mut vec![])?, vec![])
        } else {
            (right, vec![])
        };
        let names = if push_left && !keeps_right { left_names.clone() } else { right_names.clone() };
        let mut conditions: Vec<Expr> = vec![];
        let mut on = vec![];
        for (l, r) in left_names.iter().zip(&right_names) {
            on.extend(met(l, r, left.schema())?);
        }
        let nulls_meet = join.null_equality == NullEquality::NullEqualsNull;
        for (l, r) in join.on {
            let (l, r) = (inlined(l, &taken, &names, here)?, inlined(r, &taken, &names, here)?);
            let met = if nulls_meet { Operator::IsNotDistinctFrom } else { Operator::Eq };
            conditions.push(binary_expr(l, met, r));
        }
        if let Some(filter) = join.filter {
            conditions.push(inlined(filter, &taken, &names, here)?);
        }
        let joined = Join::try_new(
            Arc::new(left),
            Arc::new(right),
            on,
            conditions.into_iter().reduce(Expr::and),
            join.join_type,
            join.join_constraint,
            NullEquality::NullEqualsNothing,
            join.null_aware,
        )?;
        Ok((LogicalPlan::Join(joined), names))
    }
}

/// A window within each row of the domain.
fn within(expr: Expr, names: &[Column]) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let changed = expr.transform_down(|e| {
        Ok(match e {
            Expr::WindowFunction(mut window) => {
                window.params.partition_by.extend(kept(names));
                Transformed::yes(Expr::WindowFunction(window))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(changed.data)
}

/// What an aggregate gives where there is nothing.
fn of_nothing(expr: &Expr, field: &arrow::datatypes::Field) -> Result<Expr> {
    match expr {
        Expr::Alias(alias) => of_nothing(&alias.expr, field),
        Expr::AggregateFunction(f) => Ok(Expr::Literal(f.func.default_value(field.data_type())?, None)),
        _ => null_of(field),
    }
}
