//! One SCRAM-SHA-256 exchange (RFC 5802), without channel binding. Whoever can reach this machine alone, or its unix
//! socket, is not asked: the machine's owner decides who gets that far.

use crate::error::protocol_violation;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use sluice_engine::ScramVerifier;
use sluice_sql::SqlError;
use std::io;

/// The method's name in the protocol.
pub(crate) const METHOD: &str = "SCRAM-SHA-256";
const NONCE_LENGTH: usize = 18;

/// Makes up verifiers for roles that do not exist, so that nobody learns which do.
pub(crate) struct Decoys {
    secret: [u8; 32],
}

impl Decoys {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { secret: random()? })
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(bytes)
}

/// What the server remembers between the client's two messages.
pub(crate) struct Exchange {
    user: String,
    verifier: ScramVerifier,
    exists: bool,
    /// The start of the client's first message, which its last one repeats.
    binding: String,
    nonce: String,
    /// Both first messages, which the proof covers.
    so_far: String,
}

impl Exchange {
    /// Answers the client's first message; returns the challenge.
    pub(crate) fn start(
        user: &str,
        verifier: Option<ScramVerifier>,
        decoys: &Decoys,
        client_first: &str,
    ) -> Result<(Self, String), SqlError> {
        let nonce = random::<NONCE_LENGTH>().map_err(SqlError::internal)?;
        Self::with_nonce(user, verifier, decoys, client_first, &BASE64.encode(nonce))
    }

    fn with_nonce(
        user: &str,
        verifier: Option<ScramVerifier>,
        decoys: &Decoys,
        client_first: &str,
        nonce: &str,
    ) -> Result<(Self, String), SqlError> {
        let malformed = || protocol_violation("malformed SCRAM message");
        // `n,,n=user,r=nonce`: the user's name is the one of the startup message.
        let bare_start = client_first.match_indices(',').nth(1).ok_or_else(malformed)?.0 + 1;
        let (binding, bare) = client_first.split_at(bare_start);
        match binding.split(',').collect::<Vec<_>>()[..] {
            ["n" | "y", "", ""] => {}
            [flag, ..] if flag.starts_with("p=") => {
                return Err(protocol_violation("channel binding was not offered"));
            }
            _ => return Err(malformed()),
        }
        let mut fields = bare.split(',');
        fields.next().filter(|f| f.starts_with("n=")).ok_or_else(malformed)?;
        let client_nonce = fields.next().and_then(|f| f.strip_prefix("r=")).filter(|n| !n.is_empty());
        let nonce = format!("{}{nonce}", client_nonce.ok_or_else(malformed)?);
        let exists = verifier.is_some();
        // Made for roles that exist too, so that both take the same time.
        let decoy = ScramVerifier::decoy(&decoys.secret, user);
        let verifier = verifier.unwrap_or(decoy);
        let challenge = format!("r={nonce},s={},i={}", BASE64.encode(verifier.salt()), verifier.iterations());
        let so_far = format!("{bare},{challenge}");
        Ok((Self { user: user.into(), verifier, exists, binding: binding.into(), nonce, so_far }, challenge))
    }

    /// Checks the client's last message; returns the proof that the server knows the password too.
    pub(crate) fn finish(self, client_final: &str) -> Result<String, SqlError> {
        let malformed = || protocol_violation("malformed SCRAM message");
        let (without_proof, proof) = client_final.rsplit_once(",p=").ok_or_else(malformed)?;
        let mut fields = without_proof.split(',');
        let binding = fields.next().and_then(|f| f.strip_prefix("c=")).ok_or_else(malformed)?;
        let nonce = fields.next().and_then(|f| f.strip_prefix("r=")).ok_or_else(malformed)?;
        if BASE64.decode(binding).ok().as_deref() != Some(self.binding.as_bytes()) || nonce != self.nonce {
            return Err(malformed());
        }
        let proof: [u8; 32] = BASE64.decode(proof).ok().and_then(|p| p.try_into().ok()).ok_or_else(malformed)?;
        let message = format!("{},{without_proof}", self.so_far);
        let fits = self.verifier.fits(message.as_bytes(), proof);
        if !(fits && self.exists) {
            return Err(SqlError::new("28P01", format!("password authentication failed for user \"{}\"", self.user)));
        }
        Ok(format!("v={}", BASE64.encode(self.verifier.signature(message.as_bytes()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

    /// The example of RFC 7677.
    fn example(password: &str) -> (Exchange, String) {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("a salt");
        let verifier = ScramVerifier::salted(password, salt, NonZeroU32::new(4096).expect("not zero"));
        let decoys = Decoys { secret: [7; 32] };
        Exchange::with_nonce("user", Some(verifier), &decoys, CLIENT_FIRST, NONCE).expect("a challenge")
    }

    fn client_final(proof: &str) -> String {
        format!("c=biws,r=rOprNGfwEbeRWgbNEkqO{NONCE},p={proof}")
    }

    #[test]
    fn the_example_of_the_standard() {
        let (exchange, challenge) = example("pencil");
        let expected = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(challenge, expected);
        let answer = exchange.finish(&client_final("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        assert_eq!(answer, Ok("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".into()));
    }

    #[test]
    fn a_wrong_password_fails() {
        let (exchange, _) = example("pen");
        let error =
            exchange.finish(&client_final("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")).expect_err("refused");
        assert_eq!(error.code, "28P01");
    }

    #[test]
    fn nobody_gets_in_without_a_role() {
        let decoys = Decoys { secret: [7; 32] };
        let start = || Exchange::with_nonce("ghost", None, &decoys, CLIENT_FIRST, NONCE).expect("a challenge");
        assert_eq!(start().1, start().1);
        // A proof made for the decoy's stored key of zeros.
        let proof = client_final(&BASE64.encode([0; 32]));
        assert_eq!(start().0.finish(&proof).expect_err("refused").code, "28P01");
    }

    #[test]
    fn malformed_messages_are_refused() {
        let decoys = Decoys { secret: [7; 32] };
        for first in ["", "n,,", "n,,n=u", "n,,n=u,r=", "x,,n=u,r=a", "n,a=x,n=u,r=a", "p=tls-unique,,n=u,r=a"] {
            let refused = Exchange::with_nonce("u", None, &decoys, first, NONCE).err().expect("refused");
            assert_eq!(refused.code, "08P01", "{first}");
        }
        for last in ["", "c=biws", "c=biws,r=x,p=AA==", &client_final("AA=="), &client_final("!")] {
            let (exchange, _) = example("pencil");
            assert_eq!(exchange.finish(last).expect_err("refused").code, "08P01", "{last}");
        }
    }
}
