//! Records of Kafka's internal topics as JSON: keys and values of `__consumer_offsets`,
//! `__transaction_state`, `__share_group_state` and `__cluster_metadata`.

use std::fmt;
use std::io;

use bytes::Bytes;
use kt_protocol::codec::Message;
use kt_protocol::codec::record_value::RecordError;
use kt_protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, GroupCoordinatorRecord,
    MetadataRecord, ShareCoordinatorRecord, TransactionCoordinatorRecord,
};
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use serde_json::{Value, json};

use crate::base64;

/// How the records of an internal topic are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// `__consumer_offsets`
    Offsets,
    /// `__transaction_state`
    Transactions,
    /// `__share_group_state`
    Share,
    /// `__cluster_metadata`
    Metadata,
}

/// A record of an internal topic, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decoded {
    /// The number of its type.
    number: i64,
    /// The schema's name, without `Key` or `Value`.
    name: &'static str,
    /// The message of the key; metadata records have none.
    key: Option<Value>,
    /// The version and the message of the value; none for a tombstone.
    value: Option<(i16, Value)>,
}

/// Why a record cannot be shown decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undecoded {
    /// Its type is from a later Kafka.
    UnknownType(i64),
    /// Its bytes are not what its type says.
    Damaged(String),
}

impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undecoded::UnknownType(number) => write!(f, "record type {number} is unknown"),
            Undecoded::Damaged(reason) => f.write_str(reason),
        }
    }
}

impl From<RecordError> for Undecoded {
    fn from(error: RecordError) -> Undecoded {
        Undecoded::Damaged(error.to_string())
    }
}

impl Decoder {
    /// The decoder for the topic of that name, if it is an internal one.
    pub(crate) fn of_topic(topic: &str) -> Option<Decoder> {
        match topic {
            "__consumer_offsets" => Some(Decoder::Offsets),
            "__transaction_state" => Some(Decoder::Transactions),
            "__share_group_state" => Some(Decoder::Share),
            "__cluster_metadata" => Some(Decoder::Metadata),
            _ => None,
        }
    }

    /// Reads key and value of one record.
    ///
    /// # Errors
    /// The record's type is unknown, or its bytes are not a record of this topic.
    pub(crate) fn decode(
        self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<Decoded, Undecoded> {
        let value = value.map(Bytes::copy_from_slice);
        if self == Decoder::Metadata {
            let value = value.ok_or_else(|| damaged("a metadata record has no value"))?;
            return metadata(&value);
        }
        let key = key.ok_or_else(|| damaged("the key is missing"))?;
        let number = match key {
            [high, low, ..] => i16::from_be_bytes([*high, *low]),
            _ => return Err(damaged("the key is shorter than its type")),
        };
        let version = match value.as_deref() {
            None => 0,
            Some([high, low, ..]) => i16::from_be_bytes([*high, *low]),
            Some(_) => return Err(damaged("the value is shorter than its version")),
        };
        let key = Bytes::copy_from_slice(key);
        let unknown = || Undecoded::UnknownType(number.into());
        let (name, messages) = match self {
            Decoder::Offsets => {
                let record = GroupCoordinatorRecord::decode(&key, value.as_ref())?;
                if let GroupCoordinatorRecord::Unknown(_) = record {
                    return Err(unknown());
                }
                (record.name(), opened(record.to_json(version).map_err(damaged)?))
            }
            Decoder::Transactions => {
                let record = TransactionCoordinatorRecord::decode(&key, value.as_ref())?;
                if let TransactionCoordinatorRecord::Unknown(_) = record {
                    return Err(unknown());
                }
                (record.name(), record.to_json(version).map_err(damaged)?)
            }
            Decoder::Share | Decoder::Metadata => {
                let record = ShareCoordinatorRecord::decode(&key, value.as_ref())?;
                if let ShareCoordinatorRecord::Unknown(_) = record {
                    return Err(unknown());
                }
                (record.name(), record.to_json(version).map_err(damaged)?)
            }
        };
        Ok(coordinator(number, name, version, messages))
    }
}

fn damaged(reason: impl fmt::Display) -> Undecoded {
    Undecoded::Damaged(reason.to_string())
}

fn coordinator(
    number: i16,
    name: &'static str,
    version: i16,
    (key, value): (Value, Option<Value>),
) -> Decoded {
    let value = value.map(|value| (version, value));
    Decoded { number: number.into(), name, key: Some(key), value }
}

fn metadata(value: &Bytes) -> Result<Decoded, Undecoded> {
    let (record, version) = MetadataRecord::decode(value)?;
    if let MetadataRecord::Unknown(record) = &record {
        return Err(Undecoded::UnknownType(record.record_type.into()));
    }
    let message = record.to_json(version).map_err(damaged)?;
    Ok(Decoded { number: 0, name: record.name(), key: None, value: Some((version, message)) })
}

/// Opens what members of classic groups say to each other, where they are consumers: to the broker
/// these are bytes.
fn opened((key, mut value): (Value, Option<Value>)) -> (Value, Option<Value>) {
    let Some(group) = value.as_mut() else { return (key, value) };
    if group.get("protocolType").and_then(Value::as_str) == Some("consumer")
        && let Some(members) = group.get_mut("members").and_then(Value::as_array_mut)
    {
        for member in members {
            open::<ConsumerProtocolSubscription>(member, "subscription");
            open::<ConsumerProtocolAssignment>(member, "assignment");
        }
    }
    (key, value)
}

/// Bytes that are no such message stay as they are.
fn open<M: Message>(member: &mut Value, field: &str) {
    let Some(bytes) = member.get(field).and_then(Value::as_str).and_then(base64::decode) else {
        return;
    };
    let Some([high, low]) = bytes.first_chunk() else { return };
    let version = i16::from_be_bytes([*high, *low]);
    let message = M::decode_all(&Bytes::copy_from_slice(&bytes[2..]), version);
    if let Some(json) = message.ok().and_then(|it| it.to_json(version).ok()) {
        member[field] = json;
    }
}

impl Decoded {
    /// The key for people and programs: `{"type":"OffsetCommit","data":{…}}`; null where records
    /// have none.
    pub(crate) fn key(&self) -> Value {
        self.key.as_ref().map_or(Value::Null, |data| json!({"type": self.name, "data": data}))
    }

