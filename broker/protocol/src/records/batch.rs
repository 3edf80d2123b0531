//! The header of a record batch of magic 2, and a borrowed view of a whole batch.
//!
//! ```text
//!  0        8       12      16 17      21      23      27       35       43
//!  +--------+-------+-------+--+-------+-------+-------+--------+--------+
//!  | base   | batch |leader |ma|CRC-32C| attri-| last  | base   | max    |
//!  | offset | length|epoch  |gi|of 21..| butes | offset| time-  | time-  |
//!  | i64    | i32   |i32    |c | u32   | i16   | delta | stamp  | stamp  |
//!  +--------+-------+-------+--+-------+-------+-------+--------+--------+
//!  43       51      53      57      61                     12 + batch length
//!  +--------+-------+-------+-------+----------------------+
//!  |producer|produ- | base  |records| records, as one      |
//!  |id i64  |cer    | seq.  |count  | compressed stream if |
//!  |        |ep. i16| i32   | i32   | the attributes say so|
//!  +--------+-------+-------+-------+----------------------+
//! ```
//!
//! Base offset and leader epoch lie outside the checksum: the broker sets them in place (Kafka's
//! `DefaultRecordBatch`, KIP-98).

use std::ops::Deref;

use super::attributes::{Attributes, TimestampType};
use super::checksum::{Checksum, crc32c};
use super::compression::{Compression, UnknownCompression};
use super::error::RecordsError;
use super::record::Records;
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

/// The bytes of a batch before its records.
pub const BATCH_HEADER_SIZE: usize = 61;
/// The bytes before what the length field counts.
pub const LENGTH_OVERHEAD: usize = 12;
/// The bytes that tell of a batch or message of any magic how long it is, and its magic.
pub const PREFIX_SIZE: usize = 17;
/// The only magic that is written, and that clients may send.
pub const MAGIC_V2: i8 = 2;

pub(super) const BASE_OFFSET_AT: usize = 0;
const LENGTH_AT: usize = 8;
pub(super) const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
pub(super) const CRC_AT: usize = 17;
/// Where the bytes begin that the checksum covers.
pub(super) const ATTRIBUTES_AT: usize = 21;
const LAST_OFFSET_DELTA_AT: usize = 23;
pub(super) const BASE_TIMESTAMP_AT: usize = 27;
pub(super) const MAX_TIMESTAMP_AT: usize = 35;
pub(super) const PRODUCER_ID_AT: usize = 43;
pub(super) const PRODUCER_EPOCH_AT: usize = 51;
pub(super) const BASE_SEQUENCE_AT: usize = 53;
const RECORDS_COUNT_AT: usize = 57;

const LEGACY_CRC_AT: usize = LENGTH_OVERHEAD;
const LEGACY_ATTRIBUTES_AT: usize = 17;
const LEGACY_TIMESTAMP_AT: usize = 18;
/// The attribute bits that messages of magic 0 and 1 have.
const LEGACY_ATTRIBUTES: u16 = 0x0f;

/// Why bytes are not a batch. Of these only [`BatchError::Torn`] can become right with more bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The buffer ends within the batch.
    #[error("record batch is cut off: has {have} bytes of {need}")]
    Torn {
        /// Bytes there are.
        have: usize,
        /// Bytes that are needed to go on: of the header first, then of the whole batch.
        need: usize,
    },
    /// The length field is too small for a header, or negative.
    #[error("record batch has length {length}, needs at least {minimum}")]
    Length {
        /// The length field.
        length: i32,
        /// The least it may be.
        minimum: i32,
    },
    /// The magic is not 2 (or, where old messages are read, not 0, 1 or 2).
    #[error("record batch has magic {magic}, which is not supported here")]
    Magic {
        /// The magic byte.
        magic: i8,
    },
    /// Offsets that no batch in a log has.
    #[error(
        "record batch has base offset {base}, and ends {delta} further on, which is impossible"
    )]
    Offsets {
        /// The base offset as read.
        base: i64,
        /// The last offset delta as read.
        delta: i32,
    },
    /// The bytes go on after the batch where only one was expected.
    #[error("{extra} bytes follow the record batch")]
    Trailing {
        /// How many.
        extra: usize,
    },
}

