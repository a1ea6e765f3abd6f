//! From the text of a query to a logical plan with PostgreSQL's meaning.

pub(crate) mod calls;
pub(crate) mod catalog;
pub(crate) mod copies;
pub(crate) mod distinct_on;
pub(crate) mod flatten;
pub(crate) mod json_aggregates;
pub(crate) mod literals;
pub(crate) mod memberships;
pub(crate) mod names;
pub(crate) mod outer_names;
pub(crate) mod params;
pub(crate) mod planner;
pub(crate) mod precedence;
pub(crate) mod refuse;
pub(crate) mod scope;
pub(crate) mod set_functions;
pub(crate) mod shared_columns;
pub(crate) mod spell;
pub(crate) mod ties;
pub(crate) mod values;
