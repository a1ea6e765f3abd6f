use super::rows::Columns;
use crate::Engine;
use crate::catalog::{Catalog, ObjectRef, TableDef};
use crate::read::ReadView;
use crate::schedule::Schedule;
use crate::tick::ViewStatus;
use arrow::array::RecordBatch;
use sluice_sql::Result;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every materialized view with its state.
fn states(engine: &Engine, view: &ReadView) -> Vec<(Arc<TableDef>, ViewStatus)> {
    let status = engine.status();
    // Tables have a state only while they are parked.
    let views = view.version.catalog.tables().filter(|d| d.materialized().is_some() || status.contains_key(&d.id));
    let now = view.version.time_micros.max(view.now_micros);
    views
        .map(|d| {
            let mut state = status
                .get(&d.id)
                .cloned()
                .unwrap_or_else(|| ViewStatus { state: "ACTIVE".into(), ..ViewStatus::default() });
            if state.cut.is_none() && state.error.is_none() && !state.reads_clock {
                // What holds nothing back is complete up to now, also while nothing changes.
                state.data_micros = now;
            }
            (Arc::clone(d), state)
        })
        .collect()
}

/// Whether a view is later than its schedule allows.
fn is_late(def: &TableDef, state: &ViewStatus, now: i64) -> bool {
    let schedule = def.materialized().and_then(|m| m.schedule.as_deref());
    // A schedule was read when it was given.
    Schedule::of(schedule).is_ok_and(|s| s.is_late(state.data_micros, now))
}

fn live_rows(view: &ReadView, id: i64) -> Option<i64> {
    view.version.tables.get(&id).map(|t| t.live_rows() as i64)
}

pub(super) fn status(engine: &Engine, view: &ReadView) -> Result<RecordBatch> {
    let states = states(engine, view);
    let each = || states.iter();
    Columns::default()
        .text("schema_name", each().map(|(d, _)| Some(d.shown_schema())))
        .text("name", each().map(|(d, _)| Some(d.name.clone())))
        .text("status", each().map(|(_, s)| Some(s.state.clone())))
        .text("refresh_mode", each().map(|(d, _)| d.materialized().map(|m| m.mode.name())))
        .text("strategy", each().map(|(_, s)| Some(s.strategy.clone())))
        .text("schedule", each().map(|(d, _)| d.materialized().and_then(|m| m.schedule.clone())))
        .bigint("rows", each().map(|(d, _)| live_rows(view, d.id)))
        .time("data_timestamp", each().map(|(_, s)| Some(s.data_micros)))
        .interval("staleness", each().map(|(_, s)| Some((view.now_micros - s.data_micros).max(0))))
        .text("held_back", each().map(|(_, s)| s.held.clone()))
        .time("recomputing_since", each().map(|(_, s)| s.running_since))
        .bool("behind_schedule", each().map(|(d, s)| Some(is_late(d, s, view.now_micros))))
        .text("error", each().map(|(_, s)| s.error.clone()))
        .bigint("consecutive_errors", each().map(|(_, s)| Some(s.consecutive_errors)))
        .bigint("refreshes", each().map(|(_, s)| Some(s.refreshes)))
        .float("last_refresh_ms", each().map(|(_, s)| Some(s.last_micros as f64 / 1e3)))
        .build()
}

/// The same in pg_trickle's shape, under both names that its users know.
pub(super) fn pgt_status(engine: &Engine, view: &ReadView) -> Result<RecordBatch> {
    let states = states(engine, view);
    let each = || states.iter();
    Columns::default()
        .text("name", each().map(|(d, _)| Some(d.name.clone())))
        .text("pgt_name", each().map(|(d, _)| Some(d.name.clone())))
        .text("status", each().map(|(_, s)| Some(s.state.clone())))
        .text("refresh_mode", each().map(|(d, _)| d.materialized().map(|m| m.mode.name())))
        .bool("is_populated", each().map(|_| Some(true)))
        .int("consecutive_errors", each().map(|(_, s)| i32::try_from(s.consecutive_errors).ok()))
        .text("schedule", each().map(|(d, _)| d.materialized().and_then(|m| m.schedule.clone())))
        .time("data_timestamp", each().map(|(_, s)| Some(s.data_micros)))
        .interval("staleness", each().map(|(_, s)| Some((view.now_micros - s.data_micros).max(0))))
        .build()
}

pub(super) fn dependencies(view: &ReadView) -> Result<RecordBatch> {
    let catalog = &view.version.catalog;
    let mut edges = vec![];
    for def in catalog.tables() {
        for read in def.materialized().map(|m| m.reads.clone()).unwrap_or_default() {
            if let Some(source) = catalog.by_id(read) {
                edges.push((Arc::clone(def), Arc::clone(source)));
            }
        }
    }
    Columns::default()
        .text("schema_name", edges.iter().map(|(d, _)| Some(d.shown_schema())))
        .text("name", edges.iter().map(|(d, _)| Some(d.name.clone())))
        .text("reads_schema", edges.iter().map(|(_, s)| Some(s.shown_schema())))
        .text("reads", edges.iter().map(|(_, s)| Some(s.name.clone())))
        .text("reads_kind", edges.iter().map(|(_, s)| Some(s.kind_name())))
        .build()
}

struct Node {
    def: Arc<TableDef>,
    depth: i32,
    line: String,
}

