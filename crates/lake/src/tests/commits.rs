use super::*;

#[test]
fn lake_rows_come_and_go() {
    let mut test = TestLake::new("rows");
    let t = test.create("t", kv_columns());
    let s1 = test.insert(t, &[1, 2, 3]);
    let before = test.table(t);
    let s2 = test.delete(t, &[1]);
    let update = RowInsert::Inline { rows: kv(&[30]), row_ids: vec![2].into() };
    let s3 = test.change(TableChange { table_id: t, deletes: vec![2], inserts: vec![update], truncate: false });
    assert_eq!(keys(&before), ["1", "2", "3"], "readers keep their version");
    assert_eq!(keys(&test.table(t)), ["1", "30"]);
    assert_eq!(test.table(t).next_row_id, 3);
    assert_eq!(test.table(t).locate(2), Some(Location::Inlined));
    assert_eq!(test.table(t).locate(1), None);
    test.check();

    let reader = test.lake.reader().unwrap();
    let at = |s| keys(&reader.state_at(s).unwrap().tables[&t]);
    assert_eq!((at(s1), at(s2), at(s3)), (keys(&before), vec!["1".into(), "3".into()], vec!["1".into(), "30".into()]));
    assert!(matches!(reader.state_at(99), Err(LakeError::NoSnapshot(_))));
    let changes =
        query(&test, "SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id > 1 ORDER BY snapshot_id");
    assert_eq!(changes, ["inlined_insert:1", "inlined_delete:1", "inlined_insert:1,inlined_delete:1"]);
    assert_eq!(query(&test, "SELECT next_file_id FROM ducklake_snapshot"), ["0", "0", "1", "1", "2"]);
}

#[test]
fn lake_refused_commits_leave_nothing() {
    let mut test = TestLake::new("refused");
    let t = test.create("t", kv_columns());
    test.insert(t, &[1, 2]);
    let mut refused =
        |change: TableChange| test.lake.commit(Commit { changes: vec![change], ..Commit::default() }).unwrap_err();
    let good = || RowInsert::Inline { rows: kv(&[7]), row_ids: vec![2].into() };
    let error = refused(TableChange { table_id: t, deletes: vec![0, 5], inserts: vec![good()], truncate: false });
    assert_eq!(error.to_string(), "table t has no row with row id 5");
    let twice = RowInsert::Inline { rows: kv(&[8]), row_ids: vec![1].into() };
    let error = refused(TableChange { table_id: t, inserts: vec![good(), twice], ..TableChange::default() });
    assert!(matches!(error, LakeError::RowExists { row_id: 1, .. }));
    let narrow = RowInsert::Inline { rows: kv(&[8]).project(&[0]).unwrap(), row_ids: vec![2].into() };
    let error = refused(TableChange { table_id: t, inserts: vec![narrow], ..TableChange::default() });
    assert!(matches!(error, LakeError::Mismatch { .. }));
    assert!(matches!(
        refused(TableChange { table_id: 77, truncate: true, ..TableChange::default() }),
        LakeError::NoSuchObject { .. }
    ));
    assert_eq!(keys(&test.table(t)), ["1", "2"]);
    test.check();
}

#[test]
fn lake_notices_other_writers() {
    let mut test = TestLake::new("foreign");
    let t = test.create("t", kv_columns());
    test.insert(t, &[1]);
    let mut other = Lake::open(&test.dir).unwrap();
    let insert = new_rows(&other.state().tables[&t], kv(&[2]));
    let change = TableChange { table_id: t, inserts: vec![insert], ..TableChange::default() };
    let newest = other.commit(Commit { changes: vec![change.clone()], ..Commit::default() }).unwrap();
    assert_eq!(test.lake.newest_snapshot().unwrap(), newest);
    let error = test.lake.commit(Commit { changes: vec![change], ..Commit::default() }).unwrap_err();
    assert!(matches!(error, LakeError::Foreign { snapshot } if snapshot == newest));
    assert_eq!(keys(&test.table(t)), ["1"]);
    assert_eq!(test.lake.reload().unwrap(), newest);
    assert_eq!(keys(&test.table(t)), ["1", "2"]);
    test.insert(t, &[3]);
    test.check();
}

#[test]
fn lake_keeps_few_chunks() {
    let mut test = TestLake::new("chunks");
    let t = test.create("t", kv_columns());
    for i in 0..300 {
        test.insert(t, &[i]);
        if i % 3 == 2 {
            test.delete(t, &[i64::from(i - 1)]);
        }
    }
    let chunks = &test.table(t).inlined.chunks;
    assert!(chunks.len() <= 10, "{} chunks", chunks.len());
    assert_eq!(test.table(t).live_rows(), 200);
    test.check();
}

