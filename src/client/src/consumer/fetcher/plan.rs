//! What is to be asked next, and when to look again.

use std::collections::BTreeMap;
use std::time::Duration;

use kt_protocol::messages::FetchRequest;
use kt_protocol::planted;
use kt_protocol::types::{LeaderEpoch, Millis, NodeId, Now, TopicPartition};

use super::assigned::Assigned;
use super::position::Phase;
use super::session::{Asked, Session};
use super::{Effect, Fetcher, InFlight, Node};
use crate::backoff::Backoff;
use crate::duration::{millis, request_millis};

/// A broker keeps a request that finds nothing for `fetch.max.wait.ms`. One that leaves out
/// partitions because enough of them is here would hold those back for as long, so it waits for
/// them so long, and stays no longer.
const HOLD: Duration = Duration::from_millis(20);

/// The partitions of one broker.
#[derive(Debug, Default)]
struct Wanting {
    /// To be fetched, by when they were served last.
    wanted: Vec<(u64, TopicPartition)>,
    /// Of these enough is here.
    held: usize,
}

impl Fetcher {
    /// Says what is to be done now.
    pub fn poll(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.plan_starts(now, effects);
        self.plan_fetches(now.monotonic, effects);
        self.plan_metadata(now.monotonic, effects);
    }

    /// When to poll although nothing came.
    pub fn next_deadline(&self) -> Option<Millis> {
        let partitions = self.partitions.values().map(|it| it.retry_at);
        let hold = millis(HOLD);
        let nodes =
            self.nodes.values().flat_map(|it| [it.retry_at, it.held_since.map(|at| at + hold)]);
        let watch = &self.watch;
        let metadata = if watch.is_under_way || self.partitions.is_empty() {
            [None, None]
        } else {
            let old_at = watch.old_at.map(|at| at.max(watch.retry_at.unwrap_or(at)));
            [old_at, watch.retry_at.filter(|_| watch.is_wanted)]
        };
        partitions.chain(nodes).chain(metadata).flatten().min()
    }

    fn plan_fetches(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        for node in self.nodes.values_mut() {
            node.retry_at = node.retry_at.filter(|at| now < *at);
        }
        for assigned in self.partitions.values_mut() {
            assigned.retry_at = assigned.retry_at.filter(|at| now < *at);
            if assigned.is_paused || assigned.is_full() {
                // Nothing is tried: its failures stop counting.
                assigned.failing_since = None;
            }
        }
        let by_node = self.wanting(now);
        let readers = by_node.iter().filter(|(_, it)| !it.wanted.is_empty()).count();
        let busy = self.nodes.values().filter(|it| it.in_flight.is_some()).count();
        let share = self.queued_bytes_max() / (readers + busy).max(1);
        let mut is_short = false;
        for (node, it) in &mut self.nodes {
            let wants = |it: &Wanting| !it.wanted.is_empty();
            it.held_since = it.held_since.filter(|_| by_node.get(node).is_some_and(wants));
        }
        for (node, mut wanting) in by_node {
            if wanting.wanted.is_empty() {
                continue;
            }
            let Some(room) = self.room(share, wanting.wanted.len()) else {
                self.node(node).held_since = None;
                is_short = true;
                continue;
            };
            let Some(wait) = self.wait_for(now, node, wanting.held) else { continue };
            wanting.wanted.sort_unstable();
            self.fetch(node, wanting.wanted, room, wait, effects);
        }
        if is_short {
            self.make_room();
        }
    }

    /// What each broker that is free would be asked.
    fn wanting(&mut self, now: Millis) -> BTreeMap<NodeId, Wanting> {
        let mut by_node: BTreeMap<NodeId, Wanting> = BTreeMap::new();
        for (partition, assigned) in &self.partitions {
            if assigned.phase != Phase::Fetch || assigned.is_paused || !assigned.is_due(now) {
                continue;
            }
            let known = |node: &NodeId| self.watch.metadata.brokers.contains_key(node);
            let Some(node) = node_for(assigned, now, known) else {
                self.watch.is_wanted = true;
                continue;
            };
            let is_busy = |it: &Node| it.in_flight.is_some() || it.retry_at.is_some();
            if self.nodes.get(&node).is_some_and(is_busy) {
                continue;
            }
            let wanting = by_node.entry(node).or_default();
            match assigned.is_full() {
                true => wanting.held += 1,
                false => wanting.wanted.push((assigned.served, partition.clone())),
            }
        }
        by_node
    }

