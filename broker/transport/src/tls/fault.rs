//! Why a TLS connection does not come about, or ends, by what can be done about it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// What is wrong with the other end, or with us in its eyes. A clause that follows an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// No trusted certificate has issued the server's.
    #[error("its certificate is issued by nobody who is trusted here")]
    UnknownIssuer,
    /// The server's certificate was good until lately.
    #[error("its certificate expired {} ago", Span(*.seconds))]
    Expired {
        /// For how long it has not been good.
        seconds: u64,
    },
    /// The server's certificate will be good, or a clock is wrong.
    #[error("its certificate is good only in {}", Span(*.seconds))]
    NotYetValid {
        /// Until then.
        seconds: u64,
    },
    /// The server's certificate is somebody else's.
    #[error("its certificate is for {}, not for {expected}", Names(.presented))]
    WrongName {
        /// Whom the address names.
        expected: String,
        /// Whom the certificate names.
        presented: Vec<String>,
    },
    /// The server wants to know who we are.
    #[error("it wants a client certificate")]
    CertificateRequired,
    /// The server does not like the certificate that we showed.
    #[error("it refuses our certificate: {0}")]
    CertificateRefused(String),
    /// The server wants other versions or ciphers.
    #[error("it refuses the TLS handshake: {0}")]
    HandshakeRefused(String),
    /// The server ended the connection in the middle of the handshake.
    #[error("it closed the connection in the TLS handshake")]
    Closed,
    /// The server does not answer as one does who speaks TLS.
    #[error("it does not speak TLS")]
    NotTls,
    /// The server's certificate is wrong in another way.
    #[error("its certificate is not usable: {0}")]
    Certificate(String),
    /// The rest.
    #[error("TLS failed: {0}")]
    Other(String),
}

impl TlsFault {
    /// What TLS said, if it was TLS that failed.
    pub(crate) fn of_io(error: &io::Error) -> Option<TlsFault> {
        error.get_ref()?.downcast_ref::<Error>().map(TlsFault::of)
    }

    /// The same for a handshake, in which an end without a word tells something too.
    pub(super) fn of_handshake(error: &io::Error) -> Option<TlsFault> {
        TlsFault::of_io(error).or_else(|| match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Some(TlsFault::Closed),
            _ => None,
        })
    }

    fn of(error: &Error) -> TlsFault {
        match error {
            Error::InvalidCertificate(error) => TlsFault::of_certificate(error),
            Error::AlertReceived(alert) => TlsFault::of_alert(*alert),
            Error::InvalidMessage(_) => TlsFault::NotTls,
            Error::PeerIncompatible(reason) => TlsFault::HandshakeRefused(format!("{reason:?}")),
            error => TlsFault::Other(error.to_string()),
        }
    }

    fn of_certificate(error: &CertificateError) -> TlsFault {
        match error {
            // An issuer's name is no secret: one that was made anew under the same name signs
            // with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsFault::UnknownIssuer
            }
            CertificateError::ExpiredContext { time, not_after } => {
                TlsFault::Expired { seconds: time.as_secs().saturating_sub(not_after.as_secs()) }
            }
            CertificateError::NotValidYetContext { time, not_before } => TlsFault::NotYetValid {
                seconds: not_before.as_secs().saturating_sub(time.as_secs()),
            },
            CertificateError::NotValidForNameContext { expected, presented } => {
                let presented = presented.iter().map(|it| readable(it)).collect();
                TlsFault::WrongName { expected: expected.to_str().into_owned(), presented }
            }
            error => TlsFault::Certificate(error.to_string()),
        }
    }

    fn of_alert(alert: AlertDescription) -> TlsFault {
        match alert {
            AlertDescription::CertificateRequired => TlsFault::CertificateRequired,
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied => TlsFault::CertificateRefused(format!("{alert:?}")),
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity
            | AlertDescription::UnrecognisedName => {
                TlsFault::HandshakeRefused(format!("{alert:?}"))
            }
            alert => TlsFault::Other(format!("the broker ended it with {alert:?}")),
        }
    }
}

/// rustls writes `DnsName("a")` and `IpAddress(::1)`: the name alone says enough.
fn readable(presented: &str) -> String {
    let inner = presented.split_once('(').and_then(|(_, it)| it.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"').to_owned()
}

/// A length of time, in its largest unit.
struct Span(u64);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (count, unit) = match self.0 {
            seconds if seconds < 60 => (seconds, "second"),
            seconds if seconds < 3_600 => (seconds / 60, "minute"),
            seconds if seconds < 86_400 => (seconds / 3_600, "hour"),
            seconds => (seconds / 86_400, "day"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

struct Names<'a>(&'a [String]);

impl std::fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => f.write_str("no name at all"),
            names => f.write_str(&names.join(", ")),
        }
    }
}
