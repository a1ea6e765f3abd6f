//! CREATE VIEW and CREATE MATERIALIZED VIEW.

use super::options::{check_schedule, view_options};
use crate::catalog::{Catalog, ColumnDef, Kind, MaterializedDef, Mode, ObjectRef, SourceDef, TableDef};
use crate::read::{Names, ReadView, Staged};
use crate::schedule::Schedule;
use crate::session::{Outcome, Session};
use crate::tick::{DdlOp, FillRequest, Request, plan_maintained, stopped};
use crate::write::Target;
use sluice_sql::{PlannedQuery, Result, SqlError, SqlType, Zone, fold};
use sqlparser::ast::CreateView;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// A materialized view to be created, however it was spelled.
pub(crate) struct NewView {
    pub(crate) name: ObjectRef,
    pub(crate) query: String,
    pub(crate) columns: Vec<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) if_not_exists: bool,
    pub(crate) or_replace: bool,
    /// What the names in the query mean, where that is decided already.
    pub(crate) sources: Vec<SourceDef>,
    /// The time zone of its query; the session's without one.
    pub(crate) zone: Option<Zone>,
}

impl Session {
    pub(super) async fn create_view(&mut self, create: &CreateView) -> Result<Outcome> {
        let options = view_options(create)?;
        let columns = create.columns.iter().map(|c| fold(&c.name)).collect();
        let name = ObjectRef::parse(&create.name)?;
        if create.materialized {
            let view = NewView {
                name,
                query: create.query.to_string(),
                columns,
                schedule: options.0,
                mode: options.1,
                if_not_exists: create.if_not_exists,
                or_replace: create.or_replace,
                sources: vec![],
                zone: None,
            };
            let rows = self.create_materialized(view).await?;
            return Ok(Outcome::done(format!("SELECT {rows}")));
        }
        let catalog = self.catalog();
        if self.exists(&catalog, &name)? {
            if !create.or_replace {
                return Err(SqlError::new("42P07", format!("relation \"{}\" already exists", name.name)));
            }
            return Err(SqlError::unsupported("CREATE OR REPLACE VIEW", "Drop the view and create it again."));
        }
        let (planned, sources) = self.plan_bound(&create.query, &[], self.settings.zone())?;
        let def = TableDef {
            id: self.engine.context().object_id(),
            schema: catalog.creation_schema(&name, &self.settings.search_path())?,
            name: name.name,
            columns: stored_columns(planned.columns, &columns)?,
            kind: Kind::View { query: create.query.to_string(), sources },
            indexes: vec![],
        };
        self.submit_ddl(vec![DdlOp::Create(Box::new(def))]).await?;
        Ok(Outcome::done("CREATE VIEW"))
    }

    /// Creates and fills a materialized view; returns how many rows it has.
    pub(crate) async fn create_materialized(&mut self, new: NewView) -> Result<u64> {
        let catalog = self.catalog();
        let existing = catalog.find(&new.name, &self.settings.search_path()).cloned();
        let mut ops = vec![];
        if let Some(existing) = &existing {
            if new.if_not_exists {
                self.skipping(&new.name.name);
                return Ok(0);
            }
            if !new.or_replace {
                return Err(SqlError::new("42P07", format!("relation \"{}\" already exists", new.name.name))
                    .hint("Choose another name, or drop it first."));
            }
            if let Some(reader) = catalog.readers(existing.id).first() {
                self.replace_read(&new, existing, &reader.name).await?;
                return Ok(self.view().version.tables.get(&existing.id).map_or(0, |t| t.live_rows()));
            }
            ops.push(DdlOp::Drop { id: existing.id });
        }
        let (mut def, mut notices) = self.materialized_def(&new, &catalog)?;
        if let Some(existing) = &existing {
            notices.extend(super::index::carry_over(existing, &mut def));
        }
        for message in notices {
            self.notice(message, None);
        }
        let id = def.id;
        ops.push(DdlOp::Create(Box::new(def.clone())));
        if self.block.is_some() {
            let rows = self.fill_in_block(&def).await?;
            self.submit_ddl(ops).await?;
            self.stage(id, rows)?;
            for index in def.indexes.iter().filter(|i| i.unique) {
                self.validate_key(&def, &index.name, &index.columns).await?;
            }
        } else if ops.len() == 1 && self.is_large(&def) {
            self.fill(def).await?;
        } else {
            self.submit_ddl(ops).await?;
        }
        let view = self.view();
        let stored = view.version.tables.get(&id).map_or(0, |t| t.live_rows());
        let staged = view
            .staged
            .get(&id)
            .map_or(Ok(0), |s| s.added().map(|a| a.iter().map(|p| p.rows.num_rows() as u64).sum()))?;
        Ok(stored + staged)
    }

