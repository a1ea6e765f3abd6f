use super::{Staged, TableHandle};
use crate::Context;
use crate::catalog::{Kind, ObjectRef, SourceDef, TableDef};
use crate::system;
use crate::version::Version;
use arrow::array::RecordBatch;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, TableSource};
use parking_lot::RwLock;
use sluice_sql::{Result, SqlError, Tables, Zone};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A version and what is staged over it: what one statement sees.
#[derive(Clone)]
pub(crate) struct ReadView {
    pub(crate) version: Arc<Version>,
    pub(crate) staged: Arc<BTreeMap<i64, Staged>>,
    /// What `now()` is.
    pub(crate) now_micros: i64,
    /// The time zone that times are read and shown in.
    pub(crate) zone: Zone,
}

/// Resolves the names of one statement.
pub(crate) struct Names<'a> {
    pub(crate) view: &'a ReadView,
    pub(crate) context: &'a Context,
    pub(crate) path: &'a [String],
    pub(crate) engine: Option<&'a crate::Engine>,
    /// What SHOW shows, for the functions that show it too.
    pub(crate) settings: Option<&'a crate::session::Settings>,
    /// The table whose rows are to show their numbers.
    pub(crate) row_ids_of: Option<i64>,
    /// A name that stands for these rows instead of its table.
    pub(crate) instead: Option<(String, RecordBatch)>,
    /// Whether it is planned to be maintained, so that it may read nothing but tables.
    pub(crate) maintained: bool,
    /// Stored objects that were named.
    pub(crate) read: RwLock<Vec<i64>>,
    /// What the names of a view's query meant when it was created.
    pub(crate) bound: &'a [SourceDef],
    /// A table of `bound` whose columns are looked at one by one: it shows all but this one.
    pub(crate) without: Option<(i64, Option<i64>)>,
    named: RwLock<Vec<SourceDef>>,
    depth: usize,
    catalog: OnceLock<Arc<system::pg::Snapshot>>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(view: &'a ReadView, context: &'a Context, path: &'a [String]) -> Self {
        Self {
            view,
            context,
            path,
            engine: None,
            settings: None,
            row_ids_of: None,
            instead: None,
            maintained: false,
            read: RwLock::new(vec![]),
            bound: &[],
            without: None,
            named: RwLock::new(vec![]),
            depth: 0,
            catalog: OnceLock::new(),
        }
    }

    /// The system catalog as this statement sees it.
    fn catalog(&self) -> Arc<system::pg::Snapshot> {
        let make = || {
            let settings = self.settings.map(crate::session::Settings::all).unwrap_or_default();
            Arc::new(system::pg::Snapshot::new(self.view, self.path, settings))
        };
        Arc::clone(self.catalog.get_or_init(make))
    }

    /// Stored objects that the planned statement reads, each once.
    pub(crate) fn reads(&self) -> Vec<i64> {
        let mut read = self.read.read().clone();
        read.sort_unstable();
        read.dedup();
        read
    }

    /// What the names of the planned statement mean, each once.
    pub(crate) fn sources(&self) -> Vec<SourceDef> {
        let mut sources: Vec<SourceDef> = vec![];
        for source in self.bound.iter().chain(self.named.read().iter()) {
            if !sources.contains(source) {
                sources.push(source.clone());
            }
        }
        sources
    }

    /// What a name of a view's query meant when the view was created.
    fn bound_source(&self, source: &SourceDef) -> Result<Arc<dyn TableSource>> {
        let def = self.view.version.catalog.by_id(source.table).ok_or_else(|| {
            SqlError::new("42P01", format!("relation \"{}\" is gone", source.name))
                .hint("Drop the view that reads it and create it again.")
        })?;
        if let Kind::View { query, sources } = &def.kind {
            return Ok(Arc::new(super::bind::ViewSource::new(self.view_plan(def, query, sources)?, def.arrow())));
        }
        self.read.write().push(def.id);
        match self.without {
            Some((table, column)) if table == def.id => {
                Ok(Arc::new(TableHandle::new(Arc::new(source.as_created(def, column)), false)))
            }
            _ if source.is_as_created(def) => Ok(Arc::new(TableHandle::new(Arc::clone(def), false))),
            _ => as_created(def, source),
        }
    }

    fn may_read_files(&self, function: &str) -> Result<()> {
        if self.maintained {
            let what = format!("{function} in a materialized view");
            return Err(SqlError::unsupported(
                what,
                "A file tells nobody when it changes. Load it into a table with INSERT INTO t SELECT ... and read that.",
            ));
        }
        if self.context.files_refused.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(SqlError::new("42501", format!("permission denied for function {function}")).hint(
                "The server listens beyond loopback, so it reads no files of its own. Send them: \\copy in psql.",
            ));
        }
        Ok(())
    }

    /// A plain view is its query, planned where it stands.
    fn view_plan(&self, def: &TableDef, query: &str, bound: &[SourceDef]) -> Result<LogicalPlan> {
        if self.depth > 64 {
            return Err(SqlError::new("42P17", format!("view \"{}\" reads itself", def.name)));
        }
        let query = crate::statement::parse_query(query)?;
        let inner = Names {
            depth: self.depth + 1,
            read: RwLock::new(vec![]),
            bound,
            named: RwLock::new(vec![]),
            instead: None,
            row_ids_of: None,
            catalog: self.catalog.clone(),
            ..*self
        };
        let planned = self.context.planner.plan(&query, &inner, &[])?;
        self.read.write().extend(inner.reads());
        rename(planned.plan, def)
    }
}

