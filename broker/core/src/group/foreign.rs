//! Groups of the kinds that are not built yet: known by name, so that they are refused and kept.
//!
//! What Kafka answers without looking at such a group's epochs is answered the same way here; what
//! needs them is refused. Their records are never written, and so they cannot be deleted either.

use std::collections::BTreeSet;
use std::fmt;

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord as Record;

/// What kind of group it is (`Group.GroupType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupType {
    /// The protocol of JoinGroup and SyncGroup, and groups that only commit.
    Classic,
    /// KIP-848.
    Consumer,
    /// KIP-932.
    Share,
    /// KIP-1071.
    Streams,
}

impl fmt::Display for GroupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GroupType::Classic => "classic",
            GroupType::Consumer => "consumer",
            GroupType::Share => "share",
            GroupType::Streams => "streams",
        })
    }
}

/// Such a group, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignGroup {
    pub(crate) group_type: GroupType,
    pub(crate) members: BTreeSet<String>,
}

impl ForeignGroup {
    pub(crate) fn new(group_type: GroupType) -> ForeignGroup {
        ForeignGroup { group_type, members: BTreeSet::new() }
    }

    /// Empty without members; what it is with them depends on records that are not read.
    pub(crate) fn state(&self) -> &'static str {
        if self.members.is_empty() { "Empty" } else { "Unknown" }
    }

    /// A commit from outside the group is accepted while it has no members.
    pub(crate) fn may_commit(&self, member_epoch: i32) -> Result<(), ErrorCode> {
        match self.group_type {
            GroupType::Share => Err(ErrorCode::GroupIdNotFound),
            _ if member_epoch < 0 && self.members.is_empty() => Ok(()),
            _ => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// Who asks from outside the group may read.
    pub(crate) fn may_fetch(
        &self,
        member_id: Option<&str>,
        member_epoch: i32,
    ) -> Result<(), ErrorCode> {
        match self.group_type {
            GroupType::Share => Err(ErrorCode::GroupIdNotFound),
            _ if member_id.is_none() && member_epoch < 0 => Ok(()),
            _ => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// What its members are subscribed to is not known, so there must be none.
    pub(crate) fn may_delete_offsets(&self) -> Result<(), ErrorCode> {
        match self.group_type {
            GroupType::Share => Err(ErrorCode::GroupIdNotFound),
            _ if self.members.is_empty() => Ok(()),
            _ => Err(ErrorCode::NonEmptyGroup),
        }
    }

    /// Never: its tombstones are not known here.
    pub(crate) fn refuse_delete(&self) -> ErrorCode {
        if self.members.is_empty() { ErrorCode::GroupIdNotFound } else { ErrorCode::NonEmptyGroup }
    }
}

/// What a record says about such a group.
pub(crate) struct Trace<'a> {
    pub(crate) group_id: &'a str,
    pub(crate) group_type: GroupType,
    pub(crate) change: Change<'a>,
}

/// What becomes of the group.
pub(crate) enum Change<'a> {
    /// It exists.
    Exists,
    /// It has this member.
    Member(&'a str),
    /// It is gone.
    Gone,
    /// This member is gone.
    MemberGone(&'a str),
    /// Something else of it is gone.
    Nothing,
}

macro_rules! trace {
    ($record:expr, $($group_type:ident: $group:ident, $member:ident, $($other:ident),+;)+) => {
        match $record {
            $(
                Record::$group { key, value } => Some(Trace {
                    group_id: &key.group_id,
                    group_type: GroupType::$group_type,
                    change: if value.is_some() { Change::Exists } else { Change::Gone },
                }),
                Record::$member { key, value } => Some(Trace {
                    group_id: &key.group_id,
                    group_type: GroupType::$group_type,
                    change: match value {
                        Some(_) => Change::Member(&key.member_id),
                        None => Change::MemberGone(&key.member_id),
                    },
                }),
                $(
                    Record::$other { key, value } => Some(Trace {
                        group_id: &key.group_id,
                        group_type: GroupType::$group_type,
                        change: if value.is_some() { Change::Exists } else { Change::Nothing },
                    }),
                )+
            )+
            _ => None,
        }
    };
}

/// Reads a record of a kind that is not built yet; none for the others.
pub(crate) fn trace(record: &Record) -> Option<Trace<'_>> {
    trace! { record,
        Consumer: ConsumerGroupMetadata, ConsumerGroupMemberMetadata,
            ConsumerGroupPartitionMetadata, ConsumerGroupTargetAssignmentMetadata,
            ConsumerGroupTargetAssignmentMember, ConsumerGroupCurrentMemberAssignment,
            ConsumerGroupRegularExpression;
        Share: ShareGroupMetadata, ShareGroupMemberMetadata,
            ShareGroupTargetAssignmentMetadata, ShareGroupTargetAssignmentMember,
            ShareGroupCurrentMemberAssignment, ShareGroupStatePartitionMetadata;
        Streams: StreamsGroupMetadata, StreamsGroupMemberMetadata,
            StreamsGroupTargetAssignmentMetadata, StreamsGroupTargetAssignmentMember,
            StreamsGroupCurrentMemberAssignment, StreamsGroupTopology;
    }
}
