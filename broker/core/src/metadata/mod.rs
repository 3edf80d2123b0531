//! The metadata image: everything the metadata log says, folded (`MetadataImage`).
//!
//! An image is a handful of shared parts, one file each. Cloning one is a few reference counts, and
//! an image and the next share what did not change, so one is published after each batch.

mod acls;
mod brokers;
mod client_quotas;
mod configs;
mod controllers;
mod delegation_tokens;
mod delta;
pub mod directory;
mod error;
mod features;
mod loader;
mod partition;
mod producer_ids;
mod provenance;
mod record;
mod scram;
mod shared_map;
mod topics;
mod version;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kt_protocol::messages::metadata_record::MetadataRecord;

pub use acls::{AccessControlEntry, AclsImage};
pub use brokers::{BrokerRegistration, BrokersImage, Endpoint};
pub use client_quotas::{ClientQuotaEntity, ClientQuotasImage};
pub use configs::{ConfigMap, ConfigResource, ConfigResourceType, ConfigurationsImage};
pub use controllers::{ControllerRegistration, ControllersImage};
pub use delegation_tokens::{DelegationToken, DelegationTokensImage};
pub use delta::MetadataDelta;
pub use error::{ApplyError, UnwritableMetadata};
pub use features::{
    FeaturesImage, SUPPORTED_FEATURES, UnsupportedFeature, VersionRange, supported_range,
};
pub use loader::MetadataLoader;
pub use partition::{
    LeaderRecoveryState, NO_LEADER, NO_LEADER_CHANGE, PartitionRegistration, Replicas, nodes,
    numbers,
};
pub use producer_ids::ProducerIdsImage;
pub use provenance::Provenance;
pub use record::VersionedRecord;
pub use scram::{ScramCredential, ScramImage};
pub use shared_map::SharedMap;
pub use topics::{TopicImage, TopicsImage};
pub use version::MetadataVersion;

/// Everything the metadata log says, up to one of its batches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataImage {
    provenance: Provenance,
    features: Arc<FeaturesImage>,
    brokers: Arc<BrokersImage>,
    controllers: Arc<ControllersImage>,
    topics: TopicsImage,
    configs: ConfigurationsImage,
    client_quotas: ClientQuotasImage,
    producer_ids: ProducerIdsImage,
    acls: AclsImage,
    scram: ScramImage,
    delegation_tokens: DelegationTokensImage,
}

impl MetadataImage {
    /// The last batch it holds.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// Finalized features.
    pub fn features(&self) -> &FeaturesImage {
        &self.features
    }

    /// Brokers.
    pub fn brokers(&self) -> &BrokersImage {
        &self.brokers
    }

    /// Controllers.
    pub fn controllers(&self) -> &ControllersImage {
        &self.controllers
    }

    /// Topics and partitions.
    pub fn topics(&self) -> &TopicsImage {
        &self.topics
    }

    /// Configurations.
    pub fn configs(&self) -> &ConfigurationsImage {
        &self.configs
    }

    /// Quotas.
    pub fn client_quotas(&self) -> &ClientQuotasImage {
        &self.client_quotas
    }

    /// Producer ids.
    pub fn producer_ids(&self) -> ProducerIdsImage {
        self.producer_ids
    }

    /// Access control entries.
    pub fn acls(&self) -> &AclsImage {
        &self.acls
    }

    /// SCRAM credentials.
    pub fn scram(&self) -> &ScramImage {
        &self.scram
    }

    /// Delegation tokens.
    pub fn delegation_tokens(&self) -> &DelegationTokensImage {
        &self.delegation_tokens
    }

    /// Notes which batch is the last one folded in.
    pub fn set_provenance(&mut self, provenance: Provenance) {
        self.provenance = provenance;
    }

