//! What a client hears that asked for a view to be brought up to date.

use super::hold::reads;
use super::{Cut, Graph};
use crate::tick::beside::Run;
use sluice_sql::{Result, SqlError};

impl Graph {
    /// Whether a view holds all that there was when a client asked, or why not; `None` while a run is on its way.
    pub(crate) fn refreshed(&self, id: i64, asked: Cut) -> Option<Result<()>> {
        let Some(view) = self.views.get(&id) else {
            return Some(Err(SqlError::new("42P01", "the view was dropped meanwhile")));
        };
        let error = |why: &str| SqlError::new("55000", format!("cannot refresh \"{}\": {why}", view.def.name));
        let good = view.good.is_some_and(|good| good.snapshot >= asked.snapshot);
        let computed = !view.reads_clock || view.computed_micros >= asked.micros;
        let failing = view.errors.first_key_value().map(|(e, _)| {
            error(&format!("{} on row {}", e.message, e.row)).hint("Mend the row, and it follows by itself.")
        });
        match (&view.lag, failing) {
            (None, None) => Some(Ok(())),
            (Some(_), None) if good && computed => Some(Ok(())),
            // A run that began after the question failed on the row.
            (_, Some(failing)) if view.lag.is_none() || view.computed_micros >= asked.micros => Some(Err(failing)),
            _ if self.awaits_run(id) => None,
            (Some(lag), _) => Some(Err(error(&lag.why).hint("Resume what it waits for, or refresh that first."))),
            (None, Some(failing)) => Some(Err(failing)),
        }
    }

    /// The run that computes a view or brings it along.
    pub(crate) fn run_of(&self, id: i64) -> Option<&Run> {
        self.runs.iter().find(|run| run.has(id))
    }

    /// Whether a view, or something that it reads, is part of a run.
    pub(crate) fn awaits_run(&self, id: i64) -> bool {
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            if self.run_of(id).is_some() {
                return true;
            }
            left.extend(self.views.get(&id).map(|v| reads(&v.def)).unwrap_or_default());
        }
        false
    }
}
