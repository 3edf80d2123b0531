//! Who is in groups, and what each member has (ConsumerGroupDescribe, DescribeGroups,
//! ShareGroupDescribe, StreamsGroupDescribe).

mod share;
mod streams;

use bytes::Bytes;
use kt_protocol::codec::Message;
use kt_protocol::messages::consumer_group_describe_response as modern;
use kt_protocol::messages::describe_groups_response as classic;
use kt_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerProtocolAssignment, DescribeGroupsRequest,
};
use kt_protocol::types::{NodeId, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::coordinator::{PerGroup, subject};
use super::{Admin, GroupState, GroupType};
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::Error;

/// A group, its state and its members.
///
/// Shown at [`Admin::describe_groups`](crate::Admin::describe_groups).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupDescription {
    /// Its id.
    pub name: String,
    /// What it does now.
    pub state: GroupState,
    /// By which protocol its members agree.
    pub group_type: GroupType,
    /// What its members are: `consumer`, `connect`; empty of a group that only commits.
    pub protocol_type: String,
    /// Who decides which member has what: `range`, `uniform`; none while nobody has.
    pub assignor: Option<String>,
    /// The broker that coordinates it.
    pub coordinator: NodeId,
    /// Of all but classic groups: raised by each change of members or topics.
    pub group_epoch: Option<i32>,
    /// Of all but classic groups: the group epoch that the assignment was computed for.
    pub assignment_epoch: Option<i32>,
    /// In the coordinator's order.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
///
/// Shown at [`Admin::describe_groups`](crate::Admin::describe_groups).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupMember {
    /// Its id, new with each start.
    pub member_id: String,
    /// Of a static member: its id for ever (KIP-345).
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it runs, as the broker sees it.
    pub host: String,
    /// What it has; in order, none twice.
    pub assignment: Vec<TopicPartition>,
}

impl Admin {
    /// Describes groups of all types.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::admin::GroupState;
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # let consumer = kt_doc_broker::join("billing", admin.client()).await?;
    /// let mut found = admin.describe_groups(&["billing".to_owned()]).await?;
    /// let billing = found.remove("billing").expect("each group has an answer")?;
    /// for member in &billing.members {
    ///     println!("{} at {} reads {:?}", member.client_id, member.host, member.assignment);
    /// }
    /// assert_eq!(billing.state, GroupState::Stable);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker answers in time; each group has its own result, and one that
    /// does not exist `GROUP_ID_NOT_FOUND`.
    pub async fn describe_groups(
        &self,
        groups: &[String],
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let limit = self.client.limit("DescribeGroups");
        let ask = |node: NodeId, groups: Vec<String>| self.describe_each_type(node, groups, limit);
        self.ask_coordinators(groups, limit, ask).await
    }

    /// Describes groups that one broker coordinates, those of type Consumer with one request, and
    /// with one more for each other type as long as some are left: classic, share, streams. Nobody
    /// is asked who coordinates them, and there is no other try. What another broker coordinates is
    /// an error of its group.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # let consumer = kt_doc_broker::join("billing", admin.client()).await?;
    /// let groups = ["billing".to_owned()];
    /// for broker in admin.describe_cluster().await?.brokers {
    ///     let mut found = admin.describe_groups_at(broker.id, &groups).await?;
    ///     let billing = found.remove("billing").expect("each group has an answer")?;
    ///     assert_eq!(billing.members.len(), 1);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the broker does not answer; each group has its own result.
    pub async fn describe_groups_at(
        &self,
        node: NodeId,
        groups: &[String],
    ) -> Result<PerGroup<GroupDescription>, Error> {
        self.client.know_brokers().await?;
        let limit = self.client.limit("DescribeGroups");
        self.describe_each_type(node, groups.to_vec(), limit).await
    }

    /// What is not there as a group of type Consumer is asked for as a classic one, and so on: the
    /// API that knows a group depends on its type.
    async fn describe_each_type(
        &self,
        node: NodeId,
        groups: Vec<String>,
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let mut found = self.describe_modern(node, &groups, limit).await?;
        let classic = not_found(&groups, &found);
        if !classic.is_empty() {
            found.extend(self.describe_classic(node, classic, limit).await?);
        }
        let share = not_found(&groups, &found);
        if !share.is_empty() {
            found.extend(known(self.describe_share(node, &share, limit).await?));
        }
        let streams = not_found(&groups, &found);
        if !streams.is_empty() {
            found.extend(known(self.describe_streams(node, &streams, limit).await?));
        }
        Ok(found)
    }

    /// Nothing of brokers that know no such groups.
    async fn describe_modern(
        &self,
        node: NodeId,
        groups: &[String],
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let wanted = Wanted::any::<ConsumerGroupDescribeRequest>();
        let build = |_| ConsumerGroupDescribeRequest {
            group_ids: groups.to_vec(),
            include_authorized_operations: false,
        };
        let response = match self.client.call_once(Target::Node(node), wanted, limit, build).await {
            Err(Error::Version { .. }) => return Ok(PerGroup::new()),
            response => response?,
        };
        let described = response.groups.into_iter().map(|it| {
            let (name, api) = (it.group_id.clone(), ApiKey::ConsumerGroupDescribe);
            let result = match ErrorCode::from_code(it.error_code) {
                ErrorCode::None => Ok(of_modern(node, it)),
                code => {
                    let message = it.error_message;
                    Err(Error::Broker { api, code, subject: subject(&name), message })
                }
            };
            (name, result)
        });
        Ok(described.collect())
    }

