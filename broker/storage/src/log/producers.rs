//! The state of producers, kept with the log: at the append, the roll, truncation and opening.
//!
//! It is a function of the log (T-03): made of the newest snapshot that can be believed and of the
//! batches behind it. The transaction indexes of segments that recovery read are made with it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use kt_protocol::planted;
use kt_protocol::records::BatchView;
use kt_protocol::records::control::{EndTxnMarker, TxnOutcome};
use kt_protocol::types::{Now, Offset, Timestamp};

use crate::atomic_file;
use crate::disk::{DiskError, File, OpenMode};
use crate::error::LogError;
use crate::file_names::FileKind;
use crate::producer_state::{
    self, CompletedTransaction, Ending, Marker, ProducerBatch, ProducerStates,
};
use crate::scan::{HeaderScan, Located, ScanError};
use crate::segment::Segment;
use crate::transaction_index::{self, AbortedTransaction, TransactionIndexError};
use kt_protocol::records::BatchHeader;

use super::checkpoint::Snapshots;
use super::{Log, RecoveryReport};

/// A control batch holds one small record. What claims to be one and is larger is none.
const CONTROL_BATCH_BYTES_MAX: u64 = 64 << 10;

/// How producers are replayed.
pub(super) struct Replay {
    /// Snapshots above are not believed.
    pub(super) snapshots_up_to: Offset,
    /// The transaction indexes are made anew from the snapshot on, and so are snapshots.
    pub(super) rebuilds: bool,
}

