//! Rules for every text file, and for the pages that describe the code.

use super::{Finding, Page};
use std::path::Path;

/// What does not belong in a file of the project, and why. Put together here, so that this page has none.
const WORDS: [(&str, &str); 7] = [
    (concat!("TO", "DO"), "do it, or write it down where plans are kept"),
    (concat!("FIX", "ME"), "do it, or write it down where plans are kept"),
    (concat!("todo", "!("), "unfinished code"),
    (concat!("unimplemented", "!("), "unfinished code"),
    (concat!("dbg", "!("), "left from a search for a mistake"),
    (concat!("/wo", "rk/"), "a path of somebody's machine"),
    (concat!("/ro", "ot/"), "a path of somebody's machine"),
];

pub(super) fn check(root: &Path, pages: &[Page]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = pages.iter().flat_map(words).collect();
    findings.extend(pages.iter().filter(|p| p.has_extension("md")).flat_map(|p| links(root, p)));
    findings.extend(architecture(root, pages));
    findings
}

fn words(page: &Page) -> Vec<Finding> {
    let mut findings = vec![];
    for (number, line) in page.lines() {
        for (word, why) in WORDS {
            if contains_word(line, word) {
                findings.push(page.finding(number, format!("{word}: {why}")));
            }
        }
    }
    findings
}

/// Whether `word` occurs and is not a piece of a longer name.
fn contains_word(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let named = word.starts_with(char::is_alphanumeric) && part(line[..at].chars().next_back());
        let goes_on = word.ends_with(char::is_alphanumeric) && part(line[at + word.len()..].chars().next());
        !named && !goes_on
    })
}

/// Links of a page to files that are not there.
fn links(root: &Path, page: &Page) -> Vec<Finding> {
    let dir = page.path.parent().unwrap_or(Path::new(""));
    let mut findings = vec![];
    for (number, line) in page.lines() {
        for after in line.split("](").skip(1) {
            let target = after.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !root.join(dir).join(target).exists() {
                findings.push(page.finding(number, format!("the link to {target} leads nowhere")));
            }
        }
    }
    findings
}

/// `ARCHITECTURE.md` names every crate, and no file that is gone.
fn architecture(root: &Path, pages: &[Page]) -> Vec<Finding> {
    let Some(page) = pages.iter().find(|p| p.path.as_os_str() == "ARCHITECTURE.md") else {
        return vec![Finding { path: "ARCHITECTURE.md".into(), line: 1, message: "is missing".into() }];
    };
    let mut findings = vec![];
    for (number, line) in page.lines() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let is_path = ["crates/", "xtask/", "docs/", "tests/"].iter().any(|p| quoted.starts_with(p));
            if is_path && !quoted.contains(['*', '{', '<', ' ']) && !root.join(quoted).exists() {
                findings.push(page.finding(number, format!("{quoted} is not there")));
            }
        }
    }
    for manifest in pages.iter().filter(|p| p.in_crate().is_some_and(|(_, f)| f.as_os_str() == "Cargo.toml")) {
        if let Some((name, _)) = manifest.in_crate()
            && !page.text.contains(&format!("`crates/{name}`"))
        {
            findings.push(page.finding(1, format!("the crate `crates/{name}` is missing")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole() {
        let page = |text: &str| Page { path: "a.md".into(), text: text.into() };
        let unfinished = concat!("// TO", "DO: later");
        assert_eq!(words(&page(unfinished)).len(), 1);
        assert_eq!(words(&page(concat!("MASTO", "DON"))).len(), 0);
        assert_eq!(words(&page(concat!("cd /wo", "rk/main"))).len(), 1);
        assert_eq!(words(&page("a network/path")).len(), 0);
    }

    #[test]
    fn links_lead_to_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = |text: &str| Page { path: "src/a.md".into(), text: text.into() };
        assert_eq!(links(root, &page("[a](main.rs) [b](../Cargo.toml#c) [d](https://e.f) [g](#h)")).len(), 0);
        assert_eq!(links(root, &page("[a](gone.rs)")).len(), 1);
    }
}
