//! Arrangements and incremental operators over Z-sets.
//!
//! A [`Circuit`] is the incremental form of one query: a chain of operators, each of which takes the changes
//! of its inputs and returns the change of its output. Operators stage what they do; a tick commits or aborts
//! as a whole.
//!
//! Invariants: flow knows no clock and no IO (time comes as an argument, batch evaluation through a trait);
//! it has no `async fn`; a row that fails becomes an error value with a weight, never a panic.

mod agg;
mod arrangement;
mod circuit;
mod delta;
mod error;
mod eval;
mod op;

pub use agg::{Aggregate, AggregateKind, FloatSum, round_div};
pub use arrangement::{Arrangement, NO_SLOT, Slot};
pub use circuit::{Circuit, CircuitBuilder, Input, NodeStats};
pub use delta::{DataError, Delta, Errors, row_text};
pub use error::{FlowError, Result};
pub use eval::{Evaluated, classify_error, evaluate};
pub use op::constant::Constant;
pub use op::join::{Join, JoinKind, JoinLayout};
pub use op::map::Map;
pub use op::reduce::Reduce;
pub use op::topk::TopK;
pub use op::union::Union;
pub use op::{Operator, Step};
