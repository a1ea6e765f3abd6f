//! How a view follows its inputs: sources, operators with what they hold, and why something is recomputed.

use super::rows::Columns;
use crate::Engine;
use crate::catalog::{ObjectRef, TableDef};
use crate::read::ReadView;
use crate::tick::ViewStatus;
use arrow::array::RecordBatch;
use sluice_flow::Input;
use sluice_sql::{Result, SqlError};
use std::sync::Arc;

/// One step of a view's plan.
struct Step {
    number: i32,
    operator: String,
    reads: String,
    rows: Option<i64>,
    bytes: Option<i64>,
    note: Option<String>,
}

/// `sluice.explain(name)`: one row a step, sources first.
pub(super) fn explain(engine: &Engine, view: &ReadView, name: Option<&str>) -> Result<RecordBatch> {
    let (def, status) = find(engine, view, name)?;
    let steps = steps(view, &def, &status);
    let each = || steps.iter();
    Columns::default()
        .int("step", each().map(|s| Some(s.number)))
        .text("operator", each().map(|s| Some(s.operator.clone())))
        .text("reads", each().map(|s| Some(s.reads.clone())))
        .bigint("rows", each().map(|s| s.rows))
        .bigint("bytes", each().map(|s| s.bytes))
        .text("note", each().map(|s| s.note.clone()))
        .build()
}

/// The same as pg_trickle has it: names and values.
pub(super) fn explain_st(engine: &Engine, view: &ReadView, name: Option<&str>) -> Result<RecordBatch> {
    let (def, status) = find(engine, view, name)?;
    let m = def.materialized().ok_or_else(|| SqlError::internal("not a materialized view"))?;
    let mut pairs: Vec<(String, Option<String>)> = vec![
        ("name".into(), Some(format!("{}.{}", def.shown_schema(), def.name))),
        ("defining_query".into(), Some(m.query.clone())),
        ("status".into(), Some(status.state.clone())),
        ("refresh_mode".into(), Some(m.mode.name().into())),
        ("strategy".into(), Some(status.strategy.clone())),
        ("schedule".into(), m.schedule.clone()),
        ("held_back".into(), status.held.clone()),
        ("rows_put_aside".into(), Some(status.waiting_rows.to_string())),
        ("error".into(), status.error.clone()),
        ("state_rows".into(), Some(status.state_rows.to_string())),
        ("state_bytes".into(), Some(status.state_bytes.to_string())),
    ];
    for step in steps(view, &def, &status) {
        let held = match (step.rows, step.bytes) {
            (Some(rows), Some(bytes)) => format!(" ({rows} rows, {bytes} bytes)"),
            (Some(rows), None) => format!(" ({rows} rows)"),
            _ => String::new(),
        };
        let note = step.note.map_or(String::new(), |n| format!(": {n}"));
        let reads = if step.reads.is_empty() { String::new() } else { format!(" <- {}", step.reads) };
        pairs.push((format!("step {}", step.number), Some(format!("{}{reads}{held}{note}", step.operator))));
    }
    let each = || pairs.iter();
    Columns::default()
        .text("property", each().map(|p| Some(p.0.clone())))
        .text("value", each().map(|p| p.1.clone()))
        .build()
}

fn find(engine: &Engine, view: &ReadView, name: Option<&str>) -> Result<(Arc<TableDef>, ViewStatus)> {
    let name = name.ok_or_else(|| SqlError::new("42883", "explain needs the name of a materialized view, as text"))?;
    let def = view.version.catalog.get(&ObjectRef::parse_text(name), &["main".to_string()])?;
    if def.materialized().is_none() {
        return Err(SqlError::new("42809", format!("\"{}\" is not a materialized view", def.name))
            .hint("EXPLAIN SELECT ... shows how a query is run."));
    }
    Ok((Arc::clone(def), engine.status().remove(&def.id).unwrap_or_default()))
}

fn steps(view: &ReadView, def: &TableDef, status: &ViewStatus) -> Vec<Step> {
    let catalog = &view.version.catalog;
    let source = |(i, id): (usize, &i64)| Step {
        number: number(i),
        operator: "source".into(),
        reads: catalog.by_id(*id).map_or_else(|| "?".into(), |d| d.name.clone()),
        rows: view.version.tables.get(id).map(|t| t.live_rows() as i64),
        bytes: None,
        note: catalog.by_id(*id).map(|d| d.kind_name().into()),
    };
    let mut steps: Vec<Step> = status.sources.iter().enumerate().map(source).collect();
    let first = steps.len();
    let place = |input: &Input| match *input {
        Input::Source(s) => s,
        Input::Node(n) => first + n,
    };
    let list =
        |places: Vec<usize>| places.into_iter().map(|p| format!("#{}", number(p))).collect::<Vec<_>>().join(", ");
    for (i, node) in status.operators.iter().enumerate() {
        steps.push(Step {
            number: number(first + i),
            operator: node.operator.clone(),
            reads: list(node.inputs.iter().map(place).collect()),
            rows: Some(node.rows as i64),
            bytes: Some(node.bytes as i64),
            note: None,
        });
    }
    if status.operators.is_empty() {
        let waits = status.strategy == "incremental" && def.materialized().is_some();
        let (operator, note) = match waits {
            true => ("nothing yet", "it has no operators now, and is computed anew when its time comes".to_string()),
            false => ("the query, run anew", status.strategy.clone()),
        };
        steps.push(Step {
            number: number(first),
            operator: operator.into(),
            reads: list((0..first).collect()),
            rows: None,
            bytes: None,
            note: Some(note),
        });
    }
    steps
}

/// Steps are numbered from 1.
fn number(place: usize) -> i32 {
    i32::try_from(place + 1).unwrap_or(i32::MAX)
}
