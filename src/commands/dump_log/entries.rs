//! The items of `json` and its kin: one for each batch, record or entry.

use std::borrow::Cow;

use bytes::Bytes;
use kt_protocol::codec::Message;
use kt_protocol::messages::{
    EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord,
    SnapshotHeaderRecord, VotersRecord,
};
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchHeader, RecordView, TimestampType};
use kt_storage::inspect::{Listed, WalkedBatch};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::form::Entry;
use super::log::{DumpedRecord, timestamp_type};
use crate::base64;
use crate::error::CliError;
use crate::output::{Cell, Column, DocumentKind, Item, Table};

/// The kind of the envelope.
pub(super) const KIND: &str = "dump-log";

/// One batch, record or entry.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum DumpItem<'a> {
    Batch(BatchItem<'a>),
    Record(Box<RecordItem<'a>>),
    OffsetIndexEntry {
        path: Cow<'a, str>,
        position: u64,
        offset: i64,
        log_position: i32,
    },
    TimeIndexEntry {
        path: Cow<'a, str>,
        position: u64,
        timestamp: Option<i64>,
        offset: i64,
    },
    AbortedTransaction {
        path: Cow<'a, str>,
        position: u64,
        producer_id: i64,
        first_offset: i64,
        last_offset: i64,
        last_stable_offset: i64,
    },
    Producer {
        path: Cow<'a, str>,
        producer_id: i64,
        producer_epoch: i16,
        coordinator_epoch: Option<i64>,
        transaction_first_offset: Option<i64>,
        timestamp: Option<i64>,
        base_sequence: Option<i32>,
        last_sequence: Option<i32>,
        last_offset: Option<i64>,
    },
    LeaderEpoch {
        path: Cow<'a, str>,
        leader_epoch: i32,
        start_offset: i64,
    },
    PartitionOffset {
        path: Cow<'a, str>,
        topic: &'a str,
        partition: i32,
        offset: i64,
    },
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct BatchItem<'a> {
    path: Cow<'a, str>,
    topic: Option<&'a str>,
    partition: Option<i32>,
    position: u64,
    size_bytes: usize,
    magic: i8,
    base_offset: i64,
    last_offset: i64,
    records: Option<i32>,
    compression: Option<&'static str>,
    timestamp_type: Option<&'static str>,
    base_timestamp: Option<i64>,
    max_timestamp: Option<i64>,
    delete_horizon_ms: Option<i64>,
    leader_epoch: Option<i64>,
    producer_id: Option<i64>,
    producer_epoch: Option<i64>,
    base_sequence: Option<i64>,
    last_sequence: Option<i64>,
    transactional: bool,
    control: bool,
    crc: u32,
    valid: bool,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct RecordItem<'a> {
    topic: Option<&'a str>,
    partition: Option<i32>,
    offset: i64,
    timestamp: Option<i64>,
    timestamp_type: Option<&'static str>,
    key: Option<Payload<'a>>,
    value: Option<Payload<'a>>,
    headers: Vec<HeaderItem<'a>>,
    leader_epoch: Option<i64>,
    producer_id: Option<i64>,
    producer_epoch: Option<i64>,
    sequence: Option<i64>,
    transactional: bool,
    control: Option<ControlItem>,
    path: Cow<'a, str>,
    position: u64,
}

/// Text where the bytes are text, else base64; or what they stand for.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Text(&'a str),
    Bytes { base64: String },
    Decoded(Value),
}

#[derive(Debug, JsonSchema, Serialize)]
struct HeaderItem<'a> {
    key: Cow<'a, str>,
    value: Option<Payload<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct ControlItem {
    #[serde(rename = "type")]
    control_type: &'static str,
    data: Value,
}

/// Unknown is -1 in the files, and null for programs.
fn known(number: impl Into<i64>) -> Option<i64> {
    let number = number.into();
    (0 <= number).then_some(number)
}

fn type_name(header: &BatchHeader) -> Option<&'static str> {
    match timestamp_type(header) {
        TimestampType::NoTimestampType => None,
        TimestampType::CreateTime => Some("create"),
        TimestampType::LogAppendTime => Some("log_append"),
    }
}

fn payload(bytes: Option<&[u8]>) -> Option<Payload<'_>> {
    let bytes = bytes?;
    Some(match std::str::from_utf8(bytes) {
        Ok(text) => Payload::Text(text),
        Err(_) => {
            let mut encoded = Vec::new();
            base64::encode_into(bytes, &mut encoded);
            Payload::Bytes { base64: String::from_utf8_lossy(&encoded).into_owned() }
        }
    })
}

