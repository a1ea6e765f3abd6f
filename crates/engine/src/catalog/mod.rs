//! What the lake holds, as SQL sees it: definitions are stored as JSON beside the lake's own tables, in the same
//! transactions.

mod columns;
mod def;
mod names;
mod source;

pub use def::{
    CheckDef, ColumnDef, ForeignDef, Identity, IndexDef, KeyDef, Kind, MaterializedDef, Mode, TableDef, TableParts,
};
pub use names::{Catalog, ObjectRef};
pub use source::SourceDef;
