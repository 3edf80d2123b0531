//! What stays of a batch. Kafka's `Cleaner.cleanInto` and `MemoryRecords.filterTo`.
//!
//! A batch of which all stays is copied as it is. Any other is built again around the records that
//! stay: with its base offset, last offset, sequences, epoch and codec. One that keeps what is known
//! of a producer, or is the last of the round, stays even without records.

use bytes::Bytes;
use kt_protocol::planted;
use kt_protocol::records::{
    AnyBatch, BatchBuilder, BatchHeader, BatchView, Budget, RecordView, RecordsError, TimestampType,
};
use kt_protocol::types::{Offset, Timestamp};

use super::batch_reader::SourceBatch;
use super::legacy;
use super::offset_map::OffsetMap;
use super::records::{BatchFault, each_record};
use super::transactions::{CleanedTransactions, Use};
use super::view::{CleaningView, LastBatch};

/// What stays of a batch.
pub(crate) enum Kept {
    /// All of it, as it stands.
    Whole,
    /// This, in its place.
    Instead(Bytes),
    Nothing,
}

/// What a batch was and became, in records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) read: u64,
    pub(crate) kept: u64,
    pub(crate) without_key: u64,
    tombstones: u64,
}

/// What decides over records, the same for a whole pass.
pub(crate) struct Rules<'a> {
    pub(crate) view: &'a CleaningView,
    pub(crate) map: &'a OffsetMap,
    /// The last offset up to which the map knows all keys.
    pub(crate) mapped_up_to: Offset,
    /// The offset at which the round ends.
    pub(crate) round_end: Offset,
    pub(crate) now: Timestamp,
    pub(crate) budget_bytes: u64,
}

/// Whether tombstones of magic 0 and 1 stay, which have no horizon: for a whole segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegacyTombstones {
    Stay,
    Go,
}

/// What is decided over one batch before its records.
struct Verdict {
    /// No record stays.
    drops_records: bool,
    /// It stays even without records.
    stays_empty: bool,
    /// It is a marker that is only waiting for its horizon.
    is_spent_marker: bool,
}

