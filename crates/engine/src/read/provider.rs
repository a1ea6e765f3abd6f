use super::Staged;
use super::lookup::{Lookup, LookupSource, binds};
use super::staged::relabel;
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use sluice_lake::TableVersion;
use std::fmt;
use std::sync::Arc;

/// The rows of one stored table in one view.
#[derive(Clone)]
pub(crate) struct BoundTable {
    pub(crate) schema: SchemaRef,
    pub(crate) table: Option<Arc<TableVersion>>,
    pub(crate) staged: Option<Staged>,
    pub(crate) row_ids: bool,
    /// What a condition on key columns can be looked up in.
    pub(crate) lookup: Option<LookupSource>,
}

impl fmt::Debug for BoundTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.table.as_ref().map_or("(new)", |t| t.info.name.as_str()))
    }
}

#[async_trait]
impl TableProvider for BoundTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let lookup = match &self.lookup {
            Some(source) => Lookup::choose(source, &self.schema, filters)?,
            None => None,
        };
        Ok(Arc::new(LakeScan::new(self.clone(), projection, lookup)?))
    }

    /// Conditions on keys narrow the scan; the filter above it still applies them.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let usable = |f: &&Expr| self.lookup.is_some() && binds(f);
        let answer = |f| match usable(f) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }
}

/// Reads inlined rows, files and staged rows, in that order.
#[derive(Debug)]
struct LakeScan {
    table: BoundTable,
    projection: Vec<usize>,
    lookup: Option<Lookup>,
    properties: Arc<PlanProperties>,
}

impl LakeScan {
    fn new(table: BoundTable, projection: Vec<usize>, lookup: Option<Lookup>) -> Result<Self> {
        let schema = Arc::new(table.schema.project(&projection)?);
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Ok(Self { table, projection, lookup, properties })
    }
}

impl DisplayAs for LakeScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeScan: {:?}, ", self.table)?;
        match &self.lookup {
            Some(lookup) => f.write_str(&lookup.describe()),
            None => write!(f, "files={}", self.table.table.as_ref().map_or(0, |t| t.files.len())),
        }
    }
}

impl ExecutionPlan for LakeScan {
    fn name(&self) -> &str {
        "LakeScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if self.lookup.is_none() {
            statistics.num_rows = self.table.row_count();
        }
        Ok(Arc::new(statistics))
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = match &self.lookup {
            Some(lookup) => match self.table.looked_up(lookup, &self.projection)? {
                Some(rows) => rows,
                None => self.table.scan(&self.projection)?,
            },
            None => self.table.scan(&self.projection)?,
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), futures::stream::iter(rows))))
    }
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

impl BoundTable {
    /// The rows, with the columns of `projection` among those of the schema.
    pub(crate) fn scan(&self, projection: &[usize]) -> Result<Batches> {
        let (shape, stored) = self.shape(projection)?;
        let below: Batches = match self.below() {
            None => Box::new(std::iter::empty()),
            Some(table) => {
                let (shape, staged) = (shape.clone(), self.staged.clone());
                let scan = table.scan(Some(&stored)).map(move |item| {
                    let (rows, ids) = item.map_err(|e| DataFusionError::External(Box::new(crate::error::lake(e))))?;
                    let (rows, ids) = visible(rows, ids, staged.as_ref())?;
                    shape.assemble(&rows, &ids)
                });
                Box::new(scan)
            }
        };
        Ok(Box::new(below.chain(self.added(projection)?)))
    }

