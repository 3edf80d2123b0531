//! DescribeGroups: a classic group and its members (`GroupMetadataManager.describeGroups`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::describe_groups_response::DescribedGroup;

use super::shard::{Group, Shard};

/// From this version on an unknown group is an error, not only dead.
const GROUP_ID_NOT_FOUND_MIN_VERSION: i16 = 6;

impl<T> Shard<T> {
    /// A group; one that is unknown or of another type is dead. What the client may do with it is
    /// the owner's to fill in.
    pub fn describe_group(&self, version: i16, group_id: &str) -> DescribedGroup {
        let message = match self.group(group_id) {
            Some(Group::Classic(group)) => return group.describe(),
            Some(Group::Foreign(_)) => format!("Group {group_id} is not a classic group."),
            None => format!("Group {group_id} not found."),
        };
        let mut dead = DescribedGroup {
            group_id: group_id.to_owned(),
            group_state: "Dead".to_owned(),
            ..Default::default()
        };
        if GROUP_ID_NOT_FOUND_MIN_VERSION <= version {
            dead.error_code = ErrorCode::GroupIdNotFound.code();
            dead.error_message = Some(message);
        }
        dead
    }
}
