use super::*;
use crate::records::{BatchBuilder, NewRecord, crc32c};
use crate::types::{Offset, ProducerEpoch, ProducerId};

fn builder() -> BatchBuilder {
    BatchBuilder::new()
}

fn batch(mut builder: BatchBuilder, records: usize) -> Vec<u8> {
    for time in 0..records {
        let timestamp = Timestamp(time as i64 * 10);
        builder.append(NewRecord { timestamp, ..NewRecord::default() }).unwrap();
    }
    builder.build().to_vec()
}

/// A batch that says to have `count` records and has these bytes for them, compressed if asked.
fn batch_of(codec: Compression, count: i32, records: &[u8]) -> Vec<u8> {
    let mut bytes = batch(builder().compressed(codec), 1);
    bytes.truncate(61);
    bytes.extend_from_slice(&crate::records::Compressor::from(codec).compress(records));
    let length = bytes.len() as i32 - 12;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn checked(bytes: &[u8]) -> Result<(), InvalidBatch> {
    check_batch(&BatchView::only_of(bytes).unwrap())
}

fn walked(bytes: &[u8], rules: &RecordRules) -> Result<RecordsSummary, InvalidBatch> {
    check_records(&BatchView::only_of(bytes).unwrap(), rules, &mut Budget::new(1 << 20))
}

#[test]
fn headers_that_no_producer_writes_are_refused() {
    assert_eq!(checked(&batch(builder(), 3)), Ok(()));
    let wrong_crc = {
        let mut bytes = batch(builder(), 1);
        bytes[60] ^= 1;
        bytes
    };
    assert!(matches!(checked(&wrong_crc), Err(InvalidBatch::Crc { .. })));
    let empty = checked(&batch(builder(), 0));
    assert_eq!(empty, Err(InvalidBatch::Count { count: 0, last_offset_delta: 0 }));
    let holes = checked(&batch(builder().last_offset(Offset(5)), 3));
    assert_eq!(holes, Err(InvalidBatch::Count { count: 3, last_offset_delta: 5 }));
    assert_eq!(checked(&batch(builder().control(), 1)), Err(InvalidBatch::Control));
    let horizon = batch(builder().delete_horizon(Timestamp(0)), 1);
    assert_eq!(checked(&horizon), Err(InvalidBatch::DeleteHorizon));
    let append_time = batch(builder().append_time(Timestamp(0)), 1);
    assert_eq!(checked(&append_time), Err(InvalidBatch::TimestampType));
    let producer = |id| builder().producer(ProducerId(id), ProducerEpoch(0), -1);
    let no_sequence = checked(&batch(producer(7), 1));
    assert_eq!(no_sequence, Err(InvalidBatch::Sequence { producer_id: 7, base_sequence: -1 }));
    let nobodys = checked(&batch(producer(-1).transactional(), 1));
    assert_eq!(nobodys, Err(InvalidBatch::TransactionalWithoutProducer));
}

#[test]
fn a_codec_without_a_name_is_refused() {
    let mut bytes = batch(builder(), 1);
    bytes[22] |= 0x07;
    let crc = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(checked(&bytes), Err(InvalidBatch::Compression(UnknownCompression(7))));
}

/// length 6: attributes, timestamp delta, offset delta, no key, no value, no headers.
const RECORD: [u8; 7] = [12, 0, 0, 0, 1, 1, 0];

#[test]
fn each_fault_of_a_record_is_named() {
    let second = |record: &[u8]| [&RECORD[..], record].concat();
    let ends = RecordFault::Ends;
    let cases: Vec<(Vec<u8>, RecordFault)> = vec![
        (second(&[12, 0, 0, 0, 1, 1, 0]), RecordFault::OffsetDelta { delta: 0, expected: 1 }),
        (second(&[12, 0, 0, 4, 1, 1, 0]), RecordFault::OffsetDelta { delta: 2, expected: 1 }),
        (second(&[14, 0, 0, 2, 1, 1, 0, 0]), RecordFault::Size { length: 7, taken: 6 }),
        (second(&[12, 0, 0, 2, 3, 1, 0]), RecordFault::Length { length: -2 }),
        (second(&[12, 0, 0, 2, 60, 1, 0]), ends.clone()),
        (second(&[12, 0, 0, 2, 1, 60, 0]), ends.clone()),
        (second(&[12, 0, 0, 2, 1, 1, 2]), RecordFault::HeadersCount { count: 1, bytes: 0 }),
        (second(&[12, 0, 0, 2, 1, 1, 1]), RecordFault::HeadersCount { count: -1, bytes: 0 }),
        (second(&[16, 0, 0, 2, 1, 1, 2, 1, 1]), RecordFault::Length { length: -1 }),
        (second(&[16, 0, 0, 2, 1, 1, 2, 8, 1]), ends.clone()),
        (second(&[16, 0, 0, 2, 1, 1, 2, 0, 8]), ends.clone()),
        (second(&[1, 0, 0, 2, 1, 1, 0]), RecordFault::Length { length: -1 }),
        (second(&[0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0]), RecordFault::Varint),
    ];
    for (records, fault) in cases {
        for codec in [Compression::None, Compression::Lz4] {
            let error = walked(&batch_of(codec, 2, &records), &RecordRules::default()).unwrap_err();
            let fault = fault.clone();
            let expected = InvalidBatch::Records(RecordsError::Record { index: 1, fault });
            assert_eq!(error, expected, "{codec}, {records:?}");
        }
    }
}

#[test]
fn counts_that_the_bytes_do_not_hold_are_refused() {
    for codec in [Compression::None, Compression::Lz4] {
        let rules = RecordRules::default();
        let more = [RECORD, RECORD].concat();
        let trailing = walked(&batch_of(codec, 1, &more), &rules);
        assert_eq!(trailing, Err(InvalidBatch::Records(RecordsError::Trailing)));
        let negative = walked(&batch_of(codec, -1, &RECORD), &rules).unwrap_err();
        let named =
            matches!(negative, InvalidBatch::Records(RecordsError::Count { count: -1, .. }));
        assert!(named, "{negative}");
    }
    let huge = walked(&batch_of(Compression::None, i32::MAX, &RECORD), &RecordRules::default());
    let expected = RecordsError::Count { count: i32::MAX, bytes: 7 };
    assert_eq!(huge, Err(InvalidBatch::Records(expected)));
    let huge = walked(&batch_of(Compression::Zstd, i32::MAX, &RECORD), &RecordRules::default());
    let expected = RecordsError::Record { index: 1, fault: RecordFault::Ends };
    assert_eq!(huge, Err(InvalidBatch::Records(expected)));
}

#[test]
fn a_topics_rules_name_the_records_that_break_them() {
    let allowed = Timestamp(5)..=Timestamp(20);
    let rules = RecordRules { key: KeyRule::Optional, timestamps: allowed.clone() };
    let refusal = |index, time| RefusedRecord {
        index,
        reason: Refusal::Timestamp { timestamp: Timestamp(time), allowed: allowed.clone() },
    };
    let refused = walked(&batch(builder(), 4), &rules).unwrap_err();
    assert_eq!(refused, InvalidBatch::Refused(vec![refusal(0, 0), refusal(3, 30)]));
    assert_eq!(
        refused.to_string(),
        "2 of the records are refused, the first because record 0 of the batch has timestamp 0, \
         must be 5 to 20"
    );

    let rules = RecordRules { key: KeyRule::Required, ..RecordRules::default() };
    let InvalidBatch::Refused(refused) = walked(&batch(builder(), 200), &rules).unwrap_err() else {
        panic!("records without a key must be refused");
    };
    assert_eq!(refused.len(), MAX_REFUSED_RECORDS);
    assert_eq!(refused[7], RefusedRecord { index: 7, reason: Refusal::NoKey });
}

#[test]
fn records_without_a_time_and_with_a_key_pass() {
    let mut builder = builder();
    let record = NewRecord { timestamp: Timestamp::NONE, key: Some(b""), ..NewRecord::default() };
    builder.append(record).unwrap();
    let rules = RecordRules { key: KeyRule::Required, timestamps: Timestamp(5)..=Timestamp(20) };
    let summary = walked(&builder.build(), &rules).unwrap();
    assert_eq!(summary.max_timestamp, Timestamp::NONE);
    assert_eq!(summary.uncompressed_bytes, 7);
}
