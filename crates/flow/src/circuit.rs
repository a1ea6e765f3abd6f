//! A query as a chain of operators.

use crate::op::{Operator, Step};
use crate::{Delta, Result};

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
    /// Positions of its inputs among the operators; sources are `None`.
    pub inputs: Vec<Option<usize>>,
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
    /// What operators do is staged until [`Self::commit`] or [`Self::abort`]; one step at a time may be staged.
    pub fn step(&mut self, sources: &[Delta]) -> Result<Delta> {
        let first = !self.started;
        self.staged_start |= first;
        self.started = true;
        let empty = Delta::default();
        let mut outputs: Vec<Delta> = Vec::with_capacity(self.nodes.len());
        for node in &mut self.nodes {
            let inputs: Vec<&Delta> = node
                .inputs
                .iter()
                .map(|i| match *i {
                    Input::Source(s) => sources.get(s).unwrap_or(&empty),
                    Input::Node(n) => &outputs[n],
                })
                .collect();
            let idle = !first && inputs.iter().all(|i| i.is_empty());
            let output = if idle { Delta::default() } else { node.operator.step(&inputs, Step { first })? };
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
            let inputs = n.inputs.iter().map(|i| match *i {
                Input::Node(n) => Some(n),
                Input::Source(_) => None,
            });
            NodeStats { operator: n.operator.describe(), inputs: inputs.collect(), rows, bytes }
        });
        stats.collect()
    }
}
