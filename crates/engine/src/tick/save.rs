//! One snapshot for everything a tick changed, then the new version for readers.

use super::ddl::Definitions;
use super::graph::{Cut, Held, How, Kept, Undo};
use super::publish::among;
use super::{Core, Tick};
use crate::error;
use crate::read::{Rows, Staged};
use crate::version::Version;
use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::{concat, concat_batches, filter, filter_record_batch, sort_to_indices, take};
use arrow::datatypes::{Int64Type, SchemaRef};
use sluice_lake::{Commit, FileWriter, HistoryRow, LakeError, RowInsert, SidecarChange, TableChange, TableInfo};
use sluice_sql::{Result, SqlError};
use sluice_zset::with_row_count;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// More new rows of a table than this become a Parquet file.
pub(super) const INLINE_ROWS: usize = 2_000;

impl Core {
    pub(super) fn save(
        &mut self,
        tick: &mut Tick,
        definitions: Definitions,
        mut sidecar: SidecarChange,
    ) -> Result<i64> {
        self.errands.wait()?;
        let mut work = vec![];
        for (&table, staged) in &tick.writes.tables {
            if staged.is_empty() || tick.followed.contains(&table) {
                continue;
            }
            let next_row_id = tick.base.tables.get(&table).map_or(0, |t| t.next_row_id);
            work.push(TableWork { info: self.info(table, &definitions)?, staged, next_row_id });
        }
        let (mut changes, mut history) = (vec![], vec![]);
        for (table, inserts) in work.iter().zip(write_all(&work)) {
            let (id, staged) = (table.info.id, table.staged);
            let def = definitions.catalog.by_id(id).ok_or_else(|| SqlError::internal("a table is gone"))?;
            if def.materialized().is_some() {
                let counts = (staged.added_rows() as i64, staged.removed.len() as i64);
                history.push(self.history(tick, id, counts.0, counts.1));
            }
            let deletes = staged.removed.iter().copied().collect();
            changes.push(TableChange { table_id: id, deletes, inserts: inserts?, truncate: staged.truncated });
        }
        for (table, (inserts, rows)) in std::mem::take(&mut tick.filled) {
            history.push(self.history(tick, table, rows, 0));
            changes.push(TableChange { table_id: table, inserts, ..TableChange::default() });
        }
        let unchanged = !tick.follows
            && changes.is_empty()
            && definitions.lake.is_empty()
            && sidecar.put_objects.is_empty()
            && sidecar.end_objects.is_empty()
            && sidecar.roles.is_empty();
        if unchanged {
            self.keep_graph(tick, tick.base.snapshot)?;
            return Ok(tick.base.snapshot);
        }
        history.extend(self.failures(tick));
        sidecar.tick = Some((tick.time_micros, self.held(tick)?));
        sidecar.history = history;
        sidecar.sequences = self.context.sequences.moved();
        let sequences = sidecar.sequences.clone();
        if sidecar.roles.values().any(Option::is_some) {
            self.warn_of_readers();
        }
        let commit = Commit {
            time_micros: tick.time_micros,
            ddl: definitions.lake.clone(),
            changes,
            sidecar,
            ..Commit::default()
        };
        let snapshot = self.lake.commit(commit).map_err(|e| self.refuse(e))?;
        self.context.sequences.saved(&sequences);
        self.show(tick, snapshot, definitions)?;
        Ok(snapshot)
    }

    /// Roles are in the catalog, with what their passwords are checked by.
    pub(crate) fn warn_of_readers(&self) {
        if let Some(catalog) = self.lake.catalog_for_others() {
            let catalog = catalog.display();
            tracing::warn!(
                "other users of this machine can read the verifiers of passwords in {catalog}: chmod 600 it"
            );
        }
    }

    /// After the commit point: operators and indexes keep what they staged, and readers see the new version.
    fn show(&mut self, tick: &mut Tick, snapshot: i64, definitions: Definitions) -> Result<()> {
        self.keep_graph(tick, snapshot)?;
        for (_, index) in self.context.indexes.all() {
            index.write().commit(snapshot)?;
        }
        self.recent.record(snapshot, &tick.writes, Instant::now());
        if definitions.changed {
            self.graph.defined_at = snapshot;
            self.give_up_redefined(&definitions.catalog)?;
        }
        self.recent.record_altered(snapshot, definitions.altered.keys().copied());
        let tables: BTreeMap<_, _> = self
            .lake
            .state()
            .tables
            .iter()
            .filter(|(id, _)| definitions.catalog.by_id(**id).is_some())
            .map(|(id, t)| (*id, Arc::clone(t)))
            .collect();
        let version = Version {
            snapshot,
            time_micros: tick.time_micros,
            catalog: definitions.catalog,
            tables,
            altered: Default::default(),
            in_use: Default::default(),
        };
        self.reveal(version);
        Ok(())
    }

