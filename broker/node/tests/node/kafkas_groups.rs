//! The `__consumer_offsets` of an Apache Kafka 4.3.1 node, loaded here: groups and offsets are those
//! that Kafka's tools showed when a node of its own was started on it.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use kt_protocol::ErrorCode;
use kt_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kt_protocol::messages::*;
use kt_storage::simulated_disk::CrashMode;

use crate::support::Harness;

const LOG: &str = "__consumer_offsets-0/00000000000000000000.log";

/// `kafka-groups --list`: group, type, protocol. Groups that were deleted are in the log, and not
/// in the list.
const GROUPS: [(&str, &str, &str); 10] = [
    ("classic-group", "classic", "consumer"),
    ("consumer-group", "consumer", "consumer"),
    ("living-classic", "classic", "consumer"),
    ("living-consumer", "consumer", "consumer"),
    ("member-left-over", "classic", "consumer"),
    ("member-left-over-consumer", "consumer", "consumer"),
    ("regex-group", "consumer", "consumer"),
    ("share-group", "share", "share"),
    ("simple-group", "classic", ""),
    ("txn-group", "classic", ""),
];

/// `kafka-consumer-groups --describe --all-groups`: group, topic, partition, offset.
const OFFSETS: [(&str, &str, i32, i64); 27] = [
    ("classic-group", "groups", 0, 10),
    ("classic-group", "groups", 1, 10),
    ("classic-group", "groups", 2, 10),
    ("classic-group", "groups-two", 0, 10),
    ("classic-group", "groups-two", 1, 3),
    ("consumer-group", "groups", 0, 10),
    ("consumer-group", "groups", 1, 10),
    ("consumer-group", "groups", 2, 10),
    ("consumer-group", "groups-two", 0, 15),
    ("consumer-group", "groups-two", 1, 3),
    ("living-classic", "groups", 1, 0),
    ("living-classic", "groups", 2, 0),
    ("living-consumer", "groups", 0, 5),
    ("living-consumer", "groups", 2, 0),
    ("member-left-over", "groups", 0, 5),
    ("member-left-over", "groups", 1, 0),
    ("member-left-over", "groups", 2, 0),
    ("member-left-over-consumer", "groups", 0, 5),
    ("member-left-over-consumer", "groups", 1, 0),
    ("member-left-over-consumer", "groups", 2, 0),
    ("regex-group", "groups", 0, 5),
    ("regex-group", "groups", 1, 0),
    ("regex-group", "groups", 2, 0),
    ("regex-group", "groups-two", 0, 0),
    ("regex-group", "groups-two", 1, 0),
    ("simple-group", "groups", 2, 7),
    // Of its two transactions the first was committed, the second aborted.
    ("txn-group", "txn", 0, 5),
];

/// A node whose coordinator has loaded Kafka's log.
fn harness() -> Harness {
    let archive = include_bytes!("../../../storage/tests/data/d-coordinators.tar.gz");
    let mut archive = tar::Archive::new(GzDecoder::new(&archive[..]));
    let mut log = Vec::new();
    for entry in archive.entries().expect("it is an archive") {
        let mut entry = entry.expect("it is whole");
        if entry.path().expect("it has a name").ends_with(LOG) {
            entry.read_to_end(&mut log).expect("it can be read");
        }
    }
    assert!(!log.is_empty(), "the log is in the archive");
    let settings =
        [("offsets.topic.num.partitions", "1"), ("offsets.topic.replication.factor", "1")];
    let mut harness = Harness::new(&settings);
    let find =
        FindCoordinatorRequest { coordinator_keys: vec!["any".to_owned()], ..Default::default() };
    let found: FindCoordinatorResponse = harness.call(6, &find);
    assert_eq!(found.coordinators[0].error_code, 0);
    harness.crash(CrashMode::Process);
    harness.disk.import([(Path::new("/data").join(LOG), log)]);
    harness.open().expect("a log of Kafka's is a log");
    harness
}

fn offsets_of(harness: &mut Harness, group: &str) -> OffsetFetchResponse {
    let group = OffsetFetchRequestGroup {
        group_id: group.to_owned(),
        topics: None,
        member_epoch: -1,
        ..Default::default()
    };
    harness.call(9, &OffsetFetchRequest { groups: vec![group], ..Default::default() })
}

#[test]
fn the_groups_are_those_that_kafka_lists() {
    let mut harness = harness();
    let list: ListGroupsResponse = harness.call(5, &ListGroupsRequest::default());
    assert_eq!(list.error_code, 0);
    let mut listed: Vec<(&str, &str, &str)> = Vec::new();
    for group in &list.groups {
        listed.push((&group.group_id, &group.group_type, &group.protocol_type));
        // Those that never left have timed out.
        if group.group_type == "classic" {
            assert_eq!(group.group_state, "Empty", "{}", group.group_id);
        }
    }
    listed.sort_unstable();
    assert_eq!(listed, GROUPS);
}

#[test]
fn the_offsets_are_those_that_kafka_describes() {
    let mut harness = harness();
    let mut fetched = Vec::new();
    for (group, _, _) in GROUPS.iter().filter(|it| it.1 != "share") {
        let response = offsets_of(&mut harness, group);
        assert_eq!(response.groups[0].error_code, 0, "{group}");
        for topic in &response.groups[0].topics {
            for it in &topic.partitions {
                let topic = topic.name.clone();
                fetched.push((*group, topic, it.partition_index, it.committed_offset));
            }
        }
    }
    fetched.sort();
    let expected = OFFSETS.iter().map(|(group, topic, partition, offset)| {
        (*group, (*topic).to_owned(), *partition, *offset)
    });
    let mut expected: Vec<_> = expected.collect();
    expected.sort();
    assert_eq!(fetched, expected);
}

#[test]
fn what_was_committed_with_an_offset_is_there_too() {
    let mut harness = harness();
    let response = offsets_of(&mut harness, "classic-group");
    let mut topics = response.groups[0].topics.iter();
    let two = topics.find(|it| it.name == "groups-two").expect("it has read it");
    let one = two.partitions.iter().find(|it| it.partition_index == 1).expect("both of it");
    let metadata = one.metadata.as_deref();
    assert_eq!((one.committed_leader_epoch, metadata), (0, Some("some metadata")));
}

#[test]
fn a_group_of_kafkas_goes_on_here() {
    let mut harness = harness();
    let describe = DescribeGroupsRequest {
        groups: vec!["classic-group".to_owned(), "deleted-classic".to_owned()],
        ..Default::default()
    };
    let described: DescribeGroupsResponse = harness.call(6, &describe);
    let state = |at: usize| {
        let group: &describe_groups_response::DescribedGroup = &described.groups[at];
        (group.error_code, group.group_state.as_str(), group.protocol_type.as_str())
    };
    assert_eq!(state(0), (0, "Empty", "consumer"));
    assert_eq!(state(1), (ErrorCode::GroupIdNotFound.code(), "Dead", ""));
    let delete = DeleteGroupsRequest { groups_names: vec!["classic-group".to_owned()] };
    let deleted: DeleteGroupsResponse = harness.call(2, &delete);
    assert_eq!(deleted.results[0].error_code, 0);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    let response = offsets_of(&mut harness, "classic-group");
    assert!(response.groups[0].topics.is_empty(), "its tombstones were appended to Kafka's log");
    let response = offsets_of(&mut harness, "txn-group");
    assert_eq!(response.groups[0].topics[0].partitions[0].committed_offset, 5);
}
