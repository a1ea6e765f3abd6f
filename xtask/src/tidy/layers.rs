//! Which crate may use which.

use super::{Finding, Page};
use std::collections::BTreeMap;

/// Every crate's folder, lowest first. A crate may use those before it.
const ORDER: [&str; 7] = ["zset", "flow", "sql", "lake", "engine", "serve", "cli"];

/// Crates that may use less than all before them.
const ONLY: [(&str, &[&str]); 1] = [("lake", &["zset"])];

/// Crates without a runtime: no tokio of their own, no `async fn`.
pub(super) const SYNCHRONOUS: [&str; 3] = ["zset", "flow", "sql"];

pub(super) fn check(pages: &[Page]) -> Vec<Finding> {
    let workspace = pages.iter().find(|p| p.path.as_os_str() == "Cargo.toml");
    let aliases = workspace.map(members).unwrap_or_default();
    let mut findings = vec![];
    for page in pages {
        let Some((name, inside)) = page.in_crate() else { continue };
        if inside.as_os_str() == "Cargo.toml" {
            findings.extend(check_manifest(page, name, &aliases));
        }
    }
    findings
}

/// Folders of the crates that the workspace offers as dependencies, by the name they are offered under.
fn members(workspace: &Page) -> BTreeMap<String, String> {
    let offered = dependencies(workspace).into_iter();
    offered.filter_map(|d| Some((d.name, folder(&d.value)?.to_string()))).collect()
}

fn check_manifest(page: &Page, name: &str, aliases: &BTreeMap<String, String>) -> Vec<Finding> {
    let Some(place) = ORDER.iter().position(|c| *c == name) else {
        return vec![
            page.finding(1, format!("the crate {name} has no place in the order of xtask/src/tidy/layers.rs")),
        ];
    };
    let may = ONLY.iter().find(|(c, _)| *c == name).map_or(&ORDER[..place], |(_, may)| *may);
    let mut findings = vec![];
    for Dependency { line, name: used, value } in dependencies(page) {
        let target = folder(&value).or_else(|| aliases.get(&used).map(String::as_str));
        if let Some(target) = target.filter(|t| !may.contains(t)) {
            findings.push(page.finding(line, format!("{name} may not use {target}, only {}", listed(may))));
        }
        let is_tokio = used == "tokio" || used.starts_with("tokio-");
        if is_tokio && SYNCHRONOUS.contains(&name) {
            findings.push(page.finding(line, format!("{name} is synchronous and may not use {used}")));
        }
    }
    findings
}

fn listed(crates: &[&str]) -> String {
    if crates.is_empty() { "no other crate".to_string() } else { crates.join(", ") }
}

struct Dependency {
    line: usize,
    name: String,
    value: String,
}

/// Dependencies of all kinds: `name = ..`, `name.workspace = true` and `[dependencies.name]`.
fn dependencies(page: &Page) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = vec![];
    let (mut in_list, mut in_table) = (false, false);
    for (line, text) in page.lines() {
        let text = text.trim();
        if let Some(section) = text.strip_prefix('[').and_then(|s| s.strip_suffix(']')) {
            let (before, last) = section.rsplit_once('.').unwrap_or(("", section));
            in_list = last.ends_with("dependencies");
            in_table = before.ends_with("dependencies");
            if in_table {
                found.push(Dependency { line, name: last.trim_matches('"').to_string(), value: String::new() });
            }
        } else if text.starts_with('#') {
        } else if let (true, Some((key, value))) = (in_list, text.split_once('=')) {
            let name = key.trim().split('.').next().unwrap_or_default().trim_matches('"').to_string();
            found.push(Dependency { line, name, value: value.trim().to_string() });
        } else if let (true, Some(last)) = (in_table, found.last_mut()) {
            last.value.push_str(text);
        }
    }
    found
}

/// The last folder of `path = ".."`.
fn folder(value: &str) -> Option<&str> {
    let after = value.split_once("path")?.1.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?;
    after.split('"').next()?.trim_end_matches('/').rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(name: &str, text: &str) -> Vec<String> {
        let workspace = "[workspace.dependencies]\nsluice-zset = { path = \"crates/zset\" }\n\
             sluice-engine = { path = \"crates/engine\" }\nsluice-lake = { path = \"crates/lake\" }\n";
        let page = |path: &str, text: &str| Page { path: path.into(), text: text.into() };
        let pages = [page("Cargo.toml", workspace), page(&format!("crates/{name}/Cargo.toml"), text)];
        check(&pages).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_crate_uses_only_crates_before_it() {
        let text = "[dependencies]\nsluice-zset.workspace = true\nsluice-lake.workspace = true\n";
        assert_eq!(check_text("engine", text), Vec::<String>::new());
        assert_eq!(check_text("zset", text).len(), 2);
        assert_eq!(check_text("flow", text), ["crates/flow/Cargo.toml:3: flow may not use lake, only zset"]);
    }

    #[test]
    fn every_way_to_write_a_dependency_is_seen() {
        assert_eq!(check_text("lake", "[dev-dependencies]\nx = { path = \"../sql\" }\n").len(), 1);
        assert_eq!(check_text("lake", "[dependencies.sluice-engine]\nworkspace = true\n").len(), 1);
        assert_eq!(check_text("lake", "[dependencies.y]\npath = \"../serve/\"\n").len(), 1);
        assert_eq!(
            check_text("lake", "[target.'cfg(unix)'.dependencies]\nsluice-engine = { workspace = true }\n").len(),
            1
        );
        assert_eq!(check_text("lake", "[dependencies]\n# sluice-engine.workspace = true\nserde = \"1\"\n").len(), 0);
    }

    #[test]
    fn synchronous_crates_do_without_tokio() {
        assert_eq!(check_text("sql", "[dependencies]\ntokio.workspace = true\n").len(), 1);
        assert_eq!(check_text("engine", "[dependencies]\ntokio.workspace = true\n").len(), 0);
        assert_eq!(check_text("kafka", "[dependencies]\n").len(), 1);
    }
}
