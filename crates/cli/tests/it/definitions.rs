//! Changes of definitions: the same statements go to PostgreSQL, and both must accept, refuse and answer alike, also
//! after kill -9.

use crate::harness::{Server, connect, env, message, rows, run, value, without};
use tokio_postgres::Client;

/// Statements in order. `!` is followed by relations to compare from there on, `#` restarts the server by kill -9.
const STORY: &str = "
CREATE TABLE customers (id int PRIMARY KEY, name text, CHECK (customers.name <> 'nobody'));
CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers, amount numeric(10,2) NOT NULL, note text, CONSTRAINT positive CHECK (orders.amount > 0));
INSERT INTO customers VALUES (1, 'ada'), (2, 'bob');
INSERT INTO orders (customer, amount, note) VALUES (1, 10, 'x'), (2, 20.50, NULL), (1, 5, 'y');
CREATE MATERIALIZED VIEW every AS SELECT * FROM orders;
CREATE MATERIALIZED VIEW joined AS SELECT o.id, o.amount, c.name FROM orders o JOIN customers c ON c.id = o.customer;
CREATE VIEW plain AS SELECT id, amount * 2 AS twice FROM orders;
CREATE MATERIALIZED VIEW over_plain AS SELECT sum(twice) AS s FROM plain;
CREATE MATERIALIZED VIEW ranked AS SELECT id, rank() OVER (ORDER BY amount) AS r FROM orders;
! every joined plain over_plain ranked orders customers
ALTER TABLE orders ADD COLUMN status text DEFAULT 'new';
INSERT INTO orders (customer, amount) VALUES (2, 7);
ALTER TABLE orders ADD status text;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS status int;
ALTER TABLE orders ADD COLUMN n int NOT NULL;
ALTER TABLE orders ADD COLUMN n int NOT NULL DEFAULT 1 + 2;
ALTER TABLE orders ADD COLUMN seq serial;
ALTER TABLE orders ADD COLUMN price numeric(8,3) DEFAULT -1.5, ADD COLUMN day date DEFAULT '2024-02-29', ADD COLUMN flag boolean DEFAULT true;
ALTER TABLE orders ADD COLUMN at timestamp DEFAULT '2024-01-02 03:04:05.5', ADD COLUMN tz timestamptz DEFAULT '2024-01-02 03:04:05+02', ADD COLUMN u uuid DEFAULT '550e8400-e29b-41d4-a716-446655440000', ADD COLUMN b bytea DEFAULT '\\x00ff', ADD COLUMN word text DEFAULT 'NULL', ADD COLUMN fl double precision DEFAULT 0.1, ADD COLUMN j jsonb DEFAULT '{\"a\": 1}';
#
INSERT INTO orders (customer, amount, status) VALUES (1, 99, NULL);
UPDATE orders SET n = n + id WHERE id > 2;
CREATE MATERIALIZED VIEW later AS SELECT * FROM orders WHERE n > 3;
! later
ALTER TABLE orders RENAME COLUMN amount TO total;
ALTER TABLE orders RENAME COLUMN nothing TO something;
ALTER TABLE orders RENAME COLUMN total TO note;
INSERT INTO orders (customer, total) VALUES (1, 0);
INSERT INTO orders (customer, total) VALUES (1, 3), (2, 4);
UPDATE orders SET total = total + 1 WHERE id % 2 = 0;
DELETE FROM orders WHERE id = 3;
#
UPDATE orders SET total = total + 1 WHERE id % 2 = 1;
ALTER TABLE customers RENAME TO clients;
! -customers clients
INSERT INTO clients VALUES (3, 'nobody');
INSERT INTO clients VALUES (3, 'cleo');
INSERT INTO orders (customer, total) VALUES (3, 33);
CREATE TABLE customers (id int, name text);
INSERT INTO customers VALUES (3, 'impostor');
ALTER TABLE orders RENAME TO purchases;
! -orders purchases
#
INSERT INTO purchases (customer, total) VALUES (3, 1);
ALTER TABLE purchases DROP COLUMN total;
ALTER TABLE purchases DROP COLUMN price;
ALTER TABLE purchases DROP COLUMN nothing;
ALTER TABLE purchases DROP COLUMN IF EXISTS nothing;
DROP MATERIALIZED VIEW later;
! -later
ALTER TABLE purchases DROP COLUMN price, DROP COLUMN seq;
UPDATE purchases SET n = 0 WHERE id = 1;
#
INSERT INTO purchases (customer, total, n) VALUES (2, 8, 8);
DELETE FROM purchases WHERE id = 2;
ALTER TABLE clients DROP COLUMN id;
ALTER TABLE purchases DROP COLUMN note CASCADE;
! -every
INSERT INTO purchases (customer, total) VALUES (1, 12);
ALTER TABLE purchases ALTER COLUMN n SET DEFAULT 42, ALTER COLUMN flag DROP DEFAULT;
INSERT INTO purchases (customer, total) VALUES (1, 13);
ALTER TABLE purchases ALTER n DROP NOT NULL;
UPDATE purchases SET n = NULL WHERE id = 1;
ALTER TABLE purchases ALTER n SET NOT NULL;
UPDATE purchases SET n = 1 WHERE n IS NULL;
ALTER TABLE purchases ALTER n SET NOT NULL;
UPDATE purchases SET n = NULL WHERE id = 1;
ALTER TABLE purchases ALTER id DROP NOT NULL;
ALTER TABLE purchases ALTER COLUMN n SET DEFAULT 'many';
ALTER TABLE purchases ADD CONSTRAINT big CHECK (n > 1);
ALTER TABLE purchases ADD CONSTRAINT small CHECK (n < 1000);
ALTER TABLE purchases ADD CONSTRAINT small CHECK (n < 1000);
INSERT INTO purchases (customer, total, n) VALUES (1, 1, 1000);
ALTER TABLE purchases DROP CONSTRAINT small;
ALTER TABLE purchases DROP CONSTRAINT small;
ALTER TABLE purchases DROP CONSTRAINT IF EXISTS small;
INSERT INTO purchases (customer, total, n) VALUES (1, 1, 1000);
ALTER TABLE purchases ADD CONSTRAINT one UNIQUE (customer);
ALTER TABLE purchases ADD CONSTRAINT one UNIQUE (customer, total, n, id);
ALTER TABLE purchases ADD CONSTRAINT again FOREIGN KEY (n) REFERENCES clients (id);
ALTER TABLE purchases DROP CONSTRAINT one, ADD COLUMN partner int REFERENCES clients, ADD UNIQUE (id, n);
UPDATE purchases SET partner = 3 WHERE id = 1;
UPDATE purchases SET partner = 9 WHERE id = 1;
DELETE FROM clients WHERE id = 3;
ALTER TABLE clients DROP CONSTRAINT customers_pkey;
#
ALTER TABLE purchases ALTER COLUMN n TYPE bigint, ALTER status TYPE text;
INSERT INTO purchases (customer, total, n) VALUES (2, 2, 5000000000);
CREATE TABLE loose (a int, b int);
INSERT INTO loose VALUES (1, NULL);
ALTER TABLE loose ADD PRIMARY KEY (a, b);
ALTER TABLE loose ADD PRIMARY KEY (a);
ALTER TABLE loose ADD PRIMARY KEY (b);
INSERT INTO loose VALUES (1, 2);
INSERT INTO loose VALUES (NULL, 2);
ALTER TABLE loose ADD COLUMN c int UNIQUE;
INSERT INTO loose VALUES (2, 2, 5);
INSERT INTO loose VALUES (3, 2, 5);
ALTER TABLE nowhere ADD COLUMN a int;
ALTER TABLE IF EXISTS nowhere ADD COLUMN a int;
! loose
ALTER TABLE loose DROP COLUMN a;
INSERT INTO loose VALUES (1, 9), (1, 10);
#
INSERT INTO loose VALUES (1, 9);
BEGIN; INSERT INTO loose VALUES (7, 7); ALTER TABLE loose ADD COLUMN d int DEFAULT 5; UPDATE loose SET d = d + 1 WHERE b = 7; INSERT INTO loose VALUES (8, 8, 8); ALTER TABLE loose RENAME COLUMN d TO dd; ALTER TABLE loose DROP COLUMN b; DELETE FROM loose WHERE c = 5; COMMIT;
#
BEGIN; CREATE TABLE fresh (a int, b int); INSERT INTO fresh VALUES (1, 2); ALTER TABLE fresh ADD COLUMN c int DEFAULT 3; ALTER TABLE fresh DROP COLUMN a; ALTER TABLE fresh RENAME TO fresher; INSERT INTO fresher VALUES (4, 5); COMMIT;
! fresher
#
INSERT INTO fresher VALUES (6, 7);
BEGIN; ALTER TABLE fresher ADD COLUMN gone int DEFAULT 1; UPDATE fresher SET gone = 2; ROLLBACK;
BEGIN; SAVEPOINT s; ALTER TABLE fresher DROP COLUMN b; ROLLBACK TO SAVEPOINT s; INSERT INTO fresher VALUES (8, 9); COMMIT;
CREATE INDEX ON fresher (b);
CREATE INDEX by_b ON fresher USING btree (b DESC NULLS LAST, c);
CREATE INDEX by_b ON fresher (c);
CREATE INDEX IF NOT EXISTS by_b ON fresher (c);
CREATE INDEX bad ON fresher (nothing);
CREATE UNIQUE INDEX only_c ON fresher (c);
INSERT INTO fresher VALUES (1, 9);
INSERT INTO fresher VALUES (1, 10) ON CONFLICT (c) DO NOTHING;
INSERT INTO fresher VALUES (2, 10) ON CONFLICT (c) DO UPDATE SET b = 200;
#
INSERT INTO fresher VALUES (1, 9);
DROP INDEX only_c;
INSERT INTO fresher VALUES (1, 9);
CREATE UNIQUE INDEX only_c ON fresher (c);
DROP INDEX nothing;
DROP INDEX IF EXISTS nothing;
DROP INDEX loose_pkey;
DROP INDEX by_b;
BEGIN; DELETE FROM fresher WHERE c = 9; CREATE UNIQUE INDEX only_c ON fresher (c); INSERT INTO fresher VALUES (3, 10); COMMIT;
BEGIN; DELETE FROM fresher WHERE c = 9; CREATE UNIQUE INDEX only_c ON fresher (c); INSERT INTO fresher VALUES (3, 11); COMMIT;
INSERT INTO fresher VALUES (3, 11);
CREATE TABLE moved (a int, id int PRIMARY KEY, v int, w int UNIQUE);
INSERT INTO moved VALUES (2, 1, 10, 3), (1, 2, 20, 2), (30, 3, 30, 1);
! moved
BEGIN; ALTER TABLE moved DROP COLUMN a; UPDATE moved SET v = 5 WHERE id = 2; INSERT INTO moved VALUES (2, 9, 9) ON CONFLICT (id) DO UPDATE SET v = moved.v + 1; DELETE FROM moved WHERE v = 30; UPDATE moved SET v = v * 2 WHERE w = 3; COMMIT;
UPDATE moved SET v = v + 1 WHERE id = 1;
INSERT INTO moved VALUES (2, 2, 2);
INSERT INTO moved VALUES (4, 2, 2);
ALTER TABLE moved ALTER id TYPE bigint;
#
BEGIN; ALTER TABLE moved ADD COLUMN z int DEFAULT 4; UPDATE moved SET z = 6 WHERE id = 1; CREATE MATERIALIZED VIEW later AS SELECT sum(z) AS z, count(*) AS n FROM moved; INSERT INTO moved VALUES (77, 7, 7, 7); COMMIT;
! later
INSERT INTO moved VALUES (78, 7, 8, 8);
BEGIN; TRUNCATE moved; ALTER TABLE moved DROP COLUMN v; INSERT INTO moved VALUES (2, 2, 2); ALTER TABLE moved ADD COLUMN v int DEFAULT 1; COMMIT;
! -moved
ALTER TABLE moved ADD COLUMN at timestamptz DEFAULT now(), ADD COLUMN chance double precision DEFAULT random();
INSERT INTO moved (id, w) SELECT i, i FROM generate_series(100, 110) AS g(i);
ALTER TABLE moved ADD COLUMN chance2 double precision DEFAULT random(), ADD COLUMN at2 timestamptz DEFAULT now();
CREATE MATERIALIZED VIEW chances AS SELECT count(DISTINCT chance2) AS chances, count(DISTINCT at2) AS times FROM moved;
! chances
UPDATE moved SET id = 5000000000 WHERE id = 2;
INSERT INTO moved VALUES (5000000000, 200, 8);
INSERT INTO moved VALUES (1, 2, 8) ON CONFLICT DO NOTHING;
CREATE TABLE wide (id int PRIMARY KEY, a int, b int, c int);
CREATE MATERIALIZED VIEW by_key AS SELECT id, a, count(*) AS n FROM wide GROUP BY id;
CREATE MATERIALIZED VIEW grouped AS SELECT id AS k, sum(b) AS s FROM wide GROUP BY id;
INSERT INTO wide VALUES (1, 2, 3, 4), (5, 6, 7, 8);
! wide by_key grouped
ALTER TABLE wide DROP COLUMN c;
ALTER TABLE wide ADD COLUMN d int DEFAULT 3;
UPDATE wide SET d = 5, a = a + 1 WHERE id = 1;
ALTER TABLE wide DROP COLUMN a;
ALTER TABLE wide DROP COLUMN b;
ALTER TABLE wide ALTER d TYPE bigint;
ALTER TABLE wide RENAME COLUMN id TO key;
ALTER MATERIALIZED VIEW grouped RENAME TO sums;
ALTER MATERIALIZED VIEW IF EXISTS grouped RENAME TO sums;
! sums
#
INSERT INTO wide VALUES (9, 9, 9, 9);
DROP TABLE clients;
DROP TABLE clients CASCADE;
! -clients -joined
INSERT INTO purchases (customer, total) VALUES (77, 7);
CREATE TABLE kinds (id int PRIMARY KEY, a text, b bigint NOT NULL DEFAULT 7, c numeric(12,4) UNIQUE, d timestamp, e text, CHECK (b > 0));
INSERT INTO kinds VALUES (1, '10', 3, 1.5555, '2024-01-02 03:04:05', '{\"x\": 1}'), (2, ' 20 ', 4, 2.4444, NULL, NULL), (3, NULL, 70000, NULL, '2024-12-31 23:59:59', '[]');
CREATE MATERIALIZED VIEW of_kinds AS SELECT id, b + 1 AS b FROM kinds;
CREATE INDEX kinds_a ON kinds (a);
! kinds of_kinds
ALTER TABLE kinds ALTER a TYPE int;
ALTER TABLE kinds ALTER a TYPE int USING a::int;
INSERT INTO kinds VALUES (4, 'x', 1, 9, NULL, NULL);
INSERT INTO kinds VALUES (4, 40, 1, 9, NULL, NULL);
#
ALTER TABLE kinds ALTER c TYPE numeric(6,1);
INSERT INTO kinds VALUES (5, 1, 1, 9.04, NULL, NULL);
ALTER TABLE kinds ALTER c TYPE int, ALTER d TYPE date, ALTER e TYPE jsonb USING e::jsonb;
INSERT INTO kinds VALUES (6, 1, 1, 9.4, NULL, NULL);
INSERT INTO kinds VALUES (6, 1, 1, 10.4, '2024-05-06', '{\"b\": 1, \"a\": 2}');
SELECT id FROM kinds WHERE a = 40;
#
UPDATE kinds SET a = a + 1, c = c * 2 WHERE id > 2;
DELETE FROM kinds WHERE id = 2;
ALTER TABLE kinds ALTER c TYPE smallint USING (SELECT 1);
ALTER TABLE kinds ALTER c TYPE smallint USING nothing;
ALTER TABLE kinds ALTER c TYPE smallint USING d;
ALTER TABLE kinds ALTER c TYPE smallint USING rank() OVER ();
ALTER TABLE kinds ALTER c TYPE smallint USING 5;
ALTER TABLE kinds ALTER c TYPE boolean;
ALTER TABLE kinds ALTER c TYPE boolean USING c > 10;
DROP MATERIALIZED VIEW of_kinds;
! -of_kinds
CREATE MATERIALIZED VIEW of_a AS SELECT count(*) AS n, sum(a) AS a FROM kinds;
! of_a
ALTER TABLE kinds DROP CONSTRAINT kinds_c_key;
ALTER TABLE kinds ALTER b TYPE smallint;
ALTER TABLE kinds ALTER b TYPE smallint USING b % 10;
ALTER TABLE kinds ALTER b TYPE smallint USING b % 9999;
ALTER TABLE kinds ALTER b TYPE boolean USING true;
ALTER TABLE kinds ALTER b TYPE numeric(10,2) USING CASE WHEN id = 3 THEN NULL ELSE b END;
ALTER TABLE kinds ALTER id TYPE numeric(4,1) USING id / 2;
ALTER TABLE kinds ALTER id TYPE numeric(4,1) USING id / 2.0;
INSERT INTO kinds (id, a) VALUES (0.5, 1);
INSERT INTO kinds (id, a) VALUES (7.26, 1);
#
BEGIN; INSERT INTO kinds (id, a) VALUES (8, 8); ALTER TABLE kinds ALTER id TYPE int; UPDATE kinds SET id = id + 1 WHERE a = 8; ALTER TABLE kinds ALTER id TYPE varchar(3); DELETE FROM kinds WHERE id = '7'; INSERT INTO kinds (id, a) VALUES ('a', 9); COMMIT;
INSERT INTO kinds (id, a) VALUES ('a', 9);
BEGIN; ALTER TABLE kinds ALTER c TYPE text; UPDATE kinds SET c = 'y'; ROLLBACK;
ALTER TABLE kinds ALTER id TYPE varchar(1), ALTER c TYPE varchar(3);
ALTER TABLE kinds ALTER id TYPE varchar(2), ALTER c TYPE varchar(5);
#
INSERT INTO kinds (id, a) VALUES ('b', 9);
UPDATE kinds SET c = 'z' WHERE id = 'b';
";

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_as_in_postgres() {
    if without("postgres") {
        return;
    }
    let postgres = connect(&env("SLUICE_TEST_POSTGRES")).await;
    run(&postgres, "DROP SCHEMA IF EXISTS definitions CASCADE; CREATE SCHEMA definitions").await;
    run(&postgres, "SET search_path TO definitions; SET timezone TO 'UTC'; SET client_min_messages TO error").await;
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    let mut relations: Vec<String> = vec![];
    let mut failures: Vec<String> = vec![];
    for line in STORY.lines().filter(|l| !l.is_empty()) {
        if line == "#" {
            server.kill();
            server = Server::start(dir.path());
            client = server.connect().await;
        } else if let Some(names) = line.strip_prefix("! ") {
            for name in names.split(' ') {
                match name.strip_prefix('-') {
                    Some(gone) => relations.retain(|r| r != gone),
                    None => relations.push(name.to_string()),
                }
            }
        } else {
            let expected = outcome(&postgres, &line.replace("MATERIALIZED VIEW", "VIEW")).await;
            let got = outcome(&client, line).await;
            for failed in [&client, &postgres] {
                // A transaction that failed in the middle.
                run(failed, "ROLLBACK").await;
            }
            if got != expected {
                failures.push(format!("{line}\n  expected {expected}\n  got      {got}"));
            }
        }
        for relation in &relations {
            let sql = format!("SELECT * FROM {relation}");
            let (expected, got) = (rows(&postgres, &sql).await, rows(&client, &sql).await);
            if expected != got {
                failures.push(format!("{relation} after {line}\n  expected {expected:?}\n  got      {got:?}"));
            }
        }
    }
    failures.extend(wrong(&client).await);
    // Every version was right in the columns and under the names of its time.
    let now = value(&client, "SELECT sluice.verify()").await;
    let last: i64 = now.split(" | ").nth(1).unwrap().parse().unwrap();
    for version in 1..=last {
        let mut all = rows(&client, &format!("SELECT sluice.verify(at => {version})")).await.unwrap();
        all.retain(|r| r.split(" | ").nth(3) != Some("0"));
        failures.extend(all);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    server.stop();
}

/// `ok`, or the SQLSTATE with the message.
async fn outcome(client: &Client, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Ok(()) => "ok".into(),
        Err(e) => message(&e),
    }
}

