//! A unique index on a materialized view. No transaction is refused for it: a change that would break it is withheld,
//! as one with a failing row is, until the rows agree with it again.

use super::Core;
use super::graph::How;
use crate::catalog::{Catalog, IndexDef, TableDef};
use arrow::array::{Array, ArrayRef};
use arrow::row::{RowConverter, SortField};
use hashbrown::HashMap;
use sluice_flow::{DataError, Delta};
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, consolidate, normalize_key};

impl Core {
    /// Adds to `out` and to the view the error of a unique index that its pending change would break, and takes it
    /// away once that is over.
    pub(super) fn check_unique(&mut self, catalog: &Catalog, id: i64, out: &mut Delta) -> Result<()> {
        let Some(def) = catalog.by_id(id) else { return Ok(()) };
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        if view.violation.as_ref().is_some_and(|v| !view.errors.contains_key(v)) {
            view.violation = None;
        }
        let withheld = view.errors.len() > usize::from(view.violation.is_some());
        if withheld || !def.indexes.iter().any(|i| i.unique) {
            return Ok(());
        }
        let change = consolidate(&ZBatch::concat(&view.schema, &view.pending)?)?;
        self.errands.wait_for(id)?;
        let found = self.violation(def, &change)?;
        let Some(view) = self.graph.views.get_mut(&id) else { return Ok(()) };
        view.pending = if change.is_empty() { vec![] } else { vec![change] };
        if let Some(old) = view.violation.take() {
            view.errors.remove(&old);
            *out.errors.entry(old).or_insert(0) -= 1;
        }
        if let Some(new) = found {
            if matches!(view.how, How::Recompute) {
                // It will be compared with what is stored again, and who reads it has seen no more than that.
                view.pending.clear();
                out.rows.clear();
            }
            *out.errors.entry(new.clone()).or_insert(0) += 1;
            view.errors.insert(new.clone(), 1);
            view.violation = Some(new);
        }
        out.errors.retain(|_, w| *w != 0);
        Ok(())
    }

    /// The error of the first unique index that the rows of `def` would break with `change`.
    pub(super) fn violation(&self, def: &TableDef, change: &ZBatch) -> Result<Option<DataError>> {
        if change.is_empty() {
            return Ok(None);
        }
        for index in def.indexes.iter().filter(|i| i.unique) {
            if let Some(row) = self.second_row(def, index, change)? {
                let message = format!("duplicate key value violates unique constraint \"{}\"", index.name);
                let row = sluice_flow::row_text(change.rows(), row);
                return Ok(Some(DataError { code: "23505".into(), message, row }));
            }
        }
        Ok(None)
    }

    /// A row of `change` that would not be alone under its key: the one with the smallest key, however it was cut.
    fn second_row(&self, def: &TableDef, index: &IndexDef, change: &ZBatch) -> Result<Option<usize>> {
        let stored = self.context.indexes.get(def.id, &index.columns);
        let stored = stored.ok_or_else(|| SqlError::internal(format!("index {} is gone", index.name)))?;
        let keys: Vec<ArrayRef> = index.columns.iter().map(|&c| normalize_key(change.column(c))).collect();
        let stored = stored.read().all(&keys, change.len())?;
        let converter = RowConverter::new(keys.iter().map(|k| SortField::new(k.data_type().clone())).collect())?;
        let rows = converter.convert_columns(&keys)?;
        let mut coming: HashMap<&[u8], i64> = HashMap::new();
        for (row, weight) in change.iter_weights().enumerate() {
            *coming.entry(rows.row(row).data()).or_insert(0) += weight;
        }
        let doubled = (0..change.len()).filter(|&row| {
            let not_null = keys.iter().all(|k| k.is_valid(row));
            not_null && change.weight(row) > 0 && stored[row].len() as i64 + coming[rows.row(row).data()] > 1
        });
        Ok(doubled.min_by_key(|&row| rows.row(row)))
    }
}
