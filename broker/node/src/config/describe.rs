//! What DescribeConfigs shows: each key's value, where it comes from, and what stands behind it.

use std::collections::BTreeMap;

use super::broker::BrokerSources;
use super::key::ConfigKey;
use super::topic::{TopicConfigs, inherited, synonyms};
use super::{broker_key, broker_keys, group_keys, topic_keys};

/// Where a value comes from (DescribeConfigsResponse.ConfigSource).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Kafka's")]
#[repr(i8)]
pub enum ConfigSource {
    DynamicTopicConfig = 1,
    DynamicBrokerConfig = 2,
    DynamicDefaultBrokerConfig = 3,
    StaticBrokerConfig = 4,
    DefaultConfig = 5,
    DynamicClientMetricsConfig = 7,
    DynamicGroupConfig = 8,
}

/// A weaker or equal setting of the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedSynonym {
    /// Its key.
    pub name: String,
    /// Its value; none for secrets.
    pub value: Option<String>,
    /// Where it stands.
    pub source: ConfigSource,
}

/// A key as DescribeConfigs shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConfig {
    /// The key.
    pub name: String,
    /// The value that counts; none if null or secret.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: ConfigSource,
    /// True if only a restart changes it.
    pub is_read_only: bool,
    /// True for secrets.
    pub is_sensitive: bool,
    /// Kafka's number for the type.
    pub kind: i8,
    /// The strongest first.
    pub synonyms: Vec<DescribedSynonym>,
}

/// All keys of a topic.
pub fn describe_topic(own: &TopicConfigs, broker: &BrokerSources) -> Vec<DescribedConfig> {
    let describe = |key: &ConfigKey| {
        let mut behind = broker_synonyms(synonyms(key.name), broker);
        let value = match own.get(key.name) {
            Some(value) => {
                behind.insert(0, synonym(key.name, value, ConfigSource::DynamicTopicConfig));
                value.clone()
            }
            None => inherited(key.name, broker),
        };
        described(key, Some(value), false, behind)
    };
    topic_keys().iter().map(describe).collect()
}

/// All keys of this broker, and dynamic ones of plugins, which it does not know.
pub fn describe_broker(broker: &BrokerSources) -> Vec<DescribedConfig> {
    let describe = |key: &ConfigKey| {
        let behind = broker_synonyms(&[key.name], broker);
        let value = broker.value(key.name).map(str::to_owned);
        described(key, value, key.is_read_only(), behind)
    };
    broker_keys().iter().map(describe).collect()
}

/// All keys of a group.
pub fn describe_group(own: &TopicConfigs, broker: &BrokerSources) -> Vec<DescribedConfig> {
    let describe = |key: &ConfigKey| {
        let behind_name = format!("group.{}", key.name);
        let (name, default) = match broker_key(&behind_name) {
            Some(_) => (behind_name.as_str(), broker.value(&behind_name)),
            None => (key.name, key.default.value()),
        };
        let default = default.unwrap_or_default();
        let mut behind = vec![synonym(name, default, ConfigSource::DefaultConfig)];
        let value = match own.get(key.name) {
            Some(value) => {
                behind.insert(0, synonym(key.name, value, ConfigSource::DynamicGroupConfig));
                value.clone()
            }
            None => default.to_owned(),
        };
        described(key, Some(value), false, behind)
    };
    group_keys::GROUP_KEYS.iter().map(describe).collect()
}

/// Keys of a client metrics subscription, Kafka's number for their type, and what counts where they
/// are not set. An empty list of metrics subscribes to nothing, an empty match to every client.
const CLIENT_METRICS_KEYS: [(&str, i8, &str); 3] =
    [("interval.ms", 3, "300000"), ("match", 7, ""), ("metrics", 7, "")];

/// All keys of a client metrics subscription.
pub fn describe_client_metrics(own: &BTreeMap<String, String>) -> Vec<DescribedConfig> {
    let describe = |(name, kind, default): (&str, i8, &str)| {
        let source = ConfigSource::DynamicClientMetricsConfig;
        let synonyms: Vec<DescribedSynonym> =
            own.get(name).iter().map(|value| synonym(name, value, source)).collect();
        DescribedConfig {
            name: name.to_owned(),
            value: Some(own.get(name).map_or(default, String::as_str).to_owned()),
            source: synonyms.first().map_or(ConfigSource::DefaultConfig, |it| it.source),
            is_read_only: false,
            is_sensitive: false,
            kind,
            synonyms,
        }
    };
    CLIENT_METRICS_KEYS.map(describe).into()
}

