//! One segment: a `.log` with its indexes. Readers share it; only the writer grows the last one.
//!
//! Nothing of a segment is read before it is needed, and what was learnt is kept: a segment that
//! nobody reads is this struct and four names. The lock inside is a leaf, held for memory only.

mod aborted;
mod indexing;
mod search;
mod timestamps;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::{Offset, Timestamp};
use parking_lot::Mutex;

use crate::config::LogConfig;
use crate::disk::{DiskError, File, OpenMode};
use crate::error::LogError;
use crate::file_cache::{FileCache, FileSlot, PartitionDirectory};
use crate::file_names::{FileKind, FileSuffix};
use crate::offset_index::OffsetIndex;
use crate::scan::Located;
use crate::sparse_index::{IndexEnd, SparseIndex};
use crate::time_index::TimeIndex;

pub(crate) use timestamps::TAIL_CHECKED_BYTES;

/// The newest batches whose places are remembered: consumers at the tail and the high watermark
/// right behind it are found without a read.
const RECENT_BATCHES: usize = 32;

/// Where a batch stands: offsets and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPlace {
    /// Its first offset.
    pub base_offset: Offset,
    /// Its last offset.
    pub last_offset: Offset,
    /// Where it begins in the file.
    pub position: u64,
    /// Where it ends.
    pub end: u64,
}

impl From<Located> for BatchPlace {
    fn from(located: Located) -> BatchPlace {
        BatchPlace {
            base_offset: located.header.base_offset(),
            last_offset: located.header.last_offset(),
            position: located.position,
            end: located.end(),
        }
    }
}

/// The greatest timestamp of some batches, and the last offset of the first batch that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    /// Milliseconds since 1970, -1 for none.
    pub timestamp: Timestamp,
    /// The last offset of the batch.
    pub offset: Offset,
}

/// How far a segment reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The bytes of the `.log` that count.
    pub size: u64,
    /// The offset after its last, where known: of the active segment always.
    pub next_offset: Option<Offset>,
}

#[derive(Default)]
struct State {
    size: Option<u64>,
    next_offset: Option<Offset>,
    greatest: Option<TimestampOffset>,
    recent: VecDeque<BatchPlace>,
    has_aborted: bool,
}

/// One segment of a log.
pub struct Segment {
    base_offset: Offset,
    index_interval_bytes: u32,
    log: FileSlot,
    offset_index: OffsetIndex,
    time_index: TimeIndex,
    transaction_index: FileSlot,
    state: Mutex<State>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Segment({})", self.base_offset)
    }
}

/// What every segment of one log shares.
pub(crate) struct SegmentHome<'a> {
    pub(crate) cache: &'a Arc<FileCache>,
    pub(crate) directory: &'a Arc<PartitionDirectory>,
    pub(crate) index_interval_bytes: u32,
}

impl Segment {
    /// A segment whose files exist, to be read; they are looked at when needed.
    pub(crate) fn inactive(home: &SegmentHome<'_>, base_offset: Offset) -> Segment {
        Segment::unread(home, base_offset, OpenMode::Read, IndexEnd::Entry)
    }

    /// A segment whose `.log` exists, to be written; indexes that are missing are made.
    pub(crate) fn writable(home: &SegmentHome<'_>, base_offset: Offset, end: IndexEnd) -> Segment {
        Segment::unread(home, base_offset, OpenMode::Create, end)
    }

    fn unread(
        home: &SegmentHome<'_>,
        base_offset: Offset,
        mode: OpenMode,
        end: IndexEnd,
    ) -> Segment {
        let slot = |kind| FileSlot::new(home.cache, home.directory, base_offset, kind, mode);
        Segment {
            base_offset,
            index_interval_bytes: home.index_interval_bytes,
            log: slot(FileKind::Log),
            offset_index: SparseIndex::unread(slot(FileKind::OffsetIndex), end),
            time_index: SparseIndex::unread(slot(FileKind::TimeIndex), end),
            transaction_index: slot(FileKind::TransactionIndex),
            state: Mutex::default(),
        }
    }

