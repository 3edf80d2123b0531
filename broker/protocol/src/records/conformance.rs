//! Logs that Apache Kafka wrote, read and compared with what its `kafka-dump-log` prints of them.

mod dump;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;

use super::*;
use crate::types::{LeaderEpoch, Offset};

macro_rules! archive {
    ($name:literal) => {
        (
            files(include_bytes!(concat!("../../tests/data/", $name, ".tar.gz"))),
            files(include_bytes!(concat!("../../tests/data/", $name, ".dumps.tar.gz"))),
        )
    };
}

type Files = BTreeMap<String, Vec<u8>>;

fn files(archive: &[u8]) -> Files {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let mut files = Files::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if name.ends_with(".log") || name.ends_with(".log.data.dump") {
            files.insert(name, bytes);
        }
    }
    files
}

/// One of the logs of magic 0 or 1.
pub(super) fn an_old_log(which: proptest::sample::Index) -> Vec<u8> {
    static LOGS: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| archive!("h-old-formats").0.into_values().collect());
    which.get(&LOGS).clone()
}

fn budget() -> Budget {
    Budget::new(4 * 1024 * 1024)
}

/// The dump without what the tool says of a segment that does not follow the one it saw before.
fn expected(dump: &[u8]) -> String {
    let text = str::from_utf8(dump).unwrap();
    let end = text.find("Non-consecutive offsets in ").unwrap_or(text.len());
    text[..end].to_owned()
}

fn compare((logs, dumps): (Files, Files), least: usize) {
    assert!(logs.len() >= least, "the archive has {} logs", logs.len());
    for (name, log) in &logs {
        let expected = expected(&dumps[&format!("{name}.data.dump")]);
        let ours = dump::dump(name, log);
        for (line, (ours, expected)) in ours.lines().zip(expected.lines()).enumerate() {
            assert_eq!(ours, expected, "{name}, line {line}");
        }
        assert_eq!(ours.len(), expected.len(), "{name}");
    }
}

#[test]
fn batches_of_every_codec_read_as_kafka_reads_them() {
    compare(archive!("a-codecs"), 20);
}

#[test]
fn transactions_and_their_markers_read_as_kafka_reads_them() {
    compare(archive!("b-transactions"), 3);
}

#[test]
fn compacted_batches_read_as_kafka_reads_them() {
    compare(archive!("c-compacted"), 4);
}

#[test]
fn messages_of_magic_0_and_1_read_as_kafka_reads_them() {
    compare(archive!("h-old-formats"), 12);
}

#[test]
fn a_log_of_all_magics_is_walked() {
    let (old, _) = archive!("h-old-formats");
    let (new, _) = archive!("a-codecs");
    let mixed: Vec<u8> = [
        &old["magic0-gzip-0/00000000000000000000.log"],
        &old["magic1-lz4-0/00000000000000000000.log"],
        &new["codec-zstd-0/00000000000000000000.log"],
    ]
    .into_iter()
    .flatten()
    .copied()
    .collect();
    let mut magics = BTreeMap::new();
    for batch in AnyBatches::new(&mixed) {
        let batch = batch.unwrap();
        assert!(batch.crc_is_valid());
        let body = batch.decompress(&mut budget()).unwrap();
        *magics.entry(batch.magic()).or_insert(0) += body.records().map(Result::unwrap).count();
    }
    assert_eq!(magics, BTreeMap::from([(0, 44), (1, 44), (2, 90)]));

    let torn = &mixed[..mixed.len() - 1];
    assert!(AnyBatches::new(torn).last().unwrap().unwrap_err().is_torn());
}

/// The header values, which the tool does not print, as the fixture's client sent them.
#[test]
fn headers_keep_their_order_repetitions_and_nulls() {
    let (logs, _) = archive!("a-codecs");
    let log = &logs["codec-lz4-0/00000000000000000000.log"];
    let batch = Batches::new(log).nth(1).unwrap().unwrap();
    let body = batch.decompress(&mut budget()).unwrap();
    let record = body.records().next().unwrap().unwrap();
    let headers: Vec<_> =
        record.headers().map(|header| (header.key().unwrap(), header.value)).collect();
    let expected: [(&str, Option<&[u8]>); 5] = [
        ("h", Some(b"first")),
        ("h", Some(b"second of the same name")),
        ("null", None),
        ("empty", Some(b"")),
        ("", Some(b"no name")),
    ];
    assert_eq!(headers, expected);
}

