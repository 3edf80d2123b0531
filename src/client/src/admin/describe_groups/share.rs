//! Who is in share groups (ShareGroupDescribe, KIP-932).

use kt_protocol::messages::ShareGroupDescribeRequest;
use kt_protocol::messages::share_group_describe_response::{DescribedGroup, Member};
use kt_protocol::types::{NodeId, TopicPartition};

use super::super::coordinator::PerGroup;
use super::super::{Admin, GroupState, GroupType};
use super::{GroupDescription, GroupMember, Said, in_order};
use crate::client::Limit;
use crate::error::Error;

impl Admin {
    /// Nothing of brokers that know no such groups.
    pub(super) async fn describe_share(
        &self,
        node: NodeId,
        groups: &[String],
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let build = |_| ShareGroupDescribeRequest {
            group_ids: groups.to_vec(),
            include_authorized_operations: false,
        };
        let response = self.ask_for_type(node, limit, build).await?;
        let described = response.into_iter().flat_map(|it| it.groups).map(|mut it| {
            let (group, message) = (it.group_id.clone(), it.error_message.take());
            let said = Said { group, code: it.error_code, message };
            said.result::<ShareGroupDescribeRequest>(|| description(node, it))
        });
        Ok(described.collect())
    }
}

fn description(coordinator: NodeId, it: DescribedGroup) -> GroupDescription {
    let member = |it: Member| GroupMember {
        member_id: it.member_id,
        instance_id: None,
        client_id: it.client_id,
        host: it.client_host,
        assignment: in_order(it.assignment.topic_partitions.into_iter().flat_map(|topic| {
            let name = topic.topic_name;
            topic.partitions.into_iter().map(move |it| TopicPartition::new(name.clone(), it))
        })),
    };
    GroupDescription {
        name: it.group_id,
        state: GroupState::from_name(&it.group_state),
        group_type: GroupType::Share,
        protocol_type: "share".to_owned(),
        assignor: (!it.assignor_name.is_empty()).then_some(it.assignor_name),
        coordinator,
        group_epoch: Some(it.group_epoch),
        assignment_epoch: Some(it.assignment_epoch),
        members: it.members.into_iter().map(member).collect(),
    }
}
