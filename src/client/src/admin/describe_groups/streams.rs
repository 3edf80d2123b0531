//! Who is in streams groups, and what its tasks read (StreamsGroupDescribe, KIP-1071).

use std::collections::BTreeMap;

use kt_protocol::messages::StreamsGroupDescribeRequest;
use kt_protocol::messages::streams_group_describe_response as streams;
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
    pub(super) async fn describe_streams(
        &self,
        node: NodeId,
        groups: &[String],
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let wanted = Wanted::any::<StreamsGroupDescribeRequest>();
        let build = |_| StreamsGroupDescribeRequest {
            group_ids: groups.to_vec(),
            include_authorized_operations: false,
        };
        let response = match self.client.call_once(Target::Node(node), wanted, limit, build).await {
            Err(Error::Version { .. }) => return Ok(PerGroup::new()),
            response => response?,
        };
        let described = response.groups.into_iter().map(|it| {
            let (name, api) = (it.group_id.clone(), ApiKey::StreamsGroupDescribe);
            let result = match ErrorCode::from_code(it.error_code) {
                ErrorCode::None => Ok(of_streams(node, it)),
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

/// Tasks are told by subtopology: an active one reads its partition of each source topic.
fn of_streams(coordinator: NodeId, it: streams::DescribedGroup) -> GroupDescription {
    let subtopologies = it.topology.and_then(|it| it.subtopologies).unwrap_or_default();
    let sources: BTreeMap<&str, Vec<&str>> = subtopologies
        .iter()
        .map(|it| {
            let repartitioned = it.repartition_source_topics.iter().map(|it| &it.name);
            let topics = it.source_topics.iter().chain(repartitioned).map(String::as_str);
            (it.subtopology_id.as_str(), topics.collect())
        })
        .collect();
    let read = |tasks: &streams::TaskIds| -> Vec<TopicPartition> {
        let topics = sources.get(tasks.subtopology_id.as_str()).into_iter().flatten();
        let of_topic = |topic: &&str| {
            tasks.partitions.iter().map(|it| TopicPartition::new(*topic, *it)).collect::<Vec<_>>()
        };
        topics.flat_map(of_topic).collect()
    };
    let member = |it: streams::Member| GroupMember {
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
