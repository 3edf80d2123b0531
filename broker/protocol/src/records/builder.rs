//! Makes record batches of magic 2: for producers, coordinators, the metadata log and tests.

use bytes::Bytes;

use super::attributes::{Attributes, TimestampType};
use super::batch::{
    ATTRIBUTES_AT, BATCH_HEADER_SIZE, BATCH_HEADER_SIZE as HEADER, CRC_AT, LENGTH_OVERHEAD,
    MAGIC_V2,
};
use super::checksum::crc32c;
use super::compression::{Compression, Compressor};
use super::control::{ControlType, EndTxnMarker};
use super::record::RecordView;
use super::varint::{put_varint, put_varlong, varint_size, varlong_size};
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

/// A batch is counted by i32, and so may not be larger.
pub const MAX_BATCH_SIZE: usize = i32::MAX as usize;

/// A record to be appended.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    /// Its time; under LogAppendTime it is kept in the bytes and not shown.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers, keys and values, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// A record as it is put into the batch.
struct Fields<'a> {
    timestamp: Timestamp,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: HeaderFields<'a>,
}

enum HeaderFields<'a> {
    New(&'a [(&'a str, Option<&'a [u8]>)]),
    /// Of another batch: how many, and their bytes.
    Encoded(usize, &'a [u8]),
}

impl<'a> From<NewRecord<'a>> for Fields<'a> {
    fn from(record: NewRecord<'a>) -> Fields<'a> {
        let NewRecord { timestamp, key, value, headers } = record;
        Fields { timestamp, key, value, headers: HeaderFields::New(headers) }
    }
}

impl HeaderFields<'_> {
    fn count(&self) -> usize {
        match self {
            HeaderFields::New(headers) => headers.len(),
            HeaderFields::Encoded(count, _) => *count,
        }
    }

    fn size(&self) -> usize {
        let size = |(key, value): &(&str, Option<&[u8]>)| {
            bytes_size(Some(key.as_bytes())) + bytes_size(*value)
        };
        match self {
            HeaderFields::New(headers) => headers.iter().map(size).sum(),
            HeaderFields::Encoded(_, bytes) => bytes.len(),
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            HeaderFields::Encoded(_, bytes) => out.extend_from_slice(bytes),
            HeaderFields::New(headers) => {
                for (key, value) in *headers {
                    put_bytes(out, Some(key.as_bytes()));
                    put_bytes(out, *value);
                }
            }
        }
    }
}

/// A record that does not fit any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The batch would be larger than its length field can say.
    #[error(
        "record of {record} bytes does not fit into a batch of {batch} bytes: a batch has at most 2147483647"
    )]
    TooLarge {
        /// The record's size.
        record: usize,
        /// The batch's size before it.
        batch: usize,
    },
    /// Its offset is below the one before it or too far from the base offset.
    #[error("offset {offset} does not fit into the batch: must be {least} to {most}")]
    Offset {
        /// The record's.
        offset: Offset,
        /// The least that fits.
        least: Offset,
        /// The greatest that fits.
        most: Offset,
    },
}

/// Collects records and makes one batch of them.
///
/// ```
/// use kt_protocol::records::{BatchBuilder, BatchView, NewRecord};
/// use kt_protocol::types::Timestamp;
///
/// let mut batch = BatchBuilder::new();
/// batch.append(NewRecord { timestamp: Timestamp(5), value: Some(b"hi"), ..NewRecord::default() })?;
/// let bytes = batch.build();
/// let view = BatchView::only_of(&bytes)?;
/// assert!(view.crc_is_valid());
/// assert_eq!(view.records_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    attributes: Attributes,
    compressor: Compressor,
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    base_sequence: i32,
    append_time: Option<Timestamp>,
    delete_horizon: Option<Timestamp>,
    last_offset: Option<Offset>,
    /// The first record's, unless there is a delete horizon.
    base_timestamp: Option<Timestamp>,
    max_timestamp: Timestamp,
    next_delta: i32,
    count: i32,
    /// Room for the header, then the records; empty while there is no record.
    bytes: Vec<u8>,
}

impl Default for BatchBuilder {
    fn default() -> BatchBuilder {
        BatchBuilder::new()
    }
}

