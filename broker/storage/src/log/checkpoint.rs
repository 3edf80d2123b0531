//! What is checkpointed of a log, so that recovery reads no more than what was not flushed: the
//! recovery point, and now and then the producers' state.
//!
//! ```text
//!         snapshot        recovery point          log end
//! ──────────┼─────────────────┼──────────────────────┼
//!           │ heads, replayed │ verified and replayed│
//! ```
//!
//! State is only known of the log end, which is not durable yet. So it is kept in memory until the
//! log is flushed and acknowledged up to there, and written with a later checkpoint. Kafka takes
//! snapshots at the roll and the close only; it believes the newest, and removes others that are at
//! no segment's base (`ProducerStateManager.removeStraySnapshots`).
//!
//! Apache Kafka 4.3.1 was started over such directories of a killed node, with the strays above the
//! last base and below it, both with our recovery point and as after its own clean stop: unclean, it
//! drops every snapshot above the segment that it recovers and replays that segment from its base;
//! clean, it takes the newest, stray or not. Each record was there once, each producer's state was
//! the same, and what was appended next was accepted.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use kt_protocol::types::Offset;

use crate::disk::{Disk, DiskError, File};
use crate::producer_state::{self, SnapshotEntry};

use super::Log;

/// After how many bytes of batches a snapshot is due: what recovery may read too much.
const SNAPSHOT_INTERVAL_BYTES: u64 = 1 << 20;
/// How many snapshots are kept that are at no segment's base: one may be torn.
const STRAYS_KEPT: usize = 2;

/// The state of producers at some offset, waiting for the log to be durable up to there.
#[derive(Debug)]
struct Captured {
    offset: Offset,
    entries: Vec<SnapshotEntry>,
}

/// Which snapshots there are.
#[derive(Debug)]
pub(super) struct Snapshots {
    newest: Offset,
    /// Those at no segment's base, oldest first.
    strays: VecDeque<Offset>,
    captured: Option<Captured>,
    /// Bytes of batches behind the newest or the captured one.
    bytes_behind: u64,
}

impl Snapshots {
    /// The newest one, if any, is at `newest`: state is known without one where the log starts.
    pub(super) fn new(newest: Offset) -> Snapshots {
        Snapshots { newest, strays: VecDeque::new(), captured: None, bytes_behind: 0 }
    }

    /// What the newest snapshot stands for.
    pub(super) fn newest(&self) -> Offset {
        self.newest
    }

    pub(super) fn appended(&mut self, bytes: u64) {
        self.bytes_behind += bytes;
    }

    /// A snapshot of the log end was written, at the base of a segment or at the close.
    pub(super) fn written(&mut self, offset: Offset) {
        self.newest = offset;
        self.strays.retain(|stray| *stray != offset);
        self.captured = None;
        self.bytes_behind = 0;
    }
}

/// Files that are written and want a sync, in a job and before the checkpoint is written. Without
/// it the next recovery may read more, but nothing is lost.
pub struct UnsyncedSnapshot {
    files: Vec<Arc<dyn File>>,
    directory: PathBuf,
}

impl UnsyncedSnapshot {
    /// Makes them durable.
    ///
    /// # Errors
    /// The disk's. A directory that was renamed or removed meanwhile is no error.
    pub fn sync(&self, disk: &dyn Disk) -> Result<(), DiskError> {
        self.files.iter().try_for_each(|file| file.sync())?;
        match disk.sync_directory(&self.directory) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

impl Log {
    /// What to write to `recovery-point-offset-checkpoint`: recovery reads from there on. Below
    /// the flushed end while a leader epoch that began there is not in its file yet, as recovery
    /// learns it from the batches, and while a truncation below it is being prepared.
    pub fn recovery_point_to_checkpoint(&self) -> Offset {
        let bounds = [self.epochs.unwritten_from(), self.truncating_to];
        bounds.into_iter().flatten().fold(self.recovery_point, Offset::min)
    }

    /// Writes a snapshot of the producers if one is due, for whoever checkpoints the recovery
    /// point: to be called before each checkpoint, and what it gives to be synced before the
    /// checkpoint is written. Nothing is flushed here.
    ///
    /// `high_watermark` bounds it: of batches below nobody waits for an answer, so that a producer
    /// that repeats some finds all five of them in what is replayed.
    ///
    /// # Errors
    /// The disk's. The log is as it was, and may go on without a snapshot.
    pub fn snapshot_for_checkpoint(
        &mut self,
        high_watermark: Offset,
    ) -> Result<Option<UnsyncedSnapshot>, DiskError> {
        if self.has_failed {
            return Ok(None);
        }
        let settled = self.recovery_point_to_checkpoint().min(high_watermark);
        let ripe = self.snapshots.captured.take_if(|captured| captured.offset <= settled);
        if self.snapshots.captured.is_none()
            && SNAPSHOT_INTERVAL_BYTES <= self.snapshots.bytes_behind
        {
            let (offset, entries) = (self.log_end_offset, self.producers.to_snapshot());
            self.snapshots.captured = Some(Captured { offset, entries });
            self.snapshots.bytes_behind = 0;
        }
        let Some(ripe) = ripe else { return Ok(None) };
        self.write_stray_snapshot(&ripe).map(Some)
    }

    fn write_stray_snapshot(&mut self, ripe: &Captured) -> Result<UnsyncedSnapshot, DiskError> {
        let disk = Arc::clone(self.cache.disk());
        let directory = self.directory.path();
        let file = producer_state::write_snapshot(&*disk, &directory, ripe.offset, &ripe.entries)?;
        self.snapshots.newest = ripe.offset;
        self.snapshots.strays.push_back(ripe.offset);
        while STRAYS_KEPT < self.snapshots.strays.len() {
            let Some(oldest) = self.snapshots.strays.pop_front() else { break };
            producer_state::remove_snapshot(&*disk, &directory, oldest)?;
        }
        // The indexes with it, the time index first: the last entry tells where to begin.
        let active = self.active_segment();
        active.time_index().write_pending()?;
        active.offset_index().write_pending()?;
        let (times, offsets) =
            (active.time_index().slot().file()?, active.offset_index().slot().file()?);
        Ok(UnsyncedSnapshot { files: vec![times, offsets, file], directory })
    }

    /// Learns which snapshots are at no segment's base, and removes those that are too many.
    pub(super) fn note_stray_snapshots(&mut self) -> Result<(), DiskError> {
        let disk = Arc::clone(self.cache.disk());
        let directory = self.directory.path();
        let mut strays: VecDeque<Offset> =
            producer_state::list_snapshots(&*disk, &directory)?.into();
        let is_base = |offset: Offset| {
            self.segments.binary_search_by_key(&offset, |segment| segment.base_offset()).is_ok()
        };
        strays.retain(|offset| !is_base(*offset));
        while STRAYS_KEPT < strays.len() {
            let Some(oldest) = strays.pop_front() else { break };
            producer_state::remove_snapshot(&*disk, &directory, oldest)?;
        }
        self.snapshots.strays = strays;
        Ok(())
    }
}
