//! `cooperative-sticky`: as [`Sticky`](super::Sticky), in two rounds. What goes from one member to
//! another is first given to nobody; its owner lets go of it, joins again, and then it is given.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};
use kt_protocol::planted;
use kt_protocol::types::TopicPartition;

use super::sticky::{Held, Shared, share};
use super::{
    Assignor, GenerationId, GroupAssignment, GroupMembers, GroupTopics, LastAssignment,
    MemberSubscription, RebalanceProtocol,
};

/// Keeps what members have, which go on reading it meanwhile.
///
/// ```
/// use std::sync::Arc;
///
/// use kt_client::consumer::assignor::{Assignor, CooperativeSticky, RebalanceProtocol};
/// use kt_client::consumer::group::GroupConfig;
///
/// assert!(CooperativeSticky.protocols().contains(&RebalanceProtocol::Cooperative));
/// let assignors: Vec<Arc<dyn Assignor>> = vec![Arc::new(CooperativeSticky)];
/// let config = GroupConfig { assignors, ..GroupConfig::new("billing") };
/// # config.check()?;
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CooperativeSticky;

impl Assignor for CooperativeSticky {
    fn name(&self) -> &str {
        "cooperative-sticky"
    }

    fn protocols(&self) -> &[RebalanceProtocol] {
        &[RebalanceProtocol::Eager, RebalanceProtocol::Cooperative]
    }

    /// The generation, for leaders that read older subscriptions, which had none.
    fn user_data(&self, last: Option<&LastAssignment>) -> Option<Bytes> {
        let mut bytes = BytesMut::new();
        bytes.put_i32(last.map_or(-1, |it| it.generation.0));
        Some(bytes.freeze())
    }

    fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
        let Shared { mut given, moving } = share(topics, members, held_now);
        let moving = moving.unwrap_or_else(|| moved(&given, members));
        for (partition, to) in &moving {
            if let Some(partitions) = given.get_mut(to)
                && !planted!("a partition moves before it is given back")
            {
                partitions.remove(partition);
            }
        }
        given
    }
}

fn held_now(member: &MemberSubscription) -> Held {
    let generation = member.generation.or_else(|| {
        let bytes = member.user_data.as_ref()?.first_chunk()?;
        Some(GenerationId(i32::from_be_bytes(*bytes)))
    });
    Held { partitions: member.owned.clone(), generation }
}

/// What a member is given that another lets go of.
fn moved(given: &GroupAssignment, members: &GroupMembers) -> BTreeMap<TopicPartition, String> {
    let nothing = BTreeSet::new();
    let mut let_go: BTreeSet<&TopicPartition> = BTreeSet::new();
    for (id, member) in members {
        let_go.extend(member.owned.difference(given.get(id).unwrap_or(&nothing)));
    }
    let mut moving = BTreeMap::new();
    for (id, partitions) in given {
        let owned = members.get(id).map_or(&nothing, |it| &it.owned);
        for it in partitions.difference(owned).filter(|it| let_go.contains(it)) {
            moving.insert(it.clone(), id.clone());
        }
    }
    moving
}
