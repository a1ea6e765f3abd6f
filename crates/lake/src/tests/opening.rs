use super::*;
use rusqlite::Connection;

fn refuse(change: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    drop(Lake::open(dir.path()).unwrap());
    let catalog = dir.path().join("catalog.sqlite");
    Connection::open(&catalog).unwrap().execute_batch(change).unwrap();
    let before = std::fs::read(&catalog).unwrap();
    let Err(error) = Lake::open(dir.path()) else { panic!("opened after {change}") };
    assert_eq!(before, std::fs::read(&catalog).unwrap(), "nothing is written");
    error.to_string()
}

#[test]
fn lake_refuses_what_it_does_not_know() {
    assert!(refuse("UPDATE ducklake_metadata SET value = '1.1' WHERE key = 'version'").contains("version 1.1"));
    assert!(refuse("UPDATE sluice_format SET version = 2").contains("upgrade"));
    assert!(refuse("UPDATE ducklake_metadata SET value = 'true' WHERE key = 'encrypted'").contains("encrypted"));
    assert!(refuse("DROP TABLE ducklake_metadata").contains("no DuckLake catalog"));
}

#[test]
fn lake_opens_after_a_move() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("a/b"), dir.path().join("c"));
    let mut lake = Lake::open(&from).unwrap();
    let ddl = vec![Ddl::CreateTable { id: 1, schema_id: 0, name: "t".to_string(), columns: kv_columns() }];
    lake.commit(Commit { ddl, ..Commit::default() }).unwrap();
    let info = Arc::clone(&lake.state().tables[&1].info);
    let file = lake.write_file(&info, [Ok::<_, LakeError>((kv(&[1, 2]), None))].into_iter()).unwrap();
    let change = TableChange { table_id: 1, inserts: vec![RowInsert::File(file)], ..TableChange::default() };
    lake.commit(Commit { changes: vec![change], ..Commit::default() }).unwrap();
    drop(lake);
    std::fs::rename(from, &to).unwrap();
    assert_eq!(keys(&Lake::open(&to).unwrap().state().tables[&1]), ["1", "2"]);
    let db = Connection::open(to.join("catalog.sqlite")).unwrap();
    let path: String =
        db.query_row("SELECT value FROM ducklake_metadata WHERE key = 'data_path'", [], |r| r.get(0)).unwrap();
    assert_eq!(path, format!("{}/", to.canonicalize().unwrap().join("data").display()));
    std::fs::rename(to.join("data"), to.join("elsewhere")).unwrap();
    assert!(Lake::open(&to).is_err(), "missing files are no empty tables");
}

#[test]
fn lake_moves_between_threads() {
    fn send<T: Send>() {}
    fn share<T: Send + Sync>() {}
    send::<Lake>();
    send::<LakeReader>();
    send::<FileWriter>();
    send::<Scan>();
    share::<CatalogState>();
    share::<WrittenFile>();
}

#[test]
fn lake_tables_of_other_programs() {
    let mut test = TestLake::new("others");
    let t = test.create("t", kv_columns());
    let u = test.create("u", kv_columns());
    test.insert(t, &[1, 2]);
    let batches = [Ok::<_, LakeError>((kv(&[1]), None))];
    let file = test.lake.write_file(&test.table(u).info, batches.into_iter()).unwrap();
    test.change(TableChange { table_id: u, inserts: vec![RowInsert::File(file)], ..TableChange::default() });
    let alter = |sql: &str| Connection::open(test.dir.join("catalog.sqlite")).unwrap().execute_batch(sql).unwrap();

    alter("UPDATE ducklake_column SET column_type = 'hugeint' WHERE column_id = 2");
    alter("UPDATE ducklake_data_file SET mapping_id = 1");
    let mut other = Lake::open(&test.dir).unwrap();
    let (odd, mapped) = (Arc::clone(&other.state().tables[&t]), Arc::clone(&other.state().tables[&u]));
    assert_eq!(odd.scan(Some(&[0])).map(|b| b.unwrap().1.len()).sum::<usize>(), 2, "its other columns can be read");
    let error = odd.scan(None).next().unwrap().unwrap_err();
    assert!(matches!(error, LakeError::UnsupportedType { column, .. } if column == "v"));
    assert!(matches!(mapped.scan(Some(&[])).next(), Some(Err(LakeError::UnsupportedFile { .. }))));
    let truncate = TableChange { table_id: u, truncate: true, ..TableChange::default() };
    assert!(other.commit(Commit { changes: vec![truncate], ..Commit::default() }).is_err());

    alter("UPDATE ducklake_column SET column_type = 'varchar' WHERE column_id = 2");
    alter("UPDATE ducklake_data_file SET mapping_id = NULL");
    alter("DELETE FROM ducklake_inlined_data_tables WHERE table_id = 2; DROP TABLE ducklake_inlined_data_2_2");
    test.lake.reload().unwrap();
    let version = test.lake.state().schema_version;
    test.insert(u, &[2]);
    assert_eq!(test.lake.state().schema_version, version + 1, "a place for small commits is made");
    assert_eq!(keys(&test.table(u)), ["1", "2"]);
    test.check();
}