impl Rules<'_> {
    /// What stays of a batch that the walk has come to.
    pub(crate) fn filter(
        &self,
        source: &SourceBatch<'_>,
        transactions: &mut CleanedTransactions,
        tombstones: LegacyTombstones,
    ) -> Result<(Kept, Counts), BatchFault> {
        match &source.batch {
            AnyBatch::Batch(batch) => self.filter_batch(batch, transactions),
            AnyBatch::Legacy(message) => {
                let ends_round = source.header.next_offset() == self.round_end;
                let mut budget = Budget::new(self.budget_bytes);
                let body = message.decompress(&mut budget)?;
                let mut counts = Counts::default();
                let is_kept = |record: &RecordView<'_>| self.keeps_legacy(record, tombstones);
                let kept = legacy::filter(message, &body, ends_round, is_kept, &mut counts)?;
                Ok((kept, counts))
            }
        }
    }

    fn filter_batch(
        &self,
        batch: &BatchView<'_>,
        transactions: &mut CleanedTransactions,
    ) -> Result<(Kept, Counts), BatchFault> {
        let header = batch.header();
        let verdict = self.verdict(batch, transactions)?;
        let mut counts = Counts::default();
        if verdict.drops_records && !verdict.stays_empty {
            counts.read = u64::try_from(header.records_count()).unwrap_or(0);
            return Ok((Kept::Nothing, counts));
        }
        let is_kept = |record: &RecordView<'_>| {
            !verdict.drops_records && (header.is_control() || self.keeps(header, record))
        };
        each_record(batch, self.budget_bytes, |record| {
            counts.read += 1;
            counts.without_key += u64::from(record.key.is_none());
            if is_kept(record) {
                counts.kept += 1;
                counts.tombstones += u64::from(record.value.is_none());
            }
            Ok(())
        })?;
        if counts.kept == 0 {
            let kept = match verdict.stays_empty {
                true if counts.read == 0 => Kept::Whole,
                true => Kept::Instead(
                    builder_like(header).max_timestamp(header.max_timestamp()).build(),
                ),
                false => Kept::Nothing,
            };
            return Ok((kept, counts));
        }
        let wants_horizon = verdict.is_spent_marker || 0 < counts.tombstones;
        let new_horizon = wants_horizon && header.delete_horizon().is_none();
        if counts.kept == counts.read && !new_horizon {
            return Ok((Kept::Whole, counts));
        }
        let horizon = header.delete_horizon().or_else(|| new_horizon.then(|| self.new_horizon()));
        let rebuilt = self.rebuild(batch, horizon, is_kept)?;
        Ok((Kept::Instead(rebuilt), counts))
    }

    fn verdict(
        &self,
        batch: &BatchView<'_>,
        transactions: &mut CleanedTransactions,
    ) -> Result<Verdict, BatchFault> {
        let header = batch.header();
        let ends_round = header.next_offset() == self.round_end;
        let is_last_of_producer =
            self.view.is_last_of_producer(header) && !planted!("last batch of a producer dropped");
        let stays_empty = is_last_of_producer || ends_round;
        if !header.is_control() {
            let drops_records = transactions.on_data(header) == Use::Spent;
            return Ok(Verdict { drops_records, stays_empty, is_spent_marker: false });
        }
        let content = super::records::control_content(batch, self.budget_bytes)?;
        let is_spent_marker = transactions.on_control(header, content) == Use::Spent;
        // A marker alone tells of its producer's epoch. Apache Kafka empties it, and then it tells
        // nothing to whoever replays the log.
        let tells_epoch = is_last_of_producer
            && matches!(
                self.view.last_batches.get(&header.producer_id()),
                Some(LastBatch::Marker(_))
            );
        let drops_records = is_spent_marker && self.is_past_horizon(header) && !tells_epoch;
        Ok(Verdict { drops_records, stays_empty, is_spent_marker })
    }

    fn is_past_horizon(&self, header: &BatchHeader) -> bool {
        header.delete_horizon().is_some_and(|horizon| horizon <= self.now)
    }

    fn new_horizon(&self) -> Timestamp {
        let retention = i64::try_from(self.view.config.delete_retention_ms).unwrap_or(i64::MAX);
        let retention = if planted!("tombstones go at once") { 0 } else { retention };
        Timestamp(self.now.0.saturating_add(retention))
    }

    /// Whether a record is the last of its key, and no tombstone whose time has come. Of what lies
    /// behind the mapped part nothing is known.
    fn keeps(&self, header: &BatchHeader, record: &RecordView<'_>) -> bool {
        self.is_last_of_key(record) && (record.value.is_some() || !self.is_past_horizon(header))
            || self.mapped_up_to < record.offset
    }

    fn keeps_legacy(&self, record: &RecordView<'_>, tombstones: LegacyTombstones) -> bool {
        let stays = record.value.is_some() || tombstones == LegacyTombstones::Stay;
        self.is_last_of_key(record) && stays || self.mapped_up_to < record.offset
    }

    /// A record without a key has no place in a compacted log.
    fn is_last_of_key(&self, record: &RecordView<'_>) -> bool {
        let Some(key) = record.key else { return false };
        let last = self.map.get(key);
        if planted!("first value of a key kept") {
            return last.is_none_or(|last| record.offset <= last);
        }
        last.is_none_or(|last| last <= record.offset)
    }

    fn rebuild(
        &self,
        batch: &BatchView<'_>,
        horizon: Option<Timestamp>,
        is_kept: impl Fn(&RecordView<'_>) -> bool,
    ) -> Result<Bytes, BatchFault> {
        let header = batch.header();
        let mut builder =
            builder_like(header).compressed(header.compression().map_err(RecordsError::from)?);
        if let Some(horizon) = horizon {
            builder = builder.delete_horizon(horizon);
        }
        each_record(batch, self.budget_bytes, |record| {
            if is_kept(record) {
                builder.append_copy(record)?;
            }
            Ok(())
        })?;
        Ok(builder.build())
    }
}

/// A builder of a batch in the place of the one with this head: without records so far.
fn builder_like(header: &BatchHeader) -> BatchBuilder {
    let mut builder = BatchBuilder::new()
        .base_offset(header.base_offset())
        .last_offset(header.last_offset())
        .leader_epoch(header.partition_leader_epoch())
        .producer(header.producer_id(), header.producer_epoch(), header.base_sequence());
    if header.is_transactional() {
        builder = builder.transactional();
    }
    if header.is_control() {
        builder = builder.control();
    }
    if header.timestamp_type() == TimestampType::LogAppendTime {
        builder = builder.append_time(header.max_timestamp());
    }
    builder
}