/// The part of a header that batches and messages of every magic share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Of a batch its base offset, of a message of magic 0 and 1 its (last) offset.
    pub offset: Offset,
    /// Bytes of the whole thing, header included.
    pub size: usize,
    /// The format's number.
    pub magic: i8,
}

/// The least bytes that any batch or message has, as its minimum length says.
const SHORTEST_SIZE: usize = LENGTH_OVERHEAD + MIN_LENGTH_V0 as usize;
/// The least a message of magic 0 may say of its length (CRC, magic, attributes, two lengths).
const MIN_LENGTH_V0: i32 = 14;
/// The same of magic 1, which has a timestamp too.
const MIN_LENGTH_V1: i32 = 22;
const MIN_LENGTH_V2: i32 = (BATCH_HEADER_SIZE - LENGTH_OVERHEAD) as i32;

impl Prefix {
    /// Reads it from the first [`PREFIX_SIZE`] of `bytes`.
    ///
    /// # Errors
    /// Fewer bytes, a magic other than 0, 1 and 2, a length too small for the magic.
    pub fn parse(bytes: &[u8]) -> Result<Prefix, BatchError> {
        let Some(prefix) = bytes.first_chunk::<PREFIX_SIZE>() else {
            return Err(BatchError::Torn { have: bytes.len(), need: PREFIX_SIZE });
        };
        let length = i32::from_be_bytes(array(prefix, LENGTH_AT));
        let magic = i8::from_be_bytes(array(prefix, MAGIC_AT));
        let minimum = match magic {
            0 => MIN_LENGTH_V0,
            1 => MIN_LENGTH_V1,
            2 => MIN_LENGTH_V2,
            _ => return Err(BatchError::Magic { magic }),
        };
        if length < minimum {
            return Err(BatchError::Length { length, minimum });
        }
        Ok(Prefix {
            offset: Offset(i64::from_be_bytes(array(prefix, BASE_OFFSET_AT))),
            size: LENGTH_OVERHEAD + length as usize,
            magic,
        })
    }
}

/// The fields of a batch's header, copied out of its 61 bytes.
///
/// A scan of a segment reads only these, and goes on by [`BatchHeader::size`]. Of a message of magic
/// 0 or 1 ([`BatchHeader::parse_any`]) what it lacks is as in a batch without it, and its one offset,
/// which of a compressed message is the last, is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    base_offset: Offset,
    size: usize,
    magic: i8,
    partition_leader_epoch: LeaderEpoch,
    crc: u32,
    attributes: Attributes,
    last_offset_delta: i32,
    base_timestamp: Timestamp,
    max_timestamp: Timestamp,
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    base_sequence: i32,
    records_count: i32,
}