    /// Folds one record in. Transaction records change nothing here: what lies between them is
    /// [`MetadataLoader`]'s.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] if the record does not fit; the image is then of no use.
    pub fn apply(&mut self, record: &MetadataRecord) -> Result<(), ApplyError> {
        use MetadataRecord as R;
        match record {
            R::FeatureLevel(it) => Arc::make_mut(&mut self.features).apply(it)?,
            R::RegisterBroker(it) => Arc::make_mut(&mut self.brokers).apply_register(it),
            R::UnregisterBroker(it) => Arc::make_mut(&mut self.brokers).apply_unregister(it)?,
            R::FenceBroker(it) => Arc::make_mut(&mut self.brokers).apply_fence(it)?,
            R::UnfenceBroker(it) => Arc::make_mut(&mut self.brokers).apply_unfence(it)?,
            R::BrokerRegistrationChange(it) => {
                Arc::make_mut(&mut self.brokers).apply_change(it)?;
            }
            R::RegisterController(it) => Arc::make_mut(&mut self.controllers).apply(it),
            R::Topic(it) => self.topics.apply_topic(it)?,
            R::Partition(it) => self.topics.apply_partition(it)?,
            R::PartitionChange(it) => self.topics.apply_change(it)?,
            R::ClearElr(it) => self.topics.apply_clear_elr(it)?,
            R::RemoveTopic(it) => {
                let name = self.topics.apply_remove(it.topic_id)?;
                self.configs.remove_topic(&name);
            }
            R::Config(it) => self.configs.apply(it),
            R::ClientQuota(it) => self.client_quotas.apply(it),
            R::ProducerIds(it) => self.producer_ids.apply(it),
            R::AccessControlEntry(it) => self.acls.apply(it),
            R::RemoveAccessControlEntry(it) => self.acls.apply_remove(it)?,
            R::UserScramCredential(it) => self.scram.apply(it),
            R::RemoveUserScramCredential(it) => self.scram.apply_remove(it),
            R::DelegationToken(it) => self.delegation_tokens.apply(it),
            R::RemoveDelegationToken(it) => self.delegation_tokens.apply_remove(it),
            // A cluster that came from ZooKeeper has this in its log; since 4.0 it means nothing,
            // and no snapshot holds it.
            R::ZkMigrationState(_) => {}
            R::NoOp(_) | R::BeginTransaction(_) | R::EndTransaction(_) | R::AbortTransaction(_) => {
            }
            R::Unknown(it) => {
                let (record_type, version) = (it.record_type, it.version);
                return Err(ApplyError::UnknownRecord { record_type, version });
            }
        }
        Ok(())
    }

    /// The records that make this image out of an empty one, in the order and at the versions in
    /// which Kafka writes them to a snapshot.
    ///
    /// # Errors
    ///
    /// [`UnwritableMetadata`] if the finalized `metadata.version` has no record for something.
    pub fn write_records(&self) -> Result<Vec<VersionedRecord>, UnwritableMetadata> {
        let version = self.features.metadata_version();
        let mut records: Vec<VersionedRecord> =
            self.features.records().map(VersionedRecord::v0).collect();
        for broker in self.brokers.iter() {
            let record = broker.to_record(version)?;
            records.push(VersionedRecord::new(record, version.register_broker_record_version()));
        }
        records.extend(self.controllers.iter().cloned().map(VersionedRecord::v0));
        for topic in self.topics.iter() {
            records.push(VersionedRecord::v0(topic.to_record()));
            for (index, partition) in topic.partitions.iter() {
                let record = partition.to_record(topic.id, *index, version);
                records.push(VersionedRecord::new(record, version.partition_record_version()));
            }
        }
        records.extend(self.configs.records().map(VersionedRecord::v0));
        records.extend(self.client_quotas.records().map(VersionedRecord::v0));
        records.extend(self.producer_ids.to_record().map(VersionedRecord::v0));
        records.extend(self.acls.iter().map(|it| VersionedRecord::v0(it.as_ref().clone())));
        records.extend(self.scram.iter().map(|it| VersionedRecord::v0(it.as_ref().clone())));
        let tokens = self.delegation_tokens.iter();
        records.extend(tokens.map(|it| VersionedRecord::v0(it.as_ref().clone())));
        Ok(records)
    }
}
