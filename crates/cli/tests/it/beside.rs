//! Views that are recomputed beside the ticks: who writes does not wait for their queries, and whatever ends a run
//! early leaves them as they were. The queries are long by what they compute, and the order of events is what counts.

use crate::duckdb::check;
use crate::harness::{Server, message, rows, run, value, without};
use crate::held::{Dice, verified_at_every_snapshot};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

/// Every row with every row, and a window over that: no rule, and long.
const HEAVY: &str = "SELECT k, n, last, sum(n) OVER (ORDER BY k) AS running FROM (SELECT a.id % 10 AS k, \
                     count(*) AS n, max(b.id) AS last FROM p a, p b WHERE (a.id * b.id) % 7 <> 3 GROUP BY 1) x";
const ROWS: i64 = 4_000;

/// p -> heavy -> total, and heavy joined with what is live -> a window without a schedule.
async fn group(server: &Server, options: &str) -> Client {
    let client = server.connect().await;
    run(&client, "CREATE TABLE p (id int PRIMARY KEY, note text)").await;
    run(&client, &format!("INSERT INTO p SELECT i FROM generate_series(1, {ROWS}) AS g(i)")).await;
    run(&client, &format!("CREATE MATERIALIZED VIEW heavy {options} AS {HEAVY}")).await;
    for view in [
        "total AS SELECT count(*) AS n, max(last) AS last FROM heavy",
        "counts AS SELECT id % 10 AS k, count(*) AS m FROM p GROUP BY 1",
        "joined AS SELECT h.k, h.last, c.m FROM heavy h JOIN counts c ON c.k = h.k",
        "ranks AS SELECT k, m, last, rank() OVER (ORDER BY m, k) AS r FROM joined",
    ] {
        run(&client, &format!("CREATE MATERIALIZED VIEW {view}")).await;
    }
    client
}

async fn insert(client: &Client, id: i64) {
    run(client, &format!("INSERT INTO p VALUES ({id})")).await;
}

/// When the run began that computes a view.
async fn since(client: &Client, view: &str) -> String {
    value(client, &format!("SELECT recomputing_since FROM sluice.status WHERE name = '{view}'")).await
}

