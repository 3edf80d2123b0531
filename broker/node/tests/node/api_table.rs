//! What ApiVersions tells, compared with what a live Apache Kafka 4.3.1 tells.
//!
//! `apis.tsv` is its table: of each API that is built, all its released versions are told, on the
//! listeners that it is built for; of an API that is not built nothing is.

use std::collections::BTreeMap;

use kt_protocol::ErrorCode;
use kt_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

use crate::support::Harness;

/// Served by the controller in Kafka, and here not yet: with one node nobody asks it.
const NOT_ON_CONTROLLER: [i16; 1] = [1];

fn told(response: &ApiVersionsResponse) -> BTreeMap<i16, String> {
    let range = |min: i16, max: i16| format!("{min}-{max}");
    let entry = |it: &kt_protocol::messages::api_versions_response::ApiVersion| {
        (it.api_key, range(it.min_version, it.max_version))
    };
    response.api_keys.iter().map(entry).collect()
}

#[test]
fn what_is_told_is_what_kafka_tells() {
    let live: BTreeMap<i16, Vec<&str>> = include_str!("apis.tsv")
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<&str>>())
        .map(|columns| (columns[0].parse().unwrap(), columns))
        .collect();
    let mut harness = Harness::new(&[]);
    let request = ApiVersionsRequest {
        client_software_name: "test".to_owned(),
        client_software_version: "1".to_owned(),
    };
    let broker = told(&harness.call(4, &request));
    let controller = told(&harness.call_controller(4, &request));
    for (key, versions) in &broker {
        assert_eq!(versions, live[key][3], "{} on the broker", live[key][1]);
    }
    for (key, versions) in &controller {
        assert_eq!(versions, live[key][4], "{} on the controller", live[key][1]);
        assert!(!NOT_ON_CONTROLLER.contains(key));
    }
    let names: Vec<&str> = broker.keys().map(|key| live[key][1]).collect();
    assert_eq!(
        names.join(" "),
        "Produce Fetch ListOffsets Metadata OffsetCommit OffsetFetch FindCoordinator JoinGroup \
         Heartbeat LeaveGroup SyncGroup DescribeGroups ListGroups ApiVersions CreateTopics \
         DeleteTopics DeleteRecords InitProducerId OffsetForLeaderEpoch DescribeConfigs \
         AlterConfigs DescribeLogDirs CreatePartitions DeleteGroups IncrementalAlterConfigs \
         ListPartitionReassignments OffsetDelete DescribeQuorum DescribeCluster DescribeProducers ListConfigResources \
         DescribeTopicPartitions"
    );
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_and_others_close() {
    let mut harness = Harness::new(&[]);
    let reply_to = harness.send_bytes(1, false, 18, 99, b"whatever");
    let response: ApiVersionsResponse = harness.answer(reply_to, 0);
    assert_eq!(response.error_code, ErrorCode::UnsupportedVersion as i16);
    assert_eq!(told(&response), BTreeMap::from([(18, "0-4".to_owned())]));
    for (key, version) in [(0, 2), (1, 3), (3, 99), (12345, 0), (52, 0)] {
        let before = harness.closed.len();
        harness.send_bytes(7, false, key, version, b"");
        assert_eq!(harness.closed.len(), before + 1, "key {key} version {version}");
    }
}
