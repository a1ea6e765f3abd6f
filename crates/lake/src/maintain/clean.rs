use crate::lake::Lake;
use crate::{LakeError, Result, failpoint, text};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// Files deleted at once.
const FILES: usize = 1_000;

impl Lake {
    /// Deletes files that were scheduled for deletion longer than `older_than_micros` ago, and returns how
    /// many. Spares those that the catalog names again or that a reader of this process holds.
    pub fn clean(&mut self, older_than_micros: i64, now_micros: i64) -> Result<usize> {
        let files = self.scheduled(now_micros.saturating_sub(older_than_micros))?;
        let mut gone = vec![];
        for (rowid, path) in files {
            match fs::remove_file(&path) {
                Ok(()) => gone.push(rowid),
                Err(e) if e.kind() == ErrorKind::NotFound => gone.push(rowid),
                Err(e) => return Err(LakeError::io("removing", &path)(e)),
            }
        }
        if gone.is_empty() {
            return Ok(0);
        }
        failpoint("after_clean");
        // A crash before this leaves entries without files, which the next time takes.
        let txn = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut delete = txn.prepare_cached("DELETE FROM ducklake_files_scheduled_for_deletion WHERE rowid = ?1")?;
        for rowid in &gone {
            delete.execute([rowid])?;
        }
        drop(delete);
        txn.commit()?;
        Ok(gone.len())
    }

    fn scheduled(&self, until: i64) -> Result<Vec<(i64, PathBuf)>> {
        let sql = "SELECT rowid, data_file_id, path, schedule_start FROM ducklake_files_scheduled_for_deletion s \
                   WHERE NOT EXISTS (SELECT * FROM ducklake_data_file d WHERE d.data_file_id = s.data_file_id) \
                   AND NOT EXISTS (SELECT * FROM ducklake_delete_file d WHERE d.delete_file_id = s.data_file_id) \
                   ORDER BY rowid";
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query([])?;
        let mut files = vec![];
        while let Some(row) = rows.next()? {
            let time = row.get_ref(3)?.as_str().ok().and_then(text::parse_timestamp);
            let held = self.files.lock().get(&row.get(1)?).is_some_and(|f| f.strong_count() > 0);
            if time.is_some_and(|t| t <= until) && !held {
                files.push((row.get(0)?, self.data_dir.join(row.get::<_, String>(2)?)));
            }
            if files.len() == FILES {
                break;
            }
        }
        Ok(files)
    }
}
