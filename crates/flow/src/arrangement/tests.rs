#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use arrow::array::{AsArray, Int64Array, StringViewArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

type Row = (Option<i64>, String);

fn zbatch(entries: &BTreeMap<Row, i64>) -> ZBatch {
    let a: ArrayRef = Arc::new(entries.keys().map(|r| r.0).collect::<Int64Array>());
    let b: ArrayRef = Arc::new(entries.keys().map(|r| Some(r.1.clone())).collect::<StringViewArray>());
    let rows = RecordBatch::try_from_iter_with_nullable([("a", a, true), ("b", b, true)]).unwrap();
    ZBatch::with_weights(rows, entries.values().copied().collect::<Vec<_>>().into())
}

fn contents(arrangement: &Arrangement) -> BTreeMap<Row, i64> {
    let slots = arrangement.slots();
    rows_at(arrangement, &slots).into_iter().zip(slots.iter().map(|&s| arrangement.weight(s))).collect()
}

fn rows_at(arrangement: &Arrangement, slots: &[Slot]) -> Vec<Row> {
    use arrow::array::Array;
    let rows = arrangement.gather(slots).unwrap();
    let (a, b) = (rows.column(0).as_primitive::<Int64Type>(), rows.column(1).as_string_view());
    (0..slots.len()).map(|i| (a.is_valid(i).then(|| a.value(i)), b.value(i).to_string())).collect()
}

/// A change that never takes more copies than there are.
fn change(model: &BTreeMap<Row, i64>, wanted: Vec<(Row, i64)>) -> BTreeMap<Row, i64> {
    let mut delta: BTreeMap<Row, i64> = BTreeMap::new();
    for (row, weight) in wanted {
        let held = model.get(&row).copied().unwrap_or(0);
        let so_far = delta.get(&row).copied().unwrap_or(0);
        let weight = weight.max(-held - so_far);
        *delta.entry(row).or_insert(0) += weight;
    }
    delta.retain(|_, w| *w != 0);
    delta
}

fn add(model: &mut BTreeMap<Row, i64>, delta: &BTreeMap<Row, i64>) {
    for (row, weight) in delta {
        *model.entry(row.clone()).or_insert(0) += weight;
    }
    model.retain(|_, w| *w != 0);
}

fn steps() -> impl Strategy<Value = Vec<(Vec<(Row, i64)>, bool)>> {
    let row = (prop::option::of(0i64..3), "[a-d]{0,3}");
    prop::collection::vec((prop::collection::vec((row, -2i64..3), 0..80), any::<bool>()), 1..12)
}

