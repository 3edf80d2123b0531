//! A classic group as its record says it, and back.

use bytes::Bytes;
use kt_protocol::messages::GroupMetadataValue;
use kt_protocol::messages::group_metadata_value::MemberMetadata;
use kt_protocol::types::Timestamp;

use super::member::{Member, Protocol, Standing};
use super::{ClassicGroup, GenerationId, State};

/// What records before version 1 say: members have as long to join as to be silent.
const NO_REBALANCE_TIMEOUT: i32 = -1;

impl<T> ClassicGroup<T> {
    /// The record of a group that has just begun, and of which nothing is known yet.
    pub(crate) fn empty_value(&self) -> GroupMetadataValue {
        GroupMetadataValue {
            protocol_type: String::new(),
            generation: 0,
            protocol: None,
            leader: None,
            current_state_timestamp: self.state_timestamp.unwrap_or(Timestamp::NONE).0,
            members: Vec::new(),
        }
    }

    /// The record of the current generation.
    pub(crate) fn value(&self) -> GroupMetadataValue {
        let protocol_name = self.protocol_name.as_deref();
        let members = self.members.iter().map(|(id, member)| MemberMetadata {
            member_id: id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: member.metadata(protocol_name),
            assignment: member.assignment.clone(),
        });
        GroupMetadataValue {
            protocol_type: self.protocol_type().to_owned(),
            generation: self.generation.0,
            protocol: self.protocol_name.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.state_timestamp.unwrap_or(Timestamp::NONE).0,
            members: members.collect(),
        }
    }

    /// Reads a record: a group is stable with members and empty without.
    pub(crate) fn from_value(group_id: &str, value: &GroupMetadataValue) -> ClassicGroup<T> {
        let timestamp = Timestamp(value.current_state_timestamp);
        let mut group =
            ClassicGroup::new(group_id, (timestamp != Timestamp::NONE).then_some(timestamp));
        group.generation = GenerationId(value.generation);
        group.protocol_type = Some(value.protocol_type.clone()).filter(|it| !it.is_empty());
        group.protocol_name = value.protocol.clone();
        // A leader that is no member leads nobody.
        let is_member = |it: &&String| value.members.iter().any(|member| member.member_id == **it);
        group.leader = value.leader.as_ref().filter(is_member).cloned();
        for member in &value.members {
            if group.members.contains_key(&member.member_id) {
                // Kafka writes no member twice.
                continue;
            }
            let protocol_name = value.protocol.as_deref().unwrap_or_default();
            group.add(&member.member_id, &value.protocol_type, loaded(member, protocol_name));
        }
        if !group.members.is_empty() {
            group.state = State::Stable;
        }
        group.subscribed_topics = group.read_subscribed_topics();
        group
    }
}

fn loaded<T>(member: &MemberMetadata, protocol_name: &str) -> Member<T> {
    let rebalance_timeout_ms = match member.rebalance_timeout {
        NO_REBALANCE_TIMEOUT => member.session_timeout,
        timeout => timeout,
    };
    // Copied, for they would keep the whole batch.
    let metadata = Bytes::copy_from_slice(&member.subscription);
    Member {
        instance_id: member.group_instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout_ms,
        session_timeout_ms: member.session_timeout,
        protocols: vec![Protocol { name: protocol_name.to_owned(), metadata }],
        assignment: Bytes::copy_from_slice(&member.assignment),
        standing: Standing::Settled,
        awaiting_join: None,
        awaiting_sync: None,
        session_deadline: None,
    }
}