/// A control record, read: its type and what its value says. None if it is of a later Kafka, or
/// its bytes are no such record.
pub(super) fn control_of(record: &RecordView<'_>) -> Option<(ControlType, Value)> {
    let kind = ControlType::from_key(record.key).ok()?;
    let value = record.value?;
    let data = match kind {
        // Before the message stands its version.
        ControlType::Abort | ControlType::Commit => json_of::<EndTxnMarker>(value.get(2..)?, 0),
        ControlType::LeaderChange => json_of_versioned::<LeaderChangeMessage>(value),
        ControlType::SnapshotHeader => json_of_versioned::<SnapshotHeaderRecord>(value),
        ControlType::SnapshotFooter => json_of_versioned::<SnapshotFooterRecord>(value),
        ControlType::KRaftVersion => json_of_versioned::<KRaftVersionRecord>(value),
        ControlType::KRaftVoters => json_of_versioned::<VotersRecord>(value),
    };
    Some((kind, data?))
}

/// These messages begin with their own version.
fn json_of_versioned<M: Message>(value: &[u8]) -> Option<Value> {
    let [high, low] = value.first_chunk()?;
    json_of::<M>(value, i16::from_be_bytes([*high, *low]))
}

fn json_of<M: Message>(value: &[u8], version: i16) -> Option<Value> {
    let message = M::decode_all(&Bytes::copy_from_slice(value), version).ok()?;
    message.to_json(version).ok()
}

impl<'a> DumpItem<'a> {
    pub(super) fn of_batch(file: &'a Listed, batch: &WalkedBatch<'_>) -> DumpItem<'a> {
        let header = &batch.header;
        let is_old = header.magic() < 2;
        DumpItem::Batch(BatchItem {
            path: file.path.to_string_lossy(),
            topic: file.partition.as_ref().map(|it| &*it.topic),
            partition: file.partition.as_ref().map(|it| it.partition.0),
            position: batch.position,
            size_bytes: header.size(),
            magic: header.magic(),
            base_offset: header.base_offset().0,
            last_offset: header.last_offset().0,
            // A message of old does not say how many are in it.
            records: (!is_old).then(|| header.records_count()),
            compression: header.compression().ok().map(|it| it.name()),
            timestamp_type: type_name(header),
            base_timestamp: known(header.base_timestamp().0),
            max_timestamp: known(header.max_timestamp().0),
            delete_horizon_ms: header.delete_horizon().map(|it| it.0),
            leader_epoch: known(header.partition_leader_epoch().0),
            producer_id: known(header.producer_id().0),
            producer_epoch: known(header.producer_epoch().0),
            base_sequence: known(header.base_sequence()),
            last_sequence: known(header.last_sequence()),
            transactional: header.is_transactional(),
            control: header.is_control(),
            crc: header.crc(),
            valid: batch.is_intact,
        })
    }

    pub(super) fn of_record(file: &'a Listed, record: &'a DumpedRecord<'_>) -> DumpItem<'a> {
        let (header, view) = (record.batch, &record.view);
        let (key, value) = payloads(record);
        let headers = view.headers();
        let headers =
            headers.map(|it| HeaderItem { key: it.key_lossy(), value: payload(it.value) });
        let control = if header.is_control() { control_of(view) } else { None };
        DumpItem::Record(Box::new(RecordItem {
            topic: file.partition.as_ref().map(|it| &*it.topic),
            partition: file.partition.as_ref().map(|it| it.partition.0),
            offset: view.offset.0,
            timestamp: known(view.timestamp.0),
            timestamp_type: type_name(header),
            key,
            value,
            headers: headers.collect(),
            leader_epoch: known(header.partition_leader_epoch().0),
            producer_id: known(header.producer_id().0),
            producer_epoch: known(header.producer_epoch().0),
            sequence: known(record.sequence()),
            transactional: header.is_transactional(),
            control: control.map(|(kind, data)| ControlItem { control_type: kind.name(), data }),
            path: file.path.to_string_lossy(),
            position: record.position,
        }))
    }

    /// None for the zeros of an index that was not yet written.
    pub(super) fn of_entry(file: &'a Listed, entry: &'a Entry) -> Option<DumpItem<'a>> {
        let path = file.path.to_string_lossy();
        Some(match entry {
            Entry::OffsetIndex(entry) if entry.is_blank => return None,
            Entry::TimeIndex(entry, _) if entry.is_blank => return None,
            Entry::OffsetIndex(entry) => DumpItem::OffsetIndexEntry {
                path,
                position: entry.at,
                offset: entry.offset.0,
                log_position: entry.position,
            },
            Entry::TimeIndex(entry, _) => DumpItem::TimeIndexEntry {
                path,
                position: entry.at,
                timestamp: known(entry.timestamp.0),
                offset: entry.offset.0,
            },
            Entry::Transaction(entry) => DumpItem::AbortedTransaction {
                path,
                position: entry.at,
                producer_id: entry.aborted.producer_id.0,
                first_offset: entry.aborted.first_offset.0,
                last_offset: entry.aborted.last_offset.0,
                last_stable_offset: entry.aborted.last_stable_offset.0,
            },
            Entry::Producer(entry) => DumpItem::Producer {
                path,
                producer_id: entry.producer_id.0,
                producer_epoch: entry.producer_epoch.0,
                coordinator_epoch: known(entry.coordinator_epoch),
                transaction_first_offset: entry.transaction_first_offset.map(|it| it.0),
                timestamp: known(entry.timestamp.0),
                base_sequence: entry.last_batch.as_ref().map(|it| it.base_sequence()),
                last_sequence: entry.last_batch.as_ref().map(|it| it.last_sequence),
                last_offset: entry.last_batch.as_ref().map(|it| it.last_offset.0),
            },
            Entry::LeaderEpoch(entry) => DumpItem::LeaderEpoch {
                path,
                leader_epoch: entry.epoch.0,
                start_offset: entry.start_offset.0,
            },
            Entry::PartitionOffset(partition, offset) => DumpItem::PartitionOffset {
                path,
                topic: &partition.topic,
                partition: partition.partition.0,
                offset: offset.0,
            },
        })
    }
}

