//! Plans so small that optimizing them would cost more than running them: constants, expressions over rows at hand, and
//! rows by their key. Everything else is DataFusion's.

use super::BoundTable;
use super::given::GivenRows;
use super::lookup::Lookup;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use chrono::DateTime;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, FetchType, LogicalPlan, SkipType, TableScan, Values};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::execution_props::ExecutionProps;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use sluice_zset::with_row_count;
use std::sync::Arc;

/// Runs a bound plan of that kind; `None` if it is not one, or if reading the table is the better way.
pub(super) fn run(plan: &LogicalPlan, now_micros: i64, options: &Arc<ConfigOptions>) -> Result<Option<RecordBatch>> {
    if !fits(plan)? {
        return Ok(None);
    }
    Direct { now_micros, options }.rows(plan, None)
}

/// Whether the plan has nothing but what is handled here. A table that is not at hand has to stand under a filter.
fn fits(plan: &LogicalPlan) -> Result<bool> {
    Ok(match plan {
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Values(values) => all_plain(values.values.iter().flatten())?,
        LogicalPlan::Projection(p) => all_plain(&p.expr)? && fits(&p.input)?,
        LogicalPlan::Filter(f) => all_plain([&f.predicate])? && (names_table(&f.input) || fits(&f.input)?),
        LogicalPlan::SubqueryAlias(a) => fits(&a.input)?,
        LogicalPlan::Limit(l) => {
            matches!((l.get_skip_type()?, l.get_fetch_type()?), (SkipType::Literal(_), FetchType::Literal(_)))
                && fits(&l.input)?
        }
        LogicalPlan::TableScan(scan) => given(scan).is_some(),
        _ => false,
    })
}

fn names_table(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::SubqueryAlias(a) => names_table(&a.input),
        LogicalPlan::TableScan(scan) => scan.filters.is_empty() && scan.fetch.is_none() && stored(scan).is_some(),
        _ => false,
    }
}

