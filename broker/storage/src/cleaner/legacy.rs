//! What stays of a message of magic 0 or 1. Kafka cleans them without making them newer.
//!
//! A message that is no wrapper stays or goes. A wrapper of which some messages go is written again
//! with its codec, its offset that of the last message that stays. Those of magic 0 with LZ4 come
//! out as messages of their own: that format had a frame of its own, which nobody writes any more.

use bytes::Bytes;
use kt_protocol::records::legacy::LegacyBody;
use kt_protocol::records::{
    Compression, Compressor, LegacyMessage, RecordView, RecordsError, TimestampType, crc32,
};
use kt_protocol::types::{Offset, Timestamp};

use super::filter::{Counts, Kept};
use super::records::BatchFault;

/// The attribute bit that says LogAppendTime.
const LOG_APPEND_TIME: u8 = 0x08;
/// Offset and size of a message.
const OVERHEAD: usize = 12;

/// What a message is written from.
struct Message<'a> {
    offset: Offset,
    magic: i8,
    attributes: u8,
    timestamp: Timestamp,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

/// What stays of a message and those in it. There are no empty batches of old: where one has to
/// stay, its last message does.
pub(crate) fn filter(
    wrapper: &LegacyMessage<'_>,
    body: &LegacyBody<'_>,
    ends_round: bool,
    is_kept: impl Fn(&RecordView<'_>) -> bool,
    counts: &mut Counts,
) -> Result<Kept, BatchFault> {
    let mut stays = Vec::new();
    for (record, message) in body.records().zip(body.messages()) {
        counts.read += 1;
        counts.without_key += u64::from(record.key.is_none());
        let is_needed = ends_round && record.offset == wrapper.offset();
        if is_kept(&record) || is_needed {
            stays.push(message);
        }
    }
    counts.kept = stays.len() as u64;
    match stays.last() {
        None => Ok(Kept::Nothing),
        Some(_) if counts.kept == counts.read => Ok(Kept::Whole),
        Some(last) => write(wrapper, &stays, last).map(Kept::Instead),
    }
}

fn write(
    wrapper: &LegacyMessage<'_>,
    stays: &[LegacyMessage<'_>],
    last: &LegacyMessage<'_>,
) -> Result<Bytes, BatchFault> {
    let compression = wrapper.compression().map_err(RecordsError::from)?;
    let timestamp_type = wrapper.timestamp_type();
    let time_bit = match timestamp_type {
        TimestampType::LogAppendTime => LOG_APPEND_TIME,
        TimestampType::NoTimestampType | TimestampType::CreateTime => 0,
    };
    let is_wrapped = compression != Compression::None
        && !(wrapper.magic() == 0 && compression == Compression::Lz4);
    let first = stays.first().map_or(last.offset(), LegacyMessage::offset);
    let counted_from = if is_wrapped && wrapper.magic() == 1 { first.0 } else { 0 };
    let mut set = Vec::new();
    for message in stays {
        let message = Message {
            offset: Offset(message.offset().0 - counted_from),
            magic: wrapper.magic(),
            attributes: time_bit,
            timestamp: message.timestamp(),
            key: message.key(),
            value: message.value(),
        };
        message.put(&mut set)?;
    }
    if !is_wrapped {
        return Ok(set.into());
    }
    let greatest = stays.iter().map(LegacyMessage::timestamp).max();
    let timestamp = match timestamp_type {
        TimestampType::LogAppendTime => wrapper.timestamp(),
        TimestampType::NoTimestampType | TimestampType::CreateTime => {
            greatest.unwrap_or(Timestamp::NONE)
        }
    };
    let compressed = Compressor::from(compression).compress(&set).into_owned();
    let outer = Message {
        offset: last.offset(),
        magic: wrapper.magic(),
        attributes: time_bit | compression.id(),
        timestamp,
        key: None,
        value: Some(&compressed),
    };
    let mut bytes = Vec::with_capacity(compressed.len() + 64);
    outer.put(&mut bytes)?;
    Ok(bytes.into())
}

impl Message<'_> {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), BatchFault> {
        let mut body = vec![self.magic as u8, self.attributes];
        if self.magic == 1 {
            body.extend_from_slice(&self.timestamp.0.to_be_bytes());
        }
        for field in [self.key, self.value] {
            let length = field.map_or(Ok(-1), |bytes| i32::try_from(bytes.len()));
            let length = length.map_err(|_| too_large(field))?;
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(field.unwrap_or_default());
        }
        let size = i32::try_from(body.len() + 4)
            .map_err(|_| BatchFault::MessageTooLarge { size: body.len() + OVERHEAD + 4 })?;
        out.extend_from_slice(&self.offset.0.to_be_bytes());
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(&crc32(&body).to_be_bytes());
        out.extend_from_slice(&body);
        Ok(())
    }
}

