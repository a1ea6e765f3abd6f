//! json and jsonb, which are carried as text: their form, and the operators and functions that take them apart and
//! build them.

mod build;
mod contain;
mod edit;
mod form;
mod function;
mod operators;
mod part;
pub(crate) mod parts;
pub(crate) mod path;
mod values;

pub(crate) use build::{Build, ELEMENT, MEMBER};
pub(crate) use form::{checked, normal};
pub(crate) use function::JsonFunction;
pub(crate) use operators::JsonOperators;
pub(crate) use part::Part;
