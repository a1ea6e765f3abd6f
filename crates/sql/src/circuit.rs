//! From an optimized logical plan to a circuit. A plan with a part that has no incremental rule is refused with the
//! reason; the caller then recomputes the query.

use crate::{Result, SqlError, SqlType};
use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{self as logical, Expr, FetchType, LogicalPlan, SkipType, TableSource};
use datafusion::physical_expr::execution_props::ExecutionProps;
use datafusion::physical_expr::expressions::{CastExpr, Column as PhysicalColumn};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use sluice_flow::{
    Aggregate, AggregateKind, Circuit, CircuitBuilder, Constant, Input, Join, JoinKind, JoinLayout, Map, Reduce, TopK,
    Union,
};
use sluice_zset::{ZBatch, with_row_count};
use std::sync::Arc;

/// A query in incremental form.
pub struct BuiltCircuit {
    /// Its operators.
    pub circuit: Circuit,
    /// The tables whose changes it takes, in the order of its sources; the same table may stand in it twice.
    pub sources: Vec<Arc<dyn TableSource>>,
    /// The columns of each source that its operators use, ascending.
    pub columns: Vec<Vec<usize>>,
    /// Schema of its output, every column nullable.
    pub schema: SchemaRef,
}

/// Why a plan has no circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoCircuit {
    /// A part without an incremental rule.
    NotIncremental(String),
    /// The plan is wrong.
    Error(SqlError),
}

impl<E: Into<SqlError>> From<E> for NoCircuit {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

type Build<T> = std::result::Result<T, NoCircuit>;

fn not_incremental<T>(what: impl Into<String>) -> Build<T> {
    Err(NoCircuit::NotIncremental(what.into()))
}

/// Builds the circuit of an optimized plan.
pub fn build_circuit(plan: &LogicalPlan, options: &Arc<ConfigOptions>) -> Build<BuiltCircuit> {
    let props = ExecutionProps { config_options: Some(Arc::clone(options)), ..ExecutionProps::new() };
    let mut builder = Builder { circuit: CircuitBuilder::default(), sources: vec![], columns: vec![], props };
    let output = builder.node(plan)?;
    let (output, schema) = builder.stored_types(output, plan.schema())?;
    let Builder { circuit, sources, columns, .. } = builder;
    Ok(BuiltCircuit { circuit: circuit.build(output), sources, columns, schema })
}

/// The type that a stored column has for one of an expression (every text is a view, for example).
fn stored_type(ty: &DataType) -> DataType {
    SqlType::of_arrow(ty).arrow()
}

/// The columns of a plan's output as circuits have them: nullable, and without metadata.
fn relaxed(schema: &DFSchema) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

struct Builder {
    circuit: CircuitBuilder,
    sources: Vec<Arc<dyn TableSource>>,
    columns: Vec<Vec<usize>>,
    props: ExecutionProps,
}

impl Builder {
    fn node(&mut self, plan: &LogicalPlan) -> Build<Input> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => self.node(&alias.input),
            LogicalPlan::Filter(filter) => {
                let input = self.node(&filter.input)?;
                let predicate = self.expr(&filter.predicate, filter.input.schema())?;
                Ok(self.circuit.add(Map::filter(vec![predicate]), vec![input]))
            }
            LogicalPlan::Projection(projection) => {
                let input = self.node(&projection.input)?;
                let exprs = self.exprs(&projection.expr, projection.input.schema())?;
                Ok(self.circuit.add(Map::new(vec![], exprs, relaxed(&projection.schema)), vec![input]))
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Distinct(logical::Distinct::All(input)) => {
                let schema = relaxed(input.schema());
                let input = self.node(input)?;
                Ok(self.circuit.add(Reduce::distinct(schema)?, vec![input]))
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(union) => {
                let inputs = union.inputs.iter().map(|i| self.node(i)).collect::<Build<Vec<_>>>()?;
                Ok(self.circuit.add(Union::new(relaxed(&union.schema)), inputs))
            }
            LogicalPlan::Sort(sort) => match sort.fetch {
                // An order alone changes nothing in a table.
                None => self.node(&sort.input),
                Some(fetch) => self.top(sort, 0, Some(fetch as u64)),
            },
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::EmptyRelation(empty) => {
                let rows = usize::from(empty.produce_one_row);
                let rows = match rows {
                    0 => RecordBatch::new_empty(relaxed(&empty.schema)),
                    n => with_row_count(relaxed(&empty.schema), vec![], n)?,
                };
                Ok(self.circuit.add(Constant::new(ZBatch::new(rows)), vec![]))
            }
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::Window(_) => not_incremental("window functions recompute the query"),
            LogicalPlan::RecursiveQuery(_) => not_incremental("WITH RECURSIVE recomputes the query"),
            LogicalPlan::Unnest(_) => not_incremental("unnest recomputes the query"),
            other => not_incremental(format!("{} recomputes the query", other.display())),
        }
    }

