//! A group of the classic protocol: members agree on a generation, and a leader of theirs shares out
//! the partitions (`ClassicGroup`).
//!
//! ```text
//! Empty ─► PreparingRebalance ─► CompletingRebalance ─► Stable
//!   ▲              │  ▲                   │                │
//!   └──────────────┘  └───────────────────┴────────────────┘
//! ```
//!
//! Whoever joins waits until all members have (`PreparingRebalance`), then for what the leader brings
//! (`CompletingRebalance`). Kafka knows a fifth state, Dead, of a group that is not in the
//! coordinator any more; here such a group is not there.

mod describe;
mod heartbeat;
mod join;
mod leave;
mod member;
mod members;
mod offsets;
mod protocols;
mod rebalance;
mod responses;
mod static_member;
#[cfg(test)]
mod summary;
mod sync;
mod timers;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::planted;
use kt_protocol::types::{Millis, Now, Timestamp};

pub(crate) use join::Joining;
pub use join::PENDING_MEMBERS_MAX;
pub(crate) use member::{Protocol, Waiting};
pub(crate) use responses::{join_error, sync_error};

use super::config::GroupConfig;
use super::outcome::Outcome;
use member::Member;
use timers::JoinDeadline;

/// The protocol type of consumers; of those the coordinator can read the subscriptions.
const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// How often a group has settled who is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GenerationId(pub(crate) i32);

impl GenerationId {
    /// The next one. After the last comes 0: Kafka's would become negative, which means none.
    fn next(self) -> GenerationId {
        if planted!("the generation stays") {
            return self;
        }
        GenerationId(self.0.checked_add(1).unwrap_or(0))
    }
}

/// Where a group is on its way to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Without members.
    Empty,
    /// Members are joining.
    PreparingRebalance,
    /// Members have joined, and wait for what the leader gives them.
    CompletingRebalance,
    /// Every member has its partitions.
    Stable,
}

impl State {
    /// Kafka's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
        }
    }
}

/// What the rules need beside the group, and where they leave what follows.
pub(crate) struct Step<'a, T> {
    pub(crate) config: &'a GroupConfig,
    pub(crate) now: Now,
    pub(crate) outcome: &'a mut Outcome<T>,
}

/// A classic group. `T` is the token of a request that waits.
#[derive(Clone, Debug)]
pub(crate) struct ClassicGroup<T> {
    id: String,
    state: State,
    /// The state before it: a group that was empty waits for more members than the first.
    previous_state: State,
    /// When the state was entered; records before version 2 do not say it.
    state_timestamp: Option<Timestamp>,
    /// What the members are (`consumer`, `connect`); none for a simple group.
    protocol_type: Option<String>,
    /// How the leader of this generation shares out.
    protocol_name: Option<String>,
    generation: GenerationId,
    /// Its member id.
    leader: Option<String>,
    members: BTreeMap<String, Member<T>>,
    /// The member ids of static members, by instance id.
    static_members: BTreeMap<String, String>,
    /// Member ids that were given out for a second JoinGroup, and until when.
    pending_joins: BTreeMap<String, Millis>,
    /// Members of this generation that have not asked for their partitions.
    pending_syncs: BTreeSet<String>,
    /// How many members wait for the answer to a JoinGroup.
    awaiting_joins: usize,
    /// How many members know each protocol.
    supported_protocols: BTreeMap<String, usize>,
    /// What the members are subscribed to, if they are consumers and all could be read.
    subscribed_topics: Option<BTreeSet<String>>,
    /// Somebody joined a group that was empty, since its delay was last prolonged.
    new_member_added: bool,
    join_deadline: Option<JoinDeadline>,
    sync_deadline: Option<Millis>,
    /// The earliest deadline that was set since the shard last asked.
    wake: Option<Millis>,
}

impl<T> ClassicGroup<T> {
    /// A group without members, since `state_timestamp` if that is known.
    pub(crate) fn new(id: &str, state_timestamp: Option<Timestamp>) -> ClassicGroup<T> {
        ClassicGroup {
            id: id.to_owned(),
            state: State::Empty,
            previous_state: State::Empty,
            state_timestamp,
            protocol_type: None,
            protocol_name: None,
            generation: GenerationId(0),
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_joins: BTreeMap::new(),
            pending_syncs: BTreeSet::new(),
            awaiting_joins: 0,
            supported_protocols: BTreeMap::new(),
            subscribed_topics: None,
            new_member_added: false,
            join_deadline: None,
            sync_deadline: None,
            wake: None,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether it may be deleted.
    pub(crate) fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    /// Whether nobody is in it or has been told to come back.
    pub(crate) fn is_unused(&self) -> bool {
        self.members.is_empty() && self.pending_joins.is_empty()
    }

    /// What the members are, empty for a simple group.
    pub(crate) fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// Whether all members have asked to join, and nobody is still to come back with a new id.
    fn has_all_members_joined(&self) -> bool {
        self.members.len() == self.awaiting_joins && self.pending_joins.is_empty()
    }

    /// The longest that any member may take to join again, in milliseconds.
    fn rebalance_timeout_ms(&self) -> u64 {
        let timeouts = self.members.values().map(|it| millis(it.rebalance_timeout_ms));
        timeouts.max().unwrap_or(0)
    }

    fn transition_to(&mut self, state: State, now: Now) {
        self.previous_state = self.state;
        self.state = state;
        self.state_timestamp = Some(now.wall);
    }
}

/// A duration of the wire; less than none is none.
fn millis(duration: i32) -> u64 {
    u64::try_from(duration).unwrap_or(0)
}
