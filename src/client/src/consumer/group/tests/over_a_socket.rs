//! A consumer and a coordinator over a real socket: what takes time, and what is dropped.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kt_protocol::ApiKey;
use kt_protocol::messages::api_versions_response::ApiVersion;
use kt_protocol::messages::{
    ApiVersionsResponse, FindCoordinatorResponse, HeartbeatResponse, JoinGroupResponse,
    LeaveGroupResponse, SyncGroupResponse,
};
use kt_protocol::types::{NodeId, TopicPartition};

use crate::consumer::ConsumerConfig;
use crate::consumer::assignor::Assignment;
use crate::consumer::group::driver::connect;
use crate::consumer::group::{GroupConfig, GroupConsumer, Subscription};
use crate::fake_broker::{Answer, Asked, FakeBroker};
use crate::pool::Lane;
use crate::{Client, ClientConfig, Error};

fn versions(asked: &Asked) -> Answer {
    let keys = [
        (ApiKey::ApiVersions, 3),
        (ApiKey::Metadata, 12),
        (ApiKey::FindCoordinator, 3),
        (ApiKey::JoinGroup, 5),
        (ApiKey::SyncGroup, 3),
        (ApiKey::Heartbeat, 3),
        (ApiKey::LeaveGroup, 3),
        (ApiKey::OffsetFetch, 7),
    ];
    let key = |(api, max_version): (ApiKey, i16)| ApiVersion {
        api_key: api.code(),
        min_version: 0,
        max_version,
    };
    let api_keys = keys.map(key).to_vec();
    asked.answer(&ApiVersionsResponse { api_keys, ..ApiVersionsResponse::default() })
}

/// Gives its only member `a-0`, and does not say where the group has come to.
fn coordinator(asked: &Asked) -> Answer {
    match asked.api {
        ApiKey::ApiVersions => versions(asked),
        ApiKey::Metadata => asked.metadata(&asked.address),
        ApiKey::FindCoordinator => {
            asked.answer(&FindCoordinatorResponse { node_id: 1, ..Default::default() })
        }
        ApiKey::JoinGroup => asked.answer(&JoinGroupResponse {
            generation_id: 1,
            protocol_name: Some("range".to_owned()),
            leader: "other".to_owned(),
            member_id: "ann-1".to_owned(),
            ..Default::default()
        }),
        ApiKey::SyncGroup => {
            let partitions = BTreeSet::from([TopicPartition::new("a", 0)]);
            let assignment = Assignment { partitions, user_data: None }.to_bytes().unwrap();
            asked.answer(&SyncGroupResponse { assignment, ..Default::default() })
        }
        ApiKey::Heartbeat => asked.answer(&HeartbeatResponse::default()),
        ApiKey::LeaveGroup => asked.answer(&LeaveGroupResponse::default()),
        _ => Answer::Silence,
    }
}

fn client(broker: &FakeBroker) -> Client {
    let bootstrap = vec![broker.address.clone()];
    Client::new(ClientConfig { bootstrap, ..ClientConfig::default() })
}

fn questions(broker: &FakeBroker) -> usize {
    broker.log().iter().filter(|it| it.ends_with("OffsetFetch")).count()
}

#[tokio::test]
async fn a_poll_ends_in_time_and_the_next_one_goes_on_with_its_question() {
    let broker = FakeBroker::start(coordinator).await;
    let group = GroupConfig::new("g");
    let consumer = GroupConsumer::new(client(&broker), ConsumerConfig::default(), group).unwrap();
    consumer.subscribe(Subscription::names(["a"]));
    while questions(&broker) == 0 {
        assert!(consumer.poll(Duration::from_millis(20)).await.unwrap().is_empty());
    }
    assert!(consumer.poll(Duration::from_millis(20)).await.unwrap().is_empty());
    let dropped = consumer.poll(Duration::from_secs(3600));
    assert!(tokio::time::timeout(Duration::from_millis(20), dropped).await.is_err());
    assert!(consumer.poll(Duration::from_millis(20)).await.unwrap().is_empty());
    assert_eq!(questions(&broker), 1);
    // As long as it takes.
    consumer.close(Duration::MAX).await.unwrap();
    assert!(broker.log().iter().any(|it| it.ends_with("LeaveGroup")));
}

#[tokio::test]
async fn a_coordinator_that_came_back_elsewhere_is_found() {
    let has_moved = AtomicBool::new(false);
    let broker = FakeBroker::start(move |asked: &Asked| match asked.api {
        // Nobody listens at port 1.
        ApiKey::Metadata if !has_moved.swap(true, Ordering::Relaxed) => {
            asked.metadata("127.0.0.1:1")
        }
        _ => coordinator(asked),
    })
    .await;
    let client = client(&broker);
    let connect = || connect(&client, NodeId(1), Lane::Group(1), client.limit("Heartbeat"));
    assert!(matches!(connect().await, Err(Error::Unreachable { .. })));
    assert_eq!(connect().await.unwrap().address(), broker.address);
}