    /// Casts the output to the types that stored columns have.
    fn stored_types(&mut self, output: Input, schema: &DFSchema) -> Build<(Input, SchemaRef)> {
        let plain = relaxed(schema);
        let fields: Vec<Field> =
            plain.fields().iter().map(|f| Field::new(f.name(), stored_type(f.data_type()), true)).collect();
        let stored: SchemaRef = Arc::new(Schema::new(fields));
        if stored == plain {
            return Ok((output, stored));
        }
        let exprs = plain.fields().iter().zip(stored.fields()).enumerate().map(|(i, (from, to))| {
            let plain_column = column(from.name(), i);
            if from.data_type() == to.data_type() {
                return plain_column;
            }
            Arc::new(CastExpr::new(plain_column, to.data_type().clone(), None)) as Arc<dyn PhysicalExpr>
        });
        let exprs = exprs.collect();
        Ok((self.circuit.add(Map::new(vec![], exprs, Arc::clone(&stored)), vec![output]), stored))
    }

    fn scan(&mut self, scan: &logical::TableScan) -> Build<Input> {
        self.sources.push(Arc::clone(&scan.source));
        self.columns.push(used_columns(scan)?);
        let mut input = Input::Source(self.sources.len() - 1);
        if !scan.filters.is_empty() {
            let schema = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?;
            let predicates = self.exprs(&scan.filters, &schema)?;
            input = self.circuit.add(Map::filter(predicates), vec![input]);
        }
        let Some(kept) = &scan.projection else { return Ok(input) };
        if kept.iter().copied().eq(0..scan.source.schema().fields().len()) {
            return Ok(input);
        }
        let source = scan.source.schema();
        let columns = kept.iter().map(|&i| column(source.field(i).name(), i)).collect();
        Ok(self.circuit.add(Map::new(vec![], columns, relaxed(&scan.projected_schema)), vec![input]))
    }

    fn values(&mut self, values: &logical::Values) -> Build<Input> {
        let one = with_row_count(Arc::new(Schema::empty()), vec![], 1)?;
        let schema = relaxed(&values.schema);
        let mut parts = vec![];
        for row in &values.values {
            let exprs = self.exprs(row, &DFSchema::empty())?;
            let columns = exprs
                .iter()
                .zip(schema.fields())
                .map(|(e, f)| Ok(crate::cast_column(&e.evaluate(&one)?.into_array(1)?, f.data_type())?))
                .collect::<Result<Vec<_>>>()?;
            parts.push(ZBatch::new(with_row_count(Arc::clone(&schema), columns, 1)?));
        }
        let rows = ZBatch::concat(&schema, &parts)?;
        Ok(self.circuit.add(Constant::new(rows), vec![]))
    }

