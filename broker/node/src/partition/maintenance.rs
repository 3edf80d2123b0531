//! What time asks of a partition: checkpoints, retention, and the log start offset.

use std::sync::atomic::Ordering;

use kt_protocol::types::{Now, Timestamp};
use kt_storage::{Deletion, LogError};

use super::{LogState, Moved, Partition, Writer};
use crate::checkpointing::PartitionOffsets;

impl Partition {
    /// Notes that offsets moved since the last checkpoint. False if that was noted before.
    pub(crate) fn note_moved(&self) -> bool {
        !self.has_moved.swap(true, Ordering::AcqRel)
    }

    /// What the checkpoint files say of this partition from now on; none while its log is not open.
    pub(crate) fn take_checkpoint(&self) -> Option<PartitionOffsets> {
        // First the mark: what moves after it is looked at again.
        self.has_moved.store(false, Ordering::Release);
        let writer = self.writer.lock();
        let LogState::Open(open) = &writer.state else { return None };
        Some(PartitionOffsets::of(&open.log, open.high_watermark))
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
}