/// Waits for a run to begin.
async fn running(client: &Client, view: &str) -> String {
    let started = Instant::now();
    loop {
        let since = since(client, view).await;
        if since != "NULL" {
            return since;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "no run of {view} begins");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Asks for a view from a connection of its own.
async fn refreshing(server: &Server, view: &str) -> JoinHandle<Result<(), String>> {
    let client = server.connect().await;
    let sql = format!("REFRESH MATERIALIZED VIEW {view}");
    tokio::spawn(async move { client.batch_execute(&sql).await.map_err(|e| message(&e)) })
}

/// Every view is compared at the newest snapshots: at all of them it would take minutes.
async fn verified_lately(server: &Server) {
    let client = server.connect().await;
    let newest: i64 = value(&client, "SELECT sluice.verify()").await.split(" | ").nth(1).unwrap().parse().unwrap();
    for at in newest - 5..=newest {
        for line in rows(&client, &format!("SELECT sluice.verify(at => {at})")).await.unwrap() {
            let cells: Vec<&str> = line.split(" | ").collect();
            assert_eq!((cells[3], cells[5]), ("0", "t"), "at snapshot {at}: {line}");
        }
    }
}

async fn lasts(client: &Client) -> [String; 3] {
    let last = |view: &str| format!("SELECT max(last) FROM {view}");
    [value(client, &last("heavy")).await, value(client, &last("total")).await, value(client, &last("ranks")).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_do_not_wait_and_the_group_keeps_one_cut() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = group(&server, "WITH (schedule = '@yearly')").await;
    insert(&client, ROWS + 1).await;
    assert_eq!(lasts(&client).await, [ROWS; 3].map(|l| l.to_string()), "its time has not come");
    let refresh = refreshing(&server, "heavy").await;
    let began = running(&client, "heavy").await;
    for id in 2..12 {
        insert(&client, ROWS + id).await;
    }
    run(&client, &format!("DELETE FROM p WHERE id = {}", ROWS - 7)).await;
    assert_eq!(since(&client, "heavy").await, began, "all of this was committed while its query ran");
    assert_eq!(value(&client, "SELECT sum(m) FROM counts").await, (ROWS + 10).to_string(), "and is in what is live");
    assert_eq!(lasts(&client).await, [ROWS; 3].map(|l| l.to_string()));
    refresh.await.unwrap().unwrap();
    let at_cut = [ROWS + 1; 3].map(|l| l.to_string());
    assert_eq!(lasts(&client).await, at_cut, "it holds what there was when it began, and so does what reads it");
    assert_eq!(value(&client, "SELECT sum(m) FROM ranks").await, (ROWS + 1).to_string());
    let held = rows(&client, "SELECT name, held_back FROM sluice.status WHERE held_back IS NOT NULL").await.unwrap();
    assert_eq!(
        held,
        [
            "heavy | its time has not come",
            "joined | waits for \"heavy\"",
            "ranks | waits for \"joined\"",
            "total | waits for \"heavy\"",
        ]
    );
    duckdb_agrees(&server, &client).await;

    // What it knows of its cut outlives a crash.
    server.kill();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    assert_eq!(lasts(&client).await, at_cut);
    duckdb_agrees(&server, &client).await;
    // All of them have to be built anew now, and are so beside the ticks, too.
    let refresh = refreshing(&server, "ranks").await;
    let began = running(&client, "heavy").await;
    insert(&client, ROWS + 20).await;
    assert_eq!(since(&client, "heavy").await, began);
    refresh.await.unwrap().unwrap();
    assert_eq!(lasts(&client).await, [ROWS + 11; 3].map(|l| l.to_string()));
    assert_eq!(value(&client, "SELECT sum(m) FROM ranks").await, (ROWS + 10).to_string());
    run(&client, "REFRESH MATERIALIZED VIEW total").await;
    assert_eq!(lasts(&client).await, [ROWS + 20; 3].map(|l| l.to_string()));
    let held = rows(&client, "SELECT name FROM sluice.status WHERE held_back IS NOT NULL").await.unwrap();
    assert_eq!(held, Vec::<String>::new());
    verified_at_every_snapshot(&server).await;
    server.stop();
}

/// DuckDB computes `heavy` over the tables of its cut, and `total` over `heavy` as it is stored.
async fn duckdb_agrees(server: &Server, client: &Client) {
    if without("duckdb") {
        return;
    }
    let verified = value(client, "SELECT sluice.verify(names => 'heavy')").await;
    let cut = verified.split("over the tables of snapshot ").nth(1).unwrap().split(',').next().unwrap();
    let query = HEAVY.replace(
        "p a, p b",
        &format!("(SELECT * FROM p AT (VERSION => {cut})) a, (SELECT * FROM p AT (VERSION => {cut})) b"),
    );
    let differ = |a: &str, b: &str| format!("SELECT 'differs', * FROM ({a} EXCEPT ALL {b})");
    let stored = "SELECT k, n, last, running FROM heavy";
    let total = "SELECT count(*), max(last) FROM heavy";
    for (a, b) in [(stored, &*query), (&*query, stored), ("SELECT n, last FROM total", total)] {
        let report = check(&server.dir, &["--print", &differ(a, b)]);
        assert!(!report.contains("differs"), "{report}");
    }
    assert!(check(&server.dir, &["--print", stored]).contains("4001"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_and_a_cancel_leave_it_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = group(&server, "WITH (schedule = '@yearly')").await;
    insert(&client, ROWS + 1).await;
    let asking = server.connect().await;
    let cancel = asking.cancel_token();
    let refresh =
        tokio::spawn(
            async move { message(&asking.batch_execute("REFRESH MATERIALIZED VIEW heavy").await.unwrap_err()) },
        );
    running(&client, "heavy").await;
    cancel.cancel_query(NoTls).await.unwrap();
    assert!(refresh.await.unwrap().starts_with("57014"));
    let started = Instant::now();
    while since(&client, "heavy").await != "NULL" {
        assert!(started.elapsed() < Duration::from_secs(30), "nobody waits for it, but it goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(lasts(&client).await, [ROWS; 3].map(|l| l.to_string()));
    insert(&client, ROWS + 2).await;
    assert_eq!(value(&client, "SELECT sum(m) FROM ranks").await, ROWS.to_string());

    let refresh = refreshing(&server, "heavy").await;
    running(&client, "heavy").await;
    insert(&client, ROWS + 3).await;
    server.kill();
    assert!(refresh.await.unwrap().is_err());
    let server = Server::start(dir.path());
    let client = server.connect().await;
    assert_eq!(lasts(&client).await, [ROWS; 3].map(|l| l.to_string()));
    assert_eq!(value(&client, "SELECT count(*) FROM p").await, (ROWS + 3).to_string());
    run(&client, "REFRESH MATERIALIZED VIEW heavy").await;
    assert_eq!(lasts(&client).await, [ROWS + 3; 3].map(|l| l.to_string()));
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_definitions_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = group(&server, "WITH (schedule = '@yearly')").await;
    // Each of these comes while its query runs; the client that asked has what was there when it asked, or more.
    let mut id = ROWS;
    for ddl in [
        "ALTER TABLE p ADD COLUMN more int",
        "ALTER TABLE p DROP COLUMN note",
        "SELECT pgtrickle.pause('total')",
        "SELECT pgtrickle.resume('total')",
        "ALTER MATERIALIZED VIEW joined RENAME TO mixed",
        "ALTER MATERIALIZED VIEW mixed RENAME TO joined",
        "DROP MATERIALIZED VIEW total",
        "CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, max(last) AS last FROM heavy",
    ] {
        id += 1;
        insert(&client, id).await;
        let refresh = refreshing(&server, "heavy").await;
        let began = running(&client, "heavy").await;
        run(&client, ddl).await;
        assert_ne!(began, "NULL");
        refresh.await.unwrap().unwrap_or_else(|e| panic!("{ddl}: {e}"));
        assert_eq!(value(&client, "SELECT max(last) FROM ranks").await, id.to_string(), "{ddl}");
    }
    verified_lately(&server).await;
    // A pause of the view itself holds it where it is, and a refresh that names it moves it all the same.
    insert(&client, id + 1).await;
    let refresh = refreshing(&server, "heavy").await;
    running(&client, "heavy").await;
    run(&client, "SELECT pgtrickle.pause('heavy')").await;
    refresh.await.unwrap().unwrap();
    assert_eq!(value(&client, "SELECT max(last) FROM ranks").await, (id + 1).to_string());
    run(&client, "SELECT pgtrickle.resume('heavy')").await;

    // All rows go while its query runs.
    let refresh = {
        insert(&client, id + 2).await;
        refreshing(&server, "heavy").await
    };
    running(&client, "heavy").await;
    run(&client, "TRUNCATE p").await;
    refresh.await.unwrap().unwrap();
    run(&client, "REFRESH MATERIALIZED VIEW heavy").await;
    assert_eq!(value(&client, "SELECT count(*) FROM heavy").await, "0");
    assert_eq!(value(&client, "SELECT n FROM total").await, "0");

    // Another query takes its place, and then it goes with all that it reads.
    run(&client, "DROP MATERIALIZED VIEW joined, total CASCADE").await;
    run(&client, &format!("INSERT INTO p (id) SELECT i FROM generate_series(1, {ROWS}) AS g(i)")).await;
    let refresh = refreshing(&server, "heavy").await;
    running(&client, "heavy").await;
    let other = HEAVY.replace("<> 3", "<> 4");
    let replace = format!("SELECT pgtrickle.alter_stream_table('heavy', query => $${other}$$)");
    run(&client, &replace).await;
    assert_eq!(refresh.await.unwrap().unwrap_err(), "42P01 the view was dropped meanwhile", "another is in its place");
    verified_lately(&server).await;
    insert(&client, ROWS + 1).await;
    let refresh = refreshing(&server, "heavy").await;
    running(&client, "heavy").await;
    run(&client, "DROP TABLE p CASCADE").await;
    assert_eq!(refresh.await.unwrap().unwrap_err(), "42P01 the view was dropped meanwhile");
    assert_eq!(rows(&client, "SELECT name FROM sluice.status").await.unwrap(), Vec::<String>::new());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_says_so_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL)").await;
    run(&client, "INSERT INTO t VALUES (1, 1), (2, 4)").await;
    run(&client, "CREATE MATERIALIZED VIEW parts AS SELECT id, 100 / v AS p FROM t").await;
    for (name, options) in [("live", ""), ("daily", "WITH (schedule = '@yearly')")] {
        let query = "SELECT id, 10 / (v - 2) AS d, rank() OVER (ORDER BY v) AS r FROM t";
        run(&client, &format!("CREATE MATERIALIZED VIEW own_{name} {options} AS {query}")).await;
        let query = "SELECT id, p, rank() OVER (ORDER BY p) AS r FROM parts";
        run(&client, &format!("CREATE MATERIALIZED VIEW of_{name} {options} AS {query}")).await;
        run(&client, &format!("CREATE MATERIALIZED VIEW on_{name} AS SELECT max(r) AS r FROM of_{name}")).await;
    }
    let status = "SELECT name, status FROM sluice.status WHERE status <> 'ACTIVE'";
    run(&client, "INSERT INTO t VALUES (3, 2), (4, 0)").await;
    for view in ["own_daily", "of_daily", "on_daily"] {
        let refused = message(&client.batch_execute(&format!("REFRESH MATERIALIZED VIEW {view}")).await.unwrap_err());
        assert!(refused.starts_with(&format!("55000 cannot refresh \"{view}\": division by zero")), "{refused}");
    }
    let errors = ["of_daily", "of_live", "on_daily", "on_live", "own_daily", "own_live", "parts"];
    assert_eq!(rows(&client, status).await.unwrap(), errors.map(|name| format!("{name} | ERROR")));
    assert_eq!(value(&client, "SELECT count(*) FROM own_daily").await, "2", "its last good state");
    verified_at_every_snapshot(&server).await;
    run(&client, "UPDATE t SET v = 5 WHERE id > 2").await;
    for view in ["own_daily", "on_daily"] {
        run(&client, &format!("REFRESH MATERIALIZED VIEW {view}")).await;
    }
    assert_eq!(rows(&client, status).await.unwrap(), Vec::<String>::new());
    for name in ["live", "daily"] {
        assert_eq!(value(&client, &format!("SELECT count(*) FROM own_{name}")).await, "4");
        assert_eq!(value(&client, &format!("SELECT count(*) FROM of_{name}")).await, "4");
        assert_eq!(value(&client, &format!("SELECT r FROM on_{name}")).await, "4");
    }
    verified_at_every_snapshot(&server).await;
    server.stop();
}

async fn execute(session: &mut sluice_engine::Session, sql: &str) -> Result<(), sluice_engine::SqlError> {
    for parsed in session.parse(sql)? {
        session.execute(&parsed, vec![]).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_memory_does_not_do_for_is_tried_again() {
    use sluice_engine::{Engine, EngineOptions};
    let dir = tempfile::tempdir().unwrap();
    let options = EngineOptions { query_memory_bytes: 12 << 20, ..EngineOptions::default() };
    let engine = Engine::open(dir.path(), &options).unwrap();
    let mut session = engine.session("test", "test");
    let sorted = "SELECT id, row_number() OVER (ORDER BY v) AS n FROM t";
    for sql in [
        "CREATE TABLE t (id int PRIMARY KEY, v text)".to_string(),
        format!("CREATE MATERIALIZED VIEW sorted WITH (schedule = '@yearly') AS {sorted}"),
        "INSERT INTO t SELECT i, repeat('x', 400) || i FROM generate_series(1, 60000) AS g(i)".to_string(),
    ] {
        execute(&mut session, &sql).await.unwrap();
    }
    let refused = execute(&mut session, "REFRESH MATERIALIZED VIEW sorted").await.unwrap_err();
    assert_eq!(refused.code, "53200", "{refused}");
    let status = engine.status().into_values().next().unwrap();
    assert_eq!(status.state, "ERROR");
    assert!(status.error.unwrap().contains("53200"));
    assert!(status.held.is_some() && status.running_since.is_none());
    execute(&mut session, "TRUNCATE t; INSERT INTO t SELECT i, 'x' FROM generate_series(1, 100) AS g(i)")
        .await
        .unwrap();
    execute(&mut session, "REFRESH MATERIALIZED VIEW sorted").await.unwrap();
    assert_eq!(engine.status().into_values().next().unwrap().state, "ACTIVE");
    for verified in engine.verify(&[], None, 10).await.unwrap() {
        assert_eq!((verified.differing, verified.rows), (0, 100));
    }
    drop(session);
    tokio::task::spawn_blocking(move || engine.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_and_bounds_stop_no_writer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE p (id int PRIMARY KEY)").await;
    run(&client, "INSERT INTO p SELECT i FROM generate_series(1, 2500) AS g(i)").await;
    run(&client, &format!("CREATE MATERIALIZED VIEW heavy WITH (schedule = '1s') AS {HEAVY}")).await;
    let clock = "SELECT now() AS at, count(*) AS n FROM p a, p b WHERE (a.id * b.id) % 7 <> 3";
    run(&client, &format!("CREATE MATERIALIZED VIEW clock AS {clock}")).await;
    run(&client, "CREATE MATERIALIZED VIEW both AS SELECT c.at, c.n, p.id FROM clock c JOIN p ON p.id > 2490").await;
    // Each run is watched from its beginning to its end: no other begins before.
    for view in ["clock", "heavy"] {
        for id in 1..3 {
            insert_id(&client, view, id).await;
            let began = running(&client, view).await;
            insert_id(&client, view, id + 10).await;
            assert_eq!(since(&client, view).await, began, "{view}: a writer came in while it ran");
            while since(&client, view).await == began {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    for view in ["both", "heavy"] {
        run(&client, &format!("SELECT pgtrickle.wait_for('{view}', timeout => '60')")).await;
    }
    verified_lately(&server).await;
    server.stop();
}

async fn insert_id(client: &Client, view: &str, id: i64) {
    let first = if view == "clock" { 6_000 } else { 7_000 };
    run(client, &format!("INSERT INTO p VALUES ({})", first + id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_holds_under_runs_changes_and_kills() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    run(&client, "CREATE TABLE o (id int PRIMARY KEY, k int NOT NULL, v int NOT NULL)").await;
    run(&client, "INSERT INTO o SELECT i, i % 5, i % 7 FROM generate_series(1, 900) AS g(i)").await;
    let pairs = "(SELECT a.k, count(*) AS n FROM o a, o b WHERE (a.v + b.v) % 3 = 1 GROUP BY a.k) x";
    for view in [
        "live AS SELECT k, count(*) AS n, sum(v) AS v FROM o GROUP BY k".to_string(),
        format!(
            "a WITH (schedule = '1s', refresh_mode = 'FULL') AS SELECT k, n, rank() OVER (ORDER BY n, k) AS r FROM {pairs}"
        ),
        "b WITH (schedule = '*/2 * * * * *') AS SELECT k, max(v) AS v FROM o GROUP BY k".to_string(),
        "ab AS SELECT a.k, a.r, b.v, l.n FROM a JOIN b ON a.k = b.k JOIN live l ON l.k = a.k".to_string(),
        format!(
            "c WITH (schedule = '2s', refresh_mode = 'FULL') AS SELECT ab.k, ab.n, x.n AS m FROM ab JOIN {pairs} ON x.k = ab.k"
        ),
        "d AS SELECT k, rank() OVER (ORDER BY m, k) AS r FROM c".to_string(),
        "e AS SELECT d.r, l.v FROM d JOIN live l ON l.k = d.k".to_string(),
        "f WITH (refresh_mode = 'IMMEDIATE') AS SELECT l.k, a.r FROM live l LEFT JOIN a ON a.k = l.k".to_string(),
        "g AS SELECT f.k, f.r, d.r AS s FROM f JOIN d ON d.k = f.k".to_string(),
    ] {
        run(&client, &format!("CREATE MATERIALIZED VIEW {view}")).await;
    }
    let mut dice = Dice(11);
    for round in 0..4 {
        for _ in 0..70 {
            let (id, k, v) = (dice.roll(1000), dice.roll(5), dice.roll(50));
            let statement = match dice.roll(14) {
                0..=5 => format!("INSERT INTO o VALUES ({id}, {k}, {v}) ON CONFLICT (id) DO UPDATE SET v = {v}"),
                6..=7 => format!("DELETE FROM o WHERE id = {id}"),
                8 => format!("UPDATE o SET k = {k} WHERE id % 71 = {}", id % 71),
                9 => "SELECT pgtrickle.pause('b')".to_string(),
                10 => "SELECT pgtrickle.resume('b')".to_string(),
                11 => "SELECT pgtrickle.refresh_stream_table('a')".to_string(),
                12 => "SELECT pgtrickle.pause('d')".to_string(),
                _ => "SELECT pgtrickle.resume('d')".to_string(),
            };
            run(&client, &statement).await;
            tokio::time::sleep(Duration::from_millis(dice.roll(40))).await;
        }
        if round % 2 == 0 {
            server.kill();
            server = Server::start(dir.path());
            client = server.connect().await;
        }
    }
    for view in ["b", "d"] {
        run(&client, &format!("SELECT pgtrickle.resume('{view}')")).await;
    }
    for view in ["e", "g"] {
        run(&client, &format!("REFRESH MATERIALIZED VIEW {view}")).await;
    }
    let held = rows(&client, "SELECT name FROM sluice.status WHERE held_back IS NOT NULL").await.unwrap();
    assert_eq!(held, Vec::<String>::new());
    verified_at_every_snapshot(&server).await;
    server.stop();
}
