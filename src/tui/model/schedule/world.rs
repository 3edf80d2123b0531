//! Who knows what: the cluster as far as questions depend on it, cut into requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kt_protocol::types::{NodeId, TopicPartition};

use super::{Ask, Kind, Lane, Needs, Subject, WhichOffset};

/// What questions depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct World {
    /// The brokers that are up.
    pub(crate) brokers: BTreeSet<NodeId>,
    /// What each of them leads, in order.
    pub(crate) leaders: BTreeMap<NodeId, Vec<TopicPartition>>,
    /// The groups with commits that each of them coordinates, in order.
    pub(crate) coordinators: BTreeMap<NodeId, Vec<String>>,
    /// The same of share groups.
    pub(crate) share_coordinators: BTreeMap<NodeId, Vec<String>>,
    /// All topics, in order.
    pub(crate) topics: Vec<String>,
    /// Partitions, those without a leader too.
    pub(crate) partitions: usize,
    pub(crate) replicas: usize,
    /// The brokers that take part in a move.
    pub(crate) moving: BTreeSet<NodeId>,
}

/// The world in pieces that fit one request each.
#[derive(Debug, Default)]
pub(super) struct Split {
    brokers: BTreeSet<NodeId>,
    leaders: BTreeMap<NodeId, Pieces<TopicPartition>>,
    coordinators: BTreeMap<NodeId, Pieces<String>>,
    share_coordinators: BTreeMap<NodeId, Pieces<String>>,
    topics: Pieces<String>,
    moving: BTreeSet<NodeId>,
    pub(super) partitions: u64,
    pub(super) replicas: usize,
}

type Pieces<T> = Vec<Arc<[T]>>;

const PARTITIONS_PER_REQUEST: usize = 10_000;
const GROUPS_PER_REQUEST: usize = 200;
const TOPICS_PER_REQUEST: usize = 1_000;
const AGES_MAX: usize = 8;

impl Split {
    pub(super) fn of(world: &World) -> Split {
        let of_each = |of: &BTreeMap<NodeId, Vec<String>>| {
            of.iter().map(|(node, it)| (*node, pieces(it, GROUPS_PER_REQUEST))).collect()
        };
        let led = |(node, it): (&NodeId, &Vec<TopicPartition>)| {
            (*node, pieces(it, PARTITIONS_PER_REQUEST))
        };
        Split {
            brokers: world.brokers.clone(),
            leaders: world.leaders.iter().map(led).collect(),
            coordinators: of_each(&world.coordinators),
            share_coordinators: of_each(&world.share_coordinators),
            topics: pieces(&world.topics, TOPICS_PER_REQUEST),
            moving: world.moving.clone(),
            partitions: world.partitions as u64,
            replicas: world.replicas,
        }
    }

    /// True once somebody told who the brokers are.
    pub(super) fn is_known(&self) -> bool {
        !self.brokers.is_empty()
    }

    pub(super) fn brokers(&self) -> u64 {
        self.brokers.len() as u64
    }

    pub(super) fn groups(&self) -> u64 {
        let coordinated = self.coordinators.values().chain(self.share_coordinators.values());
        coordinated.flatten().map(|it| it.len() as u64).sum()
    }

    /// True if `world` has a topic that this lacks.
    pub(super) fn lacks_a_topic_of(&self, world: &World) -> bool {
        let known: BTreeSet<&String> = self.topics.iter().flat_map(|it| it.iter()).collect();
        world.topics.iter().any(|it| !known.contains(it))
    }

    /// The lanes of a kind that only certain brokers can answer.
    pub(super) fn lanes(&self, kind: Kind, needs: &Needs) -> Vec<Lane> {
        let nodes: Vec<NodeId> = match kind {
            Kind::LogEnds | Kind::LogStarts => self.leaders.keys().copied().collect(),
            Kind::Commits => self.coordinators.keys().copied().collect(),
            Kind::ShareCommits => self.share_coordinators.keys().copied().collect(),
            Kind::Members => self.by_coordinator(&needs.members).into_keys().collect(),
            Kind::SubjectEnds | Kind::SubjectStableEnds => {
                self.subject_by_leader(needs).into_keys().collect()
            }
            Kind::SubjectCommits => self.subject_coordinator(needs).into_iter().collect(),
            Kind::MovingLogDirs => self.moving.intersection(&self.brokers).copied().collect(),
            _ => self.brokers.iter().copied().collect(),
        };
        let of_node = |node| Lane { kind, broker: Some(node) };
        let mut lanes: Vec<Lane> = nodes.into_iter().map(of_node).collect();
        if kind == Kind::Configs && !self.topics.is_empty() {
            // Any broker knows the configs of topics.
            lanes.push(Lane { kind, broker: None });
        }
        lanes
    }

