use super::*;
use std::collections::HashSet;

const SECOND: i64 = 1_000_000;

/// Commits one row at a time of the test's own clock.
fn insert_at(test: &mut TestLake, id: i64, key: i32, time_micros: i64) -> i64 {
    let insert = new_rows(&test.table(id), kv(&[key]));
    let change = TableChange { table_id: id, inserts: vec![insert], ..TableChange::default() };
    let sidecar = SidecarChange { tick: Some((time_micros, None)), ..SidecarChange::default() };
    test.lake.commit(Commit { time_micros, changes: vec![change], sidecar, ..Commit::default() }).unwrap()
}

fn keep_last(n: i64) -> Retention {
    Retention { all_micros: n, minutely_micros: 0, hourly_micros: 0, ..Retention::default() }
}

fn update(row_id: i64, key: i32, table_id: i64) -> TableChange {
    let row = RowInsert::Inline { rows: kv(&[key]), row_ids: vec![row_id].into() };
    TableChange { table_id, deletes: vec![row_id], inserts: vec![row], truncate: false }
}

#[test]
fn lake_thins_out_snapshots() {
    let mut test = TestLake::new("thins");
    let t = test.create("t", kv_columns());
    let start = (test.lake.state().time_micros / (3600 * SECOND) + 1) * 3600 * SECOND;
    for i in 0..150 {
        insert_at(&mut test, t, i, start + i64::from(i) * 20 * SECOND);
    }
    let now = start + 50 * 60 * SECOND;
    let keep =
        |pinned| Retention { all_micros: 600 * SECOND, minutely_micros: 1800 * SECOND, pinned, ..Retention::default() };
    assert_eq!(test.lake.expire(&keep(vec![4]), now, 7).unwrap().snapshots, 7, "bounded");
    while test.lake.expire(&keep(vec![4]), now, 7).unwrap().snapshots > 0 {}
    let times = test.lake.reader().unwrap().snapshots().unwrap();
    let after = |micros: i64| times.iter().filter(|(_, time)| *time > now - micros * SECOND).count();
    assert_eq!((after(600), after(1800)), (29, 29 + 20));
    assert_eq!(times.len(), 29 + 20 + 1 + 1, "one of the hour before, and the pinned one");
    assert_eq!(query(&test, "SELECT count(*) FROM sluice_tick"), ["50"], "the oldest was no tick");
    assert_eq!(test.table(t).live_rows(), 150);
    test.check();
}

#[test]
fn lake_purges_what_no_snapshot_sees() {
    let mut test = TestLake::new("purges");
    let t = test.create("t", kv_columns());
    let gone = test.create("gone", kv_columns());
    test.insert(gone, &[1]);
    test.insert(t, &[1, 2]);
    let pinned = test.change(update(0, 10, t));
    test.change(update(0, 20, t));
    test.change(update(0, 30, t));
    test.ddl(vec![Ddl::DropTable { id: gone }]);
    let now = test.lake.state().time_micros;
    let expired = test.lake.expire(&Retention { pinned: vec![pinned], ..keep_last(1) }, now, 100).unwrap();
    assert!(expired.snapshots > 5);
    assert_eq!(query(&test, "SELECT k FROM ducklake_inlined_data_1_1 ORDER BY begin_snapshot"), ["2", "10", "30"]);
    assert_eq!(query(&test, "SELECT count(*) FROM ducklake_table"), ["2"]);
    test.check();

    test.lake.expire(&keep_last(1), now, 100).unwrap();
    assert_eq!(query(&test, "SELECT k FROM ducklake_inlined_data_1_1 ORDER BY k"), ["2", "30"]);
    assert_eq!(query(&test, "SELECT count(*) FROM ducklake_column"), ["2"]);
    assert_eq!(query(&test, "SELECT table_id FROM ducklake_inlined_data_tables"), ["1"]);
    test.check();
}