proptest! {
    #[test]
    fn holds_what_was_committed(steps in steps()) {
        let schema = zbatch(&BTreeMap::new()).schema();
        let mut arrangement = Arrangement::new("test", schema, vec![0]);
        let mut model = BTreeMap::new();
        for (wanted, commit) in steps {
            let delta = change(&model, wanted);
            arrangement.apply(&zbatch(&delta)).unwrap();
            if commit {
                add(&mut model, &delta);
                arrangement.commit().unwrap();
            } else {
                arrangement.abort().unwrap();
            }
            prop_assert_eq!(&contents(&arrangement), &model);
            prop_assert_eq!(arrangement.len(), model.len());
            for key in [None, Some(0), Some(1), Some(2)] {
                let keys: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![key]))];
                let mut slots = vec![];
                arrangement.probe(&keys, 1, |_, slot| slots.push(slot)).unwrap();
                let mut found = rows_at(&arrangement, &slots);
                found.sort();
                let expected: Vec<Row> = model.keys().filter(|r| r.0 == key).cloned().collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn compaction_gives_room_back_and_keeps_rows() {
    let numbers = |range: std::ops::Range<i64>| range.map(|i| ((Some(i), format!("row {i}")), 1)).collect();
    let all: BTreeMap<Row, i64> = numbers(0..100_000);
    let mut arrangement = Arrangement::new("test", zbatch(&all).schema(), vec![0]);
    arrangement.apply(&zbatch(&all)).unwrap();
    arrangement.commit().unwrap();
    let full = arrangement.bytes();
    let gone = zbatch(&numbers(0..90_000)).negate().unwrap();
    arrangement.apply(&gone).unwrap();
    for _ in 0..10 {
        arrangement.commit().unwrap();
    }
    assert_eq!(contents(&arrangement), numbers(90_000..100_000));
    assert!(arrangement.bytes() < full, "{} of {full} bytes", arrangement.bytes());
}

#[test]
fn removing_what_is_not_there_names_the_row() {
    let one: BTreeMap<Row, i64> = [((Some(7), "seven".to_string()), -1)].into();
    let mut arrangement = Arrangement::new("the join of a and b", zbatch(&one).schema(), vec![0]);
    let error = arrangement.apply(&zbatch(&one)).unwrap_err().to_string();
    assert_eq!(error, "row (7, seven) of the join of a and b would have -1 copies");
}

#[test]
fn runs_of_a_key_join_chains_of_any_length() {
    let rows = |key: i64, from: usize, len: usize, weight: i64| {
        let entries = (from..from + len).map(|i| ((Some(key), format!("row {i}")), weight));
        zbatch(&entries.chain([((Some(-1), format!("beside {from}")), weight)]).collect())
    };
    for (first, second) in [(1, 1), (1, 40), (31, 1), (32, 1), (32, 40), (33, 1), (100, 100)] {
        let mut arrangement = Arrangement::new("test", zbatch(&BTreeMap::new()).schema(), vec![0]);
        arrangement.apply(&rows(7, 0, first, 1)).unwrap();
        arrangement.commit().unwrap();
        arrangement.apply(&rows(7, first, second, 1)).unwrap();
        arrangement.abort().unwrap();
        assert_eq!(arrangement.len(), first + 1);
        arrangement.apply(&rows(7, first, second, 1)).unwrap();
        let mut found = 0;
        let key: ArrayRef = Arc::new(Int64Array::from(vec![7]));
        arrangement.probe(&[key], 1, |_, _| found += 1).unwrap();
        assert_eq!(found, first + second);
        arrangement.apply(&rows(7, 0, first, -1)).unwrap();
        arrangement.apply(&rows(7, first, second, -1)).unwrap();
        arrangement.commit().unwrap();
        assert!(arrangement.is_empty(), "{first} and {second}");
    }
}

#[test]
fn keys_that_are_shared_after_many_that_are_not_find_all_their_rows() {
    // Rows arrive in order: 2,000 keys of one row, then 100 more rows of key 5 and one more of each of the last keys.
    let mut rows: Vec<(i64, String)> = (0..2000).map(|k| (k, "first".to_string())).collect();
    rows.extend((0..100).map(|i| (5, format!("more {i}"))));
    rows.extend((1900..2000).map(|k| (k, "second".to_string())));
    let batch = |rows: &[(i64, String)], weight: i64| {
        let a: ArrayRef = Arc::new(rows.iter().map(|r| Some(r.0)).collect::<Int64Array>());
        let b: ArrayRef = Arc::new(rows.iter().map(|r| Some(r.1.clone())).collect::<StringViewArray>());
        let batch = RecordBatch::try_from_iter_with_nullable([("a", a, true), ("b", b, true)]).unwrap();
        ZBatch::with_weights(batch, vec![weight; rows.len()].into())
    };
    let all = batch(&rows, 1);
    let mut arrangement = Arrangement::new("test", all.schema(), vec![0]);
    arrangement.reserve(rows.len());
    arrangement.apply(&all).unwrap();
    arrangement.commit().unwrap();
    let held = |arrangement: &Arrangement, key: i64| {
        let keys: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![key]))];
        let mut slots = vec![];
        arrangement.probe(&keys, 1, |_, slot| slots.push(slot)).unwrap();
        slots.len()
    };
    assert_eq!([5, 6, 1899, 1900, 1999].map(|k| held(&arrangement, k)), [101, 1, 1, 2, 2]);

    // Each row of the long chain can be found to be removed, and comes back when that is taken back.
    let gone: Vec<_> = rows.iter().filter(|r| r.0 == 5 || r.1 == "second").cloned().collect();
    arrangement.apply(&batch(&gone, -1)).unwrap();
    assert_eq!([5, 6, 1900].map(|k| held(&arrangement, k)), [0, 1, 1]);
    arrangement.abort().unwrap();
    assert_eq!([5, 6, 1900].map(|k| held(&arrangement, k)), [101, 1, 2]);
    arrangement.apply(&batch(&gone, -1)).unwrap();
    arrangement.commit().unwrap();
    assert_eq!(arrangement.len(), rows.len() - gone.len());
}