impl BatchHeader {
    /// Reads a header from the first 61 of `bytes`. The records need not be there.
    ///
    /// # Errors
    /// Fewer bytes, a magic other than 2, a length too small for a header.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        let prefix = Prefix::parse(bytes)?;
        if prefix.magic != MAGIC_V2 {
            return Err(BatchError::Magic { magic: prefix.magic });
        }
        BatchHeader::parse_fields(bytes, &prefix)
    }

    /// Reads the header of what a log may hold: of any magic, at offsets that a log can have. Less
    /// than 61 bytes do for a message that is shorter.
    ///
    /// # Errors
    /// Fewer bytes, an unknown magic, a length too small for the magic, impossible offsets.
    pub fn parse_any(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        let prefix = Prefix::parse(bytes)?;
        let header = match prefix.magic {
            MAGIC_V2 => BatchHeader::parse_fields(bytes, &prefix)?,
            _ => BatchHeader::parse_legacy(bytes, &prefix)?,
        };
        let (base, delta) = (prefix.offset.0, header.last_offset_delta);
        match base.checked_add(i64::from(delta)) {
            // The offset behind it is to be one too.
            Some(last) if 0 <= base && 0 <= delta && last < i64::MAX => Ok(header),
            _ => Err(BatchError::Offsets { base, delta }),
        }
    }

    fn parse_legacy(bytes: &[u8], prefix: &Prefix) -> Result<BatchHeader, BatchError> {
        let Some(header) = bytes.first_chunk::<SHORTEST_SIZE>() else {
            return Err(BatchError::Torn { have: bytes.len(), need: SHORTEST_SIZE });
        };
        let timestamp = match prefix.magic {
            0 => Timestamp::NONE,
            _ => Timestamp(i64::from_be_bytes(array(header, LEGACY_TIMESTAMP_AT))),
        };
        let [attributes] = array::<1, SHORTEST_SIZE>(header, LEGACY_ATTRIBUTES_AT);
        Ok(BatchHeader {
            base_offset: prefix.offset,
            size: prefix.size,
            magic: prefix.magic,
            partition_leader_epoch: LeaderEpoch::UNKNOWN,
            crc: u32::from_be_bytes(array(header, LEGACY_CRC_AT)),
            attributes: Attributes(u16::from(attributes) & LEGACY_ATTRIBUTES),
            last_offset_delta: 0,
            base_timestamp: timestamp,
            max_timestamp: timestamp,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: -1,
            records_count: 1,
        })
    }

    fn parse_fields(bytes: &[u8], prefix: &Prefix) -> Result<BatchHeader, BatchError> {
        let Some(header) = bytes.first_chunk::<BATCH_HEADER_SIZE>() else {
            return Err(BatchError::Torn { have: bytes.len(), need: BATCH_HEADER_SIZE });
        };
        Ok(BatchHeader {
            base_offset: prefix.offset,
            size: prefix.size,
            magic: prefix.magic,
            partition_leader_epoch: LeaderEpoch(i32::from_be_bytes(array(header, LEADER_EPOCH_AT))),
            crc: u32::from_be_bytes(array(header, CRC_AT)),
            attributes: Attributes(u16::from_be_bytes(array(header, ATTRIBUTES_AT))),
            last_offset_delta: i32::from_be_bytes(array(header, LAST_OFFSET_DELTA_AT)),
            base_timestamp: Timestamp(i64::from_be_bytes(array(header, BASE_TIMESTAMP_AT))),
            max_timestamp: Timestamp(i64::from_be_bytes(array(header, MAX_TIMESTAMP_AT))),
            producer_id: ProducerId(i64::from_be_bytes(array(header, PRODUCER_ID_AT))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(array(header, PRODUCER_EPOCH_AT))),
            base_sequence: i32::from_be_bytes(array(header, BASE_SEQUENCE_AT)),
            records_count: i32::from_be_bytes(array(header, RECORDS_COUNT_AT)),
        })
    }

    /// The offset of the first record that the batch was made with (compaction may remove it).
    pub const fn base_offset(&self) -> Offset {
        self.base_offset
    }

    /// The offset of the last record that the batch was made with. Saturates on hostile bytes.
    pub const fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.saturating_add(self.last_offset_delta as i64))
    }

    /// The offset after the batch. Saturates on hostile bytes.
    pub const fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.saturating_add(1))
    }

    /// Bytes of the whole batch, header included.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The epoch of the leader that appended it, -1 from a producer.
    pub const fn partition_leader_epoch(&self) -> LeaderEpoch {
        self.partition_leader_epoch
    }

    /// The format's number: 2, but for [`BatchHeader::parse_any`].
    pub const fn magic(&self) -> i8 {
        self.magic
    }

    /// The stored checksum: CRC-32C, of magic 0 and 1 CRC-32.
    pub const fn crc(&self) -> u32 {
        self.crc
    }

    /// Where in the batch the bytes begin that the checksum covers, up to its end.
    pub const fn checksummed_from(&self) -> usize {
        if self.magic == MAGIC_V2 { ATTRIBUTES_AT } else { MAGIC_AT }
    }

    /// A checksum of the kind that is stored, to be fed with those bytes.
    pub fn begin_checksum(&self) -> Checksum {
        if self.magic == MAGIC_V2 { Checksum::crc32c() } else { Checksum::crc32() }
    }

    /// The header once a leader has given the batch its place, as `BatchPatch` does in the bytes.
    #[must_use]
    pub const fn placed(self, base_offset: Offset, leader_epoch: LeaderEpoch) -> BatchHeader {
        BatchHeader { base_offset, partition_leader_epoch: leader_epoch, ..self }
    }

    /// The attribute bits.
    pub const fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// How the records are compressed.
    ///
    /// # Errors
    /// The attribute names no codec.
    pub fn compression(&self) -> Result<Compression, UnknownCompression> {
        self.attributes.compression()
    }

    /// Who set the timestamps.
    pub const fn timestamp_type(&self) -> TimestampType {
        self.attributes.timestamp_type()
    }

    /// Whether it belongs to a transaction (its markers do too).
    pub const fn is_transactional(&self) -> bool {
        self.attributes.is_transactional()
    }

    /// Whether it is for brokers, not consumers.
    pub const fn is_control(&self) -> bool {
        self.attributes.is_control()
    }

    /// The time from which the cleaner may drop tombstones and markers of it, if it was set.
    pub const fn delete_horizon(&self) -> Option<Timestamp> {
        if self.attributes.has_delete_horizon() { Some(self.base_timestamp) } else { None }
    }

    /// The last offset minus the base offset.
    pub const fn last_offset_delta(&self) -> i32 {
        self.last_offset_delta
    }

    /// What the records' timestamps are counted from: the first one's, or the delete horizon.
    pub const fn base_timestamp(&self) -> Timestamp {
        self.base_timestamp
    }

    /// The greatest timestamp of the records, or the append's time; -1 if no record is left.
    pub const fn max_timestamp(&self) -> Timestamp {
        self.max_timestamp
    }

    /// The producer's id, -1 for none.
    pub const fn producer_id(&self) -> ProducerId {
        self.producer_id
    }

    /// The producer's epoch, -1 for none.
    pub const fn producer_epoch(&self) -> ProducerEpoch {
        self.producer_epoch
    }

    /// The sequence number of the first record, -1 for none.
    pub const fn base_sequence(&self) -> i32 {
        self.base_sequence
    }

    /// The sequence number of the last record, -1 for none. After 2147483647 comes 0.
    pub const fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return self.base_sequence;
        }
        self.base_sequence.wrapping_add(self.last_offset_delta) & i32::MAX
    }

    /// Whether an idempotent producer wrote it.
    pub const fn has_producer_id(&self) -> bool {
        self.producer_id.0 > ProducerId::NONE.0
    }

    /// How many records it says to have. Negative in hostile bytes only.
    pub const fn records_count(&self) -> i32 {
        self.records_count
    }
}

