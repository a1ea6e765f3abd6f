use crate::plan_errors::translated;
use datafusion::error::DataFusionError;
use std::fmt;

/// An error as PostgreSQL's protocol carries it: a SQLSTATE, what happened, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SqlError {
    /// PostgreSQL's SQLSTATE.
    pub code: String,
    /// What happened, in PostgreSQL's words where it has some.
    pub message: String,
    /// The row, key or object concerned.
    pub detail: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// Where in the statement's text, counted in characters from 1.
    pub position: Option<usize>,
    /// The table concerned.
    pub table: Option<String>,
    /// The constraint concerned.
    pub constraint: Option<String>,
}

/// Result of anything that a client may see fail.
pub type Result<T> = std::result::Result<T, SqlError>;

impl SqlError {
    /// An error with a SQLSTATE and a message.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_string(),
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            table: None,
            constraint: None,
        }
    }

    /// SQL that is understood but not built: refused with what to do instead.
    pub fn unsupported(what: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self::new("0A000", format!("{what} is not supported")).hint(hint)
    }

    /// A failure that no input should cause.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new("XX000", what.to_string())
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the row, key or object concerned.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names the table and the constraint that was broken.
    pub fn constraint(mut self, table: &str, constraint: &str) -> Self {
        self.table = Some(table.to_string());
        self.constraint = Some(constraint.to_string());
        self
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, "\nDETAIL:  {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nHINT:  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SqlError {}

/// Lets an error of ours travel through DataFusion and come out whole.
pub(crate) fn external(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        let root = error.find_root();
        match root {
            DataFusionError::External(e) => match e.downcast_ref::<SqlError>() {
                Some(own) => own.clone(),
                None => Self::internal(e),
            },
            DataFusionError::SQL(e, _) => Self::new("42601", e.to_string()),
            DataFusionError::SchemaError(e, _) => schema_error(e),
            DataFusionError::Diagnostic(_, inner) => match inner.find_root() {
                DataFusionError::SchemaError(e, _) => schema_error(e),
                other => plan_error(&first_line(other)),
            },
            DataFusionError::Plan(m) => plan_error(m),
            DataFusionError::NotImplemented(m) => {
                translated(m).unwrap_or_else(|| Self::new("0A000", m.clone()).hint("Rewrite the query without it."))
            }
            DataFusionError::ResourcesExhausted(m) => {
                Self::new("53200", format!("out of memory: {}", m.lines().next().unwrap_or_default()))
                    .hint("Narrow the query, or raise the memory limit.")
            }
            _ => {
                let (code, message) = sluice_flow::classify_error(&error);
                translated(&message).unwrap_or_else(|| Self::new(&code, message))
            }
        }
    }
}

fn first_line(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.lines().next().unwrap_or_default().to_string()
}

fn schema_error(error: &datafusion::common::SchemaError) -> SqlError {
    use datafusion::common::SchemaError as E;
    match error {
        E::FieldNotFound { field, valid_fields } => {
            let name = match &field.relation {
                Some(relation) => format!("{}.{}", relation.table(), field.name),
                None => format!("\"{}\"", field.name),
            };
            let error = SqlError::new("42703", format!("column {name} does not exist"));
            match nearest(&field.name, valid_fields.iter().map(|c| c.name.as_str())) {
                Some(near) => error.hint(format!("Perhaps you meant to reference the column \"{near}\".")),
                None => error,
            }
        }
        E::AmbiguousReference { field } => {
            SqlError::new("42702", format!("column reference \"{}\" is ambiguous", field.name))
        }
        E::DuplicateQualifiedField { name, .. } | E::DuplicateUnqualifiedField { name } => {
            SqlError::new("42701", format!("column \"{name}\" specified more than once"))
        }
    }
}

fn plan_error(message: &str) -> SqlError {
    let message = message.lines().next().unwrap_or_default();
    translated(message).unwrap_or_else(|| SqlError::new("42000", message))
}

/// The name closest to `name`, if one is close enough to be a slip of the pen.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let close = |n: &&str| datafusion::common::utils::datafusion_strsim::normalized_levenshtein(name, n);
    let best = names.map(|n| (close(&n), n)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.5).then(|| best.1.to_string())
}

impl From<sluice_flow::FlowError> for SqlError {
    fn from(error: sluice_flow::FlowError) -> Self {
        match error {
            sluice_flow::FlowError::Plan(e) => e.into(),
            other => Self::internal(other),
        }
    }
}

impl From<arrow::error::ArrowError> for SqlError {
    fn from(error: arrow::error::ArrowError) -> Self {
        DataFusionError::from(error).into()
    }
}

impl From<sluice_zset::ZError> for SqlError {
    fn from(error: sluice_zset::ZError) -> Self {
        Self::internal(error)
    }
}

impl From<sqlparser::parser::ParserError> for SqlError {
    fn from(error: sqlparser::parser::ParserError) -> Self {
        use sqlparser::parser::ParserError as E;
        match error {
            E::TokenizerError(m) | E::ParserError(m) => Self::new("42601", format!("syntax error: {m}")),
            E::RecursionLimitExceeded => Self::new("54001", "the statement is nested too deeply"),
        }
    }
}
