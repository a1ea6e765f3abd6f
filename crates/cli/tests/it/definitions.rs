//! Changes of definitions: the same statements go to PostgreSQL, and both must accept, refuse and answer alike, also
//! after kill -9.

use crate::harness::{Server, connect, env, message, rows, run, without};
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
DROP TABLE clients;
DROP TABLE clients CASCADE;
! -clients -joined
INSERT INTO purchases (customer, total) VALUES (77, 7);
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
