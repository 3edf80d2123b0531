//! `.timeindex`: from timestamps to offsets. Kafka's `TimeIndex`.
//!
//! ```text
//! 0  i64  the greatest record timestamp so far
//! 8  i32  last offset of the batch that has it, relative to the segment's base offset
//! ```
//!
//! An entry goes with each entry of the offset index, if the timestamp has grown; a last one is
//! written at the roll and at the close, so that a closed segment tells its greatest timestamp.

use crate::offset_index::{be_i32, be_i64};
use crate::sparse_index::{IndexEntry, SparseIndex};

/// One entry of a time index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    /// The greatest record timestamp up to there, in milliseconds since 1970.
    pub timestamp: i64,
    /// The last offset of the batch that has it, relative to the segment's base offset.
    pub relative_offset: i32,
}

pub(crate) type TimeIndex = SparseIndex<TimeEntry>;

impl IndexEntry for TimeEntry {
    const BYTES: usize = 12;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.extend_from_slice(&self.relative_offset.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> TimeEntry {
        TimeEntry { timestamp: be_i64(bytes, 0), relative_offset: be_i32(bytes, 8) }
    }

    fn key(&self) -> i64 {
        self.timestamp
    }

    fn relative_offset(&self) -> i32 {
        self.relative_offset
    }

    fn precedes(&self, next: &TimeEntry) -> bool {
        self.timestamp < next.timestamp && self.relative_offset <= next.relative_offset
    }

    fn is_zero(&self) -> bool {
        self.timestamp == 0 && self.relative_offset == 0
    }
}
