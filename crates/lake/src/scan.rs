use crate::files::FileScan;
use crate::inlined::InlinedChunk;
use crate::projection::Projection;
use crate::version::{FileVersion, TableVersion};
use crate::{LakeError, Result};
use arrow::array::{Int64Array, RecordBatch};
use std::collections::VecDeque;
use std::sync::Arc;

const BATCH_ROWS: usize = 8192;

/// Batches of live rows with their row ids. Holds on to the version that it reads.
pub struct Scan {
    projection: Option<Arc<Projection>>,
    parts: VecDeque<Part>,
    current: Option<Current>,
    error: Option<LakeError>,
}

enum Part {
    Chunk(Arc<InlinedChunk>),
    File(Arc<FileVersion>, Option<Vec<usize>>),
}

enum Current {
    Rows(RecordBatch, Int64Array),
    File(Box<FileScan>),
}

impl Scan {
    pub(crate) fn table(version: &TableVersion, projection: Option<&[usize]>) -> Self {
        let files = version.files.iter().map(|f| Part::File(Arc::clone(f), None));
        Self::new(version, projection, chunks(version).chain(files).collect())
    }

    pub(crate) fn inlined(version: &TableVersion, projection: Option<&[usize]>) -> Self {
        Self::new(version, projection, chunks(version).collect())
    }

    pub(crate) fn file(
        version: &TableVersion,
        i: usize,
        projection: Option<&[usize]>,
        row_groups: Option<Vec<usize>>,
    ) -> Self {
        let part = version.files.get(i).map(|f| Part::File(Arc::clone(f), row_groups));
        Self::new(version, projection, part.into_iter().collect())
    }

    fn new(version: &TableVersion, projection: Option<&[usize]>, parts: VecDeque<Part>) -> Self {
        match version.projection(projection) {
            Ok(projection) => Self { projection: Some(projection), parts, current: None, error: None },
            Err(error) => Self { projection: None, parts, current: None, error: Some(error) },
        }
    }

    fn next_batch(&mut self) -> Result<Option<(RecordBatch, Int64Array)>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(projection) = self.projection.clone() else { return Ok(None) };
        loop {
            match &mut self.current {
                Some(Current::Rows(rows, row_ids)) if rows.num_rows() > 0 => {
                    let take = rows.num_rows().min(BATCH_ROWS);
                    let next = (rows.slice(0, take), row_ids.slice(0, take));
                    let left = rows.num_rows() - take;
                    (*rows, *row_ids) = (rows.slice(take, left), row_ids.slice(take, left));
                    return Ok(Some(next));
                }
                Some(Current::File(scan)) => {
                    if let Some(next) = scan.next_batch()? {
                        return Ok(Some(next));
                    }
                }
                _ => {}
            }
            let Some(part) = self.parts.pop_front() else { return Ok(None) };
            self.current = Some(part.open(&projection)?);
        }
    }
}

fn chunks(version: &TableVersion) -> impl Iterator<Item = Part> + '_ {
    version.inlined.chunks.iter().map(|c| Part::Chunk(Arc::clone(c)))
}

impl Part {
    fn open(self, projection: &Arc<Projection>) -> Result<Current> {
        Ok(match self {
            Self::Chunk(chunk) => {
                let (rows, row_ids) = chunk.live()?;
                let rows = rows.project(&projection.indices)?;
                let columns = rows.columns().to_vec();
                Current::Rows(crate::rows::batch(&projection.schema, columns, rows.num_rows())?, row_ids)
            }
            Self::File(file, groups) => {
                Current::File(Box::new(FileScan::new(&file, projection, groups.as_deref(), BATCH_ROWS)))
            }
        })
    }
}

impl Iterator for Scan {
    type Item = Result<(RecordBatch, Int64Array)>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_batch();
        if next.is_err() {
            self.parts.clear();
            self.current = None;
        }
        next.transpose()
    }
}
