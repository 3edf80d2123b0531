//! The requests of members: from the shape of a version to the group that they mean, and back.

use kt_protocol::codec::MAX_STRING_BYTES;
use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::leave_group_request::MemberIdentity;
use kt_protocol::messages::leave_group_response::MemberResponse;
use kt_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest,
};
use kt_protocol::types::Now;

use super::classic::{ClassicGroup, Joining, Protocol, Waiting, join_error, sync_error};
use super::outcome::{Answer, Outcome};
use super::records::{self, Fits};
use super::shard::{Group, Shard};

/// Before this version JoinGroup has no rebalance timeout of its own.
const REBALANCE_TIMEOUT_MIN_VERSION: i16 = 1;

/// From this version on LeaveGroup has many members.
const LEAVE_MANY_MIN_VERSION: i16 = 3;

/// From this version on SyncGroup says what protocol it is about (KIP-559).
const SYNC_PROTOCOL_MIN_VERSION: i16 = 5;

/// Who sends a JoinGroup: what a group remembers of it.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The client id of the request's header.
    pub client_id: &'a str,
    /// The client's address as Java writes it: `/10.0.0.1`.
    pub client_host: &'a str,
}

impl<T> Shard<T> {
    /// A member wants to be in the next generation. The answer may come with another call, once all
    /// members have asked or time is up.
    ///
    /// A group begins with a join without member id, and is written at once, unless the join is
    /// refused: Kafka writes it even then. A group of a kind that is not built yet is refused with
    /// `INCONSISTENT_GROUP_PROTOCOL`, even an empty consumer group, which Kafka would turn into
    /// a classic one.
    pub fn join_group(
        &mut self,
        now: Now,
        token: T,
        version: i16,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
    ) -> Outcome<T> {
        let waiting = Waiting { token, version };
        if let Err((member_id, error)) = self.may_ask_to_join(request) {
            return refuse_join(waiting, member_id, error);
        }
        let Some(joining) = self.joining(waiting.version, caller, request) else {
            return refuse_join(waiting, "", ErrorCode::UnknownServerError);
        };
        let group_id = request.group_id.as_str();
        if self.group(group_id).is_some() {
            let outcome =
                self.with_classic(now, group_id, |group, step| group.join(step, waiting, joining));
            return outcome.unwrap_or_else(Outcome::nothing);
        }
        self.join_new_group(now, waiting, joining, group_id)
    }

    fn join_new_group(
        &mut self,
        now: Now,
        waiting: Waiting<T>,
        joining: Joining,
        group_id: &str,
    ) -> Outcome<T> {
        let group = ClassicGroup::new(group_id, Some(now.wall));
        let record = records::group_metadata(group_id, group.empty_value());
        if self.config().batch_max_bytes < records::batch_len(std::slice::from_ref(&record)) {
            return refuse_join(waiting, "", ErrorCode::UnknownServerError);
        }
        self.insert_group(group_id, Group::Classic(Box::new(group)));
        let outcome =
            self.with_classic(now, group_id, |group, step| group.join(step, waiting, joining));
        let mut outcome = outcome.unwrap_or_else(Outcome::nothing);
        if matches!(self.group(group_id), Some(Group::Classic(group)) if group.is_unused()) {
            self.remove_group(group_id);
        } else if outcome.records.is_empty() {
            let fits = outcome.append_within(record, self.config().batch_max_bytes);
            debug_assert_eq!(fits, Fits::Yes, "it was measured");
        }
        outcome
    }

