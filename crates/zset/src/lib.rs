//! Weighted Arrow batches.
//!
//! A Z-set maps rows to integer weights: `+1` is a row that appears, `-1` a row that goes. Changes of
//! tables, and everything that flows between operators, are Z-sets held as Arrow record batches with a
//! column of weights beside them (Budiu et al., "DBSP", arXiv 2203.16684).
//!
//! Invariant: this crate does no IO, reads no clock, spawns nothing and never panics on data.

mod batch;
mod consolidate;
mod error;
mod hash;

pub use batch::{ZBatch, empty_batch, gather, gather_batch, with_row_count};
pub use consolidate::{Grouped, consolidate, group_rows};
pub use error::ZError;
pub use hash::{hash_rows, normalize_key};

/// Result of a Z-set operation.
pub type Result<T> = std::result::Result<T, ZError>;
