//! Holds a server up at a failpoint, so that what happens meanwhile does not depend on who is faster.

use crate::harness::{Server, wait_until};
use std::path::{Path, PathBuf};

pub struct Hold {
    dir: tempfile::TempDir,
    failpoint: &'static str,
}

impl Hold {
    pub fn at(failpoint: &'static str) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), failpoint }
    }

    /// A server that can be held up; it is not yet.
    pub fn server(&self, dir: &Path) -> Server {
        let wanted = format!("{}={}", self.failpoint, self.wanted().display());
        Server::start_with(dir, &[("SLUICE_HOLD", &wanted)])
    }

    /// The next thread that comes to the failpoint is held there.
    pub fn arm(&self) {
        std::fs::write(self.wanted(), "").unwrap();
    }

    /// Waits until one is.
    pub async fn reached(&self) {
        wait_until(async || self.held().exists().then_some(()).ok_or(format!("{} is not reached", self.failpoint)))
            .await;
    }

    pub fn release(&self) {
        std::fs::remove_file(self.held()).unwrap();
    }

    fn wanted(&self) -> PathBuf {
        self.dir.path().join("hold")
    }

    fn held(&self) -> PathBuf {
        self.dir.path().join("hold.held")
    }
}
