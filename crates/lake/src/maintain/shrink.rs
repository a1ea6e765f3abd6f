use crate::Result;
use crate::lake::Lake;

/// Free pages that are left for the rows to come.
const SPARE_PERCENT: i64 = 25;
const SPARE_PAGES: i64 = 2_000;
/// Pages given back at once.
const PAGES: i64 = 500;

impl Lake {
    /// Gives a piece of the catalog's free space back to the disk if there is much of it; returns how many pages.
    pub fn shrink(&mut self) -> Result<i64> {
        let pragma = |name: &str| self.db.query_row(&format!("PRAGMA {name}"), [], |r| r.get::<_, i64>(0));
        let (free, all) = (pragma("freelist_count")?, pragma("page_count")?);
        if free <= SPARE_PAGES.max(all * SPARE_PERCENT / 100) {
            return Ok(0);
        }
        let mut vacuum = self.db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        drop(rows);
        drop(vacuum);
        Ok(free - self.db.query_row("PRAGMA freelist_count", [], |r| r.get::<_, i64>(0))?)
    }
}
