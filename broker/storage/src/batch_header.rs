//! The head of a record batch: what the log goes by without reading its records.
//!
//! ```text
//!  0  i64  base offset            magic 0, 1: offset of the message, of the last one if compressed
//!  8  i32  length after this field
//! 12  i32  leader epoch           magic 0, 1: u32 CRC-32 of what follows
//! 16  i8   magic
//! 17  u32  CRC-32C of 21..        magic 0, 1: i8 attributes; magic 1: i64 timestamp at 18
//! 21  i16  attributes             codec 0-2, LogAppendTime 3, transactional 4, control 5, horizon 6
//! 23  i32  last offset delta
//! 27  i64  base timestamp
//! 35  i64  max timestamp
//! 43  i64  producer id
//! 51  i16  producer epoch
//! 53  i32  base sequence
//! 57  i32  records
//! 61       the records
//! ```
//!
//! Kafka's `DefaultRecordBatch` and `FileLogInputStream`.

use kt_protocol::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

/// How many bytes of a batch stand before its records (magic 2).
pub const BATCH_HEADER_BYTES: usize = 61;
/// The smallest part of any batch that tells its size and magic.
const SHORTEST_HEADER_BYTES: usize = 26;
/// Offset and length, which the length does not count.
const LENGTH_OVERHEAD: u64 = 12;

/// The head of one batch, or of one message (or wrapper) of magic 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The first offset. Of a compressed message set of magic 0 or 1, which hides it, the last.
    pub base_offset: Offset,
    /// The last offset.
    pub last_offset: Offset,
    /// All bytes of the batch, this head among them.
    pub size: u64,
    /// The epoch of the leader that appended it, -1 if unknown.
    pub leader_epoch: LeaderEpoch,
    /// The format: 0, 1 or 2.
    pub magic: i8,
    /// The checksum as stored.
    pub crc: u32,
    /// The attribute bits.
    pub attributes: i16,
    /// The greatest record timestamp, -1 if none.
    pub max_timestamp: Timestamp,
    /// Whose batch it is, -1 if of no idempotent producer.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence of its first record, -1 if none.
    pub base_sequence: i32,
    /// How many records it holds; after compaction fewer than its offsets.
    pub records_count: i32,
}

/// Bytes that are not the head of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than any head has.
    #[error("the file ends within a batch header")]
    Incomplete,
    /// A size that no batch can have.
    #[error("a batch length of {0} is impossible")]
    Length(i32),
    /// A format that does not exist.
    #[error("magic {0} is unknown")]
    Magic(i8),
    /// Offsets that no batch can have.
    #[error("offsets {base} and {delta} further are impossible")]
    Offsets {
        /// The base offset as read.
        base: i64,
        /// The last offset delta as read.
        delta: i32,
    },
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], HeaderError> {
    let slice = bytes.get(at..at + N).ok_or(HeaderError::Incomplete)?;
    slice.try_into().map_err(|_| HeaderError::Incomplete)
}

impl BatchHeader {
    /// Reads the head at the beginning of `bytes`, which may hold less than the batch.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, HeaderError> {
        if bytes.len() < SHORTEST_HEADER_BYTES {
            return Err(HeaderError::Incomplete);
        }
        let offset = i64::from_be_bytes(bytes_at(bytes, 0)?);
        let length = i32::from_be_bytes(bytes_at(bytes, 8)?);
        let [magic] = bytes_at::<1>(bytes, 16)?.map(|byte| byte as i8);
        let shortest = match magic {
            0 => 14,
            1 => 22,
            2 => BATCH_HEADER_BYTES as i32 - LENGTH_OVERHEAD as i32,
            _ => return Err(HeaderError::Magic(magic)),
        };
        if length < shortest {
            return Err(HeaderError::Length(length));
        }
        let size = length as u64 + LENGTH_OVERHEAD;
        if magic < 2 {
            return BatchHeader::parse_legacy(bytes, offset, size, magic);
        }
        let delta = i32::from_be_bytes(bytes_at(bytes, 23)?);
        let last = offset.checked_add(i64::from(delta)).filter(|_| offset >= 0 && delta >= 0);
        let last = last.ok_or(HeaderError::Offsets { base: offset, delta })?;
        Ok(BatchHeader {
            base_offset: Offset(offset),
            last_offset: Offset(last),
            size,
            leader_epoch: LeaderEpoch(i32::from_be_bytes(bytes_at(bytes, 12)?)),
            magic,
            crc: u32::from_be_bytes(bytes_at(bytes, 17)?),
            attributes: i16::from_be_bytes(bytes_at(bytes, 21)?),
            max_timestamp: Timestamp(i64::from_be_bytes(bytes_at(bytes, 35)?)),
            producer_id: ProducerId(i64::from_be_bytes(bytes_at(bytes, 43)?)),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(bytes_at(bytes, 51)?)),
            base_sequence: i32::from_be_bytes(bytes_at(bytes, 53)?),
            records_count: i32::from_be_bytes(bytes_at(bytes, 57)?),
        })
    }

    fn parse_legacy(
        bytes: &[u8],
        offset: i64,
        size: u64,
        magic: i8,
    ) -> Result<BatchHeader, HeaderError> {
        if offset < 0 {
            return Err(HeaderError::Offsets { base: offset, delta: 0 });
        }
        let [attributes] = bytes_at::<1>(bytes, 17)?.map(|byte| byte as i8);
        let max_timestamp = match magic {
            0 => Timestamp::NONE,
            _ => Timestamp(i64::from_be_bytes(bytes_at(bytes, 18)?)),
        };
        Ok(BatchHeader {
            base_offset: Offset(offset),
            last_offset: Offset(offset),
            size,
            leader_epoch: LeaderEpoch::UNKNOWN,
            magic,
            crc: u32::from_be_bytes(bytes_at(bytes, 12)?),
            attributes: i16::from(attributes),
            max_timestamp,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: -1,
            records_count: 1,
        })
    }

    /// The offset that follows the batch.
    pub fn next_offset(&self) -> Offset {
        self.last_offset.plus(1)
    }

    /// True if an idempotent or transactional producer wrote it.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id != ProducerId::NONE
    }

    /// True if it belongs to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.magic == 2 && self.attributes & 0x10 != 0
    }

    /// True if it holds a control record and not data.
    pub fn is_control(&self) -> bool {
        self.magic == 2 && self.attributes & 0x20 != 0
    }

    /// The sequence of its last record, -1 if none. Wraps after 2^31 - 1 to 0.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        let delta = self.last_offset - self.base_offset;
        ((i64::from(self.base_sequence) + delta) & i64::from(i32::MAX)) as i32
    }
}

/// The heads of concatenated whole batches.
///
/// # Errors
/// If the bytes do not divide into whole batches.
pub fn headers_of(bytes: &[u8]) -> Result<smallvec::SmallVec<[BatchHeader; 1]>, HeaderError> {
    let mut headers = smallvec::SmallVec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let header = BatchHeader::parse(rest)?;
        rest = rest.get(header.size as usize..).ok_or(HeaderError::Incomplete)?;
        headers.push(header);
    }
    Ok(headers)
}
