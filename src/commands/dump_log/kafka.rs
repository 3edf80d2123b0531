//! `-o kafka`: what `kafka-dump-log` prints of the same files, byte for byte. As there, what does
//! not fit is remarked on standard error.

use std::path::{Path, PathBuf};

use itoa::Buffer;
use kt_protocol::records::control::ControlType;
use kt_protocol::records::{BatchHeader, MAGIC_V2};
use kt_protocol::types::{Offset, Timestamp};
use kt_storage::inspect::{
    FileClass, FoundBatch, Listed, OffsetIndexEntry, TimeIndexEntry, WalkedBatch,
};
use kt_storage::metadata_snapshot::{BOOTSTRAP_FILE_NAME, SnapshotId};
use kt_storage::producer_state::SnapshotEntry;

use super::entries::control_of;
use super::findings::Findings;
use super::form::{Entry, Form, Lines};
use super::log::{DumpedRecord, timestamp_type};
use crate::error::CliError;
use crate::internal_records::{Decoder, Undecoded, as_kafka_writes};
use crate::terminal::escape_bytes_into;

/// The remarks on a file so far: a title stands above the first of each sort.
#[derive(Debug, Default)]
struct Remarks {
    path: PathBuf,
    titles: Vec<&'static str>,
}

impl Remarks {
    fn add(&mut self, title: &'static str, line: &str) {
        if !self.titles.contains(&title) {
            self.titles.push(title);
            let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
            eprintln!("{title}{}", path.display());
        }
        eprintln!("{line}");
    }
}

/// Kafka's lines.
pub(super) struct KafkaForm {
    lines: Lines,
    for_terminal: bool,
    remarks: Remarks,
    /// The offset of the record before, -1 in front of the first.
    last_offset: i64,
    is_empty: bool,
}

impl KafkaForm {
    pub(super) fn new(for_terminal: bool) -> KafkaForm {
        let (lines, remarks) = (Lines::default(), Remarks::default());
        KafkaForm { lines, for_terminal, remarks, last_offset: -1, is_empty: true }
    }

    fn text(&mut self, text: &str) {
        self.lines.bytes.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, label: &str, number: impl itoa::Integer) {
        self.text(label);
        self.lines.bytes.extend_from_slice(Buffer::new().format(number).as_bytes());
    }

    /// Bytes as text: on a terminal they must not drive it.
    fn payload(&mut self, label: &str, bytes: &[u8]) {
        self.text(label);
        if self.for_terminal {
            return escape_bytes_into(bytes, &mut self.lines.bytes);
        }
        for chunk in bytes.utf8_chunks() {
            self.lines.bytes.extend_from_slice(chunk.valid().as_bytes());
            if !chunk.invalid().is_empty() {
                self.text("\u{fffd}");
            }
        }
    }

    fn title(&mut self, file: &Listed) {
        let name = file.path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        match (file.class, SnapshotId::parse(name)) {
            (FileClass::Log, _) => {
                self.number("Log starting offset: ", file.base_offset.0);
                self.text("\n");
            }
            (FileClass::MetadataSnapshot, Some(id)) => {
                self.number("Snapshot end offset: ", id.end_offset.0);
                self.number(", epoch: ", id.epoch.0);
                self.text("\n");
            }
            (FileClass::MetadataSnapshot, None) if name == BOOTSTRAP_FILE_NAME => {
                self.text("KRaft bootstrap snapshot\n");
            }
            _ => {}
        }
    }

    fn batch_fields(&mut self, header: &BatchHeader) {
        self.number("baseOffset: ", header.base_offset().0);
        self.number(" lastOffset: ", header.last_offset().0);
        self.number(" count: ", header.records_count());
        self.number(" baseSequence: ", header.base_sequence());
        self.number(" lastSequence: ", header.last_sequence());
        self.number(" producerId: ", header.producer_id().0);
        self.number(" producerEpoch: ", header.producer_epoch().0);
        self.number(" partitionLeaderEpoch: ", header.partition_leader_epoch().0);
        self.text(" isTransactional: ");
        self.text(truth(header.is_transactional()));
        self.text(" isControl: ");
        self.text(truth(header.is_control()));
        match header.delete_horizon() {
            Some(time) => {
                self.number(" deleteHorizonMs: OptionalLong[", time.0);
                self.text("]");
            }
            None => self.text(" deleteHorizonMs: OptionalLong.empty"),
        }
    }