    fn refuse(&mut self, e: LakeError) -> SqlError {
        if let LakeError::Foreign { snapshot } = e {
            tracing::warn!("snapshot {snapshot} was written by another program");
            self.graph.foreign = true;
        }
        error::lake(e)
    }

    /// Operators keep what they staged, and the status shows it.
    fn keep_graph(&mut self, tick: &Tick, snapshot: i64) -> Result<()> {
        let kept = Kept { cut: Cut { snapshot, micros: tick.time_micros }, lag_bytes: self.lag_bytes };
        let ran: Vec<_> = self.graph.views.iter().filter_map(|(id, v)| Some((*id, v.ran?))).collect();
        self.give_up_moved()?;
        self.graph.views.values_mut().try_for_each(|v| v.commit(kept))?;
        self.graph.fillings.commit(self.lag_bytes)?;
        self.show_status(&ran, kept.cut);
        Ok(())
    }

    /// Tables that lag behind what they read, for the snapshot's record.
    fn held(&self, tick: &Tick) -> Result<Option<String>> {
        let mut held = self.graph.held(tick.time_micros);
        let parked =
            || Held { why: "it waits for sluice.resync".into(), error: true, at: tick.time_micros, ..Held::default() };
        held.extend(self.parking.held().map(|id| (id, parked())));
        if held.is_empty() {
            return Ok(None);
        }
        let json = serde_json::to_string(&held);
        json.map(Some).map_err(|e| SqlError::internal(format!("the record of a snapshot has no JSON: {e}")))
    }

    fn history(&self, tick: &Tick, table: i64, inserted: i64, deleted: i64) -> HistoryRow {
        HistoryRow { rows_inserted: inserted, rows_deleted: deleted, ..self.history_row(tick, table) }
    }

    /// Views that this tick computed and that publish nothing, as rows fail.
    fn failures(&self, tick: &Tick) -> Vec<HistoryRow> {
        let failing = self.graph.views.iter().filter(|(_, v)| v.ran.is_some());
        let failing = failing.filter_map(|(id, v)| Some((*id, v.errors.first_key_value()?.0)));
        let row = |(id, error): (i64, &sluice_flow::DataError)| HistoryRow {
            error: Some(format!("{} on row {} ({})", error.message, error.row, error.code)),
            ..self.history_row(tick, id)
        };
        failing.map(row).collect()
    }

    fn history_row(&self, tick: &Tick, table: i64) -> HistoryRow {
        let view = self.graph.views.get(&table);
        let action = view.map_or("DIFFERENTIAL", |v| match (&v.undo, &v.how) {
            (Undo::Rebuild, _) | (_, How::Recompute | How::Rebuilt) => "FULL",
            (_, How::Incremental { .. }) => "DIFFERENTIAL",
        });
        let took = view.and_then(|v| v.ran).unwrap_or_default();
        HistoryRow {
            table_id: table,
            second: tick.time_micros.div_euclid(1_000_000),
            action: action.to_string(),
            rows_inserted: 0,
            rows_deleted: 0,
            duration_micros: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            error: None,
        }
    }

    /// The table as the lake knows it, or as it will once this tick has created it.
    fn info(&self, table: i64, definitions: &Definitions) -> Result<Arc<TableInfo>> {
        if let Some(Some(altered)) = definitions.altered.get(&table) {
            return Ok(Arc::clone(altered));
        }
        if let Some(known) = self.lake.state().tables.get(&table) {
            return Ok(Arc::clone(&known.info));
        }
        let created = definitions.lake.iter().find_map(|d| match d {
            sluice_lake::Ddl::CreateTable { id, schema_id, name, columns } if *id == table => {
                Some((*schema_id, name.clone(), columns.clone()))
            }
            _ => None,
        });
        let (schema_id, name, columns) = created.ok_or_else(|| SqlError::internal("a table is gone"))?;
        let schema = match self.lake.state().schemas.get(&schema_id) {
            Some(schema) => schema.clone(),
            None => {
                let name = definitions.lake.iter().find_map(|d| match d {
                    sluice_lake::Ddl::CreateSchema { id, name } if *id == schema_id => Some(name.clone()),
                    _ => None,
                });
                sluice_lake::Lake::schema_to_create(schema_id, &name.unwrap_or_default())
            }
        };
        Ok(Arc::new(self.lake.table_to_create(table, &schema, &name, columns).map_err(error::lake)?))
    }
}

