//! Telling the controller in which log directory a replica lies (AssignReplicasToDirs, KIP-858).
//!
//! With one log directory the controller knows. With several the broker chooses, and by what it
//! tells then the controller knows whom a lost directory concerns.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_core::metadata::{PartitionRegistration, directory};
use kt_protocol::messages::assign_replicas_to_dirs_request::{
    DirectoryData, PartitionData, TopicData,
};
use kt_protocol::messages::{AssignReplicasToDirsRequest, AssignReplicasToDirsResponse};
use kt_protocol::types::{Now, Uuid};

use crate::effect::{Effect, LogLevel};
use crate::node::Node;
use crate::partition::Partition;

/// How many replicas one request names (`AssignReplicasToDirsRequest.MAX_ASSIGNMENTS_PER_REQUEST`).
const ASSIGNMENTS_MAX: usize = 2_250;

/// Whether the metadata does not say where a replica lies, or says another place than that where
/// it was found.
///
/// A replica that was not found where the metadata says is never said to lie elsewhere: the empty
/// log that stands in for it must not become the leader's.
pub(crate) fn is_unsaid(partition: &Partition, registration: &PartitionRegistration) -> bool {
    let identity = &partition.identity;
    let Some(said) = registration.directory_of(identity.own) else { return false };
    let is_open = matches!(said, directory::UNASSIGNED | directory::MIGRATING);
    said != identity.directory.id
        && !identity.directory.is_lost()
        && (is_open || identity.was_found)
}

impl Node {
    /// Tells where all replicas lie of which the metadata does not say it. Once this broker is
    /// registered: before, nobody listens to it.
    pub(crate) fn assign_unsaid(&self, now: Now, effects: &mut Vec<Effect>) {
        let image = self.image();
        let served = self.replicas.served();
        let is_unsaid = |partition: &&Arc<Partition>| {
            let (topic, index) = partition.key();
            let topic = image.topics().get_by_id(topic);
            let registration = topic.and_then(|topic| topic.partition(index));
            registration.is_some_and(|registration| is_unsaid(partition, registration))
        };
        let unsaid: Vec<Arc<Partition>> = served.partitions().filter(is_unsaid).cloned().collect();
        self.assign(now, &unsaid, effects);
    }

    /// Tells where these replicas lie.
    pub(crate) fn assign(
        &self,
        now: Now,
        partitions: &[Arc<Partition>],
        effects: &mut Vec<Effect>,
    ) {
        if !self.lifecycle.is_registered() {
            return;
        }
        let broker_epoch = self.lifecycle.broker_epoch();
        for some in partitions.chunks(ASSIGNMENTS_MAX) {
            let broker_id = self.id().0;
            let directories = directories(some);
            let request = AssignReplicasToDirsRequest { broker_id, broker_epoch, directories };
            let assigned = self.metadata.submit(
                now,
                |it| it.controller.assign_replicas_to_dirs(&request),
                |_, _, response, effects| effects.extend(refusal(&response)),
                effects,
            );
            // A failed append has said so itself.
            let _ = assigned;
        }
    }
}

fn directories(partitions: &[Arc<Partition>]) -> Vec<DirectoryData> {
    let mut by_directory: BTreeMap<Uuid, BTreeMap<Uuid, Vec<PartitionData>>> = BTreeMap::new();
    for partition in partitions {
        let (topic, index) = partition.key();
        let topics = by_directory.entry(partition.identity.directory.id).or_default();
        topics.entry(topic).or_default().push(PartitionData { partition_index: index.0 });
    }
    let topic = |(topic_id, partitions)| TopicData { topic_id, partitions };
    let directory = |(id, topics): (Uuid, BTreeMap<_, _>)| DirectoryData {
        id,
        topics: topics.into_iter().map(topic).collect(),
    };
    by_directory.into_iter().map(directory).collect()
}

/// Single replicas are refused only if they are not there any more.
fn refusal(response: &AssignReplicasToDirsResponse) -> Option<Effect> {
    let code = response.error_code;
    let text = format!("the controller refused to note the directories of replicas: error {code}");
    (code != 0).then(|| Effect::log(LogLevel::Warn, text))
}
