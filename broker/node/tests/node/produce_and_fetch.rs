//! The data path, end to end.

use kt_node::ConnectionId;
use kt_protocol::ErrorCode;
use kt_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchResponse, MetadataRequest, MetadataResponse,
    ProduceResponse,
};
use kt_storage::simulated_disk::CrashMode;

use crate::records::{
    FETCH_VERSION, PRODUCE_VERSION, batch, batch_of, fetch_request, produce_request, read_values,
};
use crate::support::Harness;

#[test]
fn a_fresh_node_serves() {
    let mut harness = Harness::new(&[]);
    let versions: ApiVersionsResponse = harness.call(
        4,
        &ApiVersionsRequest {
            client_software_name: "test".to_owned(),
            client_software_version: "1".to_owned(),
        },
    );
    assert_eq!(versions.error_code, 0);
    let metadata: MetadataResponse = harness.call(12, &MetadataRequest::default());
    assert_eq!(metadata.brokers.len(), 1);
    harness.create_topic("orders", 2, &[]);
    let reply = harness.produce("orders", 1, batch(&["a", "b"]));
    assert_eq!((reply.error_code, reply.base_offset), (0, 0));
    let reply = harness.produce("orders", 1, batch(&["c"]));
    assert_eq!((reply.error_code, reply.base_offset), (0, 2));
    assert_eq!(harness.values("orders", 1, 0), ["a", "b", "c"]);
    assert_eq!(harness.values("orders", 1, 1), ["b", "c"]);
    assert_eq!(harness.values("orders", 0, 0), [] as [&str; 0]);
}

#[test]
fn acknowledged_records_survive_every_crash() {
    for mode in [CrashMode::Process, CrashMode::LoseUnsynced, CrashMode::Torn] {
        let mut harness = Harness::new(&[]);
        harness.create_topic("orders", 1, &[]);
        for round in 0..3 {
            let value = format!("{mode:?}-{round}");
            assert_eq!(harness.produce("orders", 0, batch(&[&value])).base_offset, round);
            harness.crash_and_reopen(mode);
            assert!(harness.is_ready);
        }
        let expected: Vec<String> = (0..3).map(|round| format!("{mode:?}-{round}")).collect();
        assert_eq!(harness.values("orders", 0, 0), expected);
    }
}

#[test]
fn a_clean_stop_leaves_nothing_to_recover() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a"]));
    harness.stop();
    let marker = harness.disk.contents("/data/.kafka_cleanshutdown".as_ref()).unwrap();
    assert!(String::from_utf8(marker).unwrap().contains("brokerEpoch"));
    harness.open().unwrap();
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
}

#[test]
fn acks_all_waits_for_the_flush_and_consumers_for_the_high_watermark() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.holds_flushes = true;
    let all = harness.send(1, PRODUCE_VERSION, &produce_request("orders", 0, -1, batch(&["a"])));
    let one = harness.send(1, PRODUCE_VERSION, &produce_request("orders", 0, 1, batch(&["b"])));
    let none = harness.send(1, PRODUCE_VERSION, &produce_request("orders", 0, 0, batch(&["c"])));
    assert!(!harness.is_answered(all));
    let one: ProduceResponse = harness.answer(one, PRODUCE_VERSION);
    assert_eq!(one.responses[0].partition_responses[0].base_offset, 1);
    assert!(harness.answer_bytes(none).is_empty());
    assert_eq!(harness.values("orders", 0, 0), [] as [&str; 0]);
    // One ticket is out, whatever was appended meanwhile.
    assert_eq!(harness.held_flushes.len(), 1);
    harness.release_flushes();
    let all: ProduceResponse = harness.answer(all, PRODUCE_VERSION);
    assert_eq!(all.responses[0].partition_responses[0].error_code, 0);
    assert_eq!(harness.values("orders", 0, 0), ["a", "b", "c"]);
}

#[test]
fn a_produce_that_takes_too_long_times_out_once() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.holds_flushes = true;
    let reply_to =
        harness.send(1, PRODUCE_VERSION, &produce_request("orders", 0, -1, batch(&["a"])));
    harness.advance(29_999);
    assert!(!harness.is_answered(reply_to));
    harness.advance(1);
    let response: ProduceResponse = harness.answer(reply_to, PRODUCE_VERSION);
    let partition = &response.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, ErrorCode::RequestTimedOut as i16);
    harness.release_flushes();
    assert!(!harness.is_answered(reply_to));
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
}

#[test]
fn the_append_wakes_a_long_poll() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    let mut request = fetch_request("orders", 0, 0);
    request.max_wait_ms = 500;
    let poll = harness.send(5, FETCH_VERSION, &request);
    assert!(!harness.is_answered(poll));
    harness.produce("orders", 0, batch(&["a"]));
    let response: FetchResponse = harness.answer(poll, FETCH_VERSION);
    let data = &response.responses[0].partitions[0];
    assert_eq!(read_values(data.records.as_ref(), 0), [(0, "a".to_owned())]);
    assert_eq!(data.high_watermark, 1);

    request.topics[0].partitions[0].fetch_offset = 1;
    let poll = harness.send(5, FETCH_VERSION, &request);
    harness.advance(499);
    assert!(!harness.is_answered(poll));
    harness.advance(1);
    let response: FetchResponse = harness.answer(poll, FETCH_VERSION);
    assert!(read_values(response.responses[0].partitions[0].records.as_ref(), 0).is_empty());
}

#[test]
fn a_closed_connection_undoes_nothing() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.holds_flushes = true;
    let produce =
        harness.send(9, PRODUCE_VERSION, &produce_request("orders", 0, -1, batch(&["a"])));
    let mut request = fetch_request("orders", 0, 0);
    request.max_wait_ms = 500;
    let poll = harness.send(9, FETCH_VERSION, &request);
    harness.input(kt_node::Input::Closed(ConnectionId(9)));
    harness.release_flushes();
    harness.advance(60_000);
    assert!(!harness.is_answered(produce) && !harness.is_answered(poll));
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
}

#[test]
fn a_batch_that_comes_again_has_its_offset_already() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    for sequence in 0..3 {
        let reply = harness.produce("orders", 0, batch_of(7, 0, sequence, &["x"]));
        assert_eq!((reply.error_code, reply.base_offset), (0, i64::from(sequence)));
    }
    let again = harness.produce("orders", 0, batch_of(7, 0, 1, &["x"]));
    assert_eq!((again.error_code, again.base_offset), (0, 1));
    let gap = harness.produce("orders", 0, batch_of(7, 0, 5, &["x"]));
    assert_eq!(gap.error_code, ErrorCode::OutOfOrderSequenceNumber as i16);
    harness.crash_and_reopen(CrashMode::Process);
    let again = harness.produce("orders", 0, batch_of(7, 0, 2, &["x"]));
    assert_eq!((again.error_code, again.base_offset), (0, 2));
    let next = harness.produce("orders", 0, batch_of(7, 0, 3, &["x"]));
    assert_eq!((next.error_code, next.base_offset), (0, 3));
}
