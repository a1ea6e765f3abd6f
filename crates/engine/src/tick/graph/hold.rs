//! Which views stay behind in a tick, and what a snapshot's record says of them.
//!
//! A view is held back by its own definition (paused, or its time has not come), or because it reads one that is
//! behind. So a view moves only when all that it reads is up to date, and never joins tables of different times.

use super::lag::{Held, Why};
use super::{Graph, View};
use crate::catalog::{Mode, TableDef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Views that stay where they are in one tick, by their own definitions.
pub(crate) type Holding = BTreeMap<i64, Why>;

impl Graph {
    /// Whether some view has to be computed although nothing was written.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        !self.forced.is_empty() || self.views.values().any(|v| self.view_is_due(v, now))
    }

    /// Whether some view is behind, or follows the clock.
    pub(crate) fn waits(&self) -> bool {
        self.views.values().any(|v| v.lag.is_some() || v.reads_clock)
    }

    fn view_is_due(&self, view: &View, now: i64) -> bool {
        if self.run_of(view.def.id).is_some() {
            return false;
        }
        let waits = view.lag.is_some() && !self.reads_behind(view);
        (waits || view.is_clock_due(now)) && view.holds(now).is_none()
    }

    /// What stays in a tick at `now`: also what is recomputed beside the ticks, unless a new view needs it at once.
    pub(super) fn holding(&self, now: i64, created: &[Arc<TableDef>]) -> Holding {
        let mut holding = self.waiting(now, created);
        let mut needed: Vec<i64> = created.iter().flat_map(|def| reads(def)).collect();
        let mut at = 0;
        while let Some(id) = needed.get(at) {
            let further = self.views.get(id).map(|v| reads(&v.def)).unwrap_or_default();
            needed.extend(further);
            at += 1;
        }
        for (id, view) in self.views.iter().filter(|(id, _)| !needed.contains(id)) {
            if let Some(why) = view.apart() {
                holding.entry(*id).or_insert(why);
            }
        }
        holding
    }

    /// What is not to be brought up to date at `now`, in a tick or beside it. A view whose time has come takes along what
    /// it reads, and what reads it takes along all that it reads: so views of different schedules that meet in one are
    /// refreshed together.
    pub(in crate::tick) fn waiting(&self, now: i64, created: &[Arc<TableDef>]) -> Holding {
        let mut holding: Holding = self.views.iter().filter_map(|(id, v)| Some((*id, v.holds(now)?))).collect();
        holding.retain(|id, _| !self.forced.contains(id));
        if holding.is_empty() {
            return holding;
        }
        for def in created {
            let needed = self.held_above(def, &holding);
            holding.retain(|id, why| !needed.contains(id) || *why == Why::Paused);
        }
        let (mut moving, mut blocked) = (self.due_roots(now, &holding), BTreeSet::new());
        loop {
            let before = (holding.len(), moving.len(), blocked.len());
            for id in &self.order {
                let stays = holding.contains_key(id) || self.run_of(*id).is_some();
                let Some(view) = self.views.get(id).filter(|_| !stays) else { continue };
                let reached = moving.contains(id) || reads(&view.def).iter().any(|r| moving.contains(r));
                if !reached || blocked.contains(id) {
                    continue;
                }
                let needed = self.held_above(&view.def, &holding);
                if needed.iter().any(|n| holding.get(n) == Some(&Why::Paused) && self.is_behind(*n)) {
                    moving.remove(id);
                    blocked.insert(*id);
                    continue;
                }
                holding.retain(|id, why| !needed.contains(id) || *why == Why::Paused);
                moving.insert(*id);
                moving.extend(needed);
            }
            if (holding.len(), moving.len(), blocked.len()) == before {
                return holding;
            }
        }
    }

    /// Views that wait and whose own time has come.
    fn due_roots(&self, now: i64, holding: &Holding) -> BTreeSet<i64> {
        let asked = |id: &i64| self.forced.contains(id) && self.run_of(*id).is_none();
        let waits = |id: &i64, v: &View| asked(id) || (v.lag.is_some() && self.view_is_due(v, now));
        let roots = self.views.iter().filter(|(id, v)| !holding.contains_key(id) && waits(id, v));
        roots.map(|(id, _)| *id).collect()
    }

    /// The views of `holding` that a view reads, directly or through others. One that is never held back itself
    /// takes what it reads as it is.
    fn held_above(&self, def: &TableDef, holding: &Holding) -> BTreeSet<i64> {
        let mut found = BTreeSet::new();
        let mut left = if is_immediate(def) { vec![] } else { reads(def) };
        let mut seen = BTreeSet::new();
        while let Some(id) = left.pop() {
            let Some(view) = self.views.get(&id).filter(|_| seen.insert(id)) else { continue };
            if holding.contains_key(&id) {
                found.insert(id);
            }
            if !is_immediate(&view.def) {
                left.extend(reads(&view.def));
            }
        }
        found
    }

    /// Whether a view will be behind what it reads.
    pub(super) fn is_behind(&self, id: i64) -> bool {
        self.views.get(&id).is_some_and(View::is_behind)
    }

    /// Whether something that a view reads will be behind.
    pub(super) fn reads_behind(&self, view: &View) -> bool {
        reads(&view.def).iter().any(|r| self.is_behind(*r))
    }

    /// Why a view does not move in this tick; what it reads has been dealt with.
    pub(super) fn held_by(&self, view: &View, holding: &Holding) -> Option<Why> {
        let own = holding.get(&view.def.id);
        if own == Some(&Why::Paused) || is_immediate(&view.def) {
            return own.cloned();
        }
        let behind = reads(&view.def).into_iter().find(|r| self.is_behind(*r));
        let waits = behind.and_then(|r| self.views.get(&r)).map(|v| Why::Waits(v.def.name.clone()));
        waits.or_else(|| own.cloned())
    }

    /// Views that the tick at hand leaves behind what they read, as its snapshot records them.
    pub(crate) fn held(&self, now: i64) -> BTreeMap<i64, Held> {
        let held = |(id, view): (&i64, &View)| Some((*id, self.record(view, now)?));
        self.views.iter().filter_map(held).collect()
    }

    fn record(&self, view: &View, now: i64) -> Option<Held> {
        let held = view.good_after();
        let error = view.errors.first_key_value().map(|(error, _)| error.message.clone());
        if let Some(why) = view.why() {
            let at = if error.is_some() { held.at } else { view.complete_up_to(now) };
            return Some(Held { why, at, ..held });
        }
        if let Some(why) = error {
            return Some(Held { why, error: true, ..held });
        }
        let computed = matches!(view.moves, super::Move::Follows);
        let clock = view.reads_clock && !computed;
        clock.then(|| Held { why: "the clock has moved since".into(), clock: true, ..held })
    }
}

pub(in crate::tick) fn reads(def: &TableDef) -> Vec<i64> {
    def.materialized().map(|m| m.reads.clone()).unwrap_or_default()
}

pub(in crate::tick) fn is_immediate(def: &TableDef) -> bool {
    def.materialized().is_some_and(|m| m.mode == Mode::Immediate)
}
