//! One change of a partition: its new ISR and directories, and the leader that follows from them
//! (`PartitionChangeBuilder`).
//!
//! Eligible leader replicas (KIP-966) are not built: a partition that has some loses them with its
//! next change, as in a cluster that switched them off.

use kt_protocol::messages::PartitionChangeRecord;
use kt_protocol::types::{NodeId, PartitionIndex, Uuid};

use crate::metadata::{
    LeaderRecoveryState, MetadataVersion, NO_LEADER, NO_LEADER_CHANGE, PartitionRegistration,
    Replicas, VersionedRecord, numbers,
};

/// Who may be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// A member of the ISR, and nobody rather than another.
    Clean,
    /// Any replica rather than nobody: records may be lost.
    Unclean,
}

/// A change in the making.
pub(super) struct PartitionChange<'a> {
    pub(super) topic_id: Uuid,
    pub(super) index: PartitionIndex,
    pub(super) partition: &'a PartitionRegistration,
    pub(super) target_isr: Replicas,
    pub(super) target_directories: Option<Vec<Uuid>>,
    pub(super) election: Election,
}

impl<'a> PartitionChange<'a> {
    /// Changes nothing yet.
    pub(super) fn new(
        topic_id: Uuid,
        index: PartitionIndex,
        partition: &'a PartitionRegistration,
    ) -> PartitionChange<'a> {
        PartitionChange {
            topic_id,
            index,
            partition,
            target_isr: partition.isr.clone(),
            target_directories: None,
            election: Election::Clean,
        }
    }

    /// The record of the change; nothing if it changes nothing. `is_acceptable` says which brokers
    /// could lead it now.
    pub(super) fn build(
        self,
        version: MetadataVersion,
        is_acceptable: impl Fn(NodeId) -> bool,
    ) -> Option<VersionedRecord> {
        let unchanged = PartitionChangeRecord {
            topic_id: self.topic_id,
            partition_id: self.index.0,
            ..Default::default()
        };
        let mut record = unchanged.clone();
        self.elect(&mut record, is_acceptable);
        // An empty ISR would forget who has the records: the last members stay in it, leaderless.
        if record.isr.is_none()
            && !self.target_isr.is_empty()
            && self.target_isr != self.partition.isr
        {
            record.isr = Some(numbers(&self.target_isr));
        }
        record.directories = self
            .target_directories
            .filter(|it| it.as_slice() != self.partition.directories.as_slice());
        if record == unchanged {
            return None;
        }
        if !self.partition.elr.is_empty() && version.is_elr_supported() {
            record.eligible_leader_replicas = Some(Vec::new());
        }
        Some(VersionedRecord::new(record, version.partition_change_record_version()))
    }

    fn elect(&self, record: &mut PartitionChangeRecord, is_acceptable: impl Fn(NodeId) -> bool) {
        let is_eligible =
            |replica: &NodeId| self.target_isr.contains(replica) && is_acceptable(*replica);
        let replicas = self.partition.replicas.iter();
        let clean = self
            .partition
            .leader
            .filter(is_eligible)
            .or_else(|| replicas.clone().copied().find(is_eligible));
        let unclean = match self.election {
            Election::Clean => None,
            Election::Unclean => replicas.copied().find(|replica| is_acceptable(*replica)),
        };
        let leader = clean.or(unclean);
        if leader == self.partition.leader {
            return;
        }
        record.leader = leader.map_or(NO_LEADER, |leader| leader.0);
        if let (None, Some(leader)) = (clean, unclean) {
            // Only the new leader's log counts now, and whoever reads it is to know.
            record.isr = Some(vec![leader.0]);
            if self.partition.leader_recovery_state == LeaderRecoveryState::Recovered {
                record.leader_recovery_state = LeaderRecoveryState::Recovering.to_wire();
            }
        }
    }
}

const _: () = assert!(NO_LEADER != NO_LEADER_CHANGE);

#[cfg(test)]
mod tests {
    use kt_protocol::messages::metadata_record::MetadataRecord;
    use kt_protocol::types::LeaderEpoch;
    use smallvec::SmallVec;

    use super::*;
    use crate::metadata::{directory, nodes};

    fn partition(replicas: &[i32]) -> PartitionRegistration {
        let directories = SmallVec::from_elem(directory::UNASSIGNED, replicas.len());
        PartitionRegistration::created(nodes(replicas), directories, nodes(replicas))
    }

    fn change(
        partition: &PartitionRegistration,
        isr: &[i32],
        alive: &[i32],
        election: Election,
    ) -> Option<PartitionChangeRecord> {
        let mut change = PartitionChange::new(Uuid([1; 16]), PartitionIndex(0), partition);
        change.target_isr = nodes(isr);
        change.election = election;
        let built = change.build(MetadataVersion::MAX_SUPPORTED, |node| alive.contains(&node.0))?;
        assert_eq!(built.version, 2);
        match built.record {
            MetadataRecord::PartitionChange(record) => Some(record),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_leader_stays_while_it_can() {
        let partition = partition(&[1, 2, 3]);
        assert_eq!(change(&partition, &[1, 2, 3], &[1, 2, 3], Election::Clean), None);
        let shrunk = change(&partition, &[1, 2], &[1, 2], Election::Clean).unwrap();
        assert_eq!((shrunk.leader, shrunk.isr), (NO_LEADER_CHANGE, Some(vec![1, 2])));
    }

    #[test]
    fn the_next_in_sync_replica_follows() {
        let record = change(&partition(&[1, 2, 3]), &[3], &[2, 3], Election::Clean).unwrap();
        assert_eq!((record.leader, record.isr), (3, Some(vec![3])));
    }

    #[test]
    fn the_last_of_the_isr_stays_in_it_without_leading() {
        let mut partition = partition(&[1]);
        let record = change(&partition, &[], &[], Election::Clean).unwrap();
        assert_eq!((record.leader, record.isr.clone()), (NO_LEADER, None));
        partition = partition.merged(&record).unwrap();
        assert_eq!((partition.isr.clone(), partition.leader), (nodes(&[1]), None));
        // It comes back, with a new epoch for each way.
        let record = change(&partition, &[1], &[1], Election::Clean).unwrap();
        partition = partition.merged(&record).unwrap();
        assert_eq!((partition.leader, partition.leader_epoch), (Some(NodeId(1)), LeaderEpoch(2)));
    }

    #[test]
    fn an_unclean_leader_is_alone_in_its_isr_and_recovering() {
        let mut partition = partition(&[1, 2]);
        partition.isr = nodes(&[1]);
        assert_eq!(change(&partition, &[], &[2], Election::Clean).unwrap().leader, NO_LEADER);
        let record = change(&partition, &[], &[2], Election::Unclean).unwrap();
        assert_eq!(
            (record.leader, record.isr, record.leader_recovery_state),
            (2, Some(vec![2]), 1)
        );
    }
}
