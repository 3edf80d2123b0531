//! The brokers that have registered (`ClusterImage`, `BrokerRegistration`).

use std::collections::BTreeMap;

use kt_protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};
use kt_protocol::messages::{
    BrokerRegistrationChangeRecord, FenceBrokerRecord, RegisterBrokerRecord, UnfenceBrokerRecord,
    UnregisterBrokerRecord,
};
use kt_protocol::types::{NodeId, Uuid};

use super::directory::{self, is_online};
use super::{ApplyError, MetadataVersion, UnwritableMetadata, VersionRange};

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub name: String,
    /// Host or address, as advertised.
    pub host: String,
    /// Port, as advertised.
    pub port: u16,
    /// The number of the security protocol (0 is PLAINTEXT).
    pub security_protocol: i16,
}

/// One broker, as it registered and as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// Its number.
    pub id: NodeId,
    /// The number of this registration, greater than all before it: an offset of the metadata log.
    pub epoch: i64,
    /// Made anew by each process.
    pub incarnation_id: Uuid,
    /// Where it listens, by its own order.
    pub endpoints: Vec<Endpoint>,
    /// What it supports, by feature.
    pub supported_features: BTreeMap<String, VersionRange>,
    /// Where it stands.
    pub rack: Option<String>,
    /// Whether it may lead nothing and serves nobody.
    pub fenced: bool,
    /// Whether it asked to stop.
    pub in_controlled_shutdown: bool,
    /// Whether it was a ZooKeeper broker being migrated; only in logs of Kafka 3.
    pub is_migrating_zk_broker: bool,
    /// Its online log directories.
    pub log_dirs: Vec<Uuid>,
    /// Those that take no new partitions (KIP-1066). None until the broker has said.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl BrokerRegistration {
    /// Whether it may lead partitions and be given new ones.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// Whether a replica in `directory` of this broker is reachable.
    pub fn has_online_directory(&self, directory: Uuid) -> bool {
        is_online(directory, &self.log_dirs)
    }

    /// The directory to write down for a new replica, as far as it can be known in advance.
    pub fn default_directory(&self) -> Uuid {
        let cordoned = self.cordoned_log_dirs.as_deref().unwrap_or_default();
        let mut usable = self.log_dirs.iter().filter(|it| !cordoned.contains(it));
        match (self.log_dirs.is_empty(), usable.next(), usable.next()) {
            (true, _, _) => directory::MIGRATING,
            (false, Some(only), None) => *only,
            _ => directory::UNASSIGNED,
        }
    }

    /// Whether no log directory of it takes new partitions.
    pub fn is_cordoned(&self) -> bool {
        let cordoned = self.cordoned_log_dirs.as_deref().unwrap_or_default();
        !self.log_dirs.is_empty() && self.log_dirs.iter().all(|it| cordoned.contains(it))
    }

    /// The endpoint of a listener.
    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == listener)
    }

    fn from_record(record: &RegisterBrokerRecord) -> BrokerRegistration {
        let endpoint = |it: &BrokerEndpoint| Endpoint {
            name: it.name.clone(),
            host: it.host.clone(),
            port: it.port,
            security_protocol: it.security_protocol,
        };
        let feature = |it: &BrokerFeature| {
            let range =
                VersionRange { min: it.min_supported_version, max: it.max_supported_version };
            (it.name.clone(), range)
        };
        BrokerRegistration {
            id: NodeId(record.broker_id),
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            endpoints: record.end_points.iter().map(endpoint).collect(),
            supported_features: record.features.iter().map(feature).collect(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            is_migrating_zk_broker: record.is_migrating_zk_broker,
            log_dirs: record.log_dirs.clone(),
            cordoned_log_dirs: record.cordoned_log_dirs.clone(),
        }
    }

    /// The record that registers this broker as it is now, for its version at `version`.
    pub(super) fn to_record(
        &self,
        version: MetadataVersion,
    ) -> Result<RegisterBrokerRecord, UnwritableMetadata> {
        let endpoint = |it: &Endpoint| BrokerEndpoint {
            name: it.name.clone(),
            host: it.host.clone(),
            port: it.port,
            security_protocol: it.security_protocol,
        };
        let feature = |(name, range): (&String, &VersionRange)| BrokerFeature {
            name: name.clone(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        };
        let is_cordoned = self.cordoned_log_dirs.as_ref().is_some_and(|dirs| !dirs.is_empty());
        if is_cordoned && !version.are_cordoned_log_dirs_supported() {
            let broker = self.id;
            return Err(UnwritableMetadata::CordonedLogDirs { broker, version });
        }
        let cordoned = self.cordoned_log_dirs.clone();
        Ok(RegisterBrokerRecord {
            broker_id: self.id.0,
            is_migrating_zk_broker: self.is_migrating_zk_broker,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            end_points: self.endpoints.iter().map(endpoint).collect(),
            features: self.supported_features.iter().map(feature).collect(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: self.log_dirs.clone(),
            cordoned_log_dirs: cordoned.filter(|_| version.are_cordoned_log_dirs_supported()),
        })
    }
}

/// The part of the image that holds brokers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokersImage {
    brokers: BTreeMap<NodeId, BrokerRegistration>,
}

impl BrokersImage {
    /// How many have registered.
    pub fn len(&self) -> usize {
        self.brokers.len()
    }

    /// True if none has registered.
    pub fn is_empty(&self) -> bool {
        self.brokers.is_empty()
    }

    /// The broker of this number.
    pub fn get(&self, id: NodeId) -> Option<&BrokerRegistration> {
        self.brokers.get(&id)
    }

    /// All brokers, by number.
    pub fn iter(&self) -> impl Iterator<Item = &BrokerRegistration> {
        self.brokers.values()
    }

    /// Whether this broker is registered, unfenced and not stopping.
    pub fn is_active(&self, id: NodeId) -> bool {
        self.get(id).is_some_and(BrokerRegistration::is_active)
    }

    pub(super) fn apply_register(&mut self, record: &RegisterBrokerRecord) {
        let registration = BrokerRegistration::from_record(record);
        self.brokers.insert(registration.id, registration);
    }

    pub(super) fn apply_unregister(
        &mut self,
        record: &UnregisterBrokerRecord,
    ) -> Result<(), ApplyError> {
        let id = NodeId(record.broker_id);
        self.at_epoch(id, record.broker_epoch)?;
        self.brokers.remove(&id);
        Ok(())
    }

    pub(super) fn apply_fence(&mut self, record: &FenceBrokerRecord) -> Result<(), ApplyError> {
        self.at_epoch(NodeId(record.id), record.epoch)?.fenced = true;
        Ok(())
    }

    pub(super) fn apply_unfence(&mut self, record: &UnfenceBrokerRecord) -> Result<(), ApplyError> {
        self.at_epoch(NodeId(record.id), record.epoch)?.fenced = false;
        Ok(())
    }

    pub(super) fn apply_change(
        &mut self,
        record: &BrokerRegistrationChangeRecord,
    ) -> Result<(), ApplyError> {
        let id = NodeId(record.broker_id);
        let fenced = match record.fenced {
            0 => None,
            -1 => Some(false),
            1 => Some(true),
            value => return Err(ApplyError::BadRegistrationChange { broker: id, value }),
        };
        let shutting_down = match record.in_controlled_shutdown {
            0 => false,
            1 => true,
            value => return Err(ApplyError::BadRegistrationChange { broker: id, value }),
        };
        let registration = self.at_epoch(id, record.broker_epoch)?;
        registration.fenced = fenced.unwrap_or(registration.fenced);
        registration.in_controlled_shutdown |= shutting_down;
        if !record.log_dirs.is_empty() {
            registration.log_dirs.clone_from(&record.log_dirs);
        }
        if record.cordoned_log_dirs.is_some() {
            registration.cordoned_log_dirs.clone_from(&record.cordoned_log_dirs);
        }
        Ok(())
    }

    fn at_epoch(&mut self, id: NodeId, epoch: i64) -> Result<&mut BrokerRegistration, ApplyError> {
        let registration = self.brokers.get_mut(&id).ok_or(ApplyError::NoSuchBroker(id))?;
        let registered = registration.epoch;
        if registered != epoch {
            return Err(ApplyError::StaleBrokerEpoch { broker: id, epoch, registered });
        }
        Ok(registration)
    }
}
