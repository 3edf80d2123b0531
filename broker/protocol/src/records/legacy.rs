//! Messages of magic 0 and 1, which Kafka wrote before 0.11 and a log may still have: for reading.
//!
//! ```text
//!  0        8      12      16 17   18          26 (magic 0: 18)
//!  +--------+------+-------+--+----+-----------+------+---------+--------+-------+
//!  | offset | size |CRC-32 |ma|attr| timestamp | key  | key     | value  | value |
//!  | i64    | of   |of 16..|gi|ibu-| i64, not  | size |         | size   |       |
//!  |        | rest |       |c |tes | in magic 0| or -1|         | or -1  |       |
//!  +--------+------+-------+--+----+-----------+------+---------+--------+-------+
//! ```
//!
//! Compressed messages are the value of one outer message, which has the offset of the last of them.
//! Within magic 0 their offsets are the log's, within magic 1 they count from 0 (KIP-31), so that
//! where they begin is known only when the last was seen. With `LogAppendTime` the outer message's
//! timestamp is every message's (KIP-32; Kafka's `AbstractLegacyRecordBatch`).

use std::borrow::Cow;

use super::attributes::{Attributes, TimestampType};
use super::batch::{BatchError, LENGTH_OVERHEAD, MAGIC_V2, Prefix};
use super::checksum::crc32;
use super::compression::{self, Budget, Compression, UnknownCompression};
use super::error::{RecordFault, RecordsError};
use super::record::RecordView;
use super::varint::{Cursor, Input};
use crate::types::{Offset, Timestamp};

const MAGIC_V1: i8 = 1;
const CRC_AT: usize = LENGTH_OVERHEAD;
/// Where the bytes begin that the checksum covers.
const MAGIC_AT: usize = 16;

/// A message of magic 0 or 1: one record, or the wrapper of a compressed set.
#[derive(Clone, Copy, Debug)]
pub struct LegacyMessage<'a> {
    bytes: &'a [u8],
    offset: Offset,
    magic: i8,
    crc: u32,
    attributes: Attributes,
    timestamp: Timestamp,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

/// Why bytes are not an old message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnyBatchError {
    /// See [`BatchError`].
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The sizes of key and value do not fit into the message's.
    #[error("message of {size} bytes at offset {offset} is bad: {fault}")]
    Fields {
        /// The message's offset, as it says.
        offset: Offset,
        /// Its size, header included.
        size: usize,
        /// What is wrong.
        fault: RecordFault,
    },
}

impl<'a> LegacyMessage<'a> {
    /// The first message in `bytes`, which may go on after it.
    ///
    /// # Errors
    /// It is cut off, of another magic, or its fields do not fit into it. The checksum is not looked
    /// at.
    pub fn first_of(bytes: &'a [u8]) -> Result<LegacyMessage<'a>, AnyBatchError> {
        let prefix = Prefix::parse(bytes)?;
        let Prefix { offset, size, magic } = prefix;
        if magic >= MAGIC_V2 {
            return Err(BatchError::Magic { magic }.into());
        }
        let Some(bytes) = bytes.get(..size) else {
            return Err(BatchError::Torn { have: bytes.len(), need: size }.into());
        };
        LegacyMessage::read_fields(bytes, &prefix).map_err(|fault| AnyBatchError::Fields {
            offset,
            size,
            fault,
        })
    }

    fn read_fields(bytes: &'a [u8], prefix: &Prefix) -> Result<LegacyMessage<'a>, RecordFault> {
        let mut cursor = Cursor::new(bytes);
        cursor.take(CRC_AT)?;
        let crc = u32::from_be_bytes(field(&mut cursor)?);
        cursor.take(1)?;
        let attributes = Attributes(u16::from(cursor.byte()?));
        let timestamp = match prefix.magic {
            MAGIC_V1 => Timestamp(i64::from_be_bytes(field(&mut cursor)?)),
            _ => Timestamp::NONE,
        };
        let key = nullable(&mut cursor)?;
        let value = nullable(&mut cursor)?;
        if !cursor.rest().is_empty() {
            let (length, taken) = (bytes.len() as u64, cursor.position());
            return Err(RecordFault::Size { length, taken });
        }
        let (offset, magic) = (prefix.offset, prefix.magic);
        Ok(LegacyMessage { bytes, offset, magic, crc, attributes, timestamp, key, value })
    }

    /// The message's offset; of a wrapper, the last offset of its messages.
    pub const fn offset(&self) -> Offset {
        self.offset
    }

    /// Bytes of the message, header included.
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The message's bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The format's number, 0 or 1.
    pub const fn magic(&self) -> i8 {
        self.magic
    }

    /// The stored CRC-32.
    pub const fn crc(&self) -> u32 {
        self.crc
    }

    /// Its attribute bits.
    pub const fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// Whether the bytes are those that the checksum was made of.
    pub fn crc_is_valid(&self) -> bool {
        crc32(self.bytes.get(MAGIC_AT..).unwrap_or_default()) == self.crc
    }

    /// How the messages in it are compressed, if it is a wrapper.
    ///
    /// # Errors
    /// The attributes name no codec.
    pub fn compression(&self) -> Result<Compression, UnknownCompression> {
        self.attributes.compression()
    }

    /// Who set the timestamp.
    pub const fn timestamp_type(&self) -> TimestampType {
        match self.magic {
            MAGIC_V1 => self.attributes.timestamp_type(),
            _ => TimestampType::NoTimestampType,
        }
    }

    /// The message's time; of a wrapper, the greatest of its messages'; -1 in magic 0.
    pub const fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Its key.
    pub const fn key(&self) -> Option<&'a [u8]> {
        self.key
    }

    /// Its value, or the compressed messages.
    pub const fn value(&self) -> Option<&'a [u8]> {
        self.value
    }

