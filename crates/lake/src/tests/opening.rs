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
    let path: String = db.query_row("SELECT value FROM ducklake_metadata WHERE key = 'data_path'", [], |r| r.get(0)).unwrap();
    assert_eq!(path, format!("{}/", to.canonicalize().unwrap().join("data").display()));
    std::fs::rename(to.join("data"), to.join("elsewhere")).unwrap();
    assert!(Lake::open(&to).is_err(), "missing files are no empty tables");
}
