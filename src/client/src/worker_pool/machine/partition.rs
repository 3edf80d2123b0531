//! One assigned partition of a worker pool: what it has in the queue and how far it is finished.

use kt_protocol::types::{Offset, TopicPartition};

use super::super::effect::{AssignmentId, Commit};
use super::super::progress::Progress;

/// Records and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Amount {
    /// The amount with one record more.
    pub(super) fn with(self, bytes: usize) -> Amount {
        Amount { records: self.records + 1, bytes: self.bytes + bytes }
    }

    pub(super) fn add(&mut self, bytes: usize) {
        *self = self.with(bytes);
    }

    pub(super) fn subtract(&mut self, bytes: usize) {
        self.records -= 1;
        self.bytes -= bytes;
    }

    pub(super) fn half(self) -> Amount {
        Amount { records: self.records / 2, bytes: self.bytes / 2 }
    }

    /// True if `amount` is more in any respect.
    pub(super) fn is_passed_by(self, amount: Amount) -> bool {
        self.records < amount.records || self.bytes < amount.bytes
    }

    /// True if there is no room for anything beside `amount`.
    pub(super) fn is_reached_by(self, amount: Amount) -> bool {
        self.records <= amount.records || self.bytes <= amount.bytes
    }
}

/// A partition whose records are processed.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) partition: TopicPartition,
    pub(super) progress: Progress,
    pub(super) queued: Amount,
    pub(super) running: usize,
    /// The last record that a try was started of, by offset.
    pub(super) started_to: Option<Offset>,
    pub(super) committed: Offset,
    /// The first record that there was no room for: nothing behind it may be taken before it.
    pub(super) refused: Option<Offset>,
}

impl Assigned {
    pub(super) fn new(partition: TopicPartition, position: Offset) -> Assigned {
        Assigned {
            partition,
            progress: Progress::new(position),
            queued: Amount::default(),
            running: 0,
            started_to: None,
            committed: position,
            refused: None,
        }
    }

    pub(super) fn started(&mut self, offset: Offset) {
        self.running += 1;
        self.started_to = self.started_to.max(Some(offset));
    }

    pub(super) fn commit(&self, id: AssignmentId) -> Option<Commit> {
        let (offset, leader_epoch) = self.progress.finished();
        let partition = self.partition.clone();
        (self.committed < offset).then_some(Commit {
            partition,
            assignment: id,
            offset,
            leader_epoch,
        })
    }
}
