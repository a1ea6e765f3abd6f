//! How the rows of a table differ from what they were.

use crate::catalog::TableDef;
use crate::context::all_rows;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{concat, concat_batches, filter, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use sluice_lake::{Scan, TableVersion};
use sluice_sql::Result;
use sluice_zset::{ZBatch, consolidate, with_row_count};
use std::collections::HashSet;
use std::sync::Arc;

pub(super) enum Difference {
    /// Rows were moved between files, at most.
    None,
    /// Rows came, with these row ids.
    Appended(RecordBatch, Int64Array),
    /// So many rows went or have other values.
    Changed(usize),
}

/// `appended` says that nothing but appends and moves is on record; the rows are compared one by one otherwise.
pub(super) fn difference(def: &TableDef, old: &TableVersion, new: &TableVersion, appended: bool) -> Result<Difference> {
    let (rows, ids) = new_rows(def, old, new)?;
    let simple = appended && new.live_rows() == old.live_rows() + ids.len() as u64;
    if !simple {
        let changed = changed_rows(def, old, new)?;
        if changed > 0 {
            return Ok(Difference::Changed(changed));
        }
    }
    Ok(if ids.is_empty() { Difference::None } else { Difference::Appended(rows, ids) })
}

/// Rows with ids that the table had not given out. Files that it had are not read.
fn new_rows(def: &TableDef, old: &TableVersion, new: &TableVersion) -> Result<(RecordBatch, Int64Array)> {
    let known: HashSet<i64> = old.files.iter().map(|f| f.file.id).collect();
    let mut scans: Vec<Scan> = vec![new.scan_inlined(None)];
    for (i, file) in new.files.iter().enumerate() {
        if !known.contains(&file.file.id) {
            scans.push(new.scan_file(i, None, None));
        }
    }
    let (mut parts, mut ids): (Vec<RecordBatch>, Vec<ArrayRef>) = (vec![], vec![]);
    for part in scans.into_iter().flatten() {
        let (rows, row_ids) = part.map_err(crate::error::lake)?;
        let mask: BooleanArray = row_ids.values().iter().map(|id| Some(*id >= old.next_row_id)).collect();
        if mask.true_count() > 0 {
            let rows = filter_record_batch(&rows, &mask)?;
            parts.push(with_row_count(def.arrow(), rows.columns().to_vec(), rows.num_rows())?);
            ids.push(filter(&row_ids, &mask)?);
        }
    }
    if ids.is_empty() {
        return Ok((RecordBatch::new_empty(def.arrow()), Int64Array::from(Vec::<i64>::new())));
    }
    let ids = concat(&ids.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?;
    Ok((concat_batches(&def.arrow(), &parts)?, ids.as_primitive::<Int64Type>().clone()))
}

/// How many of the rows that were there are gone or have other values.
fn changed_rows(def: &TableDef, old: &TableVersion, new: &TableVersion) -> Result<usize> {
    let mut fields: Vec<Field> = def.columns.iter().map(|c| Field::new(&c.name, c.ty.arrow(), true)).collect();
    fields.push(Field::new("row id", DataType::Int64, true));
    let schema = Arc::new(Schema::new(fields));
    let with_ids = |table: &TableVersion| -> Result<ZBatch> {
        let (rows, ids) = all_rows(table, def)?;
        let mask: BooleanArray = ids.values().iter().map(|id| Some(*id < old.next_row_id)).collect();
        let mut columns = rows.columns().to_vec();
        columns.push(Arc::new(ids));
        let rows = with_row_count(Arc::clone(&schema), columns, rows.num_rows())?;
        Ok(ZBatch::new(filter_record_batch(&rows, &mask)?))
    };
    let both = ZBatch::concat(&schema, &[with_ids(new)?, with_ids(old)?.negate()?])?;
    let left = consolidate(&both)?;
    Ok(left.iter_weights().filter(|w| *w < 0).count())
}
