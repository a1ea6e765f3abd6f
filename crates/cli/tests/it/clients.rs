//! Clients as they are: psql's commands, and drivers that ask the system catalog.

use crate::harness::{Server, connect, env, rows, run, without};
use std::path::Path;
use std::process::Command;

/// A schema with one of everything that clients show.
const SCHEMA: &str = "
    CREATE TABLE customers (id serial PRIMARY KEY, email varchar(120) NOT NULL UNIQUE, name text NOT NULL);
    CREATE TABLE orders (
        id bigint PRIMARY KEY,
        customer_id integer NOT NULL REFERENCES customers (id),
        amount numeric(12,2) NOT NULL,
        status varchar(20) NOT NULL DEFAULT 'new',
        CONSTRAINT amount_positive CHECK (amount > 0)
    );
    CREATE VIEW open_orders AS SELECT id, amount FROM orders WHERE status <> 'done';
    CREATE MATERIALIZED VIEW revenue AS SELECT customer_id, count(*) AS n, sum(amount) AS total FROM orders
        GROUP BY customer_id;
    CREATE UNIQUE INDEX revenue_customer ON revenue (customer_id);
    CREATE INDEX orders_status ON orders (status, amount DESC);
    CREATE UNIQUE INDEX ON customers (name);
    CREATE SCHEMA staging;
    CREATE TABLE staging.events (host text, value double precision);
    INSERT INTO customers (email, name) VALUES ('a@x.io', 'Ann');
    INSERT INTO orders VALUES (1, 1, 10.50);
";

/// A command of psql, and what stands in its output.
const COMMANDS: [(&str, &[&str]); 24] = [
    (
        "\\d",
        &[
            "public | customers | table |",
            "public | customers_id_seq | sequence |",
            "public | open_orders | view |",
            "public | revenue | materialized view |",
        ],
    ),
    (
        "\\d orders",
        &[
            "Table \"public.orders\"",
            "id | bigint | | not null |",
            "amount | numeric(12,2) | | not null |",
            "status | character varying(20) | | not null | 'new'",
            "\"orders_pkey\" PRIMARY KEY, btree (id)",
            "\"orders_status\" btree (status, amount)",
            "\"amount_positive\" CHECK (amount > 0)",
            "\"orders_customer_id_fkey\" FOREIGN KEY (customer_id) REFERENCES customers(id)",
        ],
    ),
    (
        "\\d customers",
        &[
            "id | integer | | not null | nextval('customers_id_seq'::regclass)",
            "\"customers_email_key\" UNIQUE CONSTRAINT, btree (email)",
            "\"customers_name_idx\" UNIQUE, btree (name)",
            "TABLE \"orders\" CONSTRAINT \"orders_customer_id_fkey\" FOREIGN KEY (customer_id) REFERENCES customers(id)",
        ],
    ),
    ("\\d+ orders", &["id | bigint | | not null | | plain |", "\"orders_pkey\" PRIMARY KEY", "Access method: heap"]),
    ("\\d+ open_orders", &["View \"public.open_orders\"", "View definition:"]),
    (
        "\\d revenue",
        &[
            "Materialized view \"public.revenue\"",
            "total | numeric",
            "\"revenue_customer\" UNIQUE, btree (customer_id)",
        ],
    ),
    ("\\dt", &["public | customers | table |", "public | orders | table |", "(2 rows)"]),
    ("\\dt+", &["public | orders | table |", "permanent | heap |"]),
    (
        "\\di",
        &[
            "public | orders_pkey | index |",
            "public | customers_email_key | index |",
            "public | orders_status | index |",
        ],
    ),
    (
        "SELECT indexdef FROM pg_indexes WHERE indexname IN ('revenue_customer', 'orders_status')",
        &[
            "CREATE UNIQUE INDEX revenue_customer ON public.revenue USING btree (customer_id)",
            "CREATE INDEX orders_status ON public.orders USING btree (status, amount)",
        ],
    ),
    ("\\dn", &["public |", "staging |"]),
    ("\\dm", &["public | revenue | materialized view |"]),
    ("\\dv", &["public | open_orders | view |"]),
    ("\\l", &["sluice |", "UTF8"]),
    ("\\df", &["(0 rows)"]),
    ("\\dp", &["public | orders | table |", "(5 rows)"]),
    ("\\dD", &["(0 rows)"]),
    ("\\ds", &["public | customers_id_seq | sequence |"]),
    ("\\dT", &["(0 rows)"]),
    ("\\dO", &["(0 rows)"]),
    ("\\dx", &["(0 rows)"]),
    ("\\l+", &["sluice |", "pg_default"]),
    ("\\d+ revenue", &["View definition:", "Access method: heap"]),
    ("SELECT id, * FROM customers", &["id | id | email | name"]),
];

/// One line with single blanks, so that widths of columns don't matter.
fn squeezed(text: &str) -> String {
    text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn psql_shows_the_catalog() {
    if without("psql") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    run(&server.connect().await, SCHEMA).await;
    let (host, port) = server.address.rsplit_once(':').unwrap();
    for (command, expected) in COMMANDS.iter().chain(&[("\\du", &["test | Superuser"][..])]) {
        let output = Command::new("psql")
            .args(["-X", "-h", host, "-p", port, "-U", "test", "-d", "test", "-v", "ON_ERROR_STOP=1", "-c", command])
            .output()
            .unwrap();
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && !errors.contains("ERROR"), "{command}: {errors}");
        let out = squeezed(&out);
        for line in *expected {
            assert!(out.contains(line), "{command} does not show {line:?}:\n{out}");
        }
    }
    server.stop();
}

