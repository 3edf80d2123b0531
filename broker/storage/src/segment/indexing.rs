//! The indexes of a segment as its writer keeps them: added to, closed, cut, and made anew.

use kt_protocol::types::{Offset, Timestamp};

use super::{Segment, TimestampOffset};
use crate::atomic_file;
use crate::disk::DiskError;
use crate::error::LogError;
use crate::index_builder::{IndexBuilder, IndexTail};
use crate::offset_index::OffsetEntry;
use crate::scan::{HeaderScan, ScanError};
use crate::sparse_index::{IndexEntry, IndexError, SparseIndex};
use crate::time_index::TimeEntry;

impl Segment {
    /// The last index entry below `offset`; none if there is none, or the index cannot be trusted.
    pub(crate) fn last_sound_entry(
        &self,
        offset: Offset,
    ) -> Result<Option<OffsetEntry>, DiskError> {
        let relative = offset - self.base_offset;
        match self.offset_index.last_where(|entry| i64::from(entry.relative_offset) < relative) {
            Ok(entry) => Ok(entry),
            Err(IndexError::Unsound) => Ok(None),
            Err(IndexError::Disk(error)) => Err(error),
        }
    }

    /// The greatest timestamp that the time index tells for offsets below `relative_offset`; the
    /// outer none if the index cannot be trusted.
    pub(crate) fn greatest_below(
        &self,
        relative_offset: i64,
    ) -> Result<Option<TimestampOffset>, DiskError> {
        let below = |entry: &TimeEntry| i64::from(entry.relative_offset) < relative_offset;
        match self.time_index.last_where(below) {
            Ok(Some(entry)) => Ok(Some(TimestampOffset {
                timestamp: Timestamp(entry.timestamp),
                offset: self.base_offset.plus(i64::from(entry.relative_offset)),
            })),
            Ok(None) => {
                let (timestamp, offset) = (Timestamp::NONE, self.base_offset);
                Ok(Some(TimestampOffset { timestamp, offset }))
            }
            Err(IndexError::Unsound) => Ok(None),
            Err(IndexError::Disk(error)) => Err(error),
        }
    }

    /// Puts what a scan found in the place of all index entries from `kept_below` on, in memory:
    /// [`Segment::close_indexes`] writes it.
    pub(crate) fn replace_index_tails(
        &self,
        kept_below: i64,
        tail: IndexTail,
    ) -> Result<(), LogError> {
        self.index_result(self.offset_index.replace_from(kept_below, tail.offsets))?;
        self.index_result(self.time_index.replace_from(kept_below, tail.times))
    }

    fn index_result(&self, result: Result<(), IndexError>) -> Result<(), LogError> {
        result.map_err(|error| match error {
            IndexError::Disk(error) => error.into(),
            IndexError::Unsound => {
                self.damaged(0, self.base_offset, "its indexes changed meanwhile")
            }
        })
    }

    /// Writes blocks of index entries once there is one. The time index first: whatever the
    /// offset index tells on the disk, the time index tells too, if only the process ends.
    pub(crate) fn write_index_blocks(&self) -> Result<(), DiskError> {
        if self.offset_index.has_full_block() || self.time_index.has_full_block() {
            self.time_index.write_pending()?;
            self.offset_index.write_pending()?;
        }
        Ok(())
    }

    /// Extends both index files for what is to come.
    pub(crate) fn preallocate_indexes(&self, index_bytes: u32) -> Result<(), DiskError> {
        self.offset_index.preallocate(index_bytes)?;
        self.time_index.preallocate(index_bytes)
    }

    /// Ends both indexes: the segment takes no more batches.
    pub(crate) fn close_indexes(&self) -> Result<(), LogError> {
        self.append_time_entry();
        self.index_result(self.time_index.trim())?;
        self.index_result(self.offset_index.trim())
    }

