use arrow::error::ArrowError;

/// What can go wrong with a Z-set. None of these is caused by what a row contains.
#[derive(Debug, thiserror::Error)]
pub enum ZError {
    /// A weight left the range of 64 bits: more than 9.2e18 copies of one row.
    #[error("the number of copies of a row exceeds 64 bits")]
    WeightOverflow,
    /// Columns that do not fit together, or memory that Arrow could not get.
    #[error("columns could not be combined: {0}")]
    Arrow(#[from] ArrowError),
    /// Rows that could not be hashed (a column type that DataFusion cannot hash).
    #[error("rows could not be hashed: {0}")]
    Hash(String),
}
