//! When a view moves by its own definition: its schedule, the clock, and what recomputing it takes.

use super::lag::Why;
use super::{How, View};
use crate::catalog::Mode;
use crate::schedule::Schedule;
use std::time::Duration;

/// A recomputation that takes longer is not part of every commit if the schedule allows the view to lag.
const TICK_BUDGET: Duration = Duration::from_millis(100);
/// A view that reads the clock and has no schedule is recomputed this often.
const CLOCK_MICROS: i64 = 1_000_000;

impl View {
    /// Why it stays where it is at `now`, by its own definition.
    pub(crate) fn holds(&self, now: i64) -> Option<Why> {
        if self.def.materialized()?.paused {
            return Some(Why::Paused);
        }
        let why = self.may_lag()?;
        let mut due = self.due(self.complete_up_to(now))?;
        if !self.schedule.is_cron() {
            due = due.max(self.rests_until());
        }
        (now < due).then_some(why)
    }

    /// Why it is computed beside the ticks and never as a part of one, if it is so.
    pub(crate) fn apart(&self) -> Option<Why> {
        let computed = self.reason.is_some() || matches!(self.how, How::Rebuilt);
        if computed { self.may_lag() } else { None }
    }

    /// Why it need not follow every commit.
    fn may_lag(&self) -> Option<Why> {
        let mode = self.def.materialized()?.mode;
        let bound = !matches!(self.schedule, Schedule::Free);
        if mode == Mode::Immediate {
            None
        } else if self.schedule.is_cron() || (mode == Mode::Full && bound) {
            Some(Why::Scheduled)
        } else if self.is_dear() && (bound || self.reads_clock) {
            Some(Why::Dear)
        } else {
            None
        }
    }

    /// When it has to be refreshed if it is complete up to `since`; what failed is tried again a turn later.
    fn due(&self, since: i64) -> Option<i64> {
        let since = self.tried.as_ref().map_or(since, |(at, _)| since.max(*at));
        match self.schedule {
            Schedule::Free => self.reads_clock.then_some(since + CLOCK_MICROS),
            Schedule::Within(_) | Schedule::At(_) => self.schedule.due(since, self.needs()),
        }
    }

    /// How long its last recomputation took, in microseconds.
    fn needs(&self) -> i64 {
        i64::try_from(self.runs[1].as_micros()).unwrap_or(i64::MAX)
    }

    /// Recomputing one view leaves others at least half of the time.
    fn rests_until(&self) -> i64 {
        let last = self.tried.as_ref().map_or(self.computed_micros, |(at, _)| self.computed_micros.max(*at));
        last.saturating_add(self.needs().saturating_mul(2))
    }

    /// Whether its last recomputations took longer than a commit should; one that is not known yet is taken to be so
    /// if there is much to read.
    pub(crate) fn is_dear(&self) -> bool {
        let known = self.runs.iter().any(|r| !r.is_zero());
        let dear = self.runs.iter().all(|r| r.is_zero() || *r > TICK_BUDGET);
        self.reason.is_some() && if known { dear } else { self.large }
    }

    pub(crate) fn recomputed_in(&mut self, took: Duration) {
        let was = self.is_dear();
        self.runs = [self.runs[1], took];
        if !was && self.may_lag() == Some(Why::Dear) {
            tracing::info!(
                view = self.def.name,
                "recomputing it takes {} ms, too long for every commit: from now on it follows at its schedule",
                took.as_millis()
            );
        }
    }

    /// Whether the clock has moved so far that a view that reads it is to be computed again.
    pub(crate) fn is_clock_due(&self, now: i64) -> bool {
        let period = match self.schedule {
            Schedule::Within(bound) => bound,
            Schedule::Free | Schedule::At(_) => CLOCK_MICROS,
        };
        self.reads_clock && now >= (self.computed_micros + period).max(self.rests_until())
    }

    /// How it follows its inputs, for people.
    pub(crate) fn strategy(&self) -> String {
        match &self.reason {
            None => "incremental".to_string(),
            Some(reason) if self.may_lag() == Some(Why::Dear) => {
                format!("{reason}; too dear for every commit ({} ms)", self.runs[1].as_millis())
            }
            Some(reason) => reason.clone(),
        }
    }
}
