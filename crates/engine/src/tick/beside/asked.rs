//! Clients that asked for a view to be brought up to date now, and wait for it.

use super::Run;
use crate::tick::graph::Cut;
use crate::tick::{Core, Refresh};
use chrono::Utc;
use sluice_sql::{Result, SqlError};

/// A client that waits, and what there was when it asked.
pub(crate) struct Asked {
    refresh: Refresh,
    at: Cut,
    /// Nothing has been done for it.
    fresh: bool,
}

impl Core {
    /// Brings views up to date that clients do not want to wait for.
    pub(in crate::tick) fn refresh(&mut self, refreshes: Vec<Refresh>) {
        if refreshes.is_empty() {
            return;
        }
        let at = Cut { snapshot: self.context.version().snapshot, micros: Utc::now().timestamp_micros() };
        self.asked.extend(refreshes.into_iter().map(|refresh| Asked { refresh, at, fresh: true }));
        self.ask_again();
    }

    /// Moves what clients wait for in a tick, or has it computed beside the ticks, and answers who waits no more.
    pub(super) fn ask_again(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let idle = |a: &&Asked| self.graph.run_of(a.refresh.view).is_none();
        let waits = |a: &&Asked| idle(a) && (a.fresh || self.outcome(a).is_none_or(|o| o.is_err()));
        self.graph.forced = self.asked.iter().filter(waits).map(|a| a.refresh.view).collect();
        let moved = if self.graph.forced.is_empty() { Ok(()) } else { self.try_tick(vec![]) };
        self.graph.forced.clear();
        for mut asked in std::mem::take(&mut self.asked) {
            asked.fresh = false;
            match moved.clone().map_or_else(|e| Some(Err(e)), |()| self.outcome(&asked)) {
                None => self.asked.push(asked),
                Some(answer) => asked.answer(answer),
            }
        }
    }

    /// The run was given up for which a client waits.
    pub(super) fn ask_again_if_alone(&mut self) {
        if self.asked.iter().any(|a| !self.graph.awaits_run(a.refresh.view)) {
            self.ask_again();
        }
    }

    fn outcome(&self, asked: &Asked) -> Option<Result<()>> {
        self.graph.refreshed(asked.refresh.view, asked.at)
    }

    /// A run failed for which clients wait: they hear why.
    pub(super) fn answer_failed(&mut self, members: &[i64], error: &SqlError) {
        let (failed, waiting) =
            std::mem::take(&mut self.asked).into_iter().partition(|a| members.contains(&a.refresh.view));
        self.asked = waiting;
        let failed: Vec<Asked> = failed;
        failed.into_iter().for_each(|asked| asked.answer(Err(error.clone())));
    }

    /// Gives up runs that only clients wanted who have gone since, or have cancelled.
    pub(super) fn give_up_unwanted(&mut self) {
        let before = self.asked.len();
        self.asked.retain(|a| !a.refresh.reply.is_closed());
        if self.asked.len() == before {
            return;
        }
        loop {
            let unwanted = |run: &Run| run.asked && !self.asked.iter().any(|a| run.has(a.refresh.view));
            let Some(at) = self.graph.runs.iter().position(unwanted) else { break };
            self.give_up(at, "nobody waits for it any more");
        }
        self.show_runs();
    }
}

impl Asked {
    fn answer(self, answer: Result<()>) {
        // A client that went away needs no answer.
        let _ = self.refresh.reply.send(answer);
    }
}
