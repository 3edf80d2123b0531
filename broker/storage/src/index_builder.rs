//! Makes index entries of batches as they come, as the append would have made them.

use kt_protocol::types::{Offset, Timestamp};

use crate::offset_index::OffsetEntry;
use crate::scan::Located;
use crate::segment::TimestampOffset;
use crate::time_index::TimeEntry;

/// What became of the batches that were added.
pub(crate) struct IndexTail {
    pub(crate) offsets: Vec<OffsetEntry>,
    /// Ends with the greatest timestamp of all, as in a closed segment.
    pub(crate) times: Vec<TimeEntry>,
}

/// Makes index entries of batches as they come.
pub(crate) struct IndexBuilder {
    base_offset: Offset,
    interval: u64,
    bytes_since_entry: u64,
    greatest: TimestampOffset,
    last_time: i64,
    tail: IndexTail,
}

impl IndexBuilder {
    /// For a segment from its beginning.
    pub(crate) fn new(base_offset: Offset, interval: u32) -> IndexBuilder {
        let greatest = TimestampOffset { timestamp: Timestamp::NONE, offset: base_offset };
        IndexBuilder::resume(base_offset, interval, greatest, 0)
    }

    /// For a segment behind an entry that is kept: `greatest` is the last timestamp in the time
    /// index, and `bytes_since_entry` what the batch of the last offset entry takes.
    pub(crate) fn resume(
        base_offset: Offset,
        interval: u32,
        greatest: TimestampOffset,
        bytes_since_entry: u64,
    ) -> IndexBuilder {
        IndexBuilder {
            base_offset,
            interval: u64::from(interval),
            bytes_since_entry,
            greatest,
            last_time: greatest.timestamp.0,
            tail: IndexTail { offsets: Vec::new(), times: Vec::new() },
        }
    }

    /// Adds the next batch.
    pub(crate) fn add(&mut self, located: &Located) {
        let header = &located.header;
        if self.greatest.timestamp < header.max_timestamp() {
            let (timestamp, offset) = (header.max_timestamp(), header.last_offset());
            self.greatest = TimestampOffset { timestamp, offset };
        }
        if self.interval < self.bytes_since_entry {
            let relative_offset = (header.last_offset() - self.base_offset) as i32;
            let position = located.position as i32;
            self.tail.offsets.push(OffsetEntry { relative_offset, position });
            self.add_time();
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += header.size() as u64;
    }

    fn add_time(&mut self) {
        let TimestampOffset { timestamp, offset } = self.greatest;
        if self.last_time < timestamp.0 {
            let relative_offset = (offset - self.base_offset) as i32;
            self.tail.times.push(TimeEntry { timestamp: timestamp.0, relative_offset });
            self.last_time = timestamp.0;
        }
    }

    /// The greatest timestamp so far.
    pub(crate) fn greatest(&self) -> TimestampOffset {
        self.greatest
    }

    /// The bytes since the last entry: where the append goes on counting.
    pub(crate) fn bytes_since_entry(&self) -> u64 {
        self.bytes_since_entry
    }

    /// The entries, as of a closed segment.
    pub(crate) fn finish(mut self) -> IndexTail {
        self.add_time();
        self.tail
    }
}
