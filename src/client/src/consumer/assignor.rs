//! Who reads what: the leader of a group shares its topics' partitions out to the members.
//!
//! The four assignors are Kafka's own, result for result; [`Assignor`] is for more. They are pure:
//! what they know of earlier rounds is in the subscriptions that members send.

mod consumer_protocol;
mod cooperative_sticky;
mod member_order;
mod range;
mod round_robin;
mod sticky;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use kt_protocol::types::TopicPartition;

pub use consumer_protocol::{Assignment, ProtocolError};
pub use cooperative_sticky::CooperativeSticky;
pub use range::Range;
pub use round_robin::RoundRobin;
pub use sticky::Sticky;

/// How often a group has shared its partitions out, as its coordinator counts.
///
/// Shown at [`GroupMetadata`](super::group::GroupMetadata).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenerationId(pub i32);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What members do with their partitions while the group shares them out anew (KIP-429).
///
/// Shown at [`CooperativeSticky`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RebalanceProtocol {
    /// They give all back first.
    Eager,
    /// They keep reading, and give back only what goes to another, who gets it one round later.
    Cooperative,
}

/// What a member tells its group of itself.
///
/// ```
/// use kt_client::consumer::assignor::MemberSubscription;
///
/// let wants = MemberSubscription { topics: ["orders".to_owned()].into(), ..Default::default() };
/// let sent = wants.to_bytes()?;
/// assert_eq!(MemberSubscription::from_bytes(&sent)?, wants);
/// # Ok::<(), kt_client::consumer::assignor::ProtocolError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberSubscription {
    /// What it wants to read.
    pub topics: BTreeSet<String>,
    /// What it reads while it asks.
    pub owned: BTreeSet<TopicPartition>,
    /// When it got that; `None` if it was not a member, or its client does not say.
    pub generation: Option<GenerationId>,
    /// Where it runs (`client.rack`).
    pub rack: Option<String>,
    /// Its own name if it is a static member (`group.instance.id`).
    pub instance_id: Option<String>,
    /// What its assignor says to the leader's.
    pub user_data: Option<Bytes>,
}

/// What a member was given last, whether or not it still has it.
///
/// ```
/// use std::fmt::Write;
///
/// use kt_client::consumer::assignor::{
///     Assignor, GenerationId, GroupAssignment, GroupMembers, GroupTopics, LastAssignment, Range,
/// };
///
/// /// Shares out as `range` does, and tells the leader what each member had.
/// #[derive(Debug)]
/// struct Telling;
///
/// impl Assignor for Telling {
///     fn name(&self) -> &str {
///         "telling"
///     }
///
///     fn user_data(&self, last: Option<&LastAssignment>) -> Option<bytes::Bytes> {
///         let mut had = String::new();
///         for partition in &last?.partitions {
///             write!(had, "{partition};").ok()?;
///         }
///         Some(had.into())
///     }
///
///     fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
///         Range.assign(topics, members)
///     }
/// }
///
/// let partitions = [kt_protocol::types::TopicPartition::new("orders", 2)].into();
/// let last = LastAssignment { generation: GenerationId(4), partitions };
/// assert_eq!(Telling.user_data(Some(&last)).as_deref(), Some(&b"orders-2;"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAssignment {
    /// In which generation.
    pub generation: GenerationId,
    /// What.
    pub partitions: BTreeSet<TopicPartition>,
}

/// The racks of a partition's replicas, as far as brokers tell theirs.
///
/// Shown at [`Range`].
pub type Racks = BTreeSet<String>;

/// The topics that members want and that exist, each with its partitions in their order.
///
/// Shown at [`Range`].
pub type GroupTopics = BTreeMap<String, Vec<Racks>>;

/// The members of a group by their ids.
///
/// Shown at [`Range`].
pub type GroupMembers = BTreeMap<String, MemberSubscription>;

/// What each member is to read.
///
/// Shown at [`Range`].
pub type GroupAssignment = BTreeMap<String, BTreeSet<TopicPartition>>;

