//! What a partition remembers of one producer.

use kt_protocol::planted;
use kt_protocol::types::{Offset, ProducerEpoch, Timestamp};
use smallvec::SmallVec;

use super::{Marker, ProducerBatch};

/// How many batches of a producer are remembered. Clients have at most as many in flight
/// (`max.in.flight.requests.per.connection` of an idempotent producer).
const BATCHES_KEPT: usize = 5;

/// The sequence that no record has.
const NO_SEQUENCE: i32 = -1;

/// A batch that may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptBatch {
    /// The sequence of its last record.
    pub last_sequence: i32,
    /// Its last offset.
    pub last_offset: Offset,
    /// How much its last offset (and sequence) is above its first.
    pub offset_delta: i32,
    /// The greatest timestamp of its records.
    pub timestamp: Timestamp,
}

impl KeptBatch {
    /// Its first offset.
    pub fn base_offset(&self) -> Offset {
        self.last_offset.plus(-i64::from(self.offset_delta))
    }

    /// The sequence of its first record.
    pub fn base_sequence(&self) -> i32 {
        let base = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        // Below 0 the count has wrapped within the batch.
        (base & i64::from(i32::MAX)) as i32
    }
}

/// What a partition remembers of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    epoch: ProducerEpoch,
    coordinator_epoch: i32,
    /// Oldest first.
    batches: SmallVec<[KeptBatch; BATCHES_KEPT]>,
    last_timestamp: Timestamp,
    written_at: Timestamp,
    transaction_first_offset: Option<Offset>,
}

impl Default for ProducerEntry {
    fn default() -> ProducerEntry {
        ProducerEntry {
            epoch: ProducerEpoch(-1),
            coordinator_epoch: -1,
            batches: SmallVec::new(),
            last_timestamp: Timestamp::NONE,
            written_at: Timestamp::NONE,
            transaction_first_offset: None,
        }
    }
}

impl ProducerEntry {
    /// The newest epoch it has written with.
    pub fn epoch(&self) -> ProducerEpoch {
        self.epoch
    }

    /// The epoch of the coordinator that wrote its last marker, -1 if there was none.
    pub fn coordinator_epoch(&self) -> i32 {
        self.coordinator_epoch
    }

    /// Its newest batch of its epoch.
    pub fn last_batch(&self) -> Option<&KeptBatch> {
        self.batches.last()
    }

    /// Its newest remembered batch that ends below `offset`.
    pub(crate) fn last_batch_below(&self, offset: Offset) -> Option<&KeptBatch> {
        self.batches.iter().rev().find(|batch| batch.last_offset < offset)
    }

    /// The sequence of its last record, -1 if it has written none with its epoch.
    pub fn last_sequence(&self) -> i32 {
        self.last_batch().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    /// The timestamp of its last batch or marker, as in the records.
    pub fn last_timestamp(&self) -> Timestamp {
        self.last_timestamp
    }

    /// The first offset of its open transaction.
    pub fn transaction_first_offset(&self) -> Option<Offset> {
        self.transaction_first_offset
    }

    /// When it last wrote, by this broker's clock.
    pub(super) fn written_at(&self) -> Timestamp {
        self.written_at
    }

    /// The batch that is the same as `batch`.
    pub(super) fn find(&self, batch: &ProducerBatch) -> Option<&KeptBatch> {
        if batch.producer_epoch != self.epoch {
            return None;
        }
        self.batches.iter().find(|kept| {
            kept.last_sequence == batch.last_sequence && kept.base_sequence() == batch.base_sequence
        })
    }

    /// What the next batch with `epoch`, which is not below ours, has to begin with.
    pub(super) fn next_sequence(&self, epoch: ProducerEpoch) -> i32 {
        match self.last_sequence() {
            last if epoch == self.epoch && last < i32::MAX => last + 1,
            _ => 0,
        }
    }

    pub(super) fn add(&mut self, batch: &ProducerBatch, written_at: Timestamp) {
        self.take_epoch(batch.producer_epoch);
        let kept = if planted!("one batch remembered") { 1 } else { BATCHES_KEPT };
        if self.batches.len() == kept {
            self.batches.remove(0);
        }
        self.batches.push(KeptBatch {
            last_sequence: batch.last_sequence,
            last_offset: batch.last_offset,
            offset_delta: (batch.last_offset - batch.base_offset) as i32,
            timestamp: batch.max_timestamp,
        });
        self.last_timestamp = batch.max_timestamp;
        self.written_at = written_at;
    }

    pub(super) fn begin_transaction(&mut self, first_offset: Offset) {
        self.transaction_first_offset = Some(first_offset);
    }

    /// Gives the first offset of the transaction that was open.
    pub(super) fn end_transaction(
        &mut self,
        marker: &Marker,
        written_at: Timestamp,
    ) -> Option<Offset> {
        self.take_epoch(marker.producer_epoch);
        self.coordinator_epoch = marker.coordinator_epoch;
        self.last_timestamp = marker.timestamp;
        self.written_at = written_at;
        self.transaction_first_offset.take()
    }

    /// Sequences begin anew with each epoch.
    fn take_epoch(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
}

/// The parts of an entry that a snapshot keeps.
pub(super) struct EntryParts {
    pub(super) epoch: ProducerEpoch,
    pub(super) coordinator_epoch: i32,
    pub(super) last_batch: Option<KeptBatch>,
    pub(super) last_timestamp: Timestamp,
    pub(super) transaction_first_offset: Option<Offset>,
}

impl EntryParts {
    pub(super) fn into_entry(self, written_at: Timestamp) -> ProducerEntry {
        ProducerEntry {
            epoch: self.epoch,
            coordinator_epoch: self.coordinator_epoch,
            batches: self.last_batch.into_iter().collect(),
            last_timestamp: self.last_timestamp,
            written_at,
            transaction_first_offset: self.transaction_first_offset,
        }
    }
}
