//! What a partition remembers of its idempotent and transactional producers.
//!
//! For each producer id: its epoch, its newest five batches (so that one sent again is answered and
//! not appended), and the first offset of its open transaction. All of it follows from the log: it
//! is made anew from the newest `.snapshot` and the batches behind that. Kafka's
//! `ProducerStateManager`, `ProducerAppendInfo` and `ProducerStateEntry` (KIP-98, KIP-360, KIP-890).
//!
//! A produce request goes `check` - write to the log - `append`; a marker `check_marker` - write -
//! `append_marker`. Recovery and followers only `replay` what is in the log.

mod entry;
mod error;
mod snapshot;
mod snapshot_files;

use std::collections::BTreeMap;

use kt_protocol::planted;
use kt_protocol::types::{Offset, ProducerEpoch, ProducerId, Timestamp};

use crate::transaction_index::AbortedTransaction;
use kt_protocol::records::BatchHeader;

pub use entry::{KeptBatch, ProducerEntry};
pub use error::ProducerError;
pub use snapshot::{SnapshotEntry, SnapshotError, decode_snapshot, encode_snapshot};
pub use snapshot_files::{
    LoadedSnapshot, SnapshotReadError, list_snapshots, load_newest_snapshot, read_snapshot,
    remove_snapshot, remove_snapshots, snapshot_path, write_snapshot,
};

/// More producers than any partition has at work. Without a bound, a client that takes a new
/// producer id for each batch would fill the memory for `producer.id.expiration.ms`.
const PRODUCERS_MAX: usize = 1 << 16;

/// How long after a start every producer is remembered, whatever the timestamps of its records say:
/// they are the clients', and may be years old. Longer than clients retry (`delivery.timeout.ms`).
const GRACE_AFTER_START_MS: i64 = 3_600_000;

/// A data batch of a producer, as it stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerBatch {
    /// Whose it is.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence of its first record.
    pub base_sequence: i32,
    /// The sequence of its last record: after 2^31 - 1 comes 0.
    pub last_sequence: i32,
    /// Its first offset. Means nothing before it is appended.
    pub base_offset: Offset,
    /// Its last offset. Means nothing before it is appended.
    pub last_offset: Offset,
    /// The greatest timestamp of its records.
    pub max_timestamp: Timestamp,
    /// Whether it belongs to a transaction.
    pub is_transactional: bool,
}

impl ProducerBatch {
    /// The batch with this head; none if it has no producer id, or is a control batch.
    pub fn of(header: &BatchHeader) -> Option<ProducerBatch> {
        (header.has_producer_id() && !header.is_control()).then(|| ProducerBatch {
            producer_id: header.producer_id(),
            producer_epoch: header.producer_epoch(),
            base_sequence: header.base_sequence(),
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset(),
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp(),
            is_transactional: header.is_transactional(),
        })
    }
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is the next one.
    Append,
    /// It is in the log already: answer with what it was given.
    Duplicate(KeptBatch),
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its records are taken back.
    Abort,
    /// Its records count.
    Commit,
}

/// The marker that ends a transaction, as it stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Whose transaction.
    pub producer_id: ProducerId,
    /// The producer's epoch; of a transaction of version 2 the next one.
    pub producer_epoch: ProducerEpoch,
    /// How often the coordinator's partition has changed its leader.
    pub coordinator_epoch: i32,
    /// How it ends.
    pub ending: Ending,
    /// The marker's offset. Means nothing before it is appended.
    pub offset: Offset,
    /// The marker's timestamp.
    pub timestamp: Timestamp,
}

/// How the coordinator speaks (`transaction.version`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerVersion {
    /// Versions 0 and 1: the marker has the epoch of the data.
    DataEpoch,
    /// Version 2 (KIP-890): each transaction has an epoch of its own, and its marker the next.
    BumpedEpoch,
}

/// What to do with a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerAdmission {
    /// It is to be appended.
    Append,
    /// The transaction has ended with this epoch already: report success (KIP-1228).
    AlreadyEnded,
}

/// A transaction that has ended, and that had records in this partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTransaction {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// Its marker.
    pub last_offset: Offset,
    /// The last stable offset from now on, once the high watermark has passed.
    pub last_stable_offset: Offset,
    /// How it ended.
    pub ending: Ending,
}

impl CompletedTransaction {
    /// What belongs into the transaction index; none for a commit.
    pub fn aborted(&self) -> Option<AbortedTransaction> {
        (self.ending == Ending::Abort).then_some(AbortedTransaction {
            producer_id: self.producer_id,
            first_offset: self.first_offset,
            last_offset: self.last_offset,
            last_stable_offset: self.last_stable_offset,
        })
    }
}

