//! One partition as the controller has it: replicas, leader, ISR (`PartitionRegistration`).

use kt_protocol::messages::{PartitionChangeRecord, PartitionRecord};
use kt_protocol::types::{LeaderEpoch, NodeId, PartitionEpoch, PartitionIndex, Uuid};
use smallvec::SmallVec;

use super::{ApplyError, MetadataVersion, directory};

/// Some brokers, in an order that means something. Most have at most four: no allocation.
pub type Replicas = SmallVec<[NodeId; 4]>;

/// `PartitionChangeRecord`'s leader where the leader does not change (`LeaderConstants`).
pub const NO_LEADER_CHANGE: i32 = -2;
/// A record's leader where there is none.
pub const NO_LEADER: i32 = -1;
/// `PartitionChangeRecord`'s recovery state where it does not change.
const NO_RECOVERY_STATE_CHANGE: i8 = -1;

/// Whether the leader was elected from outside the ISR and is still mending its log (KIP-704).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaderRecoveryState {
    /// The log is as the ISR left it.
    #[default]
    Recovered,
    /// It is not, yet.
    Recovering,
}

impl LeaderRecoveryState {
    /// Its number in records and requests.
    pub const fn to_wire(self) -> i8 {
        match self {
            LeaderRecoveryState::Recovered => 0,
            LeaderRecoveryState::Recovering => 1,
        }
    }

    fn from_wire(value: i8) -> Result<LeaderRecoveryState, ApplyError> {
        match value {
            0 => Ok(LeaderRecoveryState::Recovered),
            1 => Ok(LeaderRecoveryState::Recovering),
            _ => Err(ApplyError::UnknownLeaderRecoveryState(value)),
        }
    }
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// Who has it; the first is the preferred leader.
    pub replicas: Replicas,
    /// In which directory each of `replicas` has it.
    pub directories: SmallVec<[Uuid; 1]>,
    /// Who is in sync.
    pub isr: Replicas,
    /// Who will lose it when a reassignment is done.
    pub removing_replicas: Replicas,
    /// Who gets it by a reassignment.
    pub adding_replicas: Replicas,
    /// Who may lead while the ISR is below its minimum (KIP-966).
    pub elr: Replicas,
    /// Who led last, or might, when nobody can.
    pub last_known_elr: Replicas,
    /// Who leads.
    pub leader: Option<NodeId>,
    /// Whether the leader is still mending its log.
    pub leader_recovery_state: LeaderRecoveryState,
    /// How often the leadership changed.
    pub leader_epoch: LeaderEpoch,
    /// How often anything changed.
    pub partition_epoch: PartitionEpoch,
}

impl PartitionRegistration {
    /// A new partition, led by the first of its ISR.
    pub fn created(
        replicas: Replicas,
        directories: SmallVec<[Uuid; 1]>,
        isr: Replicas,
    ) -> PartitionRegistration {
        assert_eq!(replicas.len(), directories.len(), "each replica lies in one directory");
        let leader = isr.first().copied();
        PartitionRegistration {
            replicas,
            directories,
            isr,
            removing_replicas: Replicas::new(),
            adding_replicas: Replicas::new(),
            elr: Replicas::new(),
            last_known_elr: Replicas::new(),
            leader,
            leader_recovery_state: LeaderRecoveryState::Recovered,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
        }
    }

    /// Who should lead if it can.
    pub fn preferred_replica(&self) -> Option<NodeId> {
        self.replicas.first().copied()
    }

    /// The directory in which `replica` has this partition.
    pub fn directory_of(&self, replica: NodeId) -> Option<Uuid> {
        let index = self.replicas.iter().position(|it| *it == replica)?;
        Some(self.directories.get(index).copied().unwrap_or(directory::MIGRATING))
    }

    /// Whether replicas are being moved.
    pub fn is_reassigning(&self) -> bool {
        !self.removing_replicas.is_empty() || !self.adding_replicas.is_empty()
    }

    pub(super) fn from_record(record: &PartitionRecord) -> Result<Self, ApplyError> {
        let replicas = nodes(&record.replicas);
        let partition = PartitionIndex(record.partition_id);
        Ok(PartitionRegistration {
            directories: directories(&record.directories, replicas.len())
                .ok_or(ApplyError::BadDirectories { topic_id: record.topic_id, partition })?,
            replicas,
            isr: nodes(&record.isr),
            removing_replicas: nodes(&record.removing_replicas),
            adding_replicas: nodes(&record.adding_replicas),
            elr: nodes(record.eligible_leader_replicas.as_deref().unwrap_or_default()),
            last_known_elr: nodes(record.last_known_elr.as_deref().unwrap_or_default()),
            leader: leader(record.leader),
            leader_recovery_state: LeaderRecoveryState::from_wire(record.leader_recovery_state)?,
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: PartitionEpoch(record.partition_epoch),
        })
    }

