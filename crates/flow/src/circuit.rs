//! A query as a chain of operators.

use crate::op::{Operator, Step};
use crate::{Delta, Result};
use sluice_zset::ZBatch;

/// Where an operator's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The change of source number n of the circuit.
    Source(usize),
    /// The output of an operator that was added before.
    Node(usize),
}

struct Node {
    operator: Box<dyn Operator>,
    inputs: Vec<Input>,
}

/// What one operator holds.
#[derive(Debug, Clone)]
pub struct NodeStats {
    /// The operator and its parameters.
    pub operator: String,
    /// Where its inputs come from.
    pub inputs: Vec<Input>,
    /// Rows of state.
    pub rows: usize,
    /// Bytes of state.
    pub bytes: usize,
}

/// Builds a [`Circuit`] from the sources up.
#[derive(Default)]
pub struct CircuitBuilder {
    nodes: Vec<Node>,
}

impl CircuitBuilder {
    /// Adds an operator over inputs that exist already.
    pub fn add(&mut self, operator: impl Operator + 'static, inputs: Vec<Input>) -> Input {
        self.nodes.push(Node { operator: Box::new(operator), inputs });
        Input::Node(self.nodes.len() - 1)
    }

    /// The circuit whose output is that of `output`.
    pub fn build(self, output: Input) -> Circuit {
        Circuit { nodes: self.nodes, output, started: false, staged_start: false }
    }
}

/// The incremental form of one query: operators in topological order.
pub struct Circuit {
    nodes: Vec<Node>,
    output: Input,
    started: bool,
    staged_start: bool,
}

impl Circuit {
    /// Moves one change of every source through the operators and returns the change of the query's result.
    /// What operators do is staged until [`Self::commit`] or [`Self::abort`].
    pub fn step(&mut self, sources: &[Delta]) -> Result<Delta> {
        let wanted = vec![true; self.nodes.len()];
        self.run(sources, &wanted)
    }

    /// Like [`Self::step`], for a result that is stored already: operators take in their state, and what only the
    /// result needs is not computed. Rows on which such an expression fails are not noticed.
    pub fn load(&mut self, sources: &[Delta]) -> Result<()> {
        let wanted = self.feeds_state();
        self.run(sources, &wanted).map(drop)
    }

    /// Operators whose output reaches an operator with state.
    fn feeds_state(&self) -> Vec<bool> {
        let mut wanted = vec![false; self.nodes.len()];
        for n in (0..self.nodes.len()).rev() {
            let node = &self.nodes[n];
            if wanted[n] || node.operator.has_state() {
                for input in &node.inputs {
                    if let Input::Node(i) = *input {
                        wanted[i] = true;
                    }
                }
            }
        }
        wanted
    }

    /// Large changes go through in portions, so that no operator works on many rows at once.
    fn run(&mut self, sources: &[Delta], wanted: &[bool]) -> Result<Delta> {
        let Some(portions) = portions(sources) else { return self.run_once(sources, wanted) };
        let mut out = Delta::default();
        for portion in portions {
            let part = self.run_once(&portion, wanted)?;
            out.rows.extend(part.rows);
            out.inherit(&part.errors);
        }
        Ok(out)
    }

    fn run_once(&mut self, sources: &[Delta], wanted: &[bool]) -> Result<Delta> {
        let first = !self.started;
        self.staged_start |= first;
        self.started = true;
        let empty = Delta::default();
        let mut outputs: Vec<Delta> = Vec::with_capacity(self.nodes.len());
        for (n, node) in self.nodes.iter_mut().enumerate() {
            let inputs: Vec<&Delta> = node
                .inputs
                .iter()
                .map(|i| match *i {
                    Input::Source(s) => sources.get(s).unwrap_or(&empty),
                    Input::Node(n) => &outputs[n],
                })
                .collect();
            let idle = !first && inputs.iter().all(|i| i.is_empty());
            let needless = !wanted[n] && !node.operator.has_state();
            let step = Step { first, wanted: wanted[n] };
            let output = if idle || needless { Delta::default() } else { node.operator.step(&inputs, step)? };
            outputs.push(output);
        }
        Ok(match self.output {
            Input::Source(s) => sources.get(s).cloned().unwrap_or_default(),
            Input::Node(n) => outputs.swap_remove(n),
        })
    }

    /// Keeps what was staged.
    pub fn commit(&mut self) -> Result<()> {
        self.staged_start = false;
        self.nodes.iter_mut().try_for_each(|n| n.operator.commit())
    }

    /// Takes back what was staged, also after a step that failed midway.
    pub fn abort(&mut self) -> Result<()> {
        if std::mem::take(&mut self.staged_start) {
            self.started = false;
        }
        self.nodes.iter_mut().try_for_each(|n| n.operator.abort())
    }

    /// The operators and the state they hold.
    pub fn stats(&self) -> Vec<NodeStats> {
        let stats = self.nodes.iter().map(|n| {
            let (rows, bytes) = n.operator.state();
            NodeStats { operator: n.operator.describe(), inputs: n.inputs.clone(), rows, bytes }
        });
        stats.collect()
    }
}

/// Rows that go through the operators at once; few in tests, so that they see portions.
const STEP_ROWS: usize = if cfg!(test) { 8 } else { 1 << 18 };