    /// The value: `{"version":4,"data":{…}}`, of metadata also its type; null is a tombstone.
    pub(crate) fn value(&self) -> Value {
        match &self.value {
            None => Value::Null,
            Some((version, data)) if self.key.is_none() => {
                json!({"type": self.name, "version": version, "data": data})
            }
            Some((version, data)) => json!({"version": version, "data": data}),
        }
    }

    /// The key as `kafka-dump-log` prints it.
    pub(crate) fn kafka_key(&self) -> Option<String> {
        let data = self.key.as_ref()?;
        Some(as_kafka_writes(&json!({"type": self.number.to_string(), "data": data})))
    }

    /// The value as `kafka-dump-log` prints it.
    pub(crate) fn kafka_value(&self) -> String {
        match &self.value {
            None => "<DELETE>".to_owned(),
            Some((version, data)) if self.key.is_none() => {
                let name = upper_snake_case(self.name);
                as_kafka_writes(&json!({"type": name, "version": version, "data": data}))
            }
            Some((version, data)) => {
                as_kafka_writes(&json!({"version": version.to_string(), "data": data}))
            }
        }
    }
}

/// `TopicRecord` is `TOPIC_RECORD` in Kafka's output.
fn upper_snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    for (index, character) in name.char_indices() {
        if index != 0 && character.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(character.to_ascii_uppercase());
    }
    out
}

/// One line of JSON as Kafka's library writes it.
pub(crate) fn as_kafka_writes(value: &Value) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, KafkaFormatter);
    value.serialize(&mut serializer).expect("a JSON value can be written to memory");
    String::from_utf8(out).expect("JSON is text")
}

/// Where Kafka's JSON differs from ours: capital hex digits, and Java's form of fractions.
struct KafkaFormatter;

impl Formatter for KafkaFormatter {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(as_java_writes(value).as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(byte) => write!(writer, "\\u{byte:04X}"),
            escape => CompactFormatter.write_char_escape(writer, escape),
        }
    }
}

