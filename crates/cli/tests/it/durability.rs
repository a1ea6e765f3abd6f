//! What a commit does to the disk, and in which order, as the kernel sees it: a power cut after the answer loses nothing.

use crate::harness::{Server, run, value, without};
use std::collections::HashMap;

/// A system call: the lines of the record at which it began and ended, and its text.
struct Call {
    begun: usize,
    ended: usize,
    text: String,
}

/// Calls that another thread's interrupt are in two parts.
fn calls(record: &str) -> Vec<Call> {
    let (mut calls, mut open): (Vec<Call>, HashMap<&str, usize>) = (vec![], HashMap::new());
    for (at, line) in record.lines().enumerate() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(rest) = text.strip_prefix("<... ") {
            if let Some(call) = open.remove(thread) {
                calls[call].ended = at;
                calls[call].text.push_str(rest);
            }
            continue;
        }
        if text.ends_with("<unfinished ...>") {
            open.insert(thread, calls.len());
        }
        calls.push(Call { begun: at, ended: at, text: text.to_string() });
    }
    calls
}

/// The first call after `line` with one of these names and all of these words: when it began and ended.
fn find(calls: &[Call], line: usize, names: &[&str], words: &[&str]) -> (usize, usize) {
    let found = calls.iter().find(|c| {
        c.begun > line
            && names.iter().any(|n| c.text.starts_with(&format!("{n}(")))
            && words.iter().all(|w| c.text.contains(w))
    });
    let found = found.unwrap_or_else(|| panic!("after line {line} no {names:?} of {words:?}"));
    (found.begun, found.ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_on_disk_before_it_is_answered() {
    if without("strace") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let record = out.path().join("calls");
    let kinds = "trace=write,pwrite64,writev,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2,unlink";
    let strace = ["strace", "-f", "-y", "-s", "200", "-e", kinds, "-o", record.to_str().unwrap()];
    let server = Server::start_under(dir.path(), &strace);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v text)").await;
    run(&client, "CREATE MATERIALIZED VIEW g AS SELECT count(*) AS n FROM t").await;
    run(&client, "INSERT INTO t SELECT i, 'value ' || i FROM generate_series(1, 5000) AS g(i)").await;
    run(&client, "INSERT INTO t VALUES (9999, 'a small one')").await;
    assert_eq!(value(&client, "SELECT n FROM g").await, "5001");
    server.kill_group();

    let text = std::fs::read_to_string(&record).unwrap();
    let calls = calls(&text);
    let sync = ["fsync", "fdatasync"];
    let answer = ["write", "writev", "sendto", "sendmsg"];
    let (written, _) = find(&calls, 0, &["write", "pwrite64"], &[".parquet.tmp>"]);
    let (file, file_safe) = find(&calls, written, &sync, &[".parquet.tmp>"]);
    let (renamed, named) = find(&calls, file_safe, &["rename", "renameat", "renameat2"], &[".parquet.tmp"]);
    let (folder, folder_safe) = find(&calls, named, &sync, &["/data/main/t>"]);
    let (logged, _) = find(&calls, folder_safe, &["write", "pwrite64"], &["catalog.sqlite-wal>"]);
    let (wal, wal_safe) = find(&calls, logged, &sync, &["catalog.sqlite-wal>"]);
    let (answered, _) = find(&calls, 0, &answer, &["INSERT 0 5000"]);
    assert!(written < file && file < renamed && renamed < folder && folder < logged && logged < wal);
    assert!(wal_safe < answered, "answered at line {answered}, on disk at {wal_safe}");
    // Nothing of the file is written after it was flushed.
    let late = calls.iter().filter(|c| c.begun > file && c.text.contains(".parquet"));
    assert!(late.filter(|c| c.text.starts_with("write") || c.text.starts_with("pwrite64")).count() == 0);

    let (logged, _) = find(&calls, answered, &["write", "pwrite64"], &["catalog.sqlite-wal>"]);
    let (_, wal_safe) = find(&calls, logged, &sync, &["catalog.sqlite-wal>"]);
    let (answered, _) = find(&calls, answered, &answer, &["INSERT 0 1"]);
    assert!(wal_safe < answered, "a small commit, too");
}
