//! Ids, partitions and error codes in files: as the text that people know, so that they are keys of
//! maps too.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{TopicPartition, Uuid};
use crate::ErrorCode;

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Uuid, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// `orders:3`. A name may hold a colon on hostile clusters; the number is behind the last one.
impl Serialize for TopicPartition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{}:{}", self.topic, self.partition))
    }
}

impl<'de> Deserialize<'de> for TopicPartition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TopicPartition, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let split = text.rsplit_once(':').and_then(|(topic, it)| Some((topic, it.parse().ok()?)));
        let wrong = || D::Error::custom(format_args!("\"{text}\" is not TOPIC:PARTITION"));
        let (topic, partition) = split.ok_or_else(wrong)?;
        Ok(TopicPartition::new(topic, partition))
    }
}

/// By Kafka's name of it.
impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// A name from a later Kafka reads as `UnknownServerError`, as its number does.
impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ErrorCode, D::Error> {
        let name = Cow::<str>::deserialize(from)?;
        let found = ErrorCode::ALL.iter().copied().find(|it| it.name() == name);
        Ok(found.unwrap_or(ErrorCode::UnknownServerError))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn texts_are_keys_and_read_back() {
        let map: BTreeMap<TopicPartition, (ErrorCode, Uuid)> = BTreeMap::from([
            (TopicPartition::new("orders", 3), (ErrorCode::NotCoordinator, Uuid::ONE)),
            (TopicPartition::new("a:b", 0), (ErrorCode::None, Uuid::ZERO)),
        ]);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"a:b:0":["NONE","AAAAAAAAAAAAAAAAAAAAAA"],"#,
                r#""orders:3":["NOT_COORDINATOR","AAAAAAAAAAAAAAAAAAAAAQ"]}"#
            )
        );
        assert_eq!(serde_json::from_str::<BTreeMap<_, _>>(&text).unwrap(), map);
        assert!(serde_json::from_str::<TopicPartition>(r#""orders""#).is_err());
        assert!(serde_json::from_str::<TopicPartition>(r#""orders:x""#).is_err());
        assert_eq!(
            serde_json::from_str::<ErrorCode>(r#""OF_TOMORROW""#).unwrap(),
            ErrorCode::UnknownServerError
        );
    }
}
