//! What Sluice keeps in the catalog beside DuckLake's own tables.

use super::load::VISIBLE;
use crate::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::fmt;

/// Changes of what is kept beside DuckLake's tables.
#[derive(Debug, Clone, Default)]
pub struct SidecarChange {
    /// New or changed objects: id, kind, definition as JSON.
    pub put_objects: Vec<(i64, String, String)>,
    /// Objects that are no more.
    pub end_objects: Vec<i64>,
    /// Last values of sequences by id.
    pub sequences: Vec<(i64, i64)>,
    /// Sequences that are no more.
    pub drop_sequences: Vec<i64>,
    /// How far each source was read.
    pub positions: Vec<(String, String)>,
    /// Sources that are no more.
    pub drop_positions: Vec<String>,
    /// New or changed roles by name; `None` for those that are no more.
    pub roles: BTreeMap<String, Option<RoleRow>>,
    /// The tick's time in microseconds since 1970, and the tables that it held back as JSON.
    pub tick: Option<(i64, Option<String>)>,
    /// To be added to what the history has.
    pub history: Vec<HistoryRow>,
}

/// Who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// The role's number.
    pub id: i64,
    /// What checks its password.
    pub verifier: String,
}

/// Verifiers stay out of logs.
impl fmt::Debug for RoleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What was done to a table within a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The table.
    pub table_id: i64,
    /// Seconds since 1970.
    pub second: i64,
    /// What was done.
    pub action: String,
    /// Rows added.
    pub rows_inserted: i64,
    /// Rows removed.
    pub rows_deleted: i64,
    /// Time it took.
    pub duration_micros: i64,
    /// The last error.
    pub error: Option<String>,
}

/// What is kept of a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickRow {
    /// The snapshot it made.
    pub snapshot: i64,
    /// Its time, in microseconds since 1970.
    pub time_micros: i64,
    /// The tables that it held back, as JSON.
    pub held: Option<String>,
}

/// All that is kept beside DuckLake's tables, as of now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// Objects by id: id, kind, definition as JSON.
    pub objects: Vec<(i64, String, String)>,
    /// Last values of sequences by id.
    pub sequences: BTreeMap<i64, i64>,
    /// How far each source was read.
    pub positions: BTreeMap<String, String>,
    /// Roles by name.
    pub roles: BTreeMap<String, RoleRow>,
}

impl SidecarChange {
    pub(super) fn needs_snapshot(&self) -> bool {
        !self.put_objects.is_empty() || !self.end_objects.is_empty() || self.tick.is_some()
    }

    pub(super) fn write(&self, db: &Connection, snapshot: i64) -> Result<()> {
        let ended = self.put_objects.iter().map(|(id, ..)| id).chain(&self.end_objects);
        for id in ended {
            db.prepare_cached(
                "UPDATE sluice_object SET end_snapshot = ?1 WHERE object_id = ?2 AND end_snapshot IS NULL",
            )?
            .execute([snapshot, *id])?;
        }
        for (id, kind, definition) in &self.put_objects {
            db.prepare_cached("INSERT INTO sluice_object VALUES (?1, ?2, ?3, NULL, ?4)")?
                .execute(params![id, kind, snapshot, definition])?;
        }
        for (id, value) in &self.sequences {
            db.prepare_cached("INSERT OR REPLACE INTO sluice_sequence VALUES (?1, ?2)")?.execute([id, value])?;
        }
        for id in &self.drop_sequences {
            db.prepare_cached("DELETE FROM sluice_sequence WHERE sequence_id = ?1")?.execute([id])?;
        }
        for (source, position) in &self.positions {
            db.prepare_cached("INSERT OR REPLACE INTO sluice_position VALUES (?1, ?2)")?.execute([source, position])?;
        }
        for source in &self.drop_positions {
            db.prepare_cached("DELETE FROM sluice_position WHERE source = ?1")?.execute([source])?;
        }
        for (name, role) in &self.roles {
            match role {
                Some(role) => db
                    .prepare_cached("INSERT OR REPLACE INTO sluice_role VALUES (?1, ?2, ?3)")?
                    .execute(params![name, role.id, role.verifier])?,
                None => db.prepare_cached("DELETE FROM sluice_role WHERE name = ?1")?.execute([name])?,
            };
        }
        if let Some((time, held)) = &self.tick {
            db.prepare_cached("INSERT INTO sluice_tick VALUES (?1, ?2, ?3)")?.execute(params![snapshot, time, held])?;
        }
        self.history.iter().try_for_each(|row| row.add(db))
    }
}

impl HistoryRow {
    fn add(&self, db: &Connection) -> Result<()> {
        db.prepare_cached(
            "INSERT INTO sluice_history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET \
             rows_inserted = rows_inserted + excluded.rows_inserted, \
             rows_deleted = rows_deleted + excluded.rows_deleted, \
             duration_micros = duration_micros + excluded.duration_micros, error = coalesce(excluded.error, error)",
        )?
        .execute(params![
            self.table_id,
            self.second,
            self.action,
            self.rows_inserted,
            self.rows_deleted,
            self.duration_micros,
            self.error
        ])?;
        Ok(())
    }

    fn read(r: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            table_id: r.get(0)?,
            second: r.get(1)?,
            action: r.get(2)?,
            rows_inserted: r.get(3)?,
            rows_deleted: r.get(4)?,
            duration_micros: r.get(5)?,
            error: r.get(6)?,
        })
    }
}

