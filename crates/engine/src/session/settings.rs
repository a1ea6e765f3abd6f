use super::{Outcome, Session};
use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use sluice_sql::{Result, SqlError, SqlType, Zone, fold};
use sqlparser::ast::{ContextModifier, Expr, Ident, Reset, ResetStatement, Set, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Settings that clients are told when they connect and when they change.
const REPORTED: [&str; 12] = [
    "server_version",
    "server_encoding",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
    "application_name",
    "is_superuser",
    "session_authorization",
    "default_transaction_read_only",
];

/// The PostgreSQL version whose behaviour clients may expect.
pub(crate) const SERVER_VERSION: &str = "16.0";

/// What SET changes and SHOW shows.
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
    defaults: BTreeMap<String, String>,
    changed: Vec<&'static str>,
}

impl Settings {
    pub(crate) fn new(user: &str) -> Self {
        let defaults = [
            ("server_version", SERVER_VERSION),
            ("server_version_num", "160000"),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("datestyle", "ISO, MDY"),
            ("intervalstyle", "postgres"),
            ("timezone", "UTC"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
            ("application_name", ""),
            ("is_superuser", "on"),
            ("session_authorization", user),
            ("default_transaction_read_only", "off"),
            ("transaction_isolation", "repeatable read"),
            ("search_path", "public"),
            ("max_identifier_length", "63"),
            ("extra_float_digits", "1"),
            ("lc_collate", "C"),
            ("statement_timeout", "0"),
            ("client_min_messages", "notice"),
            ("bytea_output", "hex"),
            ("jit", "off"),
            // psql's \password hashes on the client by it.
            ("password_encryption", "scram-sha-256"),
        ];
        let defaults: BTreeMap<String, String> = defaults.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Self { values: defaults.clone(), defaults, changed: vec![] }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(&name.to_lowercase()).map(String::as_str)
    }

    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// The time zone that times are read and shown in.
    pub(crate) fn zone(&self) -> Zone {
        self.get("timezone").and_then(Zone::parse).unwrap_or_default()
    }

    /// Schemas searched for a name without one, as the lake names them.
    pub(crate) fn search_path(&self) -> Vec<String> {
        let path = self.get("search_path").unwrap_or("public");
        let mut schemas: Vec<String> = path
            .split(',')
            .map(|s| s.trim().trim_matches('"').to_string())
            .filter(|s| !s.is_empty() && s != "$user")
            .map(|s| if s == "public" { "main".to_string() } else { s })
            .collect();
        if schemas.is_empty() {
            schemas.push("main".into());
        }
        schemas
    }

    pub(crate) fn reported(&self) -> Vec<(&'static str, String)> {
        REPORTED.iter().map(|n| (*n, self.get(n).unwrap_or_default().to_string())).collect()
    }

    pub(crate) fn take_changed(&mut self) -> Vec<(&'static str, String)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|n| (n, self.get(n).unwrap_or_default().to_string())).collect()
    }

    pub(crate) fn keep_as_defaults(&mut self) {
        self.defaults = self.values.clone();
    }

    /// Gives a setting, or all of them, the value they had when the session began.
    fn reset(&mut self, name: Option<&str>) -> Result<()> {
        let Some(name) = name else {
            self.values = self.defaults.clone();
            self.changed.extend(REPORTED);
            return Ok(());
        };
        match self.defaults.get(&name.to_lowercase()).cloned() {
            Some(value) => self.put(name, value),
            None => {
                self.values.remove(&name.to_lowercase());
                Ok(())
            }
        }
    }

    fn put(&mut self, name: &str, value: String) -> Result<()> {
        let key = name.to_lowercase();
        let fixed = [
            ("client_encoding", &["UTF8", "UTF-8", "UNICODE", "SQL_ASCII"][..], "Text is UTF-8."),
            ("standard_conforming_strings", &["on", "true"][..], "Backslashes in strings are plain characters."),
        ];
        for (fixed_name, allowed, hint) in fixed {
            let plain = value.trim_matches('\'');
            if key == fixed_name && !allowed.iter().any(|a| a.eq_ignore_ascii_case(plain)) {
                return Err(SqlError::unsupported(format!("{name} = {value}"), hint));
            }
        }
        let custom = key.contains('.');
        if !custom && !self.values.contains_key(&key) && !HARMLESS.contains(&key.as_str()) {
            return Err(SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\"")));
        }
        let shown = match key.as_str() {
            "timezone" => zone(&value)?.to_string(),
            "client_encoding" => self.values.get(&key).cloned().unwrap_or(value),
            _ => value,
        };
        self.values.insert(key.clone(), shown);
        if let Some(reported) = REPORTED.iter().find(|r| r.eq_ignore_ascii_case(&key)) {
            self.changed.push(reported);
        }
        Ok(())
    }
}

