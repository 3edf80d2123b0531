//! Replication that is slowed down on purpose: whose, how much, and what ends it.

use std::collections::BTreeSet;
use std::fmt;

use super::cluster::Cluster;
use super::cluster::topics::ConfigValue;
use crate::shell_words::quoted;

/// A topic or a broker whose replication is slowed down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Throttle {
    pub(crate) of: Throttled,
    /// The configs that say so.
    pub(crate) keys: Vec<String>,
    /// Bytes a second, of a broker.
    pub(crate) rate: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Throttled {
    Topic(String),
    Broker(i32),
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Throttled::Topic(name) => f.write_str(name),
            Throttled::Broker(id) => write!(f, "broker {id}"),
        }
    }
}

const OF_TOPICS: [&str; 2] =
    ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"];

/// All of them: topics first, then brokers.
pub(crate) fn throttles(cluster: &Cluster) -> Vec<Throttle> {
    let mut found = Vec::new();
    for (name, topic) in &cluster.topics {
        let Some(configs) = &topic.configs else { continue };
        let value = |key: &str| configs.value.get(key)?.value.as_deref();
        let set = OF_TOPICS.iter().filter(|it| value(it).is_some_and(|it| !it.is_empty()));
        let keys: Vec<String> = set.map(|it| (*it).to_owned()).collect();
        if !keys.is_empty() {
            found.push(Throttle { of: Throttled::Topic(name.clone()), keys, rate: None });
        }
    }
    for (id, broker) in &cluster.brokers {
        let set = broker.configs.iter().filter_map(|(key, it)| Some((key.clone(), rate(it)?)));
        let (keys, rates): (Vec<String>, Vec<i64>) = set.unzip();
        if !keys.is_empty() {
            let rate = rates.into_iter().min();
            found.push(Throttle { of: Throttled::Broker(id.0), keys, rate });
        }
    }
    found
}

/// Kafka's default is the largest number that there is.
fn rate(it: &ConfigValue) -> Option<i64> {
    it.value.as_ref()?.parse().ok().filter(|it| *it != i64::MAX)
}

impl Throttle {
    /// `orders`, `broker 3`
    pub(crate) fn name(&self) -> String {
        match &self.of {
            Throttled::Topic(name) => name.clone(),
            Throttled::Broker(id) => format!("broker {id}"),
        }
    }

    /// Whether it slows down nothing: no partition of the topic moves, or none at all.
    pub(crate) fn is_left_behind(&self, moving: &BTreeSet<&str>) -> bool {
        match &self.of {
            Throttled::Topic(name) => !moving.contains(name.as_str()),
            Throttled::Broker(_) => moving.is_empty(),
        }
    }

    /// The command that ends it.
    pub(crate) fn kt_line(&self) -> String {
        let entity = match &self.of {
            Throttled::Topic(name) => quoted(&format!("topic/{name}")).to_string(),
            Throttled::Broker(id) => format!("broker/{id}"),
        };
        let unset: Vec<String> = self.keys.iter().map(|it| format!(" --unset {it}")).collect();
        format!("kt configs alter {entity}{}", unset.concat())
    }
}
