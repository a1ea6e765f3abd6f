use super::Retention;
use super::purge::Purge;
use crate::catalog::{begin, snapshot_time};
use crate::lake::Lake;
use crate::{Result, failpoint};
use rusqlite::{Connection, params};

/// What an expiry removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Snapshots.
    pub snapshots: usize,
    /// Rows of the catalog that no snapshot sees any more.
    pub rows: u64,
    /// Files that [`Lake::clean`] may delete later.
    pub files: usize,
}

impl Lake {
    /// The newest snapshot that may be thinned out by now, `after` if there is none after that, and how many there are
    /// after that.
    pub fn reached(&self, keep: &Retention, now_micros: i64, after: i64) -> Result<(i64, usize)> {
        let sql = "SELECT snapshot_id, snapshot_time FROM ducklake_snapshot WHERE snapshot_id > ?1 ORDER BY 1";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([after])?;
        let mut reached = (after, 0);
        while let Some(row) = rows.next()? {
            if snapshot_time(row.get_ref(1)?.as_str().unwrap_or_default())? > keep.horizon(now_micros) {
                break;
            }
            reached = (row.get(0)?, reached.1 + 1);
        }
        Ok(reached)
    }

    /// Removes the oldest snapshots that `keep` lets go, at most `limit`, with all that only they saw. Files
    /// are scheduled for deletion. Makes no snapshot; writes nothing when there is nothing to remove.
    pub fn expire(&mut self, keep: &Retention, now_micros: i64, limit: usize) -> Result<Expired> {
        let victims = victims(&self.db, keep, now_micros, limit)?;
        let history_before = now_micros.saturating_sub(keep.history_micros).div_euclid(1_000_000);
        if victims.is_empty() && !has_history_before(&self.db, history_before)? {
            return Ok(Expired::default());
        }
        let txn = begin(&mut self.db, &self.state)?;
        let mut snapshots = 0;
        for sql in [
            "DELETE FROM sluice_tick WHERE snapshot_id = ?1",
            "DELETE FROM ducklake_snapshot_changes WHERE snapshot_id = ?1",
            "DELETE FROM ducklake_snapshot WHERE snapshot_id = ?1",
        ] {
            let mut delete = txn.prepare_cached(sql)?;
            snapshots = 0;
            for id in &victims {
                snapshots += delete.execute([id])?;
            }
        }
        let mut purge = Purge::new(&txn, &self.state, &self.data_dir, now_micros);
        purge.history(history_before)?;
        if !victims.is_empty() {
            purge.all(&victims)?;
        }
        let purged = purge.done();
        failpoint("in_expire");
        txn.commit()?;
        failpoint("after_expire");
        let expired = Expired { snapshots, rows: purged.rows, files: purged.files };
        self.state.tables.extend(purged.tables);
        Ok(expired)
    }
}

/// The oldest snapshots that may go. Only those beyond the horizon are read, and the one after them.
fn victims(db: &Connection, keep: &Retention, now: i64, limit: usize) -> Result<Vec<i64>> {
    let mut query = db.prepare_cached("SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY 1")?;
    let mut rows = query.query([])?;
    let mut victims = vec![];
    let mut before: Option<(i64, i64)> = None;
    while let Some(row) = rows.next()? {
        let snapshot = (row.get(0)?, snapshot_time(row.get_ref(1)?.as_str().unwrap_or_default())?);
        if let Some(before) = before.filter(|b| keep.lets_go(*b, snapshot.1, now)) {
            victims.push(before.0);
        }
        if snapshot.1 > keep.horizon(now) || victims.len() >= limit {
            break;
        }
        before = Some(snapshot);
    }
    Ok(victims)
}

fn has_history_before(db: &Connection, second: i64) -> Result<bool> {
    let mut found = db.prepare_cached("SELECT EXISTS (SELECT * FROM sluice_history WHERE second < ?1)")?;
    Ok(found.query_row(params![second], |r| r.get(0))?)
}
