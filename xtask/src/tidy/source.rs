//! Rules for Rust files, read line by line: rustfmt has made their shape predictable.

use super::layers::SYNCHRONOUS;
use super::{Finding, Page};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 800;

pub(super) fn check(pages: &[Page]) -> Vec<Finding> {
    let sources: Vec<&Page> = pages.iter().filter(|p| p.has_extension("rs")).collect();
    let test_modules: BTreeSet<PathBuf> = sources.iter().flat_map(|p| declared_tests(p)).collect();
    let mut findings = vec![];
    for page in sources {
        findings.extend(length(page));
        let Some((name, inside)) = page.in_crate() else { continue };
        if !inside.starts_with("src") || is_test(page, &test_modules) {
            continue;
        }
        let lines: Vec<(usize, &str)> = page.lines().collect();
        let tested = test_lines(&lines);
        for (i, (number, line)) in lines.iter().enumerate() {
            if tested[i] {
                continue;
            }
            let code = code(line);
            if code.contains(".unwrap()") {
                findings.push(
                    page.finding(*number, "unwrap() outside tests: handle the error, or expect() with the reason"),
                );
            }
            if SYNCHRONOUS.contains(&name) && code.contains("async fn") {
                findings.push(page.finding(*number, format!("{name} is synchronous: no async fn")));
            }
            if let Some(item) = public_item(code)
                && !documented(&lines[..i])
            {
                findings.push(page.finding(*number, format!("public {item} without a doc comment")));
            }
        }
    }
    findings
}

fn length(page: &Page) -> Option<Finding> {
    let lines = page.text.lines().count();
    let excused =
        page.text.lines().take(40).any(|l| l.strip_prefix("// long: ").is_some_and(|why| !why.trim().is_empty()));
    let message = format!("{lines} lines; over {LINES_MAX} a file needs a line `// long: <reason>` near its top");
    (lines > LINES_MAX && !excused).then(|| page.finding(1, message))
}

/// Files and folders of modules that are declared under `#[cfg(test)]`.
fn declared_tests(page: &Page) -> Vec<PathBuf> {
    let lines: Vec<&str> = page.text.lines().map(str::trim).collect();
    let mut found = vec![];
    for (i, line) in lines.iter().enumerate() {
        let item = lines[i + 1..].iter().find(|l| !l.starts_with("#["));
        if *line == "#[cfg(test)]"
            && let Some(name) = item.and_then(|l| l.split_once("mod ")).and_then(|(_, n)| n.strip_suffix(';'))
        {
            let stem = page.path.with_extension("");
            let is_root = stem.file_name().is_some_and(|s| s == "mod" || s == "lib" || s == "main");
            let dir = if is_root { stem.parent().map_or_else(PathBuf::new, Path::to_path_buf) } else { stem };
            found.push(dir.join(name));
        }
    }
    found
}

fn is_test(page: &Page, test_modules: &BTreeSet<PathBuf>) -> bool {
    let stem = page.path.with_extension("");
    stem.ancestors().any(|a| test_modules.contains(a))
}

/// Which lines belong to items under `#[cfg(test)]`.
fn test_lines(lines: &[(usize, &str)]) -> Vec<bool> {
    let mut tested = vec![false; lines.len()];
    let mut i = 0;
    while i < lines.len() {
        let line = lines[i].1;
        if line.trim() != "#[cfg(test)]" {
            i += 1;
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        // The item ends with a semicolon or bracket on a line of its own indentation.
        let end = lines[i + 1..].iter().position(|(_, l)| {
            let same = l.strip_prefix(indent).is_some_and(|rest| !rest.starts_with(char::is_whitespace));
            let trimmed = l.trim_end();
            same && !l.trim_start().starts_with("#[") && (trimmed.ends_with(';') || trimmed.ends_with('}'))
        });
        let end = end.map_or(lines.len(), |n| i + 2 + n);
        tested[i..end].fill(true);
        i = end;
    }
    tested
}

/// The line without its comment.
fn code(line: &str) -> &str {
    let trimmed = line.trim();
    if trimmed.starts_with("//") { "" } else { trimmed.split(" // ").next().unwrap_or(trimmed) }
}

/// What a line makes public: an item of a kind that needs words, or a field.
fn public_item(code: &str) -> Option<String> {
    const KINDS: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "static", "const"];
    let rest = code.strip_prefix("pub ")?;
    let mut words = rest.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let next = words.peek().copied().unwrap_or_default();
        let is_modifier = matches!(word, "async" | "unsafe" | "extern" | "\"C\"") || (word == "const" && next == "fn");
        if is_modifier {
            continue;
        }
        if KINDS.contains(&word) {
            let name: String = next.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            return Some(format!("{word} {name}"));
        }
        let field = word.strip_suffix(':').filter(|f| f.chars().all(|c| c.is_alphanumeric() || c == '_'));
        return field.map(|f| format!("field {f}"));
    }
    None
}

