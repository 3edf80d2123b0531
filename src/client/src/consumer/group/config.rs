//! What a member of a group is told, under Kafka's names.

use std::sync::Arc;
use std::time::Duration;

use super::commits::CommitsConfig;
use super::membership::MembershipConfig;
use super::subscription::InternalTopics;
use crate::config::{ClientConfig, ConfigError, Keys, flag, list, millis, some_millis, wrong};
use crate::consumer::assignor::{Assignor, CooperativeSticky, Range, by_name};

/// Settings of a [`super::GroupConsumer`], under Kafka's names and with its defaults.
///
/// ```
/// use kt_client::Keys;
/// use kt_client::consumer::group::GroupConfig;
///
/// let mut config = GroupConfig::new("billing");
/// config.set("partition.assignment.strategy", "cooperative-sticky").unwrap();
/// config.set("session.timeout.ms", "10000").unwrap();
/// config.check().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `group.id`
    pub group_id: String,
    /// `group.instance.id`: the name of a static member, which may come back within its session
    /// and get what it had (KIP-345).
    pub instance_id: Option<String>,
    /// `session.timeout.ms`: after so long without a heartbeat a member is taken for dead.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`: after so long without a poll a member leaves.
    pub max_poll_interval: Duration,
    /// `partition.assignment.strategy`, the most wanted one first.
    pub assignors: Vec<Arc<dyn Assignor>>,
    /// `enable.auto.commit` and `auto.commit.interval.ms`
    pub auto_commit: AutoCommit,
    /// `exclude.internal.topics`
    pub internal_topics: InternalTopics,
}

/// Whether and how often offsets are committed by themselves.
///
/// ```
/// use std::time::Duration;
///
/// use kt_client::consumer::group::{AutoCommit, GroupConfig};
///
/// let often = AutoCommit { is_enabled: true, interval: Duration::from_secs(1) };
/// let config = GroupConfig { auto_commit: often, ..GroupConfig::new("billing") };
/// assert!(config.auto_commit.is_enabled);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoCommit {
    /// `enable.auto.commit`
    pub is_enabled: bool,
    /// `auto.commit.interval.ms`
    pub interval: Duration,
}

impl GroupConfig {
    /// Kafka's defaults for a group.
    pub fn new(group_id: impl Into<String>) -> GroupConfig {
        GroupConfig {
            group_id: group_id.into(),
            instance_id: None,
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            max_poll_interval: Duration::from_secs(300),
            assignors: vec![Arc::new(Range), Arc::new(CooperativeSticky)],
            auto_commit: AutoCommit { is_enabled: true, interval: Duration::from_secs(5) },
            internal_topics: InternalTopics::Excluded,
        }
    }

    /// Whether the settings are right together.
    ///
    /// # Errors
    ///
    /// Fails if there is no group, or if heartbeats could not keep a session.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.group_id.is_empty() {
            let sentence = "group.id is needed to be a member of a group";
            return Err(ConfigError::Together(sentence.to_owned()));
        }
        if self.session_timeout <= self.heartbeat_interval {
            return Err(ConfigError::Together(format!(
                "heartbeat.interval.ms={} must be lower than session.timeout.ms={}",
                self.heartbeat_interval.as_millis(),
                self.session_timeout.as_millis()
            )));
        }
        Ok(())
    }

    pub(super) fn membership(&self, client: &ClientConfig, rack: &str) -> MembershipConfig {
        MembershipConfig {
            group_id: self.group_id.clone(),
            instance_id: self.instance_id.clone(),
            session_timeout: self.session_timeout,
            heartbeat_interval: self.heartbeat_interval,
            max_poll_interval: self.max_poll_interval,
            assignors: self.assignors.clone(),
            rack: (!rack.is_empty()).then(|| rack.to_owned()),
            internal_topics: self.internal_topics,
            metadata_max_age: client.metadata_max_age,
            request_timeout: client.request_timeout,
            timeout: client.timeout,
            backoff: client.backoff,
        }
    }

    pub(super) fn commits(&self, client: &ClientConfig) -> CommitsConfig {
        let AutoCommit { is_enabled, interval } = self.auto_commit;
        CommitsConfig {
            auto_commit_interval: is_enabled.then_some(interval),
            request_timeout: client.request_timeout,
            timeout: client.timeout,
            backoff: client.backoff,
        }
    }
}

