//! Values of Kafka's client keys as text, as files and flags give them, turned into what they mean.

use std::str::FromStr;
use std::time::Duration;

/// Why a key cannot be set.
///
/// Shown at [`Keys`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The value is not one that the key takes.
    #[error("{key}={value}: {needed}")]
    Value {
        /// Kafka's name.
        key: String,
        /// As it was given; redacted if it is a secret.
        value: String,
        /// What would be right, as a clause: `a whole number is needed`.
        needed: String,
    },
    /// A key that others need is not set.
    #[error("{key} is needed: {needed}")]
    Missing {
        /// Kafka's name.
        key: String,
        /// What it could be.
        needed: String,
    },
    /// Keys that are right alone and wrong together.
    #[error("{0}")]
    Together(String),
}

/// A group of settings that are set by Kafka's names.
///
/// ```
/// use kt_client::{ClientConfig, ConfigError, Keys};
///
/// /// Sets what acts in a client, and leaves the other keys of a file to others.
/// fn client_of(file: &[(&str, &str)]) -> Result<ClientConfig, ConfigError> {
///     let mut config = ClientConfig::default();
///     for (key, value) in file.iter().filter(|(key, _)| ClientConfig::KEYS.contains(key)) {
///         config.set(key, value)?;
///     }
///     Ok(config)
/// }
///
/// let config = client_of(&[("client.id", "billing"), ("linger.ms", "20")])?;
/// assert_eq!(config.client_id, "billing");
/// let error = client_of(&[("request.timeout.ms", "soon")]).unwrap_err();
/// assert_eq!(error.to_string(), "request.timeout.ms=soon: a whole number is needed");
/// # Ok::<(), ConfigError>(())
/// ```
pub trait Keys {
    /// The keys that act here, sorted.
    const KEYS: &'static [&'static str];

    /// Sets a key of [`Keys::KEYS`]; the later one wins.
    ///
    /// # Errors
    ///
    /// Fails if the value is not one that the key takes; nothing is changed then.
    ///
    /// # Panics
    ///
    /// Panics if the key is not one of [`Keys::KEYS`].
    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError>;
}

/// What to say of a value that is wrong.
pub(crate) fn wrong(key: &str, value: &str, needed: impl Into<String>) -> ConfigError {
    ConfigError::Value { key: key.to_owned(), value: value.to_owned(), needed: needed.into() }
}

/// A whole number.
pub(crate) fn number<T: FromStr>(key: &str, value: &str) -> Result<T, ConfigError> {
    value.trim().parse().map_err(|_| wrong(key, value, "a whole number is needed"))
}

/// A time in milliseconds.
pub(crate) fn millis(key: &str, value: &str) -> Result<Duration, ConfigError> {
    number(key, value).map(Duration::from_millis)
}

/// The same, where nothing at all would mean never or always.
pub(crate) fn some_millis(key: &str, value: &str) -> Result<Duration, ConfigError> {
    let time = millis(key, value)?;
    if time.is_zero() { Err(wrong(key, value, "at least 1 is needed")) } else { Ok(time) }
}

/// `true` or `false`.
pub(crate) fn flag(key: &str, value: &str) -> Result<bool, ConfigError> {
    match value.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong(key, value, "true or false is needed")),
    }
}

/// A word out of `words`, whatever its case, as what stands beside it.
pub(crate) fn word<T: Copy>(key: &str, value: &str, words: &[(&str, T)]) -> Result<T, ConfigError> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value.trim()));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        wrong(key, value, format!("one of {} is needed", all.join(", ")))
    })
}

/// Words separated by commas, empty ones left out.
pub(crate) fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_mean_what_kafka_means() {
        assert_eq!(millis("linger.ms", " 20 "), Ok(Duration::from_millis(20)));
        let error = some_millis("max.poll.interval.ms", "0").unwrap_err().to_string();
        assert_eq!(error, "max.poll.interval.ms=0: at least 1 is needed");
        assert_eq!(flag("enable.idempotence", "true"), Ok(true));
        assert_eq!(list(" a, ,b"), ["a", "b"]);
        let words = [("all", -1), ("0", 0)];
        assert_eq!(word("acks", "ALL", &words), Ok(-1));
        let error = word("acks", "some", &words).unwrap_err().to_string();
        assert_eq!(error, "acks=some: one of all, 0 is needed");
        let error = number::<i32>("batch.size", "much").unwrap_err().to_string();
        assert_eq!(error, "batch.size=much: a whole number is needed");
    }
}
