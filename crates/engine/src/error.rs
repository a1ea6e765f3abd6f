use sluice_lake::LakeError;
use sluice_sql::SqlError;

/// A lake error as clients see it.
pub(crate) fn lake(error: LakeError) -> SqlError {
    let code = match &error {
        LakeError::NoSnapshot { .. } => "22023",
        LakeError::UnsupportedType { .. } => "0A000",
        LakeError::Foreign { .. } => "40001",
        _ => "58030",
    };
    SqlError::new(code, error.to_string())
}
