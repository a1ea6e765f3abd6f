//! Makes sure that a database is a lake of the right version, before anything is written to it.

use super::quoted;
use crate::{FORMAT, LakeError, Result, created_by, text};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;
use uuid::Uuid;

const DUCKLAKE_VERSION: &str = "1.0";

/// Creates the catalog if the database is empty, else checks it and brings its path and indexes up to date.
pub(crate) fn prepare(db: &mut Connection, path: &Path, data_dir: &Path) -> Result<()> {
    let exists = check(db, path, data_dir)?;
    if !exists {
        // Only an empty database takes it; space that expiry frees can be given back then.
        db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536")?;
    let txn = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let data_path = data_path(data_dir);
    if !exists {
        create(&txn, &data_path)?;
    }
    txn.execute_batch(include_str!("sidecar.sql"))?;
    txn.execute("INSERT INTO sluice_format SELECT ?1 WHERE NOT EXISTS (SELECT * FROM sluice_format)", [FORMAT])?;
    txn.execute("UPDATE ducklake_metadata SET value = ?1 WHERE key = 'data_path' AND value <> ?1", [data_path])?;
    index_inlined_tables(&txn)?;
    txn.commit()?;
    Ok(())
}

/// Whether there is a catalog; an error if there is something that can't be used.
fn check(db: &Connection, path: &Path, data_dir: &Path) -> Result<bool> {
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
    if tables == 0 {
        return Ok(false);
    }
    if !has_table(db, "ducklake_metadata")? {
        return Err(LakeError::NotALake(path.to_owned()));
    }
    let found = metadata(db, "version")?.unwrap_or_default();
    if found != DUCKLAKE_VERSION {
        return Err(LakeError::Version { path: path.to_owned(), found });
    }
    if metadata(db, "encrypted")?.as_deref() == Some("true") {
        return Err(LakeError::Encrypted(path.to_owned()));
    }
    if has_table(db, "sluice_format")? {
        let found = db.query_row("SELECT max(version) FROM sluice_format", [], |r| r.get::<_, Option<i64>>(0))?;
        if let Some(found) = found.filter(|f| *f > FORMAT) {
            return Err(LakeError::Format { path: path.to_owned(), found, known: FORMAT });
        }
    }
    check_data_path(db, data_dir)?;
    Ok(true)
}

/// A lake that was moved brings its files along; one whose files are elsewhere must not be pointed away from them.
fn check_data_path(db: &Connection, data_dir: &Path) -> Result<()> {
    let stored = metadata(db, "data_path")?;
    let files: bool = db.query_row("SELECT EXISTS (SELECT * FROM ducklake_data_file)", [], |r| r.get(0))?;
    match stored {
        Some(stored) if files && !data_dir.is_dir() && stored != data_path(data_dir) => Err(LakeError::Corrupt(
            format!("its files should be in {}, but the catalog says {stored}; move them there", data_dir.display()),
        )),
        _ => Ok(()),
    }
}

fn create(db: &Connection, data_path: &str) -> Result<()> {
    db.execute_batch(include_str!("schema.sql"))?;
    let mut metadata = db.prepare("INSERT INTO ducklake_metadata VALUES (?1, ?2, NULL, NULL)")?;
    let created_by = created_by();
    let rows =
        [("version", DUCKLAKE_VERSION), ("created_by", &created_by), ("data_path", data_path), ("encrypted", "false")];
    for row in rows {
        metadata.execute(row)?;
    }
    let now = text::timestamptz(chrono::Utc::now().timestamp_micros());
    db.execute("INSERT INTO ducklake_snapshot VALUES (0, ?1, 0, 1, 0)", [now])?;
    db.execute("INSERT INTO ducklake_snapshot_changes VALUES (0, 'created_schema:\"main\"', NULL, NULL, NULL)", [])?;
    db.execute(
        "INSERT INTO ducklake_schema VALUES (0, ?1, 0, NULL, 'main', 'main/', 1)",
        params![Uuid::now_v7().to_string()],
    )?;
    Ok(())
}

/// Tables that DuckDB made have no index, and finding a row would scan them.
pub(crate) fn index_inlined_tables(db: &Connection) -> Result<()> {
    let mut names =
        db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'ducklake_inlined_%'")?;
    let names = names.query_map([], |r| r.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for name in
        names.iter().filter(|n| n.starts_with("ducklake_inlined_data_") || n.starts_with("ducklake_inlined_delete_"))
    {
        if name != "ducklake_inlined_data_tables" {
            index_inlined_table(db, name)?;
        }
    }
    Ok(())
}

pub(crate) fn index_inlined_table(db: &Connection, name: &str) -> Result<()> {
    let table = quoted(name);
    let index = |suffix: &str| quoted(&format!("sluice_ix_{}{suffix}", name.trim_start_matches("ducklake_")));
    if name.starts_with("ducklake_inlined_delete_") {
        let sql = format!("CREATE INDEX IF NOT EXISTS {} ON {table}(file_id, row_id)", index(""));
        return Ok(db.execute_batch(&sql)?);
    }
    // A row that every tick changes has thousands of ended versions, which a search for the live one must not meet;
    // expiry looks for the ended ones alone.
    db.execute_batch(&format!(
        "DROP INDEX IF EXISTS {}; \
         CREATE INDEX IF NOT EXISTS {} ON {table}(row_id) WHERE end_snapshot IS NULL; \
         CREATE INDEX IF NOT EXISTS {} ON {table}(end_snapshot) WHERE end_snapshot IS NOT NULL",
        index(""),
        index("_live"),
        index("_ended"),
    ))?;
    Ok(())
}

fn has_table(db: &Connection, name: &str) -> Result<bool> {
    let mut found = db.prepare("SELECT EXISTS (SELECT * FROM sqlite_master WHERE type = 'table' AND name = ?1)")?;
    Ok(found.query_row([name], |r| r.get(0))?)
}

fn metadata(db: &Connection, key: &str) -> Result<Option<String>> {
    let sql = "SELECT value FROM ducklake_metadata WHERE key = ?1 AND scope IS NULL";
    Ok(db.query_row(sql, [key], |r| r.get(0)).optional()?)
}

/// Directory paths end in a slash.
fn data_path(data_dir: &Path) -> String {
    format!("{}/", data_dir.display())
}
