//! Every flight that left New York in 2013, loaded as somebody would load it, then corrected and cancelled by the
//! thousand. DuckDB computes each view on its own, from the same files and the same changes.

use crate::harness::{Server, env, rows, run, value, without};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Tables as both sides create them.
const TABLES: [(&str, &str, u32); 5] = [
    ("airlines", "carrier varchar(2) PRIMARY KEY, name text NOT NULL", 16),
    (
        "airports",
        "faa varchar(3) PRIMARY KEY, name text NOT NULL, lat double precision, lon double precision, alt int, tz int, \
         dst text, tzone text",
        1_458,
    ),
    (
        "planes",
        "tailnum varchar(6) PRIMARY KEY, year int, type text, manufacturer text, model text, engines int, seats int, \
         speed int, engine text",
        3_322,
    ),
    (
        "weather",
        "origin varchar(3), year int, month int, day int, hour int, temp double precision, dewp double precision, \
         humid double precision, wind_dir int, wind_speed double precision, wind_gust double precision, \
         precip double precision, pressure double precision, visib double precision, time_hour timestamptz, \
         PRIMARY KEY (origin, time_hour)",
        26_115,
    ),
    (
        "flights",
        "year int NOT NULL, month int NOT NULL, day int NOT NULL, dep_time int, sched_dep_time int NOT NULL, \
         dep_delay int, arr_time int, sched_arr_time int NOT NULL, arr_delay int, carrier varchar(2) NOT NULL, \
         flight int NOT NULL, tailnum varchar(6), origin varchar(3) NOT NULL, dest varchar(3) NOT NULL, air_time int, \
         distance int NOT NULL, hour int NOT NULL, minute int NOT NULL, time_hour timestamptz NOT NULL, \
         PRIMARY KEY (carrier, flight, time_hour)",
        336_776,
    ),
];

/// One view of silver over all five tables, and gold over it.
const VIEWS: [(&str, &str); 6] = [
    (
        "silver_flights",
        "SELECT f.carrier, f.flight, f.time_hour, f.origin, f.dest, f.distance, f.dep_delay, f.arr_delay, \
         f.dep_time IS NULL AS cancelled, al.name AS airline, p.manufacturer, p.seats, \
         f.year - p.year AS plane_age, ap.name AS destination, ap.alt, w.temp, w.visib, w.wind_speed \
         FROM flights f LEFT JOIN airlines al ON al.carrier = f.carrier LEFT JOIN planes p ON p.tailnum = f.tailnum \
         LEFT JOIN airports ap ON ap.faa = f.dest \
         LEFT JOIN weather w ON w.origin = f.origin AND w.time_hour = f.time_hour",
    ),
    (
        "gold_airlines",
        "SELECT airline, count(*) AS flights, count(*) FILTER (WHERE cancelled) AS cancelled, \
         sum(dep_delay) AS delay, max(arr_delay) AS worst, min(arr_delay) AS best, count(DISTINCT dest) AS places \
         FROM silver_flights GROUP BY airline",
    ),
    (
        "gold_days",
        "SELECT CAST(date_trunc('day', time_hour) AS date) AS day, origin, count(*) AS flights, \
         sum(CASE WHEN cancelled THEN 1 ELSE 0 END) AS cancelled, sum(seats) AS seats, max(wind_speed) AS wind \
         FROM silver_flights GROUP BY CAST(date_trunc('day', time_hour) AS date), origin",
    ),
    (
        "gold_planes",
        "SELECT coalesce(manufacturer, 'unknown') AS maker, count(*) AS flights, sum(distance) AS miles, \
         max(plane_age) AS oldest FROM silver_flights GROUP BY coalesce(manufacturer, 'unknown')",
    ),
    (
        "gold_fog",
        "SELECT origin, destination, count(*) AS flights, max(arr_delay) AS worst, min(visib) AS visib \
         FROM silver_flights WHERE visib < 1 GROUP BY origin, destination HAVING count(*) > 2",
    ),
    ("gold_worst_days", "SELECT day, origin, cancelled FROM gold_days ORDER BY cancelled DESC, day, origin LIMIT 20"),
];

