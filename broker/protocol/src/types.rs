//! The quantities of Kafka as types: offsets, epochs, ids and times.
//!
//! Raw integers stop at the wire. Everything above it passes these, so that an offset is never
//! given where an epoch is meant.

#[cfg(feature = "serde")]
mod as_text;

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(transparent))]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(raw: $inner) -> Self {
                Self(raw)
            }
        }
    };
}

quantity! {
    /// A position in a partition's log: the number of the record there.
    Offset(i64)
}
quantity! {
    /// How often the leadership of a partition (or of the metadata quorum) has changed.
    LeaderEpoch(i32)
}
quantity! {
    /// How often the controller has changed anything of a partition's state.
    PartitionEpoch(i32)
}
quantity! {
    /// A node's number, of a broker or a controller (`node.id`).
    NodeId(i32)
}
quantity! {
    /// The number of a partition within its topic.
    PartitionIndex(i32)
}
quantity! {
    /// The id that the broker gave a producer, -1 for none.
    ProducerId(i64)
}
quantity! {
    /// The epoch of a producer id, -1 for none.
    ProducerEpoch(i16)
}
quantity! {
    /// Milliseconds since 1970, as in records; -1 for none.
    Timestamp(i64)
}
quantity! {
    /// Milliseconds of a clock that never goes back. Its zero means nothing.
    Millis(u64)
}

impl Offset {
    /// The offset `count` records further on.
    pub const fn plus(self, count: i64) -> Offset {
        Offset(self.0 + count)
    }
}

impl Sub for Offset {
    type Output = i64;

    fn sub(self, other: Offset) -> i64 {
        self.0 - other.0
    }
}

impl LeaderEpoch {
    /// What requests and batches say when the epoch is not known.
    pub const UNKNOWN: LeaderEpoch = LeaderEpoch(-1);
}

impl ProducerId {
    /// What a batch says that no idempotent producer wrote.
    pub const NONE: ProducerId = ProducerId(-1);
}

impl Timestamp {
    /// What a record says that has no time.
    pub const NONE: Timestamp = Timestamp(-1);
}

impl Add<u64> for Millis {
    type Output = Millis;

    fn add(self, duration_ms: u64) -> Millis {
        Millis(self.0.saturating_add(duration_ms))
    }
}

impl Sub for Millis {
    type Output = u64;

    fn sub(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The time, as a value: nothing below the edge reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines. Never goes back.
    pub monotonic: Millis,
    /// For record timestamps and retention. May jump.
    pub wall: Timestamp,
}

/// A 128-bit id, shown as Kafka shows it: 22 characters of base64 for URLs, without padding.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// All zero: no id.
    pub const ZERO: Uuid = Uuid([0; 16]);
    /// The topic id of `__cluster_metadata` (and the directory id "migrating").
    pub const ONE: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// Makes a random (version 4) id out of 128 random bits.
    pub fn from_random_bits(bits: u128) -> Uuid {
        let mut bytes = bits.to_be_bytes();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        // Kafka never gives out an id whose text starts with a dash: tools would take it for a flag.
        if bytes[0] >> 2 == 62 {
            bytes[0] &= 0x7f;
        }
        Uuid(bytes)
    }

    /// True for the id that means none.
    pub fn is_zero(&self) -> bool {
        *self == Uuid::ZERO
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        let mut text = String::with_capacity(22);
        for index in 0..22u32 {
            // 21 characters of six bits each, and a last one of two bits, padded with four zeros.
            let six = if index < 21 { bits >> (122 - 6 * index) } else { bits << 4 } & 0x3f;
            text.push(char::from(BASE64_URL[six as usize]));
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 22 characters of base64 for URLs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an id of 22 characters (A-Z a-z 0-9 - _)")]
pub struct ParseUuidError(pub String);

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Uuid, ParseUuidError> {
        let wrong = || ParseUuidError(text.to_owned());
        if text.len() != 22 {
            return Err(wrong());
        }
        let mut bits: u128 = 0;
        for (index, byte) in text.bytes().enumerate() {
            let six = BASE64_URL.iter().position(|it| *it == byte).ok_or_else(wrong)? as u128;
            bits = if index < 21 { bits << 6 | six } else { bits << 2 | six >> 4 };
        }
        Ok(Uuid(bits.to_be_bytes()))
    }
}

/// A topic and one of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: PartitionIndex,
}

impl TopicPartition {
    /// Names partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.into(), partition: PartitionIndex(partition) }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_they_are_shown() {
        assert_eq!(Uuid::ONE.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        for text in ["AAAAAAAAAAAAAAAAAAAAAQ", "Zl2rIMpZQ2yGzLyB0E3iJw", "J8aAPcfLQt2bqs1JT_rMgQ"] {
            assert_eq!(text.parse::<Uuid>().unwrap().to_string(), text);
        }
        assert!("short".parse::<Uuid>().is_err());
    }

    #[test]
    fn random_ids_never_start_with_a_dash() {
        for high in 0..=255u128 {
            assert!(!Uuid::from_random_bits(high << 120).to_string().starts_with('-'));
        }
    }
}
