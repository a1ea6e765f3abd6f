use crate::{Result, ZBatch, ZError};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array};
use arrow::datatypes::Int64Type;
use arrow::row::{RowConverter, SortField};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Adds up the weights of equal rows and drops those that come to zero; the first appearance of a row
/// keeps its place. Rows are equal when every column is, NULL to NULL, floats bit by bit: a retraction
/// repeats exactly what was inserted. O(rows) time, one encoded copy of the rows while it runs.
pub fn consolidate(batch: &ZBatch) -> Result<ZBatch> {
    if batch.len() <= 1 {
        return drop_zero(batch);
    }
    let schema = batch.schema();
    if schema.fields().is_empty() {
        return consolidate_without_columns(batch);
    }
    let grouped = group_rows(batch.rows().columns(), batch.len())?;
    let mut sums = vec![0i64; grouped.firsts.len()];
    for (i, &group) in grouped.group_of.iter().enumerate() {
        let sum = &mut sums[group as usize];
        *sum = sum.checked_add(batch.weight(i)).ok_or(ZError::WeightOverflow)?;
    }
    let firsts = grouped.firsts;
    if firsts.len() == batch.len() && !sums.contains(&0) {
        return Ok(batch.clone());
    }
    let (keep, weights): (Vec<u32>, Vec<i64>) = firsts.into_iter().zip(sums).filter(|&(_, w)| w != 0).unzip();
    let rows = crate::gather(batch.rows(), &UInt32Array::from(keep))?;
    Ok(ZBatch::with_weights(rows, Int64Array::from(weights)))
}

/// Rows sorted into groups of equal values.
pub struct Grouped {
    /// The group of each row.
    pub group_of: Vec<u32>,
    /// The first row of each group, in order of appearance.
    pub firsts: Vec<u32>,
}

/// Groups rows by the values of `columns`; NULL equals NULL, floats are compared bit by bit. Without columns all
/// rows are one group.
pub fn group_rows(columns: &[ArrayRef], rows: usize) -> Result<Grouped> {
    if columns.is_empty() {
        return Ok(Grouped { group_of: vec![0; rows], firsts: if rows == 0 { vec![] } else { vec![0] } });
    }
    if columns.iter().any(ascends) {
        let each: Vec<u32> = (0..rows as u32).collect();
        return Ok(Grouped { group_of: each.clone(), firsts: each });
    }
    let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
    let encoded = RowConverter::new(fields)?.convert_columns(columns)?;
    let hashes = crate::hash_rows(columns, rows)?;
    let mut seen: HashTable<u32> = HashTable::new();
    let mut grouped = Grouped { group_of: Vec::with_capacity(rows), firsts: vec![] };
    for (i, &hash) in hashes.iter().enumerate() {
        let row = encoded.row(i);
        let firsts = &grouped.firsts;
        let first = |g: u32| firsts[g as usize] as usize;
        let group = match seen.entry(
            hash,
            |&g| hashes[first(g)] == hash && encoded.row(first(g)) == row,
            |&g| hashes[first(g)],
        ) {
            Entry::Occupied(e) => *e.get(),
            Entry::Vacant(e) => *e.insert(firsts.len() as u32).get(),
        };
        if group as usize == grouped.firsts.len() {
            grouped.firsts.push(i as u32);
        }
        grouped.group_of.push(group);
    }
    Ok(grouped)
}

/// Whether the column alone tells all rows apart, as numbers that were drawn from a sequence do.
fn ascends(column: &ArrayRef) -> bool {
    let ascending = |values: &[i64]| values.windows(2).all(|w| w[0] < w[1]);
    column.null_count() == 0 && column.as_primitive_opt::<Int64Type>().is_some_and(|c| ascending(c.values()))
}

fn drop_zero(batch: &ZBatch) -> Result<ZBatch> {
    match batch.iter_weights().next() {
        Some(0) => Ok(batch.slice(0, 0)),
        _ => Ok(batch.clone()),
    }
}

fn consolidate_without_columns(batch: &ZBatch) -> Result<ZBatch> {
    let mut sum = 0i64;
    for w in batch.iter_weights() {
        sum = sum.checked_add(w).ok_or(ZError::WeightOverflow)?;
    }
    let rows = usize::from(sum != 0);
    let batch_rows = crate::with_row_count(batch.schema(), vec![], rows)?;
    Ok(ZBatch::with_weights(batch_rows, Int64Array::from(vec![sum; rows])))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use arrow::array::{RecordBatch, StringArray};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    type Entries = Vec<(Option<i64>, Option<String>, i64)>;

    fn batch(entries: &Entries) -> ZBatch {
        let a: ArrayRef = Arc::new(entries.iter().map(|e| e.0).collect::<Int64Array>());
        let b: ArrayRef = Arc::new(entries.iter().map(|e| e.1.clone()).collect::<StringArray>());
        let rows = RecordBatch::try_from_iter_with_nullable([("a", a, true), ("b", b, true)]).unwrap();
        ZBatch::with_weights(rows, entries.iter().map(|e| e.2).collect::<Vec<_>>().into())
    }

    fn totals(entries: &Entries) -> BTreeMap<(Option<i64>, Option<String>), i64> {
        let mut sums = BTreeMap::new();
        for (a, b, w) in entries {
            *sums.entry((*a, b.clone())).or_insert(0) += w;
        }
        sums.retain(|_, w| *w != 0);
        sums
    }

    fn read(z: &ZBatch) -> Entries {
        let a = z.column(0).as_primitive::<Int64Type>();
        let b = z.column(1).as_string::<i32>();
        (0..z.len())
            .map(|i| (a.is_valid(i).then(|| a.value(i)), b.is_valid(i).then(|| b.value(i).to_string()), z.weight(i)))
            .collect()
    }

    proptest! {
        #[test]
        fn adds_up_equal_rows(entries in prop::collection::vec(
            (prop::option::of(0i64..4), prop::option::of("[ab]{0,2}"), -3i64..4), 0..60)) {
            let z = consolidate(&batch(&entries)).unwrap();
            let got = read(&z);
            prop_assert_eq!(got.len(), totals(&got).len(), "each row once");
            prop_assert_eq!(totals(&got), totals(&entries));
        }

        #[test]
        fn a_batch_and_its_negation_cancel(entries in prop::collection::vec(
            (prop::option::of(0i64..4), prop::option::of("[ab]{0,2}"), -3i64..4), 0..60)) {
            let z = batch(&entries);
            let both = ZBatch::concat(&z.schema(), &[z.clone(), z.negate().unwrap()]).unwrap();
            prop_assert!(consolidate(&both).unwrap().is_empty());
        }
    }

    #[test]
    fn rows_told_apart_by_one_column_are_all_kept() {
        let entries = vec![(Some(1), None, 1), (Some(2), None, -1), (Some(5), None, 0)];
        let z = consolidate(&batch(&entries)).unwrap();
        assert_eq!(read(&z), entries[..2].to_vec());
        let grouped = group_rows(batch(&entries).rows().columns(), 3).unwrap();
        assert_eq!((grouped.group_of, grouped.firsts), (vec![0, 1, 2], vec![0, 1, 2]));
    }

    #[test]
    fn an_overflowing_weight_is_an_error() {
        let entries = vec![(Some(1), None, i64::MAX), (Some(1), None, 1)];
        assert!(matches!(consolidate(&batch(&entries)), Err(ZError::WeightOverflow)));
    }
}
