//! One record of a batch of magic 2, borrowed from the batch's (decompressed) bytes.
//!
//! ```text
//!  varint   u8 0   varlong     varint   varint       varint         varint
//!  +--------+------+-----------+--------+--------+---+----------+---+---------+---------+
//!  | length | attr | timestamp | offset | key    |key| value    |val| headers | headers |
//!  | of rest| ibs  | delta     | delta  | len/-1 |   | len / -1 |ue | count   |         |
//!  +--------+------+-----------+--------+--------+---+----------+---+---------+---------+
//!                                              header: key length, key, value length/-1, value
//! ```

use std::borrow::Cow;
use std::str::Utf8Error;

use super::attributes::TimestampType;
use super::batch::BatchHeader;
use super::error::{RecordFault, RecordsError};
use super::varint::{Cursor, Input};
use crate::types::{Offset, Timestamp};

/// The least bytes of a record: seven fields of one byte.
pub const MIN_RECORD_SIZE: usize = 7;
/// The least bytes of a record's header: two lengths.
pub(super) const MIN_HEADER_SIZE: u64 = 2;

/// A record: what a producer sent, and where the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    /// Its place in the log.
    pub offset: Offset,
    /// The producer's time or the append's, as the batch says; -1 for none.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    headers: Headers<'a>,
}

impl<'a> RecordView<'a> {
    /// Its headers, in the producer's order; a key may come more than once.
    pub fn headers(&self) -> Headers<'a> {
        self.headers.clone()
    }

    /// How many headers there are, and their bytes.
    pub(super) const fn encoded_headers(&self) -> (usize, &'a [u8]) {
        (self.headers.left, self.headers.bytes)
    }

    /// A record of magic 0 or 1, which has no headers.
    pub(super) const fn without_headers(
        offset: Offset,
        timestamp: Timestamp,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
    ) -> RecordView<'a> {
        RecordView { offset, timestamp, key, value, headers: Headers { bytes: &[], left: 0 } }
    }
}

/// A header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderView<'a> {
    /// Its key's bytes. Kafka means UTF-8 and does not check it.
    pub key_bytes: &'a [u8],
    /// Its value.
    pub value: Option<&'a [u8]>,
}

impl<'a> HeaderView<'a> {
    /// Its key.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn key(&self) -> Result<&'a str, Utf8Error> {
        std::str::from_utf8(self.key_bytes)
    }

    /// Its key for people: what is not UTF-8 shows as U+FFFD.
    pub fn key_lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.key_bytes)
    }
}

/// The headers of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// Checked when the record was read, so that iterating cannot fail.
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Headers<'a> {
    type Item = HeaderView<'a>;

    fn next(&mut self) -> Option<HeaderView<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut cursor = Cursor::new(self.bytes);
        let header = read_header(&mut cursor).ok()?;
        self.bytes = cursor.rest();
        Some(header)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Headers<'_> {}

fn read_header<'a>(cursor: &mut Cursor<'a>) -> Result<HeaderView<'a>, RecordFault> {
    let key_bytes = cursor.nullable_bytes()?.ok_or(RecordFault::Length { length: -1 })?;
    Ok(HeaderView { key_bytes, value: cursor.nullable_bytes()? })
}

/// What the deltas of records are counted from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bases {
    offset: Offset,
    timestamp: Timestamp,
    /// With LogAppendTime all records have the batch's max timestamp.
    append_time: Option<Timestamp>,
}

impl Bases {
    pub(super) fn of(header: &BatchHeader) -> Bases {
        Bases {
            offset: header.base_offset(),
            timestamp: header.base_timestamp(),
            append_time: match header.timestamp_type() {
                TimestampType::LogAppendTime => Some(header.max_timestamp()),
                TimestampType::NoTimestampType | TimestampType::CreateTime => None,
            },
        }
    }

    pub(super) fn timestamp(&self, delta: i64) -> Timestamp {
        self.append_time.unwrap_or(Timestamp(self.timestamp.0.saturating_add(delta)))
    }

    fn offset(&self, delta: i32) -> Offset {
        Offset(self.offset.0.saturating_add(i64::from(delta)))
    }
}

