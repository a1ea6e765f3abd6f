//! `cargo xtask tidy`: rules of the project that neither the compiler nor clippy knows.

mod layers;
mod prose;
mod source;

use crate::Result;
use std::fmt;
use std::path::{Path, PathBuf};

/// A place that breaks a rule.
pub(crate) struct Finding {
    path: PathBuf,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// A text file of the project; the path is relative to its root.
pub(crate) struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, message: message.into() }
    }

    /// Lines with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|e| e == extension)
    }

    /// The crate that a file of `crates/` belongs to, and its path inside.
    fn in_crate(&self) -> Option<(&str, &Path)> {
        let inside = self.path.strip_prefix("crates").ok()?;
        let name = inside.iter().next()?;
        Some((name.to_str()?, inside.strip_prefix(name).ok()?))
    }
}

/// Checks the checkout; whether nothing was found.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let mut pages = vec![];
    collect(root, Path::new(""), &mut pages)?;
    let mut findings = layers::check(&pages);
    findings.extend(source::check(&pages));
    findings.extend(prose::check(root, &pages));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings.iter().for_each(|finding| println!("{finding}"));
    println!("tidy: {} files, {} findings", pages.len(), findings.len());
    Ok(findings.is_empty())
}

/// All text files below `root`, without build output and version control.
fn collect(root: &Path, dir: &Path, pages: &mut Vec<Page>) -> Result<()> {
    let at = root.join(dir);
    let entries = at.read_dir().map_err(|e| format!("{}: {e}", at.display()))?;
    for entry in entries {
        let entry = entry.map_err(|e| format!("{}: {e}", at.display()))?;
        let (name, path) = (entry.file_name(), dir.join(entry.file_name()));
        let kind = entry.file_type().map_err(|e| format!("{}: {e}", at.display()))?;
        if kind.is_dir() {
            if name != "target" && name != ".git" {
                collect(root, &path, pages)?;
            }
        } else if kind.is_file() && name != "Cargo.lock" && path.extension().is_none_or(|e| e != "log") {
            let bytes = std::fs::read(root.join(&path)).map_err(|e| format!("{}: {e}", path.display()))?;
            pages.extend(String::from_utf8(bytes).ok().map(|text| Page { path, text }));
        }
    }
    Ok(())
}
