//! Rows that a file has and a snapshot does not: delete files, and files that hold rows of several snapshots.

use super::{Contents, SNAPSHOT_ID};
use crate::Result;
use crate::bitmap::Bitmap;
use std::path::Path;

const POSITION: (i32, &str) = (2_147_483_645, "pos");

/// Adds the positions of a delete file, up to `snapshot` if it says when each row was deleted.
pub(crate) fn read_delete_file(path: &Path, snapshot: i64, deleted: &mut Bitmap) -> Result<()> {
    let file = Contents::open(path)?;
    let Some(position) = file.internal_column(POSITION) else {
        return Err(crate::LakeError::Corrupt(format!("delete file {} has no column pos", path.display())));
    };
    let positions = file.int64_column(position)?;
    let snapshots = snapshots(&file)?;
    for (i, position) in positions.into_iter().enumerate() {
        if snapshots.as_ref().is_none_or(|s| s[i] <= snapshot) {
            deleted.insert(position as u64);
        }
    }
    Ok(())
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

fn snapshots(file: &Contents) -> Result<Option<Vec<i64>>> {
    file.internal_column(SNAPSHOT_ID).map(|root| file.int64_column(root)).transpose()
}
