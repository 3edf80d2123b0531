//! Questions of one request each, against a broker that says what a test tells it to.

use std::fmt::Debug;

use kt_protocol::ApiKey;
use kt_protocol::messages::api_versions_response::ApiVersion;
use kt_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kt_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kt_protocol::messages::describe_groups_response as classic;
use kt_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kt_protocol::messages::describe_share_group_offsets_response::{
    DescribeShareGroupOffsetsResponseGroup as ShareGroup,
    DescribeShareGroupOffsetsResponsePartition as SharePartition,
    DescribeShareGroupOffsetsResponseTopic as ShareTopic,
};
use kt_protocol::messages::list_groups_response::ListedGroup as Listed;
use kt_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kt_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use kt_protocol::messages::{
    ApiVersionsResponse, ConsumerGroupDescribeResponse, DescribeClusterResponse,
    DescribeConfigsResponse, DescribeGroupsResponse, DescribeLogDirsResponse,
    DescribeShareGroupOffsetsResponse, ListGroupsResponse, ListOffsetsResponse,
    OffsetFetchResponse, ShareGroupDescribeResponse, StreamsGroupDescribeResponse,
    share_group_describe_response as share, streams_group_describe_response as streams,
};
use kt_protocol::types::{NodeId, TopicPartition};

use super::*;
use crate::config::ClientConfig;
use crate::fake_broker::{Answer, Asked, FakeBroker};

/// A broker with the number 1 that has each API up to that version.
async fn broker(
    versions: &'static [(ApiKey, i16)],
    script: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> (FakeBroker, Admin) {
    let broker = FakeBroker::start(move |asked| match asked.api {
        ApiKey::ApiVersions => told(asked, versions),
        ApiKey::Metadata => asked.usual(),
        _ => script(asked),
    })
    .await;
    let bootstrap = vec![broker.address.clone()];
    let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    (broker, admin)
}

fn told(asked: &Asked, versions: &[(ApiKey, i16)]) -> Answer {
    let usual = [(ApiKey::ApiVersions, 4), (ApiKey::Metadata, 12)];
    let key = |(api, max_version): &(ApiKey, i16)| ApiVersion {
        api_key: api.code(),
        min_version: 0,
        max_version: *max_version,
    };
    let api_keys = usual.iter().chain(versions).map(key).collect();
    asked.answer(&ApiVersionsResponse { api_keys, ..Default::default() })
}

/// What came beside the handshake, in order.
fn asked(broker: &FakeBroker) -> String {
    let words =
        broker.log().into_iter().filter_map(|it| it.split_once(' ').map(|it| it.1.to_owned()));
    let asked: Vec<String> = words.filter(|it| it != "ApiVersions" && it != "Metadata").collect();
    asked.join(" ")
}

fn lines<T: Debug>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|it| format!("{it:?}\n")).collect()
}

fn cluster(asked: &Asked) -> Answer {
    let broker = |broker_id, is_fenced| DescribeClusterBroker {
        broker_id,
        host: format!("kafka-{broker_id}"),
        port: 9092,
        is_fenced,
        ..Default::default()
    };
    asked.answer(&DescribeClusterResponse {
        cluster_id: "fake".to_owned(),
        // Before version 2 there is no such field, and no such broker.
        brokers: vec![broker(2, false), broker(1, false)],
        ..Default::default()
    })
}

#[tokio::test]
async fn old_brokers_tell_only_who_is_up() {
    for (max_version, scope) in [(1, BrokerScope::Up), (2, BrokerScope::Registered)] {
        let versions: &[_] = match max_version {
            1 => &[(ApiKey::DescribeCluster, 1)],
            _ => &[(ApiKey::DescribeCluster, 2)],
        };
        let (broker, admin) = broker(versions, cluster).await;
        let found = admin.registered_brokers().await.unwrap();
        assert_eq!(found.scope, scope);
        let ids: Vec<i32> = found.brokers.iter().map(|it| it.broker.id.0).collect();
        assert_eq!(ids, [1, 2], "in the order of their numbers");
        assert_eq!(asked(&broker), "DescribeCluster");
    }
}

#[tokio::test]
async fn fenced_brokers_are_told_apart() {
    let (_broker, admin) = broker(&[(ApiKey::DescribeCluster, 2)], |asked| {
        let down = DescribeClusterBroker { broker_id: 3, is_fenced: true, ..Default::default() };
        asked.answer(&DescribeClusterResponse { brokers: vec![down], ..Default::default() })
    })
    .await;
    let found = admin.registered_brokers().await.unwrap();
    assert_eq!(found.brokers[0].standing, BrokerStanding::Fenced);
}

