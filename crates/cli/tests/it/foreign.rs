//! DuckDB writes to the lake beside Sluice, or while nobody serves it.

use crate::duckdb::check;
use crate::harness::{Server, becomes, rows, run, value, without};
use crate::hold::Hold;
use std::path::Path;
use tokio_postgres::Client;

fn write(dir: &Path, sql: &str) {
    check(dir, &["--write", sql]);
}

async fn verified(client: &Client) {
    for line in rows(client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(line.split(" | ").nth(3), Some("0"), "{line}");
    }
}

async fn shop(client: &Client) {
    run(client, "CREATE TABLE c (id int PRIMARY KEY, region text NOT NULL)").await;
    run(client, "CREATE TABLE o (id int PRIMARY KEY, c int REFERENCES c(id), v int CHECK (v > 0))").await;
    run(client, "CREATE MATERIALIZED VIEW s AS SELECT o.id, o.v, c.region FROM o JOIN c ON c.id = o.c").await;
    run(client, "CREATE MATERIALIZED VIEW g AS SELECT region, sum(v) AS v FROM s GROUP BY region").await;
    run(client, "CREATE MATERIALIZED VIEW other AS SELECT count(*) AS n FROM c").await;
    run(client, "INSERT INTO c VALUES (1, 'eu'), (2, 'us')").await;
    run(client, "INSERT INTO o VALUES (1, 1, 10), (2, 2, 20)").await;
}

const STATES: &str = "SELECT name, status FROM sluice.status ORDER BY 1";
const ACTIVE: &str = "g | ACTIVE; other | ACTIVE; s | ACTIVE";

