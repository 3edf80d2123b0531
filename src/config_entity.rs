//! What has configs, as the command line names it: `topic/orders`, `broker/1`, `broker/default`,
//! `logger/1`, `group/app`, `client-metrics/m1`.

use std::fmt;

use kt_client::admin::{ConfigSource, Resource, ResourceKind};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::nearest::nearest;

/// An entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) enum ConfigEntity {
    Topic(String),
    Broker(i32),
    /// What all brokers have unless they are told otherwise.
    BrokerDefault,
    /// The log levels of a broker.
    Logger(i32),
    Group(String),
    /// A subscription to clients' metrics.
    ClientMetrics(String),
}

/// The kinds, as they are written before the slash.
pub(crate) const KINDS: [&str; 5] = ["topic", "broker", "logger", "group", "client-metrics"];

const FORMS: &str = "topic/NAME, broker/ID, broker/default, logger/ID, group/NAME or \
                     client-metrics/NAME";

impl ConfigEntity {
    /// Reads `KIND/NAME`.
    ///
    /// # Errors
    /// Names the form that was probably meant.
    pub(crate) fn parse(text: &str) -> Result<ConfigEntity, CliError> {
        let (kind, name) = split(text)?;
        let id = || {
            let id = name.parse::<i32>().ok().filter(|it| 0 <= *it);
            id.ok_or_else(|| CliError::usage(format!("\"{text}\" names no broker: write {kind}/1")))
        };
        Ok(match kind {
            "topic" => ConfigEntity::Topic(name.to_owned()),
            "broker" if name == "default" => ConfigEntity::BrokerDefault,
            "broker" => ConfigEntity::Broker(id()?),
            "logger" => ConfigEntity::Logger(id()?),
            "group" => ConfigEntity::Group(name.to_owned()),
            _ => ConfigEntity::ClientMetrics(name.to_owned()),
        })
    }

    /// What Kafka calls it.
    pub(crate) fn resource(&self) -> Resource {
        let (kind, name) = match self {
            ConfigEntity::Topic(name) => (ResourceKind::Topic, name.clone()),
            ConfigEntity::Broker(id) => (ResourceKind::Broker, id.to_string()),
            ConfigEntity::BrokerDefault => (ResourceKind::Broker, String::new()),
            ConfigEntity::Logger(id) => (ResourceKind::BrokerLogger, id.to_string()),
            ConfigEntity::Group(name) => (ResourceKind::Group, name.clone()),
            ConfigEntity::ClientMetrics(name) => (ResourceKind::ClientMetrics, name.clone()),
        };
        Resource { kind, name }
    }

    /// Where the values stand that were set on the entity itself.
    pub(crate) fn own_source(&self) -> ConfigSource {
        match self {
            ConfigEntity::Topic(_) => ConfigSource::DYNAMIC_TOPIC,
            ConfigEntity::Broker(_) => ConfigSource::DYNAMIC_BROKER,
            ConfigEntity::BrokerDefault => ConfigSource::DYNAMIC_DEFAULT_BROKER,
            ConfigEntity::Logger(_) => ConfigSource::DYNAMIC_BROKER_LOGGER,
            ConfigEntity::Group(_) => ConfigSource::DYNAMIC_GROUP,
            ConfigEntity::ClientMetrics(_) => ConfigSource::DYNAMIC_CLIENT_METRICS,
        }
    }
}

/// The kind, which exists, and the name, which is not empty.
pub(crate) fn split(text: &str) -> Result<(&str, &str), CliError> {
    let Some((kind, name)) = text.split_once('/') else {
        let message = format!("\"{text}\" does not say what it is: write {FORMS}");
        return Err(CliError::usage(message));
    };
    if !KINDS.contains(&kind) {
        let message = match nearest(kind, &KINDS) {
            Some(meant) => format!("\"{kind}\" has no configs: did you mean {meant}/{name}?"),
            None => format!("\"{kind}\" has no configs: write {FORMS}"),
        };
        return Err(CliError::usage(message));
    }
    if name.is_empty() {
        return Err(CliError::usage(format!("\"{text}\" names no {kind}: write {FORMS}")));
    }
    Ok((kind, name))
}

impl From<ConfigEntity> for String {
    fn from(entity: ConfigEntity) -> String {
        entity.to_string()
    }
}

impl TryFrom<String> for ConfigEntity {
    type Error = String;

    fn try_from(text: String) -> Result<ConfigEntity, String> {
        ConfigEntity::parse(&text).map_err(|error| error.message)
    }
}

impl fmt::Display for ConfigEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigEntity::Topic(name) => write!(f, "topic/{name}"),
            ConfigEntity::Broker(id) => write!(f, "broker/{id}"),
            ConfigEntity::BrokerDefault => f.write_str("broker/default"),
            ConfigEntity::Logger(id) => write!(f, "logger/{id}"),
            ConfigEntity::Group(name) => write!(f, "group/{name}"),
            ConfigEntity::ClientMetrics(name) => write!(f, "client-metrics/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_and_written() {
        for text in [
            "topic/orders",
            "broker/1",
            "broker/default",
            "logger/12",
            "group/a/b c",
            "client-metrics/m1",
        ] {
            assert_eq!(ConfigEntity::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_entity_is_told_the_form() {
        let refused = |text: &str| ConfigEntity::parse(text).unwrap_err().message;
        insta::assert_snapshot!(refused("orders"), @r#""orders" does not say what it is: write topic/NAME, broker/ID, broker/default, logger/ID, group/NAME or client-metrics/NAME"#);
        insta::assert_snapshot!(refused("topics/orders"), @r#""topics" has no configs: did you mean topic/orders?"#);
        insta::assert_snapshot!(refused("user/alice"), @r#""user" has no configs: write topic/NAME, broker/ID, broker/default, logger/ID, group/NAME or client-metrics/NAME"#);
        insta::assert_snapshot!(refused("broker/one"), @r#""broker/one" names no broker: write broker/1"#);
        insta::assert_snapshot!(refused("topic/"), @r#""topic/" names no topic: write topic/NAME, broker/ID, broker/default, logger/ID, group/NAME or client-metrics/NAME"#);
    }
}
