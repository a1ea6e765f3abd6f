//! Roles, and servers that other machines can reach: with psql as it is.

use crate::harness::{Server, rows, run, value, without};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const SLUICE: &str = env!("CARGO_BIN_EXE_sluice");
const SOCKET: &str = ".s.PGSQL.5432";

/// PostgreSQL's verifier of `pencil`.
const VERIFIER: &str = "SCRAM-SHA-256$4096:X1L1yVbBekMGPi3QyotL3w==$\
    qn7Ap9eI9sT0Qi514e9lVwSwozqNoJgGCbqvhYm8/dY=:Ra3+kG5DRbloRhmbbmp8vJ1+ISksQRMEXUDPlx7KrCU=";

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A command of sluice on a lake, and what it says.
fn sluice(command: &str, dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(SLUICE).args([command, "--dir"]).arg(dir).args(args).output().unwrap();
    (output.status.code(), text(&output))
}

fn sql(dir: &Path, sql: &str) -> String {
    let (code, said) = sluice("sql", dir, &["-c", sql]);
    assert_eq!(code, Some(0), "{sql}: {said}");
    said
}

/// psql with a connection string; what it says, and whether it succeeded.
fn psql(config: &str, password: &str, sql: &str) -> (bool, String) {
    let output = Command::new("psql")
        .args(["-X", "-w", "-At", "-v", "ON_ERROR_STOP=1", "-d", config, "-c", sql])
        .env("PGPASSWORD", password)
        .output()
        .unwrap();
    (output.status.success(), text(&output).trim().to_string())
}

/// A connection string for a role over TCP.
fn at(server: &Server, role: &str, more: &str) -> String {
    let port = server.address.rsplit_once(':').unwrap().1;
    format!("host=127.0.0.1 port={port} user={role} dbname=sluice {more}")
}

/// A certificate for this machine: the file, and that of its key.
fn certificate(dir: &Path) -> (String, String) {
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out"])
        .arg(&cert)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made));
    (cert.display().to_string(), key.display().to_string())
}

