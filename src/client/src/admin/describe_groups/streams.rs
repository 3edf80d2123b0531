//! Who is in streams groups, and what its tasks read (StreamsGroupDescribe, KIP-1071).

use std::collections::BTreeMap;

use kt_protocol::messages::StreamsGroupDescribeRequest;
use kt_protocol::messages::streams_group_describe_response::{DescribedGroup, Member, TaskIds};
use kt_protocol::types::{NodeId, TopicPartition};

use super::super::coordinator::PerGroup;
use super::super::{Admin, GroupState, GroupType};
use super::{GroupDescription, GroupMember, Said, in_order};
use crate::client::Limit;
use crate::error::Error;

impl Admin {
    /// Nothing of brokers that know no such groups.
    pub(super) async fn describe_streams(
        &self,
        node: NodeId,
        groups: &[String],
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let build = |_| StreamsGroupDescribeRequest {
            group_ids: groups.to_vec(),
            include_authorized_operations: false,
        };
        let response = self.ask_for_type(node, limit, build).await?;
        let described = response.into_iter().flat_map(|it| it.groups).map(|mut it| {
            let (group, message) = (it.group_id.clone(), it.error_message.take());
            let said = Said { group, code: it.error_code, message };
            said.result::<StreamsGroupDescribeRequest>(|| description(node, it))
        });
        Ok(described.collect())
    }
}

/// Tasks are told by subtopology: an active one reads its partition of each source topic.
fn description(coordinator: NodeId, it: DescribedGroup) -> GroupDescription {
    let subtopologies = it.topology.and_then(|it| it.subtopologies).unwrap_or_default();
    let sources: BTreeMap<&str, Vec<&str>> = subtopologies
        .iter()
        .map(|it| {
            let repartitioned = it.repartition_source_topics.iter().map(|it| &it.name);
            let topics = it.source_topics.iter().chain(repartitioned).map(String::as_str);
            (it.subtopology_id.as_str(), topics.collect())
        })
        .collect();
    let read = |tasks: &TaskIds| -> Vec<TopicPartition> {
        let topics = sources.get(tasks.subtopology_id.as_str()).into_iter().flatten();
        let of_topic = |topic: &&str| {
            tasks.partitions.iter().map(|it| TopicPartition::new(*topic, *it)).collect::<Vec<_>>()
        };
        topics.flat_map(of_topic).collect()
    };
    let member = |it: Member| GroupMember {
        assignment: in_order(it.assignment.active_tasks.iter().flat_map(read)),
        member_id: it.member_id,
        instance_id: it.instance_id,
        client_id: it.client_id,
        host: it.client_host,
    };
    let members = it.members.into_iter().map(member).collect();
    GroupDescription {
        name: it.group_id,
        state: GroupState::from_name(&it.group_state),
        group_type: GroupType::Streams,
        protocol_type: "streams".to_owned(),
        assignor: None,
        coordinator,
        group_epoch: Some(it.group_epoch),
        assignment_epoch: Some(it.assignment_epoch),
        members,
    }
}