    /// Makes the files of a new, empty segment; whatever stood there under their names is emptied.
    pub(crate) fn create(
        home: &SegmentHome<'_>,
        base_offset: Offset,
        config: &LogConfig,
    ) -> Result<Segment, DiskError> {
        let slot =
            |kind| FileSlot::new(home.cache, home.directory, base_offset, kind, OpenMode::Create);
        let segment = Segment {
            base_offset,
            index_interval_bytes: home.index_interval_bytes,
            log: slot(FileKind::Log),
            offset_index: SparseIndex::empty(slot(FileKind::OffsetIndex)),
            time_index: SparseIndex::empty(slot(FileKind::TimeIndex)),
            transaction_index: slot(FileKind::TransactionIndex),
            state: Mutex::new(State {
                size: Some(0),
                next_offset: Some(base_offset),
                greatest: Some(TimestampOffset { timestamp: Timestamp::NONE, offset: base_offset }),
                ..State::default()
            }),
        };
        for index in [segment.offset_index.slot(), segment.time_index.slot(), &segment.log] {
            index.file()?.set_len(0)?;
        }
        if config.preallocate {
            segment.log.file()?.allocate(u64::from(config.segment_bytes))?;
        }
        segment.preallocate_indexes(config.segment_index_bytes)?;
        Ok(segment)
    }

