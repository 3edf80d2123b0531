//! The client's end of SASL: what it says first, and what it answers to each challenge. No I/O.

mod oauth_bearer;
mod plain;
mod scram;

use std::fmt;

pub use oauth_bearer::OAuthBearer;
pub use plain::Plain;
pub use scram::{Digest, Scram, ScramUser, nonce};

/// How a client shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// Name and password as they are (RFC 4616).
    Plain,
    /// A proof of the password by SHA-256 (RFC 7677).
    ScramSha256,
    /// The same by SHA-512.
    ScramSha512,
    /// A token of somebody whom the broker trusts (RFC 7628).
    OAuthBearer,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Mechanism; 4] =
        [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512, Mechanism::OAuthBearer];

    /// The name in `sasl.mechanism` and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
            Mechanism::OAuthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One client's side of one exchange.
#[derive(Debug)]
pub enum Exchange {
    /// By [`Mechanism::Plain`].
    Plain(Plain),
    /// By [`Mechanism::ScramSha256`] or [`Mechanism::ScramSha512`].
    Scram(Box<Scram>),
    /// By [`Mechanism::OAuthBearer`].
    OAuthBearer(OAuthBearer),
}

/// What comes after a challenge.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this.
    Respond(Vec<u8>),
    /// The exchange succeeded, as far as the client can tell: whatever the server had to prove, it
    /// has proven.
    Done,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It may hold a password.
            Step::Respond(bytes) => write!(f, "Respond({} bytes)", bytes.len()),
            Step::Done => f.write_str("Done"),
        }
    }
}

impl Exchange {
    /// What the client sends first.
    ///
    /// # Errors
    ///
    /// Fails if a name, password or token cannot be said by this mechanism.
    pub fn first(&mut self) -> Result<Vec<u8>, SaslError> {
        match self {
            Exchange::Plain(it) => it.first(),
            Exchange::Scram(it) => Ok(it.first()),
            Exchange::OAuthBearer(it) => it.first(),
        }
    }

    /// Takes what the server answered.
    ///
    /// # Errors
    ///
    /// Fails if the server breaks the mechanism, refuses, or does not prove who it is.
    pub fn next(&mut self, challenge: &[u8]) -> Result<Step, SaslError> {
        match self {
            // The server says yes or no beside the exchange; it has nothing to prove.
            Exchange::Plain(_) => Ok(Step::Done),
            Exchange::Scram(it) => it.next(challenge),
            Exchange::OAuthBearer(it) => it.next(challenge),
        }
    }
}

/// Why an exchange cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The name, password or token holds a character that the mechanism has no place for.
    #[error("the {0} holds a character that {1} cannot carry")]
    Unsayable(&'static str, Mechanism),
    /// The server's message is not what the mechanism prescribes.
    #[error("the broker's answer breaks {0}: {1}")]
    Malformed(Mechanism, String),
    /// SCRAM: fewer iterations than Kafka allows. Whoever listens could guess the password.
    #[error("the broker asks for {asked} iterations, less than the {min} that are safe")]
    TooFewIterations {
        /// As asked for.
        asked: u32,
        /// The least that is done.
        min: u32,
    },
    /// SCRAM: so many iterations that the client would be busy with nothing else.
    #[error("the broker asks for {asked} iterations, more than the {max} that are done")]
    TooManyIterations {
        /// As asked for.
        asked: u32,
        /// The most that is done.
        max: u32,
    },
    /// The server refuses, in its words.
    #[error("{0}")]
    Refused(String),
    /// SCRAM: who answers does not know the password: not the broker that is meant.
    #[error("the broker could not prove that it knows the password")]
    WrongServer,
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}
