//! What no other try can deliver: the record has to go out of the way of those behind it.

use kt_client::{Error, ErrorKind};
use kt_protocol::ErrorCode;

/// True of what is about a record or its topic, and not about the cluster or its being there.
pub(super) fn is_final(error: &Error) -> bool {
    let is_about_a_record = matches!(
        error.code(),
        Some(
            ErrorCode::MessageTooLarge
                | ErrorCode::RecordListTooLarge
                | ErrorCode::InvalidRecord
                | ErrorCode::InvalidTimestamp
                | ErrorCode::UnsupportedCompressionType
                | ErrorCode::UnsupportedForMessageFormat
                | ErrorCode::PolicyViolation
                | ErrorCode::InvalidTopicException
                | ErrorCode::TopicAuthorizationFailed
        )
    );
    let is_missing = error.kind() == ErrorKind::NotFound;
    is_about_a_record || is_missing || matches!(error, Error::Refused(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_is_away_refuses_nothing() {
        let reason = "nobody listens".to_owned();
        assert!(!is_final(&Error::Unreachable { node: None, reason }));
        assert!(!is_final(&Error::Full("too much waits".to_owned())));
        assert!(!is_final(&Error::Closed("producer")));
        assert!(is_final(&Error::Refused("the record is too large".to_owned())));
    }
}
