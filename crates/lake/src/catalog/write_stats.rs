//! Statistics of a table after a commit has added rows to it.

use super::draft::Draft;
use super::row_changes::Inserted;
use super::stats::{ColumnStats, TableStats};
use crate::Result;
use crate::types::TableInfo;
use rusqlite::{params, params_from_iter};
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn widen_stats(&mut self, info: &TableInfo, inserted: &Inserted) -> Result<()> {
        let version = &mut self.table(info.id)?.version;
        let next_row_id = version.next_row_id;
        let old = Arc::clone(&version.stats);
        let mut new = old.as_ref().clone();
        new.widen(&info.columns, &inserted.seen);
        new.record_count += inserted.rows;
        new.file_size_bytes += inserted.bytes;
        let new = Arc::new(new);
        version.stats = Arc::clone(&new);
        let sql = if old.exists {
            "UPDATE ducklake_table_stats SET record_count = ?2, next_row_id = ?3, file_size_bytes = ?4 \
             WHERE table_id = ?1"
        } else {
            "INSERT INTO ducklake_table_stats VALUES (?1, ?2, ?3, ?4)"
        };
        let row = [info.id, new.record_count, next_row_id, new.file_size_bytes];
        self.db.prepare_cached(sql)?.execute(params_from_iter(row))?;
        for column in &info.columns {
            self.write_column_stats(info.id, column.id, &old, new.columns.get(&column.id))?;
        }
        Ok(())
    }

    fn write_column_stats(
        &self,
        table_id: i64,
        column_id: i64,
        old: &TableStats,
        new: Option<&ColumnStats>,
    ) -> Result<()> {
        let before = old.columns.get(&column_id);
        let there = before.is_some() || old.unreadable.contains(&column_id);
        let Some(new) = new else {
            if there {
                self.db
                    .prepare_cached("DELETE FROM ducklake_table_column_stats WHERE table_id = ?1 AND column_id = ?2")?
                    .execute([table_id, column_id])?;
            }
            return Ok(());
        };
        if before == Some(new) {
            return Ok(());
        }
        let sql = if there {
            "UPDATE ducklake_table_column_stats \
             SET contains_null = ?3, contains_nan = ?4, min_value = ?5, max_value = ?6 \
             WHERE table_id = ?1 AND column_id = ?2"
        } else {
            "INSERT INTO ducklake_table_column_stats VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)"
        };
        let (low, high) = new.bounds.as_ref().map(|(low, high)| (low, high)).unzip();
        self.db.prepare_cached(sql)?.execute(params![
            table_id,
            column_id,
            new.contains_null,
            new.contains_nan,
            low,
            high
        ])?;
        Ok(())
    }
}
