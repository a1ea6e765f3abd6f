//! Reading: a version of the lake with what a transaction has staged over it, as tables of DataFusion.

mod background;
mod bind;
mod direct;
mod given;
mod lookup;
mod provider;
mod run;
mod series;
mod staged;
mod view;

pub(crate) use bind::{TableHandle, same_columns};
pub(crate) use provider::BoundTable;
pub(crate) use run::Runner;
pub(crate) use staged::{Rows, Staged};
pub(crate) use view::{Names, ReadView, rows_source};

/// The hidden column that names a row in statements that change rows.
pub(crate) const ROW_ID: &str = "__row_id";
