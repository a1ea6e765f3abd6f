use crate::Result;
use crate::types::{ColumnInfo, TableInfo, arrow_schema};
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

/// The columns that a reader wants of a table.
#[derive(Debug)]
pub(crate) struct Projection {
    pub(crate) columns: Vec<ColumnInfo>,
    /// Their positions in the table.
    pub(crate) indices: Vec<usize>,
    pub(crate) schema: SchemaRef,
}

impl Projection {
    /// Refuses columns of unsupported types.
    pub(crate) fn new(info: &TableInfo, wanted: Option<&[usize]>) -> Result<Arc<Self>> {
        let indices = wanted.map_or_else(|| (0..info.columns.len()).collect(), <[usize]>::to_vec);
        let column = |i: &usize| info.columns.get(*i).cloned().ok_or_else(|| info.mismatch(format!("no column {i}")));
        let columns = indices.iter().map(column).collect::<Result<Vec<_>>>()?;
        if let Some(column) = columns.iter().find(|c| c.ty.arrow().is_none()) {
            return Err(info.unsupported(column));
        }
        let schema = arrow_schema(&columns);
        Ok(Arc::new(Self { columns, indices, schema }))
    }
}
