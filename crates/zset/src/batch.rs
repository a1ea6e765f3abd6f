use crate::{Result, ZError};
use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat, concat_batches, filter, filter_record_batch, interleave, take, take_record_batch};
use arrow::datatypes::SchemaRef;

/// Rows with weights. `weights` is `None` when every row has weight +1, the usual case of a load.
#[derive(Debug, Clone)]
pub struct ZBatch {
    rows: RecordBatch,
    weights: Option<Int64Array>,
}

impl ZBatch {
    /// Every row of `rows` once.
    pub fn new(rows: RecordBatch) -> Self {
        Self { rows, weights: None }
    }

    /// `weights` has one value without NULL for each row; anything else is a bug of the caller.
    pub fn with_weights(rows: RecordBatch, weights: Int64Array) -> Self {
        assert_eq!(rows.num_rows(), weights.len(), "one weight a row");
        assert_eq!(weights.null_count(), 0, "a weight is never NULL");
        let all_ones = weights.values().iter().all(|&w| w == 1);
        Self { rows, weights: (!all_ones).then_some(weights) }
    }

    /// A Z-set without rows.
    pub fn empty(schema: &SchemaRef) -> Self {
        Self::new(empty_batch(schema))
    }

    /// The rows, weights aside.
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    /// The weights, `None` when all are +1.
    pub fn weights(&self) -> Option<&Int64Array> {
        self.weights.as_ref()
    }

    /// The schema of the rows.
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// One column of the rows.
    pub fn column(&self, i: usize) -> &ArrayRef {
        self.rows.column(i)
    }

    /// Number of entries; a row with weight 3 is one entry.
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// No entries at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of entry `i`.
    pub fn weight(&self, i: usize) -> i64 {
        self.weights.as_ref().map_or(1, |w| w.value(i))
    }

    /// All weights in order.
    pub fn iter_weights(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.len()).map(|i| self.weight(i))
    }

    /// The same entries over other columns of the same length, for operators that only map rows.
    pub fn map_rows(&self, rows: RecordBatch) -> Self {
        assert_eq!(rows.num_rows(), self.len(), "a map keeps the number of rows");
        Self { rows, weights: self.weights.clone() }
    }

    /// Every weight with its sign turned.
    pub fn negate(&self) -> Result<Self> {
        let weights =
            self.iter_weights().map(|w| w.checked_neg().ok_or(ZError::WeightOverflow)).collect::<Result<Vec<_>>>()?;
        Ok(Self::with_weights(self.rows.clone(), weights.into()))
    }

    /// The entries where `mask` is true.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self> {
        if mask.null_count() == 0 && mask.true_count() == mask.len() {
            return Ok(self.clone());
        }
        let rows = filter_record_batch(&self.rows, mask)?;
        Ok(match &self.weights {
            None => Self::new(rows),
            Some(w) => Self::with_weights(rows, as_weights(&filter(w, mask)?)),
        })
    }

    /// The entries at `indices`, in that order.
    pub fn take(&self, indices: &UInt32Array) -> Result<Self> {
        let rows = gather(&self.rows, indices)?;
        Ok(match &self.weights {
            None => Self::new(rows),
            Some(w) => Self::with_weights(rows, as_weights(&take(w, indices, None)?)),
        })
    }

    /// `len` entries from `offset`, sharing memory.
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        let weights = self.weights.as_ref().map(|w| w.slice(offset, len));
        let rows = self.rows.slice(offset, len);
        match weights {
            None => Self::new(rows),
            Some(w) => Self::with_weights(rows, w),
        }
    }

    /// The columns at `indices`.
    pub fn project(&self, indices: &[usize]) -> Result<Self> {
        let schema = std::sync::Arc::new(self.rows.schema().project(indices)?);
        let columns = indices.iter().map(|&i| ArrayRef::clone(self.rows.column(i))).collect();
        Ok(Self { rows: with_row_count(schema, columns, self.len())?, weights: self.weights.clone() })
    }

    /// All parts behind each other; the weights of equal rows are not added up (see [`crate::consolidate`]).
    pub fn concat(schema: &SchemaRef, parts: &[ZBatch]) -> Result<Self> {
        let parts: Vec<&ZBatch> = parts.iter().filter(|p| !p.is_empty()).collect();
        match parts.as_slice() {
            [] => return Ok(Self::empty(schema)),
            [one] => return Ok((*one).clone()),
            _ => {}
        }
        let total = parts.iter().map(|p| p.len()).sum();
        let rows = if schema.fields().is_empty() {
            with_row_count(SchemaRef::clone(schema), vec![], total)?
        } else {
            concat_batches(schema, parts.iter().map(|p| p.rows()))?
        };
        if parts.iter().all(|p| p.weights.is_none()) {
            return Ok(Self::new(rows));
        }
        let weights = parts
            .iter()
            .map(|p| p.weights.clone().unwrap_or_else(|| Int64Array::from_value(1, p.len())))
            .collect::<Vec<_>>();
        let weights = concat(&weights.iter().map(|w| w as &dyn Array).collect::<Vec<_>>())?;
        Ok(Self::with_weights(rows, as_weights(&weights)))
    }
}

fn as_weights(array: &ArrayRef) -> Int64Array {
    use arrow::array::AsArray;
    array.as_primitive::<arrow::datatypes::Int64Type>().clone()
}

/// A batch of `rows` rows; the count is needed where there is no column to tell it.
pub fn with_row_count(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}

/// A batch without rows, also where the schema has no columns.
pub fn empty_batch(schema: &SchemaRef) -> RecordBatch {
    RecordBatch::new_empty(SchemaRef::clone(schema))
}

/// The rows at `indices`, also of a batch without columns.
pub fn gather(rows: &RecordBatch, indices: &UInt32Array) -> Result<RecordBatch> {
    if rows.num_columns() == 0 {
        return with_row_count(rows.schema(), vec![], indices.len());
    }
    Ok(take_record_batch(rows, indices)?)
}

/// The rows at `(batch, row)` of several batches of the same schema.
pub fn gather_batch(schema: &SchemaRef, batches: &[&RecordBatch], indices: &[(usize, usize)]) -> Result<RecordBatch> {
    if indices.is_empty() {
        return Ok(empty_batch(schema));
    }
    let columns = (0..schema.fields().len())
        .map(|c| {
            let arrays: Vec<&dyn Array> = batches.iter().map(|b| b.column(c).as_ref()).collect();
            interleave(&arrays, indices)
        })
        .collect::<std::result::Result<Vec<_>, _>>()?;
    with_row_count(SchemaRef::clone(schema), columns, indices.len())
}
