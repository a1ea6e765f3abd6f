use super::job::{Done, What};
use crate::catalog::{Flush, FlushedRows, LiveRows, live_rows};
use crate::files::FileWriter;
use crate::lake::Lake;
use crate::types::{InlinedTable, TableInfo, arrow_schema};
use crate::{Job, LakeError, Result};
use rusqlite::Connection;
use std::sync::Arc;

impl Lake {
    /// The job that moves a table's inlined rows, at most `rows_max` of each of its inlined-data tables, to files, and
    /// inlined deletes to the delete files of its data files. All rows keep their ids and the snapshots that they came
    /// with.
    ///
    /// Rows that ended stay in the catalog until no snapshot sees them: DuckDB's `table_changes` is wrong when a
    /// file has two ended versions of one row.
    pub fn flush_job(&self, table_id: i64, rows_max: usize) -> Result<Job> {
        let missing = LakeError::NoSuchObject { what: "table", id: table_id };
        let version = self.state.tables.get(&table_id).ok_or(missing)?;
        version.check_files()?;
        self.job(version, What::Flush(rows_max))
    }

    /// Flushes a table at once.
    pub fn flush(&mut self, table_id: i64, now_micros: i64) -> Result<Done> {
        match self.flush_job(table_id, usize::MAX)?.write()? {
            Some(prepared) => self.commit_job(prepared, now_micros),
            None => Ok(Done::default()),
        }
    }
}

/// One file for each inlined-data table, for each has columns of its own time. Rows with columns that this
/// crate can't read stay, and all others of the table with them.
pub(super) fn write_rows(db: &Connection, info: &TableInfo, rows_max: usize, work: &mut Flush) -> Result<()> {
    let tables = info.inlined_tables.iter().map(|t| Ok((t, LiveRows::prepare(db, info, t, rows_max)?)));
    let tables = tables.collect::<Result<Vec<_>>>()?;
    if tables.iter().any(|(_, live)| live.columns.iter().any(|c| c.ty.arrow().is_none())) {
        return Ok(());
    }
    for (table, live) in tables {
        if let Some(rows) = write_live(info, table, live)? {
            work.rows.push(rows);
        }
    }
    Ok(())
}

fn write_live(info: &TableInfo, table: &InlinedTable, mut query: LiveRows<'_>) -> Result<Option<FlushedRows>> {
    let mut writer = FileWriter::create(&lenient(info, query.columns.clone()))?;
    let mut snapshots = (i64::MAX, i64::MIN);
    live_rows(&mut query, |rows, row_ids, begins| {
        let seen = begins.values().iter();
        snapshots = seen.fold(snapshots, |(first, last), b| (first.min(*b), last.max(*b)));
        writer.write_versions(rows, row_ids, begins)
    })?;
    if writer.rows() == 0 {
        return Ok(None);
    }
    let (first, last) = snapshots;
    Ok(Some(FlushedRows { file: writer.finish()?, inlined_table: table.name.clone(), first, last }))
}

/// The table with other columns that may have nulls: rows of before a NOT NULL may have them.
pub(super) fn lenient(info: &TableInfo, mut columns: Vec<crate::ColumnInfo>) -> TableInfo {
    columns.iter_mut().for_each(|c| c.nulls_allowed = true);
    let schema = arrow_schema(&columns);
    TableInfo { columns, schema: Arc::clone(&schema), ..info.clone() }
}
