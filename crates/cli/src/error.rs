use sluice_engine::SqlError;
use std::fmt;

/// What ends a command, worded for the person who gave it.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    /// Who read the output has left, so that there is nobody to tell either.
    unread: bool,
}

pub(crate) type Result<T> = std::result::Result<T, CliError>;

impl CliError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, unread: false }
    }

    /// What ends a command whose output nobody reads any more.
    pub(crate) fn unread() -> Self {
        Self { unread: true, ..Self::new("nobody reads the output") }
    }

    pub(crate) fn is_unread(&self) -> bool {
        self.unread
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<SqlError> for CliError {
    fn from(e: SqlError) -> Self {
        let message = match &e.detail {
            Some(detail) => format!("{}\ndetail: {detail}", e.message),
            None => e.message,
        };
        Self { hint: e.hint, ..Self::new(message) }
    }
}

impl From<sluice_serve::ServeError> for CliError {
    fn from(e: sluice_serve::ServeError) -> Self {
        let error = Self::new(e.to_string());
        match e {
            sluice_serve::ServeError::Socket { source, .. } if source.kind() == std::io::ErrorKind::InvalidInput => {
                error.hint("Start it and the other commands inside of the folder, with --dir .")
            }
            _ => error,
        }
    }
}

impl From<sluice_lake::LakeError> for CliError {
    fn from(e: sluice_lake::LakeError) -> Self {
        Self::new(e.to_string())
    }
}

impl From<std::io::Error> for CliError {
    fn from(e: std::io::Error) -> Self {
        Self::new(e.to_string())
    }
}

impl From<tokio_postgres::Error> for CliError {
    fn from(e: tokio_postgres::Error) -> Self {
        let Some(db) = e.as_db_error() else { return Self::new(e.to_string()) };
        let mut message = format!("{} ({})", db.message(), db.code().code());
        if let Some(detail) = db.detail() {
            message.push_str(&format!("\ndetail: {detail}"));
        }
        let error = Self::new(message);
        match db.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
