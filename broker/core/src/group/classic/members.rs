//! Who is in the group: adding, removing, replacing, leading.

use std::collections::BTreeSet;

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use kt_protocol::planted;

use super::join::Joining;
use super::member::{Member, Protocol, Waiting};
use super::responses::{join_error, of_version, sync_error};
use super::{ClassicGroup, Step};
use crate::group::outcome::Answer;

impl<T> ClassicGroup<T> {
    /// Whether the request is from a member, and from the right one of its instance id.
    pub(super) fn check_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                Some(_) if planted!("a former static id is a member") => return Ok(()),
                None => return Err(ErrorCode::UnknownMemberId),
                Some(current) if current != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Takes a member in. The first one says what the group is, and leads it.
    pub(super) fn add(&mut self, member_id: &str, protocol_type: &str, member: Member<T>) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.to_owned());
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member_id.to_owned());
        }
        if self.leader.is_none() {
            self.leader = Some(member_id.to_owned());
        }
        if member.awaiting_join.is_some() {
            self.awaiting_joins += 1;
        }
        self.count_protocols(&member.protocols, Count::In);
        self.members.insert(member_id.to_owned(), member);
        self.pending_joins.remove(member_id);
    }

    /// Puts out a member, or a member id that was given out. What it still waits for is answered
    /// with `UNKNOWN_MEMBER_ID`, so that it begins anew.
    pub(super) fn remove(&mut self, step: &mut Step<'_, T>, member_id: &str) {
        if !planted!("a waiting join is forgotten") {
            self.answer_join(step, member_id, |version| {
                join_error(version, "", ErrorCode::UnknownMemberId)
            });
        }
        self.answer_sync(step, member_id, || sync_error(ErrorCode::UnknownMemberId));
        if let Some(member) = self.members.remove(member_id) {
            self.count_protocols(&member.protocols, Count::Out);
            if let Some(instance_id) = &member.instance_id {
                self.static_members.remove(instance_id);
            }
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_joins.remove(member_id);
        self.pending_syncs.remove(member_id);
    }

    /// Gives a static member a new id; whoever waits under the old one is fenced.
    pub(super) fn replace(&mut self, step: &mut Step<'_, T>, old_id: &str, new_id: &str) {
        self.answer_join(step, old_id, |version| {
            join_error(version, old_id, ErrorCode::FencedInstanceId)
        });
        self.answer_sync(step, old_id, || sync_error(ErrorCode::FencedInstanceId));
        let Some(member) = self.members.remove(old_id) else { return };
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), new_id.to_owned());
        }
        if self.is_leader(old_id) {
            self.leader = Some(new_id.to_owned());
        }
        if self.pending_syncs.remove(old_id) {
            self.pending_syncs.insert(new_id.to_owned());
        }
        self.members.insert(new_id.to_owned(), member);
    }

    /// Takes a member's changed mind about protocols and timeouts.
    pub(super) fn update(&mut self, member_id: &str, joining: &Joining) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        member.rebalance_timeout_ms = joining.rebalance_timeout_ms;
        member.session_timeout_ms = joining.session_timeout_ms;
        let before = std::mem::replace(&mut member.protocols, joining.protocols.clone());
        self.count_protocols(&before, Count::Out);
        self.count_protocols(&joining.protocols, Count::In);
    }

    /// Lets a JoinGroup wait. One that the member sent before will not be answered as it hoped:
    /// Kafka forgets it, here the owner is told.
    pub(super) fn await_join(&mut self, step: &mut Step<'_, T>, id: &str, waiting: Waiting<T>) {
        if !planted!("a second join is forgotten") {
            self.answer_join(step, id, |version| {
                join_error(version, id, ErrorCode::RebalanceInProgress)
            });
        }
        if let Some(member) = self.members.get_mut(id) {
            member.awaiting_join = Some(waiting);
            self.awaiting_joins += 1;
        }
    }

    /// Lets a SyncGroup wait; one from before as in [`ClassicGroup::await_join`].
    pub(super) fn await_sync(&mut self, step: &mut Step<'_, T>, id: &str, token: T) {
        self.answer_sync(step, id, || sync_error(ErrorCode::RebalanceInProgress));
        if let Some(member) = self.members.get_mut(id) {
            member.awaiting_sync = Some(token);
        }
    }

    /// Answers the JoinGroup that a member waits for, if there is one.
    pub(super) fn answer_join(
        &mut self,
        step: &mut Step<'_, T>,
        member_id: &str,
        response: impl FnOnce(i16) -> JoinGroupResponse,
    ) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        let Some(Waiting { token, version }) = member.awaiting_join.take() else { return };
        self.awaiting_joins -= 1;
        let response = of_version(version, response(version));
        step.outcome.answer(token, Answer::JoinGroup(response));
    }

    /// Answers the SyncGroup that a member waits for, if there is one.
    pub(super) fn answer_sync(
        &mut self,
        step: &mut Step<'_, T>,
        member_id: &str,
        response: impl FnOnce() -> SyncGroupResponse,
    ) -> Answered {
        let Some(member) = self.members.get_mut(member_id) else { return Answered::Nobody };
        let Some(token) = member.awaiting_sync.take() else { return Answered::Nobody };
        step.outcome.answer(token, Answer::SyncGroup(response()));
        Answered::Member
    }

    pub(super) fn member_ids(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// Counts each protocol of a member once, however often it names it.
    fn count_protocols(&mut self, protocols: &[Protocol], count: Count) {
        let names: BTreeSet<&str> = protocols.iter().map(|it| it.name.as_str()).collect();
        for name in names {
            let members = self.supported_protocols.entry(name.to_owned()).or_default();
            match count {
                Count::In => *members += 1,
                Count::Out => *members -= 1,
            }
            if *members == 0 {
                self.supported_protocols.remove(name);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    In,
    Out,
}

/// Whether somebody was waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Member,
    Nobody,
}
