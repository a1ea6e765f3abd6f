//! Upkeep of a lake: old snapshots expire, small commits move to files, files nobody needs go.
//!
//! Each call is one short catalog transaction, so that it fits between two commits. Invariant: what any kept
//! snapshot sees stays the same, for this crate and for DuckDB.

mod clean;
mod delete_files;
mod due;
mod expire;
mod flush;
mod purge;
mod retention;

pub use due::Due;
pub use expire::Expired;
pub use flush::Flushed;
pub(crate) use purge::{drop_superseded, schedule};
pub use retention::Retention;