    fn may_ask_to_join<'r>(
        &self,
        request: &'r JoinGroupRequest,
    ) -> Result<(), (&'r str, ErrorCode)> {
        let config = self.config();
        let member_id = request.member_id.as_str();
        if request.group_id.is_empty() {
            return Err((member_id, ErrorCode::InvalidGroupId));
        }
        let sessions = config.min_session_timeout_ms..=config.max_session_timeout_ms;
        if !sessions.contains(&request.session_timeout_ms) {
            return Err((member_id, ErrorCode::InvalidSessionTimeout));
        }
        match self.group(&request.group_id) {
            None if !member_id.is_empty() => Err((member_id, ErrorCode::UnknownMemberId)),
            Some(Group::Foreign(_)) => Err(("", ErrorCode::InconsistentGroupProtocol)),
            _ => Ok(()),
        }
    }

    /// What the group needs of the request; none if no record could hold it.
    fn joining(
        &mut self,
        version: i16,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
    ) -> Option<Joining> {
        let metadata_len: usize = request.protocols.iter().map(|it| it.metadata.len()).sum();
        if self.config().batch_max_bytes < metadata_len {
            return None;
        }
        // Java's UUID, which is not how Kafka writes its own ids.
        let id = self.random().id().0.map(|byte| format!("{byte:02x}")).concat();
        let id = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
        let prefix = request.group_instance_id.as_deref().unwrap_or(caller.client_id);
        let new_member_id = format!("{prefix}-{id}");
        if MAX_STRING_BYTES < new_member_id.len() {
            return None;
        }
        let rebalance_timeout_ms = match version {
            REBALANCE_TIMEOUT_MIN_VERSION.. => request.rebalance_timeout_ms,
            _ => request.session_timeout_ms,
        };
        Some(Joining {
            member_id: request.member_id.clone(),
            new_member_id,
            instance_id: request.group_instance_id.clone(),
            client_id: caller.client_id.to_owned(),
            client_host: caller.client_host.to_owned(),
            protocol_type: request.protocol_type.clone(),
            protocols: request.protocols.iter().map(Protocol::copied).collect(),
            rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
        })
    }

    /// A member asks for its partitions; the leader brings those of all. The answer may come with
    /// the leader's call.
    pub fn sync_group(
        &mut self,
        now: Now,
        token: T,
        version: i16,
        request: &SyncGroupRequest,
    ) -> Outcome<T> {
        let refused = |token, error| Outcome::only(token, Answer::SyncGroup(sync_error(error)));
        let has_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
        if SYNC_PROTOCOL_MIN_VERSION <= version && !has_protocol {
            return refused(token, ErrorCode::InconsistentGroupProtocol);
        }
        if request.group_id.is_empty() {
            return refused(token, ErrorCode::InvalidGroupId);
        }
        match self.group(&request.group_id) {
            Some(Group::Classic(group)) if !group.is_empty() => {}
            _ => return refused(token, ErrorCode::UnknownMemberId),
        }
        let outcome = self.with_classic(now, &request.group_id, |group, step| {
            group.sync(step, token, request);
        });
        outcome.unwrap_or_else(Outcome::nothing)
    }

    /// A member says that it lives, and hears whether it must join again.
    pub fn heartbeat(&mut self, now: Now, token: T, request: &HeartbeatRequest) -> Outcome<T> {
        let error = match request.group_id.is_empty() {
            true => ErrorCode::InvalidGroupId,
            false => {
                let mut error = ErrorCode::UnknownMemberId;
                let outcome = self.with_classic(now, &request.group_id, |group, step| {
                    error = group.heartbeat(step, request).err().unwrap_or_default();
                });
                debug_assert!(outcome.is_none_or(|it| it.is_empty()), "a session says nothing");
                error
            }
        };
        let response = HeartbeatResponse { error_code: error.code(), ..Default::default() };
        Outcome::only(token, Answer::Heartbeat(response))
    }

    /// Members go, by their own will or an operator's.
    pub fn leave_group(
        &mut self,
        now: Now,
        token: T,
        version: i16,
        request: &LeaveGroupRequest,
    ) -> Outcome<T> {
        let answer = |members, error| Answer::LeaveGroup(left(version, members, error));
        if request.group_id.is_empty() {
            return Outcome::only(token, answer(Vec::new(), ErrorCode::InvalidGroupId));
        }
        let of_old_version =
            [MemberIdentity { member_id: request.member_id.clone(), ..Default::default() }];
        let members = match version {
            LEAVE_MANY_MIN_VERSION.. => request.members.as_slice(),
            _ => of_old_version.as_slice(),
        };
        let mut responses = Vec::new();
        let outcome = self.with_classic(now, &request.group_id, |group, step| {
            responses = group.leave(step, members);
        });
        let Some(mut outcome) = outcome else {
            let unknown = |it: &MemberIdentity| member_left(it, ErrorCode::UnknownMemberId);
            let responses = members.iter().map(unknown).collect();
            return Outcome::only(token, answer(responses, ErrorCode::None));
        };
        outcome.answer(token, answer(responses, ErrorCode::None));
        outcome
    }
}

fn refuse_join<T>(waiting: Waiting<T>, member_id: &str, error: ErrorCode) -> Outcome<T> {
    let Waiting { token, version } = waiting;
    Outcome::only(token, Answer::JoinGroup(join_error(version, member_id, error)))
}

/// What LeaveGroup says of one member.
pub(crate) fn member_left(member: &MemberIdentity, error: ErrorCode) -> MemberResponse {
    MemberResponse {
        member_id: member.member_id.clone(),
        group_instance_id: member.group_instance_id.clone(),
        error_code: error.code(),
    }
}

/// Before version 3 the one member's error is that of the response.
fn left(version: i16, members: Vec<MemberResponse>, error: ErrorCode) -> LeaveGroupResponse {
    if LEAVE_MANY_MIN_VERSION <= version {
        return LeaveGroupResponse { error_code: error.code(), members, ..Default::default() };
    }
    let of_member = members.first().map_or(0, |it| it.error_code);
    let error_code = if error.is_none() { of_member } else { error.code() };
    LeaveGroupResponse { error_code, ..Default::default() }
}
