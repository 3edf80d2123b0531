//! The requests of members and operators, in the versions that the simulation speaks.

use std::collections::BTreeMap;

use bytes::Bytes;
use kt_core::random::Random;
use kt_node::{Reply, Request};
use kt_protocol::ApiKey;
use kt_protocol::messages::create_topics_request::CreatableTopic;
use kt_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kt_protocol::messages::leave_group_request::MemberIdentity;
use kt_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kt_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kt_protocol::messages::{
    CreateTopicsRequest, DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest,
    HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest,
    OffsetFetchResponse, SyncGroupRequest,
};

use super::member::Member;
use crate::client::{TOPIC, request};

/// How many partitions the members of a group share.
pub(super) const PARTITIONS: i32 = 4;
/// How long a member may be silent, in milliseconds.
pub(super) const SESSION_TIMEOUT_MS: i32 = 1_000;
/// How long members may take to join again, in milliseconds.
pub(super) const REBALANCE_TIMEOUT_MS: i32 = 1_500;

const PROTOCOL_TYPE: &str = "consumer";
const PROTOCOL_NAME: &str = "range";

pub(super) const CREATE_TOPICS_VERSION: i16 = 7;
pub(super) const FIND_COORDINATOR_VERSION: i16 = 6;
pub(super) const JOIN_VERSION: i16 = 9;
pub(super) const SYNC_VERSION: i16 = 5;
pub(super) const HEARTBEAT_VERSION: i16 = 4;
pub(super) const LEAVE_VERSION: i16 = 5;
pub(super) const COMMIT_VERSION: i16 = 9;
pub(super) const OFFSET_FETCH_VERSION: i16 = 9;
pub(super) const DESCRIBE_VERSION: i16 = 5;
pub(super) const DELETE_VERSION: i16 = 2;

pub(super) fn create_topic() -> Request {
    let topic = CreatableTopic {
        name: TOPIC.to_owned(),
        num_partitions: PARTITIONS,
        replication_factor: 1,
        ..CreatableTopic::default()
    };
    let message = CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() };
    request(ApiKey::CreateTopics, CREATE_TOPICS_VERSION, &message)
}

pub(super) fn find_coordinator(group: &str) -> Request {
    let coordinator_keys = vec![group.to_owned()];
    let message = FindCoordinatorRequest { coordinator_keys, ..FindCoordinatorRequest::default() };
    request(ApiKey::FindCoordinator, FIND_COORDINATOR_VERSION, &message)
}

pub(super) fn join(member: &Member) -> Request {
    let protocol =
        JoinGroupRequestProtocol { name: PROTOCOL_NAME.to_owned(), metadata: Bytes::new() };
    let message = JoinGroupRequest {
        group_id: member.group.clone(),
        session_timeout_ms: SESSION_TIMEOUT_MS,
        rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
        member_id: member.member_id.clone(),
        group_instance_id: member.instance_id.clone(),
        protocol_type: PROTOCOL_TYPE.to_owned(),
        protocols: vec![protocol],
        reason: None,
    };
    request(ApiKey::JoinGroup, JOIN_VERSION, &message)
}

/// Whom the leader may leave out, as a leader with a bug of its own would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    AmongAll,
    AmongSome,
}

/// The leader brings what it has shared out, in any order; others bring nothing.
pub(super) fn sync(member: &Member, sharing: Sharing, random: &mut Random) -> Request {
    let mut led = member.led.clone();
    if sharing == Sharing::AmongSome && 1 < led.len() {
        led.remove(random.below(led.len()));
    }
    let mut partitions: Vec<u8> = (0..PARTITIONS.unsigned_abs() as u8).collect();
    random.shuffle(&mut partitions);
    let share = |(number, member_id): (usize, &String)| SyncGroupRequestAssignment {
        member_id: member_id.clone(),
        assignment: partitions.iter().skip(number).step_by(led.len()).copied().collect(),
    };
    let message = SyncGroupRequest {
        group_id: member.group.clone(),
        generation_id: member.generation,
        member_id: member.member_id.clone(),
        group_instance_id: member.instance_id.clone(),
        protocol_type: Some(PROTOCOL_TYPE.to_owned()),
        protocol_name: Some(PROTOCOL_NAME.to_owned()),
        assignments: led.iter().enumerate().map(share).collect(),
    };
    request(ApiKey::SyncGroup, SYNC_VERSION, &message)
}

