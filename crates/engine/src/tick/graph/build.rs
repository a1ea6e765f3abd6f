//! Building a view: its plan, its circuit, and its state from the rows it reads.

use super::{Deltas, How, View};
use crate::catalog::{Catalog, Mode, SourceDef, TableDef};
use crate::read::{Names, ReadView, TableHandle};
use crate::tick::feed::Feed;
use crate::tick::{Core, Tick};
use crate::version::Version;
use arrow::datatypes::{Field, Schema};
use datafusion::logical_expr::LogicalPlan;
use sluice_flow::{Delta, Errors};
use sluice_sql::{
    NoCircuit, PlannedQuery, Result, SqlError, build_circuit, derive_key, failing_plan, optimize_view, reads_clock,
    refuse_volatile,
};
use sluice_zset::{ZBatch, consolidate};
use std::sync::Arc;
use std::time::Instant;

/// A view that reads more rows is filled, and recomputed for the first time, beside the ticks if it may be.
pub(crate) const LARGE_ROWS: u64 = 20_000;

impl Core {
    /// Builds a view anew, and hands on how its rows and errors differ from what its readers have seen.
    pub(super) fn rebuild_and_pass_on(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        deltas: &mut Deltas,
    ) -> Result<()> {
        let before = self.graph.views[&id].errors.clone();
        let seen = std::mem::take(&mut self.view_mut(id)?.pending);
        let mut rows = vec![self.rebuild(tick, catalog, id, true)?];
        for withheld in seen {
            rows.push(withheld.negate()?);
        }
        let mut errors = self.graph.views[&id].errors.clone();
        for (e, w) in before {
            *errors.entry(e).or_insert(0) -= w;
        }
        errors.retain(|_, w| *w != 0);
        deltas.insert(id, Delta { rows, errors });
        Ok(())
    }

    /// A new view whose query cannot be run at all is refused; one that fails on a row waits for it to be mended.
    pub(super) fn refuse_unrunnable(&self, id: i64) -> Result<()> {
        let errors = self.graph.views.get(&id).map(|v| &v.errors);
        match errors.and_then(|errors| errors.keys().find(|e| e.code == "0A000")) {
            Some(e) => Err(SqlError::unsupported(e.message.clone(), "Rewrite the query without it.")),
            None => Ok(()),
        }
    }

    fn view_mut(&mut self, id: i64) -> Result<&mut View> {
        self.graph.views.get_mut(&id).ok_or_else(|| SqlError::internal("a view is gone"))
    }

    /// Builds a view's operators anew from the rows it reads, and publishes `new - stored` if `publish`.
    pub(crate) fn rebuild(
        &mut self,
        tick: &mut Tick,
        catalog: &Arc<Catalog>,
        id: i64,
        publish: bool,
    ) -> Result<ZBatch> {
        let started = Instant::now();
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
        let (mut fresh, _) = View::plan_stored(&self.context, &tick.base, catalog, def)?;
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
            How::Recompute if inherited.is_empty() => match self.evaluate(tick, &fresh) {
                Ok(rows) => out.push(rows),
                Err(e) => out.fail(super::reach::data_error(e), 1),
            },
            How::Recompute | How::Rebuilt => out.errors = inherited,
        }
        fresh.errors = out.errors.clone();
        let recomputed = matches!(fresh.how, How::Recompute);
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
        fresh.ran = Some(started.elapsed());
        if recomputed {
            fresh.recomputed_in(started.elapsed());
        }
        if let Some(old) = self.graph.views.remove(&id) {
            fresh.succeeds(old);
        }
        self.graph.views.insert(id, fresh);
        if publish && !withheld && !change.is_empty() {
            self.publish(tick, catalog, id, &change)?;
        }
        Ok(change)
    }
}

impl View {
    /// Plans a view that is there already. Where its query can't be planned any more, as by a version that refuses
    /// more, that is no reason not to open the lake: the view keeps its rows, and the error is what its query gives.
    pub(crate) fn plan_stored(
        context: &crate::Context,
        base: &Version,
        catalog: &Arc<Catalog>,
        def: Arc<TableDef>,
    ) -> Result<(Self, Option<SqlError>)> {
        match Self::plan(context, base, catalog, Arc::clone(&def)) {
            Ok(view) => Ok((view, None)),
            Err(e) => {
                tracing::error!(view = def.name, "it stays as it is, for its query cannot be planned: {}", e.message);
                let reason = format!("its query cannot be planned: {}", e.message);
                let schema = Arc::new(row_schema(&def));
                let view = Self::new(def, schema, failing_plan(e.clone())?, How::Recompute, Some(reason))?;
                Ok((view, Some(e)))
            }
        }
    }

    /// Plans a view's query and builds its circuit, if it has one.
    pub(crate) fn plan(
        context: &crate::Context,
        base: &Version,
        catalog: &Arc<Catalog>,
        def: Arc<TableDef>,
    ) -> Result<Self> {
        let m = def.materialized().ok_or_else(|| SqlError::internal("not a materialized view"))?;
        let mut version = base.clone();
        version.catalog = Arc::clone(catalog);
        let now_micros = base.time_micros;
        let view = ReadView { version: Arc::new(version), staged: Arc::default(), now_micros, zone: m.zone };
        let planned = plan_maintained(context, &view, &["main".to_string()], &m.query, &m.sources)?;
        let mut built_for = vec![];
        let (how, reason) = match refused_circuit(m.mode, &planned.query.plan)? {
            Some(reason) => (How::Recompute, Some(reason)),
            None => match build_circuit(&planned.optimized, context.planner.options()) {
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
                    let sources = sources.collect::<Result<_>>()?;
                    (How::Incremental { sources, used: built.columns, circuit: built.circuit }, None)
                }
                Err(NoCircuit::NotIncremental(reason)) => (How::Recompute, Some(reason)),
                Err(NoCircuit::Error(e)) => return Err(e),
            },
        };
        let schema = Arc::new(row_schema(&def));
        let mut view = Self::new(def, schema, planned.query.plan, how, reason)?;
        view.built_for = built_for;
        let rows = |id: &i64| base.tables.get(id).map_or(0, |t| t.live_rows());
        view.large = view.def.materialized().is_some_and(|m| m.reads.iter().map(rows).sum::<u64>() > LARGE_ROWS);
        Ok(view)
    }
}

fn row_schema(def: &TableDef) -> Schema {
    Schema::new(def.columns.iter().map(|c| Field::new(&c.name, c.ty.arrow(), true)).collect::<Vec<_>>())
}

/// Why no circuit is to be built for a query that might have one.
fn refused_circuit(mode: Mode, plan: &LogicalPlan) -> Result<Option<String>> {
    if mode == Mode::Full {
        return Ok(Some("refresh_mode is FULL".into()));
    }
    Ok(reads_clock(plan)?.then(|| "the query reads the clock".into()))
}

/// A maintained query's plan before and after optimization.
pub(crate) struct Maintained {
    pub(crate) query: PlannedQuery,
    pub(crate) optimized: LogicalPlan,
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
    if let Some(reason) = refused_circuit(mode, &planned.query.plan)? {
        return Ok(Some(reason));
    }
    match build_circuit(&planned.optimized, planner.options()) {
        Ok(_) => Ok(None),
        Err(NoCircuit::NotIncremental(reason)) => Ok(Some(reason)),
        Err(NoCircuit::Error(e)) => Err(e),
    }
}
