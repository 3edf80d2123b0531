//! What a consumer wants to read, and which topics that is now.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::super::assignor::{GroupTopics, Racks};
use crate::config::{ConfigError, wrong};

/// Topics by name, or all whose names fit a pattern.
///
/// ```
/// use kt_client::consumer::group::Subscription;
///
/// let two = Subscription::names(["orders", "invoices"]);
/// let all_of_2026 = Subscription::pattern("orders-2026-.*")?;
/// assert!(Subscription::pattern("orders-(").is_err());
/// # assert!(matches!(two, Subscription::Names(names) if names.len() == 2));
/// # assert!(matches!(all_of_2026, Subscription::Pattern(_)));
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub enum Subscription {
    /// These.
    Names(BTreeSet<String>),
    /// Those that fit, also when they come later.
    Pattern(Regex),
}

impl Subscription {
    /// A subscription to topics by name.
    pub fn names<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Subscription {
        Subscription::Names(names.into_iter().map(Into::into).collect())
    }

    /// A subscription to all topics whose whole name fits `pattern`.
    ///
    /// # Errors
    ///
    /// Fails if the pattern is none.
    pub fn pattern(pattern: &str) -> Result<Subscription, ConfigError> {
        let whole = Regex::new(&format!("^(?:{pattern})$"));
        let needed = |error: regex::Error| wrong("topics", pattern, format!("{error}"));
        whole.map(Subscription::Pattern).map_err(needed)
    }

    pub(super) fn is_pattern(&self) -> bool {
        matches!(self, Subscription::Pattern(_))
    }

    /// True if the topic may be read under this subscription.
    pub(super) fn covers(&self, topic: &str) -> bool {
        match self {
            Subscription::Names(names) => names.contains(topic),
            Subscription::Pattern(pattern) => pattern.is_match(topic),
        }
    }

    /// The topics that are meant now. Names are meant whether they exist or not.
    pub(super) fn topics(&self, known: &KnownTopics, internal: InternalTopics) -> BTreeSet<String> {
        match self {
            Subscription::Names(names) => names.clone(),
            Subscription::Pattern(pattern) => known
                .0
                .iter()
                .filter(|(_, topic)| internal == InternalTopics::Included || !topic.is_internal)
                .map(|(name, _)| name)
                .filter(|name| pattern.is_match(name))
                .cloned()
                .collect(),
        }
    }
}

/// Whether a pattern may fit Kafka's own topics (`exclude.internal.topics`).
///
/// ```
/// use kt_client::Keys;
/// use kt_client::consumer::group::{GroupConfig, InternalTopics};
///
/// let mut config = GroupConfig::new("audit");
/// config.set("exclude.internal.topics", "false")?;
/// assert_eq!(config.internal_topics, InternalTopics::Included);
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternalTopics {
    /// It may not.
    Excluded,
    /// It may.
    Included,
}

/// A topic that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownTopic {
    /// True for Kafka's own.
    pub is_internal: bool,
    /// The racks of each partition's replicas.
    pub partitions: Vec<Racks>,
}

/// The topics that exist, of those that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownTopics(pub BTreeMap<String, KnownTopic>);

impl KnownTopics {
    /// Those of `names` that exist, as assignors see them.
    pub(super) fn of(&self, names: &BTreeSet<String>) -> GroupTopics {
        let known = names.iter().filter_map(|it| self.0.get_key_value(it));
        known.map(|(name, topic)| (name.clone(), topic.partitions.clone())).collect()
    }
}
