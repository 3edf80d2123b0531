//! The record that says nothing, appended while nothing else is (`metadata.max.idle.interval.ms`).
//!
//! By it followers, observers and `kafka-metadata-quorum` tell an idle controller from a dead one.
//! It has to be flushed like every other record, for the high watermark to pass it: a lag that
//! stays would look like a follower that hangs. That one page synced per interval is all it costs:
//! nobody waits for it, so nothing is woken when it is committed; what changed is nothing, so the
//! image is published and applied by nobody; and the checkpoint files, which are six syncs more,
//! are left for what has news. Recovery after a crash verifies a minute of these records at most.

use kt_protocol::types::{Millis, Now};

use super::{MetadataLog, Uncommitted};
use crate::effect::Effect;
use crate::machine::Machine;

impl MetadataLog {
    /// Appends the record if nothing was appended for so long, and asks to be called again.
    pub(crate) fn on_idle_due(&self, now: Now, effects: &mut Vec<Effect>) {
        let mut shard = self.shard.lock();
        if shard.has_failed {
            return;
        }
        let Some(deadline) = shard.controller.no_op_deadline(shard.last_append) else { return };
        let mut next = deadline;
        if deadline <= now.monotonic {
            // What is on its way to the disk tells that we live as well as this would.
            if shard.uncommitted.is_empty() {
                let records = shard.controller.no_op().records;
                let Ok(publish) = self.append(&mut shard, now, &records, effects) else { return };
                let end = shard.next_offset;
                shard.uncommitted.push_back(Uncommitted { end, publish, done: None });
            }
            next = shard.controller.no_op_deadline(now.monotonic).unwrap_or(deadline);
        }
        effects.push(Effect::WakeAt(Machine::MetadataLog.id(), next.max(now.monotonic + 1)));
    }
}

/// How long the checkpoint of the metadata log may wait while it has no news
/// (`log.flush.offset.checkpoint.interval.ms`, as Kafka has it).
pub(super) const QUIET_CHECKPOINT_MS: u64 = 60_000;

/// Whether the checkpoint files have to be written for what was flushed.
#[derive(Debug, Default)]
pub(super) struct CheckpointNeed {
    has_news: bool,
    written_at: Option<Millis>,
}

impl CheckpointNeed {
    /// Something was appended that is more than a sign of life.
    pub(super) fn has_news(&mut self) {
        self.has_news = true;
    }

    /// Whether it is time; then it counts as done.
    pub(super) fn take(&mut self, now: Millis) -> bool {
        let is_quiet = |at: Millis| now < at + QUIET_CHECKPOINT_MS;
        if !self.has_news && self.written_at.is_some_and(is_quiet) {
            return false;
        }
        *self = CheckpointNeed { has_news: false, written_at: Some(now) };
        true
    }
}