/// Whether the lines before an item end in a doc comment, attributes aside.
fn documented(before: &[(usize, &str)]) -> bool {
    let mut in_attribute = false;
    for (_, line) in before.iter().rev() {
        let line = line.trim();
        if in_attribute {
            in_attribute = !line.starts_with("#[");
        } else if line.starts_with("///") || line.starts_with("#[doc") || line.ends_with("*/") {
            return true;
        } else if line.starts_with("#[") || line.starts_with("// ") {
        } else if line.ends_with(")]") || line == "]" {
            in_attribute = true;
        } else {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(name: &str, text: &str) -> Vec<String> {
        let pages = [Page { path: format!("crates/{name}/src/lib.rs").into(), text: text.into() }];
        check(&pages).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn public_items_and_fields_need_words() {
        let documented =
            "/// A.\n#[derive(\n    Debug,\n)]\n#[repr(C)]\npub struct A {\n    /// B.\n    pub b: i32,\n}\n";
        assert_eq!(check_text("lake", documented), Vec::<String>::new());
        let bare =
            "pub struct A {\n    pub b: i32,\n}\npub async fn c() {}\npub const fn d() {}\npub(crate) fn e() {}\n";
        let wanted = ["1: public struct A", "2: public field b", "4: public fn c", "5: public fn d"];
        let wanted = wanted.map(|w| format!("crates/lake/src/lib.rs:{w} without a doc comment"));
        assert_eq!(check_text("lake", bare), wanted);
        assert_eq!(check_text("lake", "pub use a::B;\npub mod c;\n"), Vec::<String>::new());
    }

    #[test]
    fn unwrap_is_for_tests() {
        let text = "fn a() {\n    b.unwrap();\n    // c.unwrap()\n}\n#[cfg(test)]\nmod tests {\n    fn d() {\n        e.unwrap();\n    }\n}\n\
             fn f() {\n    g.unwrap();\n}\n#[cfg(test)]\nuse h;\nfn i() { j.unwrap() }\n";
        let lines: Vec<String> =
            check_text("engine", text).iter().map(|f| f.split(':').nth(1).unwrap_or("").into()).collect();
        assert_eq!(lines, ["2", "12", "16"]);
    }

    #[test]
    fn a_module_declared_as_test_is_one_wherever_it_lies() {
        let page = |path: &str, text: &str| Page { path: path.into(), text: text.into() };
        let pages = [
            page("crates/flow/src/a.rs", "#[cfg(test)]\nmod checks;\n"),
            page("crates/flow/src/a/checks.rs", "pub fn b() {\n    c.unwrap();\n}\n"),
            page("crates/flow/tests/d.rs", "pub fn e() {\n    f.unwrap();\n}\n"),
        ];
        assert_eq!(check(&pages).len(), 0);
        assert_eq!(check(&pages[1..]).len(), 2);
    }

    #[test]
    fn long_files_want_a_reason_and_low_crates_no_async() {
        let long = "fn a() {}\n".repeat(LINES_MAX + 1);
        assert_eq!(check_text("lake", &long).len(), 1);
        assert_eq!(check_text("lake", &format!("// long: a table of rules\n{long}")).len(), 0);
        assert_eq!(check_text("flow", "async fn a() {}\n").len(), 1);
        assert_eq!(check_text("serve", "async fn a() {}\n").len(), 0);
    }
}