#[test]
fn lake_times_strictly_increase() {
    let mut test = TestLake::new("times");
    let t = test.create("t", kv_columns());
    let start = test.lake.state().time_micros;
    test.insert(t, &[1]);
    assert_eq!(test.lake.state().time_micros, start + 1);
    let reader = test.lake.reader().unwrap();
    assert_eq!(reader.snapshot_at_time(start).unwrap(), 1);
    assert_eq!(reader.snapshot_at_time(i64::MAX / 2).unwrap(), 2);
    assert!(reader.snapshot_at_time(0).is_err());
    assert_eq!(reader.snapshots().unwrap().last(), Some(&(2, start + 1)));
}

#[test]
fn lake_sidecar_is_part_of_the_commit() {
    let mut test = TestLake::new("sidecar");
    let object = |text: &str| (5, "view".to_string(), text.to_string());
    let position = |text: &str| ("kafka".to_string(), text.to_string());
    let sidecar = SidecarChange {
        put_objects: vec![object("one")],
        sequences: vec![(1, 10)],
        positions: vec![position("a")],
        tick: Some((123, Some("[]".to_string()))),
        ..SidecarChange::default()
    };
    let first = test.lake.commit(Commit { sidecar, ..Commit::default() }).unwrap();
    assert_eq!(test.lake.state().next_catalog_id, 6, "ids of objects and tables never meet");
    let sidecar = SidecarChange { put_objects: vec![object("two")], ..SidecarChange::default() };
    let second = test.lake.commit(Commit { sidecar, ..Commit::default() }).unwrap();
    let row = HistoryRow {
        table_id: 5,
        second: 9,
        action: "refresh".to_string(),
        rows_inserted: 2,
        rows_deleted: 1,
        duration_micros: 50,
        error: None,
    };
    let sidecar = SidecarChange {
        positions: vec![position("b")],
        history: vec![row.clone(), row.clone()],
        drop_sequences: vec![1],
        ..SidecarChange::default()
    };
    assert_eq!(test.lake.commit(Commit { sidecar, ..Commit::default() }).unwrap(), second, "no snapshot needed");
    let now = test.lake.sidecar().unwrap();
    assert_eq!(now.objects, [object("two")]);
    assert_eq!((now.sequences.len(), now.positions["kafka"].as_str()), (0, "b"));
    let reader = test.lake.reader().unwrap();
    assert_eq!(reader.objects_at(first).unwrap(), [object("one")]);
    assert_eq!((reader.tick_time(first).unwrap(), reader.tick_time(second).unwrap()), (Some(123), None));
    assert_eq!(reader.held(first).unwrap().as_deref(), Some("[]"));
    let history = reader.history(Some(5), 10).unwrap();
    assert_eq!(history, [HistoryRow { rows_inserted: 4, rows_deleted: 2, duration_micros: 100, ..row }]);
    test.check();
}

#[test]
fn lake_copies_its_log_beside_commits() {
    let mut test = TestLake::new("log");
    let t = test.create("t", kv_columns());
    let mut next = 0;
    // SQLite by itself would copy it at 1,000 pages, in the middle of a commit.
    while test.lake.log_pages() < 1500 {
        test.insert(t, &(next..next + 2000).collect::<Vec<_>>());
        next += 2000;
        assert!(next < 400_000, "the log does not grow: {}", test.lake.log_pages());
    }
    let checkpointer = test.lake.checkpointer();
    let copying = std::thread::spawn(move || checkpointer.run());
    test.insert(t, &[next]);
    copying.join().unwrap().unwrap();
    test.lake.finish_checkpoint().unwrap();
    test.insert(t, &[next + 1]);
    assert!(test.lake.log_pages() < 100, "it starts over: {}", test.lake.log_pages());
    assert_eq!(test.table(t).live_rows(), next as u64 + 2);
    test.check();

    // Somebody who reads keeps it from starting over, and is not disturbed.
    let reader = rusqlite::Connection::open(test.dir.join("catalog.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM ducklake_snapshot").unwrap();
    let pages = test.lake.log_pages();
    test.insert(t, &[next + 2]);
    test.lake.checkpointer().run().unwrap();
    test.lake.finish_checkpoint().unwrap();
    test.insert(t, &[next + 3]);
    assert!(test.lake.log_pages() > pages);
}
