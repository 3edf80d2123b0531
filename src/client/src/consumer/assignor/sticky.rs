//! `sticky`: as balanced as can be, and of all such ways one that moves little.
//!
//! Where all members want the same topics, quotas say who may keep what ([`equal`]); else
//! partitions are moved one by one while that improves the balance ([`unequal`]).

mod claims;
mod equal;
mod movements;
mod problem;
mod unequal;

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};
use kt_protocol::codec::{Decode, DecodeBudget, DecodeError, Reader};
use kt_protocol::messages::consumer_protocol_subscription::TopicPartition as Topic;
use kt_protocol::types::TopicPartition;

use super::{
    Assignor, GenerationId, GroupAssignment, GroupMembers, GroupTopics, LastAssignment,
    MemberSubscription,
};
use claims::Claims;
use problem::Problem;
pub(super) use problem::racks_matter;

/// Keeps what members had, under the eager protocol: they give all back before they ask, and say
/// in their user data what they had.
///
/// ```
/// use kt_client::Keys;
/// use kt_client::consumer::group::GroupConfig;
///
/// let mut config = GroupConfig::new("billing");
/// config.set("partition.assignment.strategy", "sticky")?;
/// assert_eq!(config.assignors[0].name(), "sticky");
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sticky;

/// What a member had, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) partitions: BTreeSet<TopicPartition>,
    pub(super) generation: Option<GenerationId>,
}

/// What comes of sharing out.
pub(super) struct Shared {
    pub(super) given: GroupAssignment,
    /// Those that go from one member to another, with whom they go to; `None` if it was not kept
    /// track of.
    pub(super) moving: Option<BTreeMap<TopicPartition, String>>,
}

impl Assignor for Sticky {
    fn name(&self) -> &str {
        "sticky"
    }

    fn user_data(&self, last: Option<&LastAssignment>) -> Option<Bytes> {
        last.map(write_held)
    }

    fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
        share(topics, members, held_before).given
    }
}

/// Shares out; `held` says what a member had.
pub(super) fn share(
    topics: &GroupTopics,
    members: &GroupMembers,
    held: impl Fn(&MemberSubscription) -> Held,
) -> Shared {
    if members.is_empty() {
        return Shared { given: GroupAssignment::new(), moving: None };
    }
    let problem = Problem::new(topics, members);
    let claims = Claims::new(&problem, held);
    match problem.all_want_the_same() {
        true => {
            let (given, moving) = equal::share(&problem, &claims);
            Shared { given: problem.named(given), moving: Some(problem.named_moves(moving)) }
        }
        false => Shared { given: problem.named(unequal::share(&problem, claims)), moving: None },
    }
}

/// Under the eager protocol what a member owns is empty by now; what it had is in its user data.
fn held_before(member: &MemberSubscription) -> Held {
    match &member.user_data {
        Some(bytes) if !bytes.is_empty() => {
            read_held(bytes).unwrap_or(Held { partitions: BTreeSet::new(), generation: None })
        }
        _ => Held::default(),
    }
}

/// Kafka's `StickyAssignor` user data, version 1: topics with their partitions, a generation.
fn write_held(last: &LastAssignment) -> Bytes {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for it in &last.partitions {
        topics.entry(&it.topic).or_default().push(it.partition.0);
    }
    let mut bytes = BytesMut::new();
    bytes.put_i32(count(topics.len()));
    for (topic, partitions) in topics {
        // A topic's name has at most 249 bytes.
        bytes.put_i16(i16::try_from(topic.len()).unwrap_or(i16::MAX));
        bytes.put_slice(topic.as_bytes());
        bytes.put_i32(count(partitions.len()));
        partitions.into_iter().for_each(|it| bytes.put_i32(it));
    }
    bytes.put_i32(last.generation.0);
    bytes.freeze()
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

/// Version 0 ends before the generation. What cannot be read was nothing.
fn read_held(bytes: &Bytes) -> Result<Held, DecodeError> {
    let mut reader = Reader::new(bytes, DecodeBudget::for_frame(bytes.len()));
    let mut held = Held::default();
    for _ in 0..i32::read(&mut reader, 0)? {
        let topic = Topic::read(&mut reader, 1)?;
        let named = |it: i32| TopicPartition::new(topic.topic.clone(), it);
        held.partitions.extend(topic.partitions.iter().copied().map(named));
    }
    if 0 < reader.remaining() {
        held.generation = Some(GenerationId(i32::read(&mut reader, 0)?));
    }
    Ok(held)
}
