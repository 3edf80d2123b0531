//! Offsets and producers: ListOffsets, DeleteRecords, OffsetForLeaderEpoch, InitProducerId.

use kt_protocol::ErrorCode;
use kt_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kt_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kt_protocol::messages::{
    InitProducerIdRequest, InitProducerIdResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use kt_storage::simulated_disk::CrashMode;

use crate::records::batch;
use crate::support::Harness;

fn list(harness: &mut Harness, timestamp: i64) -> (i64, i64) {
    let partition =
        ListOffsetsPartition { current_leader_epoch: -1, timestamp, ..Default::default() };
    let topic = ListOffsetsTopic { name: "orders".to_owned(), partitions: vec![partition] };
    let request = ListOffsetsRequest { topics: vec![topic], ..Default::default() };
    let response: ListOffsetsResponse = harness.call(11, &request);
    let partition = &response.topics[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    (partition.offset, partition.timestamp)
}

fn delete(harness: &mut Harness, offset: i64) -> (i16, i64) {
    harness.delete_records("orders", 0, offset)
}

#[test]
fn deleted_records_stay_deleted() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a", "b", "c"]));
    assert_eq!((list(&mut harness, -2).0, list(&mut harness, -1).0), (0, 3));
    assert_eq!(delete(&mut harness, 2), (0, 2));
    assert_eq!(delete(&mut harness, 4).0, ErrorCode::OffsetOutOfRange as i16);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!((list(&mut harness, -2).0, list(&mut harness, -4).0), (2, 2));
    assert_eq!(harness.values("orders", 0, 2), ["c"]);
    let below = harness.fetch("orders", 0, 1);
    let code = below.responses[0].partitions[0].error_code;
    assert_eq!(code, ErrorCode::OffsetOutOfRange as i16);
    assert_eq!(delete(&mut harness, -1), (0, 3));
}

#[test]
fn an_epoch_ends_where_the_next_begins() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a", "b"]));
    harness.crash_and_reopen(CrashMode::Process);
    harness.produce("orders", 0, batch(&["c"]));
    let mut end_of = |leader_epoch| {
        let partition =
            OffsetForLeaderPartition { partition: 0, current_leader_epoch: -1, leader_epoch };
        let topic =
            OffsetForLeaderTopic { topic: "orders".to_owned(), partitions: vec![partition] };
        let request = OffsetForLeaderEpochRequest { replica_id: -1, topics: vec![topic] };
        let response: OffsetForLeaderEpochResponse = harness.call(4, &request);
        let end = &response.topics[0].partitions[0];
        (end.leader_epoch, end.end_offset)
    };
    assert_eq!(end_of(0), (0, 2));
    let (newest, end) = end_of(2);
    assert!(0 < newest);
    assert_eq!(end, 3);
    assert_eq!(end_of(99), (-1, -1));
}

#[test]
fn producer_ids_are_never_given_twice() {
    let mut harness = Harness::new(&[]);
    let request = InitProducerIdRequest {
        transactional_id: None,
        producer_id: -1,
        producer_epoch: -1,
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        for _ in 0..3 {
            let response: InitProducerIdResponse = harness.call(5, &request);
            assert_eq!((response.error_code, response.producer_epoch), (0, 0));
            ids.push(response.producer_id);
        }
        harness.crash_and_reopen(CrashMode::LoseUnsynced);
    }
    assert_eq!(ids, [0, 1, 2, 1000, 1001, 1002]);
    let transactional = InitProducerIdRequest { transactional_id: Some("t".to_owned()), ..request };
    let refused: InitProducerIdResponse = harness.call(5, &transactional);
    assert!(!ErrorCode::from_code(refused.error_code).is_retriable());
    assert_ne!(refused.error_code, 0);
}