/// The producers of one partition.
#[derive(Clone, Debug)]
pub struct ProducerStates {
    producers: BTreeMap<ProducerId, ProducerEntry>,
    /// Open transactions by first offset.
    ongoing: BTreeMap<Offset, ProducerId>,
    /// Transactions that have ended, by first offset, with the offset of the marker that the high
    /// watermark has not passed.
    unreplicated: BTreeMap<Offset, Offset>,
    expiration_ms: i64,
}

impl ProducerStates {
    /// Knows no producer. Those to come are forgotten `expiration_ms` (`producer.id.expiration.ms`)
    /// after they last wrote.
    pub fn new(expiration_ms: u64) -> ProducerStates {
        ProducerStates {
            producers: BTreeMap::new(),
            ongoing: BTreeMap::new(),
            unreplicated: BTreeMap::new(),
            expiration_ms: i64::try_from(expiration_ms).unwrap_or(i64::MAX),
        }
    }

    /// Knows the producers of a snapshot.
    pub fn from_snapshot(
        entries: &[SnapshotEntry],
        expiration_ms: u64,
        now: Timestamp,
    ) -> ProducerStates {
        let mut states = ProducerStates::new(expiration_ms);
        for entry in entries {
            let producer = entry.to_producer(states.written_at(entry.timestamp, now));
            states.producers.insert(entry.producer_id, producer);
        }
        let open = states.producers.iter();
        let open = open.filter_map(|(id, entry)| Some((entry.transaction_first_offset()?, *id)));
        if planted!("open transactions forgotten") {
            return states;
        }
        states.ongoing = open.collect();
        states
    }

    /// What a snapshot taken now holds, by producer id.
    pub fn to_snapshot(&self) -> Vec<SnapshotEntry> {
        self.producers.iter().map(|(id, entry)| SnapshotEntry::of(*id, entry)).collect()
    }

    /// Says whether a client's batch may be appended.
    ///
    /// An unknown producer may begin with any sequence: what is known of it may have been deleted
    /// with its records (KIP-360).
    ///
    /// # Errors
    /// [`ProducerError`]: the producer is fenced, or batches are missing in between.
    pub fn check(&self, batch: &ProducerBatch) -> Result<Admission, ProducerError> {
        let Some(entry) = self.producers.get(&batch.producer_id) else {
            return Ok(Admission::Append);
        };
        let current = entry.epoch();
        if batch.producer_epoch < current {
            return Err(ProducerError::fenced(batch.producer_id, batch.producer_epoch, current));
        }
        if let Some(kept) = entry.find(batch) {
            return Ok(Admission::Duplicate(*kept));
        }
        let expected = entry.next_sequence(batch.producer_epoch);
        if batch.base_sequence != expected {
            return Err(ProducerError::OutOfOrderSequence {
                producer_id: batch.producer_id,
                epoch: batch.producer_epoch,
                expected,
                given: batch.base_sequence,
            });
        }
        match entry.transaction_first_offset() {
            Some(first_offset) if !batch.is_transactional => {
                let producer_id = batch.producer_id;
                Err(ProducerError::OutsideTransaction { producer_id, first_offset })
            }
            _ => Ok(Admission::Append),
        }
    }

    /// Notes a batch that was just appended.
    pub fn append(&mut self, batch: &ProducerBatch, now: Timestamp) {
        self.note_batch(batch, now);
    }

    /// Notes a batch that was found in the log.
    pub fn replay(&mut self, batch: &ProducerBatch, now: Timestamp) {
        self.note_batch(batch, self.written_at(batch.max_timestamp, now));
    }

    fn note_batch(&mut self, batch: &ProducerBatch, written_at: Timestamp) {
        self.make_room_for(batch.producer_id);
        let entry = self.producers.entry(batch.producer_id).or_default();
        entry.add(batch, written_at);
        if batch.is_transactional && entry.transaction_first_offset().is_none() {
            entry.begin_transaction(batch.base_offset);
            self.ongoing.insert(batch.base_offset, batch.producer_id);
        }
    }

    /// Says whether a coordinator's marker may be appended.
    ///
    /// # Errors
    /// [`ProducerError`]: the producer or the coordinator is fenced.
    pub fn check_marker(
        &self,
        marker: &Marker,
        version: MarkerVersion,
    ) -> Result<MarkerAdmission, ProducerError> {
        let Some(entry) = self.producers.get(&marker.producer_id) else {
            return Ok(MarkerAdmission::Append);
        };
        let (given, current) = (marker.producer_epoch, entry.epoch());
        let is_open = entry.transaction_first_offset().is_some();
        let is_fenced = match version {
            MarkerVersion::DataEpoch => given < current,
            MarkerVersion::BumpedEpoch if given == current && !is_open => {
                return Ok(MarkerAdmission::AlreadyEnded);
            }
            MarkerVersion::BumpedEpoch => given <= current,
        };
        if is_fenced {
            return Err(ProducerError::fenced(marker.producer_id, given, current));
        }
        if marker.coordinator_epoch < entry.coordinator_epoch() {
            return Err(ProducerError::CoordinatorFenced {
                producer_id: marker.producer_id,
                given: marker.coordinator_epoch,
                current: entry.coordinator_epoch(),
            });
        }
        Ok(MarkerAdmission::Append)
    }