/// A batch of magic 2 in a buffer, whole: its header (which it derefs to) and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct BatchView<'a> {
    header: BatchHeader,
    bytes: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// The first batch in `bytes`, which may go on after it.
    ///
    /// # Errors
    /// See [`BatchError`]. The checksum is not looked at.
    pub fn first_of(bytes: &'a [u8]) -> Result<BatchView<'a>, BatchError> {
        let header = BatchHeader::parse(bytes)?;
        match bytes.get(..header.size) {
            Some(bytes) => Ok(BatchView { header, bytes }),
            None => Err(BatchError::Torn { have: bytes.len(), need: header.size }),
        }
    }

    /// The one batch that `bytes` are, no more and no less.
    ///
    /// # Errors
    /// See [`BatchError`]. The checksum is not looked at.
    pub fn only_of(bytes: &'a [u8]) -> Result<BatchView<'a>, BatchError> {
        let batch = BatchView::first_of(bytes)?;
        match bytes.len() - batch.bytes.len() {
            0 => Ok(batch),
            extra => Err(BatchError::Trailing { extra }),
        }
    }

    /// The header's fields.
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What follows the header: the records, compressed if the attributes say so.
    pub fn compressed_records(&self) -> &'a [u8] {
        self.bytes.get(BATCH_HEADER_SIZE..).unwrap_or_default()
    }

    /// The records, where they are not compressed.
    ///
    /// # Errors
    /// They are compressed.
    pub fn records_in_place(&self) -> Result<Records<'a>, RecordsError> {
        match self.compression()? {
            Compression::None => Ok(Records::new(&self.header, self.compressed_records())),
            compression => Err(RecordsError::Compressed(compression)),
        }
    }

    /// The records, out of what [`BatchView::compressed_records`] decompress to.
    pub fn records_in<'b>(&self, decompressed: &'b [u8]) -> Records<'b> {
        Records::new(&self.header, decompressed)
    }

    /// Whether the bytes are those that the checksum was made of.
    pub fn crc_is_valid(&self) -> bool {
        self.computed_crc() == self.header.crc
    }

    /// The checksum of the bytes as they are.
    pub fn computed_crc(&self) -> u32 {
        crc32c(self.bytes.get(ATTRIBUTES_AT..).unwrap_or_default())
    }
}

