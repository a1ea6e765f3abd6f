//! Statements that change rows. Each becomes a set of staged changes, which a tick checks and commits.

mod assign;
mod delete;
mod fill_column;
mod insert;
mod literals;
mod returning;
mod set;
mod update;

pub(crate) use assign::{Target, check_rows, evaluate, is_volatile};
pub(crate) use delete::delete;
pub(crate) use fill_column::{convert_column, fill_column, put_column};
pub(crate) use insert::insert;
pub(crate) use set::{Changed, WriteSet};
pub(crate) use update::{list, quoted, single_assignments, update};