pub(crate) fn read(db: &Connection) -> Result<Sidecar> {
    let sql = "SELECT object_id, kind, definition FROM sluice_object WHERE end_snapshot IS NULL ORDER BY object_id";
    let objects = db.prepare_cached(sql)?.query_map([], object)?.collect::<rusqlite::Result<_>>()?;
    let mut sequences = db.prepare_cached("SELECT sequence_id, last_value FROM sluice_sequence")?;
    let sequences = sequences.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut positions = db.prepare_cached("SELECT source, position FROM sluice_position")?;
    let positions = positions.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut roles = db.prepare_cached("SELECT name, role_id, verifier FROM sluice_role")?;
    let roles = roles.query_map([], role)?.collect::<rusqlite::Result<_>>()?;
    Ok(Sidecar { objects, sequences, positions, roles })
}

fn role(r: &Row<'_>) -> rusqlite::Result<(String, RoleRow)> {
    Ok((r.get(0)?, RoleRow { id: r.get(1)?, verifier: r.get(2)? }))
}

fn object(r: &Row<'_>) -> rusqlite::Result<(i64, String, String)> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?))
}

pub(crate) fn objects_at(db: &Connection, snapshot: i64) -> Result<Vec<(i64, String, String)>> {
    let sql = format!("SELECT object_id, kind, definition FROM sluice_object WHERE {VISIBLE} ORDER BY object_id");
    Ok(db.prepare_cached(&sql)?.query_map([snapshot], object)?.collect::<rusqlite::Result<_>>()?)
}

/// Time and held-back tables of the tick that made a snapshot.
pub(crate) fn tick(db: &Connection, snapshot: i64) -> Result<Option<(i64, Option<String>)>> {
    let mut query = db.prepare_cached("SELECT tick_time_micros, held FROM sluice_tick WHERE snapshot_id = ?1")?;
    Ok(query.query_row([snapshot], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
}

/// What the last tick held back, if all snapshots after it only moved rows from one place to another.
pub(crate) fn last_tick(db: &Connection) -> Result<Option<Option<String>>> {
    let last = "SELECT snapshot_id, held FROM sluice_tick ORDER BY snapshot_id DESC LIMIT 1";
    let row = |r: &Row<'_>| Ok((r.get::<_, i64>(0)?, r.get(1)?));
    let Some((snapshot, held)) = db.query_row(last, [], row).optional()? else { return Ok(None) };
    let mut later = db.prepare("SELECT changes_made FROM ducklake_snapshot_changes WHERE snapshot_id > ?1")?;
    let later = later.query_map([snapshot], |r| r.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let moves = |change: &str| MOVES.iter().any(|kind| change.strip_prefix(kind).is_some_and(|c| c.starts_with(':')));
    Ok(later.iter().flat_map(|c| c.split(',')).all(moves).then_some(held))
}

/// Changes after which every table has the rows that it had.
const MOVES: [&str; 3] = ["inline_flush", "merge_adjacent", "rewrite_delete"];

/// The newest tick up to a snapshot.
pub(crate) fn tick_before(db: &Connection, snapshot: i64) -> Result<Option<TickRow>> {
    let sql = "SELECT snapshot_id, tick_time_micros, held FROM sluice_tick WHERE snapshot_id <= ?1 \
               ORDER BY snapshot_id DESC LIMIT 1";
    let row = |r: &Row<'_>| Ok(TickRow { snapshot: r.get(0)?, time_micros: r.get(1)?, held: r.get(2)? });
    Ok(db.prepare_cached(sql)?.query_row([snapshot], row).optional()?)
}

/// The newest rows first.
pub(crate) fn read_history(db: &Connection, table_id: Option<i64>, limit: usize) -> Result<Vec<HistoryRow>> {
    let sql = "SELECT * FROM sluice_history WHERE ?1 IS NULL OR table_id = ?1 \
               ORDER BY second DESC, table_id, action LIMIT ?2";
    let rows = params![table_id, i64::try_from(limit).unwrap_or(i64::MAX)];
    Ok(db.prepare_cached(sql)?.query_map(rows, HistoryRow::read)?.collect::<rusqlite::Result<_>>()?)
}

/// What a snapshot did to tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotChanges {
    /// The snapshot.
    pub snapshot: i64,
    /// DuckLake's words (`inlined_insert`, `deleted_from_table`, ...) with the tables.
    pub changes: Vec<(String, i64)>,
    /// All that was done, as the catalog has it.
    pub made: String,
}

pub(crate) fn changes_since(db: &Connection, snapshot: i64) -> Result<Vec<SnapshotChanges>> {
    let sql = "SELECT snapshot_id, changes_made FROM ducklake_snapshot_changes WHERE snapshot_id > ?1 ORDER BY 1";
    let mut query = db.prepare_cached(sql)?;
    let word = |change: &str| {
        let (word, table) = change.rsplit_once(':')?;
        Some((word.to_string(), table.parse().ok()?))
    };
    let row = |r: &Row<'_>| {
        let made: Option<String> = r.get(1)?;
        let made = made.unwrap_or_default();
        let changes = made.split(',').filter_map(word).collect();
        Ok(SnapshotChanges { snapshot: r.get(0)?, changes, made })
    };
    Ok(query.query_map([snapshot], row)?.collect::<rusqlite::Result<_>>()?)
}

/// The newest snapshot that a tick made.
pub(crate) fn last_tick_snapshot(db: &Connection) -> Result<Option<i64>> {
    Ok(db.prepare_cached("SELECT max(snapshot_id) FROM sluice_tick")?.query_row([], |r| r.get(0))?)
}
