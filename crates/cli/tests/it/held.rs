//! Views that may lag: paused, refreshed at fixed times, recomputed at their schedule. In every snapshot what is not
//! held back equals its query over the tables of that snapshot, and what is held back its query at its own cut.

use crate::harness::{Server, becomes, message, rows, run, value, wait_until};
use std::time::Duration;
use tokio_postgres::Client;

/// Every view is compared at every snapshot there is, none with differences; returns how many were held back.
pub async fn verified_at_every_snapshot(server: &Server) -> usize {
    let client = server.connect().await;
    let newest: i64 = value(&client, "SELECT sluice.verify()").await.split(" | ").nth(1).unwrap().parse().unwrap();
    let mut compared = 0;
    for at in 1..=newest {
        for line in rows(&client, &format!("SELECT sluice.verify(at => {at})")).await.unwrap() {
            let cells: Vec<&str> = line.split(" | ").collect();
            assert_eq!(cells[3], "0", "at snapshot {at}: {line}");
            assert_eq!(cells[5], "t", "compared at snapshot {at}: {line}");
            compared += 1;
        }
    }
    compared
}

async fn held(client: &Client) -> Vec<String> {
    rows(client, "SELECT name, held_back FROM sluice.status WHERE held_back IS NOT NULL").await.unwrap()
}

async fn fails(client: &Client, sql: &str) -> String {
    message(&client.batch_execute(sql).await.unwrap_err())
}

