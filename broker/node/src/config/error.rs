//! What can be wrong with a configuration, in Kafka's words where clients see them.

/// What can be wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The value is not of the key's type or range. The words are Kafka's ConfigException.
    #[error("Invalid value {value} for configuration {key}: {reason}")]
    InvalidValue {
        /// The key.
        key: String,
        /// What was given.
        value: String,
        /// Why not, with the range.
        reason: String,
    },
    /// No such key.
    #[error("unknown configuration key {key}{}", did_you_mean(nearest.as_deref()))]
    UnknownKey {
        /// What was given.
        key: String,
        /// The key that looks most like it.
        nearest: Option<String>,
    },
    /// No such topic key. The words are Kafka's InvalidConfigurationException.
    #[error("Unknown topic config name: {0}")]
    UnknownTopicKey(String),
    /// No such group key.
    #[error("Unknown group config name: {0}")]
    UnknownGroupKey(String),
    /// No such client metrics key.
    #[error("Unknown client metrics configuration: {0}")]
    UnknownClientMetricsKey(String),
    /// A key without a default is not set.
    #[error("configuration key {0} is required")]
    Missing(&'static str),
    /// A key that would protect, and does not yet.
    #[error(
        "{key} is set, but kt does not do what it promises yet; remove it to start without that protection"
    )]
    NoEffectYet {
        /// The key.
        key: String,
    },
    /// A value that is wrong together with another.
    #[error("{0}")]
    Inconsistent(String),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}
