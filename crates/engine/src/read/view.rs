use super::{Staged, TableHandle};
use crate::Context;
use crate::catalog::{Kind, ObjectRef, TableDef};
use crate::system;
use crate::version::Version;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, TableSource};
use parking_lot::RwLock;
use sluice_sql::{Result, SqlError, Tables};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A version and what is staged over it: what one statement sees.
#[derive(Clone)]
pub(crate) struct ReadView {
    pub(crate) version: Arc<Version>,
    pub(crate) staged: Arc<BTreeMap<i64, Staged>>,
    /// What `now()` is.
    pub(crate) now_micros: i64,
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
    /// Stored objects that were named.
    pub(crate) read: RwLock<Vec<i64>>,
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
            read: RwLock::new(vec![]),
            depth: 0,
            catalog: OnceLock::new(),
        }
    }

    /// The system catalog as this statement sees it.
    fn catalog(&self) -> Arc<system::pg::Snapshot> {
        let make = || {
            let settings = self.settings.map(|s| s.all().clone()).unwrap_or_default();
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

    /// A plain view is its query, planned where it stands.
    fn view_plan(&self, def: &TableDef, query: &str) -> Result<LogicalPlan> {
        if self.depth > 64 {
            return Err(SqlError::new("42P17", format!("view \"{}\" reads itself", def.name)));
        }
        let query = crate::statement::parse_query(query)?;
        let inner = Names {
            depth: self.depth + 1,
            read: RwLock::new(vec![]),
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
        let reference = match schema {
            Some(schema) => ObjectRef::parse_text(&format!("\"{schema}\".\"{name}\"")),
            None => ObjectRef { schema: None, name: name.to_string() },
        };
        if let Some(past) = crate::time_travel::find(self.engine, &reference, self.path)? {
            return Ok(Arc::new(TableHandle::of_past(past.def, past.rows)));
        }
        if let Some(def) = self.view.version.catalog.find(&reference, self.path) {
            if let Kind::View { query } = &def.kind {
                return Ok(Arc::new(super::bind::ViewSource::new(self.view_plan(def, query)?, def.arrow())));
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

    fn table_function(&self, name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        if let Some(engine) = self.engine
            && let Some(rows) = system::function(engine, self.view, name, &args)?
        {
            return rows_source(rows);
        }
        if let Some(source) = self.context.runner.table_function(name, &args)? {
            return Ok(source);
        }
        Err(SqlError::new("42883", format!("function {name}() does not exist in FROM"))
            .hint("Functions that give rows: generate_series, pgtrickle.pgt_status, pgtrickle.dependency_tree."))
    }
}

/// A table of rows that exist already.
pub(crate) fn rows_source(rows: RecordBatch) -> Result<Arc<dyn TableSource>> {
    let schema: SchemaRef = rows.schema();
    let table = MemTable::try_new(schema, vec![vec![rows]])?;
    Ok(provider_as_source(Arc::new(table)))
}
