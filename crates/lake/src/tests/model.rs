//! Random commits against a map from row ids to keys, at every snapshot and after reopening.

use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

static CASE: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Clone)]
enum Step {
    Inline(u8),
    File(u16),
    FileWithIds(u8),
    Delete(Vec<prop::sample::Index>),
    Update(Vec<prop::sample::Index>),
    Truncate,
    Flush,
    Merge,
    /// Files of a flush or merge are written, rows go and come, then the files are committed.
    Beside(bool, Vec<prop::sample::Index>, u8),
    /// Keeps so many of the last snapshots, and one more.
    Expire(u8, prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let some_rows = || prop::collection::vec(any::<prop::sample::Index>(), 1..12);
    prop_oneof![
        4 => (1..20u8).prop_map(Step::Inline),
        1 => (1..400u16).prop_map(Step::File),
        1 => (1..20u8).prop_map(Step::FileWithIds),
        4 => some_rows().prop_map(Step::Delete),
        4 => some_rows().prop_map(Step::Update),
        1 => Just(Step::Truncate),
        2 => Just(Step::Flush),
        2 => Just(Step::Merge),
        2 => (any::<bool>(), some_rows(), 0..9u8).prop_map(|(merge, rows, new)| Step::Beside(merge, rows, new)),
        1 => (1..8u8, any::<prop::sample::Index>()).prop_map(|(last, pin)| Step::Expire(last, pin)),
    ]
}

type Model = BTreeMap<i64, i32>;

fn pick(model: &Model, indices: &[prop::sample::Index]) -> Vec<i64> {
    let ids = model.keys().copied().collect::<Vec<_>>();
    let mut picked = if ids.is_empty() { vec![] } else { indices.iter().map(|i| *i.get(&ids)).collect() };
    picked.sort_unstable();
    picked.dedup();
    picked
}

fn change(test: &TestLake, t: i64, model: &mut Model, step: &Step, next_key: &mut i32) -> TableChange {
    let version = test.table(t);
    let mut change = TableChange { table_id: t, ..TableChange::default() };
    let mut keys = |n: usize| {
        *next_key += n as i32;
        (*next_key - n as i32..*next_key).collect::<Vec<_>>()
    };
    let write = |keys: &[i32], ids: Option<Int64Array>| {
        let file = test.lake.write_file(&version.info, [Ok::<_, LakeError>((kv(keys), ids))].into_iter()).unwrap();
        RowInsert::File(file)
    };
    match step {
        Step::Inline(n) => {
            let keys = keys(usize::from(*n));
            model.extend((version.next_row_id..).zip(keys.iter().copied()));
            change.inserts.push(new_rows(&version, kv(&keys)));
        }
        Step::File(n) => {
            let keys = keys(usize::from(*n));
            model.extend((version.next_row_id..).zip(keys.iter().copied()));
            change.inserts.push(write(&keys, None));
        }
        Step::FileWithIds(n) => {
            // Every second live row moves to a file, and some new ones with them.
            let mut ids = model.keys().copied().step_by(2).collect::<Vec<_>>();
            change.deletes.clone_from(&ids);
            ids.extend((0..i64::from(*n)).map(|i| version.next_row_id + 2 * i));
            let keys = keys(ids.len());
            model.extend(ids.iter().copied().zip(keys.iter().copied()));
            change.inserts.push(write(&keys, Some(ids.into())));
        }
        Step::Delete(rows) => {
            change.deletes = pick(model, rows);
            model.retain(|id, _| !change.deletes.contains(id));
        }
        Step::Update(rows) => {
            change.deletes = pick(model, rows);
            let keys = keys(change.deletes.len());
            model.extend(change.deletes.iter().copied().zip(keys.iter().copied()));
            change.inserts.push(RowInsert::Inline { rows: kv(&keys), row_ids: change.deletes.clone().into() });
        }
        Step::Truncate => {
            change.truncate = true;
            model.clear();
        }
        Step::Flush | Step::Merge | Step::Beside(..) | Step::Expire(..) => {}
    }
    change
}

fn as_model(version: &TableVersion) -> Model {
    contents(version).into_iter().map(|(id, row)| (id, row[0].parse().unwrap())).collect()
}

fn expire(test: &mut TestLake, history: &mut Vec<(i64, Model)>, last: u8, pin: &prop::sample::Index) {
    let pinned = if history.is_empty() { vec![] } else { vec![pin.get(history).0] };
    let keep =
        Retention { all_micros: i64::from(last), minutely_micros: 0, hourly_micros: 0, pinned, ..Retention::default() };
    let (now, newest) = (test.lake.state().time_micros, test.lake.state().snapshot);
    test.lake.expire(&keep, now, 1000).unwrap();
    history.retain(|(id, _)| *id > newest - i64::from(last) || keep.pinned.contains(id));
    let kept = test.lake.reader().unwrap().snapshots().unwrap();
    assert!(history.iter().all(|(id, _)| kept.iter().any(|(k, _)| k == id)));
    assert!(kept.len() <= usize::from(last) + 1);
    test.lake.clean(0, now).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lake_agrees_with_a_map(steps in prop::collection::vec(step(), 1..30)) {
        let mut test = TestLake::new(&format!("model-{}", CASE.fetch_add(1, Ordering::Relaxed)));
        let t = test.create("t", kv_columns());
        let (mut model, mut next_key) = (Model::new(), 0);
        let mut history = vec![];
        for step in &steps {
            match step {
                Step::Flush => {
                    test.lake.flush(t, 0).unwrap();
                    history.push((test.lake.state().snapshot, model.clone()));
                }
                Step::Merge => {
                    if let Some(job) = test.lake.merge_job(t, 2, &std::collections::HashSet::new()).unwrap()
                        && let Some(prepared) = job.write().unwrap()
                    {
                        test.lake.commit_job(prepared, 0).unwrap();
                        history.push((test.lake.state().snapshot, model.clone()));
                    }
                }
                Step::Beside(merge, rows, new) => {
                    let job = match merge {
                        true => test.lake.merge_job(t, 2, &std::collections::HashSet::new()).unwrap(),
                        false => Some(test.lake.flush_job(t, 15).unwrap()),
                    };
                    let prepared = job.and_then(|job| job.write().unwrap());
                    for step in [Step::Update(rows.clone()), Step::Delete(rows.clone()), Step::Inline(*new + 1)] {
                        let change = change(&test, t, &mut model, &step, &mut next_key);
                        history.push((test.change(change), model.clone()));
                    }
                    if let Some(prepared) = prepared {
                        test.lake.commit_job(prepared, 0).unwrap();
                        history.push((test.lake.state().snapshot, model.clone()));
                    }
                }
                Step::Expire(last, pin) => expire(&mut test, &mut history, *last, pin),
                _ => {
                    let change = change(&test, t, &mut model, step, &mut next_key);
                    history.push((test.change(change), model.clone()));
                }
            }
            prop_assert_eq!(&as_model(&test.table(t)), &model);
            let ids = model.keys().copied().rev().step_by(3).collect::<Vec<_>>();
            let rows = test.table(t).rows(&ids, Some(&[0])).unwrap();
            let wanted = ids.iter().map(|id| vec![model[id].to_string()]).collect::<Vec<_>>();
            prop_assert_eq!(texts(&rows), wanted);
        }
        test.check();
        let reader = test.lake.reader().unwrap();
        for (snapshot, model) in history {
            prop_assert_eq!(as_model(&reader.state_at(snapshot).unwrap().tables[&t]), model);
        }
    }
}
