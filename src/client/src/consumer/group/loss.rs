//! Why a group went on without a member, so that an error can say which limit was passed and by
//! how much.

use std::fmt;
use std::time::Duration;

/// Why a member is none any more, or its commit too old.
///
/// ```
/// use kt_client::Error;
/// use kt_client::consumer::group::LossCause;
///
/// /// Whether the next poll puts it right.
/// fn goes_on(error: &Error) -> bool {
///     match error {
///         Error::GroupLost { cause: LossCause::Fenced, .. } => false,
///         Error::GroupLost { .. } => true,
///         error => error.is_retriable(),
///     }
/// }
///
/// let (group, cause) = ("billing".to_owned(), LossCause::Rebalanced);
/// assert!(goes_on(&Error::GroupLost { group, cause }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossCause {
    /// It has not joined yet.
    NotJoined,
    /// The group shares its partitions out anew; the next poll takes part.
    Rebalancing,
    /// The group has shared its partitions out anew since.
    Rebalanced,
    /// Too long between polls (`max.poll.interval.ms`).
    PollInterval {
        /// The longest that is allowed.
        limit: Duration,
        /// How much longer it was.
        by: Duration,
    },
    /// The coordinator did not hear of it for too long (`session.timeout.ms`).
    Session {
        /// The longest that is allowed.
        limit: Duration,
        /// How much longer it was.
        by: Duration,
    },
    /// The coordinator does not know it: it was removed, or took too long to join.
    Removed,
    /// Another member has the same `group.instance.id`.
    Fenced,
}

impl fmt::Display for LossCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut passed = |key: &str, limit: &Duration, by: &Duration, what: &str| {
            let (limit, by) = (limit.as_millis(), by.as_millis());
            write!(f, "{what}: {key}={limit} was passed by {by} ms")
        };
        match self {
            LossCause::NotJoined => f.write_str("this consumer is not a member yet"),
            LossCause::Rebalancing => {
                f.write_str("the group is rebalancing; the next poll takes part in it")
            }
            LossCause::Rebalanced => f.write_str("the group has rebalanced since"),
            LossCause::PollInterval { limit, by } => {
                passed("max.poll.interval.ms", limit, by, "too long between two polls")
            }
            LossCause::Session { limit, by } => passed(
                "session.timeout.ms",
                limit,
                by,
                "the coordinator heard nothing for too long",
            ),
            LossCause::Removed => f.write_str("the coordinator has removed this member"),
            LossCause::Fenced => {
                f.write_str("another member has joined with the same group.instance.id")
            }
        }
    }
}
