//! What a batch from a producer has to be before it is stored (Kafka's `LogValidator`).
//!
//! Two steps: [`check_batch`] looks at the header and the checksum, which is enough where compressed
//! records are passed on as they are; [`check_records`] walks the records, decompressing them in
//! pieces. Neither decides on an error code or changes the batch.

use std::ops::RangeInclusive;

use super::attributes::TimestampType;
use super::batch::BatchView;
use super::compression::{Budget, Compression, UnknownCompression};
use super::error::{RecordFault, RecordsError};
use super::record::{Bases, MIN_RECORD_SIZE, headers_count};
use super::stream::{ByteStream, count_of};
use super::varint::{Cursor, Input};
use crate::types::Timestamp;

/// So many refused records are named in an error at most; a response has to carry them.
pub const MAX_REFUSED_RECORDS: usize = 100;

/// Why a batch is not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBatch {
    /// The bytes are not those that the checksum was made of.
    #[error("record batch is corrupt: its CRC is {stored:#010x}, its bytes give {computed:#010x}")]
    Crc {
        /// What the batch says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The count of records is not the count of offsets, or none.
    #[error("record batch has {count} records and last offset delta {last_offset_delta}")]
    Count {
        /// The header's count.
        count: i32,
        /// The header's last offset delta.
        last_offset_delta: i32,
    },
    /// Only brokers write control batches.
    #[error("record batch is a control batch, which clients may not write")]
    Control,
    /// Only the cleaner sets a delete horizon.
    #[error("record batch has a delete horizon, which clients may not set")]
    DeleteHorizon,
    /// Only brokers set the append's time.
    #[error("record batch has timestamp type LogAppendTime, which clients may not set")]
    TimestampType,
    /// An idempotent producer has to number its batches.
    #[error("record batch of producer id {producer_id} has base sequence {base_sequence}")]
    Sequence {
        /// The producer's id.
        producer_id: i64,
        /// The base sequence.
        base_sequence: i32,
    },
    /// Only a producer with an id writes to a transaction.
    #[error("record batch is transactional and has no producer id")]
    TransactionalWithoutProducer,
    /// The attributes name no codec.
    #[error(transparent)]
    Compression(#[from] UnknownCompression),
    /// The records cannot be read.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// Records break the topic's rules.
    #[error("{} of the records are refused, the first because {}", .0.len(), .0[0])]
    Refused(Vec<RefusedRecord>),
}

/// A record that breaks the topic's rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {index} of the batch {reason}")]
pub struct RefusedRecord {
    /// Its place in the batch, from 0 on.
    pub index: usize,
    /// Which rule.
    pub reason: Refusal,
}

/// Which of the topic's rules a record breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A compacted topic keeps records by key.
    #[error("has no key, which a compacted topic needs")]
    NoKey,
    /// Its time is too far from the broker's.
    #[error("has timestamp {timestamp}, must be {} to {}", .allowed.start(), .allowed.end())]
    Timestamp {
        /// Its time.
        timestamp: Timestamp,
        /// The times that are allowed.
        allowed: RangeInclusive<Timestamp>,
    },
}

/// Whether records need a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// They may lack one.
    Optional,
    /// They need one: the topic is compacted.
    Required,
}

/// What a topic demands of records.
#[derive(Clone, Debug)]
pub struct RecordRules {
    /// Whether they need a key.
    pub key: KeyRule,
    /// The timestamps they may have; -1, none, is always allowed. Those of a topic with
    /// `LogAppendTime` may be any.
    pub timestamps: RangeInclusive<Timestamp>,
}

impl Default for RecordRules {
    fn default() -> RecordRules {
        RecordRules {
            key: KeyRule::Optional,
            timestamps: Timestamp(i64::MIN)..=Timestamp(i64::MAX),
        }
    }
}

/// What a walk over the records found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordsSummary {
    /// The greatest timestamp. The header's may differ, and is then to be set.
    pub max_timestamp: Timestamp,
    /// The offset delta of the first record that has it.
    pub max_timestamp_delta: i32,
    /// Bytes of the records without compression.
    pub uncompressed_bytes: u64,
}

/// Checks header and checksum of a batch that a client sent.
///
/// # Errors
/// See [`InvalidBatch`].
pub fn check_batch(batch: &BatchView<'_>) -> Result<(), InvalidBatch> {
    let computed = batch.computed_crc();
    if computed != batch.crc() {
        return Err(InvalidBatch::Crc { stored: batch.crc(), computed });
    }
    let (count, last_offset_delta) = (batch.records_count(), batch.last_offset_delta());
    if count < 1 || last_offset_delta != count - 1 {
        return Err(InvalidBatch::Count { count, last_offset_delta });
    }
    if batch.is_control() {
        return Err(InvalidBatch::Control);
    }
    if batch.attributes().has_delete_horizon() {
        return Err(InvalidBatch::DeleteHorizon);
    }
    if batch.timestamp_type() == TimestampType::LogAppendTime {
        return Err(InvalidBatch::TimestampType);
    }
    if batch.has_producer_id() && batch.base_sequence() < 0 {
        let (producer_id, base_sequence) = (batch.producer_id().0, batch.base_sequence());
        return Err(InvalidBatch::Sequence { producer_id, base_sequence });
    }
    if batch.is_transactional() && !batch.has_producer_id() {
        return Err(InvalidBatch::TransactionalWithoutProducer);
    }
    batch.compression()?;
    Ok(())
}