#[test]
fn lake_expires_and_cleans_files() {
    let mut test = TestLake::new("cleans");
    let t = test.create("t", kv_columns());
    test.insert(t, &(0..100).collect::<Vec<_>>());
    assert_eq!(test.lake.flush(t, 0).unwrap(), Done { rows: 100, files: 1, ..Done::default() });
    let held = test.table(t);
    let path = held.files[0].file.path.clone();
    test.delete(t, &(0..50).collect::<Vec<_>>());
    assert_eq!(test.lake.flush(t, 0).unwrap(), Done { rows: 0, files: 1, ..Done::default() });
    test.delete(t, &(50..100).collect::<Vec<_>>());
    assert_eq!(test.lake.flush(t, 0).unwrap(), Done { rows: 0, files: 1, ..Done::default() });
    assert_eq!(test.lake.flush(t, 0).unwrap(), Done::default(), "nothing is left to do");
    test.insert(t, &[1000]);
    test.check();

    let now = test.lake.state().time_micros;
    assert_eq!(test.lake.expire(&keep_last(1), now, 100).unwrap().files, 2, "the file and its deletes");
    assert_eq!(test.table(t).files.len(), 0);
    test.check();
    assert_eq!(test.lake.clean(SECOND, now).unwrap(), 0, "too young");
    assert_eq!(test.lake.clean(0, now).unwrap(), 2, "the old and the last delete file");
    assert!(path.exists(), "a reader has it");
    assert_eq!(contents(&held).len(), 100);
    drop(held);
    assert_eq!(test.lake.clean(0, now).unwrap(), 1);
    assert!(!path.exists());
    assert_eq!(test.lake.remove_orphans().unwrap(), 0);
    test.check();
}

#[test]
fn lake_flush_keeps_every_snapshot() {
    let mut test = TestLake::new("flush");
    let t = test.create("t", kv_columns());
    test.insert(t, &(0..20).collect::<Vec<_>>());
    test.change(update(3, 103, t));
    let added = ColumnInfo::new(3, "extra", LakeType::Int64);
    test.ddl(vec![Ddl::AddColumn { table_id: t, column: added }, Ddl::DropColumn { table_id: t, column_id: 2 }]);
    test.delete(t, &[3, 5]);
    let reader = test.lake.reader().unwrap();
    let all = |last: i64| {
        (1..=last).map(|s| reader.state_at(s).unwrap().tables.get(&t).map(|t| contents(t))).collect::<Vec<_>>()
    };
    let newest = test.lake.state().snapshot;
    let before = all(newest);
    assert_eq!(test.lake.flush(t, 0).unwrap(), Done { rows: 18, files: 1, ..Done::default() });
    assert_eq!(test.table(t).inlined.live_rows(), 0);
    assert_eq!(all(newest), before);
    test.check();
    test.delete(t, &[7]);
    test.delete(t, &[8]);
    let newest = test.lake.state().snapshot;
    let before = all(newest);
    assert_eq!(test.lake.flush(t, 0).unwrap(), Done { rows: 0, files: 1, ..Done::default() });
    assert_eq!(all(newest), before);
    let last = query(&test, "SELECT changes_made FROM ducklake_snapshot_changes ORDER BY snapshot_id DESC LIMIT 1");
    assert_eq!(last, ["deleted_from_table:1"]);
    test.check();
    let now = test.lake.state().time_micros;
    test.lake.expire(&keep_last(1), now, 100).unwrap();
    assert_eq!(test.table(t).info.inlined_tables.len(), 1, "older columns have no rows in the catalog any more");
    test.check();
}

#[test]
fn lake_maintenance_minds_other_writers() {
    let mut test = TestLake::new("minds");
    let t = test.create("t", kv_columns());
    test.insert(t, &[1]);
    let mut other = Lake::open(&test.dir).unwrap();
    let insert = new_rows(&other.state().tables[&t], kv(&[2]));
    let change = TableChange { table_id: t, inserts: vec![insert], ..TableChange::default() };
    other.commit(Commit { changes: vec![change], ..Commit::default() }).unwrap();
    assert!(matches!(test.lake.flush(t, 0), Err(LakeError::Foreign { .. })));
    let now = other.state().time_micros;
    assert!(matches!(test.lake.expire(&keep_last(1), now, 9), Err(LakeError::Foreign { .. })));
    assert_eq!(test.lake.remove_orphans().unwrap(), 0, "the refused flush took its file back");
    test.lake.reload().unwrap();
    assert_eq!(test.lake.flush(t, 0).unwrap().rows, 2);
    assert_eq!(test.lake.due().unwrap(), []);
    test.check();
}

