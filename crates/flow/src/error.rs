use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use sluice_zset::ZError;

/// A failure of the machinery, not of a row: the table whose operators return it is rebuilt.
/// What a row causes is data and travels in [`crate::Delta::errors`].
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Weights or columns that do not fit.
    #[error(transparent)]
    ZSet(#[from] ZError),
    /// Arrow refused to combine columns.
    #[error("columns could not be combined: {0}")]
    Arrow(#[from] ArrowError),
    /// The batch evaluation behind a recompute, or an expression that could not be built.
    #[error(transparent)]
    Plan(#[from] DataFusionError),
    /// A row was removed more often than it had been added.
    #[error("row {row} of {operator} would have {weight} copies")]
    Negative {
        /// The operator that noticed.
        operator: String,
        /// The row as text.
        row: String,
        /// The weight it would have had.
        weight: i64,
    },
    /// More rows than a slot number can name (4.29e9 in one arrangement).
    #[error("an arrangement exceeds 4.29e9 rows")]
    Full,
}

/// Result of an operator.
pub type Result<T> = std::result::Result<T, FlowError>;
