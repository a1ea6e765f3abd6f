//! Rows of one data file, without the deleted ones.

use crate::projection::Projection;
use crate::rows::{batch, cast_column};
use crate::version::FileVersion;
use crate::{LakeError, Result};
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{concat_batches, filter, filter_record_batch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection};
use std::collections::VecDeque;
use std::sync::Arc;

/// Batches of a file, a row group at a time.
pub(crate) struct FileScan {
    file: Arc<FileVersion>,
    columns: FileColumns,
    row_groups: VecDeque<(usize, u64)>,
    /// The reader of the current row group, and the position in the file of its next row.
    current: Option<(ParquetRecordBatchReader, u64)>,
    batch_rows: usize,
}

impl FileScan {
    pub(crate) fn new(
        file: &Arc<FileVersion>,
        projection: &Arc<Projection>,
        row_groups: Option<&[usize]>,
        batch_rows: usize,
    ) -> Self {
        let mut first = 0;
        let mut wanted = VecDeque::new();
        for (i, rows) in file.file.row_groups().into_iter().enumerate() {
            if row_groups.is_none_or(|groups| groups.contains(&i)) && file.live_in(first..first + rows) {
                wanted.push_back((i, first));
            }
            first += rows;
        }
        let columns = FileColumns::new(file, projection);
        Self { file: Arc::clone(file), columns, row_groups: wanted, current: None, batch_rows }
    }

    /// The next batch that has live rows.
    pub(crate) fn next_batch(&mut self) -> Result<Option<(RecordBatch, Int64Array)>> {
        loop {
            let Some((reader, position)) = &mut self.current else {
                let Some((group, first)) = self.row_groups.pop_front() else { return Ok(None) };
                self.current = Some((self.columns.group_reader(&self.file, group, self.batch_rows)?, first));
                continue;
            };
            let Some(rows) = reader.next().transpose()? else {
                self.current = None;
                continue;
            };
            let first = *position;
            *position += rows.num_rows() as u64;
            let rows = self.columns.table_rows(&rows)?;
            let (rows, row_ids) = live_rows(&self.file, rows, first)?;
            if rows.num_rows() > 0 {
                return Ok(Some((rows, row_ids)));
            }
        }
    }
}

fn live_rows(file: &FileVersion, rows: RecordBatch, first: u64) -> Result<(RecordBatch, Int64Array)> {
    let positions = first..first + rows.num_rows() as u64;
    let row_ids: Int64Array = positions.clone().map(|p| file.file.row_id(p)).collect::<Vec<_>>().into();
    let Some(deleted) = &file.deleted else { return Ok((rows, row_ids)) };
    let keep: BooleanArray = positions.map(|p| Some(!deleted.contains(p))).collect();
    let row_ids = filter(&row_ids, &keep)?;
    Ok((filter_record_batch(&rows, &keep)?, Int64Array::from(row_ids.to_data())))
}

/// The rows at ascending positions, reading only the pages that hold them.
pub(crate) fn rows_at(file: &Arc<FileVersion>, projection: &Arc<Projection>, positions: &[u64]) -> Result<RecordBatch> {
    let ranges = positions.iter().map(|&p| p as usize..p as usize + 1);
    let selection = RowSelection::from_consecutive_ranges(ranges, file.file.record_count as usize);
    let columns = FileColumns::new(file, projection);
    let contents = &file.file.contents;
    let reader = contents
        .reader()?
        .with_projection(columns.mask(file))
        .with_row_selection(selection)
        .build()
        .map_err(LakeError::parquet(&contents.path))?;
    let batches = reader.map(|rows| columns.table_rows(&rows?)).collect::<Result<Vec<_>>>()?;
    match batches.as_slice() {
        [one] => Ok(one.clone()),
        _ if projection.schema.fields().is_empty() => batch(&projection.schema, vec![], positions.len()),
        _ => Ok(concat_batches(&projection.schema, &batches)?),
    }
}

/// Where a file has the columns of a projection.
struct FileColumns {
    projection: Arc<Projection>,
    /// Root columns to read, ascending.
    roots: Vec<usize>,
    /// For each column of the projection its place among `roots`, `None` if the file is older than it.
    places: Vec<Option<usize>>,
}

impl FileColumns {
    fn new(file: &FileVersion, projection: &Arc<Projection>) -> Self {
        let found = projection.columns.iter().map(|c| file.file.contents.column(c.id, &c.name)).collect::<Vec<_>>();
        let mut roots: Vec<usize> = found.iter().flatten().copied().collect();
        roots.sort_unstable();
        roots.dedup();
        let places = found.iter().map(|root| roots.binary_search(root.as_ref()?).ok()).collect();
        Self { projection: Arc::clone(projection), roots, places }
    }

    fn mask(&self, file: &FileVersion) -> ProjectionMask {
        ProjectionMask::roots(file.file.contents.meta.parquet_schema(), self.roots.iter().copied())
    }

    fn group_reader(&self, file: &FileVersion, group: usize, batch_rows: usize) -> Result<ParquetRecordBatchReader> {
        let contents = &file.file.contents;
        let reader = contents.group_reader(group, &self.roots)?.with_batch_size(batch_rows);
        reader.build().map_err(LakeError::parquet(&contents.path))
    }

    fn table_rows(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.projection.columns.iter().zip(&self.places).map(|(column, place)| match place {
            Some(place) => cast_column(rows.column(*place), column),
            None => crate::catalog::initial_values(column, rows.num_rows()),
        });
        batch(&self.projection.schema, columns.collect::<Result<Vec<ArrayRef>>>()?, rows.num_rows())
    }
}
