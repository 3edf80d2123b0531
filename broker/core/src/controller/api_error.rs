//! An error code with the sentence that clients show (`ApiError`).

use kt_protocol::error_code::ErrorCode;

/// Why a decider refuses. The messages are Kafka's, letter for letter, where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", code.name(), message.as_deref().unwrap_or("-"))]
pub struct ApiError {
    /// The code.
    pub code: ErrorCode,
    /// The sentence; clients have one of their own for each code without.
    pub message: Option<String>,
}

impl ApiError {
    /// A code with a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError { code, message: Some(message.into()) }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        ApiError { code, message: None }
    }
}
