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

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// A row of the binary format.
fn row(fields: &[Option<&[u8]>]) -> Vec<u8> {
    let mut bytes = (fields.len() as i16).to_be_bytes().to_vec();
    for field in fields {
        bytes.extend(field.map_or(-1, |f| f.len() as i32).to_be_bytes());
        bytes.extend(field.unwrap_or_default());
    }
    bytes
}

fn pieces(bytes: &[u8], size: usize) -> Vec<u8> {
    bytes.chunks(size).flat_map(|piece| message(b'd', &[piece])).collect()
}

#[test]
fn binary_rows_in_pieces_of_any_size() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY, name text, price numeric(8,2))");
    // 12.345 as digits in base 10,000: 12 and 3450, of which three decimals are shown.
    let price: &[u8] = &[0, 2, 0, 0, 0, 0, 0, 3, 0, 12, 0x0d, 0x7a];
    for (id, size) in [1, 3, 7, 1000].into_iter().enumerate() {
        let id = (2 * id as i64).to_be_bytes();
        let next = (i64::from_be_bytes(id) + 1).to_be_bytes();
        let all = [
            HEADER,
            &row(&[Some(&id), Some("é".as_bytes()), Some(price)]),
            &row(&[Some(&next), None, None]),
            b"\xff\xff",
        ];
        client.send(&[message(b'Q', &[b"COPY t FROM STDIN (FORMAT binary)\0"])]);
        assert_eq!(client.next().as_deref(), Some("G \u{1}"));
        client.send(&[pieces(&all.concat(), size), done()]);
        assert_eq!(client.until_ready(), ["C COPY 2", "Z I"]);
    }
    let answer = client.query("SELECT count(*), count(name), sum(price) FROM t");
    assert_eq!(answer[1], "D 8|4|49.40");
}

#[test]
fn bad_binary_data_names_its_place_and_leaves_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY, name text)");
    let good = row(&[Some(&1i64.to_be_bytes()), Some(b"x")]);
    let with = |bytes: &[u8]| [HEADER, &good, bytes].concat();
    let cases: [(Vec<u8>, &str, &str); 8] = [
        (b"1\tone\n".to_vec(), "22P04", "COPY t, line 1"),
        (with(&row(&[Some(&[1, 2]), None])), "22P03", "COPY t, line 2, column id"),
        (with(&row(&[Some(&[0; 8]), Some(b"\xff")])), "22021", "COPY t, line 2, column name"),
        (with(&row(&[None])), "22P04", "COPY t, line 2"),
        (with(&[0, 2, 0, 0, 0]), "22P04", "COPY t, line 2"),
        (with(&[0, 2, 0x80, 0, 0, 0]), "22P04", "COPY t, line 2, column id"),
        (with(&[0xff, 0xff, 1]), "22P04", "COPY t, line 2"),
        (HEADER[..15].to_vec(), "22P04", "COPY t, line 1"),
    ];
    for (bytes, code, place) in cases {
        client.send(&[message(b'Q', &[b"COPY t FROM STDIN (FORMAT binary)\0"])]);
        assert_eq!(client.next().as_deref(), Some("G \u{1}"));
        client.send(&[pieces(&bytes, 5), done()]);
        assert_eq!(client.until_ready(), [&format!("E {code}"), "Z I"], "{place}");
        assert!(client.last_error.contains(place), "{place}: {}", client.last_error);
        assert_eq!(client.query("SELECT count(*) FROM t")[1], "D 0");
    }
}