    fn limit(&mut self, limit: &logical::Limit) -> Build<Input> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Err(SqlError::unsupported("LIMIT or OFFSET with an expression", "Write a number.").into());
        };
        let (skip, fetch) = (skip as u64, fetch.map(|f| f as u64));
        match limit.input.as_ref() {
            LogicalPlan::Sort(sort) => self.top(sort, skip, fetch),
            LogicalPlan::Projection(projection) if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) => {
                let LogicalPlan::Sort(sort) = projection.input.as_ref() else { return not_incremental("LIMIT") };
                let input = self.top(sort, skip, fetch)?;
                let exprs = self.exprs(&projection.expr, projection.input.schema())?;
                Ok(self.circuit.add(Map::new(vec![], exprs, relaxed(&projection.schema)), vec![input]))
            }
            _ => not_incremental("LIMIT away from its ORDER BY recomputes the query"),
        }
    }

    fn top(&mut self, sort: &logical::Sort, skip: u64, fetch: Option<u64>) -> Build<Input> {
        let input = self.node(&sort.input)?;
        let order = sort
            .expr
            .iter()
            .map(|s| {
                let options = SortOptions { descending: !s.asc, nulls_first: s.nulls_first };
                Ok((self.expr(&s.expr, sort.input.schema())?, options))
            })
            .collect::<Build<Vec<_>>>()?;
        let top = TopK::new(relaxed(sort.input.schema()), order, skip, fetch)?;
        Ok(self.circuit.add(top, vec![input]))
    }

    /// Keys, arguments and filters become columns of their own; the aggregate works on those.
    fn aggregate(&mut self, aggregate: &logical::Aggregate) -> Build<Input> {
        let input_schema = aggregate.input.schema();
        if aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
            return not_incremental("GROUPING SETS, ROLLUP and CUBE recompute the query");
        }
        let input = self.node(&aggregate.input)?;
        let mut exprs = self.exprs(&aggregate.group_expr, input_schema)?;
        let mut aggregates = vec![];
        for (i, expr) in aggregate.aggr_expr.iter().enumerate() {
            let output = aggregate.schema.field(aggregate.group_expr.len() + i).data_type().clone();
            aggregates.push(self.aggregate_function(expr, input_schema, &mut exprs, output)?);
        }
        let physical = relaxed(input_schema);
        let fields = exprs
            .iter()
            .enumerate()
            .map(|(i, e)| {
                let name = aggregate.group_expr.get(i).map_or_else(|| e.to_string(), |g| g.schema_name().to_string());
                Ok(Field::new(name, e.data_type(&physical)?, true))
            })
            .collect::<Result<Vec<_>>>()?;
        let inner: SchemaRef = Arc::new(Schema::new(fields));
        let mapped = self.circuit.add(Map::new(vec![], exprs, Arc::clone(&inner)), vec![input]);
        let reduce = Reduce::new(inner, aggregate.group_expr.len(), aggregates, relaxed(&aggregate.schema))?;
        Ok(self.circuit.add(reduce, vec![mapped]))
    }

    fn aggregate_function(
        &self,
        expr: &Expr,
        schema: &DFSchema,
        exprs: &mut Vec<Arc<dyn PhysicalExpr>>,
        output: DataType,
    ) -> Build<Aggregate> {
        let function = match expr {
            Expr::AggregateFunction(function) => function,
            Expr::Alias(alias) => return self.aggregate_function(&alias.expr, schema, exprs, output),
            other => return not_incremental(format!("{other} recomputes the query")),
        };
        let params = &function.params;
        let kind = match function.func.name() {
            "count" => AggregateKind::Count,
            "sum" => AggregateKind::Sum,
            "avg" => AggregateKind::Avg,
            "min" => AggregateKind::Min,
            "max" => AggregateKind::Max,
            "bool_and" => AggregateKind::BoolAnd,
            "bool_or" => AggregateKind::BoolOr,
            other => return not_incremental(format!("the aggregate {other} recomputes the query")),
        };
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return not_incremental(format!("an ordered {} recomputes the query", function.func.name()));
        }
        let mut add = |e: &Expr| -> Build<usize> {
            exprs.push(self.expr(e, schema)?);
            Ok(exprs.len() - 1)
        };
        let argument = match params.args.as_slice() {
            [] => None,
            // count(*) arrives as a count of a literal.
            [Expr::Literal(value, _)] if kind == AggregateKind::Count && !value.is_null() && !params.distinct => None,
            [argument] => Some(add(argument)?),
            _ => return not_incremental(format!("{} of several columns recomputes the query", function.func.name())),
        };
        let filter = params.filter.as_ref().map(|f| add(f)).transpose()?;
        Ok(Aggregate { kind, argument, filter, distinct: params.distinct, output })
    }

    fn join(&mut self, join: &logical::Join) -> Build<Input> {
        if join.null_aware {
            return not_incremental("NOT IN over a column that may be NULL recomputes the query");
        }
        let swapped = matches!(join.join_type, JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark);
        let kind = match join.join_type {
            JoinType::Inner => JoinKind::Inner,
            JoinType::Left => JoinKind::Left,
            JoinType::Right => JoinKind::Right,
            JoinType::Full => JoinKind::Full,
            JoinType::LeftSemi | JoinType::RightSemi => JoinKind::LeftSemi,
            JoinType::LeftAnti | JoinType::RightAnti => JoinKind::LeftAnti,
            JoinType::LeftMark | JoinType::RightMark => JoinKind::LeftMark,
        };
        let (left, right) = if swapped { (&join.right, &join.left) } else { (&join.left, &join.right) };
        let (left_on, right_on): (Vec<&Expr>, Vec<&Expr>) =
            join.on.iter().map(|(l, r)| if swapped { (r, l) } else { (l, r) }).unzip();
        let left = self.side(left, &left_on, "l")?;
        let right = self.side(right, &right_on, "r")?;
        for (l, r) in left.key.iter().zip(&right.key) {
            if left.schema.field(*l).data_type() != right.schema.field(*r).data_type() {
                return not_incremental("a join on columns of different types recomputes the query");
            }
        }
        let pairs_df = left.schema.join(&right.schema)?;
        let residual = join.filter.as_ref().map(|f| self.expr(f, &pairs_df)).transpose()?;
        let pairs = relaxed(&pairs_df);
        let (left_schema, right_schema) = (relaxed(&left.schema), relaxed(&right.schema));
        let output = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => Arc::clone(&left_schema),
            JoinKind::LeftMark => {
                let mut fields: Vec<Field> = left_schema.fields().iter().map(|f| f.as_ref().clone()).collect();
                fields.push(Field::new("mark", DataType::Boolean, true));
                Arc::new(Schema::new(fields))
            }
            _ => Arc::clone(&pairs),
        };
        let kept = kept_columns(kind, &left, &right);
        let layout = JoinLayout {
            left: (left_schema, left.key),
            right: (right_schema, right.key),
            pairs,
            output: Arc::clone(&output),
        };
        let nulls_match = join.null_equality == NullEquality::NullEqualsNull;
        let joined = self.circuit.add(Join::new(kind, layout, residual, nulls_match), vec![left.input, right.input]);
        let columns = kept.iter().map(|&i| column(output.field(i).name(), i)).collect();
        Ok(self.circuit.add(Map::new(vec![], columns, relaxed(&join.schema)), vec![joined]))
    }

    /// One input of a join, with key expressions that are not plain columns computed behind its columns.
    fn side(&mut self, plan: &LogicalPlan, on: &[&Expr], name: &str) -> Build<Side> {
        let mut input = self.node(plan)?;
        let plain = plan.schema().fields().len();
        let mut fields: Vec<(Option<datafusion::common::TableReference>, Arc<Field>)> =
            plan.schema().iter().map(|(q, f)| (q.cloned(), Arc::clone(f))).collect();
        let mut computed = vec![];
        let mut key = vec![];
        for expr in on {
            let physical = self.expr(expr, plan.schema())?;
            let ty = physical.data_type(&relaxed(plan.schema()))?;
            match physical.downcast_ref::<PhysicalColumn>() {
                Some(c) if !ty.is_floating() => key.push(c.index()),
                _ => {
                    key.push(fields.len());
                    fields.push((
                        None,
                        Arc::new(Field::new(format!("__{name}_key_{}", computed.len()), ty.clone(), true)),
                    ));
                    computed.push(if ty.is_floating() { normalized(physical) } else { physical });
                }
            }
        }
        let schema = DFSchema::new_with_metadata(fields, Default::default())?;
        if !computed.is_empty() {
            let columns = (0..plain).map(|i| column(plan.schema().field(i).name(), i));
            let exprs = columns.chain(computed).collect();
            input = self.circuit.add(Map::new(vec![], exprs, relaxed(&schema)), vec![input]);
        }
        Ok(Side { input, schema, key, plain })
    }

    fn exprs(&self, exprs: &[Expr], schema: &DFSchema) -> Build<Vec<Arc<dyn PhysicalExpr>>> {
        exprs.iter().map(|e| self.expr(e, schema)).collect()
    }

    fn expr(&self, expr: &Expr, schema: &DFSchema) -> Build<Arc<dyn PhysicalExpr>> {
        if let Some(reason) = not_maintainable(expr)? {
            return not_incremental(reason);
        }
        Ok(create_physical_expr(expr, schema, &self.props, &PhysicalPlanningContext::default())?)
    }
}

