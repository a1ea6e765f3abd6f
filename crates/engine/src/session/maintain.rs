//! `SELECT sluice.maintain()`: the upkeep that `sluice up` does by itself, all of it and now.

use super::functions::Call;
use super::{Outcome, Session};
use crate::tick::{FLUSH_ROWS, Request, Task, Upkept, stopped};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use sluice_sql::{Result, SqlError, SqlType};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Merges of one table in one pass; a pass that needs more goes on the next time.
const MERGES_MAX: usize = 100;

/// One line of the answer.
struct Line {
    step: i64,
    of: i64,
    action: &'static str,
    table: Option<String>,
    done: Upkept,
}

/// The columns of what `sluice.maintain` answers.
pub(super) fn columns() -> Vec<(String, SqlType)> {
    let column = |name: &str, ty| (name.to_string(), ty);
    vec![
        column("step", SqlType::Int8),
        column("of", SqlType::Int8),
        column("action", SqlType::Text),
        column("name", SqlType::Text),
        column("rows", SqlType::Int8),
        column("files", SqlType::Int8),
        column("merged", SqlType::Int8),
        column("snapshots", SqlType::Int8),
    ]
}

impl Session {
    /// `sluice.maintain()` does every step, `sluice.maintain(step => n)` the n-th: for each table a flush and a
    /// merge, then expiry and clean-up. One row a step.
    pub(super) async fn maintain(&mut self, call: &Call) -> Result<Outcome> {
        let wanted = call.arg("step").map(|s| {
            s.parse::<i64>()
                .map_err(|_| SqlError::new("22023", format!("invalid step \"{s}\"")).hint("Give a number from 1 on."))
        });
        let wanted = wanted.transpose()?;
        let steps = self.steps();
        let of = steps.len() as i64;
        let mut lines = vec![];
        for (step, (action, table, task)) in (1..).zip(steps) {
            if wanted.is_none_or(|wanted| wanted == step) {
                lines.push(Line { step, of, action, table, done: self.upkeep(task).await? });
            }
        }
        Ok(Outcome::rows(columns(), vec![batch(&lines)?], "SELECT"))
    }

    fn steps(&self) -> Vec<(&'static str, Option<String>, Task)> {
        let version = self.engine.version();
        let mut steps = vec![];
        for def in version.catalog.tables().filter(|d| d.is_stored()) {
            let name = || Some(format!("{}.{}", def.shown_schema(), def.name));
            steps.push(("flush", name(), Task::Flush(def.id)));
            steps.push(("merge", name(), Task::Merge(def.id)));
        }
        steps.push(("expire", None, Task::Expire));
        steps.push(("clean", None, Task::Clean));
        steps
    }

    /// Repeats a task until there is nothing left of what was there when it began.
    async fn upkeep(&self, task: Task) -> Result<Upkept> {
        let mut all = Upkept::default();
        for _ in 0..MERGES_MAX {
            let (reply, answer) = oneshot::channel();
            self.engine.requests().send(Request::Upkeep(task, reply)).map_err(|_| stopped())?;
            let done = answer.await.map_err(|_| stopped())??;
            all.rows += done.rows;
            all.files += done.files;
            all.merged += done.merged;
            all.snapshots += done.snapshots;
            let more = match task {
                Task::Flush(_) => done.rows >= FLUSH_ROWS as u64,
                Task::Merge(_) => done.merged > 0,
                Task::Expire => done.snapshots > 0,
                Task::Clean => done.files > 0,
            };
            if !more {
                break;
            }
        }
        Ok(all)
    }
}

fn batch(lines: &[Line]) -> Result<RecordBatch> {
    let numbers = |value: fn(&Line) -> i64| Arc::new(lines.iter().map(|l| Some(value(l))).collect::<Int64Array>());
    let actions: ArrayRef = Arc::new(StringViewArray::from_iter_values(lines.iter().map(|l| l.action)));
    let tables: ArrayRef = Arc::new(lines.iter().map(|l| l.table.as_deref()).collect::<StringViewArray>());
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("step", numbers(|l| l.step) as ArrayRef, false),
        ("of", numbers(|l| l.of), false),
        ("action", actions, false),
        ("name", tables, true),
        ("rows", numbers(|l| l.done.rows as i64), false),
        ("files", numbers(|l| l.done.files as i64), false),
        ("merged", numbers(|l| l.done.merged as i64), false),
        ("snapshots", numbers(|l| l.done.snapshots as i64), false),
    ])?)
}
