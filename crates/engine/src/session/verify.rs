use super::functions::Call;
use super::{Outcome, Session};
use crate::verify::Verified;
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray};
use sluice_sql::{Result, SqlError, SqlType};
use std::sync::Arc;

/// Differing rows shown for each table.
const SHOWN: usize = 10;

/// The columns of what `sluice.verify` answers.
pub(crate) fn columns() -> Vec<(String, SqlType)> {
    let column = |name: &str, ty| (name.to_string(), ty);
    vec![
        column("name", SqlType::Text),
        column("snapshot", SqlType::Int8),
        column("rows", SqlType::Int8),
        column("differences", SqlType::Int8),
        column("differing_rows", SqlType::Text),
        column("compared", SqlType::Bool),
    ]
}

impl Session {
    /// `SELECT sluice.verify(names => 'a,b', at => 5)`: one row a table.
    pub(crate) async fn verify(&mut self, call: &Call) -> Result<Outcome> {
        let names: Vec<String> = call
            .arg("names")
            .map(|n| n.split(',').map(|n| n.trim().to_string()).filter(|n| !n.is_empty()).collect())
            .unwrap_or_default();
        let at = call.arg("at").map(|at| {
            at.parse::<i64>()
                .map_err(|_| SqlError::new("22023", format!("invalid snapshot \"{at}\"")).hint("Give a number."))
        });
        let results = self.engine.verify(&names, at.transpose()?, SHOWN).await?;
        let name: ArrayRef = Arc::new(StringViewArray::from_iter_values(results.iter().map(|r| r.name.clone())));
        let snapshot: ArrayRef = Arc::new(results.iter().map(|r| Some(r.snapshot)).collect::<Int64Array>());
        let rows: ArrayRef = Arc::new(results.iter().map(|r| Some(r.rows as i64)).collect::<Int64Array>());
        let count: ArrayRef = Arc::new(results.iter().map(|r| Some(r.differing as i64)).collect::<Int64Array>());
        let shown: ArrayRef = Arc::new(StringViewArray::from_iter_values(results.iter().map(differences)));
        let compared: ArrayRef = Arc::new(results.iter().map(|r| Some(r.cut.is_some())).collect::<BooleanArray>());
        let batch = RecordBatch::try_from_iter([
            ("name", name),
            ("snapshot", snapshot),
            ("rows", rows),
            ("differences", count),
            ("differing_rows", shown),
            ("compared", compared),
        ])?;
        Ok(Outcome::rows(columns(), vec![batch], "SELECT"))
    }
}

fn differences(result: &Verified) -> String {
    let held = match (&result.held, result.cut) {
        (None, _) => None,
        (Some(reason), None) => Some(format!("not compared, it is held back: {reason}")),
        (Some(reason), Some(cut)) => {
            Some(format!("compared over the tables of snapshot {cut}, as it is held back: {reason}"))
        }
    };
    let line = |d: &crate::verify::Difference| {
        let side = if d.copies > 0 { "only in the table" } else { "only in the query" };
        format!("{side}, {} time(s): {}", d.copies.abs(), d.row)
    };
    held.into_iter().chain(result.differences.iter().map(line)).collect::<Vec<_>>().join("\n")
}