/// What a view reads, and what that reads, down to the tables; every view that nothing reads, without a name.
pub(super) fn dependency_tree(engine: &Engine, view: &ReadView, name: Option<&str>) -> Result<RecordBatch> {
    let catalog = &view.version.catalog;
    let roots: Vec<Arc<TableDef>> = match name {
        Some(name) => vec![Arc::clone(catalog.get(&ObjectRef::parse_text(name), &["main".to_string()])?)],
        None => catalog
            .tables()
            .filter(|d| d.materialized().is_some() && catalog.readers(d.id).is_empty())
            .cloned()
            .collect(),
    };
    let mut nodes = vec![];
    for root in roots {
        walk(catalog, root, 0, "", "", &mut nodes);
    }
    let order = refresh_order(catalog);
    let states: BTreeMap<i64, ViewStatus> = states(engine, view).into_iter().map(|(d, s)| (d.id, s)).collect();
    let each = || nodes.iter();
    Columns::default()
        .text("tree_line", each().map(|n| Some(n.line.clone())))
        .text("node", each().map(|n| Some(n.def.name.clone())))
        .text(
            "node_type",
            each().map(|n| Some(if n.def.materialized().is_some() { "stream_table" } else { n.def.kind_name() })),
        )
        .int("depth", each().map(|n| Some(n.depth)))
        .text("status", each().map(|n| states.get(&n.def.id).map(|s| s.state.clone())))
        .text("refresh_mode", each().map(|n| n.def.materialized().map(|m| m.mode.name())))
        .int("refresh_order", each().map(|n| order.get(&n.def.id).copied()))
        .build()
}

fn walk(catalog: &Catalog, def: Arc<TableDef>, depth: i32, prefix: &str, branch: &str, nodes: &mut Vec<Node>) {
    let reads = def.materialized().map(|m| m.reads.clone()).unwrap_or_default();
    nodes.push(Node { line: format!("{prefix}{branch}{}", def.name), depth, def });
    let inner = match branch {
        "" => prefix.to_string(),
        "└── " => format!("{prefix}    "),
        _ => format!("{prefix}│   "),
    };
    let sources: Vec<&Arc<TableDef>> = reads.iter().filter_map(|r| catalog.by_id(*r)).collect();
    for (i, source) in sources.iter().enumerate() {
        let branch = if i + 1 == sources.len() { "└── " } else { "├── " };
        walk(catalog, Arc::clone(source), depth + 1, &inner, branch, nodes);
    }
}

/// In which order a tick refreshes views, from 1; a table that is written to is 0.
fn refresh_order(catalog: &Catalog) -> BTreeMap<i64, i32> {
    fn level(catalog: &Catalog, id: i64, levels: &mut BTreeMap<i64, i32>) -> i32 {
        if let Some(known) = levels.get(&id) {
            return *known;
        }
        let reads = catalog.by_id(id).and_then(|d| d.materialized()).map(|m| m.reads.clone());
        let own = reads.map_or(0, |r| 1 + r.into_iter().map(|r| level(catalog, r, levels)).max().unwrap_or(0));
        levels.insert(id, own);
        own
    }
    let mut levels = BTreeMap::new();
    for def in catalog.tables() {
        level(catalog, def.id, &mut levels);
    }
    levels
}

pub(super) fn health_check(engine: &Engine, view: &ReadView) -> Result<RecordBatch> {
    let mut checks: Vec<(String, &str, String)> = vec![];
    for (def, state) in states(engine, view) {
        let name = format!("stream_table:{}", def.name);
        let seconds = (view.now_micros - state.data_micros) / 1_000_000;
        let schedule = def.materialized().and_then(|m| m.schedule.clone()).unwrap_or_default();
        if let Some(error) = &state.error {
            checks.push((name.clone(), "ERROR", format!("held at its last good state: {error}")));
        } else if state.state == "PAUSED" {
            checks.push((name.clone(), "WARN", "paused".to_string()));
        }
        if is_late(&def, &state, view.now_micros) {
            let why = state.held.as_deref().unwrap_or("rows fail");
            checks.push((name, "WARN", format!("{seconds} s behind, its schedule allows {schedule}: {why}")));
        }
    }
    if checks.is_empty() {
        checks.push((
            "stream_tables".into(),
            "OK",
            "every materialized view is as fresh as its schedule asks".to_string(),
        ));
    }
    Columns::default()
        .text("check_name", checks.iter().map(|c| Some(c.0.clone())))
        .text("severity", checks.iter().map(|c| Some(c.1)))
        .text("detail", checks.iter().map(|c| Some(c.2.clone())))
        .build()
}

pub(super) fn history(engine: &Engine, view: &ReadView, name: Option<&str>, limit: usize) -> Result<RecordBatch> {
    let catalog = &view.version.catalog;
    let table = match name {
        Some(name) => Some(catalog.get(&ObjectRef::parse_text(name), &["main".to_string()])?.id),
        None => None,
    };
    let rows = engine.reader()?.history(table, limit).map_err(crate::error::lake)?;
    let each = || rows.iter();
    Columns::default()
        .text("name", each().map(|r| catalog.by_id(r.table_id).map(|d| d.name.clone())))
        .time("start_time", each().map(|r| Some(r.second * 1_000_000)))
        .text("action", each().map(|r| Some(r.action.clone())))
        .text("status", each().map(|r| Some(if r.error.is_none() { "COMPLETED" } else { "FAILED" })))
        .bigint("rows_inserted", each().map(|r| Some(r.rows_inserted)))
        .bigint("rows_deleted", each().map(|r| Some(r.rows_deleted)))
        .float("duration_ms", each().map(|r| Some(r.duration_micros as f64 / 1e3)))
        .text("error_message", each().map(|r| r.error.clone()))
        .build()
}