#[tokio::test(flavor = "multi_thread")]
async fn appends_and_new_tables_are_followed() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    shop(&client).await;
    // A parent and its child in one transaction, inlined and as a file.
    write(dir.path(), "BEGIN; INSERT INTO c VALUES (3, 'apac'); INSERT INTO o VALUES (3, 3, 5); COMMIT");
    becomes(&client, "SELECT * FROM g", "apac | 5; eu | 10; us | 20").await;
    write(dir.path(), "INSERT INTO o SELECT i, 1, 1 FROM range(100, 1100) r(i)");
    becomes(&client, "SELECT v FROM g WHERE region = 'eu'", "1010").await;
    becomes(&client, STATES, ACTIVE).await;
    let double = rows(&client, "INSERT INTO o VALUES (500, 1, 1)").await.unwrap_err();
    assert!(double.starts_with("23505"), "its keys are known: {double}");
    run(&client, "UPDATE o SET v = 2 WHERE id = 1099; DELETE FROM o WHERE id = 1098").await;
    becomes(&client, "SELECT v FROM g WHERE region = 'eu'", "1010").await;
    verified(&client).await;

    write(dir.path(), "CREATE SCHEMA raw; CREATE TABLE raw.e (id BIGINT NOT NULL, d DECIMAL(9,2), t TIMESTAMP)");
    write(dir.path(), "INSERT INTO raw.e VALUES (1, 1.25, '2024-01-02 03:04:05')");
    becomes(&client, "SELECT * FROM raw.e", "1 | 1.25 | 2024-01-02 03:04:05").await;
    run(&client, "CREATE MATERIALIZED VIEW sums AS SELECT sum(d) AS d FROM raw.e").await;
    write(dir.path(), "INSERT INTO raw.e VALUES (2, 2, NULL)");
    becomes(&client, "SELECT d FROM sums", "3.25").await;
    run(&client, "INSERT INTO raw.e VALUES (3, 1, NULL)").await;
    becomes(&client, "SELECT d FROM sums", "4.25").await;

    // What only moves rows changes nothing.
    for call in ["flush_inlined_data", "merge_adjacent_files", "rewrite_data_files"] {
        let sql = format!("CALL ducklake_{call}('lake')");
        write(dir.path(), &sql);
    }
    run(&client, "INSERT INTO o VALUES (4, 3, 1)").await;
    becomes(&client, "SELECT v FROM g WHERE region = 'apac'", "6").await;
    verified(&client).await;
    server.stop();

    write(dir.path(), "INSERT INTO o VALUES (5, 3, 1); CREATE TABLE late AS SELECT 7 AS x");
    let server = Server::start(dir.path());
    let client = server.connect().await;
    becomes(&client, "SELECT v FROM g WHERE region = 'apac'", "7").await;
    becomes(&client, "SELECT x FROM late", "7").await;
    verified(&client).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_table_is_parked_until_resync() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    shop(&client).await;
    let parked = "g | PARKED; o | PARKED; other | ACTIVE; s | PARKED";
    write(dir.path(), "UPDATE o SET v = 100 WHERE id = 1");
    becomes(&client, STATES, parked).await;
    let why = value(&client, "SELECT error FROM sluice.status WHERE name = 'g'").await;
    assert!(why.contains("updated or deleted 1 row") && why.contains("sluice.resync('o')"), "{why}");
    let refused = rows(&client, "INSERT INTO o VALUES (9, 1, 1)").await.unwrap_err();
    assert!(refused.starts_with("55000"), "{refused}");
    becomes(&client, "SELECT v FROM o WHERE id = 1", "100").await;
    becomes(&client, "SELECT * FROM g", "eu | 10; us | 20").await;
    // The rest goes on, and no commit is lost on those who wait.
    run(&client, "INSERT INTO c VALUES (7, 'x'); UPDATE c SET region = 'EU' WHERE id = 1").await;
    becomes(&client, "SELECT n FROM other", "3").await;
    let held = rows(&client, "SELECT sluice.verify()").await.unwrap();
    assert!(held.iter().any(|l| l.starts_with("g |") && l.contains("sluice.resync")), "{held:?}");

    server.stop();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    becomes(&client, STATES, parked).await;
    becomes(&client, "SELECT * FROM g", "eu | 10; us | 20").await;
    run(&client, "SELECT sluice.resync('o')").await;
    becomes(&client, STATES, ACTIVE).await;
    becomes(&client, "SELECT * FROM g", "EU | 100; us | 20").await;
    run(&client, "INSERT INTO o VALUES (9, 1, 1)").await;
    becomes(&client, "SELECT * FROM g", "EU | 101; us | 20").await;
    verified(&client).await;
    let nothing = rows(&client, "SELECT sluice.resync('o')").await.unwrap_err();
    assert!(nothing.starts_with("55000"), "{nothing}");
    server.stop();

    // The same while nobody serves the lake.
    write(dir.path(), "DELETE FROM o WHERE id = 9");
    let server = Server::start(dir.path());
    let client = server.connect().await;
    becomes(&client, STATES, parked).await;
    becomes(&client, "SELECT * FROM g", "EU | 101; us | 20").await;
    run(&client, "SELECT sluice.resync('o')").await;
    becomes(&client, "SELECT * FROM g", "EU | 100; us | 20").await;
    verified(&client).await;
    server.stop();
    let server = Server::start(dir.path());
    becomes(&server.connect().await, STATES, ACTIVE).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_breaks_a_constraint_parks() {
    if without("duckdb") {
        return;
    }
    let cases = [
        ("INSERT INTO o VALUES (1, 1, 77)", "Key (id)=(1)", "DELETE FROM o WHERE v = 77"),
        ("INSERT INTO o VALUES (3, 1, -5)", "violates check constraint", "DELETE FROM o WHERE id = 3"),
        ("INSERT INTO o VALUES (3, 55, 5)", "Key (c)=(55)", "DELETE FROM o WHERE id = 3"),
        ("INSERT INTO o VALUES (NULL, 1, 5)", "NOT NULL", ""),
    ];
    for (append, names, mend) in cases {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        let client = server.connect().await;
        shop(&client).await;
        if mend.is_empty() {
            // Columns that Sluice declares NOT NULL are so for DuckDB too.
            let write = std::panic::catch_unwind(|| write(dir.path(), append));
            assert!(write.is_err());
            continue;
        }
        write(dir.path(), append);
        becomes(&client, STATES, "g | PARKED; o | PARKED; other | ACTIVE; s | PARKED").await;
        let why = value(&client, "SELECT error FROM sluice.status WHERE name = 'o'").await;
        assert!(why.contains(names), "{why}");
        let refused = client.batch_execute("SELECT sluice.resync('o')").await.unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert!(refused.code().code().starts_with("23"), "{refused:?}");
        assert!(format!("{} {}", refused.message(), refused.detail().unwrap_or("")).contains(names), "{refused:?}");
        write(dir.path(), mend);
        run(&client, "SELECT sluice.resync('o')").await;
        becomes(&client, "SELECT * FROM g", "eu | 10; us | 20").await;
        becomes(&client, STATES, ACTIVE).await;
        verified(&client).await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maintained_table_comes_back() {
    if without("duckdb") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    shop(&client).await;
    write(dir.path(), "INSERT INTO s VALUES (99, 1000, 'eu')");
    becomes(&client, STATES, "g | PARKED; other | ACTIVE; s | PARKED").await;
    run(&client, "INSERT INTO o VALUES (3, 1, 1)").await;
    becomes(&client, "SELECT * FROM g", "eu | 10; us | 20").await;
    run(&client, "SELECT sluice.resync('s')").await;
    becomes(&client, "SELECT * FROM g", "eu | 11; us | 20").await;
    becomes(&client, "SELECT count(*) FROM s", "3").await;
    verified(&client).await;

    write(dir.path(), "ALTER TABLE o DROP COLUMN v");
    becomes(&client, STATES, "g | PARKED; o | PARKED; other | ACTIVE; s | PARKED").await;
    let refused = rows(&client, "SELECT * FROM o").await.unwrap_err();
    assert!(refused.starts_with("55000"), "{refused}");
    let refused = rows(&client, "SELECT sluice.resync('o')").await.unwrap_err();
    assert!(refused.starts_with("55000"), "{refused}");
    becomes(&client, "SELECT * FROM g", "eu | 11; us | 20").await;
    server.stop();
    let server = Server::start(dir.path());
    becomes(&server.connect().await, "SELECT * FROM g", "eu | 11; us | 20").await;
    server.stop();
}

/// DuckDB commits between the beginning of a commit and its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_overtaken_comes_after() {
    if without("duckdb") {
        return;
    }
    let (dir, hold) = (tempfile::tempdir().unwrap(), Hold::at("before_commit"));
    let server = hold.server(dir.path());
    let client = server.connect().await;
    shop(&client).await;
    let other = server.connect().await;
    for (ours, theirs, expected) in [
        ("INSERT INTO o VALUES (3, 1, 5)", "INSERT INTO o VALUES (4, 2, 7)", "eu | 15; us | 27"),
        ("BEGIN; UPDATE o SET v = v + 1 WHERE id = 1; COMMIT", "INSERT INTO c VALUES (3, 'x')", "eu | 16; us | 27"),
    ] {
        hold.arm();
        let commit = async {
            run(&client, ours).await;
        };
        let meanwhile = async {
            hold.reached().await;
            write(dir.path(), theirs);
            hold.release();
        };
        tokio::join!(commit, meanwhile);
        becomes(&other, "SELECT * FROM g", expected).await;
    }
    hold.arm();
    let commit = async { rows(&client, "INSERT INTO o VALUES (9, 1, 1)").await };
    let meanwhile = async {
        hold.reached().await;
        write(dir.path(), "INSERT INTO o VALUES (9, 2, 2)");
        hold.release();
    };
    let (refused, ()) = tokio::join!(commit, meanwhile);
    assert!(refused.unwrap_err().starts_with("23505"), "theirs was first");
    becomes(&other, "SELECT * FROM g", "eu | 16; us | 29").await;
    verified(&other).await;
    server.stop();
}