    fn contents(&mut self, record: &DumpedRecord<'_>) {
        let view = &record.view;
        if record.batch.is_control() {
            return self.control(record);
        }
        if let Some(decoder) = record.decoder {
            return self.decoded(decoder, record);
        }
        if let Some(key) = view.key {
            self.payload(" key: ", key);
        }
        if let Some(value) = view.value {
            self.payload(" payload: ", value);
        }
    }

    fn control(&mut self, record: &DumpedRecord<'_>) {
        let Some((kind, data)) = control_of(&record.view) else {
            let code = record.view.key.and_then(|it| it.get(2..4)).unwrap_or(&[0, 0]);
            self.number(" controlType: UNKNOWN(", i16::from_be_bytes([code[0], code[1]]));
            return self.text(")");
        };
        let label = match kind {
            ControlType::Abort | ControlType::Commit => {
                self.text(" endTxnMarker: ");
                self.text(kind.name());
                let epoch = data.get("coordinatorEpoch").and_then(serde_json::Value::as_i64);
                return self.number(" coordinatorEpoch: ", epoch.unwrap_or(-1));
            }
            ControlType::LeaderChange => " LeaderChange: ",
            ControlType::SnapshotHeader => " SnapshotHeader ",
            ControlType::SnapshotFooter => " SnapshotFooter ",
            ControlType::KRaftVersion => " KRaftVersion ",
            ControlType::KRaftVoters => " KRaftVoters ",
        };
        self.payload(label, as_kafka_writes(&data).as_bytes());
    }

    fn decoded(&mut self, decoder: Decoder, record: &DumpedRecord<'_>) {
        let offset = record.view.offset;
        match decoder.decode(record.view.key, record.view.value) {
            Ok(decoded) => {
                if let Some(key) = decoded.kafka_key() {
                    self.payload(" key: ", key.as_bytes());
                }
                self.payload(" payload: ", decoded.kafka_value().as_bytes());
            }
            Err(error) if decoder == Decoder::Metadata => {
                let text = format!("Error at {offset}, skipping. {error}");
                self.payload(" payload: ", text.as_bytes());
            }
            Err(Undecoded::UnknownType(number)) => {
                let text = format!("Unknown record type {number} at offset {offset}, skipping.");
                self.payload(" key: ", text.as_bytes());
            }
            Err(error) => {
                let text = format!("Error at offset {offset}, skipping. {error}");
                self.payload(" key: ", text.as_bytes());
            }
        }
    }

    fn offset_index(&mut self, entry: &OffsetIndexEntry) {
        self.number("offset: ", entry.offset.0);
        self.number(" position: ", entry.position);
        self.text("\n");
        if let FoundBatch::LastOffset(found) = entry.found
            && found != entry.offset
        {
            let line = format!("  Index offset: {}, log offset: {found}", entry.offset);
            self.remarks.add("Mismatches in :", &line);
        }
    }

    fn time_index(&mut self, entry: &TimeIndexEntry, previous: Timestamp) {
        self.number("timestamp: ", entry.timestamp.0);
        self.number(" offset: ", entry.offset.0);
        self.text("\n");
        let TimeIndexEntry { timestamp, offset, found, .. } = *entry;
        let last_offset = found.map_or(Offset(-1), |it| it.last_offset);
        if last_offset != offset {
            let line = format!("Indexed offset: {offset}, found log offset: {last_offset}");
            return self.remarks.add("The following indexed offsets are not found in :", &line);
        }
        // Kafka looks at the records, and compaction may have taken all of them.
        let in_log = found.filter(|it| !it.is_empty).map_or(Timestamp::NONE, |it| it.timestamp);
        if in_log != timestamp {
            let line = format!("  Index timestamp: {timestamp}, log timestamp: {in_log}");
            self.remarks.add("Found timestamp mismatch in :", &line);
        }
        if timestamp <= previous {
            let line =
                format!("  Index timestamp: {timestamp}, Previously indexed timestamp: {previous}");
            self.remarks.add("Found out of order timestamp in :", &line);
        }
    }

    fn producer(&mut self, entry: &SnapshotEntry) {
        self.number("producerId: ", entry.producer_id.0);
        self.number(" producerEpoch: ", entry.producer_epoch.0);
        self.number(" coordinatorEpoch: ", entry.coordinator_epoch);
        match entry.transaction_first_offset {
            Some(offset) => {
                self.number(" currentTxnFirstOffset: OptionalLong[", offset.0);
                self.text("]");
            }
            None => self.text(" currentTxnFirstOffset: OptionalLong.empty"),
        }
        self.number(" lastTimestamp: ", entry.timestamp.0);
        if let Some(batch) = &entry.last_batch {
            self.number(" firstSequence: ", batch.base_sequence());
            self.number(" lastSequence: ", batch.last_sequence);
            self.number(" lastOffset: ", batch.last_offset.0);
            self.number(" offsetDelta: ", batch.offset_delta);
            self.number(" timestamp: ", batch.timestamp.0);
        }
        self.text("\n");
    }
}

