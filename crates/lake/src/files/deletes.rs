//! Rows that a file has and a snapshot does not: delete files, and files that hold rows of several snapshots.

use super::{Contents, SNAPSHOT_ID};
use crate::Result;
use crate::bitmap::Bitmap;
use std::path::Path;

pub(super) const PATH: (i32, &str) = (2_147_483_646, "file_path");
pub(super) const POSITION: (i32, &str) = (2_147_483_645, "pos");

/// Adds the positions of a delete file, up to `snapshot` if it says when each row was deleted.
pub(crate) fn read_delete_file(path: &Path, snapshot: i64, deleted: &mut Bitmap) -> Result<()> {
    for (position, deleted_at) in read_deletes(path)? {
        if deleted_at.is_none_or(|s| s <= snapshot) {
            deleted.insert(position as u64);
        }
    }
    Ok(())
}

/// The positions of a delete file, with the snapshots that deleted them if it says so.
pub(crate) fn read_deletes(path: &Path) -> Result<Vec<(i64, Option<i64>)>> {
    let file = Contents::open(path)?;
    let Some(position) = file.internal_column(POSITION) else {
        return Err(crate::LakeError::Corrupt(format!("delete file {} has no column pos", path.display())));
    };
    let positions = file.int64_column(position)?.into_iter();
    Ok(match snapshots(&file)? {
        Some(snapshots) => positions.zip(snapshots.into_iter().map(Some)).collect(),
        None => positions.map(|p| (p, None)).collect(),
    })
}

/// Adds the rows that came after `snapshot` to a file that holds rows of several snapshots.
pub(crate) fn rows_after(file: &Contents, snapshot: i64, deleted: &mut Bitmap) -> Result<()> {
    for (position, begin) in snapshots(file)?.unwrap_or_default().into_iter().enumerate() {
        if begin > snapshot {
            deleted.insert(position as u64);
        }
    }
    Ok(())
}

/// The snapshots that the rows of a data file came with, or that the rows of a delete file were deleted by.
pub(crate) fn snapshots(file: &Contents) -> Result<Option<Vec<i64>>> {
    file.internal_column(SNAPSHOT_ID).map(|root| file.int64_column(root)).transpose()
}