impl Deref for BatchView<'_> {
    type Target = BatchHeader;

    fn deref(&self) -> &BatchHeader {
        &self.header
    }
}

/// The batches in a buffer, one after the other.
///
/// The first error ends it; [`Batches::position`] is then where the bad batch begins, and
/// [`BatchError::Torn`] tells a last batch that is cut off from one that is damaged.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    bytes: &'a [u8],
    position: usize,
    failed: bool,
}

impl<'a> Batches<'a> {
    /// The batches that `bytes` hold.
    pub const fn new(bytes: &'a [u8]) -> Batches<'a> {
        Batches { bytes, position: 0, failed: false }
    }

    /// Where the next batch begins.
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<BatchView<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if self.failed || rest.is_empty() {
            return None;
        }
        let batch = BatchView::first_of(rest);
        match &batch {
            Ok(batch) => self.position += batch.size(),
            Err(_) => self.failed = true,
        }
        Some(batch)
    }
}

/// `N` bytes of a fixed-size header from `at` on. Out of bounds is a mistake in this crate.
pub(super) fn array<const N: usize, const SIZE: usize>(header: &[u8; SIZE], at: usize) -> [u8; N] {
    *header[at..].first_chunk().expect("the offsets of fields lie within the header")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BatchBuilder, NewRecord};

    fn batch(base_offset: i64, records: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new().base_offset(Offset(base_offset));
        for _ in 0..records {
            builder.append(NewRecord { value: Some(b"value"), ..NewRecord::default() }).unwrap();
        }
        builder.build().to_vec()
    }

    #[test]
    fn batches_follow_each_other_and_a_torn_last_one_says_what_is_missing() {
        let bytes = [batch(5, 3), batch(8, 2)].concat();
        let offsets: Vec<_> =
            Batches::new(&bytes).map(|batch| batch.unwrap().base_offset()).collect();
        assert_eq!(offsets, [Offset(5), Offset(8)]);

        let first = batch(5, 3).len();
        let last = bytes.len() - first;
        for (kept, need) in [(first + 3, 17), (first + 20, 61), (bytes.len() - 1, last)] {
            let mut batches = Batches::new(&bytes[..kept]);
            assert!(batches.next().unwrap().is_ok());
            let have = kept - first;
            assert_eq!(batches.next().unwrap().unwrap_err(), BatchError::Torn { have, need });
            assert_eq!(batches.position(), first);
            assert!(batches.next().is_none());
        }
    }

    #[test]
    fn wrong_lengths_and_magics_are_told_apart() {
        let mut bytes = batch(0, 1);
        bytes[11] = 48;
        let error = BatchHeader::parse(&bytes).unwrap_err();
        assert_eq!(error, BatchError::Length { length: 48, minimum: 49 });
        bytes[8] = 0xff;
        assert!(matches!(BatchView::first_of(&bytes), Err(BatchError::Length { .. })));
        for magic in [1, 3, -1] {
            let mut bytes = batch(0, 1);
            bytes[16] = magic as u8;
            assert_eq!(BatchHeader::parse(&bytes).unwrap_err(), BatchError::Magic { magic });
        }
        let two = [batch(0, 1), batch(1, 1)].concat();
        assert!(matches!(BatchView::only_of(&two), Err(BatchError::Trailing { .. })));
    }

    #[test]
    fn a_header_of_a_log_is_of_any_magic_and_at_a_possible_offset() {
        let bytes = batch(5, 3);
        assert_eq!(BatchHeader::parse_any(&bytes), BatchHeader::parse(&bytes));
        let placed = BatchHeader::parse(&bytes).unwrap().placed(Offset(9), LeaderEpoch(2));
        assert_eq!((placed.base_offset(), placed.last_offset()), (Offset(9), Offset(11)));

        let mut message = [0; 40];
        message[7] = 12;
        message[11] = 28;
        message[12..16].copy_from_slice(&7u32.to_be_bytes());
        message[16] = 1;
        message[17] = 0x38;
        message[18..26].copy_from_slice(&99i64.to_be_bytes());
        let header = BatchHeader::parse_any(&message[..26]).unwrap();
        assert_eq!((header.base_offset(), header.last_offset()), (Offset(12), Offset(12)));
        assert_eq!((header.size(), header.magic(), header.crc()), (40, 1, 7));
        assert_eq!(header.max_timestamp(), Timestamp(99));
        assert!(!header.is_control() && !header.is_transactional() && !header.has_producer_id());
        assert_eq!(
            BatchHeader::parse_any(&message[..25]),
            Err(BatchError::Torn { have: 25, need: 26 })
        );

        let wrong = |at: usize, value: u8| {
            let mut bytes = batch(0, 1);
            bytes[..8].copy_from_slice(&(i64::MAX - 1).to_be_bytes());
            bytes[at] = value;
            BatchHeader::parse_any(&bytes)
        };
        assert!(wrong(7, 0xfe).is_ok());
        for (at, value) in [(0, 0x80), (7, 0xff), (LAST_OFFSET_DELTA_AT, 0x80), (26, 1)] {
            assert!(matches!(wrong(at, value), Err(BatchError::Offsets { .. })), "{at}");
        }
    }

    #[test]
    fn every_flipped_bit_behind_the_leader_epoch_is_caught() {
        let bytes = batch(0, 2);
        assert!(BatchView::only_of(&bytes).unwrap().crc_is_valid());
        for bit in CRC_AT * 8..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!BatchView::only_of(&flipped).unwrap().crc_is_valid(), "bit {bit}");
        }
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let id = ProducerId(1);
        let mut builder = BatchBuilder::new().producer(id, ProducerEpoch(0), i32::MAX - 1);
        for _ in 0..4 {
            builder.append(NewRecord::default()).unwrap();
        }
        let bytes = builder.build();
        assert_eq!(BatchView::only_of(&bytes).unwrap().last_sequence(), 1);
    }

    #[test]
    fn offsets_of_hostile_headers_do_not_overflow() {
        let mut bytes = batch(0, 1);
        bytes[..8].copy_from_slice(&i64::MAX.to_be_bytes());
        bytes[LAST_OFFSET_DELTA_AT] = 0x7f;
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!(
            (header.last_offset(), header.next_offset()),
            (Offset(i64::MAX), Offset(i64::MAX))
        );
    }
}