/// Settings, to be made before the first record.
impl BatchBuilder {
    /// A batch of nobody, at offset 0, uncompressed, with the records' own timestamps.
    pub fn new() -> BatchBuilder {
        BatchBuilder {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            attributes: Attributes::default(),
            compressor: Compressor::default(),
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: -1,
            append_time: None,
            delete_horizon: None,
            last_offset: None,
            base_timestamp: None,
            max_timestamp: Timestamp::NONE,
            next_delta: 0,
            count: 0,
            bytes: Vec::new(),
        }
    }

    /// Begins at `offset` instead of 0.
    #[must_use]
    pub fn base_offset(mut self, offset: Offset) -> BatchBuilder {
        self.base_offset = offset;
        self
    }

    /// Says which leader appends it.
    #[must_use]
    pub fn leader_epoch(mut self, epoch: LeaderEpoch) -> BatchBuilder {
        self.leader_epoch = epoch;
        self
    }

    /// Compresses the records.
    #[must_use]
    pub fn compressed(mut self, compressor: impl Into<Compressor>) -> BatchBuilder {
        self.compressor = compressor.into();
        self.attributes = self.attributes.with_compression(self.compressor.compression());
        self
    }

    /// Comes from an idempotent producer.
    #[must_use]
    pub fn producer(
        mut self,
        id: ProducerId,
        epoch: ProducerEpoch,
        base_sequence: i32,
    ) -> BatchBuilder {
        self.producer_id = id;
        self.producer_epoch = epoch;
        self.base_sequence = base_sequence;
        self
    }

    /// Belongs to a transaction.
    #[must_use]
    pub fn transactional(mut self) -> BatchBuilder {
        self.attributes = self.attributes.transactional();
        self
    }

    /// Is a control batch.
    #[must_use]
    pub fn control(mut self) -> BatchBuilder {
        self.attributes = self.attributes.control();
        self
    }

    /// Has the append's time for all records (`LogAppendTime`).
    #[must_use]
    pub fn append_time(mut self, time: Timestamp) -> BatchBuilder {
        self.attributes = self.attributes.with_timestamp_type(TimestampType::LogAppendTime);
        self.append_time = Some(time);
        self
    }

    /// Lets tombstones and markers go from `time` on: what the cleaner writes (KIP-534).
    #[must_use]
    pub fn delete_horizon(mut self, time: Timestamp) -> BatchBuilder {
        self.attributes = self.attributes.delete_horizon();
        self.delete_horizon = Some(time);
        self
    }

    /// Says that `time` was the greatest timestamp, though the record that had it is gone: what the
    /// cleaner writes of a batch that it empties.
    #[must_use]
    pub fn max_timestamp(mut self, time: Timestamp) -> BatchBuilder {
        self.max_timestamp = time;
        self
    }

    /// Ends at `offset`, whichever record is the last: the cleaner keeps a batch's range of offsets
    /// and sequences, even if no record is left.
    #[must_use]
    pub fn last_offset(mut self, offset: Offset) -> BatchBuilder {
        self.last_offset = Some(offset);
        self
    }
}

impl BatchBuilder {
    /// Appends a record at the next offset.
    ///
    /// # Errors
    /// The batch is full.
    pub fn append(&mut self, record: NewRecord<'_>) -> Result<Offset, AppendError> {
        let offset = self.base_offset.plus(i64::from(self.next_delta));
        self.append_at(offset, record)?;
        Ok(offset)
    }

    /// Appends a record at `offset`, which may leave a hole behind the one before it.
    ///
    /// # Errors
    /// The batch is full, or the offset is not above the one before.
    pub fn append_at(&mut self, offset: Offset, record: NewRecord<'_>) -> Result<(), AppendError> {
        self.append_fields(offset, &record.into())
    }

    /// Appends a record of another batch at the offset it has there, its headers byte for byte: what
    /// the cleaner does.
    ///
    /// # Errors
    /// The batch is full, or the offset is not above the one before.
    pub fn append_copy(&mut self, record: &RecordView<'_>) -> Result<(), AppendError> {
        let (count, headers) = record.encoded_headers();
        let fields = Fields {
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: HeaderFields::Encoded(count, headers),
        };
        self.append_fields(record.offset, &fields)
    }

