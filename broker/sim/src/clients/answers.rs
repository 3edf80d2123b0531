//! Answers, and that there are none, as the client library's machines take them.

use std::time::Duration;

use bytes::Bytes;
use kt_client::Error;
use kt_protocol::ApiKey;
use kt_protocol::codec::Message;

use super::cluster::REQUEST_TIMEOUT_MS;
use super::network::Failure;

/// An answer as the machines take it.
///
/// # Errors
///
/// If the bytes are no such answer.
pub(super) fn decoded<M: Message>(
    api: ApiKey,
    version: i16,
    reply: Result<Bytes, Error>,
) -> Result<Result<M, Error>, String> {
    match reply {
        Ok(reply) => crate::client::message(api, version, &reply).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

/// How the library says that there is no answer.
pub(super) fn error(api: ApiKey, failure: Failure) -> Error {
    let operation = format!("{api}");
    match failure {
        Failure::Unreachable => {
            Error::Unreachable { node: None, reason: "nobody listens".to_owned() }
        }
        Failure::Disconnected => {
            Error::Disconnected { operation, reason: "the connection broke".to_owned() }
        }
        Failure::TimedOut => {
            let after = Duration::from_millis(REQUEST_TIMEOUT_MS);
            Error::TimedOut { operation, after, last: None }
        }
    }
}