/// Settings of PostgreSQL that change how it works and not what it answers: accepted and shown.
const HARMLESS: [&str; 12] = [
    "work_mem",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "synchronous_commit",
    "row_security",
    "xmloption",
    "default_tablespace",
    "default_table_access_method",
    "check_function_bodies",
    "escape_string_warning",
    "enable_seqscan",
    "transaction_timeout",
];

impl Session {
    pub(crate) fn set(&mut self, set: &Set) -> Result<Outcome> {
        match set {
            Set::SingleAssignment { scope, variable, values, .. } => {
                let name = variable.to_string();
                refuse_local(*scope == Some(ContextModifier::Local), &name)?;
                let value: Vec<String> = values.iter().map(setting_text).collect();
                let value = value.join(", ");
                if value.eq_ignore_ascii_case("default") {
                    self.settings.reset(Some(&name))?;
                } else {
                    self.settings.put(&name, value)?;
                }
            }
            Set::SetTimeZone { local, value } => {
                refuse_local(*local, "timezone")?;
                let value = setting_text(value);
                if matches!(value.to_lowercase().as_str(), "local" | "default") {
                    self.settings.reset(Some("timezone"))?;
                } else {
                    self.settings.put("timezone", value)?;
                }
            }
            Set::SetNames { charset_name, .. } => self.settings.put("client_encoding", charset_name.value.clone())?,
            Set::SetTransaction { modes, snapshot: None, session: false } => self.set_modes(modes)?,
            other => return Err(SqlError::unsupported(format!("SET {other}"), "Set one parameter at a time.")),
        }
        Ok(Outcome::done("SET"))
    }

    pub(crate) fn reset(&mut self, reset: &ResetStatement) -> Result<Outcome> {
        match &reset.reset {
            Reset::ALL => self.settings.reset(None)?,
            Reset::ConfigurationParameter(name) => self.settings.reset(Some(&name.to_string()))?,
        }
        Ok(Outcome::done("RESET"))
    }

    pub(crate) fn show(&mut self, variable: &[Ident]) -> Result<Outcome> {
        let name = variable.iter().map(fold).collect::<Vec<_>>().join(".");
        let name = match name.as_str() {
            "transaction.isolation.level" => "transaction_isolation".to_string(),
            "time.zone" => "timezone".to_string(),
            _ => name,
        };
        let value = self
            .settings
            .get(&name)
            .ok_or_else(|| SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\"")))?;
        let column: ArrayRef = Arc::new(StringViewArray::from(vec![value.to_string()]));
        let rows = RecordBatch::try_from_iter([(name.as_str(), column)])?;
        Ok(Outcome::rows(vec![(name, SqlType::Text)], vec![rows], "SHOW"))
    }
}

/// A zone decides what a statement means, so it cannot outlive its transaction unnoticed.
fn refuse_local(local: bool, name: &str) -> Result<()> {
    if local && name.eq_ignore_ascii_case("timezone") {
        return Err(SqlError::unsupported("SET LOCAL timezone", "SET it, and RESET it after the transaction."));
    }
    Ok(())
}

/// A zone's name, or hours eastwards.
fn zone(value: &str) -> Result<Zone> {
    let hours = value.trim().parse::<f64>().ok().filter(|hours| hours.abs() <= 168.0);
    let zone = hours.map(|hours| (hours * 3_600.0).round() as i32);
    let zone = zone.map(|east| if east == 0 { Zone::Utc } else { Zone::Fixed(east) });
    zone.or_else(|| Zone::parse(value)).ok_or_else(|| {
        SqlError::new("22023", format!("invalid value for parameter \"TimeZone\": \"{value}\""))
            .hint("Name a zone of the tz database, as Europe/Berlin.")
    })
}

fn setting_text(value: &Expr) -> String {
    match value {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) => s.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(i) => fold(i),
        other => other.to_string(),
    }
}