impl Log {
    /// What is known of the producers: whether a batch may be appended is asked of it.
    pub fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// The first offset that a reader of committed records may not see yet; none if that is
    /// bounded by the high watermark alone.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        self.producers.first_unstable_offset()
    }

    /// Notes that the high watermark has moved: transactions that ended below it are stable.
    pub fn on_high_watermark(&mut self, high_watermark: Offset) {
        self.producers.on_high_watermark(high_watermark);
    }

    /// Forgets producers that have been idle for `producer.id.expiration.ms`. Says how many.
    pub fn expire_producers(&mut self, wall: Timestamp) -> usize {
        self.producers.expire(wall)
    }

    /// Notes the producers of batches that were just written.
    pub(super) fn note_producers(
        &mut self,
        now: Now,
        batches: &[u8],
        headers: &[BatchHeader],
    ) -> Result<(), LogError> {
        let mut rest = batches;
        for header in headers {
            let (bytes, behind) = rest.split_at(header.size() as u64 as usize);
            rest = behind;
            if !header.has_producer_id() {
                continue;
            }
            if let Some(batch) = ProducerBatch::of(header) {
                self.producers.append(&batch, now.wall);
            } else if let Some(marker) = marker_of(header, bytes) {
                let completed = self.producers.append_marker(&marker, now.wall);
                self.note_aborted(completed)?;
            }
        }
        Ok(())
    }

    /// An aborted transaction goes to the index of the segment that holds its marker. The batches
    /// are in the log already: without the entry a reader would take them for committed.
    fn note_aborted(&mut self, completed: Option<CompletedTransaction>) -> Result<(), LogError> {
        let Some(aborted) = completed.and_then(|completed| completed.aborted()) else {
            return Ok(());
        };
        let active = Arc::clone(self.active_segment());
        let result = active.transaction_file().and_then(|file| {
            transaction_index::append(&*file, &aborted)?;
            Ok(file)
        });
        match result {
            Ok(file) => {
                if !active.has_aborted() {
                    active.note_aborted();
                    self.dirty.names();
                }
                self.dirty.file(&file);
                Ok(())
            }
            Err(error) => {
                self.has_failed = true;
                Err(error.into())
            }
        }
    }

    /// Writes the snapshot of the producers as of the log end, at `offset`.
    pub(super) fn write_snapshot(&mut self, offset: Offset) -> Result<Arc<dyn File>, LogError> {
        let entries = self.producers.to_snapshot();
        let disk = self.cache.disk();
        let file =
            producer_state::write_snapshot(&**disk, &self.directory.path(), offset, &entries)?;
        self.dirty.file(&file);
        self.dirty.names();
        self.snapshots.written(offset);
        Ok(file)
    }

    /// Makes the snapshot at `offset` durable, if there is one.
    pub(super) fn sync_snapshot(&self, offset: Offset) -> Result<(), DiskError> {
        let path = producer_state::snapshot_path(&self.directory.path(), offset);
        match self.cache.disk().open(&path, OpenMode::Read) {
            Ok(file) => file.sync(),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Forgets the snapshots that `is_stale` says.
    pub(super) fn remove_snapshots(
        &self,
        is_stale: impl Fn(Offset) -> bool,
    ) -> Result<(), LogError> {
        let disk = self.cache.disk();
        producer_state::remove_snapshots(&**disk, &self.directory.path(), is_stale)?;
        Ok(())
    }

    /// Makes the producers' state anew from the newest snapshot that can be believed, and the
    /// batches behind it.
    pub(super) fn load_producers(
        &mut self,
        now: Now,
        replay: &Replay,
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let end = self.log_end_offset;
        let first = self.segments.first().map_or(end, |first| first.base_offset());
        // What lay below the first segment was flushed and seen by all before it was deleted.
        let newest = replay.snapshots_up_to.max(first).min(end);
        let is_stale = |offset| newest < offset && (replay.rebuilds || end < offset);
        self.remove_snapshots(|offset| is_stale(offset) && !planted!("snapshot not truncated"))?;
        let mut from = self.load_snapshot(now, first..=newest, report)?;
        if let Some(base) = self.doubtful_transaction_index(from)?.filter(|_| replay.rebuilds) {
            from = self.load_snapshot(now, first..=base.max(first), report)?;
        }
        self.snapshots = Snapshots::new(from);
        if replay.rebuilds {
            // It may be in the page cache only, and what lies below it is not replayed again.
            self.sync_snapshot(from)?;
        }
        self.note_stray_snapshots()?;
        let aborted = self.replay(now, from, replay.rebuilds)?;
        if replay.rebuilds {
            self.store_aborted(from, &aborted, report)?;
        }
        Ok(())
    }

    /// Begins with the state of the newest snapshot for an offset in `offsets`, or with none at their
    /// beginning. Says where the replay is to begin.
    fn load_snapshot(
        &mut self,
        now: Now,
        offsets: RangeInclusive<Offset>,
        report: &mut RecoveryReport,
    ) -> Result<Offset, LogError> {
        let (disk, directory) = (self.cache.disk(), self.directory.path());
        let first = *offsets.start();
        let mut discarded = Vec::new();
        let snapshot =
            producer_state::load_newest_snapshot(&**disk, &directory, offsets, &mut discarded)?;
        report.rebuilt.extend(discarded.iter().map(|corrupt| corrupt.to_string()));
        let expiration_ms = self.config.producer_id_expiration_ms;
        let (from, states) = match snapshot {
            Some(snapshot) => {
                let entries = &snapshot.entries;
                (snapshot.offset, ProducerStates::from_snapshot(entries, expiration_ms, now.wall))
            }
            None => (first, ProducerStates::new(expiration_ms)),
        };
        self.producers = states;
        Ok(from)
    }

    /// The base of the segment that holds `from`, if the last entry of its transaction index that
    /// is to be kept names no marker: of one that was not flushed, a power cut may have left a part.
    fn doubtful_transaction_index(&self, from: Offset) -> Result<Option<Offset>, LogError> {
        let above = self.segments.partition_point(|segment| segment.base_offset() <= from);
        let Some(segment) = above.checked_sub(1).and_then(|at| self.segments.get(at)) else {
            return Ok(None);
        };
        let Some(last) = kept_entries(segment, from)?.pop() else { return Ok(None) };
        let batch = segment.locate_header(last.last_offset)?;
        let is_marker = batch.is_some_and(|Located { header, .. }| {
            header.is_control()
                && header.base_offset() == last.last_offset
                && header.producer_id() == last.producer_id
        });
        Ok((!is_marker).then_some(segment.base_offset()))
    }

    /// Replays all batches from `from` on. Gives the aborted transactions by segment, and writes a
    /// snapshot at the beginning of each segment if that is wanted.
    fn replay(
        &mut self,
        now: Now,
        from: Offset,
        writes_snapshots: bool,
    ) -> Result<BTreeMap<Offset, Vec<AbortedTransaction>>, LogError> {
        let mut aborted: BTreeMap<Offset, Vec<AbortedTransaction>> = BTreeMap::new();
        let segments = Arc::clone(&self.segments);
        let above = segments.partition_point(|segment| segment.base_offset() <= from);
        for segment in segments.iter().skip(above.saturating_sub(1)) {
            let base = segment.base_offset();
            if writes_snapshots && from < base {
                self.write_snapshot(base)?.sync()?;
            }
            let found = self.replay_segment(now, segment, from)?;
            if !found.is_empty() {
                aborted.insert(base, found);
            }
        }
        Ok(aborted)
    }

    fn replay_segment(
        &mut self,
        now: Now,
        segment: &Segment,
        from: Offset,
    ) -> Result<Vec<AbortedTransaction>, LogError> {
        let mut aborted = Vec::new();
        let Some(first) = segment.locate(from)? else { return Ok(aborted) };
        let (file, size) = (segment.log_file()?, segment.size()?);
        self.snapshots.appended(size.saturating_sub(first.position));
        let mut scan = HeaderScan::new(&*file, first.position, size);
        loop {
            let located = match scan.next_batch() {
                Ok(Some(located)) => located,
                Ok(None) => return Ok(aborted),
                Err(ScanError::Disk(error)) => return Err(error.into()),
                Err(ScanError::NotABatch { position, reason }) => {
                    return Err(segment.damaged(position, from, &reason.to_string()));
                }
            };
            if !located.header.has_producer_id() {
                continue;
            }
            if let Some(batch) = ProducerBatch::of(&located.header) {
                self.producers.replay(&batch, now.wall);
                continue;
            }
            let bytes = control_batch(segment, &*file, &located)?;
            if let Some(marker) = marker_of(&located.header, &bytes) {
                let completed = self.producers.replay_marker(&marker, now.wall);
                aborted.extend(completed.and_then(|completed| completed.aborted()));
            }
        }
    }

    /// Puts what was found from `from` on in the place of what the transaction indexes say of it,
    /// durably. Entries below stay: they were flushed, and can be read.
    fn store_aborted(
        &self,
        from: Offset,
        aborted: &BTreeMap<Offset, Vec<AbortedTransaction>>,
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let above = self.segments.partition_point(|segment| segment.base_offset() <= from);
        for segment in self.segments.iter().skip(above.saturating_sub(1)) {
            let found = aborted.get(&segment.base_offset()).map_or(&[][..], Vec::as_slice);
            self.store_aborted_of(segment, from, found, report)?;
        }
        Ok(())
    }

    fn store_aborted_of(
        &self,
        segment: &Segment,
        from: Offset,
        found: &[AbortedTransaction],
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        if found.is_empty() && !segment.has_aborted() {
            return Ok(());
        }
        let disk = self.cache.disk();
        let path = segment.path(FileKind::TransactionIndex);
        let before = atomic_file::read(&**disk, &path)?;
        let kept = kept_entries(segment, from)?;
        let entries = kept.iter().chain(found);
        let bytes: Vec<u8> = entries.flat_map(AbortedTransaction::encode).collect();
        if !bytes.is_empty() && before.is_some_and(|before| before == bytes) {
            segment.transaction_file()?.sync()?;
            segment.note_aborted();
            return Ok(());
        }
        segment.forget_transaction_file();
        match bytes.is_empty() {
            true => disk.remove_file(&path)?,
            false => {
                atomic_file::write(&**disk, &path, &bytes)?;
                segment.note_aborted();
            }
        }
        report.rebuilt.push(path.display().to_string());
        Ok(())
    }

    /// The first segment whose transaction index cannot be read, or does not belong to it.
    pub(super) fn first_unsound_transaction_index(&self) -> Result<Option<Offset>, LogError> {
        for (at, segment) in self.segments.iter().enumerate() {
            if !segment.has_aborted() {
                continue;
            }
            let base = segment.base_offset();
            let next = self.segments.get(at + 1).map(|next| next.base_offset());
            let end = next.unwrap_or(self.log_end_offset);
            match transaction_index::check(&*segment.transaction_file()?, base, end) {
                Ok(()) => {}
                Err(TransactionIndexError::Unsound { .. }) => return Ok(Some(base)),
                Err(TransactionIndexError::Disk(error)) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

/// The entries of a segment's transaction index that a replay from `from` on does not make anew.
fn kept_entries(segment: &Segment, from: Offset) -> Result<Vec<AbortedTransaction>, LogError> {
    if !segment.has_aborted() || from <= segment.base_offset() {
        return Ok(Vec::new());
    }
    transaction_index::entries_below(&*segment.transaction_file()?, from)
        .map_err(|error| segment.damaged_transactions(error))
}

fn control_batch(
    segment: &Segment,
    file: &dyn File,
    located: &Located,
) -> Result<Vec<u8>, LogError> {
    if CONTROL_BATCH_BYTES_MAX < located.header.size() as u64 {
        let reason = format!("a control batch of {} bytes", located.header.size() as u64);
        return Err(segment.damaged(located.position, located.header.base_offset(), &reason));
    }
    let mut bytes = vec![0; located.header.size() as u64 as usize];
    let read = file.read_at(located.position, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The marker in a control batch; none if it ends no transaction.
fn marker_of(header: &BatchHeader, bytes: &[u8]) -> Option<Marker> {
    let batch = BatchView::first_of(bytes).ok()?;
    let record = batch.records_in_place().ok()?.next()?.ok()?;
    let EndTxnMarker { outcome, coordinator_epoch } =
        EndTxnMarker::from_record(&record).ok().flatten()?;
    let ending = match outcome {
        TxnOutcome::Abort => Ending::Abort,
        TxnOutcome::Commit => Ending::Commit,
    };
    Some(Marker {
        producer_id: header.producer_id(),
        producer_epoch: header.producer_epoch(),
        coordinator_epoch,
        ending,
        offset: header.base_offset(),
        timestamp: header.max_timestamp(),
    })
}
