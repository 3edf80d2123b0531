//! What a produced batch has to be, what becomes of it, and what is refused.

use bytes::Bytes;
use kt_protocol::ErrorCode;
use kt_protocol::messages::ProduceResponse;
use kt_protocol::messages::produce_response::PartitionProduceResponse;
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{
    BatchBuilder, BatchView, Budget, Compression, Compressor, NewRecord, TimestampType, compression,
};
use kt_protocol::types::{ProducerEpoch, ProducerId, Timestamp};
use kt_storage::simulated_disk::CrashMode;

use crate::records::{PRODUCE_VERSION, batch, batch_of, fill, produce_request};
use crate::support::{Harness, START_OF_TIME};

/// A node with one topic of these configs.
fn with(configs: &[(&str, &str)]) -> Harness {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, configs);
    harness
}

fn code(reply: &PartitionProduceResponse) -> ErrorCode {
    assert!(reply.error_code == 0 || reply.base_offset == -1);
    ErrorCode::from_code(reply.error_code)
}

fn refusal(harness: &mut Harness, batch: Bytes) -> ErrorCode {
    let code = code(&harness.produce("orders", 0, batch));
    assert_eq!(harness.values("orders", 0, 0), [] as [&str; 0], "nothing is stored");
    code
}

fn keyed(key: Option<&str>) -> Bytes {
    let mut builder = BatchBuilder::new();
    let record = NewRecord {
        timestamp: Timestamp(START_OF_TIME),
        key: key.map(str::as_bytes),
        value: Some(b"v"),
        ..NewRecord::default()
    };
    builder.append(record).unwrap();
    builder.build()
}

fn stored(harness: &mut Harness) -> Bytes {
    let response = harness.fetch("orders", 0, 0);
    response.responses[0].partitions[0].records.as_ref().unwrap().as_bytes().unwrap().clone()
}

#[test]
fn a_batch_that_is_too_large_is_refused() {
    let mut harness = with(&[("max.message.bytes", "200")]);
    assert_eq!(refusal(&mut harness, batch(&[&"x".repeat(200)])), ErrorCode::MessageTooLarge);
    assert_eq!(code(&harness.produce("orders", 0, batch(&["x"]))), ErrorCode::None);
    let mut harness = Harness::new(&[("message.max.bytes", "200")]);
    harness.create_topic("orders", 1, &[]);
    assert_eq!(refusal(&mut harness, batch(&[&"x".repeat(200)])), ErrorCode::MessageTooLarge);
}

#[test]
fn a_damaged_batch_is_refused() {
    let whole = batch(&["hello"]);
    let mut damaged = whole.to_vec();
    let last = damaged.len() - 2;
    damaged[last] ^= 4;
    let mut harness = with(&[]);
    assert_eq!(refusal(&mut harness, damaged.into()), ErrorCode::CorruptMessage);
    let torn = whole.slice(..whole.len() - 3);
    assert_eq!(refusal(&mut harness, torn), ErrorCode::CorruptMessage);
    let twice = Bytes::from([&whole[..], &whole[..]].concat());
    assert_eq!(refusal(&mut harness, twice), ErrorCode::InvalidRecord);
    assert_eq!(refusal(&mut harness, Bytes::new()), ErrorCode::InvalidRecord);
}

#[test]
fn a_client_writes_no_control_records() {
    let mut builder = BatchBuilder::new();
    builder.append_control(Timestamp(START_OF_TIME), ControlType::Commit, &[0; 6]).unwrap();
    assert_eq!(refusal(&mut with(&[]), builder.build()), ErrorCode::InvalidRecord);
}

#[test]
fn a_compacted_topic_wants_keys() {
    for policy in ["compact", "compact,delete"] {
        let mut harness = with(&[("cleanup.policy", policy)]);
        let reply = harness.produce("orders", 0, keyed(None));
        assert_eq!(code(&reply), ErrorCode::InvalidRecord);
        assert_eq!(reply.record_errors[0].batch_index, 0);
        assert_eq!(code(&harness.produce("orders", 0, keyed(Some("k")))), ErrorCode::None);
        let compressed = BatchBuilder::new().compressed(Compressor::from(Compression::Lz4));
        let reply = harness.produce("orders", 0, fill(compressed, &["no key", "none either"]));
        assert_eq!(code(&reply), ErrorCode::InvalidRecord);
        let blamed: Vec<i32> = reply.record_errors.iter().map(|it| it.batch_index).collect();
        assert_eq!(blamed, [0, 1]);
    }
}

