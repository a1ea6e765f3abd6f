//! What is kept of a password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// As in PostgreSQL.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("more than zero");
const SALT_LENGTH: usize = 16;
const PREFIX: &str = "SCRAM-SHA-256$";

/// What a server keeps of a password: enough to check it, not enough to log in elsewhere. Its text has PostgreSQL's
/// form, `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

impl ScramVerifier {
    /// The verifier of a password, with a salt of its own.
    pub fn of_password(password: &str) -> io::Result<Self> {
        let mut salt = vec![0; SALT_LENGTH];
        SystemRandom::new().fill(&mut salt).map_err(|_| io::Error::other("the system has no random numbers"))?;
        Ok(Self::salted(password, salt, ITERATIONS))
    }

    /// The verifier of a password with this salt, hashed that many times.
    pub fn salted(password: &str, salt: Vec<u8>, iterations: NonZeroU32) -> Self {
        // What SASLprep refuses is taken as it is, as PostgreSQL's clients do.
        let prepared = stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password));
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, prepared.as_bytes(), &mut salted);
        let client_key = sign(&salted, b"Client Key");
        Self { iterations, salt, stored_key: hash(&client_key), server_key: sign(&salted, b"Server Key") }
    }

    /// Stands for a role that does not exist: its salt is always the same under one secret, and no password fits.
    pub fn decoy(secret: &[u8], user: &str) -> Self {
        let salt = sign(secret, user.as_bytes())[..SALT_LENGTH].to_vec();
        Self { iterations: ITERATIONS, salt, stored_key: [0; 32], server_key: [0; 32] }
    }

    /// What a client has to hash its password with.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// How often it has to.
    pub fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    /// Whether only one who knows the password could prove these messages so.
    pub fn fits(&self, messages: &[u8], proof: [u8; 32]) -> bool {
        let mut client_key = sign(&self.stored_key, messages);
        client_key.iter_mut().zip(proof).for_each(|(key, proof)| *key ^= proof);
        bool::from(hash(&client_key)[..].ct_eq(&self.stored_key[..]))
    }

    /// Proves to a client that the server has the verifier.
    pub fn signature(&self, messages: &[u8]) -> [u8; 32] {
        sign(&self.server_key, messages)
    }
}

impl fmt::Display for ScramVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] = [&self.salt[..], &self.stored_key, &self.server_key].map(|b| BASE64.encode(b));
        write!(f, "{PREFIX}{}:{salt}${stored}:{server}", self.iterations)
    }
}

/// Its keys stay out of logs.
impl fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramVerifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// A text that is no verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SCRAM-SHA-256 verifier")]
pub struct NotAVerifier;

impl FromStr for ScramVerifier {
    type Err = NotAVerifier;

    fn from_str(text: &str) -> Result<Self, NotAVerifier> {
        let parts = || {
            let (salted, keys) = text.strip_prefix(PREFIX)?.split_once('$')?;
            let (iterations, salt) = salted.split_once(':')?;
            let (stored_key, server_key) = keys.split_once(':')?;
            Some(Self {
                iterations: iterations.parse().ok()?,
                salt: BASE64.decode(salt).ok()?,
                stored_key: BASE64.decode(stored_key).ok()?.try_into().ok()?,
                server_key: BASE64.decode(server_key).ok()?.try_into().ok()?,
            })
        };
        parts().ok_or(NotAVerifier)
    }
}

/// HMAC-SHA-256.
fn sign(key: &[u8], message: &[u8]) -> [u8; 32] {
    fixed(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref())
}

/// SHA-256.
fn hash(message: &[u8]) -> [u8; 32] {
    fixed(digest::digest(&digest::SHA256, message).as_ref())
}

fn fixed(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let verifier = ScramVerifier::of_password("secret").expect("random numbers");
        assert_eq!(verifier.to_string().parse(), Ok(verifier));
        for bad in ["", "SCRAM-SHA-256$0:AA==$AA==:AA==", "SCRAM-SHA-256$4096:AA==$AA==:AA==", "md5abc"] {
            assert_eq!(bad.parse::<ScramVerifier>(), Err(NotAVerifier), "{bad}");
        }
    }

    #[test]
    fn the_verifier_that_postgresql_makes() {
        // SELECT rolpassword FROM pg_authid, for the password 'pencil'.
        let theirs: ScramVerifier = PG.parse().expect("a verifier");
        assert_eq!(ScramVerifier::salted("pencil", theirs.salt.clone(), theirs.iterations), theirs);
    }

    const PG: &str = "SCRAM-SHA-256$4096:X1L1yVbBekMGPi3QyotL3w==$\
        qn7Ap9eI9sT0Qi514e9lVwSwozqNoJgGCbqvhYm8/dY=:Ra3+kG5DRbloRhmbbmp8vJ1+ISksQRMEXUDPlx7KrCU=";
}
