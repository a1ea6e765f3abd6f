use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// A table of rows that exist already.
#[derive(Debug)]
pub(crate) struct GivenRows {
    rows: RecordBatch,
    table: MemTable,
}

impl GivenRows {
    pub(crate) fn new(rows: RecordBatch) -> Result<Self> {
        let table = MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?;
        Ok(Self { rows, table })
    }

    pub(super) fn rows(&self) -> &RecordBatch {
        &self.rows
    }
}

#[async_trait]
impl TableProvider for GivenRows {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(session, projection, filters, limit).await
    }
}