/// A table that has changed, with the columns that a view's query knows under the names that it knows.
fn as_created(def: &Arc<TableDef>, source: &SourceDef) -> Result<Arc<dyn TableSource>> {
    use datafusion::common::{Column, TableReference};
    use datafusion::logical_expr::LogicalPlanBuilder;
    let table = TableReference::bare(def.name.as_str());
    let handle: Arc<dyn TableSource> = Arc::new(TableHandle::new(Arc::clone(def), false));
    let columns = source.columns.iter().filter_map(|(id, name)| {
        let column = def.columns.iter().find(|c| c.id == *id)?;
        Some(Expr::Column(Column::new(Some(table.clone()), &column.name)).alias(name))
    });
    let columns: Vec<Expr> = columns.collect();
    let plan = LogicalPlanBuilder::scan(table.clone(), handle, None)?.project(columns)?.build()?;
    let schema = Arc::clone(plan.schema().inner());
    Ok(Arc::new(super::bind::ViewSource::new(plan, schema)))
}

/// Gives a view's columns the names of its definition.
fn rename(plan: LogicalPlan, def: &TableDef) -> Result<LogicalPlan> {
    use datafusion::logical_expr::LogicalPlanBuilder;
    let columns = plan.schema().columns();
    let exprs = columns.into_iter().zip(&def.columns).map(|(c, d)| Expr::Column(c).alias(&d.name));
    Ok(LogicalPlanBuilder::from(plan).project(exprs.collect::<Vec<_>>())?.build()?)
}

impl Tables for Names<'_> {
    fn table(&self, schema: Option<&str>, name: &str) -> Result<Arc<dyn TableSource>> {
        if let Some((instead, rows)) = &self.instead
            && instead == name
        {
            return rows_source(rows.clone());
        }
        if let Some(source) = self.bound.iter().find(|s| s.is_named(schema, name)) {
            return self.bound_source(source);
        }
        let reference = match schema {
            Some(schema) => ObjectRef::parse_text(&format!("\"{schema}\".\"{name}\"")),
            None => ObjectRef { schema: None, name: name.to_string() },
        };
        if let Some(past) = crate::time_travel::find(self.engine, &reference, self.path)? {
            return Ok(Arc::new(TableHandle::of_past(past.def, past.rows)));
        }
        if let Some(def) = self.view.version.catalog.find(&reference, self.path) {
            self.named.write().push(SourceDef::new(schema, name, def));
            if let Kind::View { query, sources } = &def.kind {
                return Ok(Arc::new(super::bind::ViewSource::new(self.view_plan(def, query, sources)?, def.arrow())));
            }
            self.read.write().push(def.id);
            let row_ids = self.row_ids_of == Some(def.id);
            return Ok(Arc::new(TableHandle::new(Arc::clone(def), row_ids)));
        }
        if let Some(engine) = self.engine
            && let Some(rows) = system::table(engine, self.view, reference.schema.as_deref(), name)?
        {
            return rows_source(rows);
        }
        if self.engine.is_some()
            && let Some(rows) = system::pg::table(|| self.catalog(), schema, name)?
        {
            return rows_source(rows);
        }
        match self.view.version.catalog.get(&reference, self.path) {
            Err(e) => Err(e),
            Ok(_) => Err(SqlError::internal("a name was found and lost")),
        }
    }

    fn scalar_function(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.engine?;
        system::pg::bound(name, || self.catalog())
    }

    fn zone(&self) -> Zone {
        self.view.zone
    }

    fn table_function(&self, name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        if let Some(engine) = self.engine
            && let Some(rows) = system::function(engine, self.view, name, &args)?
        {
            return rows_source(rows);
        }
        if let Some(rows) = system::pg::function(name)? {
            return rows_source(rows);
        }
        if crate::files::is_function(name) {
            self.may_read_files(name)?;
        }
        if let Some(source) = crate::files::table(name, &args)? {
            return Ok(source);
        }
        if name == "generate_series" {
            return self.series(&args);
        }
        if crate::session::stands_alone(name) {
            let hint = format!("It is a statement of its own: SELECT * FROM {name}(...).");
            return Err(SqlError::unsupported(format!("{name}() within another query"), hint));
        }
        Err(SqlError::new("42883", format!("function {name}() does not exist in FROM"))
            .hint("Functions that give rows: generate_series, read_csv, read_parquet, pgtrickle.pgt_status, pgtrickle.dependency_tree."))
    }
}

/// A table of rows that exist already.
pub(crate) fn rows_source(rows: RecordBatch) -> Result<Arc<dyn TableSource>> {
    Ok(provider_as_source(Arc::new(super::given::GivenRows::new(rows)?)))
}
