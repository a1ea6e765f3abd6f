//! The proof that maintained tables equal their queries: both sides are read from the stored tables of one snapshot,
//! the query is run as a batch, and the two are compared as multisets.

use crate::Engine;
use crate::catalog::{Catalog, ObjectRef, TableDef};
use crate::error;
use crate::read::{BoundTable, ReadView};
use crate::tick::Held;
use crate::version::Version;
use arrow::array::RecordBatch;
use sluice_sql::{Result, SqlError, cast_column};
use sluice_zset::{ZBatch, consolidate, with_row_count};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row that stands on one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The row as text.
    pub row: String,
    /// How many copies the table has more than the query gives; negative when it has fewer.
    pub copies: i64,
}

/// The outcome for one table.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its name.
    pub name: String,
    /// The snapshot at which it was compared.
    pub snapshot: i64,
    /// Rows of the table.
    pub rows: u64,
    /// Rows that differ, at most as many as asked for.
    pub differences: Vec<Difference>,
    /// How many rows differ in all.
    pub differing: usize,
    /// Why it is behind at that snapshot, if it is.
    pub held: Option<String>,
    /// The snapshot over whose tables its query was run; `None` when it was not compared.
    pub cut: Option<i64>,
}

impl Engine {
    /// Compares the named materialized views (all of them for no name) at `snapshot`, or at the newest, as the
    /// catalog and the files on disk have them. At most `limit` differing rows are returned for each.
    pub async fn verify(&self, names: &[String], snapshot: Option<i64>, limit: usize) -> Result<Vec<Verified>> {
        let version = Arc::new(self.stored_version(snapshot)?);
        let mut views: Vec<Arc<TableDef>> = vec![];
        if names.is_empty() {
            views.extend(version.catalog.tables().filter(|d| d.materialized().is_some()).cloned());
        }
        for name in names {
            let def = version.catalog.get(&ObjectRef::parse_text(name), &["main".to_string()])?;
            if def.materialized().is_none() {
                return Err(SqlError::new("42809", format!("\"{}\" is not a materialized view", def.name)));
            }
            views.push(Arc::clone(def));
        }
        let held = self.held_at(version.snapshot)?;
        let mut results = vec![];
        for def in views {
            results.push(match held.get(&def.id) {
                Some(held) => self.verify_held(&version, &def, held, limit).await?,
                None => self.verify_one(&version, &version, &def, limit).await?,
            });
        }
        Ok(results)
    }

    /// Tables that lag at a snapshot, as the tick that made it recorded them.
    fn held_at(&self, snapshot: i64) -> Result<BTreeMap<i64, Held>> {
        let tick = self.reader()?.tick_before(snapshot).map_err(error::lake)?;
        Held::parse(tick.and_then(|t| t.held).as_deref())
    }

    /// A table that lags has to equal its query over the tables of its cut.
    async fn verify_held(
        &self,
        version: &Arc<Version>,
        def: &Arc<TableDef>,
        held: &Held,
        limit: usize,
    ) -> Result<Verified> {
        let not_compared = |why: &str| Verified {
            name: def.name.clone(),
            snapshot: version.snapshot,
            rows: version.tables.get(&def.id).map_or(0, |t| t.live_rows()),
            differences: vec![],
            differing: 0,
            held: Some(why.to_string()),
            cut: None,
        };
        let Some(cut) = held.cut else { return Ok(not_compared(&held.why)) };
        if !self.reader()?.has(cut) {
            return Ok(not_compared(&format!("{}; the snapshot that it is at ({cut}) has expired", held.why)));
        }
        let mut then = self.stored_version(Some(cut))?;
        then.time_micros = held.at;
        // What a run brought to the cut with it was stored later than the cut.
        let later = held.with.iter().any(|id| *id != def.id && def.reads(*id)).then_some(held.with_rows);
        if let Some(with_rows) = later {
            let at = with_rows.unwrap_or(version.snapshot);
            if !self.reader()?.has(at) {
                return Ok(not_compared(&format!("{}; the snapshot of what it reads ({at}) has expired", held.why)));
            }
            let rows = self.stored_version(Some(at))?;
            for id in &held.with {
                then.tables.extend(rows.tables.get(id).map(|table| (*id, Arc::clone(table))));
            }
        }
        let verified = self.verify_one(version, &Arc::new(then), def, limit).await?;
        Ok(Verified { held: Some(held.why.clone()), ..verified })
    }

