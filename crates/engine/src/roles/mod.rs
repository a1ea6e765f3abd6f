//! Roles: the names with which clients log in, and what checks their passwords.

mod statement;
mod verifier;

pub(crate) use statement::{RoleStatement, parse};
pub use verifier::{NotAVerifier, ScramVerifier};

/// Who may log in.
#[derive(Debug, Clone)]
pub struct Role {
    /// Never that of another role.
    pub id: i64,
    /// What checks its password.
    pub verifier: ScramVerifier,
}
