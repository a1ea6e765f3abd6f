//! Inlined deletes of a file's rows become the file's one delete file, together with those that it has.

use crate::Result;
use crate::catalog::{Flush, FlushedDeletes};
use crate::files::{read_deletes, write_delete_file};
use crate::lake::Lake;
use crate::version::TableVersion;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A delete file as the catalog names it.
struct Old {
    id: i64,
    path: PathBuf,
    format: String,
    begin_snapshot: i64,
}

impl Lake {
    pub(super) fn write_deletes(&self, version: &TableVersion, work: &mut Flush) -> Result<()> {
        if !version.has_inlined_deletes {
            return Ok(());
        }
        let mut inlined = self.inlined_deletes_by_file(version.info.id)?;
        for file in &version.files {
            let Some(deletes) = inlined.remove(&file.file.id) else { continue };
            if let Some(written) = self.write_deletes_of(version, file.file.id, &file.file.path, deletes)? {
                work.deletes.push(written);
            }
        }
        Ok(())
    }

    fn inlined_deletes_by_file(&self, table_id: i64) -> Result<BTreeMap<i64, Vec<(i64, i64)>>> {
        let sql = format!("SELECT file_id, row_id, begin_snapshot FROM ducklake_inlined_delete_{table_id}");
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query([])?;
        let mut deletes: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            deletes.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
        }
        Ok(deletes)
    }

    /// `deletes` are positions and snapshots. `None` for a file whose deletes are not in one Parquet file.
    fn write_deletes_of(
        &self,
        version: &TableVersion,
        data_file_id: i64,
        data_file: &std::path::Path,
        mut deletes: Vec<(i64, i64)>,
    ) -> Result<Option<FlushedDeletes>> {
        let old = self.delete_files(version, data_file_id)?;
        let replaces = match old.as_slice() {
            [] => None,
            [one] if one.format == "parquet" => Some((one.id, one.path.clone())),
            _ => return Ok(None),
        };
        for old in &old {
            let known = read_deletes(&old.path)?.into_iter();
            deletes.extend(known.map(|(pos, snapshot)| (pos, snapshot.unwrap_or(old.begin_snapshot))));
        }
        deletes.sort_unstable();
        deletes.dedup_by_key(|(pos, _)| *pos);
        let (path, size_bytes, footer_size) = write_delete_file(&version.info.folder, data_file, &deletes)?;
        let snapshots = || deletes.iter().map(|(_, snapshot)| *snapshot);
        Ok(Some(FlushedDeletes {
            data_file_id,
            path,
            size_bytes,
            footer_size,
            count: deletes.len(),
            first: snapshots().min().unwrap_or_default(),
            last: snapshots().max().unwrap_or_default(),
            replaces,
        }))
    }

    fn delete_files(&self, version: &TableVersion, data_file_id: i64) -> Result<Vec<Old>> {
        let sql = "SELECT delete_file_id, path, format, begin_snapshot FROM ducklake_delete_file \
                   WHERE table_id = ?1 AND data_file_id = ?2";
        let row = |r: &rusqlite::Row<'_>| {
            let path = version.info.folder.join(r.get::<_, String>(1)?);
            Ok(Old { id: r.get(0)?, path, format: r.get(2)?, begin_snapshot: r.get(3)? })
        };
        let mut query = self.db.prepare_cached(sql)?;
        Ok(query.query_map([version.info.id, data_file_id], row)?.collect::<rusqlite::Result<_>>()?)
    }
}