    fn append_fields(&mut self, offset: Offset, record: &Fields<'_>) -> Result<(), AppendError> {
        let least = self.base_offset.plus(i64::from(self.next_delta));
        // One below the greatest, so that the next delta is a number too.
        let most = self.base_offset.plus(i64::from(i32::MAX - 1));
        if offset < least || most < offset {
            return Err(AppendError::Offset { offset, least, most });
        }
        let delta = (offset - self.base_offset) as i32;
        let length = self.record_length(delta, record);
        let size = varint_size(length as i32) + length;
        if MAX_BATCH_SIZE < size.saturating_add(self.uncompressed_size()) {
            let batch = self.uncompressed_size();
            return Err(AppendError::TooLarge { record: size, batch });
        }
        let base =
            *self.base_timestamp.get_or_insert(self.delete_horizon.unwrap_or(record.timestamp));
        if self.bytes.is_empty() {
            self.bytes.reserve(HEADER + size);
            self.bytes.resize(HEADER, 0);
        }
        self.bytes.reserve(size);
        let timestamp_delta = record.timestamp.0.wrapping_sub(base.0);
        put_record(&mut self.bytes, length, timestamp_delta, delta, record);
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        self.next_delta = delta + 1;
        self.count += 1;
        Ok(())
    }

    /// Appends a record at the next offset if the batch stays within `bytes_max` before compression,
    /// header included; an empty batch takes any record. Gives the bytes that it added, `None` if it
    /// does not fit: what a producer does, at the cost of one look at the record.
    ///
    /// # Errors
    /// The batch is full for good.
    pub fn append_within(
        &mut self,
        record: NewRecord<'_>,
        bytes_max: usize,
    ) -> Result<Option<usize>, AppendError> {
        let before = self.uncompressed_size();
        let fields = Fields::from(record);
        let length = self.record_length(self.next_delta, &fields);
        let size = varint_size(i32::try_from(length).unwrap_or(i32::MAX)).saturating_add(length);
        if bytes_max < before.saturating_add(size) && !self.is_empty() {
            return Ok(None);
        }
        let offset = self.base_offset.plus(i64::from(self.next_delta));
        self.append_fields(offset, &fields)?;
        Ok(Some(self.uncompressed_size() - before))
    }

    /// Appends a control record, and makes the batch a control batch. `value` is encoded with its
    /// version where its kind has one in front (see [`super::control`]).
    ///
    /// # Errors
    /// The batch is full.
    pub fn append_control(
        &mut self,
        timestamp: Timestamp,
        kind: ControlType,
        value: &[u8],
    ) -> Result<Offset, AppendError> {
        self.attributes = self.attributes.control();
        let key = kind.key();
        self.append(NewRecord { timestamp, key: Some(&key), value: Some(value), headers: &[] })
    }

    /// Appends the end of a transaction, and makes the batch a control batch.
    ///
    /// # Errors
    /// The batch is full.
    pub fn append_end_txn_marker(
        &mut self,
        timestamp: Timestamp,
        marker: EndTxnMarker,
    ) -> Result<Offset, AppendError> {
        self.append_control(timestamp, marker.outcome.control_type(), &marker.value())
    }

