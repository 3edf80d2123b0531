//! ListGroups: the groups of this shard (`GroupMetadataManager.listGroups`).

use kt_protocol::messages::list_groups_response::ListedGroup;

use super::foreign::GroupType;
use super::shard::{Group, Shard};

impl<T> Shard<T> {
    /// The groups in one of these states and of one of these types; an empty filter is none. Upper
    /// and lower case do not matter. The owner joins the lists of its shards.
    pub fn list_groups(
        &self,
        states_filter: &[String],
        types_filter: &[String],
    ) -> Vec<ListedGroup> {
        let is_in = |filter: &[String], value: &str| {
            filter.is_empty() || filter.iter().any(|it| it.trim().eq_ignore_ascii_case(value))
        };
        let groups = self.groups_from("").map(|(group_id, group)| listed(group_id, group));
        groups
            .filter(|it| is_in(states_filter, &it.group_state))
            .filter(|it| is_in(types_filter, &it.group_type))
            .collect()
    }
}

fn listed<T>(group_id: &str, group: &Group<T>) -> ListedGroup {
    let (protocol_type, state, group_type) = match group {
        Group::Classic(group) => {
            (group.protocol_type().to_owned(), group.state().name(), GroupType::Classic)
        }
        // The name of the type is also that of the protocol.
        Group::Foreign(group) => (group.group_type.to_string(), group.state(), group.group_type),
    };
    ListedGroup {
        group_id: group_id.to_owned(),
        protocol_type,
        group_state: state.to_owned(),
        group_type: group_type.to_string(),
    }
}