/// The changes in portions of one source each, small sources first: what the rows of a large one are joined with is
/// in place by then. Any order of portions gives the same sum. `None` if one step takes it all.
fn portions(sources: &[Delta]) -> Option<Vec<Vec<Delta>>> {
    let rows = |d: &Delta| d.rows.iter().map(ZBatch::len).sum::<usize>();
    if sources.iter().map(rows).sum::<usize>() <= STEP_ROWS {
        return None;
    }
    let mut order: Vec<usize> = (0..sources.len()).collect();
    order.sort_by_key(|&s| rows(&sources[s]));
    let errors = |d: &Delta| Delta { rows: vec![], errors: d.errors.clone() };
    let mut portions = vec![sources.iter().map(errors).collect::<Vec<_>>()];
    for s in order {
        for part in sources[s].rows.iter().flat_map(slices) {
            let fits = |p: &Vec<Delta>| rows(&p[s]) > 0 && rows(&p[s]) + part.len() <= STEP_ROWS;
            if !portions.last().is_some_and(fits) {
                portions.push(vec![Delta::default(); sources.len()]);
            }
            if let Some(last) = portions.last_mut() {
                last[s].push(part);
            }
        }
    }
    Some(portions)
}

fn slices(rows: &ZBatch) -> impl Iterator<Item = ZBatch> + '_ {
    let starts = (0..rows.len()).step_by(STEP_ROWS);
    starts.map(|start| rows.slice(start, STEP_ROWS.min(rows.len() - start)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{Aggregate, AggregateKind, Join, JoinKind, JoinLayout, Reduce, TopK};
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::compute::SortOptions;
    use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
    use datafusion::physical_expr::expressions::col;
    use proptest::prelude::*;
    use sluice_zset::consolidate;
    use std::sync::Arc;

    fn schema(names: &[&str]) -> SchemaRef {
        Arc::new(Schema::new(names.iter().map(|n| Field::new(*n, DataType::Int64, true)).collect::<Vec<_>>()))
    }

    /// The largest groups of a left join: every operator with state, one above the other.
    fn circuit() -> Circuit {
        let (left, right) = (schema(&["k", "v"]), schema(&["k", "w"]));
        let pairs = schema(&["k", "v", "rk", "w"]);
        let layout = JoinLayout {
            left: (left, vec![0]),
            right: (right, vec![0]),
            pairs: Arc::clone(&pairs),
            output: Arc::clone(&pairs),
        };
        let mut builder = CircuitBuilder::default();
        let join = Join::new(JoinKind::Left, layout, None, false);
        let joined = builder.add(join, vec![Input::Source(0), Input::Source(1)]);
        let count = |argument| Aggregate {
            kind: AggregateKind::Count,
            argument,
            filter: None,
            distinct: false,
            output: DataType::Int64,
        };
        let grouped = schema(&["k", "n", "matched"]);
        let reduce = Reduce::new(pairs, 1, vec![count(None), count(Some(3))], Arc::clone(&grouped)).unwrap();
        let reduced = builder.add(reduce, vec![joined]);
        let order = vec![(col("n", &grouped).unwrap(), SortOptions { descending: true, nulls_first: false })];
        let top = builder.add(TopK::new(grouped, order, 0, Some(3)).unwrap(), vec![reduced]);
        builder.build(top)
    }

    fn rows(names: &[&str], rows: &[(i64, i64)]) -> ZBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|r| (r.0 > 0).then_some(r.0)).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|r| Some(r.1)).collect::<Int64Array>()),
        ];
        ZBatch::new(RecordBatch::try_new(schema(names), columns).unwrap())
    }

    fn inputs(left: &[(i64, i64)], right: &[(i64, i64)], sign: i64) -> Vec<Delta> {
        let signed = |z: ZBatch| if sign < 0 { z.negate().unwrap() } else { z };
        vec![Delta::of(signed(rows(&["k", "v"], left))), Delta::of(signed(rows(&["k", "w"], right)))]
    }

    fn total(parts: Vec<Delta>) -> Vec<String> {
        let parts: Vec<ZBatch> = parts.into_iter().flat_map(|d| d.rows).collect();
        let all = consolidate(&ZBatch::concat(&schema(&["k", "n", "matched"]), &parts).unwrap()).unwrap();
        let mut text: Vec<String> =
            (0..all.len()).map(|i| format!("{} x{}", crate::row_text(all.rows(), i), all.weight(i))).collect();
        text.sort();
        text
    }

    type Rows = Vec<(i64, i64)>;

    proptest! {
        #[test]
        fn a_loaded_circuit_goes_on_like_one_that_stepped(
            left in prop::collection::vec((0i64..6, 0i64..3), 0..40),
            right in prop::collection::vec((0i64..6, 0i64..3), 0..40),
            more in prop::collection::vec((0i64..6, 0i64..3), 0..20),
        ) {
            let (mut stepped, mut loaded) = (circuit(), circuit());
            let first = stepped.step(&inputs(&left, &right, 1)).unwrap();
            loaded.load(&inputs(&left, &right, 1)).unwrap();
            stepped.commit().unwrap();
            loaded.commit().unwrap();
            let gone: Rows = left.iter().step_by(2).copied().collect();
            let mut later = (vec![], vec![]);
            for (circuit, out) in [(&mut stepped, &mut later.0), (&mut loaded, &mut later.1)] {
                out.push(circuit.step(&inputs(&gone, &[], -1)).unwrap());
                out.push(circuit.step(&inputs(&more, &more, 1)).unwrap());
                out.push(circuit.step(&inputs(&[], &right, -1)).unwrap());
            }
            prop_assert_eq!(total(later.0.clone()), total(later.1));

            // Everything in one step, and so in other portions, comes to the same.
            let mut whole = circuit();
            let rest: Rows = left.iter().skip(1).step_by(2).chain(&more).copied().collect();
            let at_once = whole.step(&inputs(&rest, &more, 1)).unwrap();
            prop_assert_eq!(total([vec![first], later.0].concat()), total(vec![at_once]));
        }
    }
}
