//! Programs of the operating system: finds them, and installs their packages where that is nobody's surprise.

use super::{Without, postgres, python};
use crate::Result;
use std::env;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sees to it that all programs that are not left out are there.
pub(super) fn provide(without: &Without) -> Result<()> {
    let packages = missing(without);
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    let install = format!("apt-get update && apt-get install -y --no-install-recommends {names}");
    let may = is_root() || env::var_os("CI").is_some_and(|v| !v.is_empty() && v != "false");
    let sudo = if is_root() { "" } else { "sudo -n " };
    if !may || which("apt-get").is_none() || (!is_root() && which("sudo").is_none()) {
        let command = format!("sudo sh -c '{install}'");
        return Err(format!(
            "the tests need what these Debian packages have: {names}\nRun:  {command}\n\
             or leave parts out with --without postgres,psql,strace (python3 with venv is always needed)."
        ));
    }
    println!("installing {names}");
    for step in [
        format!("{sudo}env DEBIAN_FRONTEND=noninteractive apt-get update -qq"),
        format!("{sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {names}"),
    ] {
        super::run_quietly(Command::new("sh").args(["-c", &step]))?;
    }
    match missing(without) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("still missing after the installation: {}", left.join(" "))),
    }
}

fn missing(without: &Without) -> Vec<&'static str> {
    let mut packages = vec![];
    if !without.has("postgres") && postgres::programs().is_none() {
        packages.push("postgresql");
    }
    if !without.has("psql") && which("psql").is_none() {
        packages.push("postgresql-client");
    }
    if !without.has("strace") && which("strace").is_none() {
        packages.push("strace");
    }
    if python::find().is_none() {
        packages.extend(["python3", "python3-venv"]);
    }
    packages
}

/// A program on the PATH.
pub(super) fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| is_program(file))
}

pub(super) fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

pub(super) fn is_root() -> bool {
    // The owner of a process' folder in /proc is its effective user; systems without /proc have `id`.
    match Path::new("/proc/self").metadata() {
        Ok(m) => m.uid() == 0,
        Err(_) => super::run_quietly(Command::new("id").arg("-u")).is_ok_and(|uid| uid == "0"),
    }
}
