//! AssignReplicasToDirs: a broker says in which of its log directories a replica lies (KIP-858).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::assign_replicas_to_dirs_request as request;
use kt_protocol::messages::assign_replicas_to_dirs_response as response;
use kt_protocol::messages::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};
use kt_protocol::types::{NodeId, PartitionIndex, Uuid};

use super::partition_change::PartitionChange;
use super::{Controller, Decision};
use crate::metadata::VersionedRecord;

impl Controller {
    /// Writes down where replicas lie. What lies in a directory that is offline is left to the
    /// broker's next heartbeat, which names that directory.
    pub fn assign_replicas_to_dirs(
        &self,
        request: &AssignReplicasToDirsRequest,
    ) -> Decision<AssignReplicasToDirsResponse> {
        if let Err(error) = self.check_broker_epoch(request.broker_id, request.broker_epoch) {
            let error_code = error.code as i16;
            return Decision::only(AssignReplicasToDirsResponse {
                error_code,
                ..Default::default()
            });
        }
        let broker = NodeId(request.broker_id);
        let mut records = Vec::new();
        let directories = request.directories.iter().map(|directory| response::DirectoryData {
            id: directory.id,
            topics: directory
                .topics
                .iter()
                .map(|topic| self.assign_topic(broker, directory.id, topic, &mut records))
                .collect(),
        });
        let directories = directories.collect();
        let response = AssignReplicasToDirsResponse { directories, ..Default::default() };
        Decision { records, response }
    }

    fn assign_topic(
        &self,
        broker: NodeId,
        directory: Uuid,
        topic: &request::TopicData,
        records: &mut Vec<VersionedRecord>,
    ) -> response::TopicData {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            let index = PartitionIndex(partition.partition_index);
            let outcome = self.assign_partition(broker, directory, topic.topic_id, index);
            partitions.push(response::PartitionData {
                partition_index: index.0,
                error_code: outcome.as_ref().err().map_or(0, |code| *code as i16),
            });
            records.extend(outcome.ok().flatten());
        }
        response::TopicData { topic_id: topic.topic_id, partitions }
    }

    fn assign_partition(
        &self,
        broker: NodeId,
        directory: Uuid,
        topic_id: Uuid,
        index: PartitionIndex,
    ) -> Result<Option<VersionedRecord>, ErrorCode> {
        let topic = self.image().topics().get_by_id(topic_id).ok_or(ErrorCode::UnknownTopicId)?;
        let partition = topic.partition(index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let mut directories = partition.directories.to_vec();
        let place = partition.replicas.iter().position(|replica| *replica == broker);
        let own = place.and_then(|place| directories.get_mut(place));
        *own.ok_or(ErrorCode::NotLeaderOrFollower)? = directory;
        let mut change = PartitionChange::new(topic_id, index, partition);
        change.target_directories = Some(directories);
        let version = self.image().features().metadata_version();
        // Who leads does not change by this.
        Ok(change.build(version, |replica| partition.leader == Some(replica)))
    }
}