/// Reads a record of which `record` has all but the length.
pub(super) fn read_record<'a>(
    record: &'a [u8],
    bases: &Bases,
) -> Result<RecordView<'a>, RecordFault> {
    let mut cursor = Cursor::new(record);
    // The attributes of a record are unused; what a later Kafka may put there does not concern us.
    cursor.byte()?;
    let timestamp = bases.timestamp(cursor.varlong()?);
    let offset = bases.offset(cursor.varint()?);
    let key = cursor.nullable_bytes()?;
    let value = cursor.nullable_bytes()?;
    let left = headers_count(&mut cursor, record.len() as u64)?;
    let bytes = cursor.rest();
    for _ in 0..left {
        read_header(&mut cursor)?;
    }
    if !cursor.rest().is_empty() {
        return Err(RecordFault::Size { length: record.len() as u64, taken: cursor.position() });
    }
    Ok(RecordView { offset, timestamp, key, value, headers: Headers { bytes, left } })
}

/// Reads how many headers follow, within a record that ends `end` bytes after the input's start.
pub(super) fn headers_count<I: Input>(input: &mut I, end: u64) -> Result<usize, RecordFault> {
    let count = input.varint()?;
    let bytes = end.saturating_sub(input.position());
    match u64::try_from(count) {
        Ok(headers) if headers <= bytes / MIN_HEADER_SIZE => Ok(headers as usize),
        _ => Err(RecordFault::HeadersCount { count, bytes }),
    }
}

/// The records of a batch, out of its decompressed bytes. The first error ends it.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    cursor: Cursor<'a>,
    bases: Bases,
    index: usize,
    count: Result<usize, i32>,
    ended: bool,
}

impl<'a> Records<'a> {
    /// The records of the batch with this header. `bytes` are its decompressed records.
    pub(super) fn new(header: &BatchHeader, bytes: &'a [u8]) -> Records<'a> {
        Records {
            cursor: Cursor::new(bytes),
            bases: Bases::of(header),
            index: 0,
            count: checked_count(header.records_count(), bytes.len()),
            ended: false,
        }
    }

    /// How far it has come, for [`Records::resume`].
    pub fn place(&self) -> RecordPlace {
        RecordPlace { index: self.index, position: self.cursor.position() as usize }
    }

    /// Goes on at a place that an iterator over the same records had come to.
    #[must_use]
    pub fn resume(mut self, place: RecordPlace) -> Records<'a> {
        // A place of other records may lie behind these: then the count does not come out.
        if self.cursor.take(place.position).is_ok() {
            self.index = place.index;
        }
        self
    }

    /// Passes over up to `count` records by their lengths alone; gives how many there were.
    ///
    /// # Errors
    /// A length cannot be.
    pub fn pass(&mut self, count: usize) -> Result<usize, RecordsError> {
        let Ok(left) = self.count.map(|it| it.saturating_sub(self.index)) else { return Ok(0) };
        let count = count.min(left);
        for _ in 0..count {
            let index = self.index;
            self.take().map_err(|fault| RecordsError::Record { index, fault })?;
            self.index += 1;
        }
        Ok(count)
    }

    /// The bytes of the next record, without their length.
    fn take(&mut self) -> Result<&'a [u8], RecordFault> {
        let length = self.cursor.varint()?;
        let length = usize::try_from(length).map_err(|_| RecordFault::Length { length })?;
        self.cursor.take(length)
    }

    fn read(&mut self) -> Result<RecordView<'a>, RecordFault> {
        read_record(self.take()?, &self.bases)
    }
}

/// A place between two records of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordPlace {
    index: usize,
    position: usize,
}

impl RecordPlace {
    /// How many records stand before it.
    pub const fn index(self) -> usize {
        self.index
    }
}

/// The count, or what it says if no `bytes` can hold so many records.
fn checked_count(count: i32, bytes: usize) -> Result<usize, i32> {
    match usize::try_from(count) {
        Ok(records) if records <= bytes / MIN_RECORD_SIZE => Ok(records),
        _ => Err(count),
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordView<'a>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let count = match self.count {
            Ok(count) => count,
            Err(count) => {
                self.ended = true;
                let bytes = self.cursor.rest().len() as u64;
                return Some(Err(RecordsError::Count { count, bytes }));
            }
        };
        if self.index == count {
            self.ended = true;
            let done = self.cursor.rest().is_empty();
            return if done { None } else { Some(Err(RecordsError::Trailing)) };
        }
        let index = self.index;
        self.index += 1;
        Some(self.read().map_err(|fault| {
            self.ended = true;
            RecordsError::Record { index, fault }
        }))
    }
}
