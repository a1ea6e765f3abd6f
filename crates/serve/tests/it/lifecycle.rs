use crate::client::{Server, message};
use sluice_serve::{ServeError, ServeOptions, bind};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Has more rows than anybody reads.
const LARGE: &str = "SELECT a.id FROM t a, t b, t c";

fn fill(client: &mut crate::client::Client) {
    client.query("CREATE TABLE t (id bigint PRIMARY KEY)");
    let rows: Vec<String> = (0..3_000).map(|i| format!("({i})")).collect();
    let answers = client.query(&format!("INSERT INTO t VALUES {}", rows.join(",")));
    assert_eq!(answers, ["C INSERT 0 3000", "Z I"]);
}

#[test]
fn a_cancel_request_stops_the_statement_and_no_more() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client);
    client.send(&[message(b'Q', &[LARGE.as_bytes(), b"\0"])]);
    assert_eq!(client.next().as_deref(), Some("T id"));
    cancel(&server, &[client.key[..4].to_vec(), vec![0; 4]].concat());
    for _ in 0..100_000 {
        assert!(client.next().is_some_and(|m| m.starts_with("D ")), "it takes the right secret");
    }
    cancel(&server, &client.key);
    let answers = client.until_ready();
    assert_eq!(answers[answers.len() - 2..], ["E 57014", "Z I"]);
    assert_eq!(client.query("SELECT 1"), ["T ?column?", "D 1", "C SELECT 1", "Z I"]);
}

#[test]
fn a_stop_tells_idle_clients_and_lets_none_in() {
    let mut server = Server::start();
    let mut client = server.connect();
    server.stop();
    assert_eq!(client.next().as_deref(), Some("E 57P01"));
    assert_eq!(client.next(), None);
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn addresses_that_can_not_be_served() {
    let server = Server::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let taken = runtime.block_on(bind(ServeOptions::new(server.address)));
    assert!(matches!(taken, Err(ServeError::AddressInUse(address)) if address == server.address));
}

#[test]
fn a_unix_socket_is_made_and_taken_away() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("sluice.sock");
    let options = || {
        let mut options = ServeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        options.unix_socket = Some(path.clone());
        options
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // What a killed server leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let first = runtime.block_on(bind(options())).expect("listens");
    assert!(matches!(runtime.block_on(bind(options())), Err(ServeError::SocketInUse(_))));
    drop(first);
    assert!(!path.exists());
    std::fs::write(&path, "a file").expect("written");
    assert!(matches!(runtime.block_on(bind(options())), Err(ServeError::Socket { .. })));
}

/// Asks to cancel what a client does, and waits as libpq does: once the server hangs up the request was heard.
fn cancel(server: &Server, key: &[u8]) {
    let mut other = TcpStream::connect(server.address).expect("a connection");
    other.write_all(&[&[0, 0, 0, 16, 4, 210, 22, 46][..], key].concat()).expect("sent");
    assert_eq!(other.read(&mut [0]).expect("the server hangs up"), 0);
}

#[test]
fn a_join_without_end_is_cancelled() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client);
    for condition in ["true", "a.id + b.id + c.id > 7"] {
        let sql = format!("SELECT count(*) FROM t a, t b, t c WHERE {condition}\0");
        client.send(&[message(b'Q', &[sql.as_bytes()])]);
        // A request that comes before the statement has begun is forgotten.
        while !client.has_answer(Duration::from_millis(100)) {
            cancel(&server, &client.key);
        }
        assert_eq!(client.until_ready(), ["T count", "E 57014", "Z I"], "{condition}");
    }
}

#[test]
fn a_commit_is_never_said_to_be_cancelled() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY)");
    let mut stored = 0;
    for i in 0..60 {
        client.send(&[message(b'Q', &[format!("INSERT INTO t VALUES ({i})\0").as_bytes()])]);
        // Some requests come before the commit, some while it is under way, some after it.
        std::thread::sleep(Duration::from_micros(i * 150));
        cancel(&server, &client.key);
        match client.until_ready().first().map(String::as_str) {
            Some("C INSERT 0 1") => stored += 1,
            Some("E 57014") => {}
            other => panic!("{other:?}"),
        }
        // A request that came too late is forgotten.
        assert_eq!(client.query("SELECT 1").len(), 4);
    }
    assert_eq!(client.query("SELECT count(*) FROM t")[1], format!("D {stored}"));
}
