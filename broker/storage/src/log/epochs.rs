//! The leader epochs of the log, and how they get to their file without a flush of their own.
//!
//! A change is staged in a file beside with one flush, renamed before the next, and durable with
//! that one's sync of the directory. Until then the recovery point that is checkpointed stays at
//! the first epoch that is not in the file: recovery finds it again in the batches.

use std::path::Path;
use std::sync::Arc;

use kt_protocol::types::{LeaderEpoch, Offset};

use crate::disk::{Disk, DiskError, File};
use crate::error::LogError;
use crate::leader_epochs::{EpochEnd, LeaderEpochFileCache, PendingEpochs};
use kt_protocol::records::BatchHeader;

use super::Log;

/// How far a change of the epochs has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is on its way.
    #[default]
    Idle,
    /// Written beside, in a flush that is under way.
    Staged(PendingEpochs),
    /// Written beside and synced.
    Synced(PendingEpochs),
    /// Renamed, and the directory's sync is under way.
    Renamed(PendingEpochs),
}

/// The leader epochs, and what of them is on its way to the file.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    cache: LeaderEpochFileCache,
    stage: Stage,
    unwritten_from: Option<Offset>,
}

impl Epochs {
    /// What was loaded. What the batches added to it is not in the file yet.
    pub(super) fn new(cache: LeaderEpochFileCache) -> Epochs {
        let first = cache.entries().first().map(|entry| entry.start_offset);
        let unwritten_from = first.filter(|_| cache.is_dirty());
        Epochs { cache, stage: Stage::Idle, unwritten_from }
    }

    pub(super) fn cache(&self) -> &LeaderEpochFileCache {
        &self.cache
    }

    /// Notes the epochs of appended batches.
    pub(super) fn appended(&mut self, headers: &[BatchHeader]) {
        for header in headers {
            let latest = self.cache.latest().map_or(LeaderEpoch::UNKNOWN, |latest| latest.epoch);
            if latest < header.partition_leader_epoch() {
                self.assign(header.partition_leader_epoch(), header.base_offset());
            }
        }
    }

    pub(super) fn assign(&mut self, epoch: LeaderEpoch, start: Offset) {
        if self.cache.assign(epoch, start) {
            let from = self.unwritten_from.unwrap_or(start);
            self.unwritten_from = Some(from.min(start));
        }
    }

    pub(super) fn truncate_from_start(&mut self, start: Offset) {
        self.cache.truncate_from_start(start);
    }

    pub(super) fn truncate_from_end(&mut self, end: Offset) {
        self.cache.truncate_from_end(end);
        self.unwritten_from = self.unwritten_from.map(|from| from.min(end));
    }

    pub(super) fn unwritten_from(&self) -> Option<Offset> {
        self.unwritten_from
    }

    /// True if the next flush has something to do for the file.
    pub(super) fn needs_flush(&self) -> bool {
        match self.stage {
            Stage::Idle => self.cache.is_dirty(),
            Stage::Staged(_) | Stage::Renamed(_) => false,
            Stage::Synced(_) => true,
        }
    }

    /// Takes the next step, in front of a flush: a file that the flush must sync, or a name.
    pub(super) fn before_flush(
        &mut self,
        disk: &dyn Disk,
        directory: &Path,
    ) -> Result<(Option<Arc<dyn File>>, bool), DiskError> {
        match std::mem::take(&mut self.stage) {
            Stage::Idle => {
                let Some(pending) = self.cache.pending() else { return Ok((None, false)) };
                let file = pending.stage(disk, directory)?;
                self.stage = Stage::Staged(pending);
                Ok((Some(file), false))
            }
            Stage::Synced(pending) => {
                pending.put_in_place(disk, directory)?;
                self.stage = Stage::Renamed(pending);
                Ok((None, true))
            }
            under_way => {
                self.stage = under_way;
                Ok((None, false))
            }
        }
    }

    /// The flush that followed [`Epochs::before_flush`] succeeded.
    pub(super) fn after_flush(&mut self) {
        self.stage = match std::mem::take(&mut self.stage) {
            Stage::Staged(pending) => Stage::Synced(pending),
            Stage::Renamed(pending) => {
                self.cache.written(&pending);
                if !self.cache.is_dirty() {
                    self.unwritten_from = None;
                }
                Stage::Idle
            }
            before => before,
        };
    }

    /// Writes the file durably, if it is due: in a job.
    pub(super) fn write(&mut self, disk: &dyn Disk, directory: &Path) -> Result<(), DiskError> {
        self.cache.write(disk, directory)?;
        self.stage = Stage::Idle;
        self.unwritten_from = None;
        Ok(())
    }
}

impl Log {
    /// Notes that this replica leads in `epoch`: its records begin at the log end.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn begin_epoch(&mut self, epoch: LeaderEpoch) -> Result<(), LogError> {
        self.check_usable()?;
        if self.epochs.cache.latest().is_none_or(|latest| latest.epoch < epoch) {
            self.epochs.assign(epoch, self.log_end_offset);
        }
        Ok(())
    }

    /// The leader epochs that the log knows.
    pub fn leader_epochs(&self) -> &LeaderEpochFileCache {
        self.epochs.cache()
    }

    /// Where the records of `asked` end: the answer to OffsetForLeaderEpoch. None if this replica
    /// cannot say.
    pub fn end_offset_for(&self, asked: LeaderEpoch) -> Option<EpochEnd> {
        self.epochs.cache.end_offset_for(asked, self.log_end_offset)
    }
}
