use crate::client::{Server, message};

fn data(text: &str) -> Vec<u8> {
    message(b'd', &[text.as_bytes()])
}

fn done() -> Vec<u8> {
    message(b'c', &[])
}

#[test]
fn rows_in_and_out() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
    client.send(&[message(b'Q', &[b"COPY t FROM STDIN; SELECT count(*) FROM t\0"])]);
    assert_eq!(client.next().as_deref(), Some("G"));
    // Rows may be cut anywhere.
    client.send(&[data("1\tone\n2\t"), data("\\N\n"), done()]);
    assert_eq!(client.until_ready(), ["C COPY 2", "T count", "D 2", "C SELECT 1", "Z I"]);
    let answers = client.query("COPY (SELECT * FROM t ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)");
    assert_eq!(answers, ["H", "d id,name\n", "d 1,one\n", "d 2,\n", "c", "C COPY 2", "Z I"].map(str::trim_end));
}

#[test]
fn what_fails_leaves_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
    for (last, code) in [(done(), "E 22P02"), (message(b'f', &[b"enough\0"]), "E 57014")] {
        client.send(&[message(b'Q', &[b"COPY t FROM STDIN\0"])]);
        assert_eq!(client.next().as_deref(), Some("G"));
        let rows = if code == "E 22P02" { "1\tone\nx\ttwo\n" } else { "1\tone\n" };
        client.send(&[data(rows), last]);
        assert_eq!(client.until_ready(), [code, "Z I"]);
        assert_eq!(client.query("SELECT count(*) FROM t")[1], "D 0");
    }
}
