//! What happens to the partitions of a broker that comes, goes or loses a directory
//! (`ReplicationControlManager.generateLeaderAndIsrUpdates`).
//!
//! Every partition is looked at: brokers come and go rarely, and an index of who is where would
//! have to be right all the time.

use kt_protocol::types::{NodeId, PartitionIndex, Uuid};

use super::Controller;
use super::partition_change::{Election, PartitionChange};
use crate::metadata::{PartitionRegistration, TopicImage, VersionedRecord};

/// What a broker is about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokerTurn {
    /// It may lead again, though the image still says that it may not.
    Joins(NodeId),
    /// It leaves every ISR and leads nothing, though the image still says that it may.
    Leaves(NodeId),
}

impl Controller {
    /// The changes of all partitions that a broker's turn concerns: those in whose ISR it is, or
    /// those without a leader.
    pub(super) fn partition_changes(&self, turn: BrokerTurn) -> Vec<VersionedRecord> {
        self.changes_of(turn, |partition| match turn {
            BrokerTurn::Joins(_) => partition.leader.is_none(),
            BrokerTurn::Leaves(broker) => partition.isr.contains(&broker),
        })
    }

    /// The changes of the partitions that `broker` has in these directories, now lost.
    pub(super) fn directory_changes(&self, broker: NodeId, lost: &[Uuid]) -> Vec<VersionedRecord> {
        self.changes_of(BrokerTurn::Leaves(broker), |partition| {
            partition.directory_of(broker).is_some_and(|it| lost.contains(&it))
        })
    }

    /// Whether a broker leads any partition.
    pub(super) fn has_leaderships(&self, broker: NodeId) -> bool {
        self.image().topics().partitions().any(|(_, _, it)| it.leader == Some(broker))
    }

    fn changes_of(
        &self,
        turn: BrokerTurn,
        is_concerned: impl Fn(&PartitionRegistration) -> bool,
    ) -> Vec<VersionedRecord> {
        let partitions = self.image().topics().partitions();
        partitions
            .filter(|(_, _, partition)| is_concerned(partition))
            .filter_map(|(topic, index, partition)| self.change_of(turn, topic, index, partition))
            .collect()
    }

    fn change_of(
        &self,
        turn: BrokerTurn,
        topic: &TopicImage,
        index: PartitionIndex,
        partition: &PartitionRegistration,
    ) -> Option<VersionedRecord> {
        let mut change = PartitionChange::new(topic.id, index, partition);
        if let BrokerTurn::Leaves(broker) = turn {
            change.target_isr.retain(|member| *member != broker);
        }
        if self.is_unclean_election_enabled(&topic.name) {
            change.election = Election::Unclean;
        }
        let version = self.image().features().metadata_version();
        change.build(version, |replica| self.is_acceptable_leader(turn, partition, replica))
    }

    fn is_acceptable_leader(
        &self,
        turn: BrokerTurn,
        partition: &PartitionRegistration,
        replica: NodeId,
    ) -> bool {
        let brokers = self.image().brokers();
        let is_active = match turn {
            BrokerTurn::Joins(broker) if broker == replica => true,
            BrokerTurn::Leaves(broker) if broker == replica => false,
            _ => brokers.is_active(replica),
        };
        let directory = partition.directory_of(replica);
        is_active
            && brokers
                .get(replica)
                .zip(directory)
                .is_some_and(|(broker, directory)| broker.has_online_directory(directory))
    }
}
