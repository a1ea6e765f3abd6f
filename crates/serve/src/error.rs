//! Errors: those that stop the server from starting, and those that a client is told.

use pgwire::messages::response::{ErrorResponse, NoticeResponse};
use sluice_engine::Notice;
use sluice_sql::SqlError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process listens there.
    #[error("{0} is in use by another process: choose another address, or stop that process")]
    AddressInUse(SocketAddr),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Another process listens on the unix socket.
    #[error("{} is in use by another process", .0.display())]
    SocketInUse(PathBuf),
    /// The unix socket can't be made.
    #[error("can't listen on {}: {source}", path.display())]
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or its key can't be used.
    #[error("can't use {} for TLS: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why the work on a message ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client is told; the session goes on.
    Error(SqlError),
    /// The client is told; the session ends.
    Fatal(SqlError),
    /// There is no client any more.
    Gone(io::Error),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl Failure {
    /// The end of a session whose client breaks the protocol.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::Fatal(protocol_violation(message))
    }
}

/// The client broke the protocol.
pub(crate) fn protocol_violation(message: impl Into<String>) -> SqlError {
    SqlError::new("08P01", message)
}

/// The message about an error.
pub(crate) fn error_response(severity: &str, error: &SqlError) -> ErrorResponse {
    let mut fields = head(severity, &error.code, &error.message);
    let position = error.position.map(|p| p.to_string());
    let more = [
        (b'D', &error.detail),
        (b'H', &error.hint),
        (b'P', &position),
        (b't', &error.table),
        (b'n', &error.constraint),
    ];
    fields.extend(more.into_iter().filter_map(|(field, value)| Some((field, plain(value.as_ref()?)))));
    ErrorResponse::new(fields)
}

/// The message about a notice.
pub(crate) fn notice_response(notice: &Notice) -> NoticeResponse {
    let mut fields = head(notice.severity, notice.code, &notice.message);
    fields.extend(notice.hint.as_ref().map(|hint| (b'H', plain(hint))));
    NoticeResponse::new(fields)
}

fn head(severity: &str, code: &str, message: &str) -> Vec<(u8, String)> {
    vec![(b'S', severity.into()), (b'V', severity.into()), (b'C', code.into()), (b'M', plain(message))]
}

/// A zero byte would end the field.
fn plain(text: &str) -> String {
    text.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_an_error() {
        let mut error = SqlError::new("42703", "no such\0 column").hint("look again");
        error.position = Some(8);
        let response = error_response("ERROR", &error);
        let fields: Vec<(char, &str)> = response.fields.iter().map(|(k, v)| (char::from(*k), v.as_str())).collect();
        let expected =
            [('S', "ERROR"), ('V', "ERROR"), ('C', "42703"), ('M', "no such column"), ('H', "look again"), ('P', "8")];
        assert_eq!(fields, expected);
    }
}