    /// Whether filling a view within a tick would hold up other writers, who do not wait for this session anyway.
    fn is_large(&self, def: &TableDef) -> bool {
        let tables = self.view().version;
        let reads = def.materialized().map(|m| m.reads.as_slice()).unwrap_or_default();
        let rows: u64 = reads.iter().filter_map(|r| tables.tables.get(r)).map(|t| t.live_rows()).sum();
        rows > crate::tick::LARGE_ROWS && self.hold.upgrade().is_none()
    }

    /// Fills a view beside the ticks; dropping the future leaves nothing of it.
    async fn fill(&mut self, def: TableDef) -> Result<()> {
        self.refuse_if_read_only("a change of definitions")?;
        let (progress, mut told) = mpsc::unbounded_channel();
        let (reply, mut answer) = oneshot::channel();
        let requests = self.engine.requests().clone();
        let base = self.defines_from.as_ref().map_or_else(|| self.engine.version().snapshot, |v| v.snapshot);
        let request = FillRequest { def, base, progress, requests, reply };
        self.engine.requests().send(Request::Fill(request)).map_err(|_| stopped())?;
        loop {
            tokio::select! {
                done = &mut answer => return done.map_err(|_| stopped())?,
                Some(message) = told.recv() => self.notice_now(message),
            }
        }
    }

    /// Inside a transaction the new view can be read at once: filled from what the transaction sees.
    async fn fill_in_block(&self, def: &TableDef) -> Result<Staged> {
        let m = def.materialized().ok_or_else(|| SqlError::internal("not a materialized view"))?;
        let (planned, _) = self.plan_bound(&crate::statement::parse_query(&m.query)?, &m.sources, m.zone)?;
        let batches = self.engine.context().runner.collect(planned.plan, &self.view()).await?;
        let target = Target::of(Arc::new(def.clone()));
        let mut staged = Staged::new(Arc::clone(&target.schema));
        for batch in batches {
            let batch = target.assign(batch.columns().to_vec(), batch.num_rows())?;
            let ids = self.engine.context().provisional_ids(batch.num_rows());
            staged.add(batch, ids);
        }
        Ok(staged)
    }

    /// Plans a view's query, and says what its names mean: what `bound` says, if it says anything.
    fn plan_bound(
        &self,
        query: &sqlparser::ast::Query,
        bound: &[SourceDef],
        zone: Zone,
    ) -> Result<(PlannedQuery, Vec<SourceDef>)> {
        let view = ReadView { zone, ..self.view() };
        let path = self.settings.search_path();
        let mut names = Names::new(&view, self.engine.context(), &path);
        names.bound = bound;
        names.engine = Some(&self.engine);
        names.settings = Some(&self.settings);
        let planned = self.engine.context().planner.plan(query, &names, &[])?;
        Ok((planned, names.sources()))
    }