/// Expressions that depend on nothing but their row.
fn all_plain<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> Result<bool> {
    let mut plain = true;
    for expr in exprs {
        expr.apply(|e| {
            plain &= !matches!(
                e,
                Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::Placeholder(_)
                    | Expr::AggregateFunction(_)
                    | Expr::WindowFunction(_)
                    | Expr::Unnest(_)
            );
            Ok(if plain { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        })?;
    }
    Ok(plain)
}

fn stored(scan: &TableScan) -> Option<BoundTable> {
    source_as_provider(&scan.source).ok()?.downcast_ref::<BoundTable>().cloned()
}

fn given(scan: &TableScan) -> Option<RecordBatch> {
    if !scan.filters.is_empty() || scan.fetch.is_some() {
        return None;
    }
    Some(source_as_provider(&scan.source).ok()?.downcast_ref::<GivenRows>()?.rows().clone())
}

struct Direct<'a> {
    now_micros: i64,
    options: &'a Arc<ConfigOptions>,
}

impl Direct<'_> {
    /// The rows of `plan`; `filters` are conditions above it that may narrow what is read.
    fn rows(&self, plan: &LogicalPlan, filters: Option<&[Expr]>) -> Result<Option<RecordBatch>> {
        let schema = plan.schema();
        match plan {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Ok(Some(one_row()?)),
            LogicalPlan::EmptyRelation(_) => Ok(Some(RecordBatch::new_empty(Arc::clone(schema.inner())))),
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::SubqueryAlias(alias) => self.rows(&alias.input, filters),
            LogicalPlan::Projection(projection) => {
                let Some(input) = self.rows(&projection.input, None)? else { return Ok(None) };
                let exprs = projection.expr.iter().map(|e| self.evaluate(e, projection.input.schema(), &input));
                shown(schema, exprs.collect::<Result<_>>()?, input.num_rows())
            }
            LogicalPlan::Filter(filter) => {
                let predicate = self.simplified(&filter.predicate, filter.input.schema())?;
                let conditions: Vec<Expr> = split_conjunction(&predicate).into_iter().cloned().collect();
                let Some(input) = self.rows(&filter.input, Some(&conditions))? else { return Ok(None) };
                let mask = self.physical(&predicate, filter.input.schema())?.evaluate(&input)?;
                let mask = mask.into_array(input.num_rows())?;
                let Some(mask) = mask.as_boolean_opt() else { return Ok(None) };
                Ok(Some(filter_record_batch(&input, mask)?))
            }
            LogicalPlan::Limit(limit) => {
                let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
                    (limit.get_skip_type()?, limit.get_fetch_type()?)
                else {
                    return Ok(None);
                };
                let Some(input) = self.rows(&limit.input, None)? else { return Ok(None) };
                let skip = skip.min(input.num_rows());
                let left = input.num_rows() - skip;
                Ok(Some(input.slice(skip, fetch.map_or(left, |f| f.min(left)))))
            }
            LogicalPlan::TableScan(scan) => self.scan(scan, filters),
            _ => Ok(None),
        }
    }

    fn scan(&self, scan: &TableScan, filters: Option<&[Expr]>) -> Result<Option<RecordBatch>> {
        let schema = scan.projected_schema.inner();
        let projected = |rows: RecordBatch| match &scan.projection {
            Some(columns) => rows.project(columns),
            None => Ok(rows),
        };
        if let Some(rows) = given(scan) {
            let rows = projected(rows)?;
            return shown(&scan.projected_schema, rows.columns().to_vec(), rows.num_rows());
        }
        let (Some(table), Some(filters)) = (stored(scan), filters) else { return Ok(None) };
        let Some(source) = &table.lookup else { return Ok(None) };
        let Some(lookup) = Lookup::choose(source, &table.schema, filters)? else { return Ok(None) };
        let columns = scan.projection.clone().unwrap_or_else(|| (0..table.schema.fields().len()).collect());
        let Some(batches) = table.looked_up(&lookup, &columns)? else { return Ok(None) };
        let batches = batches.collect::<Result<Vec<_>>>()?;
        Ok(match batches.as_slice() {
            [one] => Some(one.clone()),
            several => Some(concat_batches(schema, several)?),
        })
    }

    fn values(&self, values: &Values) -> Result<Option<RecordBatch>> {
        let one = one_row()?;
        let none = Arc::new(DFSchema::empty());
        let mut columns: Vec<ArrayRef> = vec![];
        for (column, field) in values.schema.fields().iter().enumerate() {
            let mut cells = Vec::with_capacity(values.values.len());
            for row in &values.values {
                let cell = match &row[column] {
                    Expr::Literal(value, _) => value.clone(),
                    expr => ScalarValue::try_from_array(&self.evaluate(expr, &none, &one)?, 0)?,
                };
                if cell.data_type() != *field.data_type() {
                    return Ok(None);
                }
                cells.push(cell);
            }
            columns.push(ScalarValue::iter_to_array(cells)?);
        }
        shown(&values.schema, columns, values.values.len())
    }

    fn evaluate(&self, expr: &Expr, schema: &DFSchemaRef, rows: &RecordBatch) -> Result<ArrayRef> {
        if !calls_functions(expr)? {
            return self.physical(expr, schema)?.evaluate(rows)?.into_array(rows.num_rows());
        }
        let expr = self.simplified(expr, schema)?;
        self.physical(&expr, schema)?.evaluate(rows)?.into_array(rows.num_rows())
    }

    /// With constants put together, and `now()` among them.
    fn simplified(&self, expr: &Expr, schema: &DFSchemaRef) -> Result<Expr> {
        let context = SimplifyContext::builder()
            .with_schema(Arc::clone(schema))
            .with_config_options(Arc::clone(self.options))
            .with_query_execution_start_time(DateTime::from_timestamp_micros(self.now_micros))
            .build();
        ExprSimplifier::new(context).simplify(expr.clone())
    }

    fn physical(&self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        let mut props = ExecutionProps { config_options: Some(Arc::clone(self.options)), ..ExecutionProps::new() };
        props.query_execution_start_time = DateTime::from_timestamp_micros(self.now_micros);
        create_physical_expr(expr, schema, &props, &PhysicalPlanningContext::default())
    }
}

/// One row without columns, over which constants are evaluated.
fn one_row() -> Result<RecordBatch> {
    let rows = with_row_count(Arc::new(arrow::datatypes::Schema::empty()), vec![], 1);
    rows.map_err(|e| DataFusionError::External(Box::new(e)))
}

/// Only functions have to be simplified, `now()` for one; of a thousand rows of VALUES each cell would be in vain.
fn calls_functions(expr: &Expr) -> Result<bool> {
    expr.exists(|e| Ok(matches!(e, Expr::ScalarFunction(_))))
}

/// The columns under the schema of the plan; `None` where they are not of its types.
fn shown(schema: &DFSchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<Option<RecordBatch>> {
    let fields = schema.fields();
    let fit = fields.len() == columns.len()
        && columns
            .iter()
            .zip(fields)
            .all(|(c, f)| c.data_type() == f.data_type() && (f.is_nullable() || c.null_count() == 0));
    if !fit {
        return Ok(None);
    }
    let rows = with_row_count(Arc::clone(schema.inner()), columns, rows);
    Ok(Some(rows.map_err(|e| DataFusionError::External(Box::new(e)))?))
}
