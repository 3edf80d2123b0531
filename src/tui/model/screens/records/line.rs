//! A record as a line: what is kept of it, however large it is.

use kt_client::consumer::Record;
use kt_protocol::records::TimestampType;
use serde_json::{Value as Json, json};

use crate::base64;
use crate::internal_records::Decoder;
use crate::terminal::escape_bytes_into;

/// Bytes that are kept of one key or value; the rest is cut, and the size said.
pub(crate) const PAYLOAD_MAX: usize = 64 << 10;
/// Headers that are kept of one record.
const HEADERS_MAX: usize = 64;
/// Bytes that are kept of one header's value.
const HEADER_MAX: usize = 1 << 10;
/// What a line takes beside its bytes.
const OVERHEAD: usize = 256;

/// A key, a value, or that of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The first of its bytes; `None` is null, which is not the same as empty.
    pub(crate) bytes: Option<Box<[u8]>>,
    /// How many there were.
    pub(crate) size: usize,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordLine {
    /// `1:182202998`
    pub(crate) name: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// In ms since 1970.
    pub(crate) timestamp: Option<i64>,
    /// `create` or `log_append`
    pub(crate) stamped: &'static str,
    pub(crate) key: Payload,
    pub(crate) value: Payload,
    pub(crate) headers: Vec<(String, Payload)>,
    /// How many headers there were.
    pub(crate) header_count: usize,
    pub(crate) codec: &'static str,
    pub(crate) is_transactional: bool,
    pub(crate) leader_epoch: Option<i32>,
    pub(crate) producer: Option<Producer>,
}

/// Who wrote it, if idempotent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
}

impl Payload {
    pub(crate) fn new(bytes: Option<&[u8]>, most: usize) -> Payload {
        let size = bytes.map_or(0, <[u8]>::len);
        Payload { bytes: bytes.map(|it| it[..it.len().min(most)].into()), size }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.bytes.as_ref().is_some_and(|it| it.len() < self.size)
    }

    /// As text, if it is some; what was cut off may have split its last character.
    pub(crate) fn text(&self) -> Option<&str> {
        let bytes = self.bytes.as_deref()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) if self.is_cut() && error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        }
    }

    /// As words: bytes that are no text are escaped.
    pub(crate) fn words(&self) -> String {
        self.words_of(usize::MAX)
    }

    /// Its first bytes as words.
    pub(crate) fn words_of(&self, most: usize) -> String {
        let Some(bytes) = self.bytes.as_deref() else { return "null".to_owned() };
        let bytes = &bytes[..bytes.len().min(most)];
        let mut out = Vec::with_capacity(bytes.len());
        escape_bytes_into(bytes, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// As scripts have it: null, text, or base64.
    fn json(&self) -> Json {
        let Some(bytes) = self.bytes.as_deref() else { return Json::Null };
        if let Some(text) = self.text() {
            return json!(text);
        }
        let mut out = Vec::new();
        base64::encode_into(bytes, &mut out);
        json!({ "base64": String::from_utf8_lossy(&out) })
    }
}

impl RecordLine {
    /// Takes over a record. Those of Kafka's own are shown decoded.
    pub(crate) fn new(partition: i32, record: &Record<'_>, decoder: Option<Decoder>) -> RecordLine {
        let decoded = decoder.and_then(|it| it.decode(record.key, record.value).ok());
        let (key, value) = match &decoded {
            None => {
                (Payload::new(record.key, PAYLOAD_MAX), Payload::new(record.value, PAYLOAD_MAX))
            }
            Some(it) => {
                let text = |bytes: Option<&[u8]>, json: Json| match bytes {
                    None => Payload::default(),
                    Some(_) => Payload::new(Some(json.to_string().as_bytes()), PAYLOAD_MAX),
                };
                (text(record.key, it.key()), text(record.value, it.value()))
            }
        };
        let headers = record.headers.clone();
        let header_count = headers.clone().count();
        let headers = headers.take(HEADERS_MAX).map(|it| {
            let name: String = it.key_lossy().chars().take(HEADER_MAX).collect();
            (name, Payload::new(it.value, HEADER_MAX))
        });
        RecordLine {
            name: format!("{partition}:{}", record.offset),
            partition,
            offset: record.offset.0,
            timestamp: record.timestamp.map(|it| it.0),
            stamped: match record.timestamp_type {
                TimestampType::LogAppendTime => "log_append",
                _ => "create",
            },
            key,
            value,
            headers: headers.collect(),
            header_count,
            codec: record.attributes.compression().map_or("?", |it| it.name()),
            is_transactional: record.attributes.is_transactional(),
            leader_epoch: record.leader_epoch.map(|it| it.0),
            producer: record.producer.map(|it| Producer {
                id: it.id.0,
                epoch: it.epoch.0,
                sequence: it.sequence,
            }),
        }
    }

    /// What it takes in memory, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let held = |it: &Payload| it.bytes.as_ref().map_or(0, |it| it.len());
        let headers = self.headers.iter().map(|(name, it)| name.len() + held(it) + 64);
        OVERHEAD + self.name.len() + held(&self.key) + held(&self.value) + headers.sum::<usize>()
    }

    /// What it is sorted by among records of other partitions.
    pub(crate) fn time(&self) -> i64 {
        self.timestamp.unwrap_or(i64::MIN)
    }

    /// All of it, with the fields of `kt consume -o jsonl --meta`.
    pub(crate) fn json(&self, topic: &str) -> Json {
        let header = |(key, it): &(String, Payload)| json!({ "key": key, "value": it.json() });
        let producer = self.producer;
        let mut all = json!({
            "topic": topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": self.timestamp,
            "timestamp_type": self.stamped,
            "key": self.key.json(),
            "value": self.value.json(),
            "headers": self.headers.iter().map(header).collect::<Vec<_>>(),
            "leader_epoch": self.leader_epoch,
            "producer_id": producer.map(|it| it.id),
            "producer_epoch": producer.map(|it| it.epoch),
            "sequence": producer.map(|it| it.sequence),
            "compression": self.codec,
            "key_bytes": self.key.size,
            "value_bytes": self.value.size,
        });
        if self.key.is_cut() || self.value.is_cut() || self.headers.len() < self.header_count {
            all["is_cut"] = json!(true);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_values_are_cut_and_say_how_large_they_were() {
        let large = vec![b'x'; PAYLOAD_MAX + 1];
        let payload = Payload::new(Some(&large), PAYLOAD_MAX);
        assert!(payload.is_cut());
        assert_eq!(payload.size, PAYLOAD_MAX + 1);
        assert_eq!(payload.bytes.as_ref().map(|it| it.len()), Some(PAYLOAD_MAX));
        let record = RecordLine { value: payload, ..RecordLine::default() };
        assert!(record.weight() < PAYLOAD_MAX + 2 * OVERHEAD);
        assert_eq!(record.json("t")["is_cut"], true);
    }

    #[test]
    fn a_cut_does_not_make_text_bytes() {
        let text = Payload::new(Some("aü".as_bytes()), 2);
        assert_eq!(text.text(), Some("a"));
        assert_eq!(Payload::new(Some(&[b'a', 0xff]), 9).text(), None);
        assert_eq!(Payload::new(Some(&[b'a', 0xff]), 9).words(), "a\\xff");
        assert_eq!(Payload::new(None, 9).words(), "null");
        assert_eq!(Payload::new(Some(b""), 9).text(), Some(""));
    }
}