    /// Makes the files of an empty segment that is to take the place of others: `.cleaned` ones.
    /// What an earlier pass left under their names is emptied, and a transaction index removed.
    pub(crate) fn create_cleaned(
        home: &SegmentHome<'_>,
        base_offset: Offset,
    ) -> Result<Segment, DiskError> {
        let segment = Segment::cleaned(home, base_offset, OpenMode::Create);
        for index in [segment.offset_index.slot(), segment.time_index.slot(), &segment.log] {
            index.file()?.set_len(0)?;
        }
        let disk = home.cache.disk();
        match disk.remove_file(&segment.transaction_index.path()) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(segment),
        }
    }

    /// A `.cleaned` segment that is complete: read from now on, and never made again.
    pub(crate) fn reopen_cleaned(&self, home: &SegmentHome<'_>) -> Segment {
        let segment = Segment::cleaned(home, self.base_offset, OpenMode::Read);
        {
            let (mut state, complete) = (segment.state.lock(), self.state.lock());
            state.size = complete.size;
            state.next_offset = complete.next_offset;
            state.greatest = complete.greatest;
            state.has_aborted = complete.has_aborted;
        }
        segment
    }

    fn cleaned(home: &SegmentHome<'_>, base_offset: Offset, mode: OpenMode) -> Segment {
        let slot = |kind| {
            FileSlot::new(home.cache, home.directory, base_offset, kind, mode)
                .with_suffix(FileSuffix::Cleaned)
        };
        let (offsets, times) = (slot(FileKind::OffsetIndex), slot(FileKind::TimeIndex));
        Segment {
            base_offset,
            index_interval_bytes: home.index_interval_bytes,
            log: slot(FileKind::Log),
            offset_index: SparseIndex::unread(offsets, IndexEnd::Entry),
            time_index: SparseIndex::unread(times, IndexEnd::Entry),
            transaction_index: slot(FileKind::TransactionIndex),
            state: Mutex::default(),
        }
    }

    /// The offset in its name: no batch in it begins below.
    pub fn base_offset(&self) -> Offset {
        self.base_offset
    }

    /// Where its file of `kind` is now.
    pub fn path(&self, kind: FileKind) -> PathBuf {
        self.slot(kind).path()
    }

    fn slot(&self, kind: FileKind) -> &FileSlot {
        match kind {
            FileKind::OffsetIndex => self.offset_index.slot(),
            FileKind::TimeIndex => self.time_index.slot(),
            FileKind::TransactionIndex => &self.transaction_index,
            FileKind::Log | FileKind::ProducerSnapshot => &self.log,
        }
    }

    /// The `.log`, opened if it is not.
    pub fn log_file(&self) -> Result<Arc<dyn File>, DiskError> {
        self.log.file()
    }

    pub(crate) fn offset_index(&self) -> &OffsetIndex {
        &self.offset_index
    }

    pub(crate) fn time_index(&self) -> &TimeIndex {
        &self.time_index
    }

    /// Removes all of its files at once: nobody reads it.
    pub(crate) fn remove_files(&self) -> Result<(), DiskError> {
        // The log last: as long as it is there, the rest belongs to something.
        for kind in FileKind::OF_A_SEGMENT.iter().rev() {
            self.slot(*kind).remove()?;
        }
        Ok(())
    }

    pub(crate) fn rename(&self, suffix: FileSuffix) -> Result<(), DiskError> {
        self.rename_in_order(suffix, FileKind::OF_A_SEGMENT.iter())
    }

    /// As [`Segment::rename`], in the order of `kinds`.
    pub(crate) fn rename_in_order<'a>(
        &self,
        suffix: FileSuffix,
        kinds: impl Iterator<Item = &'a FileKind>,
    ) -> Result<(), DiskError> {
        for kind in kinds {
            self.slot(*kind).rename(suffix)?;
        }
        Ok(())
    }

    /// How far it reaches.
    pub fn extent(&self) -> Result<Extent, DiskError> {
        {
            let state = self.state.lock();
            if let Some(size) = state.size {
                return Ok(Extent { size, next_offset: state.next_offset });
            }
        }
        let length = self.log.file()?.len()?;
        let mut state = self.state.lock();
        let size = *state.size.get_or_insert(length);
        Ok(Extent { size, next_offset: state.next_offset })
    }

    /// Its size in bytes.
    pub fn size(&self) -> Result<u64, DiskError> {
        Ok(self.extent()?.size)
    }

    /// Sets how far it reaches: found by the loader.
    pub(crate) fn set_extent(&self, size: u64, next_offset: Offset, greatest: TimestampOffset) {
        let mut state = self.state.lock();
        state.size = Some(size);
        state.next_offset = Some(next_offset);
        state.greatest = Some(greatest);
        state.recent.clear();
    }

    /// Publishes a batch that the writer has written at the end.
    pub(crate) fn publish(&self, located: &Located) {
        let mut state = self.state.lock();
        state.size = Some(located.end());
        state.next_offset = Some(located.header.next_offset());
        let greatest = TimestampOffset {
            timestamp: located.header.max_timestamp(),
            offset: located.header.last_offset(),
        };
        if state.greatest.is_none_or(|before| before.timestamp < greatest.timestamp) {
            state.greatest = Some(greatest);
        }
        if state.recent.len() == RECENT_BATCHES {
            state.recent.pop_front();
        }
        state.recent.push_back(BatchPlace::from(*located));
    }

    /// The greatest timestamp, as far as known: of the active segment always.
    pub(crate) fn greatest_known(&self) -> Option<TimestampOffset> {
        self.state.lock().greatest
    }

    /// Cuts the `.log` to what is written: it was preallocated, and takes no more batches.
    pub(crate) fn trim_log(&self) -> Result<Arc<dyn File>, DiskError> {
        let (file, size) = (self.log.file()?, self.size()?);
        file.set_len(size)?;
        Ok(file)
    }

    /// Makes all of it durable.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        self.log.file()?.sync()?;
        self.offset_index.slot().file()?.sync()?;
        self.time_index.slot().file()?.sync()
    }

    pub(crate) fn damaged(&self, position: u64, offset: Offset, reason: &str) -> LogError {
        let file = self.log.path();
        LogError::Damaged { file, position, offset, reason: reason.to_owned() }
    }
}
