//! One segment: a `.log` with its indexes. Readers share it; only the writer grows the last one.
//!
//! Nothing of a segment is read before it is needed, and what was learnt is kept: a segment that
//! nobody reads is this struct and four names. The lock inside is a leaf, held for memory only.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::{Offset, Timestamp};
use parking_lot::Mutex;

use crate::disk::{DiskError, File, OpenMode};
use crate::error::LogError;
use crate::file_cache::{FileCache, FileSlot, PartitionDirectory};
use crate::file_names::{FileKind, FileSuffix};
use crate::index_builder::{IndexBuilder, IndexTail};
use crate::offset_index::{OffsetEntry, OffsetIndex};
use crate::scan::{HeaderScan, Located, ScanError};
use crate::sparse_index::{IndexError, SparseIndex};
use crate::time_index::{TimeEntry, TimeIndex};
use crate::transaction_index::{self, AbortedTransaction, TransactionIndexError};

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
        Segment::unread(home, base_offset, OpenMode::Read)
    }

    /// A segment whose `.log` exists, to be written; indexes that are missing are made.
    pub(crate) fn writable(home: &SegmentHome<'_>, base_offset: Offset) -> Segment {
        Segment::unread(home, base_offset, OpenMode::Create)
    }

    fn unread(home: &SegmentHome<'_>, base_offset: Offset, mode: OpenMode) -> Segment {
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
                ..State::default()
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

    /// Removes all of its files at once: nobody reads it.
    pub(crate) fn remove_files(&self) -> Result<(), DiskError> {
        // The log last: as long as it is there, the rest belongs to something.
        for kind in FileKind::OF_A_SEGMENT.iter().rev() {
            self.slot(*kind).remove()?;
        }
        Ok(())
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

    /// The greatest record timestamp; without any, when the file was last changed, where the disk
    /// tells it.
    ///
    /// # Errors
    /// The disk's, or what makes a `.log` unreadable.
    pub fn newest_timestamp(&self) -> Result<Option<Timestamp>, LogError> {
        let greatest = self.greatest()?;
        if Timestamp(0) <= greatest.timestamp {
            return Ok(Some(greatest.timestamp));
        }
        Ok(self.log.file()?.modified())
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

    /// What the last entry of the time index tells, if the batch that it names agrees.
    fn greatest_by_index(&self) -> Result<Option<TimestampOffset>, LogError> {
        let Some(greatest) = self.greatest_below(i64::MAX)? else { return Ok(None) };
        if greatest.timestamp == Timestamp::NONE {
            return Ok((self.size()? == 0).then_some(greatest));
        }
        let batch = self.locate_header(greatest.offset)?;
        let agrees = |batch: &Located| batch.header.max_timestamp == greatest.timestamp;
        Ok(batch.filter(agrees).map(|_| greatest))
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

    /// Notes that there is a transaction index.
    pub(crate) fn note_aborted(&self) {
        self.state.lock().has_aborted = true;
    }

    /// Whether there is a transaction index.
    pub(crate) fn has_aborted(&self) -> bool {
        self.state.lock().has_aborted
    }

    /// Forgets the aborted transactions whose marker is at `end` or above, durably.
    pub(crate) fn cut_transaction_index(&self, end: Offset) -> Result<(), LogError> {
        let path = self.transaction_index.path();
        let file = self.transaction_index.disk().open(&path, OpenMode::Write)?;
        match transaction_index::truncate(&*file, end) {
            Ok(()) => Ok(file.sync()?),
            Err(error) => Err(self.damaged_transactions(error)),
        }
    }

    fn damaged_transactions(&self, error: TransactionIndexError) -> LogError {
        let (entry, reason) = match error {
            TransactionIndexError::Disk(error) => return error.into(),
            TransactionIndexError::Unsound { entry, reason } => (entry, reason.to_owned()),
        };
        LogError::Damaged {
            file: self.transaction_index.path(),
            position: entry * transaction_index::ENTRY_BYTES,
            offset: self.base_offset,
            reason,
        }
    }

    /// The transaction index, which is made by the first aborted transaction.
    pub(crate) fn transaction_file(&self) -> Result<Arc<dyn File>, DiskError> {
        self.transaction_index.file()
    }

    /// Lets go of the transaction index: another file takes its name.
    pub(crate) fn forget_transaction_file(&self) {
        self.transaction_index.forget();
        self.state.lock().has_aborted = false;
    }

    /// Collects the aborted transactions that a reader of `from..upper_bound` must skip. True if
    /// all are found.
    pub(crate) fn collect_aborted(
        &self,
        from: Offset,
        upper_bound: Offset,
        aborted: &mut Vec<AbortedTransaction>,
    ) -> Result<bool, LogError> {
        if !self.has_aborted() {
            return Ok(false);
        }
        let file = self.transaction_file()?;
        transaction_index::collect(&*file, from, upper_bound, aborted)
            .map_err(|error| self.damaged_transactions(error))
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
