//! SCRAM: client and server prove to each other that they know the password, and neither says it
//! (RFC 5802, RFC 7677).
//!
//! ```text
//! client  n,,n=USER,r=NONCE
//! server  r=NONCE AND MORE,s=SALT,i=ITERATIONS
//! client  c=biws,r=NONCE AND MORE,p=PROOF
//! server  v=SIGNATURE
//! ```

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2, rand};

use super::{Mechanism, SaslError, Step};
use crate::secret::Secret;

/// Fewer iterations make a password guessable; Kafka stores none with fewer.
const ITERATIONS_MIN: u32 = 4_096;

/// A second of work or so. Kafka itself stores no more than 16,384.
const ITERATIONS_MAX: u32 = 1_000_000;

/// 24 bytes are 32 letters of base64, none of which is a comma.
const NONCE_BYTES: usize = 24;

/// No channel binding and no authorization id, and the same in base64.
const GS2_HEADER: &str = "n,,";
const CHANNEL_BINDING: &str = "c=biws";

/// The hash that a SCRAM mechanism is named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct ScramUser {
    /// The name, or the id of a delegation token.
    pub name: String,
    /// The password, or the token's HMAC. Kafka takes its UTF-8 bytes as they are.
    pub password: Secret,
    /// True for a delegation token (`tokenauth`, KIP-48).
    pub is_token: bool,
}

/// The client's side of SCRAM.
#[derive(Debug)]
pub struct Scram {
    digest: Digest,
    user: ScramUser,
    nonce: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The server has to give salt and iterations.
    First,
    /// The server has to give this signature.
    Final {
        server_key: hmac::Key,
        signed: String,
    },
    Done,
}

/// A nonce for one exchange.
///
/// # Errors
///
/// Fails if the system has no random numbers.
pub fn nonce() -> Result<String, SaslError> {
    let mut bytes = [0; NONCE_BYTES];
    rand::SystemRandom::new().fill(&mut bytes).map_err(|_| SaslError::NoRandomness)?;
    Ok(STANDARD.encode(bytes))
}

impl Scram {
    /// For this user. `nonce` must never have been used before: [`nonce`].
    pub fn new(digest: Digest, user: ScramUser, nonce: String) -> Scram {
        Scram { digest, user, nonce, state: State::First }
    }

    pub(super) fn first(&self) -> Vec<u8> {
        format!("{GS2_HEADER}{}", self.first_bare()).into_bytes()
    }

    fn first_bare(&self) -> String {
        let name = self.user.name.replace('=', "=3D").replace(',', "=2C");
        let extension = if self.user.is_token { ",tokenauth=true" } else { "" };
        format!("n={name},r={}{extension}", self.nonce)
    }

    pub(super) fn next(&mut self, challenge: &[u8]) -> Result<Step, SaslError> {
        let text = std::str::from_utf8(challenge).map_err(|_| self.malformed("it is not text"))?;
        match std::mem::replace(&mut self.state, State::Done) {
            State::First => self.prove(text),
            State::Final { server_key, signed } => self.verify(text, &server_key, &signed),
            State::Done => Err(self.malformed("it says more than it may")),
        }
    }

    /// Answers salt and iterations with the proof.
    fn prove(&mut self, challenge: &str) -> Result<Step, SaslError> {
        let first = ServerFirst::parse(challenge).map_err(|reason| self.malformed(reason))?;
        let is_longer = self.nonce.len() < first.nonce.len();
        if !is_longer || !first.nonce.starts_with(&self.nonce) {
            return Err(self.malformed("its nonce does not continue ours"));
        }
        let iterations = bounded(first.iterations)?;
        let salted = self.digest.salted(self.user.password.reveal(), &first.salt, iterations);
        let without_proof = format!("{CHANNEL_BINDING},r={}", first.nonce);
        let signed = format!("{},{challenge},{without_proof}", self.first_bare());
        let client_key = self.digest.hmac(&salted, b"Client Key");
        let stored_key = digest::digest(self.digest.hash(), client_key.as_ref());
        let signature = self.digest.hmac(stored_key.as_ref(), signed.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server_key = self.digest.hmac(&salted, b"Server Key");
        let server_key = hmac::Key::new(self.digest.algorithm(), server_key.as_ref());
        self.state = State::Final { server_key, signed };
        Ok(Step::Respond(format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes()))
    }

    /// Checks that the server knows the password too.
    fn verify(&self, challenge: &str, key: &hmac::Key, signed: &str) -> Result<Step, SaslError> {
        if let Some(error) = challenge.strip_prefix("e=") {
            return Err(SaslError::Refused(error.to_owned()));
        }
        let signature = challenge.strip_prefix("v=").and_then(|it| it.split(',').next());
        let signature = signature.and_then(|it| STANDARD.decode(it).ok());
        let signature = signature.ok_or_else(|| self.malformed("it has no signature"))?;
        hmac::verify(key, signed.as_bytes(), &signature).map_err(|_| SaslError::WrongServer)?;
        Ok(Step::Done)
    }

    fn malformed(&self, reason: &str) -> SaslError {
        let mechanism = match self.digest {
            Digest::Sha256 => Mechanism::ScramSha256,
            Digest::Sha512 => Mechanism::ScramSha512,
        };
        SaslError::Malformed(mechanism, reason.to_owned())
    }
}

fn bounded(asked: u32) -> Result<NonZeroU32, SaslError> {
    if ITERATIONS_MAX < asked {
        return Err(SaslError::TooManyIterations { asked, max: ITERATIONS_MAX });
    }
    let enough = NonZeroU32::new(asked).filter(|it| ITERATIONS_MIN <= it.get());
    enough.ok_or(SaslError::TooFewIterations { asked, min: ITERATIONS_MIN })
}

impl Digest {
    fn algorithm(self) -> hmac::Algorithm {
        match self {
            Digest::Sha256 => hmac::HMAC_SHA256,
            Digest::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn hash(self) -> &'static digest::Algorithm {
        match self {
            Digest::Sha256 => &digest::SHA256,
            Digest::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self, key: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.algorithm(), key), message)
    }

    /// `Hi` of the standard.
    fn salted(self, password: &str, salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
        let algorithm = match self {
            Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut salted = vec![0; self.hash().output_len()];
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
        salted
    }
}

/// What the server says first.
struct ServerFirst {
    nonce: String,
    salt: Vec<u8>,
    iterations: u32,
}

impl ServerFirst {
    fn parse(text: &str) -> Result<ServerFirst, &'static str> {
        // "m=" would stand first: an extension that must be understood, and none is.
        let mut parts = text.split(',');
        let mut part = |prefix: &str| parts.next().and_then(|it| it.strip_prefix(prefix));
        let nonce = part("r=").ok_or("it has no nonce")?.to_owned();
        let salt = part("s=").and_then(|it| STANDARD.decode(it).ok());
        let salt = salt.filter(|it| !it.is_empty()).ok_or("it has no salt")?;
        let iterations = part("i=").and_then(|it| it.parse().ok());
        Ok(ServerFirst { nonce, salt, iterations: iterations.ok_or("it has no iterations")? })
    }
}

#[cfg(test)]
mod tests;
