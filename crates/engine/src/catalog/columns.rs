//! Definitions refer to columns by position; here positions follow columns that go.

use super::{Kind, TableDef};

impl TableDef {
    /// Keeps the columns at `kept`, in that order, and what is defined over none but them.
    pub(crate) fn keep_columns(&mut self, kept: &[usize]) {
        self.columns = kept.iter().map(|&at| self.columns[at].clone()).collect();
        let own = self.id;
        self.indexes.retain_mut(|i| follow(&mut i.columns, kept));
        match &mut self.kind {
            Kind::Table(parts) => {
                parts.keys.retain_mut(|k| follow(&mut k.columns, kept));
                parts.foreign.retain_mut(|f| {
                    follow(&mut f.columns, kept) && (f.table != own || follow(&mut f.referenced, kept))
                });
            }
            Kind::Materialized(m) => {
                m.key = m.key.take().filter(|key| key.iter().all(|at| kept.contains(at)));
                if let Some(key) = &mut m.key {
                    follow(key, kept);
                }
            }
            Kind::View { .. } => {}
        }
    }

    /// Lets references to `parent` follow its columns; false if one of them lost a column.
    pub(crate) fn follow_parent(&mut self, parent: i64, kept: &[usize]) -> bool {
        let Kind::Table(parts) = &mut self.kind else { return true };
        parts.foreign.iter_mut().filter(|f| f.table == parent).all(|f| follow(&mut f.referenced, kept))
    }
}

/// New positions for old ones; false, and nothing changed, if a column is gone.
fn follow(positions: &mut [usize], kept: &[usize]) -> bool {
    let found: Option<Vec<usize>> = positions.iter().map(|p| kept.iter().position(|k| k == p)).collect();
    match found {
        Some(found) => {
            positions.copy_from_slice(&found);
            true
        }
        None => false,
    }
}
