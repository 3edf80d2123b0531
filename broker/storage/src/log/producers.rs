//! The state of producers, kept with the log: at the append, the roll, truncation and opening.
//!
//! It is a function of the log (T-03): made of the newest snapshot that can be believed and of the
//! batches behind it. The transaction indexes of segments that recovery read are made with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::records::BatchView;
use kt_protocol::records::control::{EndTxnMarker, TxnOutcome};
use kt_protocol::types::{Now, Offset, Timestamp};

use crate::atomic_file;
use crate::disk::File;
use crate::error::LogError;
use crate::file_names::FileKind;
use crate::producer_state::{
    self, CompletedTransaction, Ending, Marker, ProducerBatch, ProducerStates,
};
use crate::scan::{HeaderScan, Located, ScanError};
use crate::segment::Segment;
use crate::transaction_index::{self, AbortedTransaction, TransactionIndexError};
use kt_protocol::records::BatchHeader;

use super::{Log, RecoveryReport};

/// A control batch holds one small record. What claims to be one and is larger is none.
const CONTROL_BATCH_BYTES_MAX: u64 = 64 << 10;

/// What is to be made anew while producers are replayed.
pub(super) struct Replay {
    /// Snapshots above are not believed: the log may have been another when they were written.
    pub(super) snapshots_up_to: Offset,
    /// The first segment whose transaction index and snapshot are made anew.
    pub(super) rebuild_from: Option<Offset>,
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
        self.last_snapshot = offset;
        Ok(file)
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
        let disk = Arc::clone(self.cache.disk());
        let directory = self.directory.path();
        let end = self.log_end_offset;
        self.remove_snapshots(|offset| end < offset)?;
        let first = self.segments.first().map_or(end, |first| first.base_offset());
        let rebuild_from = replay.rebuild_from.unwrap_or(end);
        let newest = replay.snapshots_up_to.min(rebuild_from).min(end);
        let mut discarded = Vec::new();
        let snapshot = producer_state::load_newest_snapshot(
            &*disk,
            &directory,
            first..=newest,
            &mut discarded,
        )?;
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
        self.last_snapshot = from;
        let aborted = self.replay(now, from, rebuild_from)?;
        if replay.rebuild_from.is_some() {
            self.store_aborted(rebuild_from, &aborted, report)?;
        }
        Ok(())
    }

    /// Replays all batches from `from` on. Gives the aborted transactions by segment, from
    /// `rebuild_from` on, and writes a snapshot at the beginning of each segment there.
    fn replay(
        &mut self,
        now: Now,
        from: Offset,
        rebuild_from: Offset,
    ) -> Result<BTreeMap<Offset, Vec<AbortedTransaction>>, LogError> {
        let mut aborted: BTreeMap<Offset, Vec<AbortedTransaction>> = BTreeMap::new();
        let segments = Arc::clone(&self.segments);
        let above = segments.partition_point(|segment| segment.base_offset() <= from);
        for segment in segments.iter().skip(above.saturating_sub(1)) {
            let base = segment.base_offset();
            if rebuild_from <= base && from < base {
                self.write_snapshot(base)?.sync()?;
            }
            let mut found = Vec::new();
            self.replay_segment(now, segment, from, &mut found)?;
            if rebuild_from <= base && !found.is_empty() {
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
        aborted: &mut Vec<AbortedTransaction>,
    ) -> Result<(), LogError> {
        let Some(first) = segment.locate(from)? else { return Ok(()) };
        let (file, size) = (segment.log_file()?, segment.size()?);
        let mut scan = HeaderScan::new(&*file, first.position, size);
        loop {
            let located = match scan.next_batch() {
                Ok(Some(located)) => located,
                Ok(None) => return Ok(()),
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

    /// Puts new transaction indexes in the place of those from `rebuild_from` on, durably.
    fn store_aborted(
        &self,
        rebuild_from: Offset,
        aborted: &BTreeMap<Offset, Vec<AbortedTransaction>>,
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let disk = self.cache.disk();
        let is_rebuilt = |segment: &&Arc<Segment>| rebuild_from <= segment.base_offset();
        for segment in self.segments.iter().filter(is_rebuilt) {
            let path = segment.path(FileKind::TransactionIndex);
            let found = aborted.get(&segment.base_offset());
            let bytes: Vec<u8> = found.into_iter().flatten().flat_map(|one| one.encode()).collect();
            if bytes.is_empty() && !segment.has_aborted() {
                continue;
            }
            if !bytes.is_empty() && atomic_file::read(&**disk, &path)?.is_some_and(|it| it == bytes)
            {
                segment.transaction_file()?.sync()?;
                segment.note_aborted();
                continue;
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
        }
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
