//! COPY: rows in bulk, from and to the client.

mod columns;
mod read;
mod session;

pub use session::CopyIn;

/// The shape of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyKind {
    /// Tab-separated with backslash escapes.
    Text,
    /// Comma-separated with quotes.
    Csv,
    /// PostgreSQL's binary format.
    Binary,
}

/// How COPY data is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFormat {
    /// Its shape.
    pub kind: CopyKind,
    /// Whether the first line names the columns.
    pub header: bool,
    /// What stands for NULL.
    pub null: String,
    /// Between fields.
    pub delimiter: u8,
    /// Around fields, in CSV.
    pub quote: u8,
    /// Before a quote within a quoted field, in CSV.
    pub escape: u8,
}
