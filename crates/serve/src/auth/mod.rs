//! Who may connect. On loopback addresses and the unix socket everybody may, as the machine's owner decides who gets
//! that far; elsewhere SCRAM-SHA-256 passwords are asked for.

mod exchange;
mod verifier;

pub(crate) use exchange::{Decoys, Exchange, METHOD};
pub use verifier::{NotAVerifier, ScramVerifier};

/// Knows the roles that may log in.
pub trait Authenticator: Send + Sync {
    /// What checks a role's password; `None` if there is no such role or it has no password.
    fn verifier(&self, user: &str) -> Option<ScramVerifier>;
}

impl<F: Fn(&str) -> Option<ScramVerifier> + Send + Sync> Authenticator for F {
    fn verifier(&self, user: &str) -> Option<ScramVerifier> {
        self(user)
    }
}
