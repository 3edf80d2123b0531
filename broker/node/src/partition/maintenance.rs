//! What time asks of a partition: checkpoints, retention, and the log start offset.

use std::sync::atomic::Ordering;

use kt_protocol::ErrorCode;
use kt_protocol::messages::describe_producers_response::ProducerState;
use kt_protocol::types::{LeaderEpoch, Now, Offset, ProducerId, Timestamp};
use kt_storage::cleaner::{Cleaned, CleaningView};
use kt_storage::producer_state::ProducerEntry;
use kt_storage::{Deletion, LogError, Swapped};

use super::{LogState, Moved, Partition, Writer};
use crate::checkpointing::{PartitionCheckpoint, PartitionOffsets};

/// What became of a cleaned segment.
pub(crate) struct Swapping {
    pub(crate) swapped: Swapped,
    /// To be delivered.
    pub(crate) moved: Moved,
}

impl Partition {
    /// Notes that offsets moved since the last checkpoint. False if that was noted before.
    pub(crate) fn note_moved(&self) -> bool {
        !self.has_moved.swap(true, Ordering::AcqRel)
    }

    /// What the checkpoint files say of this partition from now on; none while its log is not open.
    pub(crate) fn take_checkpoint(&self) -> Option<PartitionCheckpoint> {
        // First the mark: what moves after it is looked at again.
        self.has_moved.store(false, Ordering::Release);
        let mut writer = self.writer.lock();
        let LogState::Open(open) = &mut writer.state else { return None };
        // Without one recovery reads more. A disk that fails or is full says so when the checkpoint
        // is written.
        let snapshot = open.log.snapshot_for_checkpoint(open.high_watermark).ok().flatten();
        let offsets = PartitionOffsets::of(&open.log, open.high_watermark);
        Some(PartitionCheckpoint { offsets, snapshot })
    }

    /// Takes old segments out of the log. `wall` is none while the clock is in doubt.
    ///
    /// # Errors
    ///
    /// The log's.
    pub(crate) fn delete_old_segments(
        &self,
        now: Now,
        wall: Option<Timestamp>,
    ) -> Result<(Deletion, Moved), LogError> {
        let mut writer = self.writer.lock();
        let Writer { state: LogState::Open(open), registration } = &mut *writer else {
            return Ok(Default::default());
        };
        let deletion = open.log.delete_old_segments(now, wall, open.high_watermark)?;
        let moved = self.advance(open, registration.replicas.len());
        Ok((deletion, moved))
    }

    /// The log as a pass of the cleaner sees it; none while it is not open.
    ///
    /// # Errors
    ///
    /// The log has failed.
    pub(crate) fn cleaning_view(&self) -> Result<Option<CleaningView>, LogError> {
        match &self.writer.lock().state {
            LogState::Open(open) => open.log.cleaning_view(open.high_watermark).map(Some),
            LogState::Opening | LogState::Offline(_) | LogState::Closed => Ok(None),
        }
    }

    /// Puts a cleaned segment in the place of those that it was made from; refused if the log is not
    /// open any more. Called by the pass's job, which syncs under the writer's lock.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub(crate) fn swap_cleaned(&self, cleaned: &Cleaned) -> Result<Swapping, LogError> {
        let mut writer = self.writer.lock();
        let Writer { state: LogState::Open(open), registration } = &mut *writer else {
            cleaned.discard()?;
            return Ok(Swapping { swapped: Swapped::Refused, moved: Moved::default() });
        };
        let swapped = open.log.swap_cleaned(cleaned)?;
        let moved = self.advance(open, registration.replicas.len());
        Ok(Swapping { swapped, moved })
    }

    /// Whether its log has failed: what it says is not to be gone on with.
    pub(crate) fn has_failed(&self) -> bool {
        match &self.writer.lock().state {
            LogState::Open(open) => open.log.has_failed(),
            LogState::Opening | LogState::Closed => false,
            LogState::Offline(_) => true,
        }
    }

    /// Raises the log start offset (DeleteRecords). Gives where the log starts now.
    ///
    /// # Errors
    ///
    /// [`LogError::OutOfRange`] above the high watermark.
    pub(crate) fn delete_records(&self, before: Offset) -> Result<(Offset, Moved), LogError> {
        let mut writer = self.writer.lock();
        let Writer { state: LogState::Open(open), registration } = &mut *writer else {
            return Ok((Offset(-1), Moved::default()));
        };
        open.log.raise_log_start_offset(before, open.high_watermark)?;
        let moved = self.advance(open, registration.replicas.len());
        Ok((open.log.log_start_offset(), moved))
    }

    /// The epoch of the leader that appended what stands at `offset`; -1 if unknown.
    pub(crate) fn epoch_of(&self, offset: Offset) -> LeaderEpoch {
        match &self.writer.lock().state {
            LogState::Open(open) => {
                let epoch = open.log.leader_epochs().epoch_for_offset(offset);
                epoch.unwrap_or(LeaderEpoch::UNKNOWN)
            }
            LogState::Opening | LogState::Offline(_) | LogState::Closed => LeaderEpoch::UNKNOWN,
        }
    }

    /// The greatest epoch up to `epoch` that we know, and where it ends.
    pub(crate) fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        match &self.writer.lock().state {
            LogState::Open(open) => {
                open.log.end_offset_for(epoch).map(|end| (end.epoch, end.end_offset))
            }
            LogState::Opening | LogState::Offline(_) | LogState::Closed => None,
        }
    }

    /// The bytes of all segments; none while the log is not open.
    pub(crate) fn size(&self) -> Option<u64> {
        match &self.writer.lock().state {
            LogState::Open(open) => open.log.size().ok(),
            LogState::Opening | LogState::Offline(_) | LogState::Closed => None,
        }
    }

    /// Who writes here.
    ///
    /// # Errors
    ///
    /// What to tell who asks while the partition is not served.
    pub(crate) fn producers(&self) -> Result<Vec<ProducerState>, ErrorCode> {
        self.bounds()?;
        let writer = self.writer.lock();
        let LogState::Open(open) = &writer.state else {
            return Err(ErrorCode::NotLeaderOrFollower);
        };
        let state = |(id, it): (ProducerId, &ProducerEntry)| ProducerState {
            producer_id: id.0,
            producer_epoch: i32::from(it.epoch().0),
            last_sequence: it.last_sequence(),
            last_timestamp: it.last_timestamp().0,
            coordinator_epoch: it.coordinator_epoch(),
            current_txn_start_offset: it.transaction_first_offset().map_or(-1, |it| it.0),
        };
        Ok(open.log.producers().iter().map(state).collect())
    }

    /// Forgets producers that have been idle for too long.
    pub(crate) fn expire_producers(&self, wall: Timestamp) {
        if let LogState::Open(open) = &mut self.writer.lock().state {
            open.log.expire_producers(wall);
        }
    }
}