#[test]
fn nobody_is_served_beyond_loopback_without_a_role() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, log) = (folder.path().join("lake"), folder.path().join("log"));
    let (code, said) = sluice("up", &dir, &["--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(2), "{said}");
    let hint = format!("sluice sql --dir {} -c \"CREATE ROLE name PASSWORD '...'\"", dir.display());
    assert!(said.contains("there are no roles") && said.contains(&hint), "{said}");
    assert!(!dir.join(SOCKET).exists());
    sql(&dir, "CREATE ROLE ann PASSWORD 'x'");
    let server = Server::start_open(&dir, &[], &log);
    server.stop();
    assert!(std::fs::read_to_string(&log).unwrap().contains("warning: without --tls-cert and --tls-key"));
    sql(&dir, "DROP ROLE ann");
    assert_eq!(sluice("up", &dir, &["--listen", "0.0.0.0:0"]).0, Some(2));
    let (code, said) = sluice("up", &dir, &["--listen", "0.0.0.0:0", "--tls-cert", "c.pem"]);
    assert!(code == Some(2) && said.contains("--tls-key"), "{said}");
    let (code, said) = sluice("up", &dir, &["--listen", "0.0.0.0:0", "--tls-cert", "c.pem", "--tls-key", "k.pem"]);
    assert!(code == Some(2) && said.contains("can't use c.pem for TLS"), "{said}");
    let (code, said) = sluice("up", &folder.path().join("d".repeat(120)), &["--listen", "0.0.0.0:0"]);
    assert!(code == Some(2) && said.contains("hint: Start it and the other commands inside of the folder"), "{said}");
}

#[test]
fn psql_logs_in_over_tls() {
    if without("psql") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (dir, log) = (folder.path().join("lake"), folder.path().join("log"));
    Server::start(&dir).stop();
    sql(&dir, &format!("CREATE USER ann WITH LOGIN PASSWORD 'päss \"word'; CREATE ROLE bob PASSWORD '{VERIFIER}'"));
    let (cert, key) = certificate(folder.path());
    let server = Server::start_open(&dir, &["--tls-cert", &cert, "--tls-key", &key], &log);
    let whoami = "SELECT current_user";
    let in_as = |role: &str| (true, role.to_string());
    assert_eq!(psql(&at(&server, "ann", "sslmode=require"), "päss \"word", whoami), in_as("ann"));
    let verified = format!("sslmode=verify-full sslrootcert={cert}");
    assert_eq!(psql(&at(&server, "bob", &verified), "pencil", whoami), in_as("bob"));
    // The same words for a wrong password, no password and no such role.
    for (role, password) in [("ann", "pencil"), ("bob", "Pencil"), ("ghost", "pencil")] {
        let (ok, said) = psql(&at(&server, role, "sslmode=require"), password, whoami);
        assert!(
            !ok && said.ends_with(&format!("FATAL:  password authentication failed for user \"{role}\"")),
            "{said}"
        );
    }
    let (ok, said) = psql(&at(&server, "ann", "sslmode=require"), "", whoami);
    assert!(!ok && said.contains("no password supplied"), "{said}");
    let (ok, said) = psql(&at(&server, "ann", "sslmode=disable"), "päss \"word", whoami);
    assert!(!ok && said.contains("takes encrypted connections only"), "{said}");
    // While others are logged in, the owner changes who may.
    sql(&dir, "ALTER ROLE ann PASSWORD 'new'; DROP ROLE bob");
    assert_eq!(psql(&at(&server, "ann", "sslmode=require"), "new", whoami), in_as("ann"));
    assert!(!psql(&at(&server, "ann", "sslmode=require"), "päss \"word", whoami).0);
    assert!(!psql(&at(&server, "bob", "sslmode=require"), "pencil", whoami).0);
    server.stop();
    assert!(!std::fs::read_to_string(&log).unwrap().contains("warning: without"));
}

#[test]
fn the_owner_needs_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, log) = (folder.path().join("lake"), folder.path().join("log"));
    Server::start(&dir).stop();
    sql(&dir, "CREATE ROLE ann PASSWORD 'x'; CREATE TABLE t (a int)");
    sql(&dir, "CREATE MATERIALIZED VIEW m AS SELECT sum(a) AS a FROM t");
    let server = Server::start_open(&dir, &[], &log);
    let socket = dir.join(SOCKET);
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    sql(&dir, "INSERT INTO t VALUES (41), (1)");
    for (command, args) in [("status", &[][..]), ("tree", &[]), ("explain", &["m"]), ("verify", &[]), ("maintain", &[])]
    {
        let (code, said) = sluice(command, &dir, args);
        assert_eq!(code, Some(0), "{command}: {said}");
    }
    if !without("psql") {
        let owner = format!("host={} user=me dbname=sluice", dir.display());
        assert_eq!(psql(&owner, "", "SELECT a FROM m"), (true, "42".to_string()));
        // Also from this machine, an address that others can reach asks for a password.
        assert!(!psql(&at(&server, "me", ""), "", "SELECT 1").0);
        assert_eq!(psql(&at(&server, "ann", ""), "x", "SELECT a FROM m"), (true, "42".to_string()));
    }
    // What a killed server leaves behind is in nobody's way.
    server.kill();
    assert!(socket.exists());
    assert!(sql(&dir, "SELECT a FROM m").contains("42"));
    let server = Server::start_open(&dir, &[], &log);
    assert!(sql(&dir, "SELECT a FROM m").contains("42"));
    server.stop();
    assert!(!socket.exists());
}

/// A client that says who it wants to be and then nothing; the first byte of the answer.
fn stranger(server: &Server) -> (TcpStream, u8) {
    let port = server.address.rsplit_once(':').unwrap().1;
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream.write_all(b"\0\0\0\x12\0\x03\0\0user\0eve\0\0").unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    (stream, answer[0])
}

#[test]
fn strangers_do_not_keep_the_owner_out() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, log) = (folder.path().join("lake"), folder.path().join("log"));
    Server::start(&dir).stop();
    sql(&dir, "CREATE ROLE ann PASSWORD 'x'");
    let server = Server::start_open(&dir, &[], &log);
    let strangers: Vec<(TcpStream, u8)> = (0..200).map(|_| stranger(&server)).collect();
    assert!(strangers.iter().all(|(_, answer)| *answer == b'R'), "asked for a password");
    assert_eq!(stranger(&server).1, b'E', "one too many");
    assert!(sql(&dir, "SELECT 42 AS a").contains("42"));
    drop(strangers);
    server.stop();
}

const ROLES: &str = "SELECT rolname FROM pg_roles WHERE rolname <> 'test'";