#[tokio::test]
async fn a_leader_is_asked_once_for_all_partitions() {
    let (broker, admin) = broker(&[(ApiKey::ListOffsets, 7)], |asked| {
        let partition = |partition_index, error_code, offset| ListOffsetsPartitionResponse {
            partition_index,
            error_code,
            offset,
            ..Default::default()
        };
        let partitions = vec![partition(0, 0, 42), partition(1, 6, -1)];
        let topics = vec![ListOffsetsTopicResponse { name: "orders".to_owned(), partitions }];
        asked.answer(&ListOffsetsResponse { topics, ..Default::default() })
    })
    .await;
    let led = [0, 1, 2].map(|it| TopicPartition::new("orders", it));
    let (latest, all) = (OffsetQuery::Latest, Isolation::ReadUncommitted);
    let found = admin.list_offsets_at(NodeId(1), &led, latest, all).await.unwrap();
    let shown = found.iter().map(|(partition, it)| match it {
        Ok(it) => format!("{partition} {:?}", it.offset),
        Err(error) => format!("{partition} {error}"),
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"), @r#"
    orders-0 Some(Offset(42))
    orders-1 partition 1 of topic "orders": NOT_LEADER_OR_FOLLOWER from ListOffsets
    orders-2 ListOffsets: the answer lacks orders-2
    "#);
    assert_eq!(asked(&broker), "ListOffsets", "not again for what another leads");
}

#[tokio::test]
async fn a_coordinator_is_asked_once_for_all_groups() {
    let (broker, admin) = broker(&[(ApiKey::OffsetFetch, 9)], |asked| {
        let group = |name: &str, error_code| OffsetFetchResponseGroup {
            group_id: name.to_owned(),
            error_code,
            ..Default::default()
        };
        let groups = vec![group("a", 0), group("b", 16)];
        asked.answer(&OffsetFetchResponse { groups, ..Default::default() })
    })
    .await;
    let groups = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
    let found = admin.committed_offsets_at(NodeId(1), &groups).await.unwrap();
    assert!(found["a"].as_ref().unwrap().is_empty());
    assert_eq!(found["b"].as_ref().unwrap_err().code(), Some(ErrorCode::NotCoordinator));
    assert!(found["c"].is_err(), "the answer lacks it");
    assert_eq!(asked(&broker), "OffsetFetch", "nobody is asked who coordinates");
}

#[tokio::test]
async fn a_broker_that_loads_its_groups_is_not_asked_again() {
    let (broker, admin) = broker(&[(ApiKey::ListGroups, 5)], |asked| {
        let groups = vec![Listed { group_id: "a".to_owned(), ..Default::default() }];
        asked.answer(&ListGroupsResponse { error_code: 14, groups, ..Default::default() })
    })
    .await;
    let error = admin.list_groups_at(NodeId(1)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::CoordinatorLoadInProgress));
    assert_eq!(asked(&broker), "ListGroups");
}

#[tokio::test]
async fn members_are_asked_for_without_their_coordinator() {
    const VERSIONS: &[(ApiKey, i16)] =
        &[(ApiKey::ConsumerGroupDescribe, 1), (ApiKey::DescribeGroups, 5)];
    let (broker, admin) = broker(VERSIONS, |asked| match asked.api {
        ApiKey::ConsumerGroupDescribe => asked.answer(&ConsumerGroupDescribeResponse::default()),
        _ => asked.answer(&DescribeGroupsResponse::default()),
    })
    .await;
    admin.describe_groups_at(NodeId(1), &["a".to_owned()]).await.unwrap();
    assert_eq!(asked(&broker), "ConsumerGroupDescribe DescribeGroups");
}

/// `a` is a share group, and `b` is none.
fn who_shares(asked: &Asked) -> Answer {
    let member = share::Member {
        member_id: "m1".to_owned(),
        client_id: "taker".to_owned(),
        client_host: "/10.0.0.1".to_owned(),
        assignment: share::Assignment {
            topic_partitions: vec![share::TopicPartitions {
                topic_name: "jobs".to_owned(),
                partitions: vec![1, 0],
                ..Default::default()
            }],
        },
        ..Default::default()
    };
    let group = |it: &str, error_code, members| share::DescribedGroup {
        error_code,
        group_id: it.to_owned(),
        group_state: "Stable".to_owned(),
        assignor_name: "simple".to_owned(),
        members,
        ..Default::default()
    };
    let groups = vec![group("a", 0, vec![member]), group("b", 69, Vec::new())];
    asked.answer(&ShareGroupDescribeResponse { groups, ..Default::default() })
}

/// `b` is a streams group.
fn who_streams(asked: &Asked) -> Answer {
    let subtopology = streams::Subtopology {
        subtopology_id: "0".to_owned(),
        source_topics: vec!["orders".to_owned(), "refunds".to_owned()],
        ..Default::default()
    };
    let topology = streams::Topology { epoch: 1, subtopologies: Some(vec![subtopology]) };
    let tasks = |id: &str| streams::TaskIds { subtopology_id: id.to_owned(), partitions: vec![2] };
    let member = streams::Member {
        member_id: "m2".to_owned(),
        assignment: streams::Assignment {
            active_tasks: vec![tasks("0"), tasks("unknown")],
            ..Default::default()
        },
        ..Default::default()
    };
    let groups = vec![streams::DescribedGroup {
        group_id: "b".to_owned(),
        group_state: "Stable".to_owned(),
        topology: Some(Box::new(topology)),
        members: vec![member],
        ..Default::default()
    }];
    asked.answer(&StreamsGroupDescribeResponse { groups, ..Default::default() })
}

#[tokio::test]
async fn groups_that_share_and_those_that_stream_are_described_too() {
    const VERSIONS: &[(ApiKey, i16)] = &[
        (ApiKey::ConsumerGroupDescribe, 1),
        (ApiKey::DescribeGroups, 6),
        (ApiKey::ShareGroupDescribe, 1),
        (ApiKey::StreamsGroupDescribe, 0),
    ];
    let names = ["a", "b", "gone"].map(str::to_owned);
    let (broker, admin) = broker(VERSIONS, |asked| match asked.api {
        ApiKey::ConsumerGroupDescribe => asked.answer(&ConsumerGroupDescribeResponse::default()),
        ApiKey::DescribeGroups => {
            let group = |it: &str| classic::DescribedGroup {
                error_code: 69,
                group_id: it.to_owned(),
                ..Default::default()
            };
            let groups = ["a", "b", "gone"].map(group).to_vec();
            asked.answer(&DescribeGroupsResponse { groups, ..Default::default() })
        }
        ApiKey::ShareGroupDescribe => who_shares(asked),
        _ => who_streams(asked),
    })
    .await;
    let found = admin.describe_groups_at(NodeId(1), &names).await.unwrap();
    assert_eq!(
        asked(&broker),
        "ConsumerGroupDescribe DescribeGroups ShareGroupDescribe StreamsGroupDescribe"
    );
    let shown = found.iter().map(|(name, it)| match it {
        Ok(it) => {
            let of_member = |it: &GroupMember| {
                let read: Vec<String> = it.assignment.iter().map(ToString::to_string).collect();
                format!("{} {} {}", it.member_id, it.client_id, read.join(","))
            };
            let members: Vec<String> = it.members.iter().map(of_member).collect();
            let assignor = it.assignor.as_deref().unwrap_or("-");
            format!("{name} {} {assignor}: {}\n", it.group_type.name(), members.join("; "))
        }
        Err(error) => format!("{name} {:?}\n", error.code()),
    });
    insta::assert_snapshot!(shown.collect::<String>(), @"
    a Share simple: m1 taker jobs-0,jobs-1
    b Streams -: m2  orders-2,refunds-2
    gone Some(GroupIdNotFound)
    ");
}

#[tokio::test]
async fn a_broken_directory_is_known_in_part() {
    let (broker, admin) = broker(&[(ApiKey::DescribeLogDirs, 4)], |asked| {
        let copy = DescribeLogDirsPartition {
            partition_index: 2,
            partition_size: 812,
            offset_lag: 7,
            is_future_key: true,
        };
        let topics =
            vec![DescribeLogDirsTopic { name: "orders".to_owned(), partitions: vec![copy] }];
        let whole = DescribeLogDirsResult {
            log_dir: "/data/0".to_owned(),
            topics,
            total_bytes: 1_000,
            usable_bytes: 130,
            ..Default::default()
        };
        let broken = DescribeLogDirsResult {
            error_code: 56,
            log_dir: "/data/1".to_owned(),
            total_bytes: -1,
            usable_bytes: -1,
            ..Default::default()
        };
        let results = vec![whole, broken];
        asked.answer(&DescribeLogDirsResponse { results, ..Default::default() })
    })
    .await;
    let found = admin.broker_log_dirs(NodeId(1)).await.unwrap();
    let shown = found.iter().map(|it| {
        let replicas = it.replicas.as_ref().map_err(ToString::to_string);
        (&it.path, it.total_bytes, it.usable_bytes, replicas)
    });
    insta::assert_snapshot!(lines(shown), @r#"
    ("/data/0", Some(1000), Some(130), Ok([StoredReplica { partition: TopicPartition { topic: "orders", partition: PartitionIndex(2) }, size: 812, offset_lag: 7, place: Future }]))
    ("/data/1", None, None, Err("/data/1 on broker 1: KAFKA_STORAGE_ERROR from DescribeLogDirs"))
    "#);
    assert_eq!(asked(&broker), "DescribeLogDirs");
}

#[tokio::test]
async fn a_refusal_names_the_broker() {
    let (_broker, admin) = broker(&[(ApiKey::DescribeLogDirs, 4)], |asked| {
        asked.answer(&DescribeLogDirsResponse { error_code: 31, ..Default::default() })
    })
    .await;
    let error = admin.broker_log_dirs(NodeId(1)).await.unwrap_err();
    assert!(error.to_string().contains("broker 1"), "{error}");
}

#[tokio::test]
async fn values_of_many_topics_are_one_request() {
    let (broker, admin) = broker(&[(ApiKey::DescribeConfigs, 4)], |asked| {
        let result = |name: &str| DescribeConfigsResult {
            resource_type: 2,
            resource_name: name.to_owned(),
            ..Default::default()
        };
        let results = vec![result("b"), result("a")];
        asked.answer(&DescribeConfigsResponse { results, ..Default::default() })
    })
    .await;
    let topics = ["a", "b", "c"].map(Resource::topic);
    let found = admin.config_values(&topics, Some(&["retention.ms"])).await.unwrap();
    let known: Vec<(&str, bool)> = found.iter().map(|it| (it.0.as_str(), it.1.is_ok())).collect();
    assert_eq!(known, [("a", true), ("b", true), ("c", false)]);
    assert_eq!(asked(&broker), "DescribeConfigs");
}

#[tokio::test]
async fn a_broker_says_what_configs_are_for() {
    let (broker, admin) = broker(&[(ApiKey::DescribeConfigs, 4)], |asked| {
        let config =
            |name: &str, config_type, documentation: Option<&str>| DescribeConfigsResourceResult {
                name: name.to_owned(),
                config_type,
                documentation: documentation.map(str::to_owned),
                ..Default::default()
            };
        let configs = vec![config("a", 5, Some("Says a.")), config("b", 0, Some(""))];
        let results = vec![DescribeConfigsResult {
            resource_type: 2,
            resource_name: "orders".to_owned(),
            configs,
            ..Default::default()
        }];
        asked.answer(&DescribeConfigsResponse { results, ..Default::default() })
    })
    .await;
    let found = admin.documented_configs(&Resource::topic("orders")).await.unwrap();
    let told = found.iter().map(|it| (it.config_type, it.documentation.as_deref()));
    assert_eq!(told.collect::<Vec<_>>(), [(Some("LONG"), Some("Says a.")), (None, None)]);
    assert_eq!(asked(&broker), "DescribeConfigs");
}

#[tokio::test]
async fn share_groups_tell_where_they_are() {
    let (broker, admin) = broker(&[(ApiKey::DescribeShareGroupOffsets, 1)], |asked| {
        let partition = |partition_index, start_offset, lag| SharePartition {
            partition_index,
            start_offset,
            lag,
            ..Default::default()
        };
        let topics = vec![ShareTopic {
            topic_name: "orders".to_owned(),
            partitions: vec![partition(0, 7, 2), partition(1, -1, -1)],
            ..Default::default()
        }];
        let group = |name: &str, error_code, topics| ShareGroup {
            group_id: name.to_owned(),
            error_code,
            topics,
            ..Default::default()
        };
        let groups = vec![group("a", 0, topics), group("b", 16, Vec::new())];
        asked.answer(&DescribeShareGroupOffsetsResponse { groups, ..Default::default() })
    })
    .await;
    let groups = ["a".to_owned(), "b".to_owned()];
    let found = admin.share_offsets_at(NodeId(1), &groups).await.unwrap();
    let of_a = found["a"].as_ref().unwrap();
    let shown = of_a.iter().map(|(partition, it)| (partition.to_string(), it.as_ref().unwrap()));
    insta::assert_snapshot!(lines(shown), @r#"
    ("orders-0", ShareOffset { start: Some(Offset(7)), lag: Some(2) })
    ("orders-1", ShareOffset { start: None, lag: None })
    "#);
    assert_eq!(found["b"].as_ref().unwrap_err().code(), Some(ErrorCode::NotCoordinator));
    assert_eq!(asked(&broker), "DescribeShareGroupOffsets");
}
