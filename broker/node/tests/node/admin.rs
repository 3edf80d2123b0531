//! Topics and configs changed while the node runs.

use std::collections::BTreeMap;

use kt_protocol::ErrorCode;
use kt_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kt_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kt_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kt_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kt_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, DeleteTopicsRequest,
    DeleteTopicsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use kt_storage::simulated_disk::CrashMode;

use crate::records::batch;
use crate::support::Harness;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn alter(harness: &mut Harness, resource: (i8, &str), changes: &[(i8, &str, &str)]) -> ErrorCode {
    let change = |(operation, name, value): &(i8, &str, &str)| AlterableConfig {
        name: (*name).to_owned(),
        config_operation: *operation,
        value: Some((*value).to_owned()).filter(|_| *operation != DELETE),
    };
    let resource = AlterConfigsResource {
        resource_type: resource.0,
        resource_name: resource.1.to_owned(),
        configs: changes.iter().map(change).collect(),
    };
    let request =
        IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let response: IncrementalAlterConfigsResponse = harness.call(1, &request);
    ErrorCode::from_code(response.responses[0].error_code)
}

/// Value and source of every config.
fn describe(harness: &mut Harness, resource: (i8, &str)) -> BTreeMap<String, (String, i8)> {
    let resource = DescribeConfigsResource {
        resource_type: resource.0,
        resource_name: resource.1.to_owned(),
        configuration_keys: None,
    };
    let request =
        DescribeConfigsRequest { resources: vec![resource], ..DescribeConfigsRequest::default() };
    let mut response: DescribeConfigsResponse = harness.call(4, &request);
    let result = response.results.remove(0);
    assert_eq!(result.error_code, 0);
    let show =
        |it: kt_protocol::messages::describe_configs_response::DescribeConfigsResourceResult| {
            (it.name, (it.value.unwrap_or_default(), it.config_source))
        };
    result.configs.into_iter().map(show).collect()
}

const OF_TOPIC: i8 = 1;
const OF_BROKER: i8 = 2;
const OF_ALL_BROKERS: i8 = 3;
const STATIC: i8 = 4;
const DEFAULT: i8 = 5;

#[test]
fn a_topic_config_acts_at_once_and_stays() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    let orders = (TOPIC, "orders");
    assert_eq!(describe(&mut harness, orders)["max.message.bytes"].1, DEFAULT);
    assert_eq!(alter(&mut harness, orders, &[(SET, "max.message.bytes", "100")]), ErrorCode::None);
    let expected = ("100".to_owned(), OF_TOPIC);
    let large = || batch(&[&"x".repeat(100)]);
    for _ in 0..2 {
        assert_eq!(describe(&mut harness, orders)["max.message.bytes"], expected);
        let refused = harness.produce("orders", 0, large()).error_code;
        assert_eq!(refused, ErrorCode::MessageTooLarge as i16);
        harness.crash_and_reopen(CrashMode::LoseUnsynced);
    }
    assert_eq!(alter(&mut harness, orders, &[(DELETE, "max.message.bytes", "")]), ErrorCode::None);
    assert_eq!(harness.produce("orders", 0, large()).error_code, 0);
    assert_eq!(describe(&mut harness, orders)["max.message.bytes"].1, DEFAULT);
}

#[test]
fn what_a_topic_inherits_changes_with_the_broker() {
    let mut harness = Harness::new(&[("log.segment.bytes", "2097152")]);
    harness.create_topic("orders", 1, &[]);
    let orders = (TOPIC, "orders");
    assert_eq!(describe(&mut harness, orders)["segment.bytes"], ("2097152".to_owned(), STATIC));
    let all = (BROKER, "");
    assert_eq!(alter(&mut harness, all, &[(SET, "message.max.bytes", "100")]), ErrorCode::None);
    let inherited = describe(&mut harness, orders)["max.message.bytes"].clone();
    assert_eq!(inherited, ("100".to_owned(), OF_ALL_BROKERS));
    let refused = harness.produce("orders", 0, batch(&[&"x".repeat(100)])).error_code;
    assert_eq!(refused, ErrorCode::MessageTooLarge as i16);
    let own = (BROKER, "1");
    assert_eq!(alter(&mut harness, own, &[(SET, "message.max.bytes", "1000")]), ErrorCode::None);
    assert_eq!(describe(&mut harness, own)["message.max.bytes"], ("1000".to_owned(), OF_BROKER));
    assert_eq!(harness.produce("orders", 0, batch(&[&"x".repeat(100)])).error_code, 0);
    let read_only = alter(&mut harness, own, &[(SET, "num.partitions", "3")]);
    assert_ne!(read_only, ErrorCode::None);
}