    async fn describe_classic(
        &self,
        node: NodeId,
        groups: Vec<String>,
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let wanted = Wanted::any::<DescribeGroupsRequest>();
        let build = |_| DescribeGroupsRequest { groups: groups.clone(), ..Default::default() };
        let response = self.client.call_once(Target::Node(node), wanted, limit, build).await?;
        let described = response.groups.into_iter().map(|it| {
            let (name, api) = (it.group_id.clone(), ApiKey::DescribeGroups);
            let result = match ErrorCode::from_code(it.error_code) {
                // Before version 6 a group that does not exist is dead.
                ErrorCode::None if it.group_state == GroupState::Dead.name() => {
                    Err(Error::broker(api, ErrorCode::GroupIdNotFound, subject(&name)))
                }
                ErrorCode::None => Ok(of_classic(node, it)),
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

/// Groups that nobody knew so far.
fn not_found(groups: &[String], found: &PerGroup<GroupDescription>) -> Vec<String> {
    let is_not_found = |it: &&String| match found.get(*it) {
        Some(Ok(_)) => false,
        Some(Err(error)) => error.code() == Some(ErrorCode::GroupIdNotFound),
        None => true,
    };
    groups.iter().filter(is_not_found).cloned().collect()
}

/// Without those that are not of this type: what was said of them before stays.
fn known(described: PerGroup<GroupDescription>) -> PerGroup<GroupDescription> {
    let is_there = |result: &Result<GroupDescription, Error>| {
        let code = result.as_ref().err().and_then(Error::code);
        code != Some(ErrorCode::GroupIdNotFound)
    };
    described.into_iter().filter(|(_, result)| is_there(result)).collect()
}

fn of_modern(coordinator: NodeId, it: modern::DescribedGroup) -> GroupDescription {
    let member = |it: modern::Member| GroupMember {
        member_id: it.member_id,
        instance_id: it.instance_id,
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
        group_type: GroupType::Consumer,
        protocol_type: "consumer".to_owned(),
        assignor: (!it.assignor_name.is_empty()).then_some(it.assignor_name),
        coordinator,
        group_epoch: Some(it.group_epoch),
        assignment_epoch: Some(it.assignment_epoch),
        members: it.members.into_iter().map(member).collect(),
    }
}

fn of_classic(coordinator: NodeId, it: classic::DescribedGroup) -> GroupDescription {
    let is_consumer = it.protocol_type == "consumer";
    let member = |it: classic::DescribedGroupMember| GroupMember {
        member_id: it.member_id,
        instance_id: it.group_instance_id,
        client_id: it.client_id,
        host: it.client_host,
        // What members of other protocols say to each other is theirs alone.
        assignment: if is_consumer { assignment(&it.member_assignment) } else { Vec::new() },
    };
    GroupDescription {
        name: it.group_id,
        state: GroupState::from_name(&it.group_state),
        group_type: GroupType::Classic,
        protocol_type: it.protocol_type,
        assignor: (!it.protocol_data.is_empty()).then_some(it.protocol_data),
        coordinator,
        group_epoch: None,
        assignment_epoch: None,
        members: it.members.into_iter().map(member).collect(),
    }
}

/// What the group's leader gave a member. Brokers do not look at these bytes, so they may be
/// anything: what cannot be read is nothing.
fn assignment(bytes: &Bytes) -> Vec<TopicPartition> {
    let Some([high, low]) = bytes.first_chunk() else { return Vec::new() };
    // A later version adds to the end of what is known.
    let versions = ConsumerProtocolAssignment::VALID_VERSIONS;
    let version = i16::from_be_bytes([*high, *low]).min(versions.max);
    if version < versions.min {
        return Vec::new();
    }
    let Ok(read) = ConsumerProtocolAssignment::decode_all(&bytes.slice(2..), version) else {
        return Vec::new();
    };
    in_order(read.assigned_partitions.into_iter().flat_map(|it| {
        let topic = it.topic;
        it.partitions.into_iter().map(move |it| TopicPartition::new(topic.clone(), it))
    }))
}

fn in_order(partitions: impl Iterator<Item = TopicPartition>) -> Vec<TopicPartition> {
    let mut partitions: Vec<TopicPartition> = partitions.collect();
    partitions.sort();
    partitions.dedup();
    partitions
}

#[cfg(test)]
mod tests {
    use kt_protocol::messages::consumer_protocol_assignment as protocol;
    use proptest::prelude::*;

    use super::*;

    fn written() -> Bytes {
        let topic = |name: &str, partitions: &[i32]| protocol::TopicPartition {
            topic: name.to_owned(),
            partitions: partitions.to_vec(),
        };
        let given = ConsumerProtocolAssignment {
            assigned_partitions: vec![topic("pay", &[0]), topic("orders", &[2, 0, 2])],
            user_data: None,
        };
        let mut bytes = vec![0, 1];
        bytes.extend_from_slice(&given.encode_to_bytes(1).unwrap());
        bytes.into()
    }

    fn shown(bytes: &Bytes) -> String {
        let assigned = assignment(bytes);
        assigned.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn assignments_are_in_order() {
        assert_eq!(shown(&written()), "orders-0 orders-2 pay-0");
    }

    #[test]
    fn what_is_no_assignment_is_nothing() {
        for bytes in [&b""[..], b"\0", b"?", b"\xff\xff\0\0\0\0", b"\0\0\x7f\xff\xff\xff"] {
            assert_eq!(shown(&Bytes::copy_from_slice(bytes)), "");
        }
        let whole = written();
        for length in 0..whole.len() {
            assignment(&whole.slice(..length));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            assignment(&bytes.into());
        }
    }
}
