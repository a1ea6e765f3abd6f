//! A table at one snapshot: immutable and cheap to clone, so that readers can pin it.

use crate::bitmap::Bitmap;
use crate::catalog::TableStats;
use crate::files::{Contents, rows_at};
use crate::inlined::{Inlined, Place};
use crate::projection::Projection;
use crate::rows::{adapt, batch};
use crate::scan::Scan;
use crate::types::{ColumnInfo, TableInfo};
use crate::{LakeError, Result};
use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// A table's definition and rows at one snapshot.
#[derive(Debug, Clone)]
pub struct TableVersion {
    /// Name and columns.
    pub info: Arc<TableInfo>,
    /// Above every row id that the table has or had.
    pub next_row_id: i64,
    /// Rows in Parquet files, by file id.
    pub files: Vec<Arc<FileVersion>>,
    /// Rows in the catalog.
    pub inlined: Inlined,
    pub(crate) stats: Arc<TableStats>,
    /// The catalog has a table for inlined deletes of this table's files.
    pub(crate) has_inlined_deletes: bool,
    /// A file that can't be read, and why: the rows of the table are out of reach then.
    pub(crate) unsupported_file: Option<(PathBuf, &'static str)>,
}

/// A data file at one snapshot.
#[derive(Debug)]
pub struct FileVersion {
    /// The file.
    pub file: Arc<DataFile>,
    /// Positions of rows that this snapshot does not have.
    pub deleted: Option<Arc<Bitmap>>,
}

/// A Parquet file of the lake. Files never change.
#[derive(Debug)]
pub struct DataFile {
    /// Its id in the catalog.
    pub id: i64,
    /// Where it is.
    pub path: PathBuf,
    /// Number of rows, deleted ones included.
    pub record_count: u64,
    /// Size on disk.
    pub size_bytes: u64,
    /// Length of the Parquet footer without the 8 bytes that follow it.
    pub footer_size: u64,
    /// Row id of the first row of a file that carries no row ids.
    pub row_id_start: Option<i64>,
    /// The first snapshot that has it.
    pub begin_snapshot: i64,
    pub(crate) contents: Arc<Contents>,
    /// Positions in the order of row ids, for a file whose row ids do not ascend.
    order: Option<Vec<u32>>,
}

/// Where a live row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the catalog.
    Inlined,
    /// In a data file.
    File {
        /// The file's id.
        file_id: i64,
        /// The row's position in the file, from 0.
        pos: u64,
    },
}

/// Where rows to read or delete are: in chunks, and in files by index.
pub(crate) enum Found {
    Inlined(Place),
    File(usize, u64),
}

impl TableVersion {
    /// All live rows with their row ids, in batches of at most 8,192 rows: inlined ones first, then file by
    /// file. `projection` holds positions of columns, `None` means all.
    pub fn scan(&self, projection: Option<&[usize]>) -> Scan {
        Scan::table(self, projection)
    }

    /// The live rows that are not in files.
    pub fn scan_inlined(&self, projection: Option<&[usize]>) -> Scan {
        Scan::inlined(self, projection)
    }

    /// The live rows of `files[i]`, or only those of some row groups.
    pub fn scan_file(&self, i: usize, projection: Option<&[usize]>, row_groups: Option<Vec<usize>>) -> Scan {
        Scan::file(self, i, projection, row_groups)
    }

    /// The rows of these ids in this order; an error if one is not live.
    pub fn rows(&self, row_ids: &[i64], projection: Option<&[usize]>) -> Result<RecordBatch> {
        let projection = self.projection(projection)?;
        let found = self.find(row_ids)?;
        if projection.columns.is_empty() || row_ids.is_empty() {
            let columns = projection.schema.fields().iter().map(|f| arrow::array::new_empty_array(f.data_type()));
            return batch(&projection.schema, columns.collect(), row_ids.len());
        }
        self.gather(&found, &projection)
    }

    /// The same rows in other columns, as a change of definitions that is not committed yet leaves them.
    pub fn with_columns(&self, columns: Vec<ColumnInfo>) -> Result<Self> {
        let mut info = self.info.as_ref().clone();
        info.set_columns(columns);
        let inlined = self.inlined.map(|rows| adapt(rows, &self.info.columns, &info))?;
        Ok(Self { inlined, info: Arc::new(info), ..self.clone() })
    }

    /// Refuses columns and files of unsupported kinds.
    pub(crate) fn projection(&self, columns: Option<&[usize]>) -> Result<Arc<Projection>> {
        self.check_files()?;
        Projection::new(&self.info, columns)
    }

    pub(crate) fn check_files(&self) -> Result<()> {
        match self.unsupported_file.clone() {
            Some((path, why)) => Err(LakeError::UnsupportedFile { table: self.info.name.clone(), path, why }),
            None => Ok(()),
        }
    }

