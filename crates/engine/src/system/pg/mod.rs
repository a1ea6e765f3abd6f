//! PostgreSQL's system catalog, for the clients that ask it: relations made for each statement that names one, and
//! functions bound to the same snapshot.

mod cell;
mod functions;
mod given;
mod information;
mod names;
mod relation;
mod rows;
mod snapshot;
mod specs;
mod types;
mod udf;

pub(crate) use given::function;
pub(crate) use snapshot::Snapshot;
pub(crate) use udf::bound;

use arrow::array::RecordBatch;
use sluice_sql::Result;

/// The name of the one database.
const DATABASE: &str = "sluice";

/// A relation of pg_catalog, whose schema may be left out, or of information_schema.
pub(crate) fn table(
    snapshot: impl FnOnce() -> std::sync::Arc<Snapshot>,
    schema: Option<&str>,
    name: &str,
) -> Result<Option<RecordBatch>> {
    let spec = |specs: &[(&str, &'static str)]| specs.iter().find(|(n, _)| *n == name).map(|(_, spec)| *spec);
    let found = match schema {
        None | Some("pg_catalog") => {
            spec(specs::PG_CATALOG).map(|s| (s, rows::rows as fn(&Snapshot, &str) -> Vec<relation::Row>))
        }
        Some("information_schema") => {
            spec(specs::INFORMATION_SCHEMA).map(|s| (s, information::rows as fn(&Snapshot, &str) -> Vec<relation::Row>))
        }
        _ => None,
    };
    match found {
        Some((spec, rows)) => relation::relation(spec, &rows(&snapshot(), name)).map(Some),
        None => Ok(None),
    }
}
