//! SET, RESET and SHOW.

use super::{Notice, Outcome, Session};
use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use sluice_sql::{Result, SqlError, SqlType, fold};
use sqlparser::ast::{
    ContextModifier, DiscardObject, Expr, Ident, Reset, ResetStatement, Set, TransactionAccessMode, TransactionMode,
    Value,
};
use std::sync::Arc;

impl Session {
    pub(crate) fn set(&mut self, set: &Set) -> Result<Outcome> {
        match set {
            Set::SingleAssignment { scope, variable, values, .. } => {
                let value: Vec<String> = values.iter().map(setting_text).collect();
                let local = *scope == Some(ContextModifier::Local);
                self.assign(&variable.to_string(), value.join(", "), local, &["default"])?;
            }
            Set::SetTimeZone { local, value } => {
                self.assign("timezone", setting_text(value), *local, &["default", "local"])?;
            }
            Set::SetNames { charset_name, .. } => {
                self.settings.put("client_encoding", charset_name.value.clone(), false)?;
            }
            Set::SetTransaction { modes, snapshot: None, session: false } => self.set_modes(modes)?,
            Set::SetTransaction { modes, snapshot: None, session: true } => self.set_default_modes(modes)?,
            other => return Err(SqlError::unsupported(other, "Set one parameter at a time.")),
        }
        Ok(Outcome::done("SET"))
    }

    /// SET SESSION CHARACTERISTICS: the modes of transactions that do not say otherwise.
    fn set_default_modes(&mut self, modes: &[TransactionMode]) -> Result<()> {
        for mode in modes {
            let (name, value) = match mode {
                TransactionMode::IsolationLevel(level) => ("default_transaction_isolation", level.to_string()),
                TransactionMode::AccessMode(TransactionAccessMode::ReadOnly) => {
                    ("default_transaction_read_only", "on".into())
                }
                TransactionMode::AccessMode(TransactionAccessMode::ReadWrite) => {
                    ("default_transaction_read_only", "off".into())
                }
            };
            self.settings.put(name, value.to_lowercase(), false)?;
        }
        Ok(())
    }

    /// Gives a parameter a value, or its default if the value is a word for that.
    fn assign(&mut self, name: &str, value: String, local: bool, defaults: &[&str]) -> Result<()> {
        if defaults.contains(&value.to_lowercase().as_str()) {
            self.settings.reset(Some(name), local)?;
        } else {
            self.settings.put(name, value, local)?;
        }
        if local && self.block.is_none() {
            self.settings.end_locals();
            self.notices.push(Notice {
                severity: "WARNING",
                code: "25P01",
                message: "SET LOCAL can only be used in transaction blocks".into(),
                hint: None,
            });
        }
        Ok(())
    }

    pub(crate) fn reset(&mut self, reset: &ResetStatement) -> Result<Outcome> {
        match &reset.reset {
            Reset::ALL => self.settings.reset(None, false)?,
            Reset::ConfigurationParameter(name) => self.settings.reset(Some(&name.to_string()), false)?,
        }
        Ok(Outcome::done("RESET"))
    }

    /// DISCARD. Plans and temporary objects are not kept between statements.
    pub(crate) fn discard(&mut self, what: DiscardObject) -> Result<Outcome> {
        if what == DiscardObject::ALL {
            if self.block.as_ref().is_some_and(|b| !b.implicit) {
                return Err(SqlError::new("25001", "DISCARD ALL cannot run inside a transaction block"));
            }
            self.settings.reset(None, false)?;
        }
        Ok(Outcome::done(format!("DISCARD {what}")))
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
