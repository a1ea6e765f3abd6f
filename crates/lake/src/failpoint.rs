//! Places where a crash can be forced, for tests of recovery.
//!
//! With `SLUICE_FAILPOINT=name` in the environment the process dies at the first failpoint of that name, as
//! abruptly as by a power cut. The names, in the order of a commit:
//!
//! | name | at |
//! |---|---|
//! | `before_file_sync` | a Parquet file is written, but not yet flushed to disk |
//! | `after_file_write` | a Parquet file is safe on disk, and no catalog row names it |
//! | `before_commit` | the catalog transaction has not begun |
//! | `in_commit` | its snapshot row is written |
//! | `after_commit` | the commit is durable, and nobody has been told |
//!
//! Maintenance has `before_flush_commit`, `in_flush` and `after_flush` at the same places of a flush,
//! `before_merge_commit`, `in_merge` and `after_merge` of a merge or rewrite, `in_expire` and `after_expire` around the
//! commit of an expiry, and `after_clean` when files are deleted and the catalog still lists them as to be deleted.

use std::sync::OnceLock;

/// Dies here if the environment says so.
pub fn failpoint(name: &str) {
    static WANTED: OnceLock<Option<String>> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| std::env::var("SLUICE_FAILPOINT").ok());
    if wanted.as_deref() == Some(name) {
        std::process::abort();
    }
}
