use crate::catalog::Catalog;
use crate::tick::{Core, ViewStatus};
use serde::{Deserialize, Serialize};
use sluice_sql::{Result, SqlError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a table is parked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parked {
    /// The snapshot that did it.
    pub(super) snapshot: i64,
    /// What another program did.
    pub(super) reason: String,
}

/// Parked tables, and the views that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Parking {
    parked: BTreeMap<i64, Parked>,
    /// For each view that stays as it is the parked table it depends on, perhaps itself.
    held: BTreeMap<i64, i64>,
}

const PREFIX: &str = "parked table ";

impl Parking {
    /// What the catalog says. Tables that are gone need no parking.
    pub(super) fn load(positions: &BTreeMap<String, String>, catalog: &Catalog) -> Result<Self> {
        let mut parking = Self::default();
        for (source, json) in positions {
            let id = source.strip_prefix(PREFIX).and_then(|id| id.parse().ok());
            let Some(id) = id.filter(|id| catalog.by_id(*id).is_some()) else { continue };
            let parked = serde_json::from_str(json)
                .map_err(|e| SqlError::internal(format!("the record of {source} cannot be read: {e}")))?;
            parking.parked.insert(id, parked);
        }
        Ok(parking)
    }

    /// What the catalog is to say.
    pub(super) fn positions(&self) -> Vec<(String, String)> {
        let position = |(id, parked): (&i64, &Parked)| Some((source(*id), serde_json::to_string(parked).ok()?));
        self.parked.iter().filter_map(position).collect()
    }

    pub(super) fn add(&mut self, id: i64, parked: Parked) {
        self.parked.insert(id, parked);
    }

    pub(super) fn remove(&mut self, id: i64) -> Option<Parked> {
        self.parked.remove(&id)
    }

    pub(crate) fn has(&self, id: i64) -> bool {
        self.parked.contains_key(&id)
    }

    /// Whether a view stays as it is.
    pub(crate) fn holds(&self, view: i64) -> bool {
        self.held.contains_key(&view)
    }

    /// Views that stay as they are.
    pub(crate) fn held(&self) -> impl Iterator<Item = i64> + '_ {
        self.held.keys().copied()
    }

    /// Finds the views that depend on parked tables.
    pub(crate) fn order(&mut self, catalog: &Catalog) {
        self.parked.retain(|id, _| catalog.by_id(*id).is_some());
        self.held.clear();
        loop {
            let before = self.held.len();
            for def in catalog.tables() {
                let Some(m) = def.materialized().filter(|_| !self.held.contains_key(&def.id)) else { continue };
                let own = self.parked.contains_key(&def.id).then_some(def.id);
                let read = || m.reads.iter().find(|r| self.parked.contains_key(r)).copied();
                let above = || m.reads.iter().find_map(|r| self.held.get(r).copied());
                if let Some(table) = own.or_else(read).or_else(above) {
                    self.held.insert(def.id, table);
                }
            }
            if self.held.len() == before {
                return;
            }
        }
    }

    /// The error for somebody who writes to a parked table.
    pub(crate) fn refuse_write(&self, id: i64, catalog: &Catalog) -> Result<()> {
        match (self.parked.get(&id), catalog.by_id(id)) {
            (Some(parked), Some(def)) => {
                let message = format!("table \"{}\" is parked: {}", def.name, parked.told());
                Err(SqlError::new("55000", message).hint(resync_hint(&def.name)))
            }
            _ => Ok(()),
        }
    }
}

impl Parked {
    fn told(&self) -> String {
        format!("in snapshot {} another program {}", self.snapshot, self.reason)
    }
}

/// The name under which the catalog records that a table is parked.
pub(super) fn source(id: i64) -> String {
    format!("{PREFIX}{id}")
}

pub(super) fn resync_hint(name: &str) -> String {
    format!("Look at the table, then take it as it is with SELECT sluice.resync('{name}').")
}

impl Core {
    /// Lets the status say what is parked and what to do.
    pub(super) fn show_parked(&self) {
        let catalog = Arc::clone(&self.context.version().catalog);
        let name = |id: i64| catalog.by_id(id).map_or_else(String::new, |d| d.name.clone());
        let mut status = self.status.write();
        status.retain(|id, _| catalog.by_id(*id).is_none_or(|d| d.materialized().is_some()));
        let tables = self.parking.parked.keys().map(|id| (*id, *id));
        for (id, table) in tables.chain(self.parking.held.iter().map(|(view, table)| (*view, *table))) {
            let Some(parked) = self.parking.parked.get(&table) else { continue };
            let shown: &mut ViewStatus = status.entry(id).or_default();
            shown.state = "PARKED".into();
            let of = if id == table { String::new() } else { format!("\"{}\" is parked: ", name(table)) };
            shown.error = Some(format!("{of}{}; {}", parked.told(), resync_hint(&name(table))));
            shown.consecutive_errors = shown.consecutive_errors.max(1);
        }
    }
}