impl Keys for GroupConfig {
    const KEYS: &'static [&'static str] = &[
        "auto.commit.interval.ms",
        "enable.auto.commit",
        "exclude.internal.topics",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "partition.assignment.strategy",
        "session.timeout.ms",
    ];

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "auto.commit.interval.ms" => self.auto_commit.interval = millis(key, value)?,
            "enable.auto.commit" => self.auto_commit.is_enabled = flag(key, value)?,
            "exclude.internal.topics" => {
                self.internal_topics = match flag(key, value)? {
                    true => InternalTopics::Excluded,
                    false => InternalTopics::Included,
                };
            }
            "group.id" => value.trim().clone_into(&mut self.group_id),
            "group.instance.id" => {
                let name = value.trim();
                self.instance_id = (!name.is_empty()).then(|| name.to_owned());
            }
            "group.protocol" => group_protocol(key, value)?,
            "heartbeat.interval.ms" => self.heartbeat_interval = some_millis(key, value)?,
            "max.poll.interval.ms" => self.max_poll_interval = some_millis(key, value)?,
            "partition.assignment.strategy" => self.assignors = assignors(key, value)?,
            "session.timeout.ms" => self.session_timeout = some_millis(key, value)?,
            key => panic!("{key} is not one of KEYS"),
        }
        Ok(())
    }
}

fn group_protocol(key: &str, value: &str) -> Result<(), ConfigError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "classic" => Ok(()),
        "consumer" => Err(wrong(key, value, "this client speaks the classic group protocol only")),
        _ => Err(wrong(key, value, "classic is needed")),
    }
}

/// Kafka's assignors, by their Java classes or their short names.
fn assignors(key: &str, value: &str) -> Result<Vec<Arc<dyn Assignor>>, ConfigError> {
    let needed = "names out of range, roundrobin, sticky, cooperative-sticky are needed";
    let names = list(value);
    if names.is_empty() {
        return Err(wrong(key, value, needed));
    }
    let found = names.iter().map(|name| by_name(name).ok_or_else(|| wrong(key, value, needed)));
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str) -> Result<GroupConfig, String> {
        let mut config = GroupConfig::new("g");
        config.set(key, value).map_err(|it| it.to_string())?;
        Ok(config)
    }

    #[test]
    fn keys_are_sorted_and_each_is_taken() {
        assert!(GroupConfig::KEYS.is_sorted());
        for key in GroupConfig::KEYS {
            let known = ["1", "true", "classic", "range"];
            assert!(known.iter().any(|value| set(key, value).is_ok()), "{key}");
        }
    }

    #[test]
    fn assignors_have_short_names_and_javas() {
        let java = "org.apache.kafka.clients.consumer.";
        let names = format!("{java}CooperativeStickyAssignor, roundrobin,{java}StickyAssignor");
        let config = set("partition.assignment.strategy", &names).unwrap();
        let names: Vec<&str> = config.assignors.iter().map(|it| it.name()).collect();
        assert_eq!(names, ["cooperative-sticky", "roundrobin", "sticky"]);
        let error = set("partition.assignment.strategy", "fair").unwrap_err();
        assert_eq!(
            error,
            "partition.assignment.strategy=fair: names out of range, roundrobin, sticky, \
             cooperative-sticky are needed"
        );
    }

    #[test]
    fn what_is_not_spoken_is_refused_with_a_sentence() {
        let error = set("group.protocol", "consumer").unwrap_err();
        assert_eq!(
            error,
            "group.protocol=consumer: this client speaks the classic group protocol only"
        );
        let config = set("session.timeout.ms", "3000").unwrap();
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "heartbeat.interval.ms=3000 must be lower than session.timeout.ms=3000"
        );
    }
}