    pub(super) fn materialized_def(&self, new: &NewView, catalog: &Catalog) -> Result<(TableDef, Vec<String>)> {
        let mut view: ReadView = self.view();
        view.zone = new.zone.unwrap_or(view.zone);
        let path = self.settings.search_path();
        let context = self.engine.context();
        let planned = plan_maintained(context, &view, &path, &new.query, &new.sources)?;
        refuse_limit_without_order(&new.query)?;
        check_schedule(new.schedule.as_deref(), new.mode)?;
        let mut notices = vec![];
        if let Some(reason) = crate::tick::not_incremental(&planned, &context.planner, new.mode)? {
            let clock = sluice_sql::reads_clock(&planned.query.plan)?;
            let when = when_recomputed(new.schedule.as_deref(), new.mode, clock)?;
            notices.push(format!("\"{}\" is recomputed {when}: {reason}", new.name.name));
        }
        if orders_without_limit(&new.query)? {
            notices.push("ORDER BY without LIMIT has no effect on a stored table; order when you read it".to_string());
        }
        let def = TableDef {
            id: context.object_id(),
            schema: catalog.creation_schema(&new.name, &path)?,
            name: new.name.name.clone(),
            columns: stored_columns(planned.query.columns, &new.columns)?,
            kind: Kind::Materialized(MaterializedDef {
                query: new.query.clone(),
                schedule: new.schedule.clone(),
                mode: new.mode,
                key: planned.key,
                reads: planned.reads,
                sources: planned.sources,
                paused: false,
                zone: view.zone,
            }),
            indexes: vec![],
        };
        Ok((def, notices))
    }
}

/// When a view without operators is computed, and whether others wait for it.
fn when_recomputed(schedule: Option<&str>, mode: Mode, clock: bool) -> Result<String> {
    let waits = "and who writes to them waits for that (give it a schedule, and it is done beside them)";
    let bound = match (Schedule::of(schedule)?, schedule) {
        (Schedule::Free, _) | (_, None) => None,
        (Schedule::At(_), Some(times)) => return Ok(format!("at its times ({times}), beside other transactions")),
        (Schedule::Within(_), Some(bound)) => Some(bound),
    };
    Ok(match (mode, bound) {
        (Mode::Immediate, _) => "when its inputs change, and who writes to them waits for that".to_string(),
        (Mode::Full, Some(bound)) => format!("at its schedule ({bound}), beside other transactions"),
        (_, Some(bound)) => {
            format!(
                "when its inputs change, or at its schedule ({bound}) beside other transactions once that takes long"
            )
        }
        (_, None) if clock => {
            "when its inputs change and each second, beside other transactions once that takes long".to_string()
        }
        (_, None) => format!("when its inputs change, {waits}"),
    })
}

/// Columns of a stored result; `names` replace the first ones.
pub(super) fn stored_columns(columns: Vec<(String, SqlType)>, names: &[String]) -> Result<Vec<ColumnDef>> {
    if names.len() > columns.len() {
        return Err(SqlError::new("42601", "too many column names were specified"));
    }
    let mut stored: Vec<ColumnDef> = vec![];
    for (i, (name, ty)) in columns.into_iter().enumerate() {
        let name = names.get(i).cloned().unwrap_or(name);
        let ty = if ty == SqlType::Unknown { SqlType::Text } else { ty };
        if stored.iter().any(|c| c.name == name) {
            return Err(SqlError::new("42701", format!("column \"{name}\" specified more than once"))
                .hint("Give one of them another name with AS."));
        }
        if !ty.can_be_stored() {
            return Err(SqlError::unsupported(
                format!("a stored column of type {}", ty.name()),
                format!("Cast \"{name}\" to another type."),
            ));
        }
        stored.push(ColumnDef {
            id: i as i64 + 1,
            name,
            ty,
            not_null: false,
            default: None,
            sequence: None,
            identity: None,
        });
    }
    Ok(stored)
}

fn refuse_limit_without_order(query: &str) -> Result<()> {
    let query = crate::statement::parse_query(query)?;
    if query.limit_clause.is_some() && query.order_by.is_none() {
        return Err(SqlError::unsupported(
            "LIMIT without ORDER BY in a maintained view",
            "Which rows would it keep? Add ORDER BY.",
        ));
    }
    Ok(())
}

fn orders_without_limit(query: &str) -> Result<bool> {
    let query = crate::statement::parse_query(query)?;
    Ok(query.order_by.is_some() && query.limit_clause.is_none())
}
