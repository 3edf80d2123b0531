//! Starting: formatting, refusing, and serving before every log is open.

use bytes::Bytes;
use kt_protocol::ErrorCode;
use kt_protocol::codec::Message;
use kt_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kt_protocol::messages::{
    DescribeQuorumRequest, DescribeQuorumResponse, KRaftVersionRecord, LeaderChangeMessage,
    VotersRecord,
};
use kt_protocol::records::BatchView;
use kt_storage::simulated_disk::CrashMode;

use crate::records::batch;
use crate::support::Harness;

#[test]
fn a_log_that_is_not_open_yet_is_refused_and_then_served() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a"]));
    harness.crash(CrashMode::Process);
    harness.holds_jobs = true;
    harness.open().unwrap();
    assert!(harness.is_ready, "no log is waited for");
    let refused = harness.produce("orders", 0, batch(&["b"]));
    assert_eq!(refused.error_code, ErrorCode::NotLeaderOrFollower as i16);
    assert_eq!(harness.node().metrics().partitions_opening, 1);
    harness.release_jobs();
    assert_eq!(harness.produce("orders", 0, batch(&["b"])).base_offset, 1);
    assert_eq!(harness.values("orders", 0, 0), ["a", "b"]);
}

#[test]
fn the_log_that_somebody_asks_for_is_opened_first() {
    let mut harness = Harness::new(&[("num.recovery.threads.per.data.dir", "1")]);
    harness.create_topic("orders", 8, &[]);
    harness.crash(CrashMode::Process);
    harness.holds_jobs = true;
    harness.open().unwrap();
    let is_served = |harness: &mut Harness, partition| {
        let code = harness.produce("orders", partition, batch(&["a"])).error_code;
        assert!(code == 0 || code == ErrorCode::NotLeaderOrFollower as i16);
        code == 0
    };
    assert!(!is_served(&mut harness, 6));
    let fetched = harness.fetch("orders", 4, 0);
    let code = fetched.responses[0].partitions[0].error_code;
    assert_eq!(code, ErrorCode::NotLeaderOrFollower as i16);
    assert!(!is_served(&mut harness, 6));
    // Two are under way; those that were asked for come next.
    harness.release_jobs_named("open", 2);
    harness.release_jobs_named("open", 2);
    assert_eq!(harness.node().metrics().partitions_opening, 4);
    assert!(is_served(&mut harness, 6) && is_served(&mut harness, 4));
    harness.release_jobs();
    assert!((0..8).all(|partition| is_served(&mut harness, partition)));
}

#[test]
fn each_restart_is_a_new_leader_epoch() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    let mut epochs = Vec::new();
    for _ in 0..3 {
        harness.crash_and_reopen(CrashMode::LoseUnsynced);
        let request = DescribeQuorumRequest {
            topics: vec![TopicData {
                topic_name: "__cluster_metadata".to_owned(),
                partitions: vec![PartitionData { partition_index: 0 }],
            }],
        };
        let quorum: DescribeQuorumResponse = harness.call_controller(2, &request);
        epochs.push(quorum.topics[0].partitions[0].leader_epoch);
    }
    assert_eq!(epochs, [2, 3, 4]);
}

#[test]
fn the_metadata_log_begins_as_kafkas_does() {
    let harness = Harness::new(&[]);
    let file = |name: &str| {
        let path = format!("/data/__cluster_metadata-0/{name}");
        harness.disk.contents(path.as_ref()).unwrap()
    };
    assert_eq!(file("partition.metadata"), b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
    let log = file("00000000000000000000.log");
    let first = BatchView::first_of(&log).unwrap();
    assert!(first.is_control());
    let values: Vec<Bytes> = first
        .records_in_place()
        .unwrap()
        .map(|record| Bytes::copy_from_slice(record.unwrap().value.unwrap()))
        .collect();
    // Kafka's tools read all of these at version 0, whatever they say of themselves.
    let leader = LeaderChangeMessage::decode_all(&values[0], 0).unwrap();
    assert_eq!((leader.version, leader.leader_id, leader.voters.len()), (0, 1, 1));
    assert_eq!(KRaftVersionRecord::decode_all(&values[1], 0).unwrap().kraft_version, 1);
    assert_eq!(VotersRecord::decode_all(&values[2], 0).unwrap().voters.len(), 1);
}

#[test]
fn another_nodes_directory_is_refused() {
    let mut harness = Harness::new(&[]);
    harness.crash(CrashMode::Process);
    harness.settings.push(("node.id".to_owned(), "2".to_owned()));
    let error = harness.open().unwrap_err();
    assert!(error.to_string().contains("node"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn what_recovery_cut_off_is_said() {
    let mut harness = Harness::new(&[("log.flush.on.ack", "false")]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a"]));
    harness.crash(CrashMode::Process);
    let path = "/data/orders-0/00000000000000000000.log";
    let mut log = harness.disk.contents(path.as_ref()).unwrap();
    let torn = batch(&["torn"]);
    log.extend_from_slice(&torn[..torn.len() - 1]);
    harness.disk.import([(path.into(), log)]);
    harness.log.clear();
    harness.open().unwrap();
    let lines: Vec<&str> = harness.log.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("recovery of orders-0: cut"), "{lines:?}");
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
}
