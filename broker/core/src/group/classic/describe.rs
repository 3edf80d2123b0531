//! A classic group as DescribeGroups shows it.

use bytes::Bytes;
use kt_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};

use super::{ClassicGroup, State};

impl<T> ClassicGroup<T> {
    /// What members are subscribed to is shown only while the group is stable.
    pub(crate) fn describe(&self) -> DescribedGroup {
        let protocol_name = match self.state {
            State::Stable => self.protocol_name.as_deref(),
            _ => None,
        };
        let members = self.members.iter().map(|(id, member)| DescribedGroupMember {
            member_id: id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            member_metadata: protocol_name.map_or_else(Bytes::new, |it| member.metadata(Some(it))),
            member_assignment: member.assignment.clone(),
        });
        DescribedGroup {
            group_id: self.id.clone(),
            group_state: self.state.name().to_owned(),
            protocol_type: self.protocol_type().to_owned(),
            protocol_data: protocol_name.unwrap_or_default().to_owned(),
            members: members.collect(),
            ..Default::default()
        }
    }
}
