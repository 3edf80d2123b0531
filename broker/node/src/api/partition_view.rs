//! One partition as Metadata and DescribeTopicPartitions show it.

use kt_core::metadata::{MetadataImage, PartitionRegistration};
use kt_protocol::ErrorCode;
use kt_protocol::types::NodeId;

/// One partition as clients of one listener see it.
pub(crate) struct PartitionView {
    /// Why it cannot be used now, or none.
    pub(crate) error: ErrorCode,
    /// -1 if there is none.
    pub(crate) leader: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
    /// Replicas on brokers that are gone, or in directories that are.
    pub(crate) offline: Vec<i32>,
}

impl PartitionView {
    /// Looks at `partition` through `listener`.
    pub(crate) fn of(
        image: &MetadataImage,
        partition: &PartitionRegistration,
        listener: &str,
    ) -> PartitionView {
        let is_offline = |replica: &&NodeId| !is_online(image, partition, **replica);
        let reachable_leader = partition.leader.filter(|leader| {
            let broker = image.brokers().get(*leader);
            broker.is_some_and(|it| it.is_active() && it.endpoint(listener).is_some())
        });
        let error = match (partition.leader, reachable_leader) {
            (_, Some(_)) => ErrorCode::None,
            (Some(leader), None) if image.brokers().is_active(leader) => {
                ErrorCode::ListenerNotFound
            }
            _ => ErrorCode::LeaderNotAvailable,
        };
        PartitionView {
            error,
            leader: reachable_leader.map_or(-1, |it| it.0),
            replicas: numbers(&partition.replicas),
            isr: numbers(&partition.isr),
            offline: partition.replicas.iter().filter(is_offline).map(|it| it.0).collect(),
        }
    }
}

fn is_online(image: &MetadataImage, partition: &PartitionRegistration, replica: NodeId) -> bool {
    let Some(broker) = image.brokers().get(replica) else { return false };
    let directory = partition.directory_of(replica);
    broker.is_active() && directory.is_none_or(|it| broker.has_online_directory(it))
}

/// Node ids as the wire has them.
pub(crate) fn numbers(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|it| it.0).collect()
}
