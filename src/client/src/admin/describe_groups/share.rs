//! Who is in share groups (ShareGroupDescribe, KIP-932).

use kt_protocol::messages::ShareGroupDescribeRequest;
use kt_protocol::messages::share_group_describe_response as share;
use kt_protocol::types::{NodeId, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::super::coordinator::{PerGroup, subject};
use super::super::{Admin, GroupState, GroupType};
use super::{GroupDescription, GroupMember, in_order};
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::Error;

impl Admin {
    /// Nothing of brokers that know no such groups.
    pub(super) async fn describe_share(
        &self,
        node: NodeId,
        groups: &[String],
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let wanted = Wanted::any::<ShareGroupDescribeRequest>();
        let build = |_| ShareGroupDescribeRequest {
            group_ids: groups.to_vec(),
            include_authorized_operations: false,
        };
        let response = match self.client.call_once(Target::Node(node), wanted, limit, build).await {
            Err(Error::Version { .. }) => return Ok(PerGroup::new()),
            response => response?,
        };
        let described = response.groups.into_iter().map(|it| {
            let (name, api) = (it.group_id.clone(), ApiKey::ShareGroupDescribe);
            let result = match ErrorCode::from_code(it.error_code) {
                ErrorCode::None => Ok(of_share(node, it)),
                code => {
                    let message = it.error_message;
                    Err(Error::Broker { api, code, subject: subject(&name), message })
                }
            };
            (name, result)
        });
        Ok(described.collect())
    }
}

fn of_share(coordinator: NodeId, it: share::DescribedGroup) -> GroupDescription {
    let member = |it: share::Member| GroupMember {
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
