//! One segment: a `.log` with its indexes. Readers share it; only the writer grows the last one.
//!
//! Nothing of a segment is read before it is needed, and what was learnt is kept: a segment that
//! nobody reads is this struct and four names. The lock inside is a leaf, held for memory only.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::{Offset, Timestamp};
use parking_lot::Mutex;

use crate::batch_header::BatchHeader;
use crate::disk::{DiskError, File, OpenMode};
use crate::error::LogError;
use crate::file_cache::{FileCache, FileSlot, PartitionDirectory};
use crate::file_names::{FileKind, FileSuffix};
use crate::offset_index::{OffsetEntry, OffsetIndex};
use crate::scan::{HeaderScan, Located, ScanError};
use crate::sparse_index::{IndexError, SparseIndex};
use crate::time_index::{TimeEntry, TimeIndex};

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
            base_offset: located.header.base_offset,
            last_offset: located.header.last_offset,
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
    /// A segment whose files exist; they are looked at when needed.
    pub(crate) fn existing(home: &SegmentHome<'_>, base_offset: Offset, mode: OpenMode) -> Segment {
        let slot = |kind| FileSlot::new(home.cache, home.directory, base_offset, kind, mode);
        Segment {
            base_offset,
            index_interval_bytes: home.index_interval_bytes,
            log: slot(FileKind::Log),
            offset_index: SparseIndex::unread(slot(FileKind::OffsetIndex)),
            time_index: SparseIndex::unread(slot(FileKind::TimeIndex)),
            transaction_index: slot(FileKind::TransactionIndex),
            state: Mutex::default(),
        }
    }

    /// Makes the files of a new, empty segment; whatever stood there under their names is emptied.
    pub(crate) fn create(
        home: &SegmentHome<'_>,
        base_offset: Offset,
        index_bytes: u32,
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
                recent: VecDeque::new(),
            }),
        };
        for index in [segment.offset_index.slot(), segment.time_index.slot(), &segment.log] {
            index.file()?.set_len(0)?;
        }
        segment.offset_index.preallocate(index_bytes)?;
        segment.time_index.preallocate(index_bytes)?;
        Ok(segment)
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

    pub(crate) fn rename(&self, suffix: FileSuffix) -> Result<(), DiskError> {
        for kind in FileKind::OF_A_SEGMENT {
            self.slot(kind).rename(suffix)?;
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
            timestamp: located.header.max_timestamp,
            offset: located.header.last_offset,
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

    /// Ends both indexes: the segment takes no more batches.
    pub(crate) fn close_indexes(&self) -> Result<(), LogError> {
        self.append_time_entry();
        for result in [self.offset_index.trim(), self.time_index.trim()] {
            match result {
                Ok(()) => {}
                Err(IndexError::Disk(error)) => return Err(error.into()),
                Err(IndexError::Unsound) => return Err(self.damaged(0, self.base_offset, "index")),
            }
        }
        Ok(())
    }

    /// The first batch whose last offset is `offset` or above; none if all lie below.
    pub fn locate(&self, offset: Offset) -> Result<Option<BatchPlace>, LogError> {
        {
            let state = self.state.lock();
            if state.recent.front().is_some_and(|first| first.base_offset <= offset) {
                let at = state.recent.partition_point(|place| place.last_offset < offset);
                return Ok(state.recent.get(at).copied());
            }
            if state.next_offset.is_some_and(|next| next <= offset) {
                return Ok(None);
            }
        }
        Ok(self.locate_header(offset)?.map(BatchPlace::from))
    }

    /// As [`Segment::locate`], with the batch's head, which is read from the file.
    pub(crate) fn locate_header(&self, offset: Offset) -> Result<Option<Located>, LogError> {
        let relative = offset - self.base_offset;
        let entry =
            self.offset_index.last_where(|entry| i64::from(entry.relative_offset) <= relative);
        match entry {
            Ok(Some(entry)) => match self.locate_from(offset, entry) {
                Err(IndexError::Unsound) => {}
                Err(IndexError::Disk(error)) => return Err(error.into()),
                Ok(found) => return Ok(found),
            },
            Ok(None) => return self.locate_from_start(offset),
            Err(IndexError::Unsound) => {}
            Err(IndexError::Disk(error)) => return Err(error.into()),
        }
        self.rebuild_in_memory()?;
        let rebuilt = self.offset_index.rebuilt().unwrap_or_default();
        let count = rebuilt.partition_point(|entry| i64::from(entry.relative_offset) <= relative);
        match count.checked_sub(1).and_then(|at| rebuilt.get(at)) {
            None => self.locate_from_start(offset),
            Some(entry) => self.locate_from(offset, *entry).map_err(|error| match error {
                IndexError::Disk(error) => error.into(),
                IndexError::Unsound => self.damaged(entry.position as u64, offset, "no batch"),
            }),
        }
    }

    /// Walks from an index entry, which is believed only if the batch there fits it.
    fn locate_from(
        &self,
        offset: Offset,
        entry: OffsetEntry,
    ) -> Result<Option<Located>, IndexError> {
        let size = self.size()?;
        let position = u64::try_from(entry.position).map_err(|_| IndexError::Unsound)?;
        let file = self.log.file()?;
        let mut scan = HeaderScan::new(&*file, position, size);
        let promised = self.base_offset.plus(i64::from(entry.relative_offset));
        let mut previous = self.base_offset.plus(-1);
        let mut is_first = true;
        while let Some(located) = scan.next_batch().map_err(|error| match error {
            ScanError::Disk(error) => IndexError::Disk(error),
            ScanError::NotABatch { .. } => IndexError::Unsound,
        })? {
            let header = located.header;
            if header.base_offset <= previous || (is_first && promised < header.last_offset) {
                return Err(IndexError::Unsound);
            }
            if offset <= header.last_offset {
                return Ok(Some(located));
            }
            previous = header.last_offset;
            is_first = false;
        }
        if is_first { Err(IndexError::Unsound) } else { Ok(None) }
    }

    fn locate_from_start(&self, offset: Offset) -> Result<Option<Located>, LogError> {
        let size = self.size()?;
        let file = self.log.file()?;
        let mut scan = HeaderScan::new(&*file, 0, size);
        let mut next = self.base_offset;
        loop {
            let located = match scan.next_batch() {
                Ok(Some(located)) => located,
                Ok(None) => return Ok(None),
                Err(ScanError::Disk(error)) => return Err(error.into()),
                Err(ScanError::NotABatch { position, reason }) => {
                    return Err(self.damaged(position, next, &reason.to_string()));
                }
            };
            if located.header.base_offset < next {
                return Err(self.damaged(located.position, next, "its offset goes back"));
            }
            if offset <= located.header.last_offset {
                return Ok(Some(located));
            }
            next = located.header.next_offset();
        }
    }

    /// Makes both indexes anew from the `.log`, for readers to use until the writer stores them.
    fn rebuild_in_memory(&self) -> Result<(), LogError> {
        if self.offset_index.is_unsound() {
            return Ok(());
        }
        let size = self.size()?;
        let file = self.log.file()?;
        let mut builder = IndexBuilder::new(self.base_offset, self.index_interval_bytes);
        let mut scan = HeaderScan::new(&*file, 0, size);
        loop {
            match scan.next_batch() {
                Ok(Some(located)) => builder.add(&located),
                Ok(None) => break,
                Err(ScanError::Disk(error)) => return Err(error.into()),
                // What cannot be walked is met again by whoever reads there.
                Err(ScanError::NotABatch { .. }) => break,
            }
        }
        let (offsets, times, _) = builder.finish();
        self.offset_index.answer_from(offsets);
        self.time_index.answer_from(times);
        Ok(())
    }

    pub(crate) fn damaged(&self, position: u64, offset: Offset, reason: &str) -> LogError {
        let file = self.log.path();
        LogError::Damaged { file, position, offset, reason: reason.to_owned() }
    }
}

/// Makes the index entries of batches as they come: at the append, and when rebuilding.
pub(crate) struct IndexBuilder {
    base_offset: Offset,
    interval: u64,
    bytes_since_entry: u64,
    greatest: TimestampOffset,
    offsets: Vec<OffsetEntry>,
    times: Vec<TimeEntry>,
}

impl IndexBuilder {
    pub(crate) fn new(base_offset: Offset, interval: u32) -> IndexBuilder {
        IndexBuilder {
            base_offset,
            interval: u64::from(interval),
            bytes_since_entry: 0,
            greatest: TimestampOffset { timestamp: Timestamp::NONE, offset: base_offset },
            offsets: Vec::new(),
            times: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, located: &Located) {
        let BatchHeader { last_offset, max_timestamp, .. } = located.header;
        if self.greatest.timestamp < max_timestamp {
            self.greatest = TimestampOffset { timestamp: max_timestamp, offset: last_offset };
        }
        if self.interval < self.bytes_since_entry {
            let relative_offset = (last_offset - self.base_offset) as i32;
            self.offsets.push(OffsetEntry { relative_offset, position: located.position as i32 });
            self.add_time();
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += located.header.size;
    }

    fn add_time(&mut self) {
        let last = self.times.last().map_or(-1, |last| last.timestamp);
        if last < self.greatest.timestamp.0 {
            self.times.push(self.greatest_entry());
        }
    }

    fn greatest_entry(&self) -> TimeEntry {
        let relative_offset = (self.greatest.offset - self.base_offset) as i32;
        TimeEntry { timestamp: self.greatest.timestamp.0, relative_offset }
    }

    /// The entries of a closed segment, and the greatest timestamp in it.
    pub(crate) fn finish(mut self) -> (Vec<OffsetEntry>, Vec<TimeEntry>, TimestampOffset) {
        self.add_time();
        (self.offsets, self.times, self.greatest)
    }
}
