//! Wrong files, a wrong place, a full disk: a clear error, and nothing is overwritten.

use crate::harness::{Server, rows, run, value};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `sluice up` that is not expected to come up.
fn up(dir: &Path, listen: &str) -> (bool, String) {
    let output: Output =
        Command::new(env!("CARGO_BIN_EXE_sluice")).args(["up", "--listen", listen, "--dir"]).arg(dir).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Every file below a folder but the lock, which says who came last.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|e| e != "lock") {
                all.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

/// A stopped lake with one Parquet file, and the path of that.
async fn lake(dir: &Path) -> PathBuf {
    let server = Server::start(dir);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    run(&client, "INSERT INTO t SELECT i, 'value ' || i FROM generate_series(1, 5000) AS g(i)").await;
    server.stop();
    files(dir).into_keys().find(|p| p.extension().is_some_and(|e| e == "parquet")).unwrap()
}

fn refused(dir: &Path, names: &[&str]) {
    let before = files(dir);
    let (came_up, message) = up(dir, "127.0.0.1:0");
    assert!(!came_up);
    assert!(message.starts_with("error: ") && names.iter().all(|n| message.contains(n)), "{message}");
    let after = files(dir);
    assert!(before == after, "changed: {:?} {:?}", before.keys(), after.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_or_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = lake(dir.path()).await;
    let name = file.file_name().unwrap().to_str().unwrap().to_string();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    refused(dir.path(), &[&name]);
    fs::remove_file(&file).unwrap();
    refused(dir.path(), &[&name, "No such file"]);
    fs::write(&file, &whole).unwrap();
    let server = Server::start(dir.path());
    assert_eq!(value(&server.connect().await, "SELECT count(v) FROM t").await, "5000");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_of_a_newer_release_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let catalog = dir.path().join("catalog.sqlite");
    let change = |sql: &str| {
        let db = rusqlite::Connection::open(&catalog).unwrap();
        db.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
        db.execute_batch(sql).unwrap();
    };
    change("UPDATE sluice_format SET version = 99");
    refused(dir.path(), &["catalog.sqlite", "newer release", "99"]);
    change("UPDATE sluice_format SET version = 1; UPDATE ducklake_metadata SET value = '2.0' WHERE key = 'version'");
    refused(dir.path(), &["catalog.sqlite", "2.0"]);
    fs::write(&catalog, "this is no database, but it is somebody's file").unwrap();
    refused(dir.path(), &["not a database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for place in [&file, &file.join("below"), Path::new("/proc/sluice-test")] {
        let (came_up, message) = up(place, "127.0.0.1:0");
        assert!(!came_up && message.starts_with("error: "), "{message}");
        assert!(message.contains(place.to_str().unwrap()), "{message}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let before = files(dir.path());
    let (came_up, message) = up(dir.path(), &address);
    assert!(!came_up && message.starts_with("error: ") && message.contains(&address), "{message}");
    assert!(before == files(dir.path()));
    drop(taken);
    Server::start(dir.path()).stop();
}

/// The lake is on a file system of its own, which goes with the server. A file takes most of its space, until it is
/// removed through the server's own view of the file system.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_up_writers_only() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap();
    let script = "mount -t tmpfs -o size=24m tmpfs \"$0\" && head -c 12000000 /dev/zero > \"$0/filler\" && exec \"$@\"";
    let is_root = fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0).unwrap();
    let own = if is_root { "-m" } else { "-rm" };
    let server = Server::start_under(dir.path(), &["unshare", own, "sh", "-c", script, place]);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    run(&client, "CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM t").await;
    let mut written = 0;
    let error = loop {
        let rows = format!("generate_series({}, {}) AS g(i)", written + 1, written + 3000);
        let sql = format!("INSERT INTO t SELECT i, md5(i::text) || md5((i * 7)::text) FROM {rows}");
        match client.batch_execute(&sql).await {
            Ok(()) => written += 3000,
            Err(e) => break e,
        }
        assert!(written < 3_000_000, "the disk fills up");
    };
    assert_eq!(error.as_db_error().unwrap().code().code(), "53100", "{error:?}");
    assert!(written > 0);
    for _ in 0..3 {
        assert_eq!(value(&client, "SELECT n FROM n").await, written.to_string(), "readers go on");
        assert_eq!(value(&client, "SELECT count(v) FROM t").await, written.to_string());
        let many = format!("generate_series({}, {}) AS g(i)", written + 1, written + 60_000);
        let sql = format!("INSERT INTO t SELECT i, md5(i::text) || md5((i * 7)::text) FROM {many}");
        assert!(rows(&client, &sql).await.unwrap_err().starts_with("53100"));
    }
    let seen_by_server = Path::new("/proc").join(server.pid().to_string()).join("root");
    fs::remove_file(seen_by_server.join(place.trim_start_matches('/')).join("filler")).unwrap();
    run(&client, &format!("INSERT INTO t VALUES ({}, 'after')", written + 1)).await;
    assert_eq!(value(&client, "SELECT n FROM n").await, (written + 1).to_string());
    for line in rows(&client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(line.split(" | ").nth(3), Some("0"), "{line}");
    }
    server.stop();
}

/// A row of gold that somebody altered behind Sluice's back is named.
#[tokio::test(flavor = "multi_thread")]
async fn verify_names_an_altered_row() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, region text, v int)").await;
    run(&client, "CREATE MATERIALIZED VIEW gold AS SELECT region, sum(v) AS v FROM t GROUP BY region").await;
    run(&client, "INSERT INTO t VALUES (1, 'eu', 10), (2, 'us', 20)").await;
    let verify = || {
        let command = [env!("CARGO_BIN_EXE_sluice"), "verify", "--dir", dir.path().to_str().unwrap()];
        let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(verify().0, Some(0));
    let db = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).unwrap();
    let find = "SELECT i.table_name FROM ducklake_inlined_data_tables i JOIN ducklake_table t USING (table_id) \
                WHERE t.table_name = 'gold'";
    let table: String = db.query_row(find, [], |r| r.get(0)).unwrap();
    let sql = format!("UPDATE {table} SET v = 11 WHERE region = 'eu' AND end_snapshot IS NULL");
    assert_eq!(db.execute(&sql, []).unwrap(), 1);
    drop(db);
    let (code, text) = verify();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("only in the table, 1 time(s): (eu, 11)"), "{text}");
    assert!(text.contains("only in the query, 1 time(s): (eu, 10)"), "{text}");
    server.stop();
    assert_eq!(verify().0, Some(1), "on a stopped lake, too");
}