    /// Adds the greatest timestamp to the time index, if it has grown since the last entry.
    pub(crate) fn append_time_entry(&self) {
        let Some(greatest) = self.greatest_known() else { return };
        let last = self.time_index.last().ok().flatten();
        if last.map_or(-1, |last| last.timestamp) < greatest.timestamp.0 {
            let relative_offset = (greatest.offset - self.base_offset) as i32;
            self.time_index.append(TimeEntry { timestamp: greatest.timestamp.0, relative_offset });
        }
    }

    /// Makes both indexes anew from the `.log`, for readers to use until the writer stores them.
    pub(crate) fn rebuild_in_memory(&self) -> Result<(), LogError> {
        if self.offset_index.is_rebuilt() {
            return Ok(());
        }
        let tail = self.indexes_of_log()?;
        self.offset_index.answer_from(tail.offsets);
        self.time_index.answer_from(tail.times);
        Ok(())
    }

    /// Makes both indexes anew from the `.log`, in their files too.
    pub(crate) fn rebuild_indexes(&self) -> Result<(), LogError> {
        let tail = self.indexes_of_log()?;
        self.replace_index_tails(0, tail)?;
        self.index_result(self.time_index.trim())?;
        self.index_result(self.offset_index.trim())?;
        Ok(self.sync()?)
    }

    /// Puts indexes that readers found unsound, and made anew, into files, durably. Says whether
    /// there were any.
    pub(crate) fn store_rebuilt(&self) -> Result<bool, DiskError> {
        let is_stored = store(&self.offset_index)?;
        Ok(store(&self.time_index)? || is_stored)
    }

    fn indexes_of_log(&self) -> Result<IndexTail, LogError> {
        let size = self.size()?;
        let file = self.log.file()?;
        let mut builder = IndexBuilder::new(self.base_offset, self.index_interval_bytes);
        let mut scan = HeaderScan::new(&*file, 0, size);
        loop {
            match scan.next_batch() {
                Ok(Some(located)) => builder.add(&located),
                // What cannot be walked is met again by whoever reads there.
                Ok(None) | Err(ScanError::NotABatch { .. }) => return Ok(builder.finish()),
                Err(ScanError::Disk(error)) => return Err(error.into()),
            }
        }
    }

    /// The first offset that the offset index tells to stand at `position` or behind it.
    pub(crate) fn first_indexed_from(&self, position: u64) -> Result<Option<Offset>, DiskError> {
        let before = |entry: &OffsetEntry| i64::from(entry.position) < position as i64;
        match self.offset_index.first_not(before) {
            Ok(entry) => {
                Ok(entry.map(|entry| self.base_offset.plus(i64::from(entry.relative_offset))))
            }
            Err(IndexError::Unsound) => Ok(None),
            Err(IndexError::Disk(error)) => Err(error),
        }
    }

    /// Cuts the files of both indexes to what lies below `end`; `to` has them open for writing.
    /// The offset index first: it never tells what the time index does not.
    pub(crate) fn cut_indexes(&self, end: Offset, to: &Segment) -> Result<(), LogError> {
        let relative = end - self.base_offset;
        let offsets = to.offset_index.slot().file()?;
        let times = to.time_index.slot().file()?;
        match self
            .offset_index
            .cut_file(relative, &*offsets)
            .and_then(|()| self.time_index.cut_file(relative, &*times))
        {
            Ok(()) => Ok(()),
            Err(IndexError::Disk(error)) => Err(error.into()),
            // Empty indexes are made anew by whoever loads the segment.
            Err(IndexError::Unsound) => {
                offsets.set_len(0)?;
                Ok(times.set_len(0)?)
            }
        }
    }
}

fn store<E: IndexEntry>(index: &SparseIndex<E>) -> Result<bool, DiskError> {
    let Some(bytes) = index.bytes_to_store() else { return Ok(false) };
    atomic_file::write(&**index.slot().disk(), &index.slot().path(), &bytes)?;
    index.stored(&bytes);
    Ok(true)
}
