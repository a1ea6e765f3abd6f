//! SQL text to logical plan to circuit, with PostgreSQL's meaning: DataFusion is the machinery, PostgreSQL decides.
//!
//! Invariants: this crate does no IO and has no `async fn`; every clause of a statement is handled or refused by name.

mod assign;
pub mod calendar;
mod circuit;
pub mod datetime;
mod error;
mod functions;
mod keys;
mod optimize;
mod plan_errors;
mod query;
mod safe_rules;
mod types;
mod volatility;
mod walk;
mod zone;

pub use assign::{assign_column, assign_in_zone};
pub use circuit::{BuiltCircuit, NoCircuit, build_circuit};
pub use error::{Result, SqlError, nearest};
pub use functions::array_text::needs_quotes;
pub use functions::cast::{cast_column, timestamp_text};
pub use functions::failing::failing_plan;
pub use functions::interval_text::write_interval;
pub use functions::uuid::{canonical as canonical_uuid, shown as uuid_text};
pub use keys::derive_key;
pub use optimize::{optimize_view, query_rules};
pub use query::names::fold;
pub use query::planner::{PlannedQuery, Planner, Tables};
pub use types::{SqlType, UTC};
pub use volatility::{reads_clock, refuse_volatile};
pub use walk::{Tree, TreeMut, each_expr, each_expr_mut};
pub use zone::Zone;

pub(crate) use volatility::reads_clock_by_name;
