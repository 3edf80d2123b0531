//! Records as JSON lines: what `consume -o jsonl` writes and what
//! `produce --jsonl` reads.

use std::fmt;

use kt_client::consumer::Record;
use kt_protocol::records::TimestampType;
use kt_protocol::types::TopicPartition;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::base64;
use crate::terminal::is_unsafe;

/// What beside the fields that are always there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonStyle {
    /// `--meta`: leader epoch, producer and sequence.
    pub(crate) meta: bool,
    /// `--base64`: every key and value that is not null.
    pub(crate) base64: bool,
}

/// Key and value of a record of Kafka's own, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecodedText {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Appends a record, without the line's end; with key and value as `decoded` has them, if it was.
pub(crate) fn write(
    partition: &TopicPartition,
    record: &Record<'_>,
    decoded: Option<&DecodedText>,
    style: JsonStyle,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"topic\":");
    write_string(&partition.topic, out);
    out.extend_from_slice(b",\"partition\":");
    write_number(partition.partition.0.into(), out);
    out.extend_from_slice(b",\"offset\":");
    write_number(record.offset.0, out);
    out.extend_from_slice(b",\"timestamp\":");
    write_optional(record.timestamp.map(|it| it.0), out);
    out.extend_from_slice(match record.timestamp_type {
        TimestampType::LogAppendTime => b",\"timestamp_type\":\"log_append\",\"key\":".as_slice(),
        _ => b",\"timestamp_type\":\"create\",\"key\":".as_slice(),
    });
    match decoded {
        Some(decoded) => out.extend_from_slice(decoded.key.as_bytes()),
        None => write_payload(record.key, style, out),
    }
    out.extend_from_slice(b",\"value\":");
    match decoded {
        Some(decoded) => out.extend_from_slice(decoded.value.as_bytes()),
        None => write_payload(record.value, style, out),
    }
    out.extend_from_slice(b",\"headers\":[");
    for (index, header) in record.headers.clone().enumerate() {
        out.extend_from_slice(if index == 0 { b"{\"key\":" } else { b",{\"key\":" });
        write_string(&header.key_lossy(), out);
        out.extend_from_slice(b",\"value\":");
        write_payload(header.value, style, out);
        out.push(b'}');
    }
    out.push(b']');
    if style.meta {
        write_meta(record, out);
    }
    out.push(b'}');
}

/// A record that was to be produced and no cluster takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: Option<i32>,
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [(&'a str, Option<&'a [u8]>)],
    pub(crate) error: &'a str,
}

/// Appends a refused record with the reason, without the line's end: [`read`] understands it.
pub(crate) fn write_refused(record: &Refused<'_>, out: &mut Vec<u8>) {
    let style = JsonStyle::default();
    out.extend_from_slice(b"{\"topic\":");
    write_string(record.topic, out);
    out.extend_from_slice(b",\"partition\":");
    write_optional(record.partition.map(i64::from), out);
    out.extend_from_slice(b",\"timestamp\":");
    write_number(record.timestamp, out);
    out.extend_from_slice(b",\"key\":");
    write_payload(record.key, style, out);
    out.extend_from_slice(b",\"value\":");
    write_payload(record.value, style, out);
    out.extend_from_slice(b",\"headers\":[");
    for (index, (key, value)) in record.headers.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{\"key\":" } else { b",{\"key\":" });
        write_string(key, out);
        out.extend_from_slice(b",\"value\":");
        write_payload(*value, style, out);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"error\":");
    write_string(record.error, out);
    out.push(b'}');
}

fn write_meta(record: &Record<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"leader_epoch\":");
    write_optional(record.leader_epoch.map(|it| it.0.into()), out);
    out.extend_from_slice(b",\"producer_id\":");
    write_optional(record.producer.map(|it| it.id.0), out);
    out.extend_from_slice(b",\"producer_epoch\":");
    write_optional(record.producer.map(|it| it.epoch.0.into()), out);
    out.extend_from_slice(b",\"sequence\":");
    write_optional(record.producer.map(|it| it.sequence.into()), out);
}

/// Appends a key or a value.
pub(crate) fn write_payload(bytes: Option<&[u8]>, style: JsonStyle, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if !style.base64 => write_string(text, out),
        _ => {
            out.extend_from_slice(b"{\"base64\":\"");
            base64::encode_into(bytes, out);
            out.extend_from_slice(b"\"}");
        }
    }
}

fn write_number(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}

