//! Upkeep of a lake: old snapshots expire, small commits move to files, files nobody needs go.
//!
//! Each call is one short catalog transaction, so that it fits between two commits; files are written before it, beside
//! the writer. Invariant: what any kept
//! snapshot sees stays the same, for this crate and for DuckDB.

mod alone;
mod clean;
mod compact;
mod delete_files;
mod due;
mod expire;
mod flush;
mod job;
mod purge;
mod retention;
mod shrink;

pub use alone::Named;
pub(crate) use compact::Merged;
pub use due::Due;
pub use expire::Expired;
pub use job::{Done, Job, Prepared};
pub(crate) use purge::{Purge, drop_superseded, schedule};
pub use retention::Retention;
