//! Filling indexes and operators from stored rows, on all cores. What views hold is taken as it is: their operators
//! take in state, and no result is computed.

use super::ddl::create_indexes;
use super::feed::Feed;
use super::graph::{How, Undo, View};
use crate::Context;
use crate::catalog::TableDef;
use crate::index::RowIndex;
use crate::read::ReadView;
use parking_lot::Mutex;
use sluice_sql::{Result, SqlError};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One piece of work; no two touch the same state.
enum Piece {
    /// The indexes of a table or view.
    Indexes(Arc<TableDef>),
    /// The operators of a view.
    View(Arc<TableDef>),
}

/// Fills the indexes of every table, and returns `views` with their operators filled.
pub(super) fn restore(context: &Context, view: &ReadView, views: &[i64]) -> Result<Vec<View>> {
    let catalog = &view.version.catalog;
    let mut pieces: Vec<Piece> =
        catalog.tables().filter(|d| d.is_stored()).map(|d| Piece::Indexes(Arc::clone(d))).collect();
    for id in views {
        let def = catalog.by_id(*id).ok_or_else(|| SqlError::internal("a view is gone"))?;
        pieces.push(Piece::View(Arc::clone(def)));
    }
    // The longest first, so that no core is left with one at the end.
    pieces.sort_by_key(|p| std::cmp::Reverse(p.rows(view)));

    let restored = Mutex::new(vec![]);
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(view) = piece.restore(context, view)? {
                restored.lock().push(view);
            }
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(pieces.len()).max(1);
    std::thread::scope(|scope| {
        let worker = || std::thread::Builder::new().stack_size(crate::STACK_BYTES).spawn_scoped(scope, work);
        // What no other thread does, this one does.
        let workers: Vec<_> = (1..threads).filter_map(|_| worker().ok()).collect();
        let mut outcome = work();
        for worker in workers {
            let ended = worker.join().unwrap_or_else(|_| Err(SqlError::internal("a thread panicked at the start")));
            outcome = outcome.and(ended);
        }
        outcome
    })?;
    create_reference_indexes(context, view)?;
    Ok(restored.into_inner())
}

impl Piece {
    fn rows(&self, view: &ReadView) -> u64 {
        let rows = |id: &i64| view.version.tables.get(id).map_or(0, |t| t.live_rows());
        match self {
            Self::Indexes(def) => rows(&def.id),
            Self::View(def) => def.materialized().map_or(0, |m| m.reads.iter().map(rows).sum()),
        }
    }

    fn restore(&self, context: &Context, view: &ReadView) -> Result<Option<View>> {
        match self {
            Self::Indexes(def) => {
                create_indexes(context, def, view.version.tables.get(&def.id).map(Arc::as_ref))?;
                Ok(None)
            }
            Self::View(def) => restore_view(context, view, Arc::clone(def)).map(Some),
        }
    }
}

fn restore_view(context: &Context, view: &ReadView, def: Arc<TableDef>) -> Result<View> {
    let catalog = &view.version.catalog;
    let (mut restored, failed) = View::plan_stored(context, &view.version, catalog, def)?;
    restored.undo = Undo::Nothing;
    // The next tick finds the error.
    restored.broken = failed.map(|e| e.message);
    if let How::Incremental { circuit, sources, used } = &mut restored.how {
        let feed = Feed { view, catalog, sources, used: Some(used) };
        feed.each(|portion| {
            circuit.load(portion)?;
            Ok(circuit.commit()?)
        })?;
        circuit.load(&[])?;
        circuit.commit()?;
    }
    Ok(restored)
}

/// The referenced columns of foreign keys are indexed too, where they are not a key that has an index.
fn create_reference_indexes(context: &Context, view: &ReadView) -> Result<()> {
    let catalog = &view.version.catalog;
    for def in catalog.tables() {
        for foreign in def.parts().map(|p| p.foreign.as_slice()).unwrap_or_default() {
            let parent = catalog.by_id(foreign.table);
            let (Some(parent), Some(table)) = (parent, view.version.tables.get(&foreign.table)) else { continue };
            if context.indexes.get(parent.id, &foreign.referenced).is_none() {
                let mut index = RowIndex::new(&foreign.name, &parent.arrow(), foreign.referenced.clone(), true);
                crate::context::fill_index(&mut index, table, view.version.snapshot)?;
                context.indexes.put(parent.id, index);
            }
        }
    }
    Ok(())
}
