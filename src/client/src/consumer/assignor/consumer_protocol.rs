//! What members say to each other through their coordinator, which does not look at it: the bytes
//! of `ConsumerProtocolSubscription` and `ConsumerProtocolAssignment`, each behind its version.

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes, BytesMut};
use kt_protocol::codec::{DecodeBudget, DecodeError, EncodeError, Message, Reader};
use kt_protocol::messages::consumer_protocol_assignment::TopicPartition as AssignedTopic;
use kt_protocol::messages::consumer_protocol_subscription::TopicPartition as OwnedTopic;
use kt_protocol::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use kt_protocol::types::TopicPartition;

use super::{GenerationId, MemberSubscription};

/// Why a member's bytes say nothing.
///
/// Shown at [`MemberSubscription`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// They end before their version.
    #[error("no version in {0} bytes")]
    NoVersion(usize),
    /// Their version is below zero.
    #[error("version {0} does not exist")]
    Version(i16),
    /// They are not what their version says.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Something is too long for its length field.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// What the leader gives a member.
///
/// ```
/// use kt_client::consumer::assignor::Assignment;
/// use kt_protocol::types::TopicPartition;
///
/// let partitions = [TopicPartition::new("orders", 0)].into();
/// let given = Assignment { partitions, user_data: None };
/// let sent = given.to_bytes()?;
/// assert_eq!(Assignment::from_bytes(&sent)?, given);
/// # Ok::<(), kt_client::consumer::assignor::ProtocolError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// What it is to read.
    pub partitions: BTreeSet<TopicPartition>,
    /// What the leader's assignor says to the member's.
    pub user_data: Option<Bytes>,
}

impl MemberSubscription {
    /// As a member sends it, in the newest version.
    ///
    /// # Errors
    ///
    /// Fails if a name is longer than the format can say.
    pub fn to_bytes(&self) -> Result<Bytes, ProtocolError> {
        let mut owned: Vec<OwnedTopic> = Vec::new();
        for it in &self.owned {
            match owned.last_mut() {
                Some(last) if last.topic == it.topic => last.partitions.push(it.partition.0),
                _ => owned
                    .push(OwnedTopic { topic: it.topic.clone(), partitions: vec![it.partition.0] }),
            }
        }
        with_version(&ConsumerProtocolSubscription {
            topics: self.topics.iter().cloned().collect(),
            user_data: self.user_data.clone(),
            owned_partitions: owned,
            generation_id: self.generation.map_or(-1, |it| it.0),
            rack_id: self.rack.clone(),
        })
    }

    /// As the leader reads it. Who it is of is not in the bytes, so `instance_id` is left empty.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not a subscription.
    pub fn from_bytes(bytes: &Bytes) -> Result<MemberSubscription, ProtocolError> {
        let read: ConsumerProtocolSubscription = without_version(bytes)?;
        let owned = read.owned_partitions.into_iter().flat_map(|it| named(it.topic, it.partitions));
        Ok(MemberSubscription {
            topics: read.topics.into_iter().collect(),
            owned: owned.collect(),
            generation: (0 <= read.generation_id).then_some(GenerationId(read.generation_id)),
            rack: read.rack_id.filter(|it| !it.is_empty()),
            instance_id: None,
            user_data: read.user_data,
        })
    }
}

impl Assignment {
    /// As the leader sends it, in the newest version.
    ///
    /// # Errors
    ///
    /// Fails if a name is longer than the format can say.
    pub fn to_bytes(&self) -> Result<Bytes, ProtocolError> {
        let mut assigned: Vec<AssignedTopic> = Vec::new();
        for it in &self.partitions {
            match assigned.last_mut() {
                Some(last) if last.topic == it.topic => last.partitions.push(it.partition.0),
                _ => assigned.push(AssignedTopic {
                    topic: it.topic.clone(),
                    partitions: vec![it.partition.0],
                }),
            }
        }
        with_version(&ConsumerProtocolAssignment {
            assigned_partitions: assigned,
            user_data: self.user_data.clone(),
        })
    }

    /// As a member reads it.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not an assignment.
    pub fn from_bytes(bytes: &Bytes) -> Result<Assignment, ProtocolError> {
        let read: ConsumerProtocolAssignment = without_version(bytes)?;
        let assigned = read.assigned_partitions.into_iter();
        let partitions = assigned.flat_map(|it| named(it.topic, it.partitions)).collect();
        Ok(Assignment { partitions, user_data: read.user_data })
    }
}

fn named(topic: String, partitions: Vec<i32>) -> impl Iterator<Item = TopicPartition> {
    partitions.into_iter().map(move |it| TopicPartition::new(topic.clone(), it))
}

fn with_version<M: Message>(message: &M) -> Result<Bytes, ProtocolError> {
    let version = M::VALID_VERSIONS.max;
    let body = message.encode_to_bytes(version)?;
    let mut bytes = BytesMut::with_capacity(2 + body.len());
    bytes.put_i16(version);
    bytes.put_slice(&body);
    Ok(bytes.freeze())
}

/// A later version adds to the end of what is known, so what is left over is not looked at.
fn without_version<M: Message>(bytes: &Bytes) -> Result<M, ProtocolError> {
    let Some([high, low]) = bytes.first_chunk() else {
        return Err(ProtocolError::NoVersion(bytes.len()));
    };
    let version = i16::from_be_bytes([*high, *low]);
    if version < M::VALID_VERSIONS.min {
        return Err(ProtocolError::Version(version));
    }
    let body = bytes.slice(2..);
    let mut reader = Reader::new(&body, DecodeBudget::for_frame(body.len()));
    Ok(M::decode(&mut reader, version.min(M::VALID_VERSIONS.max))?)
}
