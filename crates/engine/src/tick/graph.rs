//! The views in order, and one tick's way through them.

use super::alter::fitted;
use super::ddl::Definitions;
use super::feed::Feed;
use super::view_state::{How, Undo, View};
use super::{Core, Tick, ViewStatus};
use crate::catalog::{Catalog, Mode, SourceDef, TableDef};
use crate::read::{Names, ReadView, Staged, TableHandle};
use crate::version::Version;
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use sluice_flow::{Delta, Errors};
use sluice_sql::{
    NoCircuit, PlannedQuery, Result, SqlError, build_circuit, derive_key, optimize_view, reads_clock, refuse_volatile,
};
use sluice_zset::{ZBatch, consolidate, with_row_count};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All maintained views.
pub(crate) struct Graph {
    pub(crate) views: BTreeMap<i64, View>,
    /// Views, each after what it reads.
    order: Vec<i64>,
    /// The snapshot that last changed a definition.
    pub(crate) defined_at: i64,
    last_clock: Instant,
    /// Another program wrote to the lake: everything is rebuilt before the next tick.
    pub(crate) foreign: bool,
    /// A tick that changed definitions was taken back: everything is rebuilt.
    pub(crate) stale: bool,
}

impl Graph {
    pub(crate) fn new(defined_at: i64) -> Self {
        Self {
            views: BTreeMap::new(),
            order: vec![],
            defined_at,
            last_clock: Instant::now(),
            foreign: false,
            stale: false,
        }
    }

    /// Whether a second has passed and some view reads the clock.
    pub(crate) fn clock_due(&self) -> bool {
        self.last_clock.elapsed() >= Duration::from_secs(1)
            && self.views.values().any(|v| v.reads_clock || v.broken.is_some())
    }

    pub(crate) fn abort(&mut self) {
        self.views.values_mut().for_each(View::abort);
    }

    /// Puts each view after what it reads.
    pub(crate) fn order_views(&mut self) {
        let mut order: Vec<i64> = vec![];
        let mut left: Vec<i64> = self.views.keys().copied().collect();
        while !left.is_empty() {
            let ready = |id: &i64| {
                let reads = self.views[id].def.materialized().map(|m| m.reads.clone()).unwrap_or_default();
                reads.iter().all(|r| !self.views.contains_key(r) || order.contains(r))
            };
            let (now, later): (Vec<i64>, Vec<i64>) = left.iter().partition(|id| ready(id));
            if now.is_empty() {
                break;
            }
            order.extend(now);
            left = later;
        }
        self.order = order;
    }
}

/// Changes of one tick, table by table, as operators see them.
type Deltas = BTreeMap<i64, Delta>;

