//! Who is in classic groups (DescribeGroups), whose members agree among themselves who has what.

use bytes::Bytes;
use kt_protocol::ErrorCode;
use kt_protocol::codec::Message;
use kt_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kt_protocol::messages::{ConsumerProtocolAssignment, DescribeGroupsRequest};
use kt_protocol::types::{NodeId, TopicPartition};

use super::super::coordinator::PerGroup;
use super::super::{Admin, GroupState, GroupType};
use super::{GroupDescription, GroupMember, Said, in_order};
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::Error;

impl Admin {
    /// Every broker knows these.
    pub(super) async fn describe_classic(
        &self,
        node: NodeId,
        groups: Vec<String>,
        limit: Limit,
    ) -> Result<PerGroup<GroupDescription>, Error> {
        let wanted = Wanted::any::<DescribeGroupsRequest>();
        let build = |_| DescribeGroupsRequest { groups: groups.clone(), ..Default::default() };
        let response = self.client.call_once(Target::Node(node), wanted, limit, build).await?;
        let described = response.groups.into_iter().map(|mut it| {
            // Before version 6 a group that does not exist is dead.
            let is_dead = it.error_code == 0 && it.group_state == GroupState::Dead.name();
            let code = if is_dead { ErrorCode::GroupIdNotFound.code() } else { it.error_code };
            let said = Said { group: it.group_id.clone(), code, message: it.error_message.take() };
            said.result::<DescribeGroupsRequest>(|| description(node, it))
        });
        Ok(described.collect())
    }
}

fn description(coordinator: NodeId, it: DescribedGroup) -> GroupDescription {
    let is_consumer = it.protocol_type == "consumer";
    let member = |it: DescribedGroupMember| GroupMember {
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
