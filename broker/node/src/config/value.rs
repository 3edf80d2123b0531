//! Checking a value against its key, with the words of Kafka's ConfigDef.

use super::error::ConfigError;
use super::key::{Accepted, ConfigKey, Kind};

/// Checks that `value` is of the key's type and within its range.
pub(super) fn check(key: &ConfigKey, value: &str) -> Result<(), ConfigError> {
    let refuse = |reason: String| ConfigError::InvalidValue {
        key: key.name.to_owned(),
        value: if key.is_sensitive() { "[hidden]".to_owned() } else { value.to_owned() },
        reason,
    };
    let trimmed = value.trim();
    let number = match key.kind {
        Kind::Boolean => return check_boolean(trimmed).map_err(refuse),
        Kind::List => return check_list(key.accepted, trimmed).map_err(refuse),
        Kind::String | Kind::Class | Kind::Password => {
            return check_text(key.accepted, trimmed).map_err(refuse);
        }
        Kind::Double => return check_double(key.accepted, trimmed).map_err(refuse),
        Kind::Int => trimmed.parse::<i32>().map(i64::from).map_err(|_| "INT"),
        Kind::Short => trimmed.parse::<i16>().map(i64::from).map_err(|_| "SHORT"),
        Kind::Long => trimmed.parse::<i64>().map_err(|_| "LONG"),
    };
    let number = number.map_err(|kind| refuse(format!("Not a number of type {kind}")))?;
    check_range(key.accepted, number).map_err(refuse)
}

fn check_boolean(value: &str) -> Result<(), String> {
    if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
        return Ok(());
    }
    Err("Expected value to be either true or false".to_owned())
}

fn check_double(accepted: Accepted, value: &str) -> Result<(), String> {
    let number: f64 = value.parse().map_err(|_| "Not a number of type DOUBLE".to_owned())?;
    match accepted {
        Accepted::Fraction if number < 0.0 => Err("Value must be at least 0".to_owned()),
        Accepted::Fraction if 1.0 < number => Err("Value must be no more than 1".to_owned()),
        _ => Ok(()),
    }
}

fn check_range(accepted: Accepted, number: i64) -> Result<(), String> {
    match accepted {
        Accepted::AtLeast(min) | Accepted::Between(min, _) if number < min => {
            Err(format!("Value must be at least {min}"))
        }
        Accepted::Between(_, max) if max < number => {
            Err(format!("Value must be no more than {max}"))
        }
        Accepted::GzipLevel if number != -1 && !(1..=9).contains(&number) => {
            Err("Value must be between 1 and 9 or equal to -1".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_text(accepted: Accepted, value: &str) -> Result<(), String> {
    match accepted {
        Accepted::OneOf(words) if !words.contains(&value) => {
            Err(format!("String must be one of: {}", words.join(", ")))
        }
        Accepted::OneOfIgnoringCase(words)
            if !words.iter().any(|word| word.eq_ignore_ascii_case(value)) =>
        {
            Err(format!("String must be one of (case insensitive): {}", words.join(", ")))
        }
        Accepted::NotEmpty if value.is_empty() => Err("String must be non-empty".to_owned()),
        _ => Ok(()),
    }
}

fn check_list(accepted: Accepted, value: &str) -> Result<(), String> {
    match accepted {
        Accepted::OneOf(words) => match items(value).find(|item| !words.contains(item)) {
            Some(_) => Err(format!("String must be one of: {}", words.join(", "))),
            None => Ok(()),
        },
        Accepted::ThrottledReplicas => check_throttled(value),
        _ => Ok(()),
    }
}

fn check_throttled(value: &str) -> Result<(), String> {
    let is_pair = |item: &str| {
        item.split_once(':').is_some_and(|(partition, broker)| {
            partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok()
        })
    };
    if value == "*" || items(value).all(is_pair) {
        return Ok(());
    }
    let form = "[partitionId]:[brokerId],[partitionId]:[brokerId],...";
    Err(format!("must be the literal '*' or a list of replicas in the form {form}"))
}

/// The items of a list value.
pub(super) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::topic_key;
    use super::*;

    fn refusal(key: &str, value: &str) -> String {
        match check(topic_key(key).unwrap(), value) {
            Ok(()) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn refusals_are_in_kafkas_words() {
        assert_eq!(
            refusal("retention.ms", "abc"),
            "Invalid value abc for configuration retention.ms: Not a number of type LONG"
        );
        assert_eq!(
            refusal("min.insync.replicas", "0"),
            "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1"
        );
        assert_eq!(
            refusal("cleanup.policy", "compact,shred"),
            "Invalid value compact,shred for configuration cleanup.policy: String must be one of: \
             compact, delete"
        );
        assert_eq!(refusal("cleanup.policy", "compact, delete"), "accepted");
        assert_eq!(refusal("leader.replication.throttled.replicas", "0:1,1:2"), "accepted");
        assert!(refusal("leader.replication.throttled.replicas", "x").contains("literal '*'"));
        assert!(refusal("preallocate", "yes").contains("either true or false"));
        assert!(refusal("compression.gzip.level", "0").contains("equal to -1"));
    }
}