/// Views that differ from their queries.
async fn wrong(client: &Client) -> Vec<String> {
    let mut all = rows(client, "SELECT sluice.verify()").await.unwrap();
    all.retain(|r| r.split(" | ").nth(3) != Some("0"));
    all
}

async fn status(client: &Client, view: &str) -> String {
    value(client, &format!("SELECT status, error FROM sluice.status WHERE name = '{view}'")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_index_on_a_view_withholds_what_would_break_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    run(&client, "CREATE TABLE p (id int PRIMARY KEY, name text, v int)").await;
    run(&client, "INSERT INTO p VALUES (1, 'a', 1), (2, 'b', 2), (3, NULL, 3), (4, NULL, 4)").await;
    run(&client, "CREATE MATERIALIZED VIEW names AS SELECT id, name FROM p").await;
    run(&client, "CREATE MATERIALIZED VIEW count_names AS SELECT count(*) AS n FROM names").await;
    run(&client, "CREATE MATERIALIZED VIEW ranks AS SELECT name, rank() OVER (ORDER BY id) AS r FROM p").await;
    run(&client, "CREATE MATERIALIZED VIEW count_ranks AS SELECT count(*) AS n, sum(r) AS s FROM ranks").await;
    run(&client, "CREATE UNIQUE INDEX only_names ON names (name); CREATE UNIQUE INDEX only_ranks ON ranks (name)")
        .await;
    run(&client, "CREATE INDEX plain ON names (id)").await;
    let counts = "SELECT a.n, b.n FROM count_names a, count_ranks b";
    assert_eq!(value(&client, counts).await, "4 | 4");

    run(&client, "INSERT INTO p VALUES (5, 'a', 5), (6, 'c', 6)").await;
    assert_eq!(value(&client, "SELECT count(*) FROM p").await, "6");
    assert_eq!(value(&client, counts).await, "4 | 4");
    assert_eq!(rows(&client, "SELECT * FROM names").await.unwrap(), ["1 | a", "2 | b", "3 | NULL", "4 | NULL"]);
    let error = "duplicate key value violates unique constraint \"only_names\" on row (5, a) (23505)";
    assert_eq!(status(&client, "names").await, format!("ERROR | {error}"));
    assert_eq!(status(&client, "count_names").await, format!("ERROR | {error}"));
    assert!(status(&client, "ranks").await.starts_with("ERROR | duplicate key value"));

    // More changes, and a restart, change nothing of that.
    run(&client, "INSERT INTO p VALUES (7, 'd', 7); DELETE FROM p WHERE id = 2; UPDATE p SET v = 0").await;
    assert_eq!(value(&client, counts).await, "4 | 4");
    server.kill();
    server = Server::start(dir.path());
    client = server.connect().await;
    assert_eq!(value(&client, counts).await, "4 | 4");
    assert_eq!(status(&client, "names").await, format!("ERROR | {error}"));
    run(&client, "INSERT INTO p VALUES (8, NULL, 8)").await;
    assert_eq!(value(&client, counts).await, "4 | 4");

    // Mended, all follow by themselves.
    run(&client, "UPDATE p SET name = 'e' WHERE id = 5").await;
    assert_eq!(value(&client, counts).await, "7 | 7");
    assert_eq!(status(&client, "count_ranks").await, "ACTIVE | NULL");
    assert_eq!(wrong(&client).await, Vec::<String>::new());

    // Names that change hands within one transaction break nothing.
    run(&client, "BEGIN; UPDATE p SET name = 'x' WHERE id = 1; UPDATE p SET name = 'a' WHERE id = 5; COMMIT").await;
    assert_eq!(status(&client, "names").await, "ACTIVE | NULL");

    // A view that takes another's place keeps its indexes.
    run(&client, "CREATE OR REPLACE MATERIALIZED VIEW spare AS SELECT id, v FROM p").await;
    run(&client, "CREATE UNIQUE INDEX spare_id ON spare (id); CREATE INDEX spare_v ON spare (v)").await;
    run(&client, "CREATE OR REPLACE MATERIALIZED VIEW spare AS SELECT name, id FROM p WHERE v > 0").await;
    let left = "SELECT indexdef FROM pg_indexes WHERE tablename = 'spare'";
    let index = "CREATE UNIQUE INDEX spare_id ON public.spare USING btree (id)";
    assert_eq!(rows(&client, left).await.unwrap(), [index]);
    let replaced = "BEGIN; CREATE OR REPLACE MATERIALIZED VIEW spare AS SELECT 1 AS id FROM p; COMMIT";
    let error = outcome(&client, replaced).await;
    assert_eq!(error, "23505 could not create unique index \"spare_id\"");
    run(&client, "ROLLBACK").await;

    // Without the index the rows are shown.
    run(&client, "INSERT INTO p VALUES (9, 'a', 9)").await;
    assert!(status(&client, "names").await.starts_with("ERROR"));
    run(&client, "DROP INDEX only_names; DROP INDEX only_ranks").await;
    assert_eq!(value(&client, counts).await, "8 | 8");
    let error = rows(&client, "CREATE UNIQUE INDEX only_names ON names (name)").await.unwrap_err();
    assert_eq!(error, "23505 could not create unique index \"only_names\"");
    assert_eq!(wrong(&client).await, Vec::<String>::new());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL, pad text)").await;
    run(&client, "CREATE MATERIALIZED VIEW s AS SELECT count(*) AS n, sum(v) AS v FROM t").await;
    run(&client, "CREATE MATERIALIZED VIEW r AS SELECT id, rank() OVER (ORDER BY id) AS r FROM t WHERE id % 50 = 0")
        .await;
    const WRITERS: i32 = 4;
    const ROWS: i32 = 40;
    let mut tasks = vec![];
    for w in 0..WRITERS {
        let client = server.connect().await;
        tasks.push(tokio::spawn(async move {
            for i in 0..ROWS {
                let id = w * ROWS + i;
                run(&client, &format!("INSERT INTO t (id, v) VALUES ({id}, 1)")).await;
                let block = format!(
                    "BEGIN; UPDATE t SET v = v + 1 WHERE id = {id}; INSERT INTO t (id, v) VALUES (-1 - {id}, 5); COMMIT"
                );
                while let Err(e) = client.batch_execute(&block).await {
                    assert!(message(&e).starts_with("40001"), "{}", message(&e));
                    run(&client, "ROLLBACK").await;
                }
            }
        }));
    }
    for i in 0..6 {
        run(&client, &format!("ALTER TABLE t ADD COLUMN c{i} int DEFAULT {i}")).await;
        run(&client, &format!("ALTER TABLE t ADD COLUMN s{i} serial")).await;
        run(&client, &format!("ALTER TABLE t ADD CONSTRAINT check{i} CHECK (v > 0 AND c{i} = {i})")).await;
        run(&client, &format!("ALTER TABLE t RENAME COLUMN v TO w{i}; ALTER TABLE t RENAME COLUMN w{i} TO v")).await;
        run(&client, &format!("CREATE UNIQUE INDEX u{i} ON t (id, v)")).await;
        run(&client, &format!("ALTER TABLE t ALTER s{i} TYPE smallint")).await;
        run(&client, &format!("ALTER TABLE t DROP COLUMN s{i}")).await;
    }
    run(&client, "ALTER TABLE t DROP COLUMN pad").await;
    for task in tasks {
        task.await.unwrap();
    }
    let rows_written = WRITERS * ROWS;
    let expected = format!("{} | {}", rows_written * 2, rows_written * 7);
    assert_eq!(value(&client, "SELECT n, v FROM s").await, expected);
    assert_eq!(value(&client, "SELECT count(*), sum(v) FROM t WHERE c5 = 5 AND c0 = 0").await, expected);
    assert_eq!(wrong(&client).await, Vec::<String>::new());
    let error = rows(&client, "INSERT INTO t (id, v) VALUES (0, 3)").await.unwrap_err();
    assert!(error.starts_with("23505"), "{error}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_keeps_the_columns_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let (a, b) = (server.connect().await, server.connect().await);
    run(&a, "CREATE TABLE t (a int, id int PRIMARY KEY, v int); INSERT INTO t VALUES (9, 1, 10), (9, 2, 20)").await;
    run(&a, "BEGIN").await;
    assert_eq!(rows(&a, "SELECT * FROM t WHERE id = 1").await.unwrap(), ["9 | 1 | 10"]);
    run(&b, "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN w int DEFAULT 3; UPDATE t SET id = 3 WHERE id = 1")
        .await;
    assert_eq!(rows(&a, "SELECT * FROM t WHERE id = 1").await.unwrap(), ["9 | 1 | 10"]);
    run(&a, "UPDATE t SET v = v + 1 WHERE id = 2").await;
    assert_eq!(rows(&a, "SELECT * FROM t").await.unwrap(), ["9 | 1 | 10", "9 | 2 | 21"]);
    let error = a.batch_execute("COMMIT").await.unwrap_err();
    assert!(message(&error).starts_with("40001"), "{}", message(&error));
    assert_eq!(rows(&a, "SELECT * FROM t").await.unwrap(), ["2 | 20 | 3", "3 | 10 | 3"]);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_built_is_refused_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "CREATE TABLE t (id int PRIMARY KEY, v int, w text, u int UNIQUE)").await;
    run(&client, "CREATE TABLE c (t int REFERENCES t (u))").await;
    run(
        &client,
        "CREATE VIEW p AS SELECT v FROM t; CREATE MATERIALIZED VIEW m AS SELECT v, count(*) FROM p GROUP BY v",
    )
    .await;
    run(&client, "CREATE MATERIALIZED VIEW k AS SELECT id, w FROM t").await;
    for (sql, code) in [
        ("CREATE INDEX i ON t (lower(w))", "0A000"),
        ("CREATE INDEX i ON t (w) WHERE v > 1", "0A000"),
        ("CREATE INDEX i ON t USING gin (w)", "0A000"),
        ("CREATE INDEX i ON t USING brin (w)", "0A000"),
        ("CREATE INDEX i ON t (w) INCLUDE (v)", "0A000"),
        ("CREATE INDEX i ON t (w text_pattern_ops)", "0A000"),
        ("CREATE UNIQUE INDEX i ON t (w) NULLS NOT DISTINCT", "0A000"),
        ("CREATE INDEX i ON p (v)", "42809"),
        ("ALTER TABLE m ADD COLUMN x int", "42809"),
        ("ALTER MATERIALIZED VIEW m SET (schedule = '3s')", "0A000"),
        ("ALTER TABLE p DROP COLUMN v", "42809"),
        ("ALTER TABLE t ALTER v TYPE smallint", "2BP01"),
        ("ALTER TABLE t ALTER v TYPE bigint", "2BP01"),
        ("ALTER TABLE t ALTER u TYPE bigint", "0A000"),
        ("ALTER TABLE c ALTER t TYPE bigint", "0A000"),
        ("ALTER TABLE t ADD COLUMN x smallint, ALTER x TYPE int USING (SELECT 1)", "0A000"),
        ("ALTER TABLE t ADD COLUMN x bigint DEFAULT 5000000000, ALTER x TYPE int", "22003"),
        ("ALTER TABLE t DROP COLUMN v", "2BP01"),
        ("ALTER TABLE t DROP COLUMN u", "2BP01"),
        ("ALTER TABLE t DROP CONSTRAINT t_u_key", "2BP01"),
        ("ALTER TABLE t DROP CONSTRAINT t_pkey", "2BP01"),
        ("ALTER TABLE c DROP COLUMN t", "0A000"),
        ("ALTER TABLE t OWNER TO test", "0A000"),
        ("DROP VIEW p", "2BP01"),
        ("DROP INDEX t_u_key", "2BP01"),
    ] {
        let error = rows(&client, sql).await.expect_err(sql);
        assert!(error.starts_with(code), "{sql}: {error}");
    }
    assert_eq!(rows(&client, "SELECT * FROM t").await.unwrap(), Vec::<String>::new());
    run(&client, "ALTER TABLE t DROP COLUMN u CASCADE; INSERT INTO c VALUES (7)").await;
    run(&client, "ALTER TABLE t DROP COLUMN v CASCADE; INSERT INTO t VALUES (1, 'w')").await;
    assert_eq!(rows(&client, "SELECT * FROM k").await.unwrap(), ["1 | w"]);
    let error = rows(&client, "SELECT * FROM m").await.unwrap_err();
    assert!(error.starts_with("42P01"), "{error}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_mean_what_they_meant_when_the_view_was_created() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let mut client = server.connect().await;
    run(&client, "CREATE SCHEMA silver; CREATE TABLE silver.events (id int PRIMARY KEY, v int)").await;
    run(&client, "CREATE TABLE events (id int, v int); INSERT INTO events VALUES (1, 1000)").await;
    run(&client, "SET search_path TO silver, public").await;
    run(&client, "CREATE MATERIALIZED VIEW total AS SELECT sum(v) AS v FROM events").await;
    run(&client, "CREATE VIEW plain AS SELECT id + 1 AS next FROM events").await;
    run(
        &client,
        "CREATE MATERIALIZED VIEW natural_join AS SELECT e.id, p.next FROM events e JOIN plain p ON p.next = e.id + 1",
    )
    .await;
    run(
        &client,
        "ALTER TABLE events RENAME TO facts; ALTER TABLE facts RENAME v TO value; ALTER TABLE facts ADD next int",
    )
    .await;
    run(&client, "CREATE TABLE silver.events (id text)").await;
    run(&client, "BEGIN; CREATE TABLE brief (a int); CREATE TABLE brief2 (a int); ALTER TABLE brief2 RENAME TO brief3; DROP TABLE brief; COMMIT").await;
    for _ in 0..2 {
        run(&client, "INSERT INTO silver.facts SELECT coalesce(max(id), 0) + 1, 5, 9 FROM silver.facts").await;
        server.kill();
        server = Server::start(dir.path());
        client = server.connect().await;
    }
    assert_eq!(value(&client, "SELECT v FROM silver.total").await, "10");
    assert_eq!(rows(&client, "SELECT * FROM silver.natural_join").await.unwrap(), ["1 | 2", "2 | 3"]);
    assert_eq!(rows(&client, "SELECT * FROM silver.plain").await.unwrap(), ["2", "3"]);
    let error = rows(&client, "SELECT * FROM silver.brief").await.unwrap_err();
    assert!(error.starts_with("42P01"), "{error}");
    assert_eq!(rows(&client, "SELECT * FROM silver.brief3").await.unwrap(), Vec::<String>::new());
    assert_eq!(wrong(&client).await, Vec::<String>::new());
    server.stop();
}

/// Statements at random over one table, its views and its indexes; most are right, some are not.
struct Dice {
    state: u64,
    columns: Vec<String>,
    named: usize,
    rows: usize,
}

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % below
    }

    fn name(&mut self, prefix: &str) -> String {
        self.named += 1;
        format!("{prefix}{}", self.named)
    }

    /// A column that is there, or was.
    fn column(&mut self) -> String {
        let at = self.roll(self.columns.len());
        self.columns[at].clone()
    }

    fn statement(&mut self) -> String {
        let (column, other, n) = (self.column(), self.column(), self.roll(50));
        match self.roll(22) {
            0..=5 => {
                self.rows += 1;
                format!("INSERT INTO t (id, {column}) VALUES ({}, {n})", self.rows)
            }
            6..=8 => format!("UPDATE t SET {column} = {n} WHERE id % 5 = {}", n % 5),
            9 => format!("UPDATE t SET {column} = coalesce({other}, 0) + 1 WHERE {other} > {n}"),
            10 => format!("DELETE FROM t WHERE id % 11 = {}", n % 11),
            kind @ 11..=13 => {
                let new = self.name("c");
                self.columns.push(new.clone());
                let options = ["", " DEFAULT 7", " NOT NULL DEFAULT 2 * 4"][kind - 11];
                format!("ALTER TABLE t ADD COLUMN {new} int{options}")
            }
            14 => format!("ALTER TABLE t DROP COLUMN {column}{}", if n < 10 { " CASCADE" } else { "" }),
            15 => {
                let new = self.name("r");
                self.columns.push(new.clone());
                format!("ALTER TABLE t RENAME COLUMN {column} TO {new}")
            }
            16 => format!(
                "CREATE MATERIALIZED VIEW {} AS SELECT id, {column}, {other} + 1 AS more FROM t",
                self.name("v")
            ),
            17 => format!(
                "CREATE MATERIALIZED VIEW {} AS SELECT {column} AS k, count(*) AS n, sum({other}) AS s FROM t GROUP BY {column}",
                self.name("v")
            ),
            18 => format!(
                "CREATE MATERIALIZED VIEW {} AS SELECT *, rank() OVER (ORDER BY {column}, id) AS place FROM t",
                self.name("v")
            ),
            19 => format!(
                "CREATE {}INDEX {} ON t ({column}, {other})",
                if n < 25 { "UNIQUE " } else { "" },
                self.name("i")
            ),
            20 => format!("DROP INDEX IF EXISTS i{}", self.roll(self.named + 1)),
            _ => format!(
                "ALTER TABLE t ALTER {column} {}",
                ["SET NOT NULL", "DROP NOT NULL", "SET DEFAULT 3", "TYPE bigint"][n % 4]
            ),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_at_random_do_as_in_postgres() {
    if without("postgres") {
        return;
    }
    let postgres = connect(&env("SLUICE_TEST_POSTGRES")).await;
    let last = std::env::var("SLUICE_TEST_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(3);
    for seed in 1..=last {
        run(&postgres, "DROP SCHEMA IF EXISTS dice CASCADE; CREATE SCHEMA dice; SET search_path TO dice").await;
        run(&postgres, "SET client_min_messages TO error").await;
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(dir.path());
        let mut client = server.connect().await;
        let columns = ["id", "a", "b", "c"].map(String::from).into();
        let mut dice = Dice { state: seed, columns, named: 0, rows: 0 };
        for c in [&client, &postgres] {
            run(c, "CREATE TABLE t (a int, id int PRIMARY KEY, b int, c int)").await;
        }
        let mut done = vec![];
        for step in 0..120 {
            let size = if dice.roll(4) == 0 { 1 + dice.roll(4) } else { 0 };
            let sql = match size {
                0 => dice.statement(),
                n => {
                    let inner: Vec<String> = (0..n).map(|_| dice.statement()).collect();
                    let end = if dice.roll(3) == 0 { "ROLLBACK" } else { "COMMIT" };
                    format!("BEGIN; {}; {end}", inner.join("; "))
                }
            };
            done.push(sql.clone());
            let story = done.iter().rev().cloned().collect::<Vec<_>>().join(" <- ");
            let code = |outcome: String| outcome.split(' ').next().unwrap_or_default().to_string();
            let expected = code(outcome(&postgres, &sql.replace("MATERIALIZED VIEW", "VIEW")).await);
            let got = code(outcome(&client, &sql).await);
            for failed in [&client, &postgres] {
                run(failed, "ROLLBACK").await;
            }
            // A view's column cannot be retyped in both, but for another reason. Keys are checked at COMMIT here, so
            // that in a transaction another error may come first, or none.
            if size > 0 && got == "ok" && expected == "23505" {
                if sql.ends_with("ROLLBACK") {
                    continue;
                }
                break;
            }
            let retyped = sql.contains("TYPE bigint") && [&*got, &*expected] == ["2BP01", "0A000"];
            let same = got == expected || retyped || (size > 0 && [&got, &expected].iter().all(|o| *o != "ok"));
            assert!(same, "seed {seed}, {got} instead of {expected} from {story}");
            if step % 20 == 19 {
                server.kill();
                server = Server::start(dir.path());
                client = server.connect().await;
            }
            let relations =
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'm') AND relname ~ '^(t|v[0-9]+)$'";
            let mine = rows(&client, relations).await.unwrap();
            let theirs = format!("{relations} AND relnamespace = 'dice'::regnamespace");
            assert_eq!(mine, rows(&postgres, &theirs).await.unwrap(), "seed {seed} after {story}");
            for relation in mine {
                let select = format!("SELECT * FROM {relation}");
                let (got, expected) = (rows(&client, &select).await, rows(&postgres, &select).await);
                assert_eq!(got, expected, "seed {seed}, {relation} after {story}");
            }
        }
        assert_eq!(wrong(&client).await, Vec::<String>::new());
        server.stop();
    }
}
