//! One PostgreSQL server for the run, on a free port of 127.0.0.1, gone when the run ends in whatever way.
//!
//! A shell holds the reading end of a pipe whose writing end is ours, and stops the server when the pipe closes:
//! the end of this process closes it, whether it returns, is interrupted or is killed.

use super::system::{is_program, is_root, which};
use super::{make_dir, remove, run_quietly};
use crate::Result;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A longer path does not fit a socket's address.
const SOCKET_DIR_MAX: usize = 80;

/// PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Where the server's programs are.
pub(super) struct Programs {
    initdb: PathBuf,
    pg_ctl: PathBuf,
}

/// A running server.
pub(super) struct Cluster {
    port: u16,
    guard: Child,
}

/// The server's programs: those on the PATH, else the newest of the folders that packages use.
pub(super) fn programs() -> Option<Programs> {
    let on_path = which("initdb").and_then(|p| Some(p.parent()?.to_path_buf()));
    let mut dirs: Vec<(u32, PathBuf)> = vec![];
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql@")] {
        for entry in Path::new(parent).read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name();
            let version = name.to_str().and_then(|n| n.strip_prefix(prefix)).and_then(|v| v.parse().ok());
            dirs.extend(version.map(|v| (v, entry.path().join("bin"))));
        }
    }
    dirs.sort();
    let mut candidates = on_path.into_iter().chain(dirs.into_iter().rev().map(|(_, dir)| dir));
    let dir = candidates.find(|dir| ["initdb", "pg_ctl", "postgres"].iter().all(|p| is_program(&dir.join(p))))?;
    Some(Programs { initdb: dir.join("initdb"), pg_ctl: dir.join("pg_ctl") })
}

impl Cluster {
    /// Makes a new cluster in `dir`, in place of what an earlier run left there, and starts it.
    pub(super) fn start(dir: &Path) -> Result<Self> {
        let programs = programs().ok_or("the programs of a PostgreSQL server are missing")?;
        let user = if is_root() { Some(unprivileged()?) } else { None };
        let dir = reachable(dir, user)?;
        let data = dir.join("data");
        if data.join("postmaster.pid").exists() {
            let mut stop = as_user(&programs.pg_ctl, user, &dir);
            // The file may be all that is left of the server.
            let _ = run_quietly(stop.arg("-D").arg(&data).args(["-m", "immediate", "-w", "stop"]));
        }
        remove(&dir)?;
        make_dir(&dir)?;
        if let Some(user) = user {
            chown(&dir, Some(user.uid), Some(user.gid)).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        let mut initdb = as_user(&programs.initdb, user, &dir);
        initdb.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "--locale=C",
            "--encoding=UTF8",
            "--auth=trust",
            "--no-sync",
        ]);
        run_quietly(&mut initdb)?;

        let mut guard = guard(&programs, user, &dir, &data)?;
        let mut failure = String::new();
        // Somebody else may take the free port before the server does.
        for _ in 0..3 {
            let port = free_port()?;
            match serve(&programs, user, &dir, &data, port) {
                Ok(()) => return Ok(Self { port, guard }),
                Err(e) => failure = e,
            }
        }
        drop(guard.stdin.take());
        let _ = guard.wait();
        let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL does not start: {failure}\n{log}"))
    }

    /// What a client connects with.
    pub(super) fn connection(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port)
    }

    /// Stops the server and waits until it has ended.
    pub(super) fn stop(mut self) {
        drop(self.guard.stdin.take());
        if !self.guard.wait().is_ok_and(|status| status.success()) {
            eprintln!("warning: the PostgreSQL server of the tests may still run at port {}", self.port);
        }
    }
}

fn serve(programs: &Programs, user: Option<User>, dir: &Path, data: &Path, port: u16) -> Result<()> {
    let sockets = if dir.as_os_str().len() <= SOCKET_DIR_MAX { dir.display().to_string() } else { String::new() };
    let settings = format!(
        "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='{sockets}' -c fsync=off \
         -c synchronous_commit=off -c full_page_writes=off -c timezone=UTC -c log_timezone=UTC -c max_connections=200"
    );
    let mut start = as_user(&programs.pg_ctl, user, dir);
    start.arg("-D").arg(data).arg("-l").arg(dir.join("log")).args(["-w", "-o", &settings, "start"]);
    // The server inherits its output; a pipe would stay open for as long as it runs.
    start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match start.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("pg_ctl: {status}")),
        Err(e) => Err(format!("cannot run pg_ctl: {e}")),
    }
}

fn guard(programs: &Programs, user: Option<User>, dir: &Path, data: &Path) -> Result<Child> {
    let mut shell = as_user(Path::new("/bin/sh"), user, dir);
    // The terminal's interrupt reaches the shell as well; it has to outlive that.
    let script = r#"trap '' INT TERM HUP; while read -r _; do :; done
        if [ -f "$2/postmaster.pid" ]; then exec "$1" -D "$2" -m immediate -w stop; fi"#;
    shell.args(["-c", script, "guard"]).arg(&programs.pg_ctl).arg(data);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().map_err(|e| format!("cannot run sh: {e}"))
}

fn as_user(program: &Path, user: Option<User>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    // Settings of the caller's shell must not reach the server or its clients.
    let outside = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG"));
    outside.for_each(|(name, _)| {
        command.env_remove(name);
    });
    command.env("LC_ALL", "C").env("TZ", "UTC");
    if dir.is_dir() {
        command.current_dir(dir);
    }
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid).env("HOME", dir);
    }
    command
}

/// The user `postgres` of the package, or one of our own.
fn unprivileged() -> Result<User> {
    const OWN: &str = "sluice-test";
    if let Some(user) = lookup("postgres").or_else(|| lookup(OWN)) {
        return Ok(user);
    }
    run_quietly(Command::new("useradd").args(["--system", "--no-create-home", "--shell", "/bin/sh", OWN]))?;
    lookup(OWN).ok_or_else(|| format!("there is no user {OWN} after useradd"))
}

fn lookup(name: &str) -> Option<User> {
    let uid = run_quietly(Command::new("id").args(["-u", name])).ok()?.parse().ok()?;
    let gid = run_quietly(Command::new("id").args(["-g", name])).ok()?.parse().ok()?;
    Some(User { uid, gid })
}

/// `dir`, or a folder below /tmp if `user` may not enter the folders that lead to it (a checkout below /root).
fn reachable(dir: &Path, user: Option<User>) -> Result<PathBuf> {
    let (Some(user), Some(parent)) = (user, dir.parent()) else { return Ok(dir.to_path_buf()) };
    let mut test = Command::new("test");
    test.arg("-x").arg(parent).uid(user.uid).gid(user.gid).current_dir("/");
    if test.status().is_ok_and(|s| s.success()) {
        return Ok(dir.to_path_buf());
    }
    // The same folder for the same checkout, so that a later run finds and ends a server that was left over.
    let name: u64 = parent
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    Ok(PathBuf::from(format!("/tmp/sluice-test-pg-{name:016x}")))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| format!("no free port on 127.0.0.1: {e}"))?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}
