//! Dynamic configurations of topics, brokers, groups and the like (`ConfigurationsImage`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kt_protocol::messages::ConfigRecord;

use super::SharedMap;

/// What kind of thing a configuration belongs to; the number is the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResourceType(pub i8);

impl ConfigResourceType {
    /// A topic.
    pub const TOPIC: ConfigResourceType = ConfigResourceType(2);
    /// A broker, or by the empty name the default of all brokers.
    pub const BROKER: ConfigResourceType = ConfigResourceType(4);
    /// The loggers of a broker. Never stored.
    pub const BROKER_LOGGER: ConfigResourceType = ConfigResourceType(8);
    /// A subscription of client metrics (KIP-714).
    pub const CLIENT_METRICS: ConfigResourceType = ConfigResourceType(16);
    /// A group.
    pub const GROUP: ConfigResourceType = ConfigResourceType(32);

    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TOPIC => "TOPIC",
            Self::BROKER => "BROKER",
            Self::BROKER_LOGGER => "BROKER_LOGGER",
            Self::CLIENT_METRICS => "CLIENT_METRICS",
            Self::GROUP => "GROUP",
            _ => "UNKNOWN",
        }
    }
}

impl fmt::Display for ConfigResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A thing that has a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    /// Its kind.
    pub resource_type: ConfigResourceType,
    /// Its name; empty for the default of all brokers.
    pub name: String,
}

impl ConfigResource {
    /// A topic's configuration.
    pub fn topic(name: impl Into<String>) -> ConfigResource {
        ConfigResource { resource_type: ConfigResourceType::TOPIC, name: name.into() }
    }

    /// A broker's configuration; the empty name is the default of all.
    pub fn broker(name: impl Into<String>) -> ConfigResource {
        ConfigResource { resource_type: ConfigResourceType::BROKER, name: name.into() }
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.resource_type, self.name)
    }
}

/// One thing's own values, by key.
pub type ConfigMap = BTreeMap<String, String>;

/// The part of the image that holds configurations. Nothing is stored for a thing without any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigurationsImage {
    resources: SharedMap<ConfigResource, Arc<ConfigMap>>,
}

impl ConfigurationsImage {
    /// What is set for this thing itself, if anything is.
    pub fn get(&self, resource: &ConfigResource) -> Option<&Arc<ConfigMap>> {
        self.resources.get(resource)
    }

    /// One value set for this thing itself.
    pub fn value(&self, resource: &ConfigResource, key: &str) -> Option<&str> {
        self.get(resource)?.get(key).map(String::as_str)
    }

    /// Every thing that has a value set, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = (&ConfigResource, &Arc<ConfigMap>)> {
        self.resources.iter()
    }

    pub(super) fn apply(&mut self, record: &ConfigRecord) {
        let resource = ConfigResource {
            resource_type: ConfigResourceType(record.resource_type),
            name: record.resource_name.clone(),
        };
        let mut configs = self.resources.get(&resource).cloned().unwrap_or_default();
        match &record.value {
            Some(value) => {
                Arc::make_mut(&mut configs).insert(record.name.clone(), value.clone());
            }
            None => {
                Arc::make_mut(&mut configs).remove(&record.name);
            }
        }
        if configs.is_empty() {
            self.resources.remove(&resource);
        } else {
            self.resources.insert(resource, configs);
        }
    }

    pub(super) fn remove_topic(&mut self, name: &str) {
        self.resources.remove(&ConfigResource::topic(name));
    }

    pub(super) fn records(&self) -> impl Iterator<Item = ConfigRecord> {
        self.resources.iter().flat_map(|(resource, configs)| {
            configs.iter().map(|(name, value)| ConfigRecord {
                resource_type: resource.resource_type.0,
                resource_name: resource.name.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            })
        })
    }
}