impl Core {
    /// Moves the tick's changes through every live view and stages what comes out.
    pub(super) fn run_graph(&mut self, tick: &mut Tick, definitions: &Definitions) -> Result<()> {
        for id in &definitions.dropped {
            self.graph.views.remove(id);
            self.context.indexes.drop_table(*id);
        }
        self.take_altered(&definitions.catalog);
        self.replan_readers(tick, definitions)?;
        let mut deltas = self.base_deltas(tick)?;
        let clock = self.graph.clock_due();
        if clock {
            self.graph.last_clock = Instant::now();
        }
        for id in self.graph.order.clone() {
            self.step_view(tick, &definitions.catalog, id, &mut deltas, clock)?;
        }
        for id in &definitions.created_views {
            let def = definitions.catalog.by_id(*id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
            let view = View::plan(&self.context, &tick.base, &definitions.catalog, def)?;
            self.graph.views.insert(*id, view);
            self.rebuild(tick, &definitions.catalog, *id, true)?;
        }
        self.graph.order_views();
        Ok(())
    }

    /// A view whose definition changed (paused, resumed, another schedule) is rebuilt when it is live again: what
    /// happened meanwhile did not reach its operators.
    fn take_altered(&mut self, catalog: &Catalog) {
        for view in self.graph.views.values_mut() {
            let Some(def) = catalog.by_id(view.def.id).filter(|d| !Arc::ptr_eq(d, &view.def)) else { continue };
            // A name or an index changes no row; but what a unique index withheld may be free now.
            let same = view.def.kind == def.kind && view.violation.is_none();
            view.def = Arc::clone(def);
            if !same && !def.materialized().is_some_and(|m| m.paused) {
                view.broken = Some("its definition changed".into());
            }
        }
    }

    /// Views that this tick leaves behind what they read, and why.
    pub(super) fn held(&self) -> Option<String> {
        let mut held: BTreeMap<i64, &str> = BTreeMap::new();
        for id in &self.graph.order {
            let Some(view) = self.graph.views.get(id) else { continue };
            let Some(m) = view.def.materialized() else { continue };
            if m.paused {
                held.insert(*id, "paused");
            } else if !view.errors.is_empty() {
                held.insert(*id, "error");
            } else if m.reads.iter().any(|r| self.graph.views.get(r).is_some_and(|v| v.broken.is_some())) {
                held.insert(*id, "waits for what it reads");
            }
        }
        held.extend(self.parking.held().map(|id| (id, "it waits for sluice.resync")));
        if held.is_empty() { None } else { serde_json::to_string(&held).ok() }
    }

    fn base_deltas(&self, tick: &Tick) -> Result<Deltas> {
        let mut deltas = Deltas::new();
        for (&table, staged) in &tick.writes.tables {
            let mut parts = vec![staged.delta()?];
            if staged.truncated
                && let (Some(below), Some(def)) = (tick.base.tables.get(&table), tick.base.catalog.by_id(table))
            {
                let (rows, _) = crate::context::all_rows(below, def)?;
                parts.push(ZBatch::new(rows).negate()?);
            }
            let rows: Vec<ZBatch> =
                parts.into_iter().filter(|p| !p.is_empty()).map(|p| plain(&p)).collect::<Result<_>>()?;
            deltas.insert(table, Delta { rows, errors: Errors::new() });
        }
        Ok(deltas)
    }

    fn step_view(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        deltas: &mut Deltas,
        clock: bool,
    ) -> Result<()> {
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        let Some(m) = view.def.materialized() else { return Ok(()) };
        let touched = m.reads.iter().any(|r| deltas.get(r).is_some_and(|d| !d.is_empty()));
        if m.paused || self.parking.holds(id) {
            return Ok(());
        }
        let due = touched || view.broken.is_some() || (clock && view.reads_clock);
        if !due {
            return Ok(());
        }
        let started = Instant::now();
        if view.broken.is_some() {
            return self.rebuild_and_pass_on(tick, catalog, id, deltas);
        }
        let out = match &mut view.how {
            How::Incremental { circuit, sources, .. } => {
                let mut inputs: Vec<Delta> = vec![];
                for (source, built_for) in sources.iter().zip(&view.built_for) {
                    let now = catalog.by_id(*source).ok_or_else(|| SqlError::internal("a table is gone"))?;
                    inputs.push(fitted(deltas.get(source), now, built_for)?);
                }
                circuit.step(&inputs)
            }
            How::Recompute { .. } => {
                let mut errors = Errors::new();
                for (_, d) in deltas.iter().filter(|(t, _)| m.reads.contains(t)) {
                    for (e, w) in &d.errors {
                        *errors.entry(e.clone()).or_insert(0) += w;
                    }
                }
                return self.recompute(tick, catalog, id, errors, deltas);
            }
        };
        let out = match out {
            Ok(out) => out,
            Err(e) => {
                view.broken = Some(e.to_string());
                tracing::error!(view = view.def.name, "its operators failed and are rebuilt: {e}");
                return self.rebuild_and_pass_on(tick, catalog, id, deltas);
            }
        };
        self.settle(tick, catalog, id, out, deltas, started)
    }

    /// Adds a view's change to what it withholds or publishes, and hands it on.
    fn settle(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        mut out: Delta,
        deltas: &mut Deltas,
        started: Instant,
    ) -> Result<()> {
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        view.remember();
        for (error, weight) in &out.errors {
            *view.errors.entry(error.clone()).or_insert(0) += weight;
        }
        view.errors.retain(|_, w| *w != 0);
        view.pending.extend(out.rows.iter().filter(|r| !r.is_empty()).cloned());
        self.check_unique(catalog, id, &mut out)?;
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        if view.errors.is_empty() && !view.pending.is_empty() {
            let pending = std::mem::take(&mut view.pending);
            let change = consolidate(&ZBatch::concat(&view.schema, &pending)?)?;
            self.publish(tick, catalog, id, &change)?;
        } else if view.pending.len() > 64 {
            let together = consolidate(&ZBatch::concat(&view.schema, &view.pending)?)?;
            view.pending = vec![together];
        }
        self.note(tick, id, started);
        deltas.insert(id, out);
        Ok(())
    }

    /// Runs the query over what the tick has staged; the difference to what is stored comes out.
    fn recompute(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        errors: Errors,
        deltas: &mut Deltas,
    ) -> Result<()> {
        let started = Instant::now();
        let inherited = self.inherited(id);
        let view = &self.graph.views[&id];
        let result = if inherited { Err(None) } else { self.evaluate(tick, view).map_err(Some) };
        let out = match result {
            Ok(rows) => {
                let stored = self.stored(tick, catalog, id)?.negate()?;
                let change = consolidate(&ZBatch::concat(&view.schema, &[rows, stored])?)?;
                let mut own = errors;
                // What its own query failed on before is over: the errors of this view are those it inherits.
                for (e, w) in &view.errors {
                    *own.entry(e.clone()).or_insert(0) -= w;
                }
                own.retain(|_, w| *w != 0);
                Delta { rows: vec![change], errors: own }
            }
            Err(None) => Delta { rows: vec![], errors },
            Err(Some(e)) => {
                let mut errors = errors;
                let own =
                    sluice_flow::DataError { code: e.code, message: e.message, row: e.detail.unwrap_or_default() };
                if !view.errors.contains_key(&own) {
                    errors.insert(own, 1);
                }
                Delta { rows: vec![], errors }
            }
        };
        self.settle(tick, catalog, id, out, deltas, started)
    }

    /// Whether a view that this one reads is withheld.
    fn inherited(&self, id: i64) -> bool {
        let reads = self.graph.views[&id].def.materialized().map(|m| m.reads.clone()).unwrap_or_default();
        reads.iter().any(|r| self.graph.views.get(r).is_some_and(|v| !v.errors.is_empty()))
    }

    /// The query's result over what the tick has staged.
    fn evaluate(&self, tick: &Tick, view: &View) -> Result<ZBatch> {
        let batches = self.runtime.block_on(self.context.runner.collect(view.plan.clone(), &self.view(tick)))?;
        let parts: Vec<ZBatch> =
            batches.into_iter().map(|b| Ok(ZBatch::new(conform(&b, &view.schema)?))).collect::<Result<_>>()?;
        Ok(ZBatch::concat(&view.schema, &parts)?)
    }

    /// A view's rows as stored, with what the tick has staged.
    fn stored(&self, tick: &Tick, catalog: &Arc<Catalog>, id: i64) -> Result<ZBatch> {
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
        let rows = self.table_rows(&self.view(tick), &def)?;
        plain(&ZBatch::new(rows))
    }

    fn table_rows(&self, view: &ReadView, def: &Arc<TableDef>) -> Result<RecordBatch> {
        let bound = crate::read::BoundTable {
            schema: def.arrow(),
            table: view.version.tables.get(&def.id).cloned(),
            staged: view.staged.get(&def.id).cloned(),
            row_ids: false,
            lookup: None,
        };
        Ok(bound.collect()?)
    }

    fn rebuild_and_pass_on(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        deltas: &mut Deltas,
    ) -> Result<()> {
        let old = &self.graph.views[&id];
        let before = old.errors.clone();
        // Who reads it has seen what was withheld.
        let seen: Vec<ZBatch> = old.pending.iter().map(ZBatch::negate).collect::<std::result::Result<_, _>>()?;
        let change = self.rebuild(tick, catalog, id, true)?;
        let mut errors = self.graph.views[&id].errors.clone();
        for (e, w) in before {
            *errors.entry(e).or_insert(0) -= w;
        }
        errors.retain(|_, w| *w != 0);
        deltas.insert(id, Delta { rows: std::iter::once(change).chain(seen).collect(), errors });
        Ok(())
    }

    /// Builds a view's operators anew from the rows it reads, and publishes `new - stored` if `publish`.
    pub(super) fn rebuild(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        publish: bool,
    ) -> Result<ZBatch> {
        let started = Instant::now();
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
        let mut fresh = View::plan(&self.context, &tick.base, catalog, def)?;
        let inherited: Errors = fresh
            .def
            .materialized()
            .map(|m| m.reads.iter().filter_map(|r| self.graph.views.get(r)).flat_map(|v| v.errors.clone()).collect())
            .unwrap_or_default();
        let mut out = Delta::default();
        match &mut fresh.how {
            How::Incremental { circuit, sources, .. } => {
                let view = self.view(tick);
                let feed = Feed { view: &view, catalog, sources, used: None };
                // Built anew it has nothing to take back: each portion is kept as it comes.
                feed.each(|portion| {
                    let part = circuit.step(portion)?;
                    out.rows.extend(part.rows);
                    out.inherit(&part.errors);
                    Ok(circuit.commit()?)
                })?;
                // What the tables that it reads withhold lies over their stored rows.
                let withheld = |source: &i64| match self.graph.views.get(source) {
                    Some(v) => Delta { rows: v.pending.clone(), errors: v.errors.clone() },
                    None => Delta::default(),
                };
                let last = circuit.step(&sources.iter().map(withheld).collect::<Vec<_>>())?;
                out.rows.extend(last.rows);
                out.inherit(&last.errors);
            }
            How::Recompute { .. } if inherited.is_empty() => match self.evaluate(tick, &fresh) {
                Ok(rows) => out.push(rows),
                Err(e) => out.fail(
                    sluice_flow::DataError { code: e.code, message: e.message, row: e.detail.unwrap_or_default() },
                    1,
                ),
            },
            How::Recompute { .. } => out.errors = inherited,
        }
        fresh.errors = out.errors.clone();
        let recomputed = matches!(fresh.how, How::Recompute { .. });
        let mut change = if recomputed && !fresh.errors.is_empty() {
            ZBatch::empty(&fresh.schema)
        } else {
            out.push(self.stored(tick, catalog, id)?.negate()?);
            let change = ZBatch::concat(&fresh.schema, &out.rows)?;
            // Without anything that goes, nothing cancels out; copies of a row are as good as its count.
            if change.iter_weights().any(|w| w < 0) { consolidate(&change)? } else { change }
        };
        if fresh.errors.is_empty() {
            fresh.violation = self.violation(&fresh.def, &change)?;
            fresh.errors.extend(fresh.violation.iter().map(|v| (v.clone(), 1)));
            if recomputed && fresh.violation.is_some() {
                change = ZBatch::empty(&fresh.schema);
            }
        }
        let withheld = !fresh.errors.is_empty();
        if withheld && !change.is_empty() {
            fresh.pending.push(change.clone());
        }
        self.graph.views.insert(id, fresh);
        if publish && !withheld && !change.is_empty() {
            self.publish(tick, catalog, id, &change)?;
        }
        self.note(tick, id, started);
        Ok(change)
    }

    /// Records what the status shows.
    pub(super) fn note(&self, tick: &Tick, id: i64, started: Instant) {
        let view = &self.graph.views[&id];
        let mut all = self.status.write();
        let status: &mut ViewStatus = all.entry(id).or_default();
        status.strategy = view.strategy();
        status.refreshes += 1;
        status.last_micros = started.elapsed().as_micros() as i64;
        match view.errors.first_key_value() {
            None => {
                status.state = "ACTIVE".into();
                status.error = None;
                status.consecutive_errors = 0;
                status.data_micros = tick.time_micros;
            }
            Some((error, _)) => {
                status.state = "ERROR".into();
                status.error = Some(format!("{} on row {} ({})", error.message, error.row, error.code));
                if status.consecutive_errors == 0 {
                    tracing::warn!(
                        view = view.def.name,
                        "held at its last good state: {}",
                        status.error.as_deref().unwrap_or_default()
                    );
                }
                status.consecutive_errors += 1;
            }
        }
    }
}

impl View {
    /// Plans a view's query and builds its circuit, if it has one.
    pub(super) fn plan(
        context: &crate::Context,
        base: &Version,
        catalog: &Arc<Catalog>,
        def: Arc<TableDef>,
    ) -> Result<View> {
        let m = def.materialized().ok_or_else(|| SqlError::internal("not a materialized view"))?;
        let mut version = base.clone();
        version.catalog = Arc::clone(catalog);
        let view = ReadView { version: Arc::new(version), staged: Arc::default(), now_micros: base.time_micros };
        let planned = plan_maintained(context, &view, &["main".to_string()], &m.query, &m.sources)?;
        let clock = reads_clock(&planned.query.plan)?;
        let mut built_for = vec![];
        let how = match (m.mode, clock) {
            (Mode::Full, _) => How::Recompute { reason: "refresh_mode is FULL".into() },
            (_, true) => How::Recompute { reason: "the query reads the clock".into() },
            _ => match build_circuit(&planned.optimized, context.planner.options()) {
                Ok(built) => {
                    let sources = built.sources.iter().map(|s| match s.downcast_ref::<TableHandle>() {
                        Some(handle) => {
                            built_for.push(Arc::clone(&handle.def));
                            Ok(handle.def.id)
                        }
                        None => Err(SqlError::unsupported(
                            "a maintained view over a function or system table",
                            "Copy its rows into a table.",
                        )),
                    });
                    How::Incremental {
                        sources: sources.collect::<Result<_>>()?,
                        used: built.columns,
                        circuit: built.circuit,
                    }
                }
                Err(NoCircuit::NotIncremental(reason)) => How::Recompute { reason },
                Err(NoCircuit::Error(e)) => return Err(e),
            },
        };
        let fields: Vec<Field> = def.columns.iter().map(|c| Field::new(&c.name, c.ty.arrow(), true)).collect();
        Ok(View {
            schema: Arc::new(Schema::new(fields)),
            plan: planned.query.plan,
            how,
            built_for,
            errors: Errors::new(),
            violation: None,
            pending: vec![],
            broken: None,
            reads_clock: clock,
            undo: Undo::Rebuild,
            def,
        })
    }
}

/// A maintained query's plan before and after optimization.
pub(crate) struct Maintained {
    pub(crate) query: PlannedQuery,
    pub(crate) optimized: datafusion::logical_expr::LogicalPlan,
    pub(crate) key: Option<Vec<usize>>,
    pub(crate) reads: Vec<i64>,
    pub(crate) sources: Vec<SourceDef>,
}

/// Plans a query to be maintained, with the names in `bound` meaning what they mean there; refuses what cannot be.
pub(crate) fn plan_maintained(
    context: &crate::Context,
    view: &ReadView,
    path: &[String],
    query: &str,
    bound: &[SourceDef],
) -> Result<Maintained> {
    let planner = &context.planner;
    let mut names = Names::new(view, context, path);
    names.bound = bound;
    names.maintained = true;
    let planned = planner.plan(&crate::statement::parse_query(query)?, &names, &[])?;
    refuse_volatile(&planned.plan)?;
    let optimized = optimize_view(planned.plan.clone(), planner.options())?;
    let key = derive_key(&optimized);
    Ok(Maintained { key, reads: names.reads(), sources: names.sources(), optimized, query: planned })
}

/// Why a planned query is recomputed, if it is.
pub(crate) fn not_incremental(
    planned: &Maintained,
    planner: &sluice_sql::Planner,
    mode: Mode,
) -> Result<Option<String>> {
    if mode == Mode::Full {
        return Ok(Some("refresh_mode is FULL".into()));
    }
    if reads_clock(&planned.query.plan)? {
        return Ok(Some("the query reads the clock".into()));
    }
    match build_circuit(&planned.optimized, planner.options()) {
        Ok(_) => Ok(None),
        Err(NoCircuit::NotIncremental(reason)) => Ok(Some(reason)),
        Err(NoCircuit::Error(e)) => Err(e),
    }
}

/// A batch's columns cast to a view's types.
fn conform(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(c, f)| Ok(sluice_sql::cast_column(c, f.data_type())?))
        .collect::<Result<Vec<_>>>()?;
    Ok(with_row_count(Arc::clone(schema), columns, rows.num_rows())?)
}

/// The same rows with nullable columns and without metadata, as operators have them.
pub(super) fn plain(rows: &ZBatch) -> Result<ZBatch> {
    let fields: Vec<Field> =
        rows.schema().fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    Ok(rows.map_rows(with_row_count(schema, rows.rows().columns().to_vec(), rows.len())?))
}

/// A view's staged changes, made if there are none yet.
pub(super) fn staged_of<'a>(tick: &'a mut Tick, def: &TableDef) -> &'a mut Staged {
    tick.writes.tables.entry(def.id).or_insert_with(|| Staged::new(def.arrow()))
}
