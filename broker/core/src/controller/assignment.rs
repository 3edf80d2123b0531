//! Which brokers a new partition goes to, by hand or by placement, and the record that says so.

use kt_protocol::error_code::ErrorCode;
use kt_protocol::types::{NodeId, PartitionIndex, Uuid};

use super::{ApiError, Controller};
use crate::metadata::{
    BrokerRegistration, PartitionRegistration, Replicas, VersionedRecord, directory, nodes,
};

impl Controller {
    /// Checks an assignment made by hand: registered brokers, each once, as many as those of the
    /// partitions before.
    pub(super) fn check_assignment(
        &self,
        broker_ids: &[i32],
        replication_factor: Option<usize>,
    ) -> Result<Replicas, ApiError> {
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidReplicaAssignment, message);
        if broker_ids.is_empty() {
            return Err(invalid(
                "The manual partition assignment includes an empty replica list.".to_owned(),
            ));
        }
        let mut sorted = broker_ids.to_vec();
        sorted.sort_unstable();
        for (index, id) in sorted.iter().enumerate() {
            if self.image().brokers().get(NodeId(*id)).is_none() {
                return Err(invalid(format!(
                    "The manual partition assignment includes broker {id}, but no such broker is registered."
                )));
            }
            if 0 < index && sorted[index - 1] == *id {
                return Err(invalid(format!(
                    "The manual partition assignment includes the broker {id} more than once."
                )));
            }
        }
        if let Some(expected) = replication_factor.filter(|it| *it != broker_ids.len()) {
            return Err(invalid(format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with previous partitions, which have {expected} replica(s).",
                broker_ids.len()
            )));
        }
        Ok(nodes(broker_ids))
    }

    /// A new partition on these brokers, led by the first that is active. Nothing if none is.
    pub(super) fn new_partition(&self, replicas: Replicas) -> Option<PartitionRegistration> {
        let brokers = self.image().brokers();
        let isr: Replicas = replicas.iter().copied().filter(|it| brokers.is_active(*it)).collect();
        if isr.is_empty() {
            return None;
        }
        let directory_on = |id: &NodeId| {
            brokers.get(*id).map_or(directory::UNASSIGNED, BrokerRegistration::default_directory)
        };
        let directories = replicas.iter().map(directory_on).collect();
        Some(PartitionRegistration::created(replicas, directories, isr))
    }

    /// The record that creates a partition.
    pub(super) fn partition_record(
        &self,
        topic_id: Uuid,
        index: usize,
        partition: &PartitionRegistration,
    ) -> VersionedRecord {
        let version = self.image().features().metadata_version();
        let index = i32::try_from(index).expect("a request's partitions are bounded far below");
        let record = partition.to_record(topic_id, PartitionIndex(index), version);
        VersionedRecord::new(record, version.partition_record_version())
    }
}

/// The refusal of an assignment by hand without a live broker.
pub(super) fn all_fenced_in_assignment(index: usize) -> ApiError {
    ApiError::new(
        ErrorCode::InvalidReplicaAssignment,
        format!(
            "All brokers specified in the manual partition assignment for partition {index} are fenced or in controlled shutdown."
        ),
    )
}

/// The refusal of a placement: `reason` is a whole sentence.
pub(super) fn not_placeable(replication_factor: usize, reason: &str) -> ApiError {
    ApiError::new(
        ErrorCode::InvalidReplicationFactor,
        format!("Unable to replicate the partition {replication_factor} time(s): {reason}"),
    )
}

/// The reason for [`not_placeable`] where brokers were found and none of them is alive.
pub(super) const ALL_FENCED: &str = "All brokers are currently fenced or in controlled shutdown.";
