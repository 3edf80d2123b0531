//! What can go wrong with a connection, as the caller must tell apart.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::FrameError;
use crate::tls::TlsFault;

/// Why a request got no answer. Every request that waited on the connection gets the same one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinkError {
    /// The peer closed the connection, or this end did.
    #[error("the connection was closed")]
    Closed,
    /// The answer did not come in time. The connection is closed: answers come in order, so those
    /// behind it would not come either.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Reading or writing failed.
    #[error("the connection failed: {0}")]
    Io(Arc<io::Error>),
    /// The peer ended TLS, or broke it.
    #[error("{0}")]
    Tls(TlsFault),
    /// What the caller of [`super::Link::close`] gave as its reason.
    #[error("{0}")]
    Ended(String),
    /// The peer speaks something else, or declares a size beyond the limit.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// An answer to a request that was not next in line.
    #[error("the answer is to request {received}, request {expected} was next")]
    Correlation {
        /// Whose answer was due.
        expected: i32,
        /// Whose answer came.
        received: i32,
    },
    /// An answer that nobody waits for, or one shorter than its header.
    #[error("an answer that cannot be: {0}")]
    Malformed(String),
}

impl LinkError {
    pub(crate) fn io(error: io::Error) -> LinkError {
        if let Some(fault) = TlsFault::of_io(&error) {
            return LinkError::Tls(fault);
        }
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => LinkError::Closed,
            _ => LinkError::Io(Arc::new(error)),
        }
    }
}