#[tokio::test]
async fn psql_leaves_nothing_of_a_file_with_an_error() {
    if without("psql") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("lake"));
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)").await;
    let file = dir.path().join("change.sql");
    let sql = "ALTER TABLE t ADD COLUMN w int DEFAULT 5; CREATE INDEX by_w ON t (w); INSERT INTO t VALUES (2, 2, 2);\n\
               ALTER TABLE t RENAME TO u; CREATE MATERIALIZED VIEW m AS SELECT sum(w) AS w FROM u;\n\
               ALTER TABLE u ADD PRIMARY KEY (v);\nALTER TABLE u DROP COLUMN v;\n";
    std::fs::write(&file, sql).unwrap();
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let output = Command::new("psql")
        .args(["-X", "-h", host, "-p", port, "-U", "test", "-d", "test", "-v", "ON_ERROR_STOP=1", "-1", "-f"])
        .arg(&file)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && errors.contains("multiple primary keys"), "{errors}");
    assert_eq!(rows(&client, "SELECT * FROM t").await.unwrap(), ["1 | 1"]);
    let left = "SELECT relname FROM pg_class WHERE relname IN ('u', 'm', 'by_w')";
    assert_eq!(rows(&client, left).await.unwrap(), Vec::<String>::new());
    server.stop();
}

/// Runs a script of tests/clients against a server with the schema.
async fn script(name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    run(&server.connect().await, SCHEMA).await;
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name);
    let output = Command::new(env("SLUICE_TEST_PYTHON")).arg(path).args([host, port]).output().unwrap();
    assert!(
        output.status.success(),
        "{name}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    server.stop();
}

#[tokio::test]
async fn drivers_connect_and_look_types_up() {
    script("drivers.py").await;
}

#[tokio::test]
async fn sqlalchemy_inspects() {
    script("inspect_schema.py").await;
}

#[tokio::test]
async fn information_schema_lists_tables_and_columns() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, SCHEMA).await;
    let tables = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public'";
    let expected =
        ["customers | BASE TABLE", "open_orders | VIEW", "orders | BASE TABLE", "revenue | VIEW"].map(String::from);
    assert_eq!(crate::harness::rows(&client, tables).await.unwrap(), expected);
    let columns = "SELECT column_name, data_type, is_nullable FROM information_schema.columns \
                   WHERE table_name = 'customers'";
    let expected = ["email | character varying | NO", "id | integer | NO", "name | text | NO"].map(String::from);
    assert_eq!(crate::harness::rows(&client, columns).await.unwrap(), expected);
    let schemas = "SELECT schema_name FROM information_schema.schemata";
    let expected = ["information_schema", "pg_catalog", "public", "staging"].map(String::from);
    assert_eq!(crate::harness::rows(&client, schemas).await.unwrap(), expected);
    server.stop();
}

#[tokio::test]
async fn psql_fetches_in_parts() {
    if without("psql") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let output = Command::new("psql")
        .args(["-X", "-h", host, "-p", port, "-U", "test", "-d", "test", "-v", "FETCH_COUNT=7", "-At"])
        .args(["-c", "\\set FETCH_COUNT 7", "-c", "SELECT i FROM generate_series(1, 20) AS g(i) ORDER BY i"])
        .output()
        .unwrap();
    let expected: Vec<String> = (1..=20).map(|i| i.to_string()).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>(), expected, "{errors}");
    server.stop();
}

/// What drivers ask for keys, indexes and types, in their words; PostgreSQL answers the same.
#[tokio::test]
async fn drivers_are_told_keys_as_by_postgres() {
    if without("postgres") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    let postgres = connect(&env("SLUICE_TEST_POSTGRES")).await;
    // The queries name public, so that PostgreSQL needs a database of its own.
    run(&postgres, "DROP DATABASE IF EXISTS sluice_metadata").await;
    run(&postgres, "CREATE DATABASE sluice_metadata").await;
    let other = env("SLUICE_TEST_POSTGRES");
    let other: Vec<&str> = other.split(' ').filter(|part| !part.starts_with("dbname=")).collect();
    let postgres = connect(&format!("{} dbname=sluice_metadata", other.join(" "))).await;
    for side in [&client, &postgres] {
        run(side, &SCHEMA.replace("amount DESC", "amount")).await;
        run(side, "CREATE TABLE pairs (b int, a int, c int, UNIQUE (a), PRIMARY KEY (a, b))").await;
        run(side, "CREATE TABLE of_pairs (y int, x int, FOREIGN KEY (x, y) REFERENCES pairs (a, b))").await;
    }
    let queries = include_str!("../../../../tests/clients/metadata.sql");
    let mut failures = vec![];
    for query in queries.split(";\n").filter(|q| !q.trim().is_empty()) {
        for table in ["orders", "customers", "pairs", "of_pairs"] {
            let query = query.replace("relname = 'orders'", &format!("relname = '{table}'"));
            let (expected, got) = (rows(&postgres, &query).await, rows(&client, &query).await);
            // Of errors, the codes.
            let [expected, got] = [expected, got].map(|r| r.map_err(|e| e.split(' ').next().map(String::from)));
            if got != expected {
                failures.push(format!("{query}\n  expected {expected:?}\n  got      {got:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    server.stop();
}
