//! One owner a lake: a lock file whose content says who it is.

use crate::{LakeError, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "sluice.lock";

/// Held for as long as the value lives; the operating system lets go of it when the process dies.
#[derive(Debug)]
pub struct OwnerLock {
    file: File,
    path: PathBuf,
}

impl OwnerLock {
    /// Takes the lake in `dir`, which must exist; `address` tells others where to connect.
    /// [`LakeError::Locked`] names the owner when there is one.
    pub fn acquire(dir: &Path, address: &str) -> Result<Self> {
        let path = dir.join(FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LakeError::io("opening", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let (pid, address) = content(&path).unwrap_or((0, "unknown address".to_string()));
                return Err(LakeError::Locked { pid, address });
            }
            Err(TryLockError::Error(source)) => return Err(LakeError::Io { action: "locking", path, source }),
        }
        let mut lock = Self { file, path };
        lock.set_address(address)?;
        Ok(lock)
    }

    /// Process id and address of the owner of the lake in `dir`, `None` if nobody owns it.
    pub fn read(dir: &Path) -> Option<(u32, String)> {
        let path = dir.join(FILE);
        match File::open(&path).ok()?.try_lock_shared() {
            Err(TryLockError::WouldBlock) => content(&path),
            _ => None,
        }
    }

    /// Tells others another address.
    pub fn set_address(&mut self, address: &str) -> Result<()> {
        let text = format!("{} {address}\n", std::process::id());
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.set_len(text.len() as u64))
            .map_err(LakeError::io("writing", &self.path))
    }
}

fn content(path: &Path) -> Option<(u32, String)> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    let (pid, address) = text.trim_end().split_once(' ')?;
    Some((pid.parse().ok()?, address.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn lake_lock_names_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        assert!(OwnerLock::read(dir.path()).is_none());
        let mut lock = OwnerLock::acquire(dir.path(), "a long address").unwrap();
        lock.set_address("here").unwrap();
        assert_eq!(OwnerLock::read(dir.path()), Some((std::process::id(), "here".to_string())));
        assert!(matches!(OwnerLock::acquire(dir.path(), "b"), Err(LakeError::Locked { .. })));
        drop(lock);
        assert!(OwnerLock::read(dir.path()).is_none());
        OwnerLock::acquire(dir.path(), "c").unwrap();
    }
}
