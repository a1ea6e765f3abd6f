use crate::client::Server;

#[test]
fn every_statement_is_answered() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(
        client.query("SELECT 1 AS a, NULL::text AS b; SELECT 2 AS c"),
        ["T a|b", "D 1|NULL", "C SELECT 1", "T c", "D 2", "C SELECT 1", "Z I"]
    );
    assert_eq!(client.query(" ; -- nothing"), ["I", "Z I"]);
    let answers = client.query("SELECT 1/0");
    assert_eq!(answers[answers.len() - 2..], ["E 22012", "Z I"]);
}

#[test]
fn a_string_of_statements_is_one_transaction() {
    let server = Server::start();
    let mut client = server.connect();
    client.query("CREATE TABLE t (id bigint PRIMARY KEY)");
    let answers = client.query("INSERT INTO t VALUES (1); SELEC; INSERT INTO t VALUES (2)");
    assert_eq!(answers, ["E 42601", "Z I"]);
    let answers = client.query("INSERT INTO t VALUES (1); SELECT nope; INSERT INTO t VALUES (2)");
    assert_eq!(answers, ["C INSERT 0 1", "E 42703", "Z I"]);
    assert_eq!(client.query("SELECT count(*) FROM t")[1], "D 0");
    // The commit fails, so the last statement is not told to be done.
    client.query("INSERT INTO t VALUES (1)");
    let answers = client.query("INSERT INTO t VALUES (3); INSERT INTO t VALUES (1)");
    assert_eq!(answers.last().map(String::as_str), Some("Z I"));
    assert!(answers.contains(&"E 23505".to_string()), "{answers:?}");
    assert_eq!(answers.iter().filter(|m| m.starts_with('C')).count(), 1);
    assert_eq!(client.query("SELECT count(*) FROM t")[1], "D 1");
}

#[test]
fn ready_for_query_knows_the_transaction() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.query("BEGIN"), ["C BEGIN", "Z T"]);
    assert_eq!(client.query("SELECT 1/0").last().map(String::as_str), Some("Z E"));
    assert_eq!(client.query("SELECT 1"), ["E 25P02", "Z E"]);
    assert_eq!(client.query("COMMIT"), ["C ROLLBACK", "Z I"]);
}

#[test]
fn notices_and_parameters_come_before_the_end() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.query("SET application_name TO 'x'"), ["S", "C SET", "Z I"]);
    assert_eq!(client.query("COMMIT"), ["N 25P01", "C COMMIT", "Z I"]);
}

#[test]
fn files_are_not_for_clients_of_other_machines() {
    let server = Server::start_after(|engine| engine.refuse_files());
    let mut client = server.connect();
    assert_eq!(client.query("SELECT * FROM read_csv('/etc/passwd')"), ["E 42501", "Z I"]);
    assert!(client.last_error.contains("\\copy"), "{}", client.last_error);
}