/// `Double.toString`: without an exponent from 10^-3 up to 10^7, with one beyond.
fn as_java_writes(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::messages::{
        ConsumerProtocolSubscription, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue,
        TopicRecord, group_metadata_value,
    };

    use super::*;

    fn commit() -> (Bytes, Option<Bytes>) {
        let key = OffsetCommitKey {
            group: "g\u{1}\u{1f}".to_owned(),
            topic: "orders".to_owned(),
            partition: 3,
        };
        let value = OffsetCommitValue { offset: 42, ..OffsetCommitValue::default() };
        let record = GroupCoordinatorRecord::OffsetCommit { key, value: Some(value) };
        record.encode(3).unwrap()
    }

    #[test]
    fn records_are_shown_as_ours_and_as_kafkas() {
        let (key, value) = commit();
        let decoded = Decoder::Offsets.decode(Some(&key), value.as_deref()).unwrap();
        insta::assert_snapshot!(decoded.key(), @r#"{"type":"OffsetCommit","data":{"group":"g\u0001\u001f","topic":"orders","partition":3}}"#);
        insta::assert_snapshot!(decoded.value(), @r#"{"version":3,"data":{"offset":42,"leaderEpoch":-1,"metadata":"","commitTimestamp":0}}"#);
        insta::assert_snapshot!(decoded.kafka_key().unwrap(), @r#"{"type":"1","data":{"group":"g\u0001\u001F","topic":"orders","partition":3}}"#);
        insta::assert_snapshot!(decoded.kafka_value(), @r#"{"version":"3","data":{"offset":42,"leaderEpoch":-1,"metadata":"","commitTimestamp":0}}"#);
        let tombstone = Decoder::Offsets.decode(Some(&key), None).unwrap();
        assert_eq!(tombstone.value(), Value::Null);
        assert_eq!(tombstone.kafka_value(), "<DELETE>");
    }

    #[test]
    fn metadata_records_have_no_key() {
        let topic = TopicRecord { name: "orders".to_owned(), ..TopicRecord::default() };
        let value = MetadataRecord::Topic(topic).encode(0).unwrap();
        let decoded = Decoder::Metadata.decode(None, Some(&value)).unwrap();
        assert_eq!((decoded.key(), decoded.kafka_key()), (Value::Null, None));
        insta::assert_snapshot!(decoded.value(), @r#"{"type":"TopicRecord","version":0,"data":{"name":"orders","topicId":"AAAAAAAAAAAAAAAAAAAAAA"}}"#);
        insta::assert_snapshot!(decoded.kafka_value(), @r#"{"type":"TOPIC_RECORD","version":0,"data":{"name":"orders","topicId":"AAAAAAAAAAAAAAAAAAAAAA"}}"#);
    }

    #[test]
    fn what_is_no_record_is_said_and_never_panics() {
        let fault = |decoder: Decoder, key: Option<&[u8]>, value: Option<&[u8]>| {
            decoder.decode(key, value).unwrap_err().to_string()
        };
        insta::assert_snapshot!(fault(Decoder::Offsets, None, None), @"the key is missing");
        insta::assert_snapshot!(fault(Decoder::Offsets, Some(&[0]), None), @"the key is shorter than its type");
        insta::assert_snapshot!(fault(Decoder::Share, Some(&[0, 99]), None), @"record type 99 is unknown");
        insta::assert_snapshot!(fault(Decoder::Transactions, Some(&[0, 0]), Some(&[0, 9])), @"TransactionLogKey: 2 bytes wanted at byte 2, 0 are left");
        insta::assert_snapshot!(fault(Decoder::Metadata, None, None), @"a metadata record has no value");
        insta::assert_snapshot!(fault(Decoder::Metadata, None, Some(&[1, 99, 0])), @"record type 99 is unknown");
        let (key, value) = commit();
        let value = value.unwrap();
        for length in 0..key.len() {
            let _ = Decoder::Offsets.decode(Some(&key[..length]), Some(&value));
        }
        for length in 0..value.len() {
            assert!(Decoder::Offsets.decode(Some(&key), Some(&value[..length])).is_err());
        }
    }

    #[test]
    fn what_consumers_say_to_each_other_is_opened() {
        let subscription = ConsumerProtocolSubscription {
            topics: vec!["orders".to_owned()],
            ..ConsumerProtocolSubscription::default()
        };
        let mut bytes = vec![0, 1];
        bytes.extend_from_slice(&subscription.encode_to_bytes(1).unwrap());
        let member = group_metadata_value::MemberMetadata {
            member_id: "m".to_owned(),
            subscription: bytes.into(),
            assignment: Bytes::from_static(b"?"),
            ..group_metadata_value::MemberMetadata::default()
        };
        let value = GroupMetadataValue {
            protocol_type: "consumer".to_owned(),
            members: vec![member],
            ..GroupMetadataValue::default()
        };
        let record =
            GroupCoordinatorRecord::GroupMetadata { key: Default::default(), value: Some(value) };
        let (key, value) = record.encode(3).unwrap();
        let decoded = Decoder::Offsets.decode(Some(&key), value.as_deref()).unwrap();
        let member = &decoded.value()["data"]["members"][0];
        assert_eq!(member["subscription"]["topics"][0], "orders");
        assert_eq!(member["assignment"], "Pw==", "what is no assignment stays as it is");
    }

    #[test]
    fn fractions_have_javas_form() {
        let written = [1.0, 0.001, 1024.5, 1e7, 1.048576e7, 1e-4, -2.5e10, 0.0].map(as_java_writes);
        assert_eq!(written.join(" "), "1.0 0.001 1024.5 1.0E7 1.048576E7 1.0E-4 -2.5E10 0.0");
    }
}