fn truth(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}

/// Kafka's tool has no form for files of text.
fn is_text(file: &Listed) -> bool {
    matches!(file.class, FileClass::LeaderEpochs | FileClass::PartitionOffsets)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Form for KafkaForm {
    fn begin(&mut self, file: &Listed) -> Result<(), CliError> {
        if is_text(file) {
            return Ok(());
        }
        self.last_offset = -1;
        self.is_empty = true;
        self.remarks = Remarks { path: file.path.clone(), titles: Vec::new() };
        self.payload("Dumping ", shown(&file.path).as_bytes());
        self.text("\n");
        self.title(file);
        self.lines.line_ended()
    }

    fn batch(&mut self, _file: &Listed, batch: &WalkedBatch<'_>) -> Result<(), CliError> {
        let header = &batch.header;
        match header.magic() {
            MAGIC_V2 => self.batch_fields(header),
            _ => self.number("offset: ", header.last_offset().0),
        }
        self.number(" position: ", batch.position);
        self.text(" ");
        self.text(timestamp_type(header).name());
        self.number(": ", header.max_timestamp().0);
        self.number(" size: ", header.size());
        self.number(" magic: ", header.magic());
        self.text(" compresscodec: ");
        self.text(header.compression().map_or("unknown", |it| it.name()));
        self.number(" crc: ", header.crc());
        self.text(" isvalid: ");
        self.text(truth(batch.is_intact));
        self.text("\n");
        self.lines.line_ended()
    }

    fn record(&mut self, _file: &Listed, record: &DumpedRecord<'_>) -> Result<(), CliError> {
        let view = &record.view;
        let offset = view.offset.0;
        if offset != self.last_offset.wrapping_add(1) {
            let line = format!("  {} is followed by {offset}", self.last_offset);
            self.remarks.add("Non-consecutive offsets in ", &line);
        }
        self.last_offset = offset;
        let size = |bytes: Option<&[u8]>| bytes.map_or(-1, |it| it.len() as i64);
        self.number("| offset: ", offset);
        self.text(" ");
        self.text(timestamp_type(record.batch).name());
        self.number(": ", view.timestamp.0);
        self.number(" keySize: ", size(view.key));
        self.number(" valueSize: ", size(view.value));
        match record.own_checksum {
            Some(own) => {
                self.text(" isValid: ");
                self.text(truth(own.is_valid));
                self.number(" crc: ", own.crc);
            }
            None => {
                self.number(" sequence: ", record.sequence());
                self.text(" headerKeys: [");
                for (index, header) in view.headers().enumerate() {
                    self.payload(if index == 0 { "" } else { "," }, header.key_bytes);
                }
                self.text("]");
            }
        }
        self.contents(record);
        self.text("\n");
        self.lines.line_ended()
    }

    fn entry(&mut self, _file: &Listed, entry: &Entry) -> Result<(), CliError> {
        self.is_empty = false;
        match entry {
            Entry::OffsetIndex(entry) => self.offset_index(entry),
            Entry::TimeIndex(entry, previous) => self.time_index(entry, *previous),
            Entry::Transaction(entry) => {
                let aborted = &entry.aborted;
                self.number("version: 0 producerId: ", aborted.producer_id.0);
                self.number(" firstOffset: ", aborted.first_offset.0);
                self.number(" lastOffset: ", aborted.last_offset.0);
                self.number(" lastStableOffset: ", aborted.last_stable_offset.0);
                self.text("\n");
            }
            Entry::Producer(entry) => self.producer(entry),
            Entry::LeaderEpoch(_) | Entry::PartitionOffset(..) => {}
        }
        self.lines.line_ended()
    }

    fn trailing(&mut self, file: &Listed, bytes: u64) -> Result<(), CliError> {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.number("Found ", bytes);
        self.payload(" invalid bytes at the end of ", name.as_bytes());
        self.text("\n");
        self.lines.line_ended()
    }

    fn end(&mut self) -> Result<(), CliError> {
        // Kafka says this of an offset index only.
        if self.is_empty && self.remarks.path.extension().is_some_and(|it| it == "index") {
            let path = shown(&self.remarks.path);
            self.payload("", path.as_bytes());
            self.text(" is empty.\n");
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, _findings: &Findings<'_>) -> Result<(), CliError> {
        self.lines.flush()
    }
}
