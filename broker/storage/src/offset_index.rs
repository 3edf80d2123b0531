//! `.index`: from offsets to positions. Kafka's `OffsetIndex`.
//!
//! ```text
//! 0  i32  last offset of a batch, relative to the segment's base offset
//! 4  i32  where that batch begins
//! ```
//!
//! An entry is due when more than `index.interval.bytes` of batches came since the last one, and
//! is added before the batch; so the first batches have none.

use crate::sparse_index::{IndexEntry, SparseIndex};

/// One entry of an offset index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetEntry {
    /// The last offset of the batch, relative to the segment's base offset.
    pub relative_offset: i32,
    /// Where the batch begins in the `.log`, in bytes.
    pub position: i32,
}

pub(crate) type OffsetIndex = SparseIndex<OffsetEntry>;

pub(crate) fn be_i32(bytes: &[u8], at: usize) -> i32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    i32::from_be_bytes(four.unwrap_or_default())
}

pub(crate) fn be_i64(bytes: &[u8], at: usize) -> i64 {
    let eight = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok());
    i64::from_be_bytes(eight.unwrap_or_default())
}

impl IndexEntry for OffsetEntry {
    const BYTES: usize = 8;

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.relative_offset.to_be_bytes());
        bytes.extend_from_slice(&self.position.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> OffsetEntry {
        OffsetEntry { relative_offset: be_i32(bytes, 0), position: be_i32(bytes, 4) }
    }

    fn key(&self) -> i64 {
        i64::from(self.relative_offset)
    }

    fn relative_offset(&self) -> i32 {
        self.relative_offset
    }

    fn precedes(&self, next: &OffsetEntry) -> bool {
        self.relative_offset < next.relative_offset && self.position < next.position
    }

    fn is_zero(&self) -> bool {
        self.relative_offset == 0 && self.position == 0
    }
}
