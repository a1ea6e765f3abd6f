use crate::client::{Server, message};

fn parse(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let types: Vec<u8> = types.iter().flat_map(|t| t.to_be_bytes()).collect();
    let count = (types.len() as u16 / 4).to_be_bytes();
    message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0", &count, &types])
}

/// Values all in one format, results in another.
fn bind(portal: &str, statement: &str, format: u8, values: &[Option<&[u8]>], result_format: u8) -> Vec<u8> {
    let mut body = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\x01\0", &[format]].concat();
    body.extend((values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            Some(bytes) => {
                body.extend((bytes.len() as u32).to_be_bytes());
                body.extend(*bytes);
            }
            None => body.extend((-1i32).to_be_bytes()),
        }
    }
    body.extend([0, 1, 0, result_format]);
    message(b'B', &[&body])
}

fn describe(kind: &str, name: &str) -> Vec<u8> {
    message(b'D', &[kind.as_bytes(), name.as_bytes(), b"\0"])
}

fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()])
}

fn sync() -> Vec<u8> {
    message(b'S', &[])
}

#[test]
fn parameters_and_results_in_both_formats() {
    let server = Server::start();
    let mut client = server.connect();
    let sql = "SELECT $1::int + 1 AS n, $2::text AS t";
    client.send(&[parse("s", sql, &[23, 0]), describe("S", "s"), sync()]);
    assert_eq!(client.until_ready(), ["1", "t 23|25", "T n|t", "Z I"]);
    client.send(&[bind("", "s", 0, &[Some(b"41"), None], 0), describe("P", ""), execute("", 0), sync()]);
    assert_eq!(client.until_ready(), ["2", "T n|t", "D 42|NULL", "C SELECT 1", "Z I"]);
    client.send(&[bind("", "s", 1, &[Some(&[0, 0, 0, 41]), Some(b"x")], 1), describe("P", ""), execute("", 0), sync()]);
    let answers = client.until_ready();
    assert_eq!(answers, ["2", "T n in binary|t in binary", "D [00, 00, 00, 2a]|x", "C SELECT 1", "Z I"]);
}

#[test]
fn statements_without_rows_have_no_data() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY)");
    client.send(&[parse("", "INSERT INTO t VALUES ($1)", &[]), describe("S", ""), sync()]);
    assert_eq!(client.until_ready(), ["1", "t 20", "n", "Z I"]);
    client.send(&[parse("", "", &[]), bind("", "", 0, &[], 0), describe("P", ""), execute("", 0), sync()]);
    assert_eq!(client.until_ready(), ["1", "2", "n", "I", "Z I"]);
}

#[test]
fn a_limit_suspends_a_portal() {
    let server = Server::start();
    let mut client = server.connect();
    let sql = "SELECT * FROM (VALUES (1), (2), (3)) AS v (n) ORDER BY 1";
    client.query("BEGIN");
    client.send(&[parse("", sql, &[]), bind("p", "", 0, &[], 0), execute("p", 2), sync()]);
    assert_eq!(client.until_ready(), ["1", "2", "D 1", "D 2", "s", "Z T"]);
    client.send(&[execute("p", 2), execute("p", 2), sync()]);
    assert_eq!(client.until_ready(), ["D 3", "C SELECT 1", "C SELECT 0", "Z T"]);
    client.query("COMMIT");
    client.send(&[execute("p", 0), sync()]);
    assert_eq!(client.until_ready(), ["E 34000", "Z I"]);
}

#[test]
fn an_error_skips_to_the_sync_and_undoes_the_pipeline() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY)");
    let insert = |sql: &str| [parse("", sql, &[]), bind("", "", 0, &[], 0), execute("", 0)].concat();
    client.send(&[
        insert("INSERT INTO t VALUES (1)"),
        insert("SELECT nope"),
        insert("INSERT INTO t VALUES (2)"),
        sync(),
    ]);
    assert_eq!(client.until_ready(), ["1", "2", "C INSERT 0 1", "E 42703", "Z I"]);
    assert_eq!(client.query("SELECT count(*) FROM t")[1], "D 0");
    client.send(&[insert("INSERT INTO t VALUES (1)"), insert("INSERT INTO t VALUES (2)"), sync()]);
    assert_eq!(client.until_ready(), ["1", "2", "C INSERT 0 1", "1", "2", "C INSERT 0 1", "Z I"]);
    assert_eq!(client.query("SELECT count(*) FROM t")[1], "D 2");
}

#[test]
fn names_are_minded() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&[parse("a", "SELECT 1", &[]), parse("a", "SELECT 1", &[]), sync()]);
    assert_eq!(client.until_ready(), ["1", "E 42P05", "Z I"]);
    assert_eq!(client.query("DEALLOCATE a"), ["C DEALLOCATE", "Z I"]);
    client.send(&[bind("", "a", 0, &[], 0), sync()]);
    assert_eq!(client.until_ready(), ["E 26000", "Z I"]);
    client.send(&[parse("", "SELECT 1", &[]), bind("", "", 0, &[Some(b"1")], 0), sync()]);
    assert_eq!(client.until_ready(), ["1", "E 08P01", "Z I"]);
    client.send(&[parse("", "SELECT 1; SELECT 2", &[]), sync()]);
    assert_eq!(client.until_ready(), ["E 42601", "Z I"]);
    client.send(&[message(b'C', &[b"Snobody\0"]), message(b'C', &[b"Pnobody\0"]), sync()]);
    assert_eq!(client.until_ready(), ["3", "3", "Z I"]);
}

#[test]
fn a_malformed_message_is_an_error_and_no_more() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&[message(b'B', &[b"\0\0\xff\xff"]), sync()]);
    assert_eq!(client.until_ready(), ["E 08P01", "Z I"]);
    assert_eq!(client.query("SELECT 1"), ["T ?column?", "D 1", "C SELECT 1", "Z I"]);
}