fn too_large(field: Option<&[u8]>) -> BatchFault {
    BatchFault::MessageTooLarge { size: field.map_or(0, <[u8]>::len) }
}

#[cfg(test)]
mod tests {
    use kt_protocol::records::Budget;

    use super::*;

    /// A wrapper of five messages, at offsets 10 to 14.
    fn wrapper(magic: i8, compression: Compression, attributes: u8) -> Vec<u8> {
        let mut set = Vec::new();
        for at in 0..5 {
            let message = Message {
                offset: Offset(if magic == 1 { at } else { 10 + at }),
                magic,
                attributes,
                timestamp: Timestamp(1_000 + at),
                key: Some(&[at as u8]),
                value: Some(&[7; 20]),
            };
            message.put(&mut set).unwrap();
        }
        let compressed = Compressor::from(compression).compress(&set).into_owned();
        let outer = Message {
            offset: Offset(14),
            magic,
            attributes: attributes | compression.id(),
            timestamp: Timestamp(1_004),
            key: None,
            value: Some(&compressed),
        };
        let mut bytes = Vec::new();
        outer.put(&mut bytes).unwrap();
        bytes
    }

    fn cleaned(bytes: &[u8], ends_round: bool, stays: &[i64]) -> Kept {
        let message = LegacyMessage::first_of(bytes).unwrap();
        let body = message.decompress(&mut Budget::new(1 << 20)).unwrap();
        let is_kept = |record: &RecordView<'_>| stays.contains(&record.offset.0);
        filter(&message, &body, ends_round, is_kept, &mut Counts::default()).unwrap()
    }

    fn records(mut bytes: &[u8]) -> Vec<(i64, i64, u8)> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let message = LegacyMessage::first_of(bytes).unwrap();
            assert!(message.crc_is_valid());
            let body = message.decompress(&mut Budget::new(1 << 20)).unwrap();
            records
                .extend(body.records().map(|it| (it.offset.0, it.timestamp.0, it.key.unwrap()[0])));
            bytes = &bytes[message.size()..];
        }
        records
    }

    #[test]
    fn what_stays_of_a_wrapper_keeps_its_offsets_times_and_codec() {
        for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4] {
            for (magic, attributes) in [(0, 0), (1, 0), (1, LOG_APPEND_TIME)] {
                let bytes = wrapper(magic, compression, attributes);
                let Kept::Instead(out) = cleaned(&bytes, false, &[11, 13]) else {
                    panic!("some stay and some go");
                };
                let time = |at: i64| match (magic, attributes) {
                    (0, _) => -1,
                    (_, LOG_APPEND_TIME) => 1_004,
                    _ => 1_000 + at,
                };
                assert_eq!(records(&out), [(11, time(1), 1), (13, time(3), 3)]);
                let first = LegacyMessage::first_of(&out).unwrap();
                let is_kept = first.compression() == Ok(compression);
                assert_eq!(is_kept, (magic, compression) != (0, Compression::Lz4));
            }
        }
    }

    #[test]
    fn the_end_of_a_round_keeps_the_last_message() {
        let bytes = wrapper(1, Compression::Gzip, 0);
        assert!(matches!(cleaned(&bytes, false, &[]), Kept::Nothing));
        assert!(matches!(cleaned(&bytes, false, &[10, 11, 12, 13, 14]), Kept::Whole));
        let Kept::Instead(out) = cleaned(&bytes, true, &[]) else { panic!("one stays") };
        assert_eq!(records(&out), [(14, 1_004, 4)]);
    }
}
