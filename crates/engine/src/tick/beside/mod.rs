//! Views that are computed beside the ticks: their queries run over a pinned version, in a thread of their own, while
//! ticks go on and put aside what they change. Then one short tick stores the differences, moves what reads these
//! views by its operators, and all of them are at the version's cut. A run that cannot be used leaves everything as
//! it was.

mod asked;
mod work;

pub(crate) use asked::Asked;
pub(crate) use work::Outcome;

use super::Core;
use super::ddl::Definitions;
use super::graph::{Cut, How, Lag, Move, Reached, View, is_immediate, reads};
use crate::catalog::{Catalog, TableDef};
use crate::read::ReadView;
use sluice_flow::{Delta, Errors};
use sluice_lake::SidecarChange;
use sluice_sql::{Result, SqlError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;
use work::{Task, What, Work};

/// Views that are brought to one cut together.
pub(crate) struct Run {
    cut: Cut,
    members: BTreeMap<i64, Member>,
    /// The definitions of the other tables that they read, as they were.
    reads: Vec<Arc<TableDef>>,
    /// Only clients that wait for it wanted it now.
    asked: bool,
    thread: JoinHandle<Result<BTreeMap<i64, Outcome>>>,
    /// Gone when the run is given up: then the thread ends early.
    _goes_on: oneshot::Sender<()>,
}

struct Member {
    def: Arc<TableDef>,
    /// The errors of what it reads apart from the run.
    inherited: Errors,
}

impl Run {
    pub(crate) fn has(&self, id: i64) -> bool {
        self.members.contains_key(&id)
    }

    /// When it began, in microseconds since 1970.
    pub(crate) fn began(&self) -> i64 {
        self.cut.micros
    }
}

impl Core {
    /// Starts what has come to its time and is not for a tick. Called after one, when all else that may move has.
    pub(super) fn start_runs(&mut self) {
        let tick = self.start_tick();
        let cut = Cut { snapshot: tick.base.snapshot, micros: tick.time_micros };
        let roots = self.roots(cut.micros);
        if roots.is_empty() || self.graph.foreign {
            return;
        }
        for members in self.groups(&roots, cut.micros) {
            let forced = |id: &i64| self.graph.forced.contains(id);
            let due = |id: &i64| roots.contains(id) && self.graph.views[id].holds(cut.micros).is_none();
            let asked = members.iter().any(forced) && !members.iter().any(due);
            if let Err(e) = self.start_run(cut, &members, asked) {
                self.note_failure(&members, cut.micros, &e);
                self.release(&members);
            }
        }
        self.show_runs();
    }

    /// Views to be computed beside the ticks now.
    fn roots(&self, now: i64) -> BTreeSet<i64> {
        let graph = &self.graph;
        let wants = |id: &i64, v: &View| {
            let clock = v.is_clock_due(now) || (v.reads_clock && graph.forced.contains(id));
            v.apart().is_some() && (v.lag.is_some() || v.broken.is_some() || clock) && graph.run_of(*id).is_none()
        };
        let wanted: Vec<i64> = graph.views.iter().filter(|(id, v)| wants(id, v)).map(|(id, _)| *id).collect();
        if wanted.is_empty() {
            return BTreeSet::new();
        }
        let waiting = graph.waiting(now, &[]);
        wanted.into_iter().filter(|id| !waiting.contains_key(id)).collect()
    }

    /// The roots with all that comes along with them, each group in order and apart from the others.
    fn groups(&self, roots: &BTreeSet<i64>, now: i64) -> Vec<Vec<i64>> {
        let waiting = self.graph.waiting(now, &[]);
        let mut group_of: BTreeMap<i64, usize> = BTreeMap::new();
        let mut groups: Vec<Vec<i64>> = vec![];
        for id in &self.graph.order {
            let Some(view) = self.graph.views.get(id) else { continue };
            let reads = reads(&view.def);
            let met: BTreeSet<usize> = reads.iter().filter_map(|r| group_of.get(r).copied()).collect();
            let wanted = roots.contains(id) || !met.is_empty();
            let behind = |r: &i64| self.graph.views.get(r).is_some_and(|v| v.lag.is_some());
            let missing = reads.iter().any(|r| behind(r) && !group_of.contains_key(r));
            let stays = is_immediate(&view.def) || waiting.contains_key(id) || self.parking.holds(*id);
            if !wanted || missing || stays || self.graph.run_of(*id).is_some() {
                continue;
            }
            let mut group: Vec<i64> = met.iter().flat_map(|g| std::mem::take(&mut groups[*g])).collect();
            group.push(*id);
            groups.push(group);
            for member in &groups[groups.len() - 1] {
                group_of.insert(*member, groups.len() - 1);
            }
        }
        let place = |id: &i64| self.graph.order.iter().position(|o| o == id);
        groups.iter_mut().for_each(|g| g.sort_by_key(place));
        groups.retain(|g| !g.is_empty());
        groups
    }

    fn start_run(&mut self, cut: Cut, members: &[i64], asked: bool) -> Result<()> {
        let tick = self.start_tick();
        let catalog = Arc::clone(&tick.base.catalog);
        let tasks = self.tasks(members, &catalog)?;
        let outside: BTreeSet<i64> = members
            .iter()
            .flat_map(|id| reads(&self.graph.views[id].def))
            .filter(|read| !members.contains(read))
            .collect();
        let withheld = |id: &i64| self.graph.views.get(id).map(|v| (*id, v.withheld()));
        let (goes_on, given_up) = oneshot::channel();
        let work = Work {
            tasks,
            withheld: outside.iter().filter_map(withheld).collect(),
            view: ReadView { now_micros: cut.micros, ..self.view(&tick) },
            context: Arc::clone(&self.context),
            runtime: self.runtime.clone(),
            given_up,
        };
        let member = |id: &i64| {
            let def = Arc::clone(&self.graph.views[id].def);
            let others: Vec<i64> = reads(&def).into_iter().filter(|r| !members.contains(r)).collect();
            (*id, Member { def, inherited: self.inherited(&others) })
        };
        let run_members = members.iter().map(member).collect();
        let thread = std::thread::Builder::new()
            .name("recompute".into())
            .stack_size(crate::STACK_BYTES)
            .spawn(move || work.run())
            .map_err(|e| SqlError::internal(format!("no thread to recompute a view: {e}")))?;
        for id in members {
            if let Some(view) = self.graph.views.get_mut(id) {
                view.seal(cut.micros)?;
            }
        }
        let reads = outside.iter().filter_map(|id| catalog.by_id(*id).cloned()).collect();
        self.graph.runs.push(Run { cut, members: run_members, reads, asked, thread, _goes_on: goes_on });
        Ok(())
    }

    /// What is to be computed: queries, operators to be built, and the rows of views between them. The others follow.
    fn tasks(&mut self, members: &[i64], catalog: &Arc<Catalog>) -> Result<Vec<Task>> {
        let base = self.context.version();
        let mut tasks = vec![];
        let mut needed: BTreeSet<i64> = BTreeSet::new();
        for id in members.iter().rev() {
            let view = &self.graph.views[id];
            let what = if view.broken.is_some() || matches!(view.how, How::Rebuilt) {
                What::Build(Box::new(View::plan_stored(&self.context, &base, catalog, Arc::clone(&view.def))?.0))
            } else if matches!(view.how, How::Recompute) {
                What::Query(view.plan.clone())
            } else if needed.contains(id) {
                What::Rows(view.plan.clone())
            } else {
                continue;
            };
            let read_later = needed.contains(id);
            needed.extend(reads(&view.def));
            tasks.push(Task { def: Arc::clone(&view.def), schema: Arc::clone(&view.schema), what, read_later });
        }
        for task in &tasks {
            if let (What::Build(fresh), Some(view)) = (&task.what, self.graph.views.get_mut(&task.def.id)) {
                view.building = fresh.circuit().is_some().then(|| fresh.built_for.clone());
            }
        }
        tasks.reverse();
        Ok(tasks)
    }

    /// Stores what runs have computed that are done.
    pub(super) fn finish_runs(&mut self) {
        self.give_up_unwanted();
        while let Some(at) = self.graph.runs.iter().position(|r| r.thread.is_finished()) {
            self.look_for_foreign();
            if self.follow_foreign().is_err() || self.graph.runs.get(at).is_none_or(|r| !r.thread.is_finished()) {
                break;
            }
            let run = self.graph.runs.remove(at);
            let members: Vec<i64> = run.members.keys().copied().collect();
            let panicked = || SqlError::internal("recomputing panicked");
            let outcome = run.thread.join().unwrap_or_else(|_| Err(panicked()));
            let stored = outcome.and_then(|outcomes| {
                let views: Arc<[i64]> = members.clone().into();
                let inherited = run.members.into_iter().map(|(id, m)| (id, m.inherited)).collect();
                self.store(Reached { cut: run.cut, views, inherited, outcomes, arrived: BTreeSet::new() })
            });
            // What another program committed first is followed, and the run begins anew.
            let failed = stored.err().filter(|_| !self.graph.foreign);
            if let Some(e) = &failed {
                self.note_failure(&members, run.cut.micros, e);
            }
            self.release(&members);
            self.show_runs();
            if let Some(e) = &failed {
                self.answer_failed(&members, e);
            }
            self.ask_again();
        }
        self.ask_again_if_alone();
    }

    fn store(&mut self, reached: Reached) -> Result<()> {
        let mut tick = self.start_tick();
        tick.reached = Some(reached);
        let definitions = Definitions::unchanged(&tick.base);
        let stored = self.finish(&mut tick, definitions, SidecarChange::default());
        if stored.is_err() {
            self.abort();
        }
        stored.map(drop)
    }

    /// A run that could not compute its views: they stay where they are, and are tried again a turn later.
    fn note_failure(&mut self, members: &[i64], at: i64, error: &SqlError) {
        for id in members {
            let Some(view) = self.graph.views.get_mut(id).filter(|v| v.apart().is_some()) else { continue };
            tracing::warn!(view = view.def.name, "it could not be recomputed: {error}");
            view.tried = Some((at, format!("{} ({})", error.message, error.code)));
        }
    }

    /// What was sealed for a run waits on if it has not been taken in.
    fn release(&mut self, members: &[i64]) {
        for id in members {
            if let Some(view) = self.graph.views.get_mut(id)
                && let Err(e) = view.unseal()
            {
                tracing::error!(view = view.def.name, "what waits for it could not be put together: {e}");
            }
        }
    }

    /// Gives up runs whose views have moved in the tick at hand.
    pub(super) fn give_up_moved(&mut self) -> Result<()> {
        let graph = &self.graph;
        let moved = |id: &i64| graph.views.get(id).is_none_or(|v| matches!(v.moves, Move::Follows));
        let at = graph.runs.iter().position(|run| run.members.keys().any(moved));
        at.map_or(Ok(()), |at| {
            self.give_up(at, "its views were computed meanwhile");
            self.give_up_moved()
        })
    }

    /// Gives up runs whose views, or what they read, have other definitions now.
    pub(super) fn give_up_redefined(&mut self, catalog: &Catalog) -> Result<()> {
        let other = |run: &Run| {
            let same = |def: &TableDef| catalog.by_id(def.id).is_some_and(|now| now.columns == def.columns);
            let kept = |(id, m): (&i64, &Member)| catalog.by_id(*id).is_some_and(|now| Arc::ptr_eq(now, &m.def));
            !run.reads.iter().all(|d| same(d)) || !run.members.iter().all(kept) || self.is_parked(run)
        };
        let at = self.graph.runs.iter().position(other);
        at.map_or(Ok(()), |at| {
            self.give_up(at, "definitions changed meanwhile");
            self.give_up_redefined(catalog)
        })
    }

    fn is_parked(&self, run: &Run) -> bool {
        run.members.keys().any(|id| self.parking.holds(*id))
    }

    fn give_up(&mut self, at: usize, why: &str) {
        let run = self.graph.runs.remove(at);
        let members: Vec<i64> = run.members.keys().copied().collect();
        let names: Vec<&str> = run.members.values().map(|m| m.def.name.as_str()).collect();
        tracing::info!("recomputing {} is given up: {why}", names.join(", "));
        self.release(&members);
    }
}

impl View {
    /// What its readers have seen of it that is not stored, and its errors.
    pub(super) fn withheld(&self) -> Delta {
        Delta { rows: self.pending.clone(), errors: self.errors.clone() }
    }

    /// Becomes part of a run that takes in what has been put aside up to now: until then it waits.
    fn seal(&mut self, now: i64) -> Result<()> {
        let since = self.complete_up_to(now);
        self.lag.get_or_insert_with(|| Lag::new(since, "it is being recomputed".into())).seal()
    }

    fn unseal(&mut self) -> Result<()> {
        self.building = None;
        self.lag.as_mut().map_or(Ok(()), Lag::unseal)
    }
}
