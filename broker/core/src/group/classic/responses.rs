//! What JoinGroup and SyncGroup answer, in the shape of each version.

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::join_group_response::JoinGroupResponseMember;
use kt_protocol::messages::{JoinGroupResponse, SyncGroupResponse};

use super::ClassicGroup;

/// From this version on there may be no protocol; before it is empty.
const NULLABLE_PROTOCOL_MIN_VERSION: i16 = 7;

/// Whether the one who joins has partitions to share out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assigning {
    /// It has, if it leads.
    Needed,
    /// The partitions stay as they are (KIP-814).
    Skipped,
}

/// A JoinGroup is refused.
pub(crate) fn join_error(version: i16, member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    let response = JoinGroupResponse {
        error_code: error.code(),
        member_id: member_id.to_owned(),
        ..Default::default()
    };
    of_version(version, response)
}

/// A SyncGroup is refused.
pub(crate) fn sync_error(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code: error.code(), ..Default::default() }
}

/// Shapes the protocol's name for a version.
pub(super) fn of_version(version: i16, mut response: JoinGroupResponse) -> JoinGroupResponse {
    let name = response.protocol_name.take().filter(|it| !it.is_empty());
    response.protocol_name = match name {
        None if version < NULLABLE_PROTOCOL_MIN_VERSION => Some(String::new()),
        name => name,
    };
    response
}

impl<T> ClassicGroup<T> {
    /// A member is in the current generation; it is told of the others in `members`.
    pub(super) fn joined(
        &self,
        member_id: &str,
        members: Vec<JoinGroupResponseMember>,
        assigning: Assigning,
    ) -> JoinGroupResponse {
        JoinGroupResponse {
            generation_id: self.generation.0,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: assigning == Assigning::Skipped,
            member_id: member_id.to_owned(),
            members,
            ..Default::default()
        }
    }

    /// The same, with all members for the leader and none for others.
    pub(super) fn rejoined(&self, member_id: &str) -> JoinGroupResponse {
        let members = if self.is_leader(member_id) { self.member_list() } else { Vec::new() };
        self.joined(member_id, members, Assigning::Needed)
    }

    /// The members as the leader hears of them.
    pub(super) fn member_list(&self) -> Vec<JoinGroupResponseMember> {
        let member = |(id, member): (&String, &super::Member<T>)| JoinGroupResponseMember {
            member_id: id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(self.protocol_name.as_deref()),
        };
        self.members.iter().map(member).collect()
    }

    /// What a member was given.
    pub(super) fn synced(&self, member_id: &str) -> SyncGroupResponse {
        let assignment = self.members.get(member_id).map(|it| it.assignment.clone());
        SyncGroupResponse {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment: assignment.unwrap_or_default(),
            ..Default::default()
        }
    }
}