/// A way to share partitions out (`partition.assignment.strategy`). All members of a group must
/// know it by the same name.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use kt_client::consumer::assignor::{
///     Assignor, GroupAssignment, GroupMembers, GroupTopics,
/// };
/// use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// /// Everything to the member whose id comes first.
/// #[derive(Debug)]
/// struct First;
///
/// impl Assignor for First {
///     fn name(&self) -> &str {
///         "first"
///     }
///
///     fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
///         let mut given: GroupAssignment =
///             members.keys().map(|id| (id.clone(), Default::default())).collect();
///         if let Some(mut first) = given.first_entry() {
///             for (topic, partitions) in topics {
///                 let numbers = (0..).take(partitions.len());
///                 first.get_mut().extend(numbers.map(|it| TopicPartition::new(topic, it)));
///             }
///         }
///         given
///     }
/// }
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let group = GroupConfig { assignors: vec![Arc::new(First)], ..GroupConfig::new("billing") };
/// let offset_reset = OffsetReset::Earliest;
/// let reading = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
/// let consumer = GroupConsumer::new(client, reading, group)?;
/// consumer.subscribe(Subscription::names(["orders"]));
/// while consumer.poll(Duration::from_secs(1)).await?.is_empty() {}
/// assert_eq!(consumer.assignment(), [TopicPartition::new("orders", 0)].into());
/// # Ok(())
/// # });
/// ```
pub trait Assignor: fmt::Debug + Send + Sync {
    /// By what name the group agrees on it.
    fn name(&self) -> &str;

    /// What it can do, least first.
    fn protocols(&self) -> &[RebalanceProtocol] {
        &[RebalanceProtocol::Eager]
    }

    /// What a member says to the leader's assignor beyond its subscription.
    fn user_data(&self, last: Option<&LastAssignment>) -> Option<Bytes> {
        let _ = last;
        None
    }

    /// Shares `topics` out to `members`. Each member must be in the answer.
    fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment;
}

/// Kafka's assignor of a short name (`range`), or of the name of Kafka's Java class.
///
/// ```
/// use kt_client::consumer::assignor::by_name;
///
/// let assignor = by_name("org.apache.kafka.clients.consumer.RangeAssignor");
/// assert_eq!(assignor.map(|it| it.name().to_owned()).as_deref(), Some("range"));
/// assert!(by_name("unfair").is_none());
/// ```
pub fn by_name(name: &str) -> Option<Arc<dyn Assignor>> {
    let short = name.strip_prefix("org.apache.kafka.clients.consumer.").unwrap_or(name);
    let assignor: Arc<dyn Assignor> = match short {
        "range" | "RangeAssignor" => Arc::new(Range),
        "roundrobin" | "RoundRobinAssignor" => Arc::new(RoundRobin),
        "sticky" | "StickyAssignor" => Arc::new(Sticky),
        "cooperative-sticky" | "CooperativeStickyAssignor" => Arc::new(CooperativeSticky),
        _ => return None,
    };
    Some(assignor)
}

/// What a group does that may use any of these: the most advanced protocol that all of them can.
///
/// ```
/// use std::sync::Arc;
///
/// use kt_client::consumer::assignor::{
///     CooperativeSticky, Range, RebalanceProtocol, common_protocol,
/// };
///
/// let alone = common_protocol(&[Arc::new(CooperativeSticky)]);
/// assert_eq!(alone, Some(RebalanceProtocol::Cooperative));
/// let both = common_protocol(&[Arc::new(Range), Arc::new(CooperativeSticky)]);
/// assert_eq!(both, Some(RebalanceProtocol::Eager));
/// ```
pub fn common_protocol(assignors: &[Arc<dyn Assignor>]) -> Option<RebalanceProtocol> {
    let (first, others) = assignors.split_first()?;
    let all_can =
        |it: &RebalanceProtocol| others.iter().all(|other| other.protocols().contains(it));
    first.protocols().iter().copied().filter(all_can).max()
}

/// A place for each member, and nothing in it.
fn nothing_for_each(members: &GroupMembers) -> GroupAssignment {
    members.keys().map(|id| (id.clone(), BTreeSet::new())).collect()
}

/// The partitions of a topic by their numbers.
fn partitions_of<'a>(
    topic: &'a str,
    racks: &'a [Racks],
) -> impl Iterator<Item = TopicPartition> + 'a {
    (0i32..).zip(racks).map(move |(index, _)| TopicPartition::new(topic, index))
}