/// Key and value, decoded where they are of an internal topic and can be.
fn payloads<'a>(record: &'a DumpedRecord<'_>) -> (Option<Payload<'a>>, Option<Payload<'a>>) {
    let (key, value) = (record.view.key, record.view.value);
    match record.decoder.map(|it| it.decode(key, value)) {
        Some(Ok(decoded)) => {
            let shown = |value: Value| (!value.is_null()).then_some(Payload::Decoded(value));
            (shown(decoded.key()), shown(decoded.value()))
        }
        _ => (payload(key), payload(value)),
    }
}

/// An item that is kept until all are known.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(transparent)]
pub(super) struct Collected(#[schemars(with = "DumpItem<'static>")] Value);

impl Collected {
    pub(super) fn of(item: &DumpItem<'_>) -> Result<Collected, CliError> {
        let value = serde_json::to_value(item);
        value.map(Collected).map_err(|error| CliError::other(error.to_string()))
    }

    fn cell(&self, field: &str) -> Cell {
        match self.0.get(field) {
            None | Some(Value::Null) => Cell::Unknown,
            Some(Value::String(text)) => Cell::text(text),
            Some(Value::Bool(flag)) => Cell::Flag(*flag),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(number) => Cell::Number(number),
                None => Cell::text(number.to_string()),
            },
            Some(other) => Cell::text(other.to_string()),
        }
    }
}

/// What is printed, for `kt schema`.
pub(crate) const DOCUMENT: DocumentKind = DocumentKind::of::<Collected>();

/// Every field of every kind: a row has those of its own.
const COLUMNS: [Column; 34] = [
    Column::text("kind"),
    Column::text("path"),
    Column::number("position"),
    Column::text("topic"),
    Column::number("partition"),
    Column::number("offset"),
    Column::number("base_offset"),
    Column::number("first_offset"),
    Column::number("start_offset"),
    Column::number("last_offset"),
    Column::number("last_stable_offset"),
    Column::number("transaction_first_offset"),
    Column::number("log_position"),
    Column::number("size_bytes"),
    Column::number("records"),
    Column::number("magic"),
    Column::text("compression"),
    Column::text("timestamp_type"),
    Column::number("timestamp"),
    Column::number("base_timestamp"),
    Column::number("max_timestamp"),
    Column::number("delete_horizon_ms"),
    Column::number("leader_epoch"),
    Column::number("producer_id"),
    Column::number("producer_epoch"),
    Column::number("coordinator_epoch"),
    Column::number("sequence"),
    Column::number("base_sequence"),
    Column::number("last_sequence"),
    Column::text("transactional"),
    Column::text("control"),
    Column::text("valid"),
    Column::text("key"),
    Column::text("value"),
];

impl Item for Collected {
    const KIND: &'static str = KIND;

    fn name(&self) -> String {
        self.0.get("path").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn tables(items: &[Self]) -> Vec<Table> {
        let mut table = Table::new(&COLUMNS);
        for item in items {
            table.row(COLUMNS.iter().map(|it| item.cell(it.field)).collect());
        }
        vec![table]
    }
}