    /// The rows that a lookup finds, and all that are staged: few beside those that the lookup leaves unread. `None` if
    /// reading the whole table is the better way.
    pub(super) fn looked_up(&self, lookup: &Lookup, projection: &[usize]) -> Result<Option<Batches>> {
        let external = |e: sluice_sql::SqlError| DataFusionError::External(Box::new(e));
        let Some(table) = self.below() else { return self.added(projection).map(Some) };
        let Some(ids) = lookup.row_ids(table, self.staged.as_ref()).map_err(external)? else { return Ok(None) };
        let (shape, stored) = self.shape(projection)?;
        let rows = table.rows(&ids, Some(&stored)).map_err(|e| external(crate::error::lake(e)))?;
        let found = shape.assemble(&rows, &Int64Array::from(ids));
        Ok(Some(Box::new(std::iter::once(found).chain(self.added(projection)?))))
    }

    /// The stored rows below what is staged, if any shows.
    fn below(&self) -> Option<&Arc<TableVersion>> {
        let truncated = self.staged.as_ref().is_some_and(|s| s.truncated);
        self.table.as_ref().filter(|_| !truncated)
    }

    /// Staged rows.
    fn added(&self, projection: &[usize]) -> Result<Batches> {
        let Some(staged) = &self.staged else { return Ok(Box::new(std::iter::empty())) };
        let (shape, stored) = self.shape(projection)?;
        let added = staged.added().map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(Box::new(added.into_iter().map(move |part| shape.assemble(&part.rows.project(&stored)?, &part.ids))))
    }

    /// How output is put together, and the stored columns that it takes.
    fn shape(&self, projection: &[usize]) -> Result<(Shape, Vec<usize>)> {
        let schema = Arc::new(self.schema.project(projection)?);
        let width = self.schema.fields().len() - usize::from(self.row_ids);
        let stored = projection.iter().copied().filter(|&p| p < width).collect();
        Ok((Shape { schema, projection: projection.to_vec(), width }, stored))
    }

    /// How many rows there are, which the lake knows without reading them.
    fn row_count(&self) -> Precision<usize> {
        let below = self.below().map_or(0, |t| t.live_rows() as usize);
        match &self.staged {
            None => Precision::Exact(below),
            Some(staged) => Precision::Inexact((below + staged.added_rows()).saturating_sub(staged.removed.len())),
        }
    }
}

/// Leaves out rows that are staged as removed.
fn visible(rows: RecordBatch, ids: Int64Array, staged: Option<&Staged>) -> Result<(RecordBatch, Int64Array)> {
    let Some(staged) = staged.filter(|s| !s.removed.is_empty()) else { return Ok((rows, ids)) };
    let mask: BooleanArray = ids.values().iter().map(|id| Some(!staged.removed.contains(id))).collect();
    if mask.true_count() == mask.len() {
        return Ok((rows, ids));
    }
    use arrow::array::AsArray;
    let kept = filter(&ids, &mask)?.as_primitive::<arrow::datatypes::Int64Type>().clone();
    Ok((filter_record_batch(&rows, &mask)?, kept))
}

/// How stored columns and row numbers make up an output batch.
#[derive(Clone)]
struct Shape {
    schema: SchemaRef,
    projection: Vec<usize>,
    width: usize,
}

impl Shape {
    fn assemble(&self, rows: &RecordBatch, ids: &Int64Array) -> Result<RecordBatch> {
        let mut next = 0;
        let columns: Vec<ArrayRef> = self
            .projection
            .iter()
            .map(|&p| {
                if p >= self.width {
                    return Arc::new(ids.clone()) as ArrayRef;
                }
                next += 1;
                Arc::clone(rows.column(next - 1))
            })
            .collect();
        let batch = sluice_zset::with_row_count(Arc::clone(&self.schema), columns, rows.num_rows());
        batch.map_err(|e| DataFusionError::External(Box::new(e)))
    }
}

impl BoundTable {
    /// All rows as one batch, for tables small enough.
    pub(crate) fn collect(&self) -> Result<RecordBatch> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let parts = self.scan(&all)?.collect::<Result<Vec<_>>>()?;
        let whole = arrow::compute::concat_batches(&self.schema, &parts)?;
        relabel(&whole, &self.schema).map_err(|e| DataFusionError::External(Box::new(e)))
    }
}