pub(super) fn heartbeat(member: &Member) -> Request {
    let message = HeartbeatRequest {
        group_id: member.group.clone(),
        generation_id: member.generation,
        member_id: member.member_id.clone(),
        group_instance_id: member.instance_id.clone(),
    };
    request(ApiKey::Heartbeat, HEARTBEAT_VERSION, &message)
}

pub(super) fn leave(member: &Member) -> Request {
    let identity = MemberIdentity {
        member_id: member.member_id.clone(),
        group_instance_id: member.instance_id.clone(),
        reason: None,
    };
    leave_as(&member.group, identity)
}

/// An operator puts out whoever has an instance.
pub(super) fn remove(group: &str, instance_id: &str) -> Request {
    let group_instance_id = Some(instance_id.to_owned());
    leave_as(group, MemberIdentity { group_instance_id, ..MemberIdentity::default() })
}

fn leave_as(group: &str, identity: MemberIdentity) -> Request {
    let message = LeaveGroupRequest {
        group_id: group.to_owned(),
        members: vec![identity],
        ..LeaveGroupRequest::default()
    };
    request(ApiKey::LeaveGroup, LEAVE_VERSION, &message)
}

/// Who commits: a member of a generation, or an operator for nobody.
pub(super) struct Committer<'a> {
    pub(super) group: &'a str,
    pub(super) generation: i32,
    pub(super) member_id: &'a str,
    pub(super) instance_id: Option<&'a str>,
}

pub(super) fn commit(by: &Committer<'_>, partitions: &[i32], offset: u64) -> Request {
    let partition = |index: &i32| OffsetCommitRequestPartition {
        partition_index: *index,
        committed_offset: i64::try_from(offset).unwrap_or(i64::MAX),
        committed_leader_epoch: -1,
        committed_metadata: None,
    };
    let message = OffsetCommitRequest {
        group_id: by.group.to_owned(),
        generation_id_or_member_epoch: by.generation,
        member_id: by.member_id.to_owned(),
        group_instance_id: by.instance_id.map(str::to_owned),
        topics: vec![OffsetCommitRequestTopic {
            name: TOPIC.to_owned(),
            partitions: partitions.iter().map(partition).collect(),
            ..OffsetCommitRequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    request(ApiKey::OffsetCommit, COMMIT_VERSION, &message)
}

pub(super) fn fetch_offsets(group: &str) -> Request {
    let topic = OffsetFetchRequestTopics {
        name: TOPIC.to_owned(),
        partition_indexes: (0..PARTITIONS).collect(),
        ..OffsetFetchRequestTopics::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: group.to_owned(),
        topics: Some(vec![topic]),
        member_epoch: -1,
        ..OffsetFetchRequestGroup::default()
    };
    let message = OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() };
    request(ApiKey::OffsetFetch, OFFSET_FETCH_VERSION, &message)
}

/// The offsets by partition, or the code that refused them.
pub(super) fn fetched_offsets(reply: &Reply) -> Result<Result<BTreeMap<i32, i64>, i16>, String> {
    let response: OffsetFetchResponse =
        crate::client::response(ApiKey::OffsetFetch, OFFSET_FETCH_VERSION, reply)?;
    let group = response.groups.first().ok_or("an answer without the group")?;
    if group.error_code != 0 {
        return Ok(Err(group.error_code));
    }
    let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
    let offsets = partitions.map(|it| (it.partition_index, it.committed_offset)).collect();
    Ok(Ok(offsets))
}

pub(super) fn describe(group: &str) -> Request {
    let message = DescribeGroupsRequest {
        groups: vec![group.to_owned()],
        ..DescribeGroupsRequest::default()
    };
    request(ApiKey::DescribeGroups, DESCRIBE_VERSION, &message)
}

pub(super) fn delete(group: &str) -> Request {
    let message = DeleteGroupsRequest { groups_names: vec![group.to_owned()] };
    request(ApiKey::DeleteGroups, DELETE_VERSION, &message)
}
