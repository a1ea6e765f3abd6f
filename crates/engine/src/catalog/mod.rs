//! What the lake holds, as SQL sees it: definitions are stored as JSON beside the lake's own tables, in the same
//! transactions.

mod def;
mod names;

pub use def::{CheckDef, ColumnDef, ForeignDef, KeyDef, Kind, MaterializedDef, Mode, TableDef, TableParts};
pub use names::{Catalog, ObjectRef};
