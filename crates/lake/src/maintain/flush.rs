use crate::catalog::{Flush, FlushedRows, LiveRows, flush, live_rows};
use crate::files::FileWriter;
use crate::lake::Lake;
use crate::types::{InlinedTable, TableInfo, arrow_schema};
use crate::{LakeError, Result, failpoint};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// What a flush moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Rows that moved from the catalog to files.
    pub rows: u64,
    /// Files written: of rows, and of deletes.
    pub files: usize,
}

impl Lake {
    /// Moves a table's inlined rows to files, and inlined deletes to the delete files of its data files. All
    /// rows keep their ids and the snapshots that they came with. Makes a snapshot if anything moved.
    ///
    /// Rows that ended stay in the catalog until no snapshot sees them: DuckDB's `table_changes` is wrong when a
    /// file has two ended versions of one row.
    pub fn flush(&mut self, table_id: i64, now_micros: i64) -> Result<Flushed> {
        let missing = LakeError::NoSuchObject { what: "table", id: table_id };
        let version = Arc::clone(self.state.tables.get(&table_id).ok_or(missing)?);
        version.check_files()?;
        let mut work = Flush { table_id, time_micros: now_micros, rows: vec![], deletes: vec![] };
        let outcome = self.write_rows(&version.info, &mut work).and_then(|()| {
            self.write_deletes(&version, &mut work)?;
            failpoint("before_flush_commit");
            if work.is_empty() {
                return Ok(None);
            }
            flush(&mut self.db, &self.state, &self.data_dir, &self.files, &work).map(Some)
        });
        match outcome {
            // After a failed commit nobody knows for sure that the catalog will not name the files.
            Err(LakeError::Catalog(error)) => Err(LakeError::Catalog(error)),
            Err(error) => {
                remove(&work);
                Err(error)
            }
            Ok(None) => Ok(Flushed::default()),
            Ok(Some(outcome)) => {
                failpoint("after_flush");
                outcome.apply(&mut self.state);
                let rows = work.rows.iter().map(|r| r.file.rows()).sum();
                Ok(Flushed { rows, files: work.rows.len() + work.deletes.len() })
            }
        }
    }

    /// One file for each inlined-data table, for each has columns of its own time. Rows with columns that this
    /// crate can't read stay, and all others of the table with them.
    fn write_rows(&self, info: &TableInfo, work: &mut Flush) -> Result<()> {
        let tables = info.inlined_tables.iter().map(|t| Ok((t, LiveRows::prepare(&self.db, info, t)?)));
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
}

fn write_live(info: &TableInfo, table: &InlinedTable, mut query: LiveRows<'_>) -> Result<Option<FlushedRows>> {
    let mut columns = query.columns.clone();
    // Rows of before a NOT NULL may have nulls.
    columns.iter_mut().for_each(|c| c.nulls_allowed = true);
    let schema = arrow_schema(&columns);
    let mut writer = FileWriter::create(&TableInfo { columns, schema, ..info.clone() })?;
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

/// After an error the files that were written for it go.
fn remove(work: &Flush) {
    let rows = work.rows.iter().map(|r| &r.file.contents.path);
    for path in rows.chain(work.deletes.iter().map(|d| &d.path)).collect::<Vec<&PathBuf>>() {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!("{} could not be removed: {error}", path.display());
        }
    }
}
