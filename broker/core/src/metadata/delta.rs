//! What changed from one published image to the next (`MetadataDelta`).

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::types::{NodeId, PartitionIndex, Uuid};

use super::{ConfigResource, ConfigResourceType, MetadataImage};

/// Names what changed; what it changed to is in the new image, what it was in the old.
///
/// A node reads it to open and delete logs, to take and give up leadership, and to act on
/// configurations, without comparing whole images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataDelta {
    /// Topics that are new.
    pub topics_created: BTreeSet<Uuid>,
    /// Topics that are gone, with the names they had. A topic that came and went within one batch
    /// is in neither.
    pub topics_deleted: BTreeMap<Uuid, String>,
    /// Partitions that are new or changed, those of new topics among them.
    pub partitions: BTreeSet<(Uuid, PartitionIndex)>,
    /// Things whose configuration was set or unset, even to what it was. The configuration of a
    /// deleted topic is not named.
    pub configs: BTreeSet<ConfigResource>,
    /// Brokers that registered or changed.
    pub brokers: BTreeSet<NodeId>,
    /// Controllers that registered.
    pub controllers: BTreeSet<NodeId>,
    /// Whether finalized features changed.
    pub features: bool,
    /// Whether quotas changed.
    pub client_quotas: bool,
    /// Whether access control entries changed.
    pub acls: bool,
    /// Whether SCRAM credentials or delegation tokens changed.
    pub credentials: bool,
}

impl MetadataDelta {
    /// Whether nothing that anybody acts on has changed.
    pub fn is_empty(&self) -> bool {
        *self == MetadataDelta::default()
    }

    /// Notes a record that is about to be folded into `image`.
    pub(super) fn note(&mut self, image: &MetadataImage, record: &MetadataRecord) {
        use MetadataRecord as R;
        match record {
            R::Topic(it) => {
                self.topics_created.insert(it.topic_id);
            }
            R::Partition(it) => {
                self.partitions.insert((it.topic_id, PartitionIndex(it.partition_id)));
            }
            R::PartitionChange(it) => {
                self.partitions.insert((it.topic_id, PartitionIndex(it.partition_id)));
            }
            R::ClearElr(it) => self.note_clear_elr(image, &it.topic_name),
            R::RemoveTopic(it) => self.note_remove_topic(image, it.topic_id),
            R::Config(it) => {
                let resource_type = ConfigResourceType(it.resource_type);
                self.configs
                    .insert(ConfigResource { resource_type, name: it.resource_name.clone() });
            }
            R::RegisterBroker(it) => self.note_broker(it.broker_id),
            R::UnregisterBroker(it) => self.note_broker(it.broker_id),
            R::FenceBroker(it) => self.note_broker(it.id),
            R::UnfenceBroker(it) => self.note_broker(it.id),
            R::BrokerRegistrationChange(it) => self.note_broker(it.broker_id),
            R::RegisterController(it) => {
                self.controllers.insert(NodeId(it.controller_id));
            }
            R::FeatureLevel(_) => self.features = true,
            R::ClientQuota(_) => self.client_quotas = true,
            R::AccessControlEntry(_) | R::RemoveAccessControlEntry(_) => self.acls = true,
            R::UserScramCredential(_)
            | R::RemoveUserScramCredential(_)
            | R::DelegationToken(_)
            | R::RemoveDelegationToken(_) => self.credentials = true,
            R::ProducerIds(_) | R::ZkMigrationState(_) | R::NoOp(_) | R::Unknown(_) => {}
            R::BeginTransaction(_) | R::EndTransaction(_) | R::AbortTransaction(_) => {}
        }
    }

    fn note_broker(&mut self, id: i32) {
        self.brokers.insert(NodeId(id));
    }

    fn note_remove_topic(&mut self, image: &MetadataImage, id: Uuid) {
        let Some(topic) = image.topics().get_by_id(id) else { return };
        self.partitions.retain(|(topic_id, _)| *topic_id != id);
        self.configs.remove(&ConfigResource::topic(topic.name.clone()));
        if !self.topics_created.remove(&id) {
            self.topics_deleted.insert(id, topic.name.clone());
        }
    }

    fn note_clear_elr(&mut self, image: &MetadataImage, topic_name: &str) {
        for (topic, index, partition) in image.topics().partitions() {
            let is_meant = topic_name.is_empty() || topic.name == topic_name;
            if is_meant && !(partition.elr.is_empty() && partition.last_known_elr.is_empty()) {
                self.partitions.insert((topic.id, index));
            }
        }
    }

    /// Adds what a later batch changed.
    pub fn merge(&mut self, later: MetadataDelta) {
        for (id, name) in later.topics_deleted {
            self.partitions.retain(|(topic_id, _)| *topic_id != id);
            self.configs.remove(&ConfigResource::topic(name.clone()));
            if !self.topics_created.remove(&id) {
                self.topics_deleted.insert(id, name);
            }
        }
        self.topics_created.extend(later.topics_created);
        self.partitions.extend(later.partitions);
        self.configs.extend(later.configs);
        self.brokers.extend(later.brokers);
        self.controllers.extend(later.controllers);
        self.features |= later.features;
        self.client_quotas |= later.client_quotas;
        self.acls |= later.acls;
        self.credentials |= later.credentials;
    }
}
