use super::Staged;
use super::staged::relabel;
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
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
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        Ok(Arc::new(LakeScan::new(self.clone(), projection)?))
    }
}

/// Reads inlined rows, files and staged rows, in that order.
#[derive(Debug)]
struct LakeScan {
    table: BoundTable,
    projection: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl LakeScan {
    fn new(table: BoundTable, projection: Vec<usize>) -> Result<Self> {
        let schema = Arc::new(table.schema.project(&projection)?);
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Ok(Self { table, projection, properties })
    }
}

impl DisplayAs for LakeScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.table.table.as_ref().map_or(0, |t| t.files.len());
        write!(f, "LakeScan: {:?}, files={files}", self.table)
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

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.table.scan(&self.projection)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), futures::stream::iter(rows))))
    }
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

impl BoundTable {
    /// The rows, with the columns of `projection` among those of the schema.
    pub(crate) fn scan(&self, projection: &[usize]) -> Result<Batches> {
        let schema = Arc::new(self.schema.project(projection)?);
        let width = self.schema.fields().len() - usize::from(self.row_ids);
        let stored: Vec<usize> = projection.iter().copied().filter(|&p| p < width).collect();
        let shape = Shape { schema, projection: projection.to_vec(), width };

        let truncated = self.staged.as_ref().is_some_and(|s| s.truncated);
        let below: Batches = match self.table.as_ref().filter(|_| !truncated) {
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
        let added = match &self.staged {
            Some(staged) => staged.added().map_err(|e| DataFusionError::External(Box::new(e)))?,
            None => vec![],
        };
        let above = added.into_iter().map(move |part| {
            let rows = part.rows.project(&stored)?;
            shape.assemble(&rows, &part.ids)
        });
        Ok(Box::new(below.chain(above)))
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
