//! Places where a crash can be forced, or a thread held up, for tests of recovery and of what happens meanwhile.
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
//! commit of an expiry, and `after_clean` when files are deleted and the catalog still lists them as to be deleted. A new
//! view that is being filled comes to `in_fill` before each portion of rows.
//!
//! With `SLUICE_HOLD=name=path` the first thread that comes to that failpoint while there is a file `path` waits: it
//! renames the file to `path.held` and goes on once that is removed.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// Dies or waits here if the environment says so.
pub fn failpoint(name: &str) {
    static CRASH: OnceLock<Option<String>> = OnceLock::new();
    static HOLD: OnceLock<Option<String>> = OnceLock::new();
    let wanted = CRASH.get_or_init(|| std::env::var("SLUICE_FAILPOINT").ok());
    if wanted.as_deref() == Some(name) {
        std::process::abort();
    }
    let wanted = HOLD.get_or_init(|| std::env::var("SLUICE_HOLD").ok());
    if let Some((at, path)) = wanted.as_ref().and_then(|w| w.split_once('='))
        && at == name
    {
        hold(Path::new(path));
    }
}

fn hold(path: &Path) {
    let held = path.with_added_extension("held");
    if std::fs::rename(path, &held).is_ok() {
        while held.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
