//! What of the cluster decides who is asked for what.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use kt_client::admin::GroupType;
use kt_protocol::types::{NodeId, TopicPartition};

use super::super::schedule::{Kind, World};
use super::Cluster;

impl Cluster {
    /// What questions depend on. Worth asking for after answers of brokers, metadata, groups and
    /// moves. Nobody is named before metadata came: until then the client knows no addresses.
    pub(crate) fn world(&self) -> World {
        if self.oldest(&[Kind::Metadata]).is_none() {
            return World::default();
        }
        let brokers: BTreeSet<NodeId> = self.up().collect();
        let mut world = World { topics: self.topics.keys().cloned().collect(), ..World::default() };
        for (name, topic) in &self.topics {
            for (index, it) in &topic.partitions {
                world.partitions += 1;
                world.replicas += it.replicas.len();
                let Some(leader) = it.leader.filter(|it| brokers.contains(it)) else { continue };
                let partition = TopicPartition::new(name.clone(), index.0);
                world.leaders.entry(leader).or_default().push(partition);
            }
        }
        (world.coordinators, world.share_coordinators) = self.coordinators(&brokers);
        world.moving = self.moving();
        world.brokers = brokers;
        world
    }

    /// A number that is another one when `world` is: to make that for ten thousand partitions takes
    /// milliseconds, and brokers are asked every two seconds.
    pub(crate) fn shape(&self) -> u64 {
        let mut shape = DefaultHasher::new();
        self.oldest(&[Kind::Metadata]).is_some().hash(&mut shape);
        self.up().for_each(|it| it.hash(&mut shape));
        for (name, topic) in &self.topics {
            (name, topic.partitions.len()).hash(&mut shape);
            for (index, it) in &topic.partitions {
                (index, it.leader, it.replicas.len()).hash(&mut shape);
            }
        }
        for (name, it) in &self.groups {
            (name, it.coordinator, it.group_type == GroupType::Share).hash(&mut shape);
        }
        self.moving().hash(&mut shape);
        shape.finish()
    }

    fn coordinators(&self, up: &BTreeSet<NodeId>) -> (ByNode, ByNode) {
        let (mut committing, mut sharing) = (ByNode::new(), ByNode::new());
        for (name, group) in self.groups.iter().filter(|(_, it)| up.contains(&it.coordinator)) {
            let of_type = match group.group_type {
                GroupType::Share => &mut sharing,
                _ => &mut committing,
            };
            of_type.entry(group.coordinator).or_default().push(name.clone());
        }
        (committing, sharing)
    }

    /// The brokers that have a replica of a partition that moves.
    fn moving(&self) -> BTreeSet<NodeId> {
        let moves = self.moves.iter().flat_map(BTreeMap::values);
        moves.flat_map(|it| it.replicas.iter().map(|id| NodeId(*id))).collect()
    }
}

type ByNode = BTreeMap<NodeId, Vec<String>>;