    /// What is asked in a lane, in requests.
    pub(super) fn parts(&self, lane: Lane, needs: &Needs) -> Vec<Ask> {
        match (lane.kind, lane.broker) {
            (Kind::Brokers, _) => vec![Ask::Brokers],
            (Kind::Metadata, _) => vec![Ask::Metadata],
            (Kind::Quorum, _) => vec![Ask::Quorum],
            (Kind::Moves, _) => vec![Ask::Moves],
            (Kind::Groups, _) => vec![Ask::Groups],
            (Kind::LogDirs | Kind::MovingLogDirs, _) => vec![Ask::LogDirs],
            (Kind::Configs, None) => each(&self.topics, Ask::TopicConfigs),
            (Kind::Configs, Some(_)) => vec![Ask::BrokerConfigs],
            (Kind::Ages, _) => {
                vec![Ask::Ages(needs.ages.iter().take(AGES_MAX).cloned().collect())]
            }
            (Kind::SubjectPartitions, _) => match &needs.subject {
                Some(Subject::Topic(name)) => vec![Ask::Topic(name.clone())],
                _ => Vec::new(),
            },
            (Kind::EntityConfigs, _) => {
                needs.configs_of.iter().cloned().map(Ask::EntityConfigs).collect()
            }
            (_, Some(node)) => self.parts_there(lane.kind, node, needs),
            (_, None) => Vec::new(),
        }
    }

    fn parts_there(&self, kind: Kind, node: NodeId, needs: &Needs) -> Vec<Ask> {
        let offsets = |which| move |it| Ask::Offsets(which, it);
        let led = || self.leaders.get(&node).map_or(&[][..], Vec::as_slice);
        let subject = || {
            let led = self.subject_by_leader(needs).remove(&node).unwrap_or_default();
            pieces(&led, PARTITIONS_PER_REQUEST)
        };
        match kind {
            Kind::LogEnds => each(led(), offsets(WhichOffset::End)),
            Kind::LogStarts => each(led(), offsets(WhichOffset::Start)),
            Kind::SubjectEnds => each(&subject(), offsets(WhichOffset::End)),
            Kind::SubjectStableEnds => each(&subject(), offsets(WhichOffset::StableEnd)),
            Kind::Commits => {
                each(self.coordinators.get(&node).map_or(&[][..], Vec::as_slice), Ask::Commits)
            }
            Kind::ShareCommits => {
                let groups = self.share_coordinators.get(&node).map_or(&[][..], Vec::as_slice);
                each(groups, Ask::ShareCommits)
            }
            Kind::Members => {
                let groups = self.by_coordinator(&needs.members).remove(&node).unwrap_or_default();
                each(&pieces(&groups, GROUPS_PER_REQUEST), Ask::Members)
            }
            Kind::SubjectCommits => match &needs.subject {
                Some(Subject::Group { name, .. }) => {
                    let group = [name.clone()].into();
                    match coordinator_of(&self.share_coordinators, name) {
                        Some(_) => vec![Ask::ShareCommits(group)],
                        None => vec![Ask::Commits(group)],
                    }
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// These groups by who coordinates them; what is not known is left out.
    fn by_coordinator(&self, names: &BTreeSet<String>) -> BTreeMap<NodeId, Vec<String>> {
        let mut found: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        for (node, pieces) in self.coordinators.iter().chain(&self.share_coordinators) {
            let groups = pieces.iter().flat_map(|it| it.iter());
            let asked: Vec<String> = groups.filter(|it| names.contains(*it)).cloned().collect();
            if !asked.is_empty() {
                found.entry(*node).or_default().extend(asked);
            }
        }
        found
    }

    fn subject_coordinator(&self, needs: &Needs) -> Option<NodeId> {
        let Some(Subject::Group { name, .. }) = &needs.subject else { return None };
        coordinator_of(&self.coordinators, name)
            .or_else(|| coordinator_of(&self.share_coordinators, name))
    }

    fn subject_by_leader(&self, needs: &Needs) -> BTreeMap<NodeId, Vec<TopicPartition>> {
        let is_of_it = |it: &TopicPartition| match &needs.subject {
            Some(Subject::Topic(name)) => it.topic == *name,
            Some(Subject::Group { partitions, .. }) => partitions.contains(it),
            None => false,
        };
        let mut found = BTreeMap::new();
        for (node, pieces) in &self.leaders {
            let led = pieces.iter().flat_map(|it| it.iter());
            let asked: Vec<TopicPartition> = led.filter(|it| is_of_it(it)).cloned().collect();
            if !asked.is_empty() {
                found.insert(*node, asked);
            }
        }
        found
    }
}

fn coordinator_of(of: &BTreeMap<NodeId, Pieces<String>>, group: &str) -> Option<NodeId> {
    let has_it = |it: &Pieces<String>| {
        it.iter().any(|piece| piece.binary_search_by(|it| it.as_str().cmp(group)).is_ok())
    };
    of.iter().find(|(_, it)| has_it(it)).map(|(node, _)| *node)
}

fn pieces<T: Clone>(items: &[T], most: usize) -> Pieces<T> {
    items.chunks(most).map(Arc::from).collect()
}

fn each<T>(pieces: &[Arc<[T]>], ask: impl Fn(Arc<[T]>) -> Ask) -> Vec<Ask> {
    pieces.iter().map(|it| ask(Arc::clone(it))).collect()
}