/// Merges what there is to merge.
fn merge(test: &mut TestLake, id: i64) -> Done {
    let job = test.lake.merge_job(id, 2, &HashSet::new()).unwrap();
    let prepared = job.and_then(|job| job.write().unwrap());
    prepared.map_or_else(Done::default, |prepared| test.lake.commit_job(prepared, 0).unwrap())
}

fn insert_file(test: &mut TestLake, id: i64, keys: &[i32]) {
    let file = test.lake.write_file(&test.table(id).info, [Ok::<_, LakeError>((kv(keys), None))].into_iter()).unwrap();
    test.change(TableChange { table_id: id, inserts: vec![RowInsert::File(file)], ..TableChange::default() });
}

#[test]
fn lake_merges_files_for_every_snapshot() {
    let mut test = TestLake::new("merges");
    let t = test.create("t", kv_columns());
    for i in 0..5 {
        insert_file(&mut test, t, &(i * 10..i * 10 + 10).collect::<Vec<_>>());
        // An update across files: one ended and one living version of the row.
        test.change(update(i64::from(i) * 10, 1000 + i, t));
        test.lake.flush(t, 0).unwrap();
    }
    test.delete(t, &[1, 2, 11, 49]);
    test.lake.flush(t, 0).unwrap();
    test.delete(t, &[3]);
    assert_eq!(test.table(t).files.len(), 10);
    let before = keys(&test.table(t));
    let job = test.lake.merge_job(t, 2, &HashSet::new()).unwrap().unwrap();
    let prepared = job.write().unwrap().unwrap();
    test.delete(t, &[4, 20]);
    test.change(update(30, 2000, t));
    let done = test.lake.commit_job(prepared, 0).unwrap();
    assert_eq!((done.merged, done.dropped), (10, 0));
    assert_eq!(test.table(t).files.len(), 2, "one with the versions before the updates");
    assert_eq!(keys(&test.table(t)).len(), before.len() - 2);
    test.check();
    test.check_with_duckdb();

    let now = test.lake.state().time_micros;
    test.lake.expire(&keep_last(1), now, 1000).unwrap();
    insert_file(&mut test, t, &[500]);
    assert_eq!(merge(&mut test, t).dropped, 8, "rows that no snapshot sees are left out");
    assert_eq!(test.table(t).files.len(), 1);
    test.check();
    test.check_with_duckdb();
}

#[test]
fn lake_rewrites_a_file_once_its_rows_are_unseen() {
    let mut test = TestLake::new("rewrites");
    let t = test.create("t", kv_columns());
    insert_file(&mut test, t, &(0..100).collect::<Vec<_>>());
    test.delete(t, &(0..40).collect::<Vec<_>>());
    assert_eq!(merge(&mut test, t), Done::default(), "older snapshots see the rows");
    let now = test.lake.state().time_micros;
    test.lake.expire(&keep_last(1), now, 100).unwrap();
    let done = merge(&mut test, t);
    assert_eq!((done.merged, done.dropped, done.files), (1, 40, 1));
    assert_eq!(test.table(t).files[0].file.record_count, 60);
    assert_eq!(merge(&mut test, t), Done::default());
    test.check();
    test.check_with_duckdb();
    let now = test.lake.state().time_micros;
    assert_eq!(test.lake.clean(0, now).unwrap(), 1);
}

#[test]
fn lake_leaves_files_of_other_columns_alone() {
    let mut test = TestLake::new("altered");
    let t = test.create("t", kv_columns());
    insert_file(&mut test, t, &[1, 2]);
    insert_file(&mut test, t, &[3]);
    let job = test.lake.merge_job(t, 2, &HashSet::new()).unwrap().unwrap();
    let prepared = job.write().unwrap().unwrap();
    let added = ColumnInfo::new(3, "extra", LakeType::Int64);
    test.ddl(vec![Ddl::AddColumn { table_id: t, column: added }]);
    assert!(matches!(test.lake.commit_job(prepared, 0), Err(LakeError::Stale { .. })));
    assert_eq!(test.lake.remove_orphans().unwrap(), 0, "its file is gone");
    assert_eq!(merge(&mut test, t), Done::default(), "older snapshots have other columns");
    let now = test.lake.state().time_micros;
    test.lake.expire(&keep_last(1), now, 100).unwrap();
    assert_eq!(merge(&mut test, t).merged, 2);
    test.check();
    test.check_with_duckdb();
}

