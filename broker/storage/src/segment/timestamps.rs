//! What a segment tells of the time of its records: by its time index, which is believed only as
//! far as the batches agree.

use kt_protocol::types::Timestamp;

use super::{Segment, TimestampOffset};
use crate::error::LogError;
use crate::scan::HeaderScan;
use crate::sparse_index::IndexError;
use crate::time_index::TimeEntry;

/// How far behind the last entry of a time index is looked for a greater timestamp, which would
/// show that entries are missing. Records that come in order of time have their last entry at the
/// end; a bound, as retention asks this of every old segment once.
pub(crate) const TAIL_CHECKED_BYTES: u64 = 4 << 20;

impl Segment {
    /// The last two entries of the time index that are not later than `target`, the later first.
    pub(crate) fn time_entries_up_to(
        &self,
        target: Timestamp,
    ) -> Result<(Option<TimestampOffset>, Option<TimestampOffset>), LogError> {
        let up_to = |entry: &TimeEntry| entry.timestamp <= target.0;
        let mut found = self.time_index.last_two_where(up_to);
        if matches!(found, Err(IndexError::Unsound)) {
            self.rebuild_in_memory()?;
            found = self.time_index.last_two_where(up_to);
        }
        let (last, before) = match found {
            Ok(found) => found,
            Err(IndexError::Disk(error)) => return Err(error.into()),
            Err(IndexError::Unsound) => (None, None),
        };
        let absolute = |entry: TimeEntry| TimestampOffset {
            timestamp: Timestamp(entry.timestamp),
            offset: self.base_offset.plus(i64::from(entry.relative_offset)),
        };
        Ok((last.map(absolute), before.map(absolute)))
    }

    /// The greatest record timestamp; without any, when the file was last changed.
    ///
    /// # Errors
    /// The disk's, or what makes a `.log` unreadable.
    pub fn newest_timestamp(&self) -> Result<Timestamp, LogError> {
        let greatest = self.greatest()?;
        if Timestamp(0) <= greatest.timestamp {
            return Ok(greatest.timestamp);
        }
        Ok(self.log.file()?.modified()?)
    }

    /// The greatest record timestamp, and the last offset of the first batch that has it.
    ///
    /// # Errors
    /// The disk's, or what makes a `.log` unreadable.
    pub fn greatest(&self) -> Result<TimestampOffset, LogError> {
        if let Some(greatest) = self.greatest_known() {
            return Ok(greatest);
        }
        let greatest = match self.greatest_by_index()? {
            Some(greatest) => greatest,
            None => {
                self.rebuild_in_memory()?;
                self.greatest_below(i64::MAX)?.unwrap_or(TimestampOffset {
                    timestamp: Timestamp::NONE,
                    offset: self.base_offset,
                })
            }
        };
        Ok(*self.state.lock().greatest.get_or_insert(greatest))
    }

    /// What the last entry of the time index tells, if the batches agree.
    fn greatest_by_index(&self) -> Result<Option<TimestampOffset>, LogError> {
        let size = self.size()?;
        self.greatest_checked(i64::MAX, size, TAIL_CHECKED_BYTES)
    }

    /// What the time index tells of offsets below `relative_offset`, if the batch that it names has
    /// that timestamp, and none of those behind it, up to `end` or for so many bytes, has a greater
    /// one. None if the index is to be made anew.
    pub(crate) fn greatest_checked(
        &self,
        relative_offset: i64,
        end: u64,
        checked_bytes: u64,
    ) -> Result<Option<TimestampOffset>, LogError> {
        let Some(greatest) = self.greatest_below(relative_offset)? else { return Ok(None) };
        if greatest.timestamp == Timestamp::NONE {
            return Ok((end == 0).then_some(greatest));
        }
        let Some(batch) = self.locate_header(greatest.offset)? else { return Ok(None) };
        let (file, size) = (self.log.file()?, self.size()?);
        let end = end.min(batch.position.saturating_add(checked_bytes));
        let mut agrees = batch.header.max_timestamp() == greatest.timestamp;
        let mut scan = HeaderScan::new(&*file, batch.position, size);
        while agrees && scan.position() < end {
            // What cannot be walked is met again by whoever reads there.
            let Ok(Some(located)) = scan.next_batch() else { break };
            agrees = located.header.max_timestamp() <= greatest.timestamp;
        }
        Ok(agrees.then_some(greatest))
    }
}