fn described(
    key: &ConfigKey,
    value: Option<String>,
    is_read_only: bool,
    synonyms: Vec<DescribedSynonym>,
) -> DescribedConfig {
    let is_sensitive = key.is_sensitive();
    let hide = |mut it: DescribedSynonym| {
        it.value = it.value.filter(|_| !is_sensitive);
        it
    };
    DescribedConfig {
        name: key.name.to_owned(),
        value: value.filter(|_| !is_sensitive),
        source: synonyms.first().map_or(ConfigSource::DefaultConfig, |it| it.source),
        is_read_only,
        is_sensitive,
        kind: key.kind.wire_code(),
        synonyms: synonyms.into_iter().map(hide).collect(),
    }
}

fn synonym(name: &str, value: &str, source: ConfigSource) -> DescribedSynonym {
    DescribedSynonym { name: name.to_owned(), value: Some(value.to_owned()), source }
}

/// What stands behind the first of `names`, by source and then by name. Kafka leaves out all that
/// comes before the first setting of the first name (ConfigHelper.configSynonyms), so
/// `log.retention.hours` alone is not shown.
fn broker_synonyms(names: &[&str], broker: &BrokerSources) -> Vec<DescribedSynonym> {
    let sources = [
        (&broker.dynamic_broker, ConfigSource::DynamicBrokerConfig),
        (&broker.dynamic_default, ConfigSource::DynamicDefaultBrokerConfig),
        (&broker.static_values, ConfigSource::StaticBrokerConfig),
    ];
    let mut found = Vec::new();
    for (values, source) in sources {
        let set = names.iter().filter_map(|name| Some(synonym(name, values.get(*name)?, source)));
        found.extend(set);
    }
    let default = |name: &&str| {
        let value = broker_key(name)?.default.value()?;
        Some(synonym(name, value, ConfigSource::DefaultConfig))
    };
    found.extend(names.iter().filter_map(default));
    found.into_iter().skip_while(|it| names.first().is_some_and(|name| it.name != *name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(configs: &[DescribedConfig], name: &str) -> String {
        let config = configs.iter().find(|it| it.name == name).unwrap();
        let synonyms: Vec<String> = config
            .synonyms
            .iter()
            .map(|it| format!("{:?}:{}={}", it.source, it.name, it.value.as_deref().unwrap()))
            .collect();
        format!("{} {{{}}}", config.value.as_deref().unwrap_or("null"), synonyms.join(", "))
    }

    /// As kafka-configs of Apache Kafka 4.3.1 printed for the same settings.
    #[test]
    fn synonyms_are_those_that_kafka_shows() {
        let mut broker = BrokerSources::default();
        let topic = describe_topic(&TopicConfigs::new(), &broker);
        assert_eq!(shown(&topic, "segment.ms"), "604800000 {}");
        assert_eq!(shown(&topic, "flush.ms"), "9223372036854775807 {}");
        assert_eq!(
            shown(&topic, "max.message.bytes"),
            "1048588 {DefaultConfig:message.max.bytes=1048588}"
        );
        broker.dynamic_default.insert("log.retention.ms".to_owned(), "604800000".to_owned());
        let topic = describe_topic(&TopicConfigs::new(), &broker);
        assert_eq!(
            shown(&topic, "retention.ms"),
            "604800000 {DynamicDefaultBrokerConfig:log.retention.ms=604800000, \
             DefaultConfig:log.retention.hours=168}"
        );
        let own = TopicConfigs::from([("retention.ms".to_owned(), "5".to_owned())]);
        let topic = describe_topic(&own, &BrokerSources::default());
        assert_eq!(shown(&topic, "retention.ms"), "5 {DynamicTopicConfig:retention.ms=5}");
    }

    #[test]
    fn a_subscription_shows_what_was_not_set() {
        let own = BTreeMap::from([("interval.ms".to_owned(), "60000".to_owned())]);
        let configs = describe_client_metrics(&own);
        assert_eq!(
            shown(&configs, "interval.ms"),
            "60000 {DynamicClientMetricsConfig:interval.ms=60000}"
        );
        assert_eq!(shown(&configs, "match"), " {}");
        let source = |name: &str| configs.iter().find(|it| it.name == name).unwrap().source;
        assert_eq!(source("metrics"), ConfigSource::DefaultConfig);
        assert_eq!(shown(&describe_client_metrics(&BTreeMap::new()), "interval.ms"), "300000 {}");
    }

    #[test]
    fn secrets_are_never_shown() {
        let mut broker = BrokerSources::default();
        broker.static_values.insert("ssl.key.password".to_owned(), "hunter2".to_owned());
        let all = format!("{:?}", describe_broker(&broker));
        assert!(!all.contains("hunter2"));
    }
}
