//! One operator a file. The page of each states its delta rule, cost, state, and what NULLs and duplicates do.

pub(crate) mod constant;
pub(crate) mod join;
pub(crate) mod map;
pub(crate) mod reduce;
pub(crate) mod topk;
pub(crate) mod union;

use crate::{Delta, Result};

/// What a step is told besides its inputs.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The first step of a circuit's life, which runs also without input: a global aggregate has a row then.
    pub first: bool,
    /// Whether anything takes the output; if not, only the state matters.
    pub wanted: bool,
}

/// One operator of a circuit. A step stages its effects; `commit` keeps them, `abort` takes them back.
pub trait Operator: Send {
    /// Its name and what it does, for plans and messages.
    fn describe(&self) -> String;

    /// The change of the output that the changes of the inputs cause.
    fn step(&mut self, inputs: &[&Delta], step: Step) -> Result<Delta>;

    /// Whether it remembers anything between steps.
    fn has_state(&self) -> bool {
        true
    }

    /// Keeps what was staged.
    fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes back what was staged.
    fn abort(&mut self) -> Result<()> {
        Ok(())
    }

    /// Rows and bytes of state held.
    fn state(&self) -> (usize, usize) {
        (0, 0)
    }
}
