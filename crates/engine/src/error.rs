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
    let message = error.to_string();
    if message.contains("disk is full") || message.contains("No space left on device") {
        return SqlError::new("53100", message)
            .hint("Free some space and try again: nothing was written, reading goes on.");
    }
    SqlError::new(code, message)
}
