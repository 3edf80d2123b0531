//! The names of partition directories: which partition, and where the directory stands in its life.
//!
//! ```text
//! orders-0                                            a replica in use
//! orders-0.0b6fa5a1c2e84d3d9a5c3a0f1e2d4c5b-delete    to be removed a little later
//! orders-0.0b6fa5a1c2e84d3d9a5c3a0f1e2d4c5b-future    a replica on its way to this log directory
//! orders-0.0b6fa5a1c2e84d3d9a5c3a0f1e2d4c5b-stray     not assigned to this broker: set aside
//! ```
//!
//! In `-delete` and `-stray` names the topic is cut where the whole would be too long for a file
//! system. Whoever removes a directory goes by these names, so everything else than the exact form
//! is refused. Kafka's `LocalLog.parseTopicPartitionName` and `logDirNameWithSuffixCappedLength`.

use std::fmt;

use kt_protocol::types::{PartitionIndex, TopicPartition, Uuid};

/// The longest name a directory may have, in every file system that counts.
const NAME_BYTES_MAX: usize = 255;
/// The longest name a topic may have.
const TOPIC_BYTES_MAX: usize = 249;

/// Where a partition's directory stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryState {
    /// A replica in use.
    Live,
    /// To be removed.
    Delete(Uuid),
    /// Being filled, to take the place of a replica in another log directory.
    Future(Uuid),
    /// Not assigned to this broker when it started; kept until a person has looked at it.
    Stray(Uuid),
}

impl DirectoryState {
    fn suffix(self) -> Option<(Uuid, &'static str)> {
        match self {
            DirectoryState::Live => None,
            DirectoryState::Delete(id) => Some((id, "-delete")),
            DirectoryState::Future(id) => Some((id, "-future")),
            DirectoryState::Stray(id) => Some((id, "-stray")),
        }
    }

    /// Whether the topic's name may be cut in such a directory's name.
    fn cuts_topic(self) -> bool {
        matches!(self, DirectoryState::Delete(_) | DirectoryState::Stray(_))
    }
}

/// The name of a partition's directory, read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryName {
    /// The topic, of which the end may be missing in `-delete` and `-stray` names.
    pub topic: String,
    /// The partition.
    pub partition: PartitionIndex,
    /// Where the directory stands in its life.
    pub state: DirectoryState,
}

impl DirectoryName {
    /// The directory of `partition` in `state`.
    pub fn new(partition: &TopicPartition, state: DirectoryState) -> DirectoryName {
        let TopicPartition { topic, partition } = partition;
        DirectoryName { topic: topic.clone(), partition: *partition, state }
    }

    /// Reads a name; none if it is not of the exact form.
    pub fn parse(name: &str) -> Option<DirectoryName> {
        let (partition_name, state) = match name.rsplit_once('.') {
            Some((before, suffix)) if suffix.contains('-') => match parse_suffix(suffix) {
                Some(state) => (before, state),
                // The dot may be the topic's own.
                None => (name, DirectoryState::Live),
            },
            _ => (name, DirectoryState::Live),
        };
        let (topic, partition) = partition_name.rsplit_once('-')?;
        let partition = PartitionIndex(parse_partition(partition)?);
        is_topic_name(topic).then(|| DirectoryName { topic: topic.to_owned(), partition, state })
    }

    /// The partition; none if its topic may have been cut.
    pub fn topic_partition(&self) -> Option<TopicPartition> {
        let may_be_cut = self.state.cuts_topic() && NAME_BYTES_MAX <= self.to_string().len();
        (!may_be_cut)
            .then(|| TopicPartition { topic: self.topic.clone(), partition: self.partition })
    }
}

impl fmt::Display for DirectoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DirectoryName { topic, partition, state } = self;
        let Some((id, suffix)) = state.suffix() else {
            return write!(f, "{topic}-{partition}");
        };
        let id = u128::from_be_bytes(id.0);
        let rest = format!("-{partition}.{id:032x}{suffix}");
        let room = if state.cuts_topic() {
            NAME_BYTES_MAX.saturating_sub(rest.len())
        } else {
            topic.len()
        };
        write!(f, "{}{rest}", topic.get(..room).unwrap_or(topic))
    }
}

/// `32 hex digits-state`
fn parse_suffix(suffix: &str) -> Option<DirectoryState> {
    let (id, state) = suffix.split_once('-')?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if id.len() != 32 || !id.bytes().all(is_digit) {
        return None;
    }
    let id = Uuid(u128::from_str_radix(id, 16).ok()?.to_be_bytes());
    match state {
        "delete" => Some(DirectoryState::Delete(id)),
        "future" => Some(DirectoryState::Future(id)),
        "stray" => Some(DirectoryState::Stray(id)),
        _ => None,
    }
}

