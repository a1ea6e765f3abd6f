//! Inlined deletes of a file's rows become the file's one delete file, together with those that it has.

use crate::Result;
use crate::catalog::{Flush, FlushedDeletes};
use crate::files::{read_deletes, write_delete_file};
use crate::types::TableInfo;
use crate::version::{DataFile, TableVersion};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A delete file as the catalog names it.
pub(super) struct Old {
    pub(super) id: i64,
    pub(super) path: PathBuf,
    format: String,
    begin_snapshot: i64,
}

pub(super) fn write_deletes(db: &Connection, version: &TableVersion, work: &mut Flush) -> Result<()> {
    if !version.has_inlined_deletes {
        return Ok(());
    }
    let mut inlined = inlined_deletes_by_file(db, version.info.id)?;
    for file in &version.files {
        let Some(deletes) = inlined.remove(&file.file.id) else { continue };
        work.deletes.extend(write_deletes_of(db, version, &file.file, deletes)?);
    }
    Ok(())
}

/// Positions and snapshots of the inlined deletes of each file.
pub(super) fn inlined_deletes_by_file(db: &Connection, table_id: i64) -> Result<BTreeMap<i64, Vec<(i64, i64)>>> {
    let sql = format!("SELECT file_id, row_id, begin_snapshot FROM ducklake_inlined_delete_{table_id}");
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query([])?;
    let mut deletes: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        deletes.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
    }
    Ok(deletes)
}

/// `deletes` are positions and snapshots. `None` for a file whose deletes are not in one Parquet file.
fn write_deletes_of(
    db: &Connection,
    version: &TableVersion,
    file: &DataFile,
    mut deletes: Vec<(i64, i64)>,
) -> Result<Option<FlushedDeletes>> {
    let old = delete_files(db, &version.info, file.id)?;
    let Some(known) = known_deletes(&old)? else { return Ok(None) };
    deletes.extend(known);
    let replaces = old.into_iter().next().map(|old| (old.id, old.path));
    Ok(Some(FlushedDeletes { replaces, ..write(&version.info, file.id, &file.path, deletes)? }))
}

/// Positions of rows that the delete files of one data file delete, with the snapshots that did. `None` if they are
/// more than one, or not Parquet.
pub(super) fn known_deletes(files: &[Old]) -> Result<Option<Vec<(i64, i64)>>> {
    match files {
        [] => Ok(Some(vec![])),
        [one] if one.format == "parquet" => {
            let known = read_deletes(&one.path)?.into_iter();
            Ok(Some(known.map(|(pos, snapshot)| (pos, snapshot.unwrap_or(one.begin_snapshot))).collect()))
        }
        _ => Ok(None),
    }
}

/// Writes a delete file.
pub(super) fn write(
    info: &TableInfo,
    data_file_id: i64,
    data_file: &std::path::Path,
    mut deletes: Vec<(i64, i64)>,
) -> Result<FlushedDeletes> {
    deletes.sort_unstable();
    deletes.dedup_by_key(|(pos, _)| *pos);
    let (path, size_bytes, footer_size) = write_delete_file(&info.folder, data_file, &deletes)?;
    let snapshots = || deletes.iter().map(|(_, snapshot)| *snapshot);
    Ok(FlushedDeletes {
        data_file_id,
        path,
        size_bytes,
        footer_size,
        count: deletes.len(),
        first: snapshots().min().unwrap_or_default(),
        last: snapshots().max().unwrap_or_default(),
        replaces: None,
    })
}

pub(super) fn delete_files(db: &Connection, info: &TableInfo, data_file_id: i64) -> Result<Vec<Old>> {
    let sql = "SELECT delete_file_id, path, format, begin_snapshot FROM ducklake_delete_file \
               WHERE table_id = ?1 AND data_file_id = ?2 AND end_snapshot IS NULL";
    let row = |r: &rusqlite::Row<'_>| {
        let path = info.folder.join(r.get::<_, String>(1)?);
        Ok(Old { id: r.get(0)?, path, format: r.get(2)?, begin_snapshot: r.get(3)? })
    };
    let mut query = db.prepare_cached(sql)?;
    Ok(query.query_map([info.id, data_file_id], row)?.collect::<rusqlite::Result<_>>()?)
}