/// Walks the records of a batch that [`check_batch`] has passed: every length, every offset delta (0,
/// 1, 2 ...), the count, the bytes to the last, and the topic's rules.
///
/// # Errors
/// The first record that cannot be read, or else the first [`MAX_REFUSED_RECORDS`] that break a rule.
pub fn check_records(
    batch: &BatchView<'_>,
    rules: &RecordRules,
    budget: &mut Budget,
) -> Result<RecordsSummary, InvalidBatch> {
    let records = batch.compressed_records();
    let count = count_of(batch.header(), records.len())?;
    let mut walk = Walk::new(batch, rules);
    if batch.compression()? == Compression::None {
        if count > records.len() / MIN_RECORD_SIZE {
            let (count, bytes) = (batch.records_count(), records.len() as u64);
            return Err(RecordsError::Count { count, bytes }.into());
        }
        let mut cursor = Cursor::new(records);
        walk.all(&mut cursor, count)?;
        if !cursor.rest().is_empty() {
            return Err(RecordsError::Trailing.into());
        }
    } else {
        let mut stream = ByteStream::new(batch, budget)?;
        walk.all(&mut stream, count)?;
        stream.expect_end()?;
    }
    walk.finish()
}

struct Walk<'a> {
    bases: Bases,
    rules: &'a RecordRules,
    summary: RecordsSummary,
    refused: Vec<RefusedRecord>,
}

/// What the rules look at.
struct Facts {
    timestamp: Timestamp,
    has_key: bool,
}

impl Walk<'_> {
    fn new<'a>(batch: &BatchView<'_>, rules: &'a RecordRules) -> Walk<'a> {
        let summary = RecordsSummary {
            max_timestamp: Timestamp::NONE,
            max_timestamp_delta: 0,
            uncompressed_bytes: 0,
        };
        Walk { bases: Bases::of(batch.header()), rules, summary, refused: Vec::new() }
    }

    fn all<I: Input>(&mut self, input: &mut I, count: usize) -> Result<(), RecordsError> {
        for index in 0..count {
            let facts = self.read(input, index as i32);
            let facts = facts.map_err(|fault| RecordsError::Record { index, fault })?;
            self.judge(index, &facts);
        }
        self.summary.uncompressed_bytes = input.position();
        Ok(())
    }

    fn read<I: Input>(&self, input: &mut I, expected: i32) -> Result<Facts, RecordFault> {
        let length = non_negative(input.varint()?)?;
        match input.contiguous(length) {
            Some(record) => self.read_fields(&mut Cursor::new(record), length, expected),
            None => self.read_fields(input, length, expected),
        }
    }

    fn read_fields<I: Input>(
        &self,
        input: &mut I,
        length: u64,
        expected: i32,
    ) -> Result<Facts, RecordFault> {
        let start = input.position();
        let end = start + length;
        input.byte()?;
        let timestamp = self.bases.timestamp(input.varlong()?);
        let delta = input.varint()?;
        if delta != expected {
            return Err(RecordFault::OffsetDelta { delta, expected });
        }
        let has_key = skip_nullable(input, end)?;
        skip_nullable(input, end)?;
        for _ in 0..headers_count(input, end)? {
            let key = non_negative(input.varint()?)?;
            skip_within(input, key, end)?;
            skip_nullable(input, end)?;
        }
        if input.position() != end {
            return Err(RecordFault::Size { length, taken: input.position() - start });
        }
        Ok(Facts { timestamp, has_key })
    }

    fn judge(&mut self, index: usize, facts: &Facts) {
        let timestamp = facts.timestamp;
        if self.summary.max_timestamp < timestamp {
            self.summary.max_timestamp = timestamp;
            self.summary.max_timestamp_delta = index as i32;
        }
        if self.rules.key == KeyRule::Required && !facts.has_key {
            self.refuse(RefusedRecord { index, reason: Refusal::NoKey });
        } else if timestamp != Timestamp::NONE && !self.rules.timestamps.contains(&timestamp) {
            let allowed = self.rules.timestamps.clone();
            self.refuse(RefusedRecord { index, reason: Refusal::Timestamp { timestamp, allowed } });
        }
    }

    fn refuse(&mut self, record: RefusedRecord) {
        if self.refused.len() < MAX_REFUSED_RECORDS {
            self.refused.push(record);
        }
    }

    fn finish(self) -> Result<RecordsSummary, InvalidBatch> {
        if self.refused.is_empty() {
            Ok(self.summary)
        } else {
            Err(InvalidBatch::Refused(self.refused))
        }
    }
}

fn non_negative(length: i32) -> Result<u64, RecordFault> {
    u64::try_from(length).map_err(|_| RecordFault::Length { length })
}

/// Passes over a nullable field that must lie before `end`, and says whether it was there.
fn skip_nullable<I: Input>(input: &mut I, end: u64) -> Result<bool, RecordFault> {
    let field = input.varint()?;
    if field == -1 {
        return Ok(false);
    }
    skip_within(input, non_negative(field)?, end)?;
    Ok(true)
}

fn skip_within<I: Input>(input: &mut I, count: u64, end: u64) -> Result<(), RecordFault> {
    if end.saturating_sub(input.position()) < count {
        return Err(RecordFault::Ends);
    }
    input.skip(count)
}

#[cfg(test)]
mod tests;
