//! What has configs, as far as it is known: brokers, topics, groups.

use crate::config_entity::ConfigEntity;
use crate::tui::model::checks::Level;
use crate::tui::model::cluster::Cluster;
use crate::tui::model::listing::Line;
use crate::tui::model::order::{Rank, Value};

/// An entity.
#[derive(Clone, Debug)]
pub(crate) struct EntityLine {
    key: String,
    pub(crate) entity: ConfigEntity,
    is_internal: bool,
}

impl Line for EntityLine {
    const SORTS: &'static [&'static str] = &["kind, name"];

    fn key(&self) -> &str {
        &self.key
    }

    fn level(&self) -> Level {
        Level::Ok
    }

    fn rank(&self, _sort: usize) -> Rank {
        let (class, name) = match &self.entity {
            ConfigEntity::BrokerDefault => (6, String::new()),
            ConfigEntity::Broker(id) => (5, format!("{id:010}")),
            ConfigEntity::Topic(name) => (4, name.clone()),
            ConfigEntity::Group(name) => (3, name.clone()),
            ConfigEntity::ClientMetrics(name) => (2, name.clone()),
            ConfigEntity::Logger(id) => (1, format!("{id:010}")),
        };
        Rank { class, value: Value::Text(name) }
    }

    fn is_internal(&self) -> bool {
        self.is_internal
    }
}

impl EntityLine {
    /// What it is, in words.
    pub(crate) fn says(&self) -> &'static str {
        match &self.entity {
            ConfigEntity::BrokerDefault => "what all brokers have unless told otherwise",
            ConfigEntity::Broker(_) => "one broker",
            ConfigEntity::Topic(_) => "a topic",
            ConfigEntity::Group(_) => "a group",
            ConfigEntity::ClientMetrics(_) => "a subscription to metrics of clients",
            ConfigEntity::Logger(_) => "the log levels of a broker",
        }
    }
}

/// All that are known.
pub(super) fn lines(cluster: &Cluster) -> Vec<EntityLine> {
    let line = |entity: ConfigEntity, is_internal: bool| EntityLine {
        key: entity.to_string(),
        entity,
        is_internal,
    };
    let mut lines = Vec::new();
    if !cluster.brokers.is_empty() {
        lines.push(line(ConfigEntity::BrokerDefault, false));
    }
    for id in cluster.brokers.keys() {
        lines.push(line(ConfigEntity::Broker(id.0), false));
        lines.push(line(ConfigEntity::Logger(id.0), false));
    }
    let topics = cluster.topics.iter();
    lines.extend(topics.map(|(name, it)| line(ConfigEntity::Topic(name.clone()), it.is_internal)));
    lines.extend(cluster.groups.keys().map(|it| line(ConfigEntity::Group(it.clone()), false)));
    // A subscription that somebody typed stays in sight.
    let typed = cluster.configs.keys().filter(|it| matches!(it, ConfigEntity::ClientMetrics(_)));
    lines.extend(typed.map(|it| line(it.clone(), false)));
    lines
}
