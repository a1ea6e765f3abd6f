use crate::Result;
use crate::lake::Lake;

const INLINED_ROWS: usize = 50_000;
const INLINED_DELETES: i64 = 100_000;

/// A table that deserves a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The table.
    pub table_id: i64,
    /// Live rows that are in the catalog.
    pub rows: usize,
    /// Deletes of rows of files that are in the catalog.
    pub deletes: i64,
}

impl Lake {
    /// The tables with much in the catalog that belongs into files, those with most first.
    pub fn due(&self) -> Result<Vec<Due>> {
        let mut due = vec![];
        for table in self.state.tables.values().filter(|t| t.unsupported_file.is_none()) {
            let deletes = if table.has_inlined_deletes { self.inlined_deletes(table.info.id)? } else { 0 };
            let rows = table.inlined.live_rows();
            if rows > INLINED_ROWS || deletes > INLINED_DELETES {
                due.push(Due { table_id: table.info.id, rows, deletes });
            }
        }
        due.sort_by_key(|d| std::cmp::Reverse(d.rows as i64 + d.deletes));
        Ok(due)
    }

    /// Counts no further than it takes to see that there are too many.
    fn inlined_deletes(&self, table_id: i64) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM ducklake_inlined_delete_{table_id} LIMIT ?1)");
        Ok(self.db.prepare_cached(&sql)?.query_row([INLINED_DELETES + 1], |r| r.get(0))?)
    }
}