/// t -> left, t -> right, both -> joined -> total.
async fn diamond(client: &Client, left: &str, right: &str) {
    run(client, "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL)").await;
    run(client, "INSERT INTO t VALUES (1, 10), (2, 20)").await;
    run(client, &format!("CREATE MATERIALIZED VIEW lefts {left} AS SELECT id, v * 2 AS l FROM t")).await;
    run(client, &format!("CREATE STREAM TABLE rights {right} AS SELECT id, v * 3 AS r FROM t")).await;
    run(client, "CREATE MATERIALIZED VIEW joined AS SELECT a.id, a.l, b.r FROM lefts a JOIN rights b ON a.id = b.id")
        .await;
    run(client, "CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(r - l) AS v FROM joined").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_branch_holds_the_whole_diamond_across_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    diamond(&client, "", "").await;
    run(&client, "SELECT pgtrickle.pause('lefts')").await;
    assert_eq!(held(&client).await, Vec::<String>::new(), "nothing is behind while nothing changes");
    run(&client, "INSERT INTO t VALUES (3, 30)").await;
    run(&client, "UPDATE t SET v = 11 WHERE id = 1").await;
    run(&client, "DELETE FROM t WHERE id = 2").await;
    let waiting = ["joined | waits for \"lefts\"", "lefts | paused", "total | waits for \"joined\""];
    assert_eq!(held(&client).await, waiting);
    assert_eq!(rows(&client, "SELECT * FROM rights").await.unwrap(), ["1 | 33", "3 | 90"], "the other branch is live");
    let before = ["1 | 20 | 30", "2 | 40 | 60"];
    assert_eq!(rows(&client, "SELECT * FROM joined").await.unwrap(), before, "no row joins two times");
    assert_eq!(rows(&client, "SELECT * FROM total").await.unwrap(), ["2 | 30"]);
    assert_eq!(
        fails(&client, "REFRESH MATERIALIZED VIEW joined").await,
        "55000 cannot refresh \"joined\": waits for \"lefts\""
    );
    verified_at_every_snapshot(&server).await;

    server.kill();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    assert_eq!(rows(&client, "SELECT * FROM joined").await.unwrap(), before, "its rows outlive a crash");
    assert_eq!(held(&client).await, waiting);
    run(&client, "INSERT INTO t VALUES (4, 40)").await;
    run(&client, "SELECT pgtrickle.resume('lefts')").await;
    assert_eq!(held(&client).await, Vec::<String>::new());
    let after = ["1 | 22 | 33", "3 | 60 | 90", "4 | 80 | 120"];
    assert_eq!(rows(&client, "SELECT * FROM joined").await.unwrap(), after);
    run(&client, "INSERT INTO t VALUES (5, 50)").await;
    assert_eq!(rows(&client, "SELECT * FROM total").await.unwrap(), ["4 | 131"]);
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_is_taken_in_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    diamond(&client, "", "").await;
    run(&client, "SELECT pgtrickle.alter_stream_table('rights', status => 'PAUSED')").await;
    for i in 3..200 {
        run(&client, &format!("INSERT INTO t VALUES ({i}, {i})")).await;
        if i % 3 == 0 {
            run(&client, &format!("UPDATE t SET v = v + 1 WHERE id = {i}; DELETE FROM t WHERE id = {}", i - 1)).await;
        }
    }
    assert_eq!(value(&client, "SELECT count(*) FROM joined").await, "2");
    run(&client, "SELECT pgtrickle.refresh_stream_table('rights')").await;
    let expected = value(&client, "SELECT count(*), sum(v) FROM t").await;
    assert_eq!(value(&client, "SELECT * FROM total").await, expected, "a refresh of what is paused brings all of it");
    assert_eq!(value(&client, "SELECT status FROM sluice.status WHERE name = 'rights'").await, "PAUSED");
    run(&client, "INSERT INTO t VALUES (1000, 0)").await;
    assert_eq!(value(&client, "SELECT * FROM total").await, expected, "and it is still paused");
    run(&client, "SELECT pgtrickle.resume('rights')").await;
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn fixed_times() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    diamond(&client, "WITH (schedule = '@yearly')", "WITH (schedule = '0 0 1 1 *')").await;
    run(&client, "INSERT INTO t VALUES (3, 30)").await;
    let times = ["lefts | its time has not come", "rights | its time has not come"];
    assert_eq!(held(&client).await[1..3], times);
    assert_eq!(
        fails(&client, "SELECT pgtrickle.wait_for('lefts', timeout => '0.2')").await,
        "57014 \"lefts\" is held back: its time has not come"
    );
    run(&client, "REFRESH MATERIALIZED VIEW total").await;
    assert_eq!(value(&client, "SELECT * FROM total").await, "3 | 60", "a refresh takes along what it reads");
    run(&client, "SELECT pgtrickle.wait_for('lefts')").await;

    // One of two that meet comes to its time: the other goes along, so that both are of one time.
    run(&client, "INSERT INTO t VALUES (4, 40)").await;
    run(&client, "SELECT pgtrickle.alter_stream_table('rights', schedule => '*/2 * * * * *')").await;
    becomes(&client, "SELECT n FROM total", "4").await;
    assert_eq!(value(&client, "SELECT count(*) FROM lefts").await, "4");

    // A time that passes while nobody runs is made up for.
    run(&client, "SELECT pgtrickle.pause('rights')").await;
    run(&client, "INSERT INTO t VALUES (5, 50)").await;
    server.kill();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    assert_eq!(value(&client, "SELECT count(*) FROM lefts").await, "4", "its rows are kept until its time");
    run(&client, "SELECT pgtrickle.resume('rights')").await;
    becomes(&client, "SELECT n FROM total", "5").await;
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn full_follows_at_its_schedule() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY)").await;
    let create = |name: &str, schedule: &str| {
        format!(
            "SELECT pgtrickle.create_stream_table('{name}', $$SELECT count(*) AS n FROM t$$, {schedule} \
             refresh_mode => 'FULL')"
        )
    };
    run(&client, &create("now_and_then", "schedule => '2s',")).await;
    run(&client, &create("hourly", "schedule => '1h',")).await;
    run(&client, &create("live", "")).await;
    run(&client, "INSERT INTO t VALUES (1)").await;
    assert_eq!(value(&client, "SELECT n FROM live").await, "1");
    assert_eq!(value(&client, "SELECT n FROM hourly").await, "0");
    let stale = "SELECT staleness > interval '0.1 seconds' FROM sluice.status WHERE name = 'hourly'";
    becomes(&client, stale, "t").await;
    becomes(&client, "SELECT n FROM now_and_then", "1").await;
    assert_eq!(value(&client, "SELECT n FROM hourly").await, "0");
    run(&client, "REFRESH MATERIALIZED VIEW hourly").await;
    assert_eq!(value(&client, "SELECT n FROM hourly").await, "1");
    // While nothing changes, the time up to which it is complete moves on.
    let complete = "SELECT data_timestamp FROM sluice.status WHERE name = 'hourly'";
    let before = value(&client, complete).await;
    becomes(&client, &format!("SELECT ({complete}) > timestamptz '{before}' + interval '1 second'"), "t").await;
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn immediate_is_never_held_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    diamond(&client, "", "").await;
    run(&client, "CREATE MATERIALIZED VIEW at_once WITH (refresh_mode = 'IMMEDIATE') AS SELECT t.id, l.l FROM t LEFT JOIN lefts l ON l.id = t.id").await;
    run(&client, "SELECT pgtrickle.pause('lefts')").await;
    run(&client, "INSERT INTO t VALUES (3, 30)").await;
    assert_eq!(rows(&client, "SELECT * FROM at_once").await.unwrap(), ["1 | 20", "2 | 40", "3 | NULL"]);
    assert_eq!(
        fails(&client, "SELECT pgtrickle.pause('at_once')").await,
        "55000 \"at_once\" is IMMEDIATE and cannot be paused"
    );
    let cron = "CREATE MATERIALIZED VIEW x WITH (refresh_mode = 'IMMEDIATE', schedule = '@daily') AS SELECT id FROM t";
    assert_eq!(fails(&client, cron).await, "22023 an IMMEDIATE view cannot be refreshed at fixed times");
    for schedule in ["soon", "61 * * * *", "10", "1 hour"] {
        let sql = format!("CREATE STREAM TABLE x WITH (schedule = '{schedule}') AS SELECT id FROM t");
        assert_eq!(fails(&client, &sql).await, format!("22023 invalid schedule \"{schedule}\""));
    }
    run(&client, "SELECT pgtrickle.resume('lefts')").await;
    assert_eq!(rows(&client, "SELECT * FROM at_once").await.unwrap(), ["1 | 20", "2 | 40", "3 | 60"]);
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_fails_while_it_waits() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL)").await;
    run(&client, "INSERT INTO t VALUES (1, 1)").await;
    run(&client, "CREATE MATERIALIZED VIEW parts AS SELECT id, 100 / v AS p FROM t").await;
    run(&client, "CREATE MATERIALIZED VIEW later WITH (schedule = '@yearly') AS SELECT id, p + 1 AS q FROM parts")
        .await;
    run(&client, "INSERT INTO t VALUES (2, 0), (3, 2)").await;
    assert_eq!(rows(&client, "SELECT * FROM parts").await.unwrap(), ["1 | 100"]);
    let refused = fails(&client, "REFRESH MATERIALIZED VIEW later").await;
    assert!(refused.starts_with("55000 cannot refresh \"later\": division by zero"), "{refused}");
    verified_at_every_snapshot(&server).await;
    run(&client, "UPDATE t SET v = 4 WHERE id = 2").await;
    run(&client, "REFRESH MATERIALIZED VIEW later").await;
    assert_eq!(rows(&client, "SELECT * FROM later").await.unwrap(), ["1 | 101", "2 | 26", "3 | 51"]);
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outgrows_its_budget_is_computed_anew() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let server = Server::start_logged(&dir.path().join("lake"), &["--held-memory", "1"], &log);
    let client = server.connect().await;
    diamond(&client, "", "").await;
    run(&client, "SELECT pgtrickle.pause('lefts')").await;
    for part in 0..6 {
        let first = 10 + part * 30_000;
        let sql = format!("INSERT INTO t SELECT i, i % 100 FROM generate_series({first}, {}) AS g(i)", first + 29_999);
        run(&client, &sql).await;
    }
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("it will be computed anew"), "{said}");
    run(&client, "SELECT pgtrickle.resume('lefts')").await;
    let expected = value(&client, "SELECT count(*), sum(v) FROM t").await;
    assert_eq!(value(&client, "SELECT * FROM total").await, expected);
    run(&client, "DELETE FROM t WHERE id > 100").await;
    let expected = value(&client, "SELECT count(*), sum(v) FROM t").await;
    assert_eq!(value(&client, "SELECT * FROM total").await, expected, "it follows again");
    for line in rows(&client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(line.split(" | ").nth(3), Some("0"), "{line}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_falls_behind_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let server = Server::start_logged(&dir.path().join("lake"), &[], &log);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY)").await;
    run(&client, "CREATE MATERIALIZED VIEW slow WITH (schedule = '1s') AS SELECT id FROM t").await;
    let late = "SELECT behind_schedule FROM sluice.status WHERE name = 'slow'";
    let health = "SELECT severity, detail FROM pgtrickle.health_check() WHERE check_name = 'stream_table:slow' AND detail LIKE '%its schedule allows%'";
    run(&client, "SELECT pgtrickle.pause('slow')").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(value(&client, late).await, "f", "nothing changed, so nothing is missing");
    run(&client, "INSERT INTO t VALUES (1)").await;
    becomes(&client, late, "t").await;
    let said = value(&client, health).await;
    assert!(said.starts_with("WARN | ") && said.ends_with("its schedule allows 1s: paused"), "{said}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let warnings = std::fs::read_to_string(&log).unwrap().matches("falls behind its schedule").count();
    assert_eq!(warnings, 1, "once an episode");
    run(&client, "SELECT pgtrickle.resume('slow')").await;
    assert_eq!(value(&client, late).await, "f");
    assert_eq!(value(&client, health).await, "");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dear_recomputation_follows_at_its_schedule() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let server = Server::start_logged(&dir.path().join("lake"), &[], &log);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY)").await;
    run(&client, "INSERT INTO t SELECT i FROM generate_series(1, 3000) AS g(i)").await;
    // A window over a join of every row with every row: no rule, and far above what a commit may take.
    run(
        &client,
        "CREATE MATERIALIZED VIEW dear WITH (schedule = '4s') AS \
         SELECT k, sum(n) OVER (ORDER BY k) AS n FROM \
         (SELECT a.id % 10 AS k, count(*) AS n FROM t a, t b WHERE (a.id * b.id) % 7 = 3 GROUP BY 1) x",
    )
    .await;
    for id in 3001..3004 {
        run(&client, &format!("INSERT INTO t VALUES ({id})")).await;
    }
    run(&client, "INSERT INTO t VALUES (4000)").await;
    assert_eq!(held(&client).await, ["dear | too dear for every commit"]);
    assert!(value(&client, "SELECT strategy FROM sluice.status").await.contains("too dear for every commit"));
    assert!(std::fs::read_to_string(&log).unwrap().contains("from now on it follows at its schedule"));
    run(&client, "SELECT pgtrickle.wait_for('dear', 20)").await;
    for line in rows(&client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(line.split(" | ").nth(3), Some("0"), "{line}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_its_columns_under_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    diamond(&client, "", "").await;
    run(&client, "SELECT pgtrickle.pause('lefts')").await;
    run(&client, "INSERT INTO t VALUES (3, 30)").await;
    run(&client, "ALTER TABLE t ADD COLUMN note text DEFAULT 'none'").await;
    run(&client, "INSERT INTO t VALUES (4, 40, 'new')").await;
    run(&client, "ALTER TABLE t RENAME COLUMN v TO w").await;
    run(&client, "UPDATE t SET w = w + 1, note = 'changed' WHERE id IN (1, 3)").await;
    assert_eq!(value(&client, "SELECT count(*) FROM joined").await, "2");
    verified_at_every_snapshot(&server).await;
    run(&client, "SELECT pgtrickle.resume('lefts')").await;
    let expected = value(&client, "SELECT count(*), sum(w) FROM t").await;
    assert_eq!(value(&client, "SELECT * FROM total").await, expected);
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_stands_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    diamond(&client, "WITH (schedule = '@yearly')", "").await;
    run(&client, "INSERT INTO t VALUES (3, 30)").await;
    run(&client, "BEGIN").await;
    assert_eq!(
        fails(&client, "REFRESH MATERIALIZED VIEW lefts").await,
        "25001 \"lefts\" cannot be refreshed inside a transaction"
    );
    run(&client, "ROLLBACK").await;
    run(&client, "BEGIN; REFRESH MATERIALIZED VIEW rights; COMMIT").await;
    assert_eq!(fails(&client, "REFRESH MATERIALIZED VIEW t").await, "42809 \"t\" is not a materialized view");
    run(&client, "DROP MATERIALIZED VIEW lefts CASCADE").await;
    assert_eq!(held(&client).await, Vec::<String>::new());
    server.stop();
}

/// A small generator, so that a failure can be run again.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_holds_under_changes_pauses_and_kills() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    run(&client, "CREATE TABLE o (id int PRIMARY KEY, k int NOT NULL, v int NOT NULL)").await;
    run(&client, "CREATE TABLE c (k int PRIMARY KEY, name text NOT NULL)").await;
    run(&client, "INSERT INTO c SELECT i, 'n' || (i % 3) FROM generate_series(0, 9) AS g(i)").await;
    for view in [
        "CREATE MATERIALIZED VIEW silver AS SELECT o.id, o.v, c.name FROM o JOIN c ON c.k = o.k",
        "CREATE MATERIALIZED VIEW by_name WITH (schedule = '*/2 * * * * *') AS SELECT name, count(*) AS n, sum(v) AS v FROM silver GROUP BY name",
        "CREATE MATERIALIZED VIEW tops AS SELECT name, max(v) AS top FROM silver GROUP BY name",
        "CREATE MATERIALIZED VIEW both AS SELECT b.name, b.n, t.top FROM by_name b LEFT JOIN tops t ON t.name = b.name",
        "CREATE MATERIALIZED VIEW ranked WITH (schedule = '1s', refresh_mode = 'FULL') AS SELECT name, n, row_number() OVER (ORDER BY n, name) AS r FROM both",
        "CREATE MATERIALIZED VIEW at_once WITH (refresh_mode = 'IMMEDIATE') AS SELECT c.k, b.n FROM c LEFT JOIN by_name b ON b.name = c.name",
        "CREATE MATERIALIZED VIEW over_all AS SELECT r.r, a.k FROM ranked r JOIN at_once a ON a.n = r.n",
    ] {
        run(&client, view).await;
    }
    let mut dice = Dice(7);
    for round in 0..4 {
        for _ in 0..60 {
            let (id, k, v) = (dice.roll(40), dice.roll(12), dice.roll(50));
            let statement = match dice.roll(12) {
                0..=3 => format!("INSERT INTO o VALUES ({id}, {k}, {v}) ON CONFLICT (id) DO UPDATE SET v = {v}"),
                4..=5 => format!("DELETE FROM o WHERE id = {id}"),
                6 => format!("UPDATE o SET k = {k} WHERE id % 7 = {}", id % 7),
                7 => format!("UPDATE c SET name = 'n{}' WHERE k = {k}", v % 4),
                8 => "SELECT pgtrickle.pause('tops')".to_string(),
                9 => "SELECT pgtrickle.resume('tops')".to_string(),
                10 => "SELECT pgtrickle.refresh_stream_table('by_name')".to_string(),
                _ => format!("INSERT INTO c VALUES ({k}, 'n9') ON CONFLICT DO NOTHING"),
            };
            run(&client, &statement).await;
            tokio::time::sleep(Duration::from_millis(dice.roll(30))).await;
        }
        if round % 2 == 0 {
            server.kill();
            server = Server::start(dir.path());
            client = server.connect().await;
        }
    }
    run(&client, "SELECT pgtrickle.resume('tops')").await;
    run(&client, "REFRESH MATERIALIZED VIEW over_all").await;
    assert_eq!(held(&client).await, Vec::<String>::new());
    verified_at_every_snapshot(&server).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_that_a_cut_has_expired_and_refreshes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_args(dir.path(), &["--retention", "1s"], &[]);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL)").await;
    run(&client, "CREATE STREAM TABLE late WITH (schedule = '@daily') AS SELECT count(*) AS n FROM t").await;
    let verify = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sluice"));
        let output = command.args(["verify", "--dir"]).arg(dir.path()).args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let mut id = 0;
    wait_until(async || {
        id += 1;
        run(&client, &format!("INSERT INTO t VALUES ({id}, 1)")).await;
        let (code, text) = verify(&[]);
        assert!(code == Some(0) || text.contains("late") && text.contains("has expired"), "{code:?} {text}");
        if code == Some(2) { Ok(()) } else { Err(format!("nothing has expired: {text}")) }
    })
    .await;
    assert_eq!(verify(&["--refresh", "another"]).0, Some(2), "no such view");
    assert_eq!(verify(&["late"]).0, Some(2));
    let (code, text) = verify(&["--refresh", "late"]);
    assert!(code == Some(0) && text.contains("0 differences"), "{text}");
    assert_eq!(value(&client, "SELECT n FROM late").await, id.to_string());
    let both = verify(&["--refresh", "--at", "1"]);
    assert_eq!(both.0, Some(2), "--refresh is about the newest snapshot");
    server.stop();
}