/// A view whose query this version cannot plan stays as it is and says why; the lake opens, and the rest goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_planned_holds_its_view_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int)").await;
    run(&client, "INSERT INTO t VALUES (1, 10), (2, 20)").await;
    run(&client, "CREATE MATERIALIZED VIEW old AS SELECT id, v + 1 AS w FROM t").await;
    run(&client, "CREATE MATERIALIZED VIEW above AS SELECT sum(w) AS w FROM old").await;
    run(&client, "CREATE MATERIALIZED VIEW beside AS SELECT sum(v) AS v FROM t").await;
    server.stop();
    // Stored by a version that planned what this one refuses; once the last writer was this version, and once another.
    for (writer, sum) in [(env!("CARGO_PKG_VERSION"), 31), ("0.0.1", 32)] {
        let db = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).unwrap();
        let sql = "UPDATE sluice_object SET definition = replace(definition, 'v + 1', 'gone(v)')";
        assert!(db.execute(sql, []).unwrap() >= 3);
        let sql = "UPDATE sluice_position SET position = ?1 WHERE source = 'sluice version'";
        assert_eq!(db.execute(sql, [writer]).unwrap(), 1);
        drop(db);

        let server = Server::start(dir.path());
        let client = server.connect().await;
        run(&client, &format!("INSERT INTO t VALUES ({sum}, 1)")).await;
        assert_eq!(value(&client, "SELECT sum(v) FROM t").await, sum.to_string());
        assert_eq!(value(&client, "SELECT v FROM beside").await, sum.to_string());
        assert_eq!(value(&client, "SELECT sum(w) FROM old").await, "32", "its last good rows");
        assert_eq!(value(&client, "SELECT w FROM above").await, "32", "and those of what reads it");
        let status = "SELECT error FROM sluice.status WHERE name = 'old'";
        while !value(&client, status).await.contains("gone") {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let error = rows(&client, "SELECT * FROM sluice.verify('old')").await.unwrap_err();
        assert!(error.starts_with("42883") && error.contains("\"old\""), "{error}");
        let error = rows(&client, "SELECT name FROM sluice.verify()").await.unwrap_err();
        assert!(error.starts_with("0A000"), "{error}");
        server.stop();
    }

    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE OR REPLACE MATERIALIZED VIEW old AS SELECT id, v + 1 AS w FROM t").await;
    assert_eq!(value(&client, "SELECT w FROM above").await, "36");
    for line in rows(&client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(line.split(" | ").nth(3), Some("0"), "{line}");
    }
    server.stop();
}