#[test]
fn lists_are_added_to_and_taken_from() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    let orders = (TOPIC, "orders");
    let policy = |harness: &mut Harness| describe(harness, orders)["cleanup.policy"].clone();
    assert_eq!(policy(&mut harness), ("delete".to_owned(), DEFAULT));
    assert_eq!(
        alter(&mut harness, orders, &[(APPEND, "cleanup.policy", "compact")]),
        ErrorCode::None
    );
    assert_eq!(policy(&mut harness), ("delete,compact".to_owned(), OF_TOPIC));
    assert_eq!(
        alter(&mut harness, orders, &[(APPEND, "cleanup.policy", "compact")]),
        ErrorCode::None
    );
    assert_eq!(policy(&mut harness).0, "delete,compact", "it is there already");
    assert_eq!(
        alter(&mut harness, orders, &[(SUBTRACT, "cleanup.policy", "delete")]),
        ErrorCode::None
    );
    assert_eq!(policy(&mut harness), ("compact".to_owned(), OF_TOPIC));
    let refused = harness.produce("orders", 0, batch(&["no key"])).error_code;
    assert_eq!(refused, ErrorCode::InvalidRecord as i16);
    let no_list = alter(&mut harness, orders, &[(APPEND, "retention.ms", "1")]);
    assert_eq!(no_list, ErrorCode::InvalidConfig);
    let wrong = alter(&mut harness, orders, &[(SET, "cleanup.policy", "burn")]);
    assert_eq!(wrong, ErrorCode::InvalidConfig);
    assert_eq!(
        alter(&mut harness, (TOPIC, "nowhere"), &[(SET, "retention.ms", "1")]),
        ErrorCode::UnknownTopicOrPartition
    );
}

fn grow(harness: &mut Harness, name: &str, count: i32) -> ErrorCode {
    let topic = CreatePartitionsTopic { name: name.to_owned(), count, assignments: None };
    let request =
        CreatePartitionsRequest { topics: vec![topic], timeout_ms: 1000, validate_only: false };
    let response: CreatePartitionsResponse = harness.call(3, &request);
    ErrorCode::from_code(response.results[0].error_code)
}

#[test]
fn a_topic_grows_and_its_new_partitions_serve_at_once() {
    let mut harness = Harness::new(&[]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a"]));
    assert_eq!(grow(&mut harness, "orders", 3), ErrorCode::None);
    for partition in 1..3 {
        assert_eq!(harness.produce("orders", partition, batch(&["b"])).error_code, 0);
    }
    assert_eq!(grow(&mut harness, "orders", 3), ErrorCode::InvalidPartitions);
    assert_eq!(grow(&mut harness, "orders", 2), ErrorCode::InvalidPartitions);
    assert_eq!(grow(&mut harness, "nowhere", 2), ErrorCode::UnknownTopicOrPartition);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
    assert_eq!(harness.values("orders", 2, 0), ["b"]);
}

#[test]
fn topics_may_be_protected_from_deletion() {
    let mut harness = Harness::new(&[("delete.topic.enable", "false")]);
    harness.create_topic("orders", 1, &[]);
    harness.produce("orders", 0, batch(&["a"]));
    let request = DeleteTopicsRequest {
        topic_names: vec!["orders".to_owned()],
        ..DeleteTopicsRequest::default()
    };
    let response: DeleteTopicsResponse = harness.call(5, &request);
    assert_eq!(response.responses[0].error_code, ErrorCode::TopicDeletionDisabled as i16);
    let response: DeleteTopicsResponse = harness.call(2, &request);
    assert_eq!(response.responses[0].error_code, ErrorCode::InvalidRequest as i16);
    assert_eq!(harness.values("orders", 0, 0), ["a"]);
}

#[test]
fn a_change_that_fits_into_no_batch_costs_the_connection_only() {
    let mut harness = Harness::new(&[]);
    let replicas = vec!["0:1"; 8_000].join(",");
    let topic = |number: usize| CreatableTopic {
        name: format!("t-{number}"),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![CreatableTopicConfig {
            name: "leader.replication.throttled.replicas".to_owned(),
            value: Some(replicas.clone()),
        }],
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest {
        topics: (0..300).map(topic).collect(),
        timeout_ms: 1000,
        ..CreateTopicsRequest::default()
    };
    let reply_to = harness.send(3, 7, &request);
    assert!(!harness.is_answered(reply_to));
    assert!(
        harness.closed[0].1.contains("more than the metadata log takes"),
        "{:?}",
        harness.closed
    );
    assert_eq!(harness.fatal, None);
    harness.create_topic("orders", 1, &[("leader.replication.throttled.replicas", &replicas)]);
    let shown = describe(&mut harness, (TOPIC, "orders"));
    assert_eq!(shown["leader.replication.throttled.replicas"].0, replicas);
}
