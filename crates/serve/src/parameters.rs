//! Parameters that a client sets for its session when it connects, as the SET statements that they stand for.

use crate::packet::Startup;
use sluice_sql::SqlError;

/// Names with this prefix are options of the protocol, not of the session.
pub(crate) const PROTOCOL_OPTION: &str = "_pq_.";

/// The statements that set what the startup packet asks for.
pub(crate) fn assignments(startup: &Startup) -> Result<Vec<String>, SqlError> {
    let mut statements = Vec::new();
    // Options first: a parameter of the packet itself wins.
    for (name, value) in options(startup.get("options").unwrap_or_default())? {
        statements.push(assignment(&name, &value)?);
    }
    for (name, value) in &startup.parameters {
        match name.as_str() {
            "user" | "database" | "options" => {}
            "replication" if matches!(value.as_str(), "" | "0" | "false" | "off" | "no") => {}
            "replication" => {
                return Err(SqlError::unsupported("the replication protocol", "Connect without replication."));
            }
            name if name.starts_with(PROTOCOL_OPTION) => {}
            name => statements.push(assignment(name, value)?),
        }
    }
    Ok(statements)
}

fn assignment(name: &str, value: &str) -> Result<String, SqlError> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
        return Err(SqlError::new("42602", format!("invalid configuration parameter name \"{name}\"")));
    }
    let values: Vec<String> = if name.eq_ignore_ascii_case("search_path") {
        value.split(',').map(|part| quoted(part.trim().trim_matches('"'))).collect()
    } else {
        vec![quoted(value)]
    };
    Ok(format!("SET {name} TO {}", values.join(", ")))
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Reads `-c name=value --other-name=value`, in which a backslash keeps a blank.
fn options(text: &str) -> Result<Vec<(String, String)>, SqlError> {
    let mut found = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let invalid = || SqlError::new("42601", format!("invalid command-line argument for server process: {word}"));
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(setting), _) => setting.to_string(),
            (None, Some("")) => words.next().ok_or_else(invalid)?,
            (None, Some(setting)) => setting.to_string(),
            (None, None) => return Err(invalid()),
        };
        let (name, value) = setting.split_once('=').ok_or_else(invalid)?;
        found.push((name.replace('-', "_"), value.to_string()));
    }
    Ok(found)
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(parameters: &[(&str, &str)]) -> Result<Vec<String>, SqlError> {
        let parameters = parameters.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assignments(&Startup { minor: 0, parameters })
    }

    #[test]
    fn parameters_become_statements() {
        let set = statements(&[
            ("user", "me"),
            ("database", "lake"),
            ("application_name", "Bob's"),
            ("options", "-c statement_timeout=5s --search-path=a,\\ b -cgeqo=off"),
            ("search_path", "\"My Schema\", public"),
            ("replication", "false"),
            ("_pq_.future", "1"),
        ]);
        let expected = [
            "SET statement_timeout TO '5s'",
            "SET search_path TO 'a', 'b'",
            "SET geqo TO 'off'",
            "SET application_name TO 'Bob''s'",
            "SET search_path TO 'My Schema', 'public'",
        ];
        assert_eq!(set.expect("statements"), expected);
    }

    #[test]
    fn what_is_no_parameter_is_refused() {
        for (name, value) in
            [("replication", "database"), ("options", "-x"), ("options", "-c"), ("a b", "1"), ("1a", "1")]
        {
            assert!(statements(&[(name, value)]).is_err(), "{name}={value}");
        }
    }
}