/// What is found out later; both sides run the same text.
const CHANGES: [&str; 9] = [
    "UPDATE flights SET dep_delay = dep_delay + 7, arr_delay = arr_delay + 7 WHERE month = 7 AND origin = 'JFK'",
    "UPDATE flights SET dep_time = NULL, dep_delay = NULL, arr_time = NULL, arr_delay = NULL, air_time = NULL \
     WHERE month = 2 AND day BETWEEN 8 AND 13 AND origin <> 'EWR'",
    "DELETE FROM flights WHERE carrier = 'MQ' AND month IN (5, 6)",
    "UPDATE flights SET dest = 'ORD' WHERE dest = 'MDW' AND day < 15",
    "UPDATE flights SET tailnum = NULL WHERE tailnum LIKE 'N9%' AND month = 11",
    "UPDATE airlines SET name = 'Endeavor' WHERE carrier = '9E'",
    "DELETE FROM planes WHERE manufacturer = 'EMBRAER' AND seats < 60",
    "UPDATE weather SET visib = 0.5, wind_speed = NULL WHERE month = 12 AND day = 24",
    "INSERT INTO flights SELECT 2014, month, day, dep_time, sched_dep_time, dep_delay, arr_time, sched_arr_time, \
     arr_delay, carrier, flight, tailnum, origin, dest, air_time, distance, hour, minute, \
     time_hour + INTERVAL '365 days' FROM flights WHERE month = 1 AND day <= 3",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_flights_is_what_duckdb_computes() {
    if without("duckdb") || without("psql") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (files, lake) = (dir.path().join("files"), dir.path().join("lake"));
    std::fs::create_dir(&files).unwrap();
    python(&["unpack", files.to_str().unwrap()], "");
    let server = Server::start(&lake);
    let client = server.connect().await;
    for (name, columns, count) in TABLES {
        run(&client, &format!("CREATE TABLE {name} ({columns})")).await;
        psql_copy(
            &server,
            &format!("\\copy {name} FROM '{}/{name}.csv' WITH (FORMAT csv, HEADER, NULL 'NA')", files.display()),
        );
        assert_eq!(value(&client, &format!("SELECT count(*) FROM {name}")).await, count.to_string());
    }
    for (name, query) in VIEWS {
        run(&client, &format!("CREATE MATERIALIZED VIEW {name} AS {query}")).await;
    }
    compare(&files, &lake, &[]);
    for change in CHANGES {
        run(&client, change).await;
    }
    for verified in rows(&client, "SELECT sluice.verify()").await.unwrap() {
        assert_eq!(verified.split(" | ").nth(3), Some("0"), "{verified}");
    }
    compare(&files, &lake, &CHANGES);
    server.stop();
}

fn psql_copy(server: &Server, command: &str) {
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let output = Command::new("psql")
        .args(["-X", "-h", host, "-p", port, "-U", "test", "-d", "test", "-c", command])
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// DuckDB's own answer to every view, and the view's rows in the lake.
fn compare(files: &Path, lake: &Path, changes: &[&str]) {
    let load = TABLES.iter().flat_map(|(name, columns, _)| {
        let file = files.join(format!("{name}.csv"));
        [
            format!("CREATE TABLE {name} ({columns})"),
            format!("COPY {name} FROM '{}' (FORMAT csv, HEADER, NULL 'NA')", file.display()),
        ]
    });
    let strings =
        |items: Vec<String>| format!("[{}]", items.iter().map(|i| format!("{i:?}")).collect::<Vec<_>>().join(","));
    let views = VIEWS.iter().map(|(name, query)| format!("[{name:?},{query:?}]")).collect::<Vec<_>>().join(",");
    let job = format!(
        "{{\"load\":{},\"changes\":{},\"views\":[{views}]}}",
        strings(load.collect()),
        strings(changes.iter().map(ToString::to_string).collect())
    );
    python(&["compare", &env("SLUICE_TEST_DUCKDB_EXTENSIONS"), lake.to_str().unwrap()], &job);
}

fn python(arguments: &[&str], input: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/duckdb/nycflights.py");
    let mut child = Command::new(env("SLUICE_TEST_PYTHON"))
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}:\n{out}{errors}");
}
