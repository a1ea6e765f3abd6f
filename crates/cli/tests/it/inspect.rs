//! What Sluice tells of how views follow: explain and history.

use crate::harness::{Server, becomes, message, rows, run, value};
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_operators_and_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE o (id int PRIMARY KEY, k int, v int); CREATE TABLE c (k int PRIMARY KEY, name text)")
        .await;
    run(&client, "INSERT INTO c VALUES (1, 'a'), (2, 'b'); INSERT INTO o VALUES (1, 1, 5), (2, 2, 6), (3, 1, 7)").await;
    run(
        &client,
        "CREATE MATERIALIZED VIEW g AS SELECT c.name, sum(o.v) AS v FROM o JOIN c ON c.k = o.k GROUP BY c.name",
    )
    .await;
    run(&client, "CREATE MATERIALIZED VIEW w WITH (schedule = '1h') AS SELECT id, row_number() OVER (ORDER BY v, id) AS n FROM o")
        .await;
    let sources = rows(&client, "SELECT reads, rows FROM sluice.explain('g') WHERE operator = 'source'").await.unwrap();
    assert_eq!(sources, ["c | 2", "o | 3"]);
    let joins = value(&client, "SELECT reads FROM sluice.explain('g') WHERE operator LIKE '%join%'").await;
    assert!(joins.starts_with('#'), "a join reads other steps: {joins:?}");
    let held = "SELECT coalesce(max(bytes), 0) > 0 AND sum(rows) >= 10 FROM sluice.explain('g')";
    becomes(&client, held, "t").await;
    let reason = value(&client, "SELECT note FROM sluice.explain('w') WHERE operator LIKE 'the query%'").await;
    assert_eq!(reason, value(&client, "SELECT strategy FROM sluice.status WHERE name = 'w'").await);
    assert_eq!(value(&client, "SELECT value FROM pgtrickle.explain_st('w') WHERE property = 'schedule'").await, "1h");
    let refused = client.batch_execute("SELECT * FROM sluice.explain('o')").await.unwrap_err();
    assert_eq!(message(&refused), "42809 \"o\" is not a materialized view");

    let explain = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
        command.arg("explain").args(args).arg("--dir").arg(dir.path()).output().unwrap()
    };
    let json = explain(&["g", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json["name"].as_str(), json["strategy"].as_str()), (Some("public.g"), Some("incremental")));
    assert_eq!(json["steps"][0]["operator"], "source");
    let text = String::from_utf8(explain(&["w"]).stdout).unwrap();
    assert!(text.contains("schedule: 1h") && text.contains("the query, run anew"), "{text}");
    let unknown = explain(&["nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nothing"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn history_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL)").await;
    run(&client, "INSERT INTO t VALUES (1, 1), (2, 2)").await;
    run(&client, "CREATE MATERIALIZED VIEW m AS SELECT id, 10 / v AS d FROM t").await;
    for id in 3..20 {
        run(&client, &format!("INSERT INTO t VALUES ({id}, {id})")).await;
    }
    run(&client, "DELETE FROM t WHERE id > 15").await;
    let sums =
        "SELECT action, sum(rows_inserted), sum(rows_deleted) FROM pgtrickle.get_refresh_history('m', 100) GROUP BY 1";
    assert_eq!(rows(&client, sums).await.unwrap(), ["DIFFERENTIAL | 17 | 4", "FULL | 2 | 0"]);
    let seconds = "SELECT count(*) = count(DISTINCT (start_time, action)) AND max(start_time) <= now() \
                   AND max(start_time) > now() - interval '1 minute' AND min(duration_ms) > 0 FROM pgtrickle.get_refresh_history('m', 100)";
    assert_eq!(value(&client, seconds).await, "t");
    run(&client, "INSERT INTO t VALUES (30, 0)").await;
    let failed = "SELECT error_message FROM pgtrickle.get_refresh_history('m', 100) WHERE status = 'FAILED'";
    assert_eq!(value(&client, failed).await, "division by zero on row (30, 0) (22012)");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_nobody_reads_ends_a_command_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let server = Server::start_logged(&dir.path().join("lake"), &[], &log);
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int); CREATE MATERIALIZED VIEW m AS SELECT 1 / id AS d FROM t").await;
    // This is told in the log.
    run(&client, "INSERT INTO t VALUES (0)").await;
    let commands = [
        "status",
        "status --output json",
        "tree m",
        "explain m",
        "explain m --output json",
        "verify",
        "verify --output json",
        "maintain --output json",
        "sql -c 'SELECT * FROM sluice.status'",
    ];
    for command in commands {
        // Nobody reads when the first line comes.
        let line = format!("{} {command} --dir lake", env!("CARGO_BIN_EXE_sluice"));
        let script = format!("set -o pipefail; {line} | :; exit $?");
        let output = Command::new("bash").args(["-c", &script]).current_dir(dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{command}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
    }
    server.stop();
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("WARN") && !log.contains('\x1b'), "{log}");
}