    /// Bytes that a request for so many partitions may ask for; `None` while there is no room.
    fn room(&self, share: usize, partitions: usize) -> Option<usize> {
        let config = &self.settings.consumer;
        let each = usize::try_from(config.partition_fetch_bytes_max).unwrap_or(0).max(1);
        let answer = usize::try_from(config.fetch_max_bytes).unwrap_or(0).max(1);
        let free = self.queued_bytes_max().saturating_sub(self.queued + self.reserved);
        // Half of what is free, so that a request which waits for records leaves room to others.
        let wanted = answer.min(each.saturating_mul(partitions)).min(share.max(1));
        let wanted = wanted.min(each.max(free / 2));
        // With less than a partition's worth the answers would only become small and many.
        let is_empty = self.queued + self.reserved == 0;
        if planted!("fetches ahead without a bound") {
            return Some(wanted);
        }
        (is_empty || each.min(wanted) <= free).then(|| wanted.min(free.max(1)))
    }

    pub(super) fn queued_bytes_max(&self) -> usize {
        let config = &self.settings.consumer;
        let answer = usize::try_from(config.fetch_max_bytes).unwrap_or(0);
        config.queued_bytes_max.unwrap_or(answer)
    }

    /// How long the broker may keep a request; `None` while it is held back.
    fn wait_for(&mut self, now: Millis, node: NodeId, held: usize) -> Option<Duration> {
        let whole = self.settings.consumer.fetch_max_wait;
        let it = self.node(node);
        if held == 0 {
            it.held_since = None;
            return Some(whole);
        }
        let since = *it.held_since.get_or_insert(now);
        if now - since < millis(HOLD) {
            return None;
        }
        it.held_since = None;
        Some(whole.min(HOLD))
    }

    pub(super) fn node(&mut self, node: NodeId) -> &mut Node {
        let range = self.settings.backoff;
        self.nodes.entry(node).or_insert_with(|| Node {
            session: Session::default(),
            in_flight: None,
            backoff: Backoff::new(range),
            retry_at: None,
            held_since: None,
        })
    }

    fn fetch(
        &mut self,
        node: NodeId,
        wanted: Vec<(u64, TopicPartition)>,
        room: usize,
        wait: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let bytes_max = self.settings.consumer.partition_fetch_bytes_max;
        let asked: Vec<(TopicPartition, Asked)> = wanted
            .into_iter()
            .filter_map(|(_, partition)| {
                let assigned = self.partitions.get(&partition)?;
                let is_leader = assigned.leader.filter(|it| it.node == node);
                // A follower may not know of the epoch yet, and is asked without one.
                let leader_epoch = is_leader.map_or(LeaderEpoch::UNKNOWN, |it| it.epoch);
                let (topic_id, offset) = (assigned.topic_id, assigned.position.offset);
                Some((partition, Asked { topic_id, leader_epoch, offset, bytes_max }))
            })
            .collect();
        let id = self.new_id();
        self.counts.fetches += 1;
        self.reserved += room;
        let it = self.node(node);
        it.in_flight = Some(InFlight { id, reserved: room });
        let told = it.session.tell(&asked);
        let config = &self.settings.consumer;
        let request = FetchRequest {
            max_wait_ms: request_millis(wait),
            min_bytes: config.fetch_min_bytes,
            max_bytes: i32::try_from(room).unwrap_or(i32::MAX),
            isolation_level: config.isolation.code(),
            session_id: told.session_id,
            session_epoch: told.session_epoch,
            topics: told.topics,
            forgotten_topics_data: told.forgotten,
            rack_id: config.rack.clone(),
            ..Default::default()
        };
        effects.push(Effect::Fetch { id, node, request, version_max: told.version_max });
    }

    /// Partitions that have nothing come before what waits of paused ones, which is fetched again
    /// when they are resumed.
    fn make_room(&mut self) {
        let is_starving =
            |it: &Assigned| it.phase == Phase::Fetch && !it.is_paused && it.chunks.is_empty();
        if !self.partitions.values().any(is_starving) {
            return;
        }
        // Something will be given, or come, and make room by itself.
        let will_move = |it: &Assigned| !it.is_paused && !it.chunks.is_empty();
        if 0 < self.reserved || self.partitions.values().any(will_move) {
            return;
        }
        let paused: Vec<TopicPartition> = self
            .partitions
            .iter()
            .filter(|(_, it)| it.is_paused && !it.chunks.is_empty())
            .map(|(partition, _)| partition.clone())
            .collect();
        for partition in paused {
            self.drop_fetched(&partition);
        }
    }
}

/// Whom to read from: the replica that the caller named, else the one that the leader named while
/// that holds, else the leader.
fn node_for(
    assigned: &Assigned,
    now: Millis,
    is_known: impl Fn(&NodeId) -> bool,
) -> Option<NodeId> {
    if assigned.pinned.is_some() {
        return assigned.pinned;
    }
    let preferred = assigned.preferred.filter(|(node, until)| now < *until && is_known(node));
    preferred.map(|(node, _)| node).or(assigned.leader.map(|it| it.node))
}
