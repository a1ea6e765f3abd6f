//! The catalog's mode. It may hold verifiers of passwords, so only its owner reads it unless somebody decides otherwise.

use crate::{LakeError, Result};
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Makes the file for its owner alone if it is not there; one that is there keeps its mode. SQLite gives the files
/// that it makes beside it the same mode.
pub(crate) fn create_private(path: &Path) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(LakeError::io("creating", path)(e)),
        _ => Ok(()),
    }
}

/// Whether users that do not own the file may read it.
pub(crate) fn others_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.mode() & 0o044 != 0)
}