    /// What the catalog and the files say, apart from anything held in memory.
    fn stored_version(&self, snapshot: Option<i64>) -> Result<Version> {
        let reader = self.reader()?;
        let snapshot = match snapshot {
            Some(s) => s,
            None => reader.newest().map_err(error::lake)?,
        };
        let state = reader.state_at(snapshot).map_err(error::lake)?;
        let objects = reader.objects_at(snapshot).map_err(error::lake)?;
        let time_micros = reader.tick_time(snapshot).map_err(error::lake)?.unwrap_or(state.time_micros);
        let defs = objects
            .iter()
            .map(|(id, kind, json)| {
                serde_json::from_str::<TableDef>(json)
                    .map_err(|e| SqlError::internal(format!("the definition of {kind} {id} cannot be read: {e}")))
            })
            .collect::<Result<Vec<_>>>()?;
        let schemas = state.schemas.values().map(|s| (s.name.clone(), s.id)).collect();
        Ok(Version {
            snapshot,
            time_micros,
            catalog: Arc::new(Catalog::new(schemas, defs)),
            tables: state.tables,
            altered: Default::default(),
            in_use: Default::default(),
        })
    }

    /// Compares the rows of `version` with the query over the tables of `then`.
    async fn verify_one(
        &self,
        version: &Arc<Version>,
        then: &Arc<Version>,
        def: &Arc<TableDef>,
        limit: usize,
    ) -> Result<Verified> {
        let was = then.catalog.by_id(def.id).and_then(|d| d.materialized()).or(def.materialized());
        let m = was.ok_or_else(|| SqlError::internal("not a materialized view"))?;
        let (version_then, now_micros) = (Arc::clone(then), then.time_micros);
        let view = ReadView { version: version_then, staged: Arc::default(), now_micros, zone: m.zone };
        let context = self.context();
        let path = ["main".to_string()];
        let planned = crate::tick::plan_maintained(context, &view, &path, &m.query, &m.sources);
        let planned = planned.map_err(|e| {
            let message = format!("the query of \"{}\" cannot be planned: {}", def.name, e.message);
            SqlError { message, ..e }
        })?;
        let schema = def.arrow();
        let mut parts = vec![];
        for batch in context.runner.collect_by_scan(planned.query.plan, &view).await? {
            let columns = batch.columns().iter().zip(schema.fields());
            let columns = columns.map(|(c, f)| Ok(cast_column(c, f.data_type())?)).collect::<Result<Vec<_>>>()?;
            let batch: RecordBatch = with_row_count(Arc::clone(&schema), columns, batch.num_rows())?;
            parts.push(ZBatch::new(batch).negate()?);
        }
        let stored = BoundTable {
            schema: Arc::clone(&schema),
            table: version.tables.get(&def.id).cloned(),
            staged: None,
            row_ids: false,
            lookup: None,
        };
        let stored = stored.collect()?;
        let rows = stored.num_rows() as u64;
        parts.push(ZBatch::new(stored));
        let difference = consolidate(&ZBatch::concat(&schema, &parts)?)?;
        let differences = (0..difference.len().min(limit))
            .map(|i| Difference { row: sluice_flow::row_text(difference.rows(), i), copies: difference.weight(i) })
            .collect();
        Ok(Verified {
            name: def.name.clone(),
            snapshot: version.snapshot,
            rows,
            differences,
            differing: difference.len(),
            held: None,
            cut: Some(then.snapshot),
        })
    }
}
