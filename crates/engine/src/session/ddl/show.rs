use crate::catalog::TableDef;
use crate::read::Staged;
use crate::tick::DdlOp;
use crate::version::Version;
use crate::write::WriteSet;
use sluice_sql::Result;
use std::sync::Arc;

impl DdlOp {
    /// What the rest of its transaction sees.
    pub(crate) fn show(&self, version: &mut Version, writes: &mut WriteSet) -> Result<()> {
        if let Self::Alter(alteration) = self {
            return alteration.show(version, writes);
        }
        let mut catalog = (*version.catalog).clone();
        match self {
            Self::CreateSchema { id, name } => catalog.put_schema(name, *id),
            Self::DropSchema { name } => catalog.remove_schema(name),
            Self::Create(def) => {
                if def.is_stored() {
                    writes.tables.insert(def.id, Staged::new(def.arrow()));
                }
                catalog.put(def.as_ref().clone());
            }
            Self::Drop { id } => {
                writes.tables.remove(id);
                catalog.remove(*id);
            }
            Self::Rename { id, name } => {
                if let Some(def) = catalog.by_id(*id).cloned() {
                    catalog.put(TableDef { name: name.clone(), ..(*def).clone() });
                }
            }
            Self::PutRole { name, role } => catalog.put_role(name, role.clone()),
            Self::DropRole { name } => catalog.remove_role(name),
            Self::Alter(_) => {}
        }
        version.catalog = Arc::new(catalog);
        Ok(())
    }
}