/// The columns that a scan shows or filters by.
fn used_columns(scan: &logical::TableScan) -> Result<Vec<usize>> {
    let schema = scan.source.schema();
    let mut used = scan.projection.clone().unwrap_or_else(|| (0..schema.fields().len()).collect());
    for column in scan.filters.iter().flat_map(Expr::column_refs) {
        used.push(schema.index_of(&column.name)?);
    }
    used.sort_unstable();
    used.dedup();
    Ok(used)
}

struct Side {
    input: Input,
    schema: DFSchema,
    key: Vec<usize>,
    plain: usize,
}

/// The join's own columns among those of its pairs: computed keys are left out.
fn kept_columns(kind: JoinKind, left: &Side, right: &Side) -> Vec<usize> {
    let width = left.schema.fields().len();
    match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => (0..left.plain).collect(),
        JoinKind::LeftMark => (0..left.plain).chain([width]).collect(),
        _ => (0..left.plain).chain((0..right.plain).map(|i| width + i)).collect(),
    }
}

fn column(name: &str, index: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(PhysicalColumn::new(name, index))
}

/// A float key with PostgreSQL's equality.
fn normalized(expr: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    Arc::new(crate::functions::normalize::Normalize::new(expr))
}

fn not_maintainable(expr: &Expr) -> Result<Option<String>> {
    let mut reason = None;
    expr.apply(|e| {
        reason = match e {
            Expr::ScalarSubquery(_) => Some("a scalar subquery recomputes the query".to_string()),
            Expr::Exists(_) | Expr::InSubquery(_) => {
                Some("EXISTS or IN outside WHERE recomputes the query".to_string())
            }
            Expr::ScalarFunction(f) if crate::reads_clock_by_name(f.name()) => {
                Some(format!("{}() reads the clock", f.name()))
            }
            _ => None,
        };
        Ok(if reason.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(reason)
}
