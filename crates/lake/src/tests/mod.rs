#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commits;
mod definitions;
mod files;
mod maintain;
mod model;
mod opening;
mod types;

use crate::*;
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringViewArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A lake in a folder that goes with the test, or that stays below the one that `SLUICE_KEEP` names, for a
/// look at it with DuckDB.
struct TestLake {
    lake: Lake,
    dir: PathBuf,
    _temporary: Option<TempDir>,
}

impl TestLake {
    fn new(name: &str) -> Self {
        let (dir, temporary) = match std::env::var_os("SLUICE_KEEP") {
            Some(keep) => (Path::new(&keep).join(name), None),
            None => {
                let temporary = tempfile::tempdir().unwrap();
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let _ = std::fs::remove_dir_all(&dir);
        Self { lake: Lake::open(&dir).unwrap(), dir, _temporary: temporary }
    }

    /// Creates `main.<name>` and returns its id.
    fn create(&mut self, name: &str, columns: Vec<ColumnInfo>) -> i64 {
        let id = self.lake.state().next_catalog_id;
        let ddl = vec![Ddl::CreateTable { id, schema_id: 0, name: name.to_string(), columns }];
        self.lake.commit(Commit { ddl, ..Commit::default() }).unwrap();
        id
    }

    fn table(&self, id: i64) -> Arc<TableVersion> {
        Arc::clone(&self.lake.state().tables[&id])
    }

    fn change(&mut self, change: TableChange) -> i64 {
        self.lake.commit(Commit { changes: vec![change], ..Commit::default() }).unwrap()
    }

    fn ddl(&mut self, ddl: Vec<Ddl>) -> i64 {
        self.lake.commit(Commit { ddl, ..Commit::default() }).unwrap()
    }

    /// Inserts rows of [`kv`] under new row ids.
    fn insert(&mut self, id: i64, keys: &[i32]) -> i64 {
        let insert = new_rows(&self.table(id), kv(keys));
        self.change(TableChange { table_id: id, inserts: vec![insert], ..TableChange::default() })
    }

    fn delete(&mut self, id: i64, row_ids: &[i64]) -> i64 {
        self.change(TableChange { table_id: id, deletes: row_ids.to_vec(), ..TableChange::default() })
    }

    /// What every kept snapshot holds: lines of `[snapshot, schema, table, row id, cells]`.
    fn write_expected(&self) {
        let reader = self.lake.reader().unwrap();
        let mut lines = String::new();
        for (snapshot, _) in reader.snapshots().unwrap() {
            let state = reader.state_at(snapshot).unwrap();
            for table in state.tables.values() {
                let schema = &state.schemas[&table.info.schema_id].name;
                lines += &format!("{}\n", serde_json::json!([snapshot, schema, table.info.name]));
                for (row_id, cells) in contents(table) {
                    lines += &format!("{}\n", serde_json::json!([snapshot, schema, table.info.name, row_id, cells]));
                }
            }
        }
        std::fs::write(self.dir.join("expected.jsonl"), lines).unwrap();
    }

    /// DuckDB reads the same at every snapshot, and its change feeds lead from each to each. It runs in a process of
    /// its own: one process must not open a catalog by two SQLite libraries.
    fn check_with_duckdb(&self) {
        let env = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo xtask test`"))
        };
        if std::env::var("SLUICE_TEST_WITHOUT").is_ok_and(|w| w.split(',').any(|p| p == "duckdb")) {
            return;
        }
        self.write_expected();
        let output = std::process::Command::new(env("SLUICE_TEST_PYTHON"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/duckdb/states.py"))
            .arg(env("SLUICE_TEST_DUCKDB_EXTENSIONS"))
            .arg(&self.dir)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        println!("{text}");
    }

    /// Memory must be what the catalog says.
    fn check(&self) {
        let again = Lake::open(&self.dir).unwrap();
        let (a, b) = (self.lake.state(), again.state());
        assert_eq!((a.snapshot, a.time_micros, a.schema_version), (b.snapshot, b.time_micros, b.schema_version));
        assert_eq!((a.next_catalog_id, a.next_file_id), (b.next_catalog_id, b.next_file_id));
        assert_eq!(a.schemas, b.schemas);
        assert_eq!(a.tables.keys().collect::<Vec<_>>(), b.tables.keys().collect::<Vec<_>>());
        for (a, b) in a.tables.values().zip(b.tables.values()) {
            let used = a.info.next_column_id;
            assert!(used >= b.info.next_column_id, "ids of columns that came and went in one commit may come again");
            assert_eq!(*a.info, TableInfo { next_column_id: used, ..b.info.as_ref().clone() });
            assert_eq!(a.next_row_id, b.next_row_id, "{}", a.info.name);
            assert_eq!(a.stats, b.stats, "{}", a.info.name);
            assert_eq!(a.has_inlined_deletes, b.has_inlined_deletes, "{}", a.info.name);
            assert_eq!(contents(a), contents(b));
            assert_eq!(a.live_rows(), contents(a).len() as u64);
        }
    }
}

/// A lake that stays gets a list of its rows at every snapshot.
impl Drop for TestLake {
    fn drop(&mut self) {
        if self._temporary.is_none() && !std::thread::panicking() {
            self.write_expected();
        }
    }
}

fn kv_columns() -> Vec<ColumnInfo> {
    vec![ColumnInfo::new(1, "k", LakeType::Int32), ColumnInfo::new(2, "v", LakeType::Varchar)]
}

/// Rows of [`kv_columns`], `v` being made from `k`.
fn kv(keys: &[i32]) -> RecordBatch {
    let values = keys.iter().map(|k| format!("value {k} that is longer than twelve bytes"));
    let k: ArrayRef = Arc::new(Int32Array::from(keys.to_vec()));
    let v: ArrayRef = Arc::new(StringViewArray::from_iter_values(values));
    RecordBatch::try_from_iter_with_nullable([("k", k, true), ("v", v, true)]).unwrap()
}

fn new_rows(version: &TableVersion, rows: RecordBatch) -> RowInsert {
    let first = version.next_row_id;
    let row_ids = Int64Array::from_iter_values(first..first + rows.num_rows() as i64);
    RowInsert::Inline { rows, row_ids }
}

/// Live rows as text by row id.
fn contents(version: &TableVersion) -> BTreeMap<i64, Vec<String>> {
    let mut all = BTreeMap::new();
    for next in version.scan(None) {
        let (rows, row_ids) = next.unwrap();
        assert!(rows.num_rows() <= 8192 && rows.schema() == version.info.schema);
        for (row_id, row) in row_ids.values().iter().zip(texts(&rows)) {
            assert!(all.insert(*row_id, row).is_none(), "row {row_id} twice");
        }
    }
    all
}

fn texts(rows: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = rows.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect::<Vec<_>>();
    (0..rows.num_rows()).map(|i| columns.iter().map(|c| c.value(i).to_string()).collect()).collect()
}

/// The first column of the live rows.
fn keys(version: &TableVersion) -> Vec<String> {
    let mut keys = contents(version).into_values().map(|row| row[0].clone()).collect::<Vec<_>>();
    keys.sort_by_key(|k| k.parse::<i64>().unwrap_or(i64::MAX));
    keys
}

fn query(lake: &TestLake, sql: &str) -> Vec<String> {
    let db = rusqlite::Connection::open(lake.dir.join("catalog.sqlite")).unwrap();
    let mut query = db.prepare(sql).unwrap();
    let columns = query.column_count();
    let row = |r: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|i| match r.get_unwrap::<_, rusqlite::types::Value>(i) {
            rusqlite::types::Value::Null => "NULL".to_string(),
            rusqlite::types::Value::Integer(i) => i.to_string(),
            rusqlite::types::Value::Text(t) => t,
            other => format!("{other:?}"),
        });
        Ok(cells.collect::<Vec<_>>().join("|"))
    };
    query.query_map([], row).unwrap().map(Result::unwrap).collect()
}
