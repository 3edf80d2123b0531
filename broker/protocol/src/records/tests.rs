//! Properties of batches as a whole: what is built reads back, and hostile bytes are errors.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::Index;

use super::batch::{ATTRIBUTES_AT, CRC_AT};
use super::validation::{RecordRules, check_batch, check_records};
use super::*;
use crate::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

const BUDGET: u64 = 16 * 1024 * 1024;

/// A record with everything owned.
#[derive(Clone, Debug, PartialEq)]
struct Owned {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Owned {
    fn append_to(&self, builder: &mut BatchBuilder) -> Offset {
        let headers: Vec<_> =
            self.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        let record = NewRecord {
            timestamp: Timestamp(self.timestamp),
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
        };
        let before = builder.uncompressed_size();
        let size = builder.size_of_next(&record);
        let offset = builder.append(record).unwrap();
        assert_eq!(builder.uncompressed_size() - before, size, "the size was told before");
        offset
    }

    fn of(record: &RecordView<'_>) -> Owned {
        Owned {
            timestamp: record.timestamp.0,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record
                .headers()
                .map(|header| (header.key().unwrap().to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    let bytes = || weighted(0.8, vec(any::<u8>(), 0..200));
    let headers = vec((".{0,5}", bytes()), 0..4);
    (-1i64..1 << 45, bytes(), bytes(), headers).prop_map(|(timestamp, key, value, headers)| Owned {
        timestamp,
        key,
        value,
        headers,
    })
}

fn codecs() -> impl Strategy<Value = Compression> {
    proptest::sample::select(Compression::ALL.to_vec())
}

fn build(codec: Compression, records: &[Owned]) -> Vec<u8> {
    let mut builder = BatchBuilder::new().compressed(codec);
    for record in records {
        record.append_to(&mut builder);
    }
    builder.build().to_vec()
}

/// Makes the checksum fit again, so that what was changed gets past it.
fn fix_crc(bytes: &mut [u8]) {
    let crc = crc32c(&bytes[ATTRIBUTES_AT..]);
    bytes[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
}

/// The records as a whole and as a stream; both end with the first error, if there is one.
fn read_both(batch: &BatchView<'_>) -> [(Vec<Owned>, Option<RecordsError>); 2] {
    let mut whole = (Vec::new(), None);
    match batch.decompress(&mut Budget::new(BUDGET)) {
        Err(error) => whole.1 = Some(error),
        Ok(body) => {
            for record in body.records() {
                match record {
                    Ok(record) => whole.0.push(lossy(&record)),
                    Err(error) => whole.1 = Some(error),
                }
            }
        }
    }
    let mut streamed = (Vec::new(), None);
    let mut budget = Budget::new(BUDGET);
    match batch.stream(&mut budget) {
        Err(error) => streamed.1 = Some(error),
        Ok(mut stream) => loop {
            match stream.next() {
                Ok(None) => break,
                Ok(Some(record)) => streamed.0.push(lossy(&record)),
                Err(error) => {
                    streamed.1 = Some(error);
                    break;
                }
            }
        },
    }
    [whole, streamed]
}

fn lossy(record: &RecordView<'_>) -> Owned {
    let headers = record
        .headers()
        .map(|header| (header.key_lossy().into_owned(), header.value.map(<[u8]>::to_vec)))
        .collect();
    let plain =
        RecordView::without_headers(record.offset, record.timestamp, record.key, record.value);
    Owned { headers, ..Owned::of(&plain) }
}

proptest! {
    #[test]
    fn what_is_built_reads_back(
        codec in codecs(),
        records in vec(owned(), 1..30),
        base in 0i64..1 << 50,
        epoch in -1i32..100,
        producer in (-1i64..1 << 40, -1i16..100, -1i32..i32::MAX),
    ) {
        let (id, producer_epoch, sequence) = producer;
        let mut builder = BatchBuilder::new()
            .base_offset(Offset(base))
            .leader_epoch(LeaderEpoch(epoch))
            .producer(ProducerId(id), ProducerEpoch(producer_epoch), sequence)
            .compressed(codec);
        for (index, record) in records.iter().enumerate() {
            prop_assert_eq!(record.append_to(&mut builder), Offset(base + index as i64));
        }
        let bytes = builder.build();
        let batch = BatchView::only_of(&bytes).unwrap();
        prop_assert!(batch.crc_is_valid());
        prop_assert_eq!(batch.next_offset(), Offset(base + records.len() as i64));
        prop_assert_eq!(batch.partition_leader_epoch(), LeaderEpoch(epoch));
        prop_assert_eq!(batch.producer_id(), ProducerId(id));
        prop_assert_eq!(batch.producer_epoch(), ProducerEpoch(producer_epoch));
        prop_assert_eq!(batch.base_sequence(), sequence);
        prop_assert_eq!(batch.compression(), Ok(codec));
        let greatest = records.iter().map(|record| record.timestamp).max().unwrap();
        prop_assert_eq!(batch.max_timestamp(), Timestamp(greatest));
        let [whole, streamed] = read_both(&batch);
        prop_assert_eq!(&whole, &streamed);
        prop_assert_eq!(whole, (records.clone(), None));
        let summary =
            check_records(&batch, &RecordRules::default(), &mut Budget::new(BUDGET)).unwrap();
        prop_assert_eq!(summary.max_timestamp, Timestamp(greatest));
        let first = records.iter().position(|record| record.timestamp == greatest).unwrap();
        prop_assert_eq!(summary.max_timestamp_delta, first as i32);
    }

    #[test]
    fn a_changed_byte_is_caught_by_the_checksum(
        codec in codecs(),
        records in vec(owned(), 1..5),
        at in any::<Index>(),
        flip in 1u8..,
    ) {
        let mut bytes = build(codec, &records);
        let covered = bytes.len() - CRC_AT;
        bytes[CRC_AT + at.index(covered)] ^= flip;
        prop_assert!(!BatchView::only_of(&bytes).unwrap().crc_is_valid());
    }

    #[test]
    fn damage_behind_the_checksum_is_an_error_or_harmless_never_a_panic(
        codec in codecs(),
        records in vec(owned(), 1..10),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = build(codec, &records);
        let covered = bytes.len() - ATTRIBUTES_AT;
        for (at, byte) in changes {
            bytes[ATTRIBUTES_AT + at.index(covered)] = byte;
        }
        fix_crc(&mut bytes);
        let batch = BatchView::only_of(&bytes).unwrap();
        prop_assert!(batch.crc_is_valid());
        let [whole, streamed] = read_both(&batch);
        prop_assert_eq!(whole.1.is_some(), streamed.1.is_some(), "{:?} {:?}", whole.1, streamed.1);
        if whole.1.is_none() {
            prop_assert_eq!(&whole.0, &streamed.0);
        }
        let checked = check_records(&batch, &RecordRules::default(), &mut Budget::new(BUDGET));
        if let Ok(summary) = checked {
            prop_assert_eq!(&whole.1, &None, "what passes validation can be read");
            let greatest = whole.0.iter().map(|record| record.timestamp).max().unwrap_or(-1);
            prop_assert_eq!(summary.max_timestamp.0, greatest.max(-1));
        }
        let _ = check_batch(&batch);
    }

    #[test]
    fn random_bytes_are_an_error_or_a_batch_never_a_panic(
        mut bytes in vec(any::<u8>(), 0..300),
        magic in 0i8..4,
        length in 0u8..=255,
    ) {
        if bytes.len() > 16 {
            bytes[8..12].copy_from_slice(&[0, 0, 0, length]);
            bytes[16] = magic as u8;
        }
        for batch in AnyBatches::new(&bytes).flatten() {
            let _ = batch.crc_is_valid();
            if let Ok(body) = batch.decompress(&mut Budget::new(BUDGET)) {
                let _ = body.records().count();
            }
        }
        let _ = Batches::new(&bytes).count();
    }

    #[test]
    fn old_messages_that_are_damaged_never_panic(
        which in any::<Index>(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut log = conformance::an_old_log(which);
        for (at, byte) in changes {
            let at = at.index(log.len());
            log[at] = byte;
        }
        for batch in AnyBatches::new(&log).flatten() {
            if let Ok(body) = batch.decompress(&mut Budget::new(BUDGET)) {
                let _ = body.records().count();
            }
        }
    }
}

#[test]
fn holes_and_an_end_beyond_the_last_record_are_kept() {
    let mut builder = BatchBuilder::new().base_offset(Offset(10)).last_offset(Offset(19));
    let record = NewRecord::default();
    builder.append_at(Offset(12), record).unwrap();
    builder.append_at(Offset(15), record).unwrap();
    let refused = builder.append_at(Offset(15), record).unwrap_err();
    assert!(matches!(refused, AppendError::Offset { least: Offset(16), .. }), "{refused}");
    let bytes = builder.build();
    let batch = BatchView::only_of(&bytes).unwrap();
    assert_eq!((batch.base_offset(), batch.last_offset()), (Offset(10), Offset(19)));
    let records: Vec<_> = batch.records_in_place().unwrap().map(Result::unwrap).collect();
    assert_eq!([records[0].offset, records[1].offset], [Offset(12), Offset(15)]);
}

#[test]
fn the_append_time_is_every_records_time() {
    let mut builder = BatchBuilder::new().append_time(Timestamp(77));
    for time in [5, 9] {
        builder.append(NewRecord { timestamp: Timestamp(time), ..NewRecord::default() }).unwrap();
    }
    let bytes = builder.build();
    let batch = BatchView::only_of(&bytes).unwrap();
    assert_eq!(batch.max_timestamp(), Timestamp(77));
    let times = batch.records_in_place().unwrap().map(|record| record.unwrap().timestamp);
    assert!(times.eq([Timestamp(77), Timestamp(77)]));
}

#[test]
fn compressed_records_are_not_read_in_place() {
    let bytes = build(Compression::Gzip, &[]);
    let batch = BatchView::only_of(&bytes).unwrap();
    let refused = batch.records_in_place().unwrap_err();
    assert_eq!(refused, RecordsError::Compressed(Compression::Gzip));
}

#[test]
fn a_control_batch_has_its_marker() {
    use super::control::{EndTxnMarker, TxnOutcome};
    let marker = EndTxnMarker { outcome: TxnOutcome::Commit, coordinator_epoch: 3 };
    let mut builder =
        BatchBuilder::new().producer(ProducerId(9), ProducerEpoch(1), -1).transactional();
    builder.append_end_txn_marker(Timestamp(4), marker).unwrap();
    let bytes = builder.build();
    let batch = BatchView::only_of(&bytes).unwrap();
    assert!(batch.is_control() && batch.is_transactional());
    assert_eq!(batch.size(), 78, "as Kafka writes it");
    let record = batch.records_in_place().unwrap().next().unwrap().unwrap();
    assert_eq!(EndTxnMarker::from_record(&record), Ok(Some(marker)));
}

#[test]
fn a_large_batch_is_walked_in_small_pieces() {
    let mut builder = BatchBuilder::new().compressed(Compression::Zstd);
    let value = vec![b'x'; 50_000];
    for _ in 0..1000 {
        builder.append(NewRecord { value: Some(&value), ..NewRecord::default() }).unwrap();
    }
    let bytes = builder.build();
    assert!(bytes.len() < 50_000, "50 MB shrink to {}", bytes.len());
    let batch = BatchView::only_of(&bytes).unwrap();
    // The window is the frame's own claim, and what comes out is charged too.
    let mut budget = Budget::new(80_000_000);
    check_records(&batch, &RecordRules::default(), &mut budget).unwrap();
    assert_eq!(budget.used(), builder.uncompressed_size() as u64 - 61);
    let mut budget = Budget::new(49_000_000);
    let refused = check_records(&batch, &RecordRules::default(), &mut budget).unwrap_err();
    assert!(refused.to_string().contains("of 49000000 bytes"), "{refused}");

    let mut budget = Budget::new(80_000_000);
    let mut stream =
        compression::Decompressor::new(Compression::Zstd, batch.compressed_records(), &mut budget);
    loop {
        stream.advance().unwrap();
        match stream.chunk().len() {
            0 => break,
            length => assert!(length <= 64 * 1024),
        }
    }
}

/// A producer's way to the same batch: a bound on its size, and no copy at the end.
#[test]
fn a_batch_that_is_finished_is_the_one_that_is_built() {
    let record = NewRecord { key: Some(b"k"), value: Some(&[7; 40]), ..NewRecord::default() };
    for codec in [Compression::None, Compression::Zstd] {
        let mut builder = BatchBuilder::new().compressed(codec).with_capacity(200);
        assert_eq!(builder.append_within(record, 10), Ok(Some(builder.size_of_next(&record))));
        let full = builder.uncompressed_size() + builder.size_of_next(&record);
        assert_eq!(builder.append_within(record, full - 1), Ok(None));
        assert!(builder.append_within(record, full).unwrap().is_some());
        assert_eq!(builder.uncompressed_size(), full);
        assert_eq!(builder.count(), 2);
        assert_eq!(builder.build(), builder.clone().finish());
    }
    assert_eq!(BatchBuilder::new().build(), BatchBuilder::new().finish());
}
