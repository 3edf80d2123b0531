//! Disks that fail: what goes offline, what goes on, and what clients are told.

use kt_node::LogLevel;
use kt_protocol::ErrorCode;
use kt_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kt_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse, ProduceResponse};
use kt_storage::simulated_disk::{Call, CrashMode, Fault};

use crate::records::{PRODUCE_VERSION, batch, produce_request};
use crate::support::Harness;

const STORAGE_ERROR: i16 = ErrorCode::KafkaStorageError as i16;

/// Two log directories, the metadata log in the first. Gives a partition in the first and one in
/// the second.
fn two_directories() -> (Harness, i32, i32) {
    let mut harness =
        Harness::new(&[("log.dirs", "/a,/b"), ("metadata.max.idle.interval.ms", "0")]);
    harness.create_topic("orders", 2, &[]);
    for partition in 0..2 {
        harness.produce("orders", partition, batch(&["before"]));
    }
    harness.advance(2_000);
    let in_a = harness.disk.contents("/a/orders-0/00000000000000000000.log".as_ref()).is_some();
    match in_a {
        true => (harness, 0, 1),
        false => (harness, 1, 0),
    }
}

fn errors(harness: &mut Harness, partition: i32) -> [i16; 3] {
    let produced = harness.produce("orders", partition, batch(&["after"])).error_code;
    let fetched = harness.fetch("orders", partition, 0).responses[0].partitions[0].error_code;
    let asked = ListOffsetsPartition {
        partition_index: partition,
        current_leader_epoch: -1,
        timestamp: -1,
    };
    let topic = ListOffsetsTopic { name: "orders".to_owned(), partitions: vec![asked] };
    let request = ListOffsetsRequest { topics: vec![topic], ..ListOffsetsRequest::default() };
    let listed: ListOffsetsResponse = harness.call(11, &request);
    [produced, fetched, listed.topics[0].partitions[0].error_code]
}

fn said_offline(harness: &Harness, path: &str) -> bool {
    let text = format!("the log directory {path} is offline");
    harness.log.iter().any(|(level, line)| *level == LogLevel::Error && line.starts_with(&text))
}

#[test]
fn a_failed_append_takes_its_directory_offline_and_no_other() {
    for fault in [Fault::Eio, Fault::Enospc] {
        let (mut harness, in_a, in_b) = two_directories();
        harness.disk.fail(Call::Write, 1, fault);
        let failed = harness.produce("orders", in_b, batch(&["lost"]));
        assert_eq!((failed.error_code, failed.base_offset), (STORAGE_ERROR, -1), "{fault:?}");
        assert_eq!(errors(&mut harness, in_b), [STORAGE_ERROR; 3], "{fault:?}");
        assert_eq!(errors(&mut harness, in_a), [0; 3], "{fault:?}");
        assert!(said_offline(&harness, "/b") && harness.fatal.is_none());
        assert_eq!(harness.node().metrics().offline_log_directories, 1);
        harness.crash_and_reopen(CrashMode::Process);
        assert_eq!(harness.values("orders", in_b, 0), ["before"], "{fault:?}");
    }
}

#[test]
fn a_failed_flush_acknowledges_nothing_and_is_not_tried_again() {
    let (mut harness, in_a, in_b) = two_directories();
    harness.holds_flushes = true;
    let request = produce_request("orders", in_b, -1, batch(&["unsure"]));
    let waiting = harness.send(1, PRODUCE_VERSION, &request);
    harness.disk.fail(Call::Sync, 1, Fault::Eio);
    harness.release_flushes();
    let response: ProduceResponse = harness.answer(waiting, PRODUCE_VERSION);
    assert_eq!(response.responses[0].partition_responses[0].error_code, STORAGE_ERROR);
    assert_eq!(errors(&mut harness, in_b), [STORAGE_ERROR; 3]);
    assert_eq!(errors(&mut harness, in_a), [0; 3]);
    assert!(said_offline(&harness, "/b") && harness.fatal.is_none());
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(harness.values("orders", in_b, 0), ["before"]);
    assert_eq!(harness.values("orders", in_a, 0), ["before", "after"]);
}

#[test]
fn a_waiting_fetch_hears_that_its_directory_is_lost() {
    let (mut harness, _, in_b) = two_directories();
    let mut request = crate::records::fetch_request("orders", in_b, 1);
    request.max_wait_ms = 10_000;
    let poll = harness.send(4, crate::records::FETCH_VERSION, &request);
    harness.disk.fail(Call::Write, 1, Fault::Eio);
    harness.produce("orders", in_b, batch(&["lost"]));
    let response: kt_protocol::messages::FetchResponse =
        harness.answer(poll, crate::records::FETCH_VERSION);
    assert_eq!(response.responses[0].partitions[0].error_code, STORAGE_ERROR);
}

#[test]
fn a_failed_read_takes_its_directory_offline() {
    let (mut harness, in_a, in_b) = two_directories();
    harness.crash_and_reopen(CrashMode::Process);
    harness.disk.fail(Call::Read, 1, Fault::Eio);
    let fetched = harness.fetch("orders", in_b, 0);
    assert_eq!(fetched.responses[0].partitions[0].error_code, STORAGE_ERROR);
    assert_eq!(errors(&mut harness, in_b), [STORAGE_ERROR; 3]);
    assert_eq!(errors(&mut harness, in_a), [0; 3]);
}

#[test]
fn the_last_directory_takes_the_node_with_it() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.disk.fail(Call::Write, 1, Fault::Eio);
    let failed = harness.produce("orders", 0, batch(&["lost"]));
    assert_eq!(failed.error_code, STORAGE_ERROR);
    let fatal = harness.fatal.take().expect("nothing is left to serve");
    assert!(fatal.contains("/data") && fatal.contains("start again"), "{fatal}");
    harness.crash_and_reopen(CrashMode::Process);
    assert_eq!(harness.values("orders", 0, 0), [] as [&str; 0]);
}

#[test]
fn the_metadata_log_takes_the_node_with_it() {
    for call in [Call::Write, Call::Sync] {
        let (mut harness, ..) = two_directories();
        harness.disk.fail(call, 1, Fault::Eio);
        harness.begin_create_topic("more");
        let fatal = harness.fatal.take().expect("nobody can be told what is true");
        assert!(fatal.contains("metadata log"), "{fatal}");
    }
}

#[test]
fn deleting_records_is_answered_though_the_checkpoint_fails() {
    let (mut harness, in_a, in_b) = two_directories();
    for partition in [in_a, in_b] {
        harness.produce("orders", partition, batch(&["second"]));
    }
    harness.advance(2_000);
    harness.disk.fail(Call::Rename, 1, Fault::Eio);
    assert_eq!(harness.delete_records("orders", in_b, 1), (STORAGE_ERROR, -1));
    assert!(said_offline(&harness, "/b") && harness.fatal.is_none());
    assert_eq!(harness.delete_records("orders", in_a, 1), (0, 1));
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(harness.values("orders", in_b, 0), ["before", "second"]);
}
