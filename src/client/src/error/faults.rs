//! Why a broker and a client do not come together: the wrong kind of listener, or no trust.

use std::fmt;

use kt_transport::Foreign;
use kt_transport::sasl::{Mechanism, SaslError};
use kt_transport::tls::TlsFault;

/// Who was found where a broker was expected. A clause that follows an address.
///
/// ```
/// use kt_client::{Error, Listener};
///
/// let error = Error::WrongListener { address: "kafka:9092".to_owned(), found: Listener::NoTls };
/// assert_eq!(error.to_string(), "kafka:9092 does not speak TLS");
/// assert!(!error.is_retriable());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Listener {
    /// Somebody who takes connections, and no more.
    #[error("takes connections and says nothing: no Kafka listener")]
    Silent,
    /// Somebody who closes at the first request.
    #[error("closed the connection without a word: no Kafka listener, or one that wants TLS")]
    Closes,
    /// A listener that wants TLS, or another protocol.
    #[error("speaks {0}, not plain Kafka")]
    Speaks(Foreign),
    /// One without TLS.
    #[error("does not speak TLS")]
    NoTls,
    /// One that ends a TLS handshake: a plain listener takes its first bytes for an enormous
    /// request, and a broker that stops has no time for it.
    #[error("closed the connection in the TLS handshake, as listeners without TLS do")]
    ClosesTls,
    /// One that takes requests from whoever has logged in.
    #[error("closed the connection at the first request, as listeners do that want a login")]
    WantsLogin,
    /// One that knows no logins.
    #[error("takes no logins")]
    NoLogin,
    /// One whose answer makes no sense.
    #[error("does not answer as a Kafka broker does: {0}")]
    Garbage(String),
}

/// Why the broker and the client do not believe each other.
///
/// ```
/// use kt_client::{AuthenticationFault, Error, TokenError};
///
/// /// Whether another password could help.
/// fn is_about_us(error: &Error) -> bool {
///     matches!(error, Error::Authentication { fault: AuthenticationFault::Refused { .. }, .. })
/// }
///
/// let fault = AuthenticationFault::Token(TokenError("/run/token: no such file".to_owned()));
/// let error = Error::Authentication { address: "kafka:9092".to_owned(), fault };
/// assert!(error.to_string().contains("/run/token: no such file"));
/// assert!(!is_about_us(&error));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticationFault {
    /// TLS did not come about.
    Tls(TlsFault),
    /// The broker does not believe the client.
    Refused {
        /// How it logged in.
        mechanism: Mechanism,
        /// As whom, where that is known.
        user: Option<String>,
        /// In the broker's words.
        reason: String,
    },
    /// The broker takes other mechanisms.
    Mechanism {
        /// The one that was wanted.
        wanted: Mechanism,
        /// Those that it takes.
        offered: Vec<String>,
    },
    /// The broker broke the mechanism, or did not prove who it is.
    Exchange {
        /// The mechanism.
        mechanism: Mechanism,
        /// What happened.
        error: SaslError,
    },
    /// There is no token to log in with.
    Token(TokenError),
}

/// Why there is no token. Names where it should come from, and never quotes one.
///
/// Shown at [`AuthenticationFault`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(pub String);

/// The sentence for a fault at an address.
pub(super) struct Accused<'a>(pub(super) &'a str, pub(super) &'a AuthenticationFault);

impl fmt::Display for Accused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Accused(address, fault) = self;
        match fault {
            AuthenticationFault::Tls(fault) => write!(f, "{address}: {fault}"),
            AuthenticationFault::Refused { mechanism, user, reason } => {
                let who = user.as_ref().map_or("us".to_owned(), |it| format!("\"{it}\""));
                let reason = reason.trim_end_matches('.');
                write!(f, "{address} does not let {who} in with {mechanism}: {reason}")
            }
            AuthenticationFault::Mechanism { wanted, offered } => {
                let offered = offered.join(", ");
                write!(f, "{address} does not take {wanted}, only {offered}")
            }
            AuthenticationFault::Exchange { mechanism, error } => {
                write!(f, "the login at {address} with {mechanism} failed: {error}")
            }
            AuthenticationFault::Token(error) => {
                write!(f, "there is no token for {address}: {error}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn said(fault: AuthenticationFault) -> String {
        let error = Error::Authentication { address: "kafka:9093".to_owned(), fault };
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(!error.is_retriable());
        error.to_string()
    }

    #[test]
    fn each_fault_is_one_sentence() {
        insta::assert_snapshot!(said(AuthenticationFault::Tls(TlsFault::UnknownIssuer)), @"kafka:9093: its certificate is issued by nobody who is trusted here");
        insta::assert_snapshot!(said(AuthenticationFault::Refused {
            mechanism: Mechanism::Plain,
            user: Some("alice".to_owned()),
            reason: "Authentication failed: Invalid username or password".to_owned(),
        }), @r#"kafka:9093 does not let "alice" in with PLAIN: Authentication failed: Invalid username or password"#);
        insta::assert_snapshot!(said(AuthenticationFault::Mechanism {
            wanted: Mechanism::ScramSha512,
            offered: vec!["PLAIN".to_owned(), "OAUTHBEARER".to_owned()],
        }), @"kafka:9093 does not take SCRAM-SHA-512, only PLAIN, OAUTHBEARER");
        insta::assert_snapshot!(said(AuthenticationFault::Exchange {
            mechanism: Mechanism::ScramSha256,
            error: SaslError::WrongServer,
        }), @"the login at kafka:9093 with SCRAM-SHA-256 failed: the broker could not prove that it knows the password");
        insta::assert_snapshot!(said(AuthenticationFault::Token(TokenError("/t: no such file".to_owned()))), @"there is no token for kafka:9093: /t: no such file");
    }
}
