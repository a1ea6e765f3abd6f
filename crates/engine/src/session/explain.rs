//! EXPLAIN: the plan of a query, as text.

use super::{Outcome, Session};
use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use sluice_sql::{Result, SqlError, SqlType, fold};
use sqlparser::ast::{AnalyzeFormat, AnalyzeFormatKind, Expr, Statement as Ast, UtilityOption};
use std::sync::Arc;

impl Session {
    pub(crate) async fn explain(&mut self, ast: &Ast) -> Result<Outcome> {
        let Ast::Explain { statement, .. } = ast else { return Err(SqlError::internal("not EXPLAIN")) };
        let analyze = analyzes(ast)?;
        let Ast::Query(query) = statement.as_ref() else {
            return Err(SqlError::unsupported("EXPLAIN of this statement", "Explain the SELECT with the same WHERE."));
        };
        let planned = self.plan(query, &[])?;
        let view = self.view();
        let text = self.engine.context().runner.explain(planned.plan, &view, analyze).await?;
        let lines: ArrayRef = Arc::new(text.lines().map(Some).collect::<StringViewArray>());
        let rows = RecordBatch::try_from_iter([("QUERY PLAN", lines)])?;
        Ok(Outcome::rows(vec![("QUERY PLAN".into(), SqlType::Text)], vec![rows], "EXPLAIN"))
    }
}

/// Whether the query is run; options of both forms are checked.
fn analyzes(ast: &Ast) -> Result<bool> {
    let Ast::Explain { describe_alias: _, analyze, verbose: _, query_plan, estimate, statement: _, format, options } =
        ast
    else {
        return Err(SqlError::internal("not EXPLAIN"));
    };
    if *query_plan || *estimate {
        return Err(SqlError::unsupported(
            "this EXPLAIN of another SQL dialect",
            "Write EXPLAIN [ANALYZE] SELECT ....",
        ));
    }
    if let Some(AnalyzeFormatKind::Keyword(format) | AnalyzeFormatKind::Assignment(format)) = format
        && !matches!(format, AnalyzeFormat::TEXT)
    {
        return Err(no_format(&format.to_string()));
    }
    let mut analyzes = *analyze;
    let mut needs = None;
    for option in options.iter().flatten() {
        let name = fold(&option.name);
        match name.as_str() {
            "analyze" => analyzes = switch(option)?,
            // What they add or leave out is not shown anyway.
            "verbose" | "costs" | "buffers" | "summary" | "settings" => {
                switch(option)?;
            }
            "timing" | "wal" => {
                let on = switch(option)?;
                needs = needs.or(on.then(|| name.to_uppercase()));
            }
            "format" => check_format(option.arg.as_ref())?,
            _ => {
                return Err(SqlError::new("42601", format!("unrecognized EXPLAIN option \"{name}\""))
                    .hint("Options: ANALYZE, VERBOSE, COSTS, BUFFERS, TIMING, SUMMARY, SETTINGS, WAL, FORMAT TEXT."));
            }
        }
    }
    match needs {
        Some(name) if !analyzes => Err(SqlError::new("22023", format!("EXPLAIN option {name} requires ANALYZE"))),
        _ => Ok(analyzes),
    }
}

fn switch(option: &UtilityOption) -> Result<bool> {
    let value = option.arg.as_ref().map_or("true".to_string(), text);
    match value.as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(SqlError::new("42601", format!("{} requires a Boolean value", fold(&option.name)))),
    }
}

fn check_format(value: Option<&Expr>) -> Result<()> {
    let Some(value) = value.map(text) else {
        return Err(SqlError::new("42601", "format requires a parameter"));
    };
    match value.as_str() {
        "text" => Ok(()),
        "json" | "xml" | "yaml" => Err(no_format(&value)),
        _ => Err(SqlError::new("22023", format!("unrecognized value for EXPLAIN option \"format\": \"{value}\""))),
    }
}

fn no_format(name: &str) -> SqlError {
    SqlError::unsupported(format!("EXPLAIN in the format {}", name.to_uppercase()), "Leave FORMAT out: plans are text.")
}

fn text(value: &Expr) -> String {
    value.to_string().trim_matches(['\'', '"']).to_lowercase()
}
