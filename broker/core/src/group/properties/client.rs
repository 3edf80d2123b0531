//! A member as the other side knows it: what it was told, and what it waits for.

use std::collections::BTreeSet;

use bytes::Bytes;
use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kt_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kt_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, OffsetCommitRequest, SyncGroupRequest,
    SyncGroupResponse, offset_commit_request,
};

use crate::group::conversation::subscription;
use crate::random::Random;

/// How many partitions the members share.
pub(super) const PARTITIONS: usize = 6;

/// What a client is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Joining,
    Syncing,
    Reading,
}

/// One process, which may crash and come back.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) group_id: String,
    pub(super) instance_id: Option<String>,
    pub(super) version: i16,
    pub(super) member_id: String,
    pub(super) generation: i32,
    pub(super) stage: Stage,
    /// The request that it waits for, if any.
    pub(super) waits_for: Option<u64>,
    /// All members, if it leads.
    led: Vec<String>,
    protocol_name: Option<String>,
}

impl Client {
    pub(super) fn new(number: usize) -> Client {
        Client {
            name: format!("client{number}"),
            group_id: format!("g{}", number % 2),
            instance_id: number.is_multiple_of(3).then(|| format!("i{number}")),
            version: if number.is_multiple_of(2) { 9 } else { 3 },
            member_id: String::new(),
            generation: -1,
            stage: Stage::Joining,
            waits_for: None,
            led: Vec::new(),
            protocol_name: None,
        }
    }

    /// Forgets everything but who it is.
    pub(super) fn crash(&mut self) {
        self.member_id.clear();
        self.generation = -1;
        self.stage = Stage::Joining;
        self.waits_for = None;
    }

    pub(super) fn join_request(&self, random: &mut Random) -> JoinGroupRequest {
        let topics = vec![format!("t{}", random.below(2))];
        let protocol = |name: &str| JoinGroupRequestProtocol {
            name: name.to_owned(),
            metadata: subscription(topics.clone()),
        };
        let names = if random.below(2) == 0 { ["range", "sticky"] } else { ["sticky", "range"] };
        JoinGroupRequest {
            group_id: self.group_id.clone(),
            session_timeout_ms: 6_000 + 1_000 * random.below(5) as i32,
            rebalance_timeout_ms: 1_000 * random.below(20) as i32,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            protocol_type: "consumer".to_owned(),
            protocols: names[..=random.below(2)].iter().map(|it| protocol(it)).collect(),
            reason: None,
        }
    }

    /// What the leader shares out; sometimes it forgets somebody.
    pub(super) fn sync_request(&self, random: &mut Random) -> SyncGroupRequest {
        let mut partitions: Vec<u8> = (0..PARTITIONS as u8).collect();
        random.shuffle(&mut partitions);
        let mut assignments = Vec::new();
        for (number, member_id) in self.led.iter().enumerate() {
            let own = partitions.iter().skip(number).step_by(self.led.len());
            let assignment: Bytes = own.copied().collect();
            if random.below(4) != 0 {
                let member_id = member_id.clone();
                assignments.push(SyncGroupRequestAssignment { member_id, assignment });
            }
        }
        SyncGroupRequest {
            group_id: self.group_id.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            protocol_type: Some("consumer".to_owned()),
            protocol_name: self.protocol_name.clone(),
            assignments,
        }
    }

    pub(super) fn heartbeat_request(&self) -> HeartbeatRequest {
        HeartbeatRequest {
            group_id: self.group_id.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
        }
    }

    pub(super) fn commit_request(&self, partition: i32, offset: i64) -> OffsetCommitRequest {
        let partition = offset_commit_request::OffsetCommitRequestPartition {
            partition_index: partition,
            committed_offset: offset,
            ..Default::default()
        };
        OffsetCommitRequest {
            group_id: self.group_id.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            topics: vec![offset_commit_request::OffsetCommitRequestTopic {
                name: "t0".to_owned(),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    pub(super) fn on_join(&mut self, response: &JoinGroupResponse) {
        if response.error_code != 0 {
            return self.on_error(response.error_code, &response.member_id);
        }
        self.member_id.clone_from(&response.member_id);
        self.generation = response.generation_id;
        self.protocol_name.clone_from(&response.protocol_name);
        self.led = response.members.iter().map(|it| it.member_id.clone()).collect();
        self.stage = Stage::Syncing;
    }

    /// The partitions that it may read now.
    pub(super) fn on_sync(&mut self, response: &SyncGroupResponse) -> BTreeSet<u8> {
        if response.error_code != 0 {
            self.on_error(response.error_code, "");
            return BTreeSet::new();
        }
        self.stage = Stage::Reading;
        response.assignment.iter().copied().collect()
    }

    pub(super) fn on_error(&mut self, code: i16, member_id: &str) {
        match ErrorCode::from_code(code) {
            ErrorCode::None => {}
            ErrorCode::MemberIdRequired => {
                self.member_id = member_id.to_owned();
                self.stage = Stage::Joining;
            }
            ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration => {
                self.stage = Stage::Joining;
            }
            _ => self.crash(),
        }
    }
}