    /// Notes a marker that was just appended. Gives the transaction it ended, if that had records
    /// here: an abort belongs into the transaction index.
    pub fn append_marker(
        &mut self,
        marker: &Marker,
        now: Timestamp,
    ) -> Option<CompletedTransaction> {
        self.note_marker(marker, now)
    }

    /// As [`ProducerStates::append_marker`], of a marker that was found in the log.
    pub fn replay_marker(
        &mut self,
        marker: &Marker,
        now: Timestamp,
    ) -> Option<CompletedTransaction> {
        self.note_marker(marker, self.written_at(marker.timestamp, now))
    }

    fn note_marker(
        &mut self,
        marker: &Marker,
        written_at: Timestamp,
    ) -> Option<CompletedTransaction> {
        self.make_room_for(marker.producer_id);
        let entry = self.producers.entry(marker.producer_id).or_default();
        let first_offset = entry.end_transaction(marker, written_at)?;
        self.ongoing.remove(&first_offset);
        self.unreplicated.insert(first_offset, marker.offset);
        let next_ongoing = self.ongoing.keys().next().copied();
        Some(CompletedTransaction {
            producer_id: marker.producer_id,
            first_offset,
            last_offset: marker.offset,
            last_stable_offset: next_ongoing.unwrap_or(marker.offset.plus(1)),
            ending: marker.ending,
        })
    }

    /// The first offset that a reader of committed records may not see yet, because its transaction
    /// is open, or the marker that ended it is not below the high watermark. None if there is none.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        let ongoing = self.ongoing.keys().next();
        let unreplicated = self.unreplicated.keys().next();
        ongoing.into_iter().chain(unreplicated).min().copied()
    }

    /// Notes that the high watermark (or the log start, where that is above it) has moved.
    pub fn on_high_watermark(&mut self, high_watermark: Offset) {
        self.unreplicated.retain(|_, marker_offset| high_watermark <= *marker_offset);
    }

    /// Forgets producers that have not written for too long, unless a transaction of theirs is
    /// open. Says how many.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        let before = self.producers.len();
        let expiration_ms = self.expiration_ms;
        self.producers.retain(|_, entry| {
            entry.transaction_first_offset().is_some()
                || now.0.saturating_sub(entry.written_at().0) < expiration_ms
        });
        before - self.producers.len()
    }

    /// Changes `producer.id.expiration.ms`.
    pub fn set_expiration_ms(&mut self, expiration_ms: u64) {
        self.expiration_ms = i64::try_from(expiration_ms).unwrap_or(i64::MAX);
    }

    /// What is known of a producer.
    pub fn get(&self, producer_id: ProducerId) -> Option<&ProducerEntry> {
        self.producers.get(&producer_id)
    }

    /// True if the producer has a transaction open with this epoch: its next batch needs no
    /// verification (KIP-890).
    pub fn has_ongoing_transaction(&self, producer_id: ProducerId, epoch: ProducerEpoch) -> bool {
        self.get(producer_id)
            .is_some_and(|it| it.epoch() == epoch && it.transaction_first_offset().is_some())
    }

    /// All producers, by id.
    pub fn iter(&self) -> impl Iterator<Item = (ProducerId, &ProducerEntry)> {
        self.producers.iter().map(|(id, entry)| (*id, entry))
    }

    /// How many producers are known.
    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// True if no producer is known.
    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    /// When a producer counts as having written what was found in the log: at the records'
    /// timestamp, but not so long ago that it would be forgotten before its client could retry.
    fn written_at(&self, timestamp: Timestamp, now: Timestamp) -> Timestamp {
        let grace = GRACE_AFTER_START_MS.min(self.expiration_ms);
        let earliest = now.0.saturating_sub(self.expiration_ms).saturating_add(grace);
        Timestamp(timestamp.0.min(now.0).max(earliest))
    }

    /// Forgets the producers that wrote least recently, an eighth of all, if one more would be too
    /// many. To those it is as if they had expired.
    fn make_room_for(&mut self, producer_id: ProducerId) {
        if self.producers.len() < PRODUCERS_MAX || self.producers.contains_key(&producer_id) {
            return;
        }
        let idle = self.producers.iter().filter(|it| it.1.transaction_first_offset().is_none());
        let mut oldest: Vec<_> = idle.map(|(id, entry)| (entry.written_at(), *id)).collect();
        let count = (PRODUCERS_MAX / 8).min(oldest.len());
        if 0 < count {
            oldest.select_nth_unstable(count - 1);
        }
        for (_, id) in oldest.into_iter().take(count) {
            self.producers.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests;
