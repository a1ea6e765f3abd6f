//! Turning a view's change into stored rows: what goes is found by its key, what comes under the same key keeps the
//! row's number, so that `table_changes` shows an update.

use super::graph::staged_of;
use super::{Core, Tick};
use crate::catalog::{Catalog, TableDef};
use crate::index::RowIndex;
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::row::{RowConverter, SortField};
use hashbrown::HashMap;
use sluice_sql::{Result, SqlError};
use sluice_zset::{ZBatch, gather, normalize_key, with_row_count};
use std::sync::Arc;

impl Core {
    /// Stages the consolidated `change` of a view's rows.
    pub(super) fn publish(&mut self, tick: &mut Tick, catalog: &Arc<Catalog>, id: i64, change: &ZBatch) -> Result<()> {
        if change.is_empty() {
            return Ok(());
        }
        let def = catalog.by_id(id).cloned().ok_or_else(|| SqlError::internal("a view is gone"))?;
        self.errands.wait_for(id)?;
        let columns = def.row_key().map_or_else(|| (0..def.columns.len()).collect(), <[usize]>::to_vec);
        let index = self.context.indexes.get(id, &columns).ok_or_else(|| SqlError::internal("a view has no index"))?;
        let gone = repeated(change, &def, -1)?;
        let come = repeated(change, &def, 1)?;

        let gone_keys: Vec<ArrayRef> = columns.iter().map(|&c| normalize_key(gone.column(c))).collect();
        let found = index.read().all(&gone_keys, gone.num_rows())?;
        let gone_ids = pick(&def, &gone, found)?;
        let come_keys: Vec<ArrayRef> = columns.iter().map(|&c| normalize_key(come.column(c))).collect();
        let keep = if def.row_key().is_some() {
            same_keys(&gone_keys, &gone_ids, &come_keys, come.num_rows())?
        } else {
            vec![None; come.num_rows()]
        };
        let come_ids: Int64Array =
            keep.into_iter().map(|kept| Some(kept.unwrap_or_else(|| tick.new_row(id)))).collect();

        let staged = staged_of(tick, &def);
        staged.remove(&gone, &gone_ids)?;
        staged.add(come.clone(), come_ids.clone());
        let indexes = self.context.indexes.of_table(id);
        self.errands.run(id, change.len(), move || {
            for index in indexes {
                index.write().apply(&[(&gone, &gone_ids, -1), (&come, &come_ids, 1)])?;
            }
            if def.row_key().is_some() {
                refuse_double_keys(&def, &index.read(), &come)?;
            }
            Ok(())
        })
    }
}

/// A derived key that two rows share would be a bug in its derivation; it stops before it is stored.
pub(super) fn refuse_double_keys(def: &TableDef, index: &RowIndex, rows: &RecordBatch) -> Result<()> {
    match index.shared(&index.keys(rows), rows.num_rows())? {
        None => Ok(()),
        Some(row) => {
            let row = sluice_flow::row_text(rows, row);
            Err(SqlError::internal(format!("two rows of {} have the key of {row}", def.name)))
        }
    }
}

/// Rows of one sign, as often as their weight says.
pub(super) fn repeated(change: &ZBatch, def: &TableDef, sign: i64) -> Result<RecordBatch> {
    if change.iter_weights().all(|w| w == sign) {
        let rows = change.rows();
        return Ok(with_row_count(def.arrow(), rows.columns().to_vec(), rows.num_rows())?);
    }
    let mut rows: Vec<u32> = vec![];
    for (i, weight) in change.iter_weights().enumerate() {
        rows.extend(std::iter::repeat_n(i as u32, usize::try_from(weight * sign).unwrap_or(0)));
    }
    let picked = gather(change.rows(), &UInt32Array::from(rows))?;
    Ok(with_row_count(def.arrow(), picked.columns().to_vec(), picked.num_rows())?)
}

/// One stored row for each row that goes; copies of a row take one each.
fn pick(def: &TableDef, gone: &RecordBatch, mut found: Vec<Vec<i64>>) -> Result<Int64Array> {
    let mut taken = hashbrown::HashSet::new();
    let mut ids = vec![];
    for (row, candidates) in found.iter_mut().enumerate() {
        let free = candidates.iter().copied().find(|id| !taken.contains(id));
        let Some(id) = free else {
            let row = sluice_flow::row_text(gone, row);
            return Err(SqlError::internal(format!("{} does not hold the row {row} that is to go", def.name)));
        };
        taken.insert(id);
        ids.push(id);
    }
    Ok(Int64Array::from(ids))
}

/// For each row that comes, the number of the row with the same key that goes.
fn same_keys(gone: &[ArrayRef], ids: &Int64Array, come: &[ArrayRef], rows: usize) -> Result<Vec<Option<i64>>> {
    if gone.is_empty() {
        // At most one row: whatever comes replaces whatever goes.
        return Ok((0..rows).map(|i| ids.values().get(i).copied()).collect());
    }
    let fields = gone.iter().map(|c| SortField::new(c.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let gone = converter.convert_columns(gone)?;
    let come = converter.convert_columns(come)?;
    let by_key: HashMap<&[u8], i64> = (0..ids.len()).map(|i| (gone.row(i).data(), ids.value(i))).collect();
    Ok((0..rows).map(|i| by_key.get(come.row(i).data()).copied()).collect())
}

/// Marks rows of `ids` that are among `wanted`.
pub(super) fn among(ids: &Int64Array, wanted: &hashbrown::HashSet<i64>) -> BooleanArray {
    ids.values().iter().map(|id| Some(wanted.contains(id))).collect()
}
