//! Which names a topic may have, and which topics are Kafka's own (`Topic`).

use std::borrow::Cow;

/// The longest name. The partition's directory adds a dash, a number and `-delete` suffixes to it,
/// and file systems stop at 255.
pub const NAME_LENGTH_MAX: usize = 249;

/// The metadata log's topic. Nobody creates, deletes or alters it.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";
/// Where group coordinators keep offsets and members.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// Where transaction coordinators keep transactions.
pub const TRANSACTION_STATE: &str = "__transaction_state";
/// Where share coordinators keep the progress of share groups.
pub const SHARE_GROUP_STATE: &str = "__share_group_state";

/// Why a text is no topic's name. The messages are Kafka's: clients show them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    /// The empty text.
    #[error("Topic name is invalid: the empty string is not allowed")]
    Empty,
    /// A name that means a directory.
    #[error("Topic name is invalid: '.' or '..' is not allowed")]
    Dots,
    /// Longer than [`NAME_LENGTH_MAX`].
    #[error(
        "Topic name is invalid: the length of '{0}' is longer than the max allowed length {NAME_LENGTH_MAX}"
    )]
    TooLong(String),
    /// A character that is none of `a-z A-Z 0-9 . _ -`.
    #[error(
        "Topic name is invalid: '{0}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    )]
    IllegalCharacter(String),
}

/// Checks that `name` may be a topic's name.
pub fn validate(name: &str) -> Result<(), TopicNameError> {
    if name.is_empty() {
        return Err(TopicNameError::Empty);
    }
    if name == "." || name == ".." {
        return Err(TopicNameError::Dots);
    }
    if NAME_LENGTH_MAX < name.len() {
        return Err(TopicNameError::TooLong(name.to_owned()));
    }
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !name.bytes().all(is_legal) {
        return Err(TopicNameError::IllegalCharacter(name.to_owned()));
    }
    Ok(())
}

/// Whether `name` is a topic that a coordinator writes and clients do not.
pub fn is_internal(name: &str) -> bool {
    matches!(name, CONSUMER_OFFSETS | TRANSACTION_STATE | SHARE_GROUP_STATE)
}

/// The name with dots as underscores. Two topics whose names agree in this would share the names
/// of their metrics, so the second is refused. Nothing for a name that has neither.
pub fn collision_key(name: &str) -> Option<Cow<'_, str>> {
    if name.contains('.') {
        return Some(Cow::Owned(name.replace('.', "_")));
    }
    name.contains('_').then_some(Cow::Borrowed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_or_say_why_not() {
        let longest = "x".repeat(249);
        for name in ["a", "A-b_c.9", "...", "__consumer_offsets", longest.as_str()] {
            assert_eq!(validate(name), Ok(()), "{name}");
        }
        let too_long = "x".repeat(250);
        for (name, why) in [
            ("", "Topic name is invalid: the empty string is not allowed".to_owned()),
            (".", "Topic name is invalid: '.' or '..' is not allowed".to_owned()),
            ("..", "Topic name is invalid: '.' or '..' is not allowed".to_owned()),
            (
                "a/b",
                "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'".to_owned(),
            ),
            (
                &too_long,
                format!("Topic name is invalid: the length of '{too_long}' is longer than the max allowed length 249"),
            ),
        ] {
            assert_eq!(validate(name).unwrap_err().to_string(), why);
        }
        for name in ["a b", "\u{e9}", "a\0", "a,b", "../x"] {
            assert!(validate(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert_eq!(collision_key("my.topic"), collision_key("my_topic"));
        assert_eq!(collision_key("a.b_c").as_deref(), Some("a_b_c"));
        assert_eq!(collision_key("my-topic"), None);
    }

    #[test]
    fn three_topics_are_internal() {
        assert!(is_internal("__share_group_state"));
        assert!(!is_internal("__cluster_metadata"));
        assert!(!is_internal("orders"));
    }
}