#[tokio::test]
async fn roles_are_part_of_transactions() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    run(&client, "BEGIN; CREATE ROLE ann PASSWORD 'a'; SAVEPOINT s; CREATE ROLE bob PASSWORD 'b'").await;
    assert_eq!(rows(&client, ROLES).await.unwrap(), ["ann", "bob"]);
    run(&client, "ROLLBACK TO s").await;
    assert_eq!(rows(&client, ROLES).await.unwrap(), ["ann"]);
    assert_eq!(rows(&server.connect().await, ROLES).await.unwrap(), Vec::<String>::new());
    run(&client, "ROLLBACK").await;
    assert_eq!(rows(&client, ROLES).await.unwrap(), Vec::<String>::new());
    let all =
        "BEGIN; CREATE TABLE t (a int); CREATE USER ann PASSWORD 'a'; DROP USER ann; CREATE ROLE ann PASSWORD 'a';
               CREATE ROLE \"B ob\" PASSWORD 'b'; CREATE ROLE gone PASSWORD 'c'; DROP ROLE gone; COMMIT";
    run(&client, all).await;
    let expected = ["B ob", "ann"];
    assert_eq!(rows(&client, ROLES).await.unwrap(), expected);
    let users = "SELECT usename, passwd FROM pg_user WHERE usename <> 'test'";
    assert_eq!(rows(&client, users).await.unwrap(), ["B ob | ********", "ann | ********"]);
    for (sql, error) in [
        ("CREATE ROLE ann PASSWORD 'b'", "42710 role \"ann\" already exists"),
        ("ALTER ROLE eve PASSWORD 'b'", "42704 role \"eve\" does not exist"),
        ("DROP ROLE ann, eve", "42704 role \"eve\" does not exist"),
        ("CREATE ROLE eve NOLOGIN", "0A000 NOLOGIN in CREATE ROLE is not supported"),
        ("SELECT * FROM sluice_role", "42P01 relation \"sluice_role\" does not exist"),
    ] {
        assert_eq!(rows(&client, sql).await.unwrap_err(), error, "{sql}");
    }
    run(&client, "DROP ROLE IF EXISTS eve").await;
    // The lake is all there is to remember them.
    server.kill();
    let server = Server::start(dir.path());
    let client = server.connect().await;
    assert_eq!(rows(&client, ROLES).await.unwrap(), expected);
    // Rows that another version of the catalog has are no reason to forget who may log in.
    run(&client, "INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT * FROM t; DROP ROLE \"B ob\"").await;
    assert_eq!(rows(&client, ROLES).await.unwrap(), ["ann"]);
    assert_eq!(value(&client, "SHOW password_encryption").await, "scram-sha-256");
    server.stop();
}

#[test]
fn passwords_are_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, log) = (folder.path().join("lake"), folder.path().join("log"));
    Server::start(&dir).stop();
    let said = |sql: &str| {
        let mut command = Command::new(SLUICE);
        command.args(["sql", "--dir"]).arg(&dir).args(["-c", sql]).env("SLUICE_LOG", "trace");
        text(&command.output().unwrap())
    };
    let stopped = said("CREATE ROLE ann PASSWORD 'hunter2'");
    let server = Server::start_open(&dir, &[], &log);
    let running = said("ALTER ROLE ann PASSWORD 'hunter2'; CREATE ROLE bob PASSWORD 'hunter2'");
    let failed = said("CREATE ROLE ann PASSWORD 'hunter2'") + &said("CREATE ROLE eve PASSWORD 'hunter2' hunter2");
    assert!(failed.contains("42710") && failed.contains("42601"), "{failed}");
    let seen = said("SELECT * FROM pg_roles; SELECT * FROM pg_stat_activity; SELECT * FROM sluice.history");
    assert!(seen.contains("bob"), "{seen}");
    server.stop();
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("DEBUG") && stopped.contains("DEBUG"), "the logs say everything");
    for said in [stopped, running, failed, seen, log] {
        assert!(!said.contains("hunter2") && !said.contains("SCRAM-SHA-256$"), "{said}");
    }
    // The catalog has what checks it, in one table.
    let catalog = rusqlite::Connection::open(dir.join("catalog.sqlite")).unwrap();
    let kept = "SELECT count(*) FROM sluice_role WHERE verifier LIKE 'SCRAM-SHA-256$4096:%'";
    assert_eq!(catalog.query_row(kept, [], |r| r.get::<_, i64>(0)).unwrap(), 2);
    drop(catalog);
    let bytes = std::fs::read(dir.join("catalog.sqlite")).unwrap();
    assert!(!bytes.windows(7).any(|w| w == b"hunter2"));
}

#[test]
fn others_cannot_read_the_catalog_unless_they_are_let() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, log) = (folder.path().join("lake"), folder.path().join("log"));
    let mode = |name: &str| std::fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    let warned = || std::fs::read_to_string(&log).unwrap().contains("can read the verifiers of passwords");
    let server = Server::start_logged(&dir, &[], &log);
    sql(&dir, "CREATE ROLE ann PASSWORD 'x'; CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert!(!warned());
    // Who decides otherwise is told, and obeyed.
    for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    sql(&dir, "INSERT INTO t VALUES (2)");
    assert!(!warned());
    sql(&dir, "ALTER ROLE ann PASSWORD 'y'");
    assert!(warned());
    server.kill();
    let server = Server::start_logged(&dir, &[], &log);
    assert!(warned());
    assert_eq!(mode("catalog.sqlite"), 0o640);
    server.stop();
}