    /// How many records there are.
    pub const fn count(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no record yet.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The batch's size if it is not compressed, header included.
    pub const fn uncompressed_size(&self) -> usize {
        if self.bytes.is_empty() { HEADER } else { self.bytes.len() }
    }

    /// How many bytes `record` would add before compression, as the next one.
    pub fn size_of_next(&self, record: &NewRecord<'_>) -> usize {
        let length = self.record_length(self.next_delta, &Fields::from(*record));
        varint_size(i32::try_from(length).unwrap_or(i32::MAX)) + length
    }

    /// Makes room for a batch of so many bytes at once, so that it does not grow step by step.
    #[must_use]
    pub fn with_capacity(mut self, bytes: usize) -> BatchBuilder {
        self.bytes.reserve(bytes);
        self
    }

    /// Makes the batch: compresses the records and computes the checksum.
    ///
    /// A batch without records is one that the cleaner emptied: 61 bytes, and no base timestamp.
    pub fn build(&self) -> Bytes {
        let records = self.compressor.compress(self.bytes.get(HEADER..).unwrap_or_default());
        let mut out = Vec::with_capacity(HEADER + records.len());
        out.resize(HEADER, 0);
        out.extend_from_slice(&records);
        self.put_header(&mut out);
        Bytes::from(out)
    }

    /// The same for a builder that is done with: what is not compressed is not copied either.
    pub fn finish(mut self) -> Bytes {
        if self.is_empty() || self.compressor.compression() != Compression::None {
            return self.build();
        }
        let mut out = std::mem::take(&mut self.bytes);
        self.put_header(&mut out);
        Bytes::from(out)
    }

    /// Fills the header in front of the records; `out` is the whole batch.
    fn put_header(&self, out: &mut [u8]) {
        let size = out.len();
        assert!(size <= MAX_BATCH_SIZE, "compression may add little, but not beyond the bound");
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(&self.base_offset.0.to_be_bytes());
        header.extend_from_slice(&((size - LENGTH_OVERHEAD) as i32).to_be_bytes());
        header.extend_from_slice(&self.leader_epoch.0.to_be_bytes());
        header.extend_from_slice(&MAGIC_V2.to_be_bytes());
        // The checksum's place.
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&self.attributes.0.to_be_bytes());
        header.extend_from_slice(&self.last_offset_delta().to_be_bytes());
        header.extend_from_slice(&self.header_base_timestamp().0.to_be_bytes());
        let max_timestamp = self.append_time.unwrap_or(self.max_timestamp);
        header.extend_from_slice(&max_timestamp.0.to_be_bytes());
        header.extend_from_slice(&self.producer_id.0.to_be_bytes());
        header.extend_from_slice(&self.producer_epoch.0.to_be_bytes());
        header.extend_from_slice(&self.base_sequence.to_be_bytes());
        header.extend_from_slice(&self.count.to_be_bytes());
        out[..BATCH_HEADER_SIZE].copy_from_slice(&header);
        let crc = crc32c(&out[ATTRIBUTES_AT..]);
        out[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
    }

    fn last_offset_delta(&self) -> i32 {
        match self.last_offset {
            Some(last) => {
                let delta = i32::try_from(last - self.base_offset);
                let delta = delta.expect("the last offset lies within i32 of the base offset");
                assert!(self.next_delta - 1 <= delta, "a record lies above the last offset");
                delta
            }
            None => (self.next_delta - 1).max(0),
        }
    }

    fn header_base_timestamp(&self) -> Timestamp {
        self.delete_horizon.or(self.base_timestamp).unwrap_or(Timestamp::NONE)
    }

    /// The bytes of a record after its length.
    fn record_length(&self, delta: i32, record: &Fields<'_>) -> usize {
        let base = self.base_timestamp.or(self.delete_horizon).unwrap_or(record.timestamp);
        1 + varlong_size(record.timestamp.0.wrapping_sub(base.0))
            + varint_size(delta)
            + bytes_size(record.key)
            + bytes_size(record.value)
            + varint_size(record.headers.count() as i32)
            + record.headers.size()
    }
}

/// Writes a record of which all lengths are known to fit.
fn put_record(
    out: &mut Vec<u8>,
    length: usize,
    timestamp_delta: i64,
    offset_delta: i32,
    record: &Fields<'_>,
) {
    put_varint(out, length as i32);
    let start = out.len();
    out.push(0);
    put_varlong(out, timestamp_delta);
    put_varint(out, offset_delta);
    put_bytes(out, record.key);
    put_bytes(out, record.value);
    put_varint(out, record.headers.count() as i32);
    record.headers.put(out);
    debug_assert_eq!(out.len() - start, length);
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_varint(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
        None => put_varint(out, -1),
    }
}

/// The bytes of a length and what it counts. Saturates where the length does not fit an i32: such a
/// record does not fit a batch anyhow.
fn bytes_size(bytes: Option<&[u8]>) -> usize {
    match bytes {
        Some(bytes) => varint_size(i32::try_from(bytes.len()).unwrap_or(i32::MAX)) + bytes.len(),
        None => 1,
    }
}
