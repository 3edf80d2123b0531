//! The group coordinator on a log: what is answered is durable, what is loaded is what was answered.

use bytes::Bytes;
use kt_node::ReplyTo;
use kt_protocol::ErrorCode;
use kt_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kt_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kt_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kt_protocol::messages::*;
use kt_storage::simulated_disk::CrashMode;

use crate::records::batch;
use crate::support::Harness;

const ONE_PARTITION: &[(&str, &str)] =
    &[("offsets.topic.num.partitions", "1"), ("offsets.topic.replication.factor", "1")];

fn harness() -> Harness {
    let mut harness = Harness::new(ONE_PARTITION);
    harness.create_topic("orders", 2, &[]);
    assert_eq!(find(&mut harness, "app"), (0, 1));
    harness
}

/// The error code and the node.
fn find(harness: &mut Harness, group: &str) -> (i16, i32) {
    let request =
        FindCoordinatorRequest { coordinator_keys: vec![group.to_owned()], ..Default::default() };
    let response: FindCoordinatorResponse = harness.call(6, &request);
    (response.coordinators[0].error_code, response.coordinators[0].node_id)
}

fn commit(offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        committed_leader_epoch: 3,
        committed_metadata: Some("m".to_owned()),
    };
    OffsetCommitRequest {
        group_id: "app".to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![OffsetCommitRequestTopic {
            name: "orders".to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn commit_code(harness: &mut Harness, offset: i64) -> i16 {
    let response: OffsetCommitResponse = harness.call(9, &commit(offset));
    response.topics[0].partitions[0].error_code
}

fn fetch() -> OffsetFetchRequest {
    let topics = vec![OffsetFetchRequestTopics {
        name: "orders".to_owned(),
        partition_indexes: vec![0],
        ..Default::default()
    }];
    let group = OffsetFetchRequestGroup {
        group_id: "app".to_owned(),
        topics: Some(topics),
        ..Default::default()
    };
    OffsetFetchRequest { groups: vec![group], ..Default::default() }
}

/// Group error, offset, leader epoch.
fn fetched(response: &OffsetFetchResponse) -> (i16, i64, i32) {
    let group = &response.groups[0];
    let partition = group.topics.first().map(|it| &it.partitions[0]);
    let (offset, epoch) =
        partition.map_or((-2, -2), |it| (it.committed_offset, it.committed_leader_epoch));
    (group.error_code, offset, epoch)
}

fn committed(harness: &mut Harness) -> i64 {
    let response: OffsetFetchResponse = harness.call(9, &fetch());
    assert_eq!(response.groups[0].error_code, 0);
    fetched(&response).1
}

fn join(harness: &mut Harness, connection: u64, member_id: &str) -> ReplyTo {
    let protocol = JoinGroupRequestProtocol {
        name: "range".to_owned(),
        metadata: Bytes::from_static(b"whatever"),
    };
    let request = JoinGroupRequest {
        group_id: "app".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 30_000,
        member_id: member_id.to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol],
        ..Default::default()
    };
    harness.send(connection, 9, &request)
}

/// A member id, given out by the first join.
fn member_id(harness: &mut Harness, connection: u64) -> String {
    let refused = join(harness, connection, "");
    let response: JoinGroupResponse = harness.answer(refused, 9);
    assert_eq!(response.error_code, ErrorCode::MemberIdRequired.code());
    response.member_id
}

fn sync(
    harness: &mut Harness,
    connection: u64,
    joined: &JoinGroupResponse,
    shares: &[(&str, &'static str)],
) -> ReplyTo {
    let share = |(member_id, assignment): &(&str, &'static str)| SyncGroupRequestAssignment {
        member_id: (*member_id).to_owned(),
        assignment: Bytes::from_static(assignment.as_bytes()),
    };
    let request = SyncGroupRequest {
        group_id: "app".to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        assignments: shares.iter().map(share).collect(),
        ..Default::default()
    };
    harness.send(connection, 5, &request)
}

fn heartbeat(harness: &mut Harness, joined: &JoinGroupResponse) -> i16 {
    let request = HeartbeatRequest {
        group_id: "app".to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..Default::default()
    };
    let response: HeartbeatResponse = harness.call(4, &request);
    response.error_code
}

/// A group of one member in a stable generation.
fn member(harness: &mut Harness) -> JoinGroupResponse {
    let id = member_id(harness, 1);
    let joining = join(harness, 1, &id);
    assert!(!harness.is_answered(joining), "it waits for others");
    harness.advance(3_000);
    let joined: JoinGroupResponse = harness.answer(joining, 9);
    assert_eq!((joined.error_code, joined.leader.as_str()), (0, id.as_str()));
    let syncing = sync(harness, 1, &joined, &[(&id, "all")]);
    let synced: SyncGroupResponse = harness.answer(syncing, 5);
    assert_eq!((synced.error_code, synced.assignment), (0, Bytes::from_static(b"all")));
    joined
}

#[test]
fn the_topic_is_made_by_the_first_who_asks() {
    let mut harness = Harness::new(ONE_PARTITION);
    assert_eq!(find(&mut harness, "app"), (0, 1));
    let describe = DescribeTopicPartitionsRequest {
        topics: vec![describe_topic_partitions_request::TopicRequest {
            name: "__consumer_offsets".to_owned(),
        }],
        response_partition_limit: 2,
        ..Default::default()
    };
    let described: DescribeTopicPartitionsResponse = harness.call(0, &describe);
    let topic = &described.topics[0];
    assert!(topic.is_internal);
    assert_eq!(topic.partitions.len(), 1);
    let old = FindCoordinatorRequest { key: "app".to_owned(), ..Default::default() };
    let response: FindCoordinatorResponse = harness.call(0, &old);
    let found = (response.error_code, response.node_id, response.host.as_str(), response.port);
    assert_eq!(found, (0, 1, "127.0.0.1", 9092));
}

#[test]
fn a_topic_that_cannot_be_made_is_explained() {
    let mut harness = Harness::new(&[("offsets.topic.replication.factor", "3")]);
    assert_eq!(find(&mut harness, "app"), (ErrorCode::CoordinatorNotAvailable.code(), -1));
    let said = &harness.log.last().expect("it is said").1;
    assert!(said.starts_with("__consumer_offsets cannot be made: "), "{said}");
}

#[test]
fn a_commit_is_answered_once_it_is_flushed_and_then_it_stays() {
    let mut harness = harness();
    assert_eq!(committed(&mut harness), -1);
    assert_eq!(commit_code(&mut harness, 7), 0);
    harness.holds_flushes = true;
    let waiting = harness.send(1, 9, &commit(8));
    assert!(!harness.is_answered(waiting));
    // What it sees is not durable, so it may not be told.
    let question = harness.send(2, 9, &fetch());
    assert!(!harness.is_answered(question));
    harness.release_flushes();
    let answer: OffsetFetchResponse = harness.answer(question, 9);
    assert_eq!(fetched(&answer), (0, 8, 3));
    assert!(harness.is_answered(waiting));
    harness.holds_flushes = true;
    let lost = harness.send(1, 9, &commit(9));
    assert!(!harness.is_answered(lost));
    harness.holds_flushes = false;
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(committed(&mut harness), 8);
}

#[test]
fn nothing_is_served_while_it_is_loaded() {
    let mut harness = harness();
    assert_eq!(commit_code(&mut harness, 7), 0);
    let joined = member(&mut harness);
    harness.crash(CrashMode::Process);
    harness.holds_jobs = true;
    harness.open().expect("it opens");
    // Its log is to be opened, then it is to be read.
    for _ in 0..2 {
        let loading = ErrorCode::CoordinatorLoadInProgress.code();
        assert_eq!(commit_code(&mut harness, 8), loading);
        let response: OffsetFetchResponse = harness.call(9, &fetch());
        assert_eq!(response.groups[0].error_code, loading);
        let list: ListGroupsResponse = harness.call(5, &ListGroupsRequest::default());
        assert_eq!((list.error_code, list.groups.len()), (loading, 0));
        // A member that is told otherwise would leave.
        assert_eq!(heartbeat(&mut harness, &joined), 0);
        harness.release_jobs_named("open", 100);
    }
    harness.release_jobs();
    assert_eq!(committed(&mut harness), 7);
    assert_eq!(heartbeat(&mut harness, &joined), 0);
    let list: ListGroupsResponse = harness.call(5, &ListGroupsRequest::default());
    let shown = (&list.groups[0].group_id[..], &list.groups[0].group_state[..]);
    assert_eq!((list.error_code, shown), (0, ("app", "Stable")));
}

#[test]
fn a_member_that_is_silent_is_gone_after_its_session() {
    let mut harness = harness();
    let first = member(&mut harness);
    let id = member_id(&mut harness, 2);
    let joining = join(&mut harness, 2, &id);
    assert!(!harness.is_answered(joining), "the first has to join again");
    assert_eq!(heartbeat(&mut harness, &first), ErrorCode::RebalanceInProgress.code());
    harness.advance(10_000);
    let joined: JoinGroupResponse = harness.answer(joining, 9);
    assert_eq!((joined.error_code, joined.members.len()), (0, 1));
    assert_eq!(joined.generation_id, first.generation_id + 1);
    assert_eq!(heartbeat(&mut harness, &first), ErrorCode::UnknownMemberId.code());
}

#[test]
fn a_group_that_waits_is_told_when_its_partition_goes() {
    let mut harness = harness();
    let id = member_id(&mut harness, 1);
    let joining = join(&mut harness, 1, &id);
    harness.delete_topic("__consumer_offsets");
    let joined: JoinGroupResponse = harness.answer(joining, 9);
    assert_eq!(joined.error_code, ErrorCode::NotCoordinator.code());
    assert_eq!(commit_code(&mut harness, 1), ErrorCode::CoordinatorNotAvailable.code());
    assert_eq!(find(&mut harness, "app"), (0, 1));
    assert_eq!(commit_code(&mut harness, 1), 0);
}

#[test]
fn offsets_go_with_their_topic_and_groups_by_request() {
    let mut harness = harness();
    assert_eq!(commit_code(&mut harness, 7), 0);
    harness.delete_topic("orders");
    harness.create_topic("orders", 1, &[]);
    assert_eq!(committed(&mut harness), -1);
    assert_eq!(commit_code(&mut harness, 2), 0);
    let delete = DeleteGroupsRequest {
        groups_names: vec!["nosuch".to_owned(), "app".to_owned(), "app".to_owned()],
    };
    let deleted: DeleteGroupsResponse = harness.call(2, &delete);
    let results: Vec<(&str, i16)> =
        deleted.results.iter().map(|it| (&it.group_id[..], it.error_code)).collect();
    assert_eq!(results, [("nosuch", ErrorCode::GroupIdNotFound.code()), ("app", 0)]);
    assert_eq!(committed(&mut harness), -1);
    harness.crash_and_reopen(CrashMode::LoseUnsynced);
    assert_eq!(committed(&mut harness), -1);
}

#[test]
fn what_does_not_exist_is_not_committed() {
    let mut harness = harness();
    let mut request = commit(7);
    let mut unknown = request.topics[0].clone();
    unknown.name = "nosuch".to_owned();
    request.topics.insert(0, unknown);
    let mut beyond = request.topics[1].partitions[0].clone();
    beyond.partition_index = 2;
    request.topics[1].partitions.insert(0, beyond);
    let response: OffsetCommitResponse = harness.call(9, &request);
    let mut codes = Vec::new();
    for topic in &response.topics {
        let of = |it: &offset_commit_response::OffsetCommitResponsePartition| {
            (topic.name.clone(), it.partition_index, it.error_code)
        };
        codes.extend(topic.partitions.iter().map(of));
    }
    codes.sort();
    let unknown = ErrorCode::UnknownTopicOrPartition.code();
    let expected = [("nosuch", 0, unknown), ("orders", 0, 0), ("orders", 2, unknown)];
    assert_eq!(codes, expected.map(|(name, at, code)| (name.to_owned(), at, code)));
    assert_eq!(committed(&mut harness), 7);
}

#[test]
fn nobody_else_writes_to_internal_topics() {
    let mut harness = harness();
    let refused = harness.produce("__consumer_offsets", 0, batch(&["a"]));
    assert_eq!(refused.error_code, ErrorCode::InvalidTopicException.code());
}