/// Digits only, and as few as there can be: two names never mean one partition.
fn parse_partition(text: &str) -> Option<i32> {
    let is_canonical = text == "0" || !text.starts_with('0');
    (is_canonical && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn is_topic_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=TOPIC_BYTES_MAX).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(is_legal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "0b6fa5a1c2e84d3d9a5c3a0f1e2d4c5b";

    fn id() -> Uuid {
        Uuid(u128::from_str_radix(HEX, 16).unwrap().to_be_bytes())
    }

    fn parse(name: &str) -> Option<(String, i32, DirectoryState)> {
        DirectoryName::parse(name).map(|it| (it.topic, it.partition.0, it.state))
    }

    #[test]
    fn names_are_read() {
        let topic = |name: &str| name.to_owned();
        assert_eq!(parse("orders-0"), Some((topic("orders"), 0, DirectoryState::Live)));
        assert_eq!(parse("a.b-c_d-12"), Some((topic("a.b-c_d"), 12, DirectoryState::Live)));
        assert_eq!(parse("__cluster_metadata-0").unwrap().0, "__cluster_metadata");
        assert_eq!(
            parse("orders-delete-3"),
            Some((topic("orders-delete"), 3, DirectoryState::Live))
        );
        assert_eq!(parse("--1"), Some((topic("-"), 1, DirectoryState::Live)));
        for (suffix, state) in [
            ("delete", DirectoryState::Delete(id())),
            ("future", DirectoryState::Future(id())),
            ("stray", DirectoryState::Stray(id())),
        ] {
            let name = format!("a.b-7.{HEX}-{suffix}");
            assert_eq!(parse(&name), Some((topic("a.b"), 7, state)));
            assert_eq!(DirectoryName::parse(&name).unwrap().to_string(), name);
        }
    }

    #[test]
    fn everything_else_is_nobodys() {
        let delete = format!("orders-0.{HEX}-delete");
        for name in [
            "",
            "-",
            "orders",
            "orders-",
            "-0",
            "orders-x",
            "orders--",
            "orders-+1",
            "orders-01",
            "orders-99999999999",
            "or ders-0",
            "..-0",
            ".-0",
            "lost+found",
            "remote-log-index-cache",
            "my-delete",
            "orders-0-delete",
            "orders-0.-delete",
            "orders-0.0b6f-delete",
            &delete.replace("0b6f", "0B6F"),
            &delete.replace("-delete", "-deleted"),
            &delete.replace("orders-0", "orders"),
            &format!("{delete}.tmp"),
            &format!("{}-0", "x".repeat(250)),
        ] {
            assert_eq!(parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_long_topic_is_cut_where_it_is_set_aside_and_is_no_name_then() {
        let partition = TopicPartition::new("t".repeat(249), 12);
        let name = |state| DirectoryName::new(&partition, state);
        for state in [DirectoryState::Delete(id()), DirectoryState::Stray(id())] {
            let text = name(state).to_string();
            assert_eq!(text.len(), 255);
            let read = DirectoryName::parse(&text).unwrap();
            assert_eq!((read.partition, read.state), (PartitionIndex(12), state));
            assert!(partition.topic.starts_with(&read.topic));
            assert_eq!(read.topic_partition(), None, "it may have been cut");
        }
        let future = name(DirectoryState::Future(id()));
        assert_eq!(DirectoryName::parse(&future.to_string()), Some(future));
        let short = DirectoryName::parse(&format!("orders-0.{HEX}-stray")).unwrap();
        assert_eq!(short.topic_partition(), Some(TopicPartition::new("orders", 0)));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_is_written(topic in "[a-zA-Z0-9._-]{1,60}", partition in 0..=i32::MAX, bits: u128, which in 0..4usize) {
            prop_assume!(topic != "." && topic != "..");
            let id = Uuid(bits.to_be_bytes());
            let state = [
                DirectoryState::Live,
                DirectoryState::Delete(id),
                DirectoryState::Future(id),
                DirectoryState::Stray(id),
            ][which];
            let name = DirectoryName::new(&TopicPartition::new(topic, partition), state);
            prop_assert_eq!(DirectoryName::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn a_name_that_is_read_is_written_the_same(text in "[a-f0-9.-]{0,50}(-delete|-stray|-0|)") {
            if let Some(name) = DirectoryName::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