/// Random commits, flushes, merges and expiries; DuckDB reads every kept snapshot and every feed.
#[test]
fn lake_upkeep_keeps_what_duckdb_reads() {
    for seed in 1..=4u64 {
        let mut test = TestLake::new(&format!("upkeep-{seed}"));
        let t = test.create("t", kv_columns());
        let (mut state, mut key) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0);
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..60 {
            let ids = contents(&test.table(t)).into_keys().collect::<Vec<_>>();
            let mut some = |n: u64| {
                let mut picked = (0..n).filter_map(|_| ids.get(random(ids.len().max(1) as u64) as usize).copied());
                let mut picked = picked.by_ref().collect::<Vec<_>>();
                picked.sort_unstable();
                picked.dedup();
                picked
            };
            let (deleted, updated) = (some(3), some(6));
            let mut new = |n: u64| {
                key += n as i32;
                (key - n as i32..key).collect::<Vec<_>>()
            };
            match random(9) {
                0 => insert_file(&mut test, t, &new(20)),
                1 | 2 => drop(test.insert(t, &new(4))),
                3 => drop((!deleted.is_empty()).then(|| test.delete(t, &deleted))),
                4 | 5 if !updated.is_empty() => {
                    let rows = kv(&new(updated.len() as u64));
                    let row = RowInsert::Inline { rows, row_ids: updated.clone().into() };
                    test.change(TableChange { table_id: t, deletes: updated, inserts: vec![row], truncate: false });
                }
                6 => drop(test.lake.flush(t, 0).unwrap()),
                7 => drop(merge(&mut test, t)),
                _ => {
                    let (now, newest) = (test.lake.state().time_micros, test.lake.state().snapshot);
                    let pinned = vec![newest - 6, newest - 9];
                    test.lake.expire(&Retention { pinned, ..keep_last(4) }, now, 100).unwrap();
                }
            }
        }
        test.check();
        test.check_with_duckdb();
    }
}

/// Runs itself in another process, which dies at each failpoint in turn.
#[test]
fn lake_survives_crashes_in_maintenance() {
    if let Some(dir) = std::env::var_os("SLUICE_TEST_CRASH_DIR") {
        let mut lake = Lake::open(Path::new(&dir)).unwrap();
        lake.flush(1, 0).unwrap();
        let job = lake.merge_job(1, 2, &HashSet::new()).unwrap().unwrap();
        lake.commit_job(job.write().unwrap().unwrap(), 0).unwrap();
        let now = lake.state().time_micros;
        lake.expire(&keep_last(1), now, 100).unwrap();
        lake.clean(0, now).unwrap();
        return;
    }
    let orphans = ["before_flush_commit", "in_flush", "before_merge_commit", "in_merge"];
    let steps = ["after_flush", "after_merge", "in_expire", "after_expire", "after_clean", "none"];
    for (i, name) in orphans.into_iter().chain(steps).enumerate() {
        let mut test = TestLake::new(&format!("crash-{i}"));
        let t = test.create("t", kv_columns());
        test.insert(t, &(0..50).collect::<Vec<_>>());
        test.lake.flush(t, 0).unwrap();
        test.delete(t, &[1, 2]);
        test.insert(t, &[100]);
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["lake_survives_crashes_in_maintenance"])
            .env("SLUICE_TEST_CRASH_DIR", &test.dir)
            .env("SLUICE_FAILPOINT", name)
            .output()
            .unwrap();
        assert_eq!(child.status.success(), name == "none", "{name}");
        test.lake.reload().unwrap();
        assert_eq!(test.table(t).live_rows(), 49, "{name}");
        assert_eq!(test.lake.remove_orphans().unwrap() > 0, orphans.contains(&name), "{name}");
        test.lake.flush(t, 0).unwrap();
        let now = test.lake.state().time_micros;
        test.lake.expire(&keep_last(1), now, 100).unwrap();
        test.insert(t, &[200]);
        assert_eq!(test.table(t).live_rows(), 50, "{name}");
        test.check();
    }
}
