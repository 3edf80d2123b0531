//! SyncGroup: what the leader brings, and what its answer gives the member.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::messages::join_group_response::JoinGroupResponseMember;
use kt_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kt_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use kt_protocol::types::{Millis, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::held_back::HeldBack;
use super::join::PROTOCOL_TYPE;
use super::{Event, Membership, Phase, RebalanceProtocol, Role};
use crate::consumer::assignor::{
    Assignment, Assignor, CooperativeSticky, GroupAssignment, GroupMembers, LastAssignment,
    MemberSubscription,
};
use crate::consumer::group::coordinator::subject;
use crate::consumer::group::request::{Effect, GroupRequest, GroupResponse};
use crate::consumer::panic_guard;
use crate::duration::millis;
use crate::error::Error;

impl Membership {
    /// Asks for what it reads in the new generation; as the leader once the topics are known.
    pub(super) fn sync_if_due(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let Phase::Joined(role) = &self.phase else { return };
        let is_leader = !matches!(role, Role::Follower);
        if is_leader && !self.topics.is_fresh() {
            return;
        }
        let shared_out = match role {
            Role::Follower => Ok((Vec::new(), HeldBack::Nothing)),
            Role::ReturnedLeader => Ok((Vec::new(), HeldBack::Unknown)),
            Role::Leader(members) => self.share_out(members),
        };
        let (assignments, held_back) = match shared_out {
            Ok(shared_out) => shared_out,
            Err(error) => return self.fail(error),
        };
        let request = SyncGroupRequest {
            group_id: self.config.group_id.clone(),
            generation_id: self.identity.generation.map_or(-1, |it| it.0),
            member_id: self.identity.member_id.clone(),
            group_instance_id: self.config.instance_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: Some(self.assignor.clone()),
            assignments,
        };
        // The coordinator answers once the leader has asked, or when it gives up waiting.
        let within = self.config.max_poll_interval.max(self.config.request_timeout);
        let Some(id) = self.send(GroupRequest::SyncGroup(request), within, effects) else {
            self.step_back();
            self.must_join("rebalance failed due to CoordinatorNotAvailableException");
            return self.retry(now);
        };
        self.topics.share(is_leader);
        self.held_back = held_back;
        self.phase = Phase::Syncing(id);
    }

    fn share_out(
        &self,
        members: &[JoinGroupResponseMember],
    ) -> Result<(Vec<SyncGroupRequestAssignment>, HeldBack), Error> {
        let subscription = |it: &JoinGroupResponseMember| {
            let read = MemberSubscription::from_bytes(&it.metadata).unwrap_or_default();
            let instance_id = it.group_instance_id.clone();
            (it.member_id.clone(), MemberSubscription { instance_id, ..read })
        };
        let members: GroupMembers = members.iter().map(subscription).collect();
        let assignor = self.config.assignors.iter().find(|it| it.name() == self.assignor);
        let assignor = assignor.expect("the chosen one was proposed");
        let what = format!("assignor \"{}\"", self.assignor);
        let topics = self.topics.of_group();
        let given = panic_guard::call(&what, || assignor.assign(&topics, &members))?;
        // Kafka's own knows which of two claims to believe; of others it is checked.
        if self.protocol == RebalanceProtocol::Cooperative
            && self.assignor != CooperativeSticky.name()
        {
            check_cooperative(&self.assignor, &members, &given)?;
        }
        let assignment = |id: &String| {
            let partitions = given.get(id).cloned().unwrap_or_default();
            let bytes = Assignment { partitions, user_data: None }.to_bytes();
            let assignment = bytes.map_err(|it| Error::protocol(ApiKey::SyncGroup, it))?;
            Ok(SyncGroupRequestAssignment { member_id: id.clone(), assignment })
        };
        let assignments: Result<Vec<_>, Error> = members.keys().map(assignment).collect();
        Ok((assignments?, HeldBack::by(&given, &members)))
    }

    pub(super) fn on_sync(&mut self, now: Millis, answer: Result<GroupResponse, Error>) {
        let response = match answer {
            Ok(GroupResponse::SyncGroup(response)) => response,
            Ok(_) => return self.fail(Error::protocol(ApiKey::SyncGroup, "another answer came")),
            Err(error) => return self.join_failed(now, error),
        };
        let code = ErrorCode::from_code(response.error_code);
        self.note_answer(code);
        match code {
            ErrorCode::None => return self.synced(now, &response),
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId => {
                let _ = self.lose(now, ApiKey::SyncGroup, code);
                return;
            }
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.coordinator.lost(now, &mut self.random);
                self.retry(now);
            }
            ErrorCode::CoordinatorLoadInProgress | ErrorCode::RequestTimedOut => self.retry(now),
            ErrorCode::RebalanceInProgress => {}
            code => {
                let subject = subject(&self.config.group_id);
                return self.fail(Error::broker(ApiKey::SyncGroup, code, subject));
            }
        }
        self.step_back();
        self.must_join(&format!("rebalance failed due to {code}"));
    }

    fn synced(&mut self, now: Millis, response: &SyncGroupResponse) {
        let is_other = |theirs: &Option<String>, ours: &str| {
            theirs.as_deref().is_some_and(|theirs| theirs != ours)
        };
        if is_other(&response.protocol_type, PROTOCOL_TYPE)
            || is_other(&response.protocol_name, &self.assignor)
        {
            let code = ErrorCode::InconsistentGroupProtocol;
            let subject = subject(&self.config.group_id);
            return self.fail(Error::broker(ApiKey::SyncGroup, code, subject));
        }
        let partitions = match Assignment::from_bytes(&response.assignment) {
            Ok(assignment) => assignment.partitions,
            Err(error) => return self.fail(Error::protocol(ApiKey::SyncGroup, error)),
        };
        self.phase = Phase::Stable;
        self.counts.rebalances += 1;
        self.counts.rebalance_ms += millis(self.rebalance.end(now));
        self.rejoin = None;
        self.heartbeat.heard(now, now);
        let covers = |it: &TopicPartition| {
            self.subscription.as_ref().is_some_and(|subscription| subscription.covers(&it.topic))
        };
        if !partitions.iter().all(covers) {
            return self.must_join("received assignment does not match the current subscription");
        }
        self.take_over(partitions);
        self.watch_held_back(now);
        // A leader may know of topics that fit the pattern before this member does.
        if self.subscription.as_ref().is_some_and(super::Subscription::is_pattern) {
            let given = self.last.iter().flat_map(|it| &it.partitions);
            let topics: BTreeSet<String> = given.map(|it| it.topic.clone()).collect();
            self.joined_topics.extend(topics);
        }
        self.note_changed_topics();
    }

    fn take_over(&mut self, partitions: BTreeSet<TopicPartition>) {
        let added = partitions.difference(&self.owned).cloned().collect();
        let revoked: BTreeSet<_> = self.owned.difference(&partitions).cloned().collect();
        if let Some(generation) = self.identity.generation {
            self.last = Some(LastAssignment { generation, partitions });
        }
        if !revoked.is_empty() {
            self.emit(Event::Revoke(revoked));
            self.must_join("need to revoke partitions and re-join");
        }
        self.emit(Event::Assign(added));
    }
}

/// Fails if an assignor gives to one what another still reads.
fn check_cooperative(
    assignor: &str,
    members: &GroupMembers,
    given: &GroupAssignment,
) -> Result<(), Error> {
    let owners: BTreeMap<&TopicPartition, &String> =
        members.iter().flat_map(|(id, it)| it.owned.iter().map(move |it| (it, id))).collect();
    for (id, partitions) in given {
        for it in partitions {
            if let Some(owner) = owners.get(it).filter(|owner| **owner != id) {
                return Err(Error::Refused(format!(
                    "assignor \"{assignor}\" is cooperative and gives {it} to {id} while {owner} \
                     still reads it"
                )));
            }
        }
    }
    Ok(())
}