/// What the builder makes of the header and the records of `batch`.
fn rebuild(batch: &BatchView<'_>, body: &Body<'_>) -> Vec<u8> {
    let mut builder = BatchBuilder::new()
        .base_offset(batch.base_offset())
        .last_offset(batch.last_offset())
        .leader_epoch(batch.partition_leader_epoch())
        .compressed(batch.compression().unwrap())
        .producer(batch.producer_id(), batch.producer_epoch(), batch.base_sequence())
        .max_timestamp(batch.max_timestamp());
    if batch.is_transactional() {
        builder = builder.transactional();
    }
    if batch.is_control() {
        builder = builder.control();
    }
    if batch.timestamp_type() == TimestampType::LogAppendTime {
        builder = builder.append_time(batch.max_timestamp());
    }
    if let Some(horizon) = batch.delete_horizon() {
        builder = builder.delete_horizon(horizon);
    }
    for record in body.records() {
        let record = record.unwrap();
        let headers: Vec<_> =
            record.headers().map(|header| (header.key().unwrap(), header.value)).collect();
        let RecordView { offset, timestamp, key, value, .. } = record;
        builder.append_at(offset, NewRecord { timestamp, key, value, headers: &headers }).unwrap();
    }
    builder.build().to_vec()
}

#[test]
fn the_builder_makes_the_same_bytes_as_kafka() {
    let mut same = 0;
    for (logs, _) in [archive!("a-codecs"), archive!("b-transactions"), archive!("c-compacted")] {
        for (name, log) in &logs {
            for batch in Batches::new(log) {
                let batch = batch.unwrap();
                let body = batch.decompress(&mut budget()).unwrap();
                let rebuilt = rebuild(&batch, &body);
                let view = BatchView::only_of(&rebuilt).unwrap();
                // Compressors differ; the records must not. The append's time hides the records' own.
                if batch.compression() == Ok(Compression::None) {
                    assert_eq!(rebuilt, batch.bytes(), "{name}, offset {}", batch.base_offset());
                    same += 1;
                } else if batch.timestamp_type() == TimestampType::CreateTime {
                    let again = view.decompress(&mut budget()).unwrap();
                    assert_eq!(again.bytes(), body.bytes(), "{name}");
                }
            }
        }
    }
    assert!(same > 50, "only {same} batches were compared byte by byte");
}

#[test]
fn what_kafka_stored_passes_validation_whole_and_streamed() {
    let (logs, _) = archive!("a-codecs");
    for (name, log) in &logs {
        for batch in Batches::new(log) {
            let batch = batch.unwrap();
            let rules = validation::RecordRules::default();
            let summary = validation::check_records(&batch, &rules, &mut budget()).unwrap();
            if batch.timestamp_type() == TimestampType::CreateTime {
                validation::check_batch(&batch).unwrap();
                assert_eq!(summary.max_timestamp, batch.max_timestamp(), "{name}");
            }
            let body = batch.decompress(&mut budget()).unwrap();
            assert_eq!(summary.uncompressed_bytes, body.bytes().len() as u64, "{name}");
            let mut budget = budget();
            let mut stream = batch.stream(&mut budget).unwrap();
            for record in body.records() {
                assert_eq!(stream.next().unwrap(), Some(record.unwrap()), "{name}");
            }
            assert_eq!(stream.next(), Ok(None), "{name}");
        }
    }
}

/// A batch that Apache Kafka's own classes wrote: two records, LogAppendTime bit unset, one header.
#[test]
fn a_known_batch_reads_and_is_made_byte_by_byte() {
    let bytes: Vec<u8> = [
        "000000000000000000000045ffffffff027024a7ee0000000000010000018bcfe56800",
        "0000018bcfe56801ffffffffffffffffffffffffffff00000002",
        "14000000046b3104763100",
        "100002020104763200",
    ]
    .concat()
    .as_bytes()
    .chunks(2)
    .map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap())
    .collect();
    let batch = BatchView::only_of(&bytes).unwrap();
    assert!(batch.crc_is_valid());
    assert_eq!(batch.partition_leader_epoch(), LeaderEpoch::UNKNOWN);
    let body = batch.decompress(&mut Budget::new(0)).unwrap();
    let records: Vec<_> = body.records().map(Result::unwrap).collect();
    assert_eq!(records[0].key, Some(&b"k1"[..]));
    assert_eq!((records[1].offset, records[1].key), (Offset(1), None));
    assert_eq!(rebuild(&batch, &body), bytes);
}