#[test]
fn log_append_time_is_the_brokers() {
    let mut harness = with(&[("message.timestamp.type", "LogAppendTime")]);
    harness.advance(5_000);
    let now = harness.now.wall.0;
    let reply = harness.produce("orders", 0, batch(&["a", "b"]));
    assert_eq!((code(&reply), reply.log_append_time_ms), (ErrorCode::None, now));
    let bytes = stored(&mut harness);
    let view = BatchView::first_of(&bytes).unwrap();
    assert_eq!(view.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(view.max_timestamp(), Timestamp(now));
    assert!(view.crc_is_valid());
    let mut harness = with(&[]);
    assert_eq!(harness.produce("orders", 0, batch(&["a"])).log_append_time_ms, -1);
}

#[test]
fn timestamps_that_are_too_far_off_are_refused() {
    let mut harness = with(&[
        ("message.timestamp.before.max.ms", "1000"),
        ("message.timestamp.after.max.ms", "1000"),
    ]);
    assert_eq!(code(&harness.produce("orders", 0, batch(&["a"]))), ErrorCode::None);
    harness.advance(1_001);
    let reply = harness.produce("orders", 0, batch(&["a"]));
    assert_eq!(code(&reply), ErrorCode::InvalidTimestamp);
    assert_eq!(reply.record_errors.len(), 1);
}

#[test]
fn the_topic_says_how_a_batch_is_compressed() {
    for (wanted, expected) in [
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
        ("uncompressed", Compression::None),
        ("producer", Compression::Snappy),
    ] {
        let mut harness = with(&[("compression.type", wanted)]);
        let values = ["a".repeat(300), "b".repeat(300)];
        let builder = BatchBuilder::new()
            .compressed(Compressor::from(Compression::Snappy))
            .producer(ProducerId(7), ProducerEpoch(0), 0);
        let reply = harness.produce("orders", 0, fill(builder, &[&values[0], &values[1]]));
        assert_eq!((code(&reply), reply.base_offset), (ErrorCode::None, 0), "{wanted}");
        let bytes = stored(&mut harness);
        let view = BatchView::first_of(&bytes).unwrap();
        assert!(view.crc_is_valid());
        assert_eq!(view.compression(), Ok(expected), "{wanted}");
        assert_eq!((view.producer_id(), view.base_sequence()), (ProducerId(7), 0));
        assert_eq!(view.max_timestamp(), Timestamp(START_OF_TIME));
        let records = match expected {
            Compression::None => view.compressed_records().to_vec(),
            _ => {
                let mut budget = Budget::new(1 << 20);
                compression::decompress(expected, view.compressed_records(), &mut budget).unwrap()
            }
        };
        let read: Vec<Vec<u8>> =
            view.records_in(&records).map(|it| it.unwrap().value.unwrap().to_vec()).collect();
        assert_eq!(read, values.map(String::into_bytes), "{wanted}");
    }
}

#[test]
fn five_batches_of_a_producer_are_remembered() {
    let mut harness = with(&[]);
    for sequence in 0..6 {
        let reply = harness.produce("orders", 0, batch_of(7, 0, sequence * 2, &["x", "y"]));
        assert_eq!((code(&reply), reply.base_offset), (ErrorCode::None, i64::from(sequence) * 2));
    }
    for round in 0..2 {
        for sequence in 1..6 {
            let again = harness.produce("orders", 0, batch_of(7, 0, sequence * 2, &["x", "y"]));
            let found = (code(&again), again.base_offset);
            assert_eq!(found, (ErrorCode::None, i64::from(sequence) * 2), "round {round}");
        }
        let forgotten = harness.produce("orders", 0, batch_of(7, 0, 0, &["x", "y"]));
        assert_eq!(code(&forgotten), ErrorCode::OutOfOrderSequenceNumber);
        harness.crash_and_reopen(CrashMode::LoseUnsynced);
    }
    assert_eq!(harness.values("orders", 0, 0).len(), 12);
}

#[test]
fn sequences_and_epochs_go_up_one_by_one() {
    let mut harness = with(&[]);
    let produce = |harness: &mut Harness, epoch, sequence| {
        code(&harness.produce("orders", 0, batch_of(7, epoch, sequence, &["x"])))
    };
    assert_eq!(produce(&mut harness, 3, 0), ErrorCode::None);
    assert_eq!(produce(&mut harness, 3, 2), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(produce(&mut harness, 2, 1), ErrorCode::InvalidProducerEpoch);
    assert_eq!(produce(&mut harness, 4, 1), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(produce(&mut harness, 4, 0), ErrorCode::None);
    assert_eq!(produce(&mut harness, 3, 1), ErrorCode::InvalidProducerEpoch);
    assert_eq!(produce(&mut harness, 4, 1), ErrorCode::None);
    assert_eq!(harness.values("orders", 0, 0).len(), 3);
}

#[test]
fn there_are_no_transactions_yet() {
    let mut harness = with(&[]);
    let builder = BatchBuilder::new().producer(ProducerId(7), ProducerEpoch(0), 0).transactional();
    let code = refusal(&mut harness, fill(builder, &["x"]));
    assert_eq!(code, ErrorCode::InvalidTxnState);
    assert!(!code.is_retriable());
    let mut request = produce_request("orders", 0, -1, batch_of(7, 0, 0, &["x"]));
    request.transactional_id = Some("t".to_owned());
    let response: ProduceResponse = harness.call(PRODUCE_VERSION, &request);
    let code = response.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ErrorCode::InvalidTxnState as i16);
}

#[test]
fn an_unknown_acks_is_refused_and_a_refused_batch_without_answer_closes() {
    let mut harness = with(&[]);
    let request = produce_request("orders", 0, 2, batch(&["x"]));
    let response: ProduceResponse = harness.call(PRODUCE_VERSION, &request);
    let code = response.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ErrorCode::InvalidRequiredAcks as i16);
    harness.send(5, PRODUCE_VERSION, &produce_request("nowhere", 0, 0, batch(&["x"])));
    assert_eq!(harness.closed.len(), 1);
}
