//! Parameters that SET changes and SHOW shows. What a transaction sets is undone with it.

use super::timeout;
use sluice_sql::{Result, SqlError, Zone};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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

type Values = BTreeMap<String, String>;

/// See the module's page.
pub(crate) struct Settings {
    now: Saved,
    defaults: Arc<Values>,
    /// What clients were told last, in the order of [`REPORTED`].
    told: Vec<String>,
    changed: bool,
}

/// Settings as they stood.
#[derive(Clone)]
pub(crate) struct Saved {
    /// What stays when a transaction commits.
    values: Arc<Values>,
    /// What SET LOCAL put over it.
    local: Arc<Values>,
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
            ("default_transaction_isolation", "repeatable read"),
            ("search_path", "public"),
            ("max_identifier_length", "63"),
            ("max_index_keys", "32"),
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
        let defaults = Arc::new(defaults);
        let now = Saved { values: Arc::clone(&defaults), local: Arc::default() };
        let mut settings = Self { now, defaults, told: vec![], changed: false };
        settings.told = settings.reported().into_iter().map(|(_, value)| value).collect();
        settings
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let key = name.to_lowercase();
        self.now.local.get(&key).or_else(|| self.now.values.get(&key)).map(String::as_str)
    }

    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let mut all = self.now.values.as_ref().clone();
        all.extend(self.now.local.iter().map(|(k, v)| (k.clone(), v.clone())));
        all
    }

    /// The time zone that times are read and shown in.
    pub(crate) fn zone(&self) -> Zone {
        self.get("timezone").and_then(Zone::parse).unwrap_or_default()
    }

    /// The longest that a statement may take.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        self.get("statement_timeout").and_then(timeout::duration)
    }

    /// Whether a transaction that does not say otherwise may not write.
    pub(crate) fn read_only(&self) -> bool {
        self.get("default_transaction_read_only") == Some("on")
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

    /// What is told and differs from what was told last.
    pub(crate) fn take_changed(&mut self) -> Vec<(&'static str, String)> {
        if !std::mem::take(&mut self.changed) {
            return vec![];
        }
        let reported = self.reported();
        let told = self.told.iter_mut().zip(reported);
        told.filter_map(|(told, (name, value))| {
            let differs = *told != value;
            told.clone_from(&value);
            differs.then_some((name, value))
        })
        .collect()
    }

    /// What is set by now is what RESET goes back to.
    pub(crate) fn keep_as_defaults(&mut self) {
        self.defaults = Arc::clone(&self.now.values);
    }

    /// Gives a setting, or all of them, the value they had when the session began.
    pub(crate) fn reset(&mut self, name: Option<&str>, local: bool) -> Result<()> {
        self.changed = true;
        let Some(name) = name else {
            self.now = Saved { values: Arc::clone(&self.defaults), local: Arc::default() };
            return Ok(());
        };
        match self.defaults.get(&name.to_lowercase()).cloned() {
            Some(value) => self.put(name, value, local),
            None if local => self.put(name, String::new(), true),
            None => {
                self.known(name)?;
                Arc::make_mut(&mut self.now.local).remove(&name.to_lowercase());
                Arc::make_mut(&mut self.now.values).remove(&name.to_lowercase());
                Ok(())
            }
        }
    }

    /// Sets a parameter, until the end of the transaction if it is `local`.
    pub(crate) fn put(&mut self, name: &str, value: String, local: bool) -> Result<()> {
        let key = name.to_lowercase();
        let fixed = [
            ("client_encoding", &["UTF8", "UTF-8", "UNICODE", "SQL_ASCII"][..], "Text is UTF-8."),
            ("standard_conforming_strings", &["on", "true"][..], "Backslashes in strings are plain characters."),
            ("datestyle", &["ISO", "ISO, MDY", "ISO,MDY"][..], "Dates are shown as ISO 8601 has them."),
            ("intervalstyle", &["postgres"][..], "Intervals are shown in PostgreSQL's own style."),
            ("bytea_output", &["hex"][..], "bytea is shown in hexadecimal."),
        ];
        for (fixed_name, allowed, hint) in fixed {
            let plain = value.trim_matches('\'');
            if key == fixed_name && !allowed.iter().any(|a| a.eq_ignore_ascii_case(plain)) {
                return Err(SqlError::unsupported(format!("{name} = {value}"), hint));
            }
        }
        self.known(name)?;
        if key.ends_with("transaction_isolation") && value.eq_ignore_ascii_case("serializable") {
            return Err(super::block::no_serializable());
        }
        let shown = match key.as_str() {
            "timezone" => zone(&value)?.to_string(),
            "statement_timeout" => timeout::shown(&key, value.trim_matches('\''))?,
            "default_transaction_read_only" => switch(name, &value)?.to_string(),
            "client_encoding" => self.get(&key).map_or(value, str::to_string),
            _ => value,
        };
        self.changed = true;
        if local {
            Arc::make_mut(&mut self.now.local).insert(key, shown);
        } else {
            Arc::make_mut(&mut self.now.local).remove(&key);
            Arc::make_mut(&mut self.now.values).insert(key, shown);
        }
        Ok(())
    }

    fn known(&self, name: &str) -> Result<()> {
        let key = name.to_lowercase();
        if key.contains('.') || self.now.values.contains_key(&key) || HARMLESS.contains(&key.as_str()) {
            return Ok(());
        }
        Err(SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\"")))
    }

    /// How settings stand, for [`Self::restore`].
    pub(crate) fn saved(&self) -> Saved {
        self.now.clone()
    }

    /// Undoes what was set since then.
    pub(crate) fn restore(&mut self, saved: Saved) {
        self.changed = true;
        self.now = saved;
    }

    /// A transaction ends: what was set for it alone goes.
    pub(crate) fn end_locals(&mut self) {
        if !self.now.local.is_empty() {
            self.changed = true;
            self.now.local = Arc::default();
        }
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

fn switch(name: &str, value: &str) -> Result<&'static str> {
    match value.to_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok("on"),
        "off" | "false" | "no" | "0" => Ok("off"),
        _ => Err(SqlError::new("22023", format!("parameter \"{name}\" requires a Boolean value"))),
    }
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