fn write_optional(number: Option<i64>, out: &mut Vec<u8>) {
    match number {
        Some(number) => write_number(number, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// With every control character escaped, also those that JSON would allow: a line may end up on a
/// terminal.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut written = 0;
    for (position, character) in text.char_indices() {
        if !is_unsafe(character) && character != '"' && character != '\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[written..position]);
        written = position + character.len_utf8();
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            it => out.extend_from_slice(format!("\\u{:04x}", u32::from(it)).as_bytes()),
        }
    }
    out.extend_from_slice(&text.as_bytes()[written..]);
    out.push(b'"');
}

/// A record to produce, as a line said it. Fields that only a log can give are read over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonRecord {
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Option<i64>,
    #[serde(default)]
    pub(crate) key: Payload,
    /// A missing value is an error: it would make a tombstone of every slip.
    pub(crate) value: Payload,
    #[serde(default)]
    pub(crate) headers: Vec<JsonHeader>,
    #[serde(rename = "offset")]
    _offset: Option<i64>,
    #[serde(rename = "timestamp_type")]
    _timestamp_type: Option<String>,
    #[serde(rename = "leader_epoch")]
    _leader_epoch: Option<i64>,
    #[serde(rename = "producer_id")]
    _producer_id: Option<i64>,
    #[serde(rename = "producer_epoch")]
    _producer_epoch: Option<i64>,
    #[serde(rename = "sequence")]
    _sequence: Option<i64>,
    /// Why it was refused before.
    #[serde(rename = "error")]
    _error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonHeader {
    pub(crate) key: String,
    pub(crate) value: Payload,
}

/// Null, text, or `{"base64":…}`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload(pub(crate) Option<Vec<u8>>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        deserializer.deserialize_any(PayloadVisitor)
    }
}

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a string or {\"base64\":\"…\"}")
    }

    fn visit_unit<E>(self) -> Result<Payload, E> {
        Ok(Payload(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Payload, E> {
        Ok(Payload(Some(text.as_bytes().to_vec())))
    }

    fn visit_string<E>(self, text: String) -> Result<Payload, E> {
        Ok(Payload(Some(text.into_bytes())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload, A::Error> {
        let wrong = || A::Error::custom("an object must be {\"base64\":\"…\"}, with padding");
        if map.next_key::<&str>()? != Some("base64") {
            return Err(wrong());
        }
        let text: String = map.next_value()?;
        if map.next_key::<&str>()?.is_some() {
            return Err(wrong());
        }
        base64::decode(&text).map(|bytes| Payload(Some(bytes))).ok_or_else(wrong)
    }
}

/// Reads one line.
pub(crate) fn read(line: &[u8]) -> Result<JsonRecord, String> {
    serde_json::from_slice(line).map_err(|error| reason(&error))
}

/// Reads a key or a value: null, text, or `{"base64":…}`.
pub(crate) fn read_payload(text: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let payload: Payload = serde_json::from_slice(text).map_err(|error| reason(&error))?;
    Ok(payload.0)
}

/// A line is one line: its number within itself says nothing.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match (text.rsplit_once(" at line 1 column "), error.column()) {
        (Some((reason, _)), 0) => reason.to_owned(),
        (Some((reason, _)), column) => format!("{reason} (column {column})"),
        (None, _) => text,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::ops::ControlFlow;

    use kt_client::consumer::FetchedRecords;
    use kt_protocol::records::{BatchBuilder, NewRecord};
    use kt_protocol::types::{Offset, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn line(record: NewRecord<'_>, style: JsonStyle) -> String {
        let mut batch = BatchBuilder::new().base_offset(Offset(42));
        batch.append(record).unwrap();
        let partition = TopicPartition::new("orders", 3);
        let bytes = batch.build();
        let records =
            FetchedRecords::new(partition, &bytes, Offset(42), Offset(43), Vec::new()).unwrap();
        let mut out = Vec::new();
        let _ = records.for_each::<()>(|record| {
            write(records.partition(), record, None, style, &mut out);
            ControlFlow::Continue(())
        });
        String::from_utf8(out).unwrap()
    }

    /// One line, for what is said of its fields elsewhere.
    pub(crate) fn a_record(meta: bool) -> String {
        line(NewRecord::default(), JsonStyle { meta, base64: false })
    }

    #[test]
    fn lines_have_exactly_these_fields_in_this_order() {
        let record = NewRecord {
            timestamp: Timestamp(1_732_154_400_123),
            key: Some(b"k1"),
            value: Some(&[0, 255]),
            headers: &[("trace", Some(b"a")), ("trace", None)],
        };
        insta::assert_snapshot!(line(record, JsonStyle::default()), @r#"{"topic":"orders","partition":3,"offset":42,"timestamp":1732154400123,"timestamp_type":"create","key":"k1","value":{"base64":"AP8="},"headers":[{"key":"trace","value":"a"},{"key":"trace","value":null}]}"#);
        insta::assert_snapshot!(line(record, JsonStyle { meta: true, base64: true }), @r#"{"topic":"orders","partition":3,"offset":42,"timestamp":1732154400123,"timestamp_type":"create","key":{"base64":"azE="},"value":{"base64":"AP8="},"headers":[{"key":"trace","value":{"base64":"YQ=="}},{"key":"trace","value":null}],"leader_epoch":null,"producer_id":null,"producer_epoch":null,"sequence":null}"#);
        let bare = NewRecord { timestamp: Timestamp::NONE, value: None, ..NewRecord::default() };
        insta::assert_snapshot!(line(bare, JsonStyle::default()), @r#"{"topic":"orders","partition":3,"offset":42,"timestamp":null,"timestamp_type":"create","key":null,"value":null,"headers":[]}"#);
    }

    #[test]
    fn control_characters_never_reach_the_stream() {
        let record =
            NewRecord { value: Some("\u{1b}[2J\u{9b}\"\\\n".as_bytes()), ..NewRecord::default() };
        let line = line(record, JsonStyle::default());
        assert!(!line.contains(char::is_control), "{line}");
        assert_eq!(
            read(line.as_bytes()).unwrap().value.0.unwrap(),
            "\u{1b}[2J\u{9b}\"\\\n".as_bytes()
        );
    }

    #[test]
    fn wrong_lines_say_what_is_wrong() {
        let fault = |line: &str| read(line.as_bytes()).unwrap_err();
        insta::assert_snapshot!(fault(r#"{"vlaue":"a"}"#), @"unknown field `vlaue`, expected one of `topic`, `partition`, `timestamp`, `key`, `value`, `headers`, `offset`, `timestamp_type`, `leader_epoch`, `producer_id`, `producer_epoch`, `sequence`, `error` (column 8)");
        insta::assert_snapshot!(fault(r#"{"key":"a"}"#), @"missing field `value` (column 11)");
        insta::assert_snapshot!(fault(r#"{"value":{"base64":"AP8"}}"#), @r#"an object must be {"base64":"…"}, with padding (column 25)"#);
        insta::assert_snapshot!(fault(r#"{"value":{"avro":{}}}"#), @r#"an object must be {"base64":"…"}, with padding (column 16)"#);
        insta::assert_snapshot!(fault(r#"{"value":1}"#), @r#"invalid type: integer `1`, expected null, a string or {"base64":"…"} (column 10)"#);
        insta::assert_snapshot!(fault("{"), @"EOF while parsing an object (column 1)");
        insta::assert_snapshot!(fault(""), @"EOF while parsing a value");
    }

    #[test]
    fn a_refused_record_can_be_produced_again() {
        let refused = Refused {
            topic: "orders",
            partition: None,
            timestamp: 7,
            key: Some(b"\xff"),
            value: None,
            headers: &[("a", Some(b"1")), ("b", None)],
            error: "\"too\" large",
        };
        let mut line = Vec::new();
        write_refused(&refused, &mut line);
        insta::assert_snapshot!(String::from_utf8_lossy(&line), @r#"{"topic":"orders","partition":null,"timestamp":7,"key":{"base64":"/w=="},"value":null,"headers":[{"key":"a","value":"1"},{"key":"b","value":null}],"error":"\"too\" large"}"#);
        let record = read(&line).unwrap();
        assert_eq!((record.partition, record.timestamp), (None, Some(7)));
        assert_eq!((record.key.0, record.value.0), (Some(vec![0xff]), None));
        assert_eq!(record.headers.len(), 2);
    }

    #[test]
    fn what_only_a_log_gives_is_read_over() {
        let record =
            read(br#"{"offset":1,"timestamp_type":"create","sequence":null,"value":null}"#);
        assert_eq!(record.unwrap().value, Payload(None));
    }

    proptest! {
        /// What consume writes, produce reads back, byte for byte.
        #[test]
        fn lines_lose_nothing(
            key: Option<Vec<u8>>,
            value: Option<Vec<u8>>,
            headers: Vec<(String, Option<Vec<u8>>)>,
            timestamp in 0..i64::MAX,
            base64: bool,
        ) {
            let borrowed: Vec<(&str, Option<&[u8]>)> =
                headers.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
            let record = NewRecord {
                timestamp: Timestamp(timestamp),
                key: key.as_deref(),
                value: value.as_deref(),
                headers: &borrowed,
            };
            let line = line(record, JsonStyle { meta: false, base64 });
            let read = read(line.as_bytes()).unwrap();
            prop_assert_eq!(read.key.0, key);
            prop_assert_eq!(read.value.0, value);
            prop_assert_eq!(read.timestamp, Some(timestamp));
            let read_headers: Vec<(String, Option<Vec<u8>>)> =
                read.headers.into_iter().map(|it| (it.key, it.value.0)).collect();
            prop_assert_eq!(read_headers, headers);
        }
    }
}
