//! WITH (...) of a materialized view.

use crate::catalog::Mode;
use crate::schedule::Schedule;
use sluice_sql::{Result, SqlError, fold};
use sqlparser::ast::{CreateTableOptions, CreateView, SqlOption};

pub(super) fn view_options(create: &CreateView) -> Result<(Option<String>, Mode)> {
    let mut schedule = None;
    let mut mode = Mode::Auto;
    let foreign = create.or_alter
        || create.secure
        || !create.cluster_by.is_empty()
        || create.comment.is_some()
        || create.with_no_schema_binding
        || create.temporary
        || create.copy_grants
        || create.to.is_some()
        || create.params.is_some();
    if foreign {
        return Err(SqlError::unsupported(
            "a clause of this CREATE VIEW",
            "Write CREATE MATERIALIZED VIEW name AS SELECT ....",
        ));
    }
    let options: &[SqlOption] = match &create.options {
        CreateTableOptions::None => &[],
        CreateTableOptions::With(options) => options,
        _ => return Err(SqlError::unsupported("these options", "Write WITH (schedule = '3s').")),
    };
    for option in options {
        let SqlOption::KeyValue { key, value } = option else {
            return Err(SqlError::new("42601", format!("unrecognized parameter {option}")));
        };
        let value = value.to_string().trim_matches('\'').to_string();
        match fold(key).as_str() {
            "schedule" => schedule = Some(value),
            "refresh_mode" => mode = parse_mode(&value)?,
            other => {
                return Err(SqlError::new("22023", format!("unrecognized parameter \"{other}\""))
                    .hint("Parameters: schedule, refresh_mode."));
            }
        }
    }
    Ok((schedule, mode))
}

pub(crate) fn parse_mode(name: &str) -> Result<Mode> {
    Mode::parse(name).ok_or_else(|| {
        SqlError::new("22023", format!("invalid refresh_mode \"{name}\""))
            .hint("Use AUTO, DIFFERENTIAL, FULL or IMMEDIATE.")
    })
}

/// A schedule that can be read, and that goes with the mode.
pub(crate) fn check_schedule(schedule: Option<&str>, mode: Mode) -> Result<()> {
    if Schedule::of(schedule)?.is_cron() && mode == Mode::Immediate {
        return Err(SqlError::new("22023", "an IMMEDIATE view cannot be refreshed at fixed times")
            .hint("It is never held back. Leave the schedule out, or use refresh_mode AUTO."));
    }
    Ok(())
}