    /// This partition after a change. Every change raises the partition epoch; naming a leader,
    /// even the same one, raises the leader epoch.
    pub fn merged(&self, record: &PartitionChangeRecord) -> Result<Self, ApplyError> {
        let mut next = self.clone();
        let partition = PartitionIndex(record.partition_id);
        replace(&mut next.replicas, record.replicas.as_deref());
        replace(&mut next.isr, record.isr.as_deref());
        replace(&mut next.removing_replicas, record.removing_replicas.as_deref());
        replace(&mut next.adding_replicas, record.adding_replicas.as_deref());
        replace(&mut next.elr, record.eligible_leader_replicas.as_deref());
        replace(&mut next.last_known_elr, record.last_known_elr.as_deref());
        let new_directories = record.directories.as_deref().unwrap_or(&self.directories);
        next.directories = directories(new_directories, next.replicas.len())
            .ok_or(ApplyError::BadDirectories { topic_id: record.topic_id, partition })?;
        if record.leader != NO_LEADER_CHANGE {
            next.leader = leader(record.leader);
            next.leader_epoch = LeaderEpoch(self.leader_epoch.0.saturating_add(1));
        }
        if record.leader_recovery_state != NO_RECOVERY_STATE_CHANGE {
            next.leader_recovery_state =
                LeaderRecoveryState::from_wire(record.leader_recovery_state)?;
        }
        next.partition_epoch = PartitionEpoch(self.partition_epoch.0.saturating_add(1));
        Ok(next)
    }

    /// The record that creates this partition as it is now. At levels before 4.0-IV1 nothing can
    /// hold eligible leader replicas, and they are left out, as Kafka does.
    pub fn to_record(
        &self,
        topic_id: Uuid,
        partition: PartitionIndex,
        version: MetadataVersion,
    ) -> PartitionRecord {
        let if_any = |replicas: &Replicas| {
            (version.is_elr_supported() && !replicas.is_empty()).then(|| numbers(replicas))
        };
        PartitionRecord {
            partition_id: partition.0,
            topic_id,
            replicas: numbers(&self.replicas),
            isr: numbers(&self.isr),
            removing_replicas: numbers(&self.removing_replicas),
            adding_replicas: numbers(&self.adding_replicas),
            leader: self.leader.map_or(NO_LEADER, |leader| leader.0),
            leader_recovery_state: self.leader_recovery_state.to_wire(),
            leader_epoch: self.leader_epoch.0,
            partition_epoch: self.partition_epoch.0,
            directories: self.directories.to_vec(),
            eligible_leader_replicas: if_any(&self.elr),
            last_known_elr: if_any(&self.last_known_elr),
        }
    }
}

/// Broker numbers of a record as ids.
pub fn nodes(numbers: &[i32]) -> Replicas {
    numbers.iter().copied().map(NodeId).collect()
}

/// Ids as broker numbers of a record.
pub fn numbers(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|node| node.0).collect()
}

fn leader(number: i32) -> Option<NodeId> {
    (number != NO_LEADER).then_some(NodeId(number))
}

fn replace(replicas: &mut Replicas, new: Option<&[i32]>) {
    if let Some(new) = new {
        *replicas = nodes(new);
    }
}

/// One directory for each replica. A record without any, or with nothing but "migrating", says
/// that for each replica; any other count is wrong.
fn directories(given: &[Uuid], replicas: usize) -> Option<SmallVec<[Uuid; 1]>> {
    if given.iter().all(|it| *it == directory::MIGRATING) {
        return Some(SmallVec::from_elem(directory::MIGRATING, replicas));
    }
    (given.len() == replicas).then(|| SmallVec::from_slice(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> PartitionRegistration {
        let replicas = nodes(&[1, 2, 3]);
        let directories = SmallVec::from_elem(directory::UNASSIGNED, 3);
        PartitionRegistration::created(replicas.clone(), directories, replicas)
    }

    #[test]
    fn a_leader_that_is_named_again_has_a_new_epoch() {
        let before = partition();
        let same_leader = PartitionChangeRecord { leader: 1, ..Default::default() };
        let after = before.merged(&same_leader).unwrap();
        assert_eq!(after.leader, Some(NodeId(1)));
        assert_eq!(
            (after.leader_epoch, after.partition_epoch),
            (LeaderEpoch(1), PartitionEpoch(1))
        );

        let isr_only = PartitionChangeRecord { isr: Some(vec![1]), ..Default::default() };
        let after = after.merged(&isr_only).unwrap();
        assert_eq!(
            (after.leader_epoch, after.partition_epoch),
            (LeaderEpoch(1), PartitionEpoch(2))
        );
        assert_eq!(after.isr, nodes(&[1]));

        let nobody = PartitionChangeRecord { leader: -1, ..Default::default() };
        assert_eq!(after.merged(&nobody).unwrap().leader, None);
    }

    #[test]
    fn each_replica_has_one_directory() {
        let change = |directories: Vec<Uuid>| {
            let record =
                PartitionChangeRecord { directories: Some(directories), ..Default::default() };
            partition().merged(&record).map(|after| after.directories.to_vec())
        };
        let a = Uuid([7; 16]);
        assert_eq!(change(vec![a; 3]), Ok(vec![a; 3]));
        assert_eq!(change(vec![]), Ok(vec![directory::MIGRATING; 3]));
        assert!(matches!(change(vec![a; 2]), Err(ApplyError::BadDirectories { .. })));
    }

    #[test]
    fn a_new_partition_writes_what_apache_kafka_writes() {
        let record =
            partition().to_record(Uuid([9; 16]), PartitionIndex(4), MetadataVersion::MAX_SUPPORTED);
        assert_eq!((record.leader, record.leader_epoch, record.partition_epoch), (1, 0, 0));
        assert_eq!(record.eligible_leader_replicas, None);
        assert_eq!(PartitionRegistration::from_record(&record), Ok(partition()));
    }
}
