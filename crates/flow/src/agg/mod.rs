//! Accumulators of aggregate functions, one vector entry a group. They can take rows back.

mod bools;
mod count;
mod distinct;
mod exact;
mod float;
mod ordered;
mod staged;

use crate::Result;
use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

pub use exact::round_div;
pub use float::FloatSum;

/// An aggregate of a [`crate::Reduce`]: what it computes over which columns of the reduced rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The function.
    pub kind: AggregateKind,
    /// The column of its argument; `None` for `count(*)`.
    pub argument: Option<usize>,
    /// The boolean column of its FILTER clause.
    pub filter: Option<usize>,
    /// Whether equal arguments count once.
    pub distinct: bool,
    /// The type of its result.
    pub output: DataType,
}

/// The functions with an incremental rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateKind {
    /// Rows, or values that are not NULL.
    Count,
    /// Sum.
    Sum,
    /// Mean; of integers and decimals as decimal(38,16), rounded half away from zero.
    Avg,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Whether all values are true.
    BoolAnd,
    /// Whether any value is true.
    BoolOr,
}

/// The entries of one batch that an accumulator takes: positions, their groups and weights.
pub(crate) struct Entries {
    pub(crate) positions: Vec<u32>,
    pub(crate) groups: Vec<u32>,
    pub(crate) weights: Vec<i64>,
}

/// A result that a group cannot show, with its place in the groups asked for.
pub(crate) struct OutputError {
    pub(crate) at: usize,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The state of one aggregate over all groups. Changes are staged like those of an operator.
pub(crate) trait Accumulator: Send {
    /// Makes room for groups `0..groups`.
    fn resize(&mut self, groups: usize);

    /// Adds (or takes back) entries; those with a NULL argument are left out before.
    fn update(&mut self, values: Option<&ArrayRef>, entries: &Entries) -> Result<()>;

    /// The results of `groups`; a group whose result cannot be shown is NULL and stands in the errors.
    fn output(&self, groups: &[u32]) -> Result<(ArrayRef, Vec<OutputError>)>;

    fn commit(&mut self);

    fn abort(&mut self);

    fn bytes(&self) -> usize;
}

impl Aggregate {
    pub(crate) fn accumulator(&self, input: Option<&DataType>) -> Box<dyn Accumulator> {
        let base = self.base(input);
        match (self.distinct, self.kind, input) {
            // Copies make no difference to these.
            (true, AggregateKind::Min | AggregateKind::Max | AggregateKind::BoolAnd | AggregateKind::BoolOr, _) => base,
            (true, _, Some(input)) => Box::new(distinct::Distinct::new(base, input.clone())),
            _ => base,
        }
    }

    fn base(&self, input: Option<&DataType>) -> Box<dyn Accumulator> {
        let is_float = matches!(input, Some(DataType::Float32 | DataType::Float64));
        match self.kind {
            AggregateKind::Count => Box::new(count::Count::default()),
            AggregateKind::Sum | AggregateKind::Avg if is_float => {
                Box::new(float::Float::new(self.kind == AggregateKind::Avg, self.output.clone()))
            }
            AggregateKind::Sum | AggregateKind::Avg => {
                Box::new(exact::Exact::new(self.kind == AggregateKind::Avg, input.cloned(), self.output.clone()))
            }
            AggregateKind::Min | AggregateKind::Max => {
                ordered::accumulator(self.kind == AggregateKind::Max, self.output.clone())
            }
            AggregateKind::BoolAnd => Box::new(bools::Bools::new(true)),
            AggregateKind::BoolOr => Box::new(bools::Bools::new(false)),
        }
    }

    /// The entries of a batch that count for this aggregate: those that pass its filter and are not NULL.
    pub(crate) fn entries(
        &self,
        argument: Option<&ArrayRef>,
        filter: Option<&BooleanArray>,
        groups: &[u32],
        weight: impl Fn(usize) -> i64,
    ) -> Entries {
        let nulls = argument.and_then(|a| a.logical_nulls());
        let counts = |i: usize| {
            filter.is_none_or(|f| f.is_valid(i) && f.value(i)) && nulls.as_ref().is_none_or(|n| n.is_valid(i))
        };
        let mut entries = Entries { positions: vec![], groups: vec![], weights: vec![] };
        for (i, &group) in groups.iter().enumerate().filter(|&(i, _)| counts(i)) {
            entries.positions.push(i as u32);
            entries.groups.push(group);
            entries.weights.push(weight(i));
        }
        entries
    }
}