    fn gather(&self, found: &[Found], projection: &Arc<Projection>) -> Result<RecordBatch> {
        let mut sources = Vec::new();
        for chunk in &self.inlined.chunks {
            sources.push(chunk.rows.project(&projection.indices)?);
        }
        let mut wanted: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for place in found {
            if let Found::File(file, position) = place {
                wanted.entry(*file).or_default().push(*position);
            }
        }
        let mut source_of_file = BTreeMap::new();
        for (file, positions) in &mut wanted {
            positions.sort_unstable();
            positions.dedup();
            source_of_file.insert(*file, sources.len());
            sources.push(rows_at(&self.files[*file], projection, positions)?);
        }
        let index = |place: &Found| match place {
            Found::Inlined(place) => *place,
            Found::File(file, position) => (source_of_file[file], wanted[file].partition_point(|p| p < position)),
        };
        let indices = found.iter().map(index).collect::<Vec<_>>();
        let rows = interleave_record_batch(&sources.iter().collect::<Vec<_>>(), &indices)?;
        batch(&projection.schema, rows.columns().to_vec(), rows.num_rows())
    }

    /// Where the row is, `None` if it is not live.
    pub fn locate(&self, row_id: i64) -> Option<Location> {
        if self.inlined.find(row_id).is_some() {
            return Some(Location::Inlined);
        }
        self.files.iter().find_map(|f| Some(Location::File { file_id: f.file.id, pos: f.find(row_id)? }))
    }

    /// Finds live rows; an error names the first that is not live.
    pub(crate) fn find(&self, row_ids: &[i64]) -> Result<Vec<Found>> {
        let place = |&row_id: &i64| {
            let inlined = self.inlined.find(row_id).map(Found::Inlined);
            let in_files = || self.files.iter().enumerate().find_map(|(i, f)| Some(Found::File(i, f.find(row_id)?)));
            let missing = || LakeError::NoSuchRow { table: self.info.name.clone(), row_id };
            inlined.or_else(in_files).ok_or_else(missing)
        };
        row_ids.iter().map(place).collect()
    }

    /// Number of rows.
    pub fn live_rows(&self) -> u64 {
        self.inlined.live_rows() as u64 + self.files.iter().map(|f| f.live_rows()).sum::<u64>()
    }
}

impl FileVersion {
    /// Number of rows that are not deleted.
    pub fn live_rows(&self) -> u64 {
        self.file.record_count - self.deleted.as_ref().map_or(0, |d| d.count())
    }

    pub(crate) fn is_live(&self, position: u64) -> bool {
        self.deleted.as_ref().is_none_or(|d| !d.contains(position))
    }

    pub(crate) fn live_in(&self, mut positions: Range<u64>) -> bool {
        positions.any(|p| self.is_live(p))
    }

    /// The position of the live row of that id. A file may hold several versions of a row.
    fn find(&self, row_id: i64) -> Option<u64> {
        self.file.positions(row_id).find(|&p| self.is_live(p))
    }
}

impl DataFile {
    #[allow(clippy::too_many_arguments, reason = "one a column of the catalog")]
    pub(crate) fn new(
        id: i64,
        contents: Arc<Contents>,
        size_bytes: u64,
        footer_size: u64,
        row_id_start: Option<i64>,
        begin_snapshot: i64,
    ) -> Result<Self> {
        let (path, record_count) = (contents.path.clone(), contents.rows());
        if contents.row_ids.is_none() && row_id_start.is_none() {
            return Err(LakeError::Corrupt(format!("{} has no row ids", path.display())));
        }
        let order = contents.row_ids.as_ref().filter(|ids| !ids.is_sorted()).map(|ids| {
            let mut order: Vec<u32> = (0..ids.len() as u32).collect();
            order.sort_by_key(|&p| ids[p as usize]);
            order
        });
        Ok(Self { id, path, record_count, size_bytes, footer_size, row_id_start, begin_snapshot, contents, order })
    }

    /// Number of rows in each row group.
    pub fn row_groups(&self) -> Vec<u64> {
        self.contents.row_groups()
    }

    /// The row ids that the file carries, by position.
    pub fn row_ids(&self) -> Option<&Arc<[i64]>> {
        self.contents.row_ids.as_ref()
    }

    /// The id of the row at a position of the file.
    pub fn row_id(&self, position: u64) -> i64 {
        match &self.contents.row_ids {
            Some(ids) => ids[position as usize],
            None => self.row_id_start.unwrap_or(0) + position as i64,
        }
    }

    fn positions(&self, row_id: i64) -> impl Iterator<Item = u64> + '_ {
        let range = match (&self.contents.row_ids, &self.order) {
            (None, _) => {
                let position = u64::try_from(row_id - self.row_id_start.unwrap_or(0)).ok();
                position.filter(|p| *p < self.record_count).map_or(0..0, |p| p..p + 1)
            }
            (Some(ids), None) => {
                let from = ids.partition_point(|id| *id < row_id);
                from as u64..(from + ids[from..].partition_point(|id| *id == row_id)) as u64
            }
            (Some(ids), Some(order)) => {
                let from = order.partition_point(|&p| ids[p as usize] < row_id);
                from as u64..order.partition_point(|&p| ids[p as usize] <= row_id) as u64
            }
        };
        range.map(|i| self.order.as_ref().map_or(i, |order| u64::from(order[i as usize])))
    }
}
