//! The configuration of a broker, its topics and its groups: every key known by name.
//!
//! Raw `key=value` pairs come from four places (built in, `server.properties` or `--set`, dynamic
//! for all brokers, dynamic for one broker); [`BrokerConfig::resolve`] checks them and gives the
//! typed view that the node reads. Dynamic changes resolve the whole again and publish it whole.

mod broker;
mod broker_keys;
mod describe;
mod error;
mod group_keys;
mod key;
mod listeners;
mod nearest;
mod schema;
mod topic;
mod topic_keys;
mod value;

pub use broker::{BrokerConfig, BrokerSources, Strictness, Warning};
pub use describe::{ConfigSource, DescribedConfig, DescribedSynonym};
pub use error::ConfigError;
pub use key::{Accepted, ConfigKey, Default, Effect, Kind, UpdateMode};
pub use listeners::{Listener, SecurityProtocol};
pub use nearest::nearest;
pub use schema::{Schema, with_dynamic};
pub use topic::{CleanupPolicy, StoredCompression, TopicConfig};

pub use describe::{describe_broker, describe_client_metrics, describe_group, describe_topic};
pub use topic::{TopicConfigs, validate_client_metrics, validate_group, validate_topic};

/// The key of a broker, if it is one.
pub fn broker_key(name: &str) -> Option<&'static ConfigKey> {
    find(broker_keys::BROKER_KEYS, name)
}

/// The key of a topic, if it is one.
pub fn topic_key(name: &str) -> Option<&'static ConfigKey> {
    find(topic_keys::TOPIC_KEYS, name)
}

/// The key of a group, if it is one.
pub fn group_key(name: &str) -> Option<&'static ConfigKey> {
    find(group_keys::GROUP_KEYS, name)
}

/// Every broker key, sorted by name.
pub fn broker_keys() -> &'static [ConfigKey] {
    broker_keys::BROKER_KEYS
}

/// Every topic key, sorted by name.
pub fn topic_keys() -> &'static [ConfigKey] {
    topic_keys::TOPIC_KEYS
}

fn find(keys: &'static [ConfigKey], name: &str) -> Option<&'static ConfigKey> {
    let at = keys.binary_search_by(|key| key.name.cmp(name)).ok()?;
    keys.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_their_defaults_are_accepted() {
        for keys in [broker_keys::BROKER_KEYS, topic_keys::TOPIC_KEYS, group_keys::GROUP_KEYS] {
            assert!(keys.windows(2).all(|pair| pair[0].name < pair[1].name));
            for key in keys {
                if let Default::Value(default) = key.default {
                    assert_eq!(value::check(key, default), Ok(()), "{}", key.name);
                }
            }
        }
        assert_eq!(topic_keys::TOPIC_KEYS.len(), 33);
    }
}
