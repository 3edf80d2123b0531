//! Where in the metadata log an image comes from.

use kt_protocol::types::{LeaderEpoch, Offset, Timestamp};

/// The last batch that an image holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The offset of its last record; -1 before any.
    pub last_offset: Offset,
    /// The leader epoch it was appended in; -1 before any.
    pub last_epoch: LeaderEpoch,
    /// When it was appended; -1 before any.
    pub last_timestamp: Timestamp,
}

impl Default for Provenance {
    fn default() -> Self {
        Provenance {
            last_offset: Offset(-1),
            last_epoch: LeaderEpoch::UNKNOWN,
            last_timestamp: Timestamp::NONE,
        }
    }
}