/// What a tick stores of one table.
struct TableWork<'a> {
    info: Arc<TableInfo>,
    staged: &'a Staged,
    next_row_id: i64,
}

/// The new rows of each table; large ones are written as files on several cores.
fn write_all(work: &[TableWork<'_>]) -> Vec<Result<Vec<RowInsert>>> {
    let large = work.iter().filter(|w| w.staged.added_rows() > INLINE_ROWS).count();
    if large < 2 {
        return work.iter().map(TableWork::inserts).collect();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = work.iter().map(|w| scope.spawn(|| w.inserts())).collect();
        let died = || Err(SqlError::internal("a thread that wrote a file panicked"));
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| died())).collect()
    })
}

impl TableWork<'_> {
    /// Few rows go into the catalog, many into files.
    fn inserts(&self) -> Result<Vec<RowInsert>> {
        let added = self.staged.added()?;
        if added.is_empty() {
            return Ok(vec![]);
        }
        let rows = self.staged.added_rows();
        let parts = added.iter().map(|part| as_stored(&part.rows, &self.info)).collect::<Result<Vec<_>>>()?;
        if rows > INLINE_ROWS && consecutive(&added, self.next_row_id) {
            return Ok(vec![self.file(parts.into_iter().map(|part| (part, None)))?]);
        }
        let all = concat_batches(&self.info.schema, &parts)?;
        let ids: Vec<&dyn Array> = added.iter().map(|p| &p.ids as &dyn Array).collect();
        let ids = concat(&ids)?.as_primitive::<Int64Type>().clone();
        if rows <= INLINE_ROWS {
            return Ok(vec![RowInsert::Inline { rows: all, row_ids: ids }]);
        }
        self.files(all, ids)
    }

    /// Large additions become files: new rows with consecutive numbers as they are, others with their numbers inside.
    fn files(&self, rows: RecordBatch, ids: Int64Array) -> Result<Vec<RowInsert>> {
        let updates = among(&ids, &self.staged.removed);
        let fresh = arrow::compute::not(&updates)?;
        let mut inserts = vec![];
        for (mask, kept) in [(&updates, true), (&fresh, false)] {
            if mask.true_count() == 0 {
                continue;
            }
            let part = filter_record_batch(&rows, mask)?;
            let part_ids = filter(&ids, mask)?.as_primitive::<Int64Type>().clone();
            if kept && part.num_rows() <= INLINE_ROWS {
                inserts.push(RowInsert::Inline { rows: part, row_ids: part_ids });
                continue;
            }
            let order = sort_to_indices(&part_ids, None, None)?;
            let part = sluice_zset::gather(&part, &order)?;
            let part_ids = take(&part_ids, &order, None)?.as_primitive::<Int64Type>().clone();
            let expected = self.next_row_id..self.next_row_id + part.num_rows() as i64;
            let consecutive = !kept && part_ids.values().iter().copied().eq(expected);
            let item = (part, (!consecutive).then_some(part_ids));
            inserts.push(self.file(std::iter::once(item))?);
        }
        Ok(inserts)
    }

    fn file(&self, parts: impl Iterator<Item = (RecordBatch, Option<Int64Array>)>) -> Result<RowInsert> {
        let mut writer = FileWriter::create(&self.info).map_err(error::lake)?;
        for (rows, ids) in parts {
            writer.write(&rows, ids.as_ref()).map_err(error::lake)?;
        }
        Ok(RowInsert::File(writer.finish().map_err(error::lake)?))
    }
}

/// Whether the rows are new ones, in the order of their numbers: then a file needs no numbers inside.
fn consecutive(added: &[Rows], next_row_id: i64) -> bool {
    let mut next = next_row_id;
    added.iter().flat_map(|part| part.ids.values()).all(|id| {
        next += 1;
        *id == next - 1
    })
}

fn as_stored(rows: &RecordBatch, info: &TableInfo) -> Result<RecordBatch> {
    Ok(with_row_count(SchemaRef::clone(&info.schema), rows.columns().to_vec(), rows.num_rows())?)
}
