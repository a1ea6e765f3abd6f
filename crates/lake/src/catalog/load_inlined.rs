//! Reads inlined rows.
//!
//! Every change of a table's columns starts a new inlined-data table and leaves the old ones, so rows are
//! decoded with the columns of their own time and then fitted to those of today.

use super::cells::CellBuilder;
use super::load::{COLUMN, VISIBLE, column_info};
use super::quoted;
use crate::Result;
use crate::inlined::Inlined;
use crate::rows::{adapt, batch};
use crate::types::{ColumnInfo, InlinedTable, LakeType, TableInfo, arrow_schema};
use arrow::array::{Int64Array, RecordBatch};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Rows, Statement};

const CHUNK_ROWS: usize = 65_536;

/// Adds the rows of `info` that `snapshot` sees.
pub(super) fn load_inlined(db: &Connection, info: &TableInfo, snapshot: i64, inlined: &mut Inlined) -> Result<()> {
    for table in &info.inlined_tables {
        let sql = format!("SELECT * FROM {} WHERE {VISIBLE} ORDER BY row_id", quoted(&table.name));
        let mut query = db.prepare(&sql)?;
        let names = query.column_names().iter().skip(3).map(ToString::to_string).collect::<Vec<_>>();
        let mut rows = query.query([snapshot])?;
        let mut columns = None;
        while let Some(first) = rows.next()? {
            if columns.is_none() {
                columns = Some(columns_of(db, info, table, &names)?);
            }
            let Some(columns) = &columns else { break };
            let mut chunk = Chunk::new(columns);
            chunk.append(first, columns)?;
            let more = chunk.fill(&mut rows, columns)?;
            let (old, row_ids, _) = chunk.finish(columns)?;
            inlined.push(&adapt(&old, columns, info)?, &row_ids)?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

/// The live rows of one inlined-data table, in the columns of its time.
pub(crate) struct LiveRows<'a> {
    query: Statement<'a>,
    pub(crate) columns: Vec<ColumnInfo>,
}

impl<'a> LiveRows<'a> {
    /// At most `rows_max` rows, those with the lowest ids.
    pub(crate) fn prepare(db: &'a Connection, info: &TableInfo, table: &InlinedTable, rows_max: usize) -> Result<Self> {
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT * FROM {} WHERE end_snapshot IS NULL ORDER BY row_id LIMIT {rows_max}",
            quoted(&table.name)
        );
        let query = db.prepare(&sql)?;
        let names = query.column_names().iter().skip(3).map(ToString::to_string).collect::<Vec<_>>();
        Ok(Self { query, columns: columns_of(db, info, table, &names)? })
    }
}

/// Hands out rows, their ascending ids and the snapshots that they came with, chunk by chunk.
pub(crate) fn live_rows(
    live: &mut LiveRows<'_>,
    mut each: impl FnMut(&RecordBatch, &Int64Array, &Int64Array) -> Result<()>,
) -> Result<()> {
    let columns = &live.columns;
    let mut rows = live.query.query([])?;
    loop {
        let mut chunk = Chunk::new(columns);
        let more = chunk.fill(&mut rows, columns)?;
        let (values, row_ids, begins) = chunk.finish(columns)?;
        each(&values, &row_ids, &begins)?;
        if !more {
            return Ok(());
        }
    }
}

struct Chunk {
    row_ids: Vec<i64>,
    begins: Vec<i64>,
    cells: Vec<CellBuilder>,
}

impl Chunk {
    fn new(columns: &[ColumnInfo]) -> Self {
        Self { row_ids: vec![], begins: vec![], cells: columns.iter().map(|c| CellBuilder::new(&c.ty)).collect() }
    }

    /// False when there are no more rows.
    fn fill(&mut self, rows: &mut Rows<'_>, columns: &[ColumnInfo]) -> Result<bool> {
        while self.row_ids.len() < CHUNK_ROWS {
            let Some(row) = rows.next()? else { return Ok(false) };
            self.append(row, columns)?;
        }
        Ok(true)
    }

    fn append(&mut self, row: &rusqlite::Row<'_>, columns: &[ColumnInfo]) -> Result<()> {
        self.row_ids.push(row.get(0)?);
        self.begins.push(row.get(1)?);
        for (i, (cell, column)) in self.cells.iter_mut().zip(columns).enumerate() {
            let value = row.get_ref(i + 3)?;
            cell.append(if matches!(column.ty, LakeType::Other(_)) { ValueRef::Null } else { value }, column)?;
        }
        Ok(())
    }

    fn finish(self, columns: &[ColumnInfo]) -> Result<(RecordBatch, Int64Array, Int64Array)> {
        let rows = self.row_ids.len();
        let arrays = self.cells.into_iter().map(CellBuilder::finish).collect();
        Ok((batch(&arrow_schema(columns), arrays, rows)?, self.row_ids.into(), self.begins.into()))
    }
}

/// The columns that an inlined-data table was made for.
fn columns_of(db: &Connection, info: &TableInfo, table: &InlinedTable, names: &[String]) -> Result<Vec<ColumnInfo>> {
    let begin = begin_of(db, info.id, table.schema_version)?;
    let sql = format!(
        "SELECT {COLUMN} FROM ducklake_column WHERE table_id = ?2 AND parent_column IS NULL AND {VISIBLE} \
         ORDER BY column_order"
    );
    let mut query = db.prepare_cached(&sql)?;
    let columns =
        query.query_map([begin, Some(info.id)], |r| column_info(r, 0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    if columns.iter().map(|c| &c.name).eq(names) {
        return Ok(columns);
    }
    // The definitions of that time have expired: what is left goes by name.
    let by_name = |name: &String| match info.column(name) {
        Some((_, column)) => column.clone(),
        None => ColumnInfo::new(-1, name, LakeType::Other(String::new())),
    };
    Ok(names.iter().map(by_name).collect())
}

/// The snapshot that began a schema version of the table.
fn begin_of(db: &Connection, table_id: i64, schema_version: i64) -> Result<Option<i64>> {
    let mut own = db.prepare_cached(
        "SELECT begin_snapshot FROM ducklake_schema_versions WHERE table_id = ?1 AND schema_version = ?2",
    )?;
    if let Some(begin) = own.query_row([table_id, schema_version], |r| r.get(0)).optional()? {
        return Ok(begin);
    }
    let mut any = db.prepare_cached("SELECT min(snapshot_id) FROM ducklake_snapshot WHERE schema_version >= ?1")?;
    Ok(any.query_row([schema_version], |r| r.get(0))?)
}
