use crate::copy::{CopyFormat, CopyIn};
use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use sluice_sql::{Result, SqlError, SqlType};

/// A column of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputColumn {
    /// Its name; names may repeat.
    pub name: String,
    /// Its type.
    pub ty: SqlType,
}

/// Rows as they are computed.
pub type RowStream = BoxStream<'static, std::result::Result<RecordBatch, SqlError>>;

/// What a statement gives back.
pub enum Outcome {
    /// Rows, and what the command tag says before their count.
    Rows {
        /// The columns.
        columns: Vec<OutputColumn>,
        /// The rows.
        batches: RowStream,
        /// The tag without the count, `SELECT` for example.
        tag: String,
    },
    /// No rows; the whole tag.
    Done {
        /// For example `CREATE TABLE` or `INSERT 0 5`.
        tag: String,
    },
    /// An empty statement.
    Empty,
    /// The client sends rows now.
    CopyIn(CopyIn),
    /// The server sends rows now.
    CopyOut {
        /// How they are written.
        format: CopyFormat,
        /// The columns.
        columns: Vec<OutputColumn>,
        /// The rows.
        batches: RowStream,
    },
}

impl Outcome {
    pub(crate) fn done(tag: impl Into<String>) -> Self {
        Self::Done { tag: tag.into() }
    }

    /// Rows that exist already.
    pub(crate) fn rows(columns: Vec<(String, SqlType)>, batches: Vec<RecordBatch>, tag: &str) -> Self {
        let batches: Vec<Result<RecordBatch>> = batches.into_iter().map(Ok).collect();
        Self::Rows { columns: output(columns), batches: Box::pin(futures::stream::iter(batches)), tag: tag.to_string() }
    }
}

pub(crate) fn output(columns: Vec<(String, SqlType)>) -> Vec<OutputColumn> {
    columns.into_iter().map(|(name, ty)| OutputColumn { name, ty }).collect()
}

/// What the extended protocol tells a client before it runs a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// Types of the parameters.
    pub params: Vec<SqlType>,
    /// Columns of the result; `None` for a statement without rows.
    pub columns: Option<Vec<OutputColumn>>,
}

/// A message beside the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// NOTICE or WARNING.
    pub severity: &'static str,
    /// PostgreSQL's SQLSTATE.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Where a connection stands between statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// No transaction block.
    Idle,
    /// In a block.
    InBlock,
    /// In a block that failed: only ROLLBACK helps.
    Failed,
}
