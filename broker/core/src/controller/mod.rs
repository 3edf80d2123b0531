//! The controller: who may change the cluster's metadata, and how (`QuorumController`).
//!
//! A record-backed machine. *Deciders* read the state and return a [`Decision`]; they change
//! nothing that is logged. [`Controller::replay`] is the only code that does, fed with every
//! record that was appended, here or by an earlier leader. One decision is one batch; its response
//! may leave once the batch is committed, and a decision without records once everything that its
//! decider had seen is. A controller that loses leadership is dropped.

mod activation;
mod api_error;
mod assignment;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod directories;
mod features;
mod heartbeat;
mod leadership;
mod partition_change;
mod placement;
mod producer_ids;
mod registration;

#[cfg(test)]
mod conversation;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::types::{NodeId, Offset};

pub use api_error::ApiError;
pub use configs::{ConfigSchema, ConfigUpdate};
pub use producer_ids::PRODUCER_ID_BLOCK_LENGTH;

use crate::metadata::{
    ApplyError, ConfigResource, MetadataDelta, MetadataImage, MetadataLoader, Provenance,
    VersionedRecord,
};
use crate::topic_name;
use heartbeat::Sessions;

/// How many records one request may cause: all of them are one batch, and no batch of another
/// request can be appended meanwhile (`QuorumController.MAX_RECORDS_PER_USER_OP`).
const RECORDS_PER_REQUEST_MAX: usize = 10_000;

/// The outcome of a decider: nothing is true until the records are committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<R> {
    /// What to append, as one batch; often nothing.
    pub records: Vec<VersionedRecord>,
    /// What to answer afterwards.
    pub response: R,
}

impl<R> Decision<R> {
    /// An answer that changes nothing.
    pub fn only(response: R) -> Decision<R> {
        Decision { records: Vec::new(), response }
    }
}

/// What the controller's own node is configured to.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// This node's number.
    pub node_id: NodeId,
    /// The cluster's id; brokers of another are turned away.
    pub cluster_id: String,
    /// The broker of this very process, if it is one. Its earlier incarnation is known to be dead
    ///
    pub own_broker: Option<NodeId>,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `num.partitions`.
    pub num_partitions: i32,
    /// `unclean.leader.election.enable` of the static configuration.
    pub unclean_leader_election_enable: bool,
    /// `delete.topic.enable`.
    pub delete_topic_enable: bool,
    /// `broker.session.timeout.ms`.
    pub broker_session_timeout_ms: u64,
    /// `metadata.max.idle.interval.ms`; 0 appends no NoOpRecords.
    pub metadata_max_idle_interval_ms: u64,
}

/// The active controller.
#[derive(Clone, Debug)]
pub struct Controller {
    config: ControllerConfig,
    /// What is logged: the image up to the log's end, committed or not.
    loader: MetadataLoader,
    /// Out of the log: the names that collide, by what they collide in.
    collisions: BTreeMap<String, BTreeSet<String>>,
    /// Out of the log: where each broker's registration lies, as far as the log was read.
    registered_at: BTreeMap<NodeId, Offset>,
    /// Not logged: when each broker was last heard.
    sessions: Sessions,
}

impl Controller {
    /// Begins with the image of a snapshot, or an empty one; the log after it is to be replayed.
    pub fn new(config: ControllerConfig, image: MetadataImage) -> Controller {
        let mut collisions = BTreeMap::new();
        for topic in image.topics().iter() {
            add_collision(&mut collisions, &topic.name);
        }
        Controller {
            config,
            loader: MetadataLoader::new(image),
            collisions,
            registered_at: BTreeMap::new(),
            sessions: Sessions::default(),
        }
    }

    /// The image up to the log's end, an open transaction included: what deciders read.
    pub fn image(&self) -> &MetadataImage {
        self.loader.image()
    }

    /// What it is configured to.
    pub fn config(&self) -> &ControllerConfig {
        &self.config
    }

    /// Takes a changed configuration.
    pub fn set_config(&mut self, config: ControllerConfig) {
        self.config = config;
    }

    /// Folds an appended record in. Call [`Controller::end_batch`] after the last of its batch.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] if the record does not fit: the log is damaged or foreign.
    pub fn replay(&mut self, record: &MetadataRecord, offset: Offset) -> Result<(), ApplyError> {
        match record {
            MetadataRecord::RemoveTopic(it) => {
                if let Some(topic) = self.image().topics().get_by_id(it.topic_id) {
                    let name = topic.name.clone();
                    remove_collision(&mut self.collisions, &name);
                }
            }
            MetadataRecord::UnregisterBroker(it) => {
                let id = NodeId(it.broker_id);
                self.registered_at.remove(&id);
                self.sessions.remove(id);
            }
            _ => {}
        }
        self.loader.apply(record, offset)?;
        match record {
            MetadataRecord::Topic(it) => add_collision(&mut self.collisions, &it.name),
            MetadataRecord::RegisterBroker(it) => {
                self.registered_at.insert(NodeId(it.broker_id), offset);
            }
            MetadataRecord::AbortTransaction(_) => self.rebuild_collisions(),
            _ => {}
        }
        Ok(())
    }

    /// Ends a batch. Gives the image to publish once the batch is committed, and what changed in
    /// it; nothing while a metadata transaction is open.
    pub fn end_batch(&mut self, provenance: Provenance) -> Option<(MetadataImage, MetadataDelta)> {
        self.loader.end_batch(provenance)
    }

    /// The value that counts for a topic: its own, else this broker's, else that of all brokers,
    /// by keys that are the same for topics and brokers.
    fn topic_config(&self, topic: &str, key: &str) -> Option<&str> {
        let configs = self.image().configs();
        let own_broker = ConfigResource::broker(self.config.node_id.to_string());
        configs
            .value(&ConfigResource::topic(topic), key)
            .or_else(|| configs.value(&own_broker, key))
            .or_else(|| configs.value(&ConfigResource::broker(""), key))
    }

    fn is_unclean_election_enabled(&self, topic: &str) -> bool {
        match self.topic_config(topic, "unclean.leader.election.enable") {
            Some(value) => value.eq_ignore_ascii_case("true"),
            None => self.config.unclean_leader_election_enable,
        }
    }

    fn rebuild_collisions(&mut self) {
        let mut collisions = BTreeMap::new();
        for topic in self.image().topics().iter() {
            add_collision(&mut collisions, &topic.name);
        }
        self.collisions = collisions;
    }
}

fn add_collision(collisions: &mut BTreeMap<String, BTreeSet<String>>, name: &str) {
    if let Some(key) = topic_name::collision_key(name) {
        collisions.entry(key.into_owned()).or_default().insert(name.to_owned());
    }
}

fn remove_collision(collisions: &mut BTreeMap<String, BTreeSet<String>>, name: &str) {
    let Some(key) = topic_name::collision_key(name) else { return };
    if let Some(names) = collisions.get_mut(key.as_ref()) {
        names.remove(name);
        if names.is_empty() {
            collisions.remove(key.as_ref());
        }
    }
}
