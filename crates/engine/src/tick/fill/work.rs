//! The thread that fills one view.

use crate::catalog::TableDef;
use crate::context::Context;
use crate::index::RowIndex;
use crate::read::ReadView;
use crate::tick::feed::Feed;
use crate::tick::gathered::Gathered;
use crate::tick::graph::{How, View, conform};
use crate::tick::requests::{FillReply, Filled, FilledRows, Progress, Request, Requests};
use crate::tick::save::INLINE_ROWS;
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use sluice_flow::{DataError, Delta};
use sluice_lake::{FileWriter, RowInsert, TableInfo, WrittenFile, failpoint};
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, consolidate, with_row_count};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows that go through the operators at a time; between two such steps the client may cancel.
const CHUNK: usize = 32_768;
/// The client hears of progress this often.
const TELL: Duration = Duration::from_secs(1);

/// All that filling a view needs.
pub(super) struct Work {
    pub(super) view: View,
    pub(super) info: Arc<TableInfo>,
    /// What each source withholds: of the circuit, or what a view without one reads.
    pub(super) withheld: Vec<Delta>,
    pub(super) version: ReadView,
    pub(super) context: Arc<Context>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) progress: Progress,
    pub(super) reply: FillReply,
}

impl Work {
    pub(super) fn run(mut self, requests: &Requests) {
        let filled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.fill()));
        let outcome = filled.unwrap_or_else(|_| Err(SqlError::internal("filling the view panicked")));
        let filled = Filled { view: self.view, outcome, reply: self.reply };
        if requests.send(Request::Filled(Box::new(filled))).is_err() {
            tracing::debug!("the engine stopped before a view was filled");
        }
    }

    fn fill(&mut self) -> Result<FilledRows> {
        let rows = match &self.view.how {
            How::Incremental { .. } => self.through_operators()?,
            How::Recompute | How::Rebuilt => self.by_query()?,
        };
        if self.view.errors.is_empty() {
            self.store(rows)
        } else {
            self.view.pending.push(rows);
            self.store(ZBatch::empty(&Arc::clone(&self.view.schema)))
        }
    }

    /// Moves the pinned rows through the operators, a portion at a time.
    fn through_operators(&mut self) -> Result<ZBatch> {
        let How::Incremental { circuit, sources, .. } = &mut self.view.how else {
            return Err(SqlError::internal("a view without operators"));
        };
        let tables = &self.version.version.tables;
        let total: u64 = sources.iter().filter_map(|s| tables.get(s)).map(|t| t.live_rows()).sum();
        let mut out = Gathered::new(&self.view.schema);
        let mut all_errors = Delta::default();
        let (mut read, mut told) = (0, Instant::now());
        let mut step = |inputs: &[Delta]| -> Result<()> {
            failpoint("in_fill");
            if self.reply.is_closed() {
                return Err(canceled());
            }
            read += inputs.iter().flat_map(|d| &d.rows).map(|r| r.len() as u64).sum::<u64>();
            let part = circuit.step(inputs)?;
            circuit.commit()?;
            all_errors.inherit(&part.errors);
            out.add(part)?;
            if told.elapsed() > TELL {
                told = Instant::now();
                let percent = read.min(total) * 100 / total.max(1);
                tell(&self.progress, &self.view.def, &format!("{read} of {total} rows read ({percent}%)"));
            }
            Ok(())
        };
        step(&self.withheld)?;
        let feed = Feed { view: &self.version, catalog: &self.version.version.catalog, sources, used: None };
        feed.each(&mut step)?;
        self.view.errors = all_errors.errors;
        out.together()
    }

    /// Runs the query over the pinned version.
    fn by_query(&mut self) -> Result<ZBatch> {
        self.tell("its query is run");
        let mut inherited = Delta::default();
        self.withheld.iter().for_each(|w| inherited.inherit(&w.errors));
        if !inherited.errors.is_empty() {
            self.view.errors = inherited.errors;
            return Ok(ZBatch::empty(&self.view.schema));
        }
        let started = Instant::now();
        let (plan, version, context) = (self.view.plan.clone(), self.version.clone(), Arc::clone(&self.context));
        let reply = &mut self.reply;
        let result = self.runtime.block_on(async {
            tokio::select! {
                result = context.runner.collect(plan, &version) => Some(result),
                () = reply.closed() => None,
            }
        });
        self.view.recomputed_in(started.elapsed());
        match result {
            None => Err(canceled()),
            Some(Ok(batches)) => {
                let schema = &self.view.schema;
                let parts = batches.iter().map(|b| Ok(ZBatch::new(conform(b, schema)?))).collect::<Result<Vec<_>>>()?;
                Ok(consolidate(&ZBatch::concat(schema, &parts)?)?)
            }
            // It can't be run at all.
            Some(Err(e)) if e.code == "0A000" => Err(e),
            Some(Err(e)) => {
                let error = DataError { code: e.code, message: e.message, row: e.detail.unwrap_or_default() };
                self.view.errors.insert(error, 1);
                Ok(ZBatch::empty(&self.view.schema))
            }
        }
    }

    /// Writes the rows where the commit will find them, and indexes them.
    fn store(&mut self, rows: ZBatch) -> Result<FilledRows> {
        self.stop_if_alone()?;
        let def = Arc::clone(&self.view.def);
        let rows = crate::tick::publish::repeated(&rows, &def, 1)?;
        let count = rows.num_rows();
        self.tell(&format!("{count} rows are written"));
        let ids: Int64Array = (0..count as i64).map(Some).collect();
        let columns = def.row_key().map_or_else(|| (0..def.columns.len()).collect(), <[usize]>::to_vec);
        let mut index = RowIndex::new(&format!("the rows of {}", def.name), &def.arrow(), columns.clone(), false);
        for first in (0..count).step_by(CHUNK) {
            let part = CHUNK.min(count - first);
            let keys: Vec<ArrayRef> = columns.iter().map(|&c| rows.column(c).slice(first, part)).collect();
            index.load(&keys, &ids.slice(first, part))?;
            index.commit(self.version.version.snapshot)?;
            self.stop_if_alone()?;
        }
        if def.row_key().is_some() {
            crate::tick::publish::refuse_double_keys(&def, &index, &rows)?;
        }
        let stored = with_row_count(Arc::clone(&self.info.schema), rows.columns().to_vec(), count)?;
        if count == 0 {
            return Ok(FilledRows { inserts: vec![], rows: 0, file: None, index });
        }
        if count <= INLINE_ROWS {
            let inserts = vec![RowInsert::Inline { rows: stored, row_ids: ids }];
            return Ok(FilledRows { inserts, rows: count as i64, file: None, index });
        }
        let file = self.write(&stored)?;
        Ok(FilledRows { inserts: vec![RowInsert::File(file.clone())], rows: count as i64, file: Some(file), index })
    }

    fn write(&self, rows: &RecordBatch) -> Result<WrittenFile> {
        let mut writer = FileWriter::create(&self.info).map_err(crate::error::lake)?;
        for first in (0..rows.num_rows()).step_by(CHUNK) {
            self.stop_if_alone()?;
            let part = rows.slice(first, CHUNK.min(rows.num_rows() - first));
            writer.write(&part, None).map_err(crate::error::lake)?;
        }
        writer.finish().map_err(crate::error::lake)
    }

    /// The client is gone, or has cancelled.
    fn stop_if_alone(&self) -> Result<()> {
        if self.reply.is_closed() { Err(canceled()) } else { Ok(()) }
    }

    fn tell(&self, what: &str) {
        tell(&self.progress, &self.view.def, what);
    }
}

fn tell(progress: &Progress, def: &TableDef, what: &str) {
    // Who went away need not hear of it.
    let _ = progress.send(format!("filling \"{}\": {what}", def.name));
}

pub(super) fn canceled() -> SqlError {
    SqlError::new("57014", "canceling statement due to user request")
}