    /// The messages of a wrapper, decompressed at the expense of `budget`; of any other message,
    /// itself.
    ///
    /// # Errors
    /// The codec is unknown, the stream damaged, the budget spent, a message within is bad, of
    /// another magic or compressed again, or there is none.
    pub fn decompress(&self, budget: &mut Budget) -> Result<LegacyBody<'a>, RecordsError> {
        let codec = self.compression()?;
        if codec == Compression::None {
            let bytes = Cow::Borrowed(self.bytes);
            return Ok(LegacyBody { bytes, shift: 0, append_time: None });
        }
        let set = compression::decompress(codec, self.value.unwrap_or_default(), budget)?;
        let last = self.last_inner_offset(&set)?;
        let shift = match self.magic {
            MAGIC_V1 => self.offset.0.saturating_sub(last.0),
            _ => 0,
        };
        let append_time = match self.timestamp_type() {
            TimestampType::LogAppendTime => Some(self.timestamp),
            TimestampType::NoTimestampType | TimestampType::CreateTime => None,
        };
        Ok(LegacyBody { bytes: Cow::Owned(set), shift, append_time })
    }

    /// Checks that every message in the set can be read, and returns the last one's offset.
    fn last_inner_offset(&self, set: &[u8]) -> Result<Offset, RecordsError> {
        let mut last = None;
        let mut rest = set;
        for index in 0.. {
            if rest.is_empty() {
                break;
            }
            let message = LegacyMessage::first_of(rest)
                .map_err(|error| RecordsError::Record { index, fault: error.into() })?;
            let compression = message.compression()?;
            if message.magic != self.magic || compression != Compression::None {
                let (outer, magic) = (self.magic, message.magic);
                let fault = RecordFault::Nested { outer, magic, compression };
                return Err(RecordsError::Record { index, fault });
            }
            last = Some(message.offset);
            rest = rest.get(message.size()..).unwrap_or_default();
        }
        last.ok_or(RecordsError::EmptySet)
    }
}

impl From<AnyBatchError> for RecordFault {
    fn from(error: AnyBatchError) -> RecordFault {
        match error {
            AnyBatchError::Batch(error) => RecordFault::Message(error),
            AnyBatchError::Fields { fault, .. } => fault,
        }
    }
}

fn field<const SIZE: usize>(cursor: &mut Cursor<'_>) -> Result<[u8; SIZE], RecordFault> {
    cursor.take(SIZE)?.first_chunk().copied().ok_or(RecordFault::Ends)
}

fn nullable<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, RecordFault> {
    match i32::from_be_bytes(field(cursor)?) {
        -1 => Ok(None),
        length => match usize::try_from(length) {
            Ok(length) => cursor.take(length).map(Some),
            Err(_) => Err(RecordFault::Length { length }),
        },
    }
}

/// The messages of a wrapper, decompressed; or one message that is none.
#[derive(Clone, Debug)]
pub struct LegacyBody<'a> {
    bytes: Cow<'a, [u8]>,
    /// What makes the log's offsets of those within.
    shift: i64,
    append_time: Option<Timestamp>,
}

impl LegacyBody<'_> {
    /// The messages, as records.
    pub fn records(&self) -> LegacyRecords<'_> {
        LegacyRecords { messages: self.messages() }
    }

    /// The messages, each with its offset in the log and the time that is its own.
    pub fn messages(&self) -> LegacyMessages<'_> {
        LegacyMessages { rest: &self.bytes, shift: self.shift, append_time: self.append_time }
    }
}

/// The messages in a wrapper.
#[derive(Clone, Debug)]
pub struct LegacyMessages<'a> {
    /// Checked when it was decompressed, so that iterating cannot fail.
    rest: &'a [u8],
    shift: i64,
    append_time: Option<Timestamp>,
}

impl<'a> Iterator for LegacyMessages<'a> {
    type Item = LegacyMessage<'a>;

    fn next(&mut self) -> Option<LegacyMessage<'a>> {
        let mut message = LegacyMessage::first_of(self.rest).ok()?;
        self.rest = self.rest.get(message.size()..).unwrap_or_default();
        message.offset = Offset(message.offset.0.saturating_add(self.shift));
        message.timestamp = self.append_time.unwrap_or(message.timestamp);
        Some(message)
    }
}

/// The messages in a wrapper, as records.
#[derive(Clone, Debug)]
pub struct LegacyRecords<'a> {
    messages: LegacyMessages<'a>,
}

impl<'a> Iterator for LegacyRecords<'a> {
    type Item = RecordView<'a>;

    fn next(&mut self) -> Option<RecordView<'a>> {
        let LegacyMessage { offset, timestamp, key, value, .. } = self.messages.next()?;
        Some(RecordView::without_headers(offset, timestamp, key, value))
    }
}
