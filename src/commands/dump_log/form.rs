//! The forms of the output: what each makes of batches, records and entries.

use std::io::{self, Write};

use jiff::Timestamp;
use kt_protocol::types::{Offset, Timestamp as RecordTimestamp, TopicPartition};
use kt_storage::inspect::{
    Listed, OffsetIndexEntry, TimeIndexEntry, TransactionEntry, WalkedBatch,
};
use kt_storage::leader_epochs::EpochEntry;
use kt_storage::producer_state::SnapshotEntry;

use super::DumpLogArgs;
use super::entries::{Collected, DumpItem, KIND};
use super::findings::Findings;
use super::kafka::KafkaForm;
use super::log::DumpedRecord;
use super::table::TableForm;
use crate::error::CliError;
use crate::output::{ENVELOPE_VERSION, Format, Report, Scope, Stream, Style, View};
use crate::session::Session;

/// An entry of a file that is no log.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// Of an `.index`.
    OffsetIndex(OffsetIndexEntry),
    /// Of a `.timeindex`, with the timestamp of the entry before it.
    TimeIndex(TimeIndexEntry, RecordTimestamp),
    /// Of a `.txnindex`.
    Transaction(TransactionEntry),
    /// Of a `.snapshot`.
    Producer(SnapshotEntry),
    /// Of a `leader-epoch-checkpoint`.
    LeaderEpoch(EpochEntry),
    /// Of a file with an offset for each partition.
    PartitionOffset(TopicPartition, Offset),
}

/// One form of the output. Nothing is kept but what is not yet written.
pub(super) trait Form {
    /// A file follows.
    fn begin(&mut self, file: &Listed) -> Result<(), CliError>;
    /// A batch; those that are damaged too.
    fn batch(&mut self, file: &Listed, batch: &WalkedBatch<'_>) -> Result<(), CliError>;
    /// A record of the batch before.
    fn record(&mut self, file: &Listed, record: &DumpedRecord<'_>) -> Result<(), CliError>;
    /// An entry of a file that is no log.
    fn entry(&mut self, file: &Listed, entry: &Entry) -> Result<(), CliError>;
    /// Bytes at the end of the log that are no batch.
    fn trailing(&mut self, _file: &Listed, _bytes: u64) -> Result<(), CliError> {
        Ok(())
    }
    /// The file has ended.
    fn end(&mut self) -> Result<(), CliError> {
        Ok(())
    }
    /// All files have ended.
    fn finish(self: Box<Self>, findings: &Findings<'_>) -> Result<(), CliError>;
}

/// The form that the flags ask for.
pub(super) fn choose(args: &DumpLogArgs, session: &Session) -> Result<Box<dyn Form>, CliError> {
    let view = session.globals.view();
    let is_all = view.fields.is_empty() && view.sort.is_none();
    let for_terminal = session.terminal.stdout_is_terminal;
    Ok(match session.format() {
        Format::Kafka if !is_all => {
            let message = "-o kafka has its own fields and order";
            return Err(CliError::usage(message).hint("-o tsv"));
        }
        Format::Kafka if args.condition.is_some() => {
            let message = "-o kafka shows batches with all their records: not with --where";
            return Err(CliError::usage(message).hint("-o jsonl"));
        }
        Format::Kafka => Box::new(KafkaForm::new(for_terminal)),
        Format::Table if is_all => Box::new(TableForm::new(session, Scope::Table, args)),
        Format::Wide if is_all => Box::new(TableForm::new(session, Scope::Wide, args)),
        Format::Jsonl if view.sort.is_none() => {
            Box::new(JsonForm::lines(args.shows_records(), for_terminal, view))
        }
        Format::Json if view.sort.is_none() => {
            Box::new(JsonForm::document(args.shows_records(), for_terminal, view))
        }
        format => Box::new(StreamForm::new(format, view, session.style(), args.shows_records())),
    })
}

/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 << 10;

/// Output on its way to stdout, many lines at once.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
}

impl Lines {
    /// Writes what has gathered, if it is worth it.
    pub(super) fn line_ended(&mut self) -> Result<(), CliError> {
        if self.bytes.len() < WRITE_BYTES {
            return Ok(());
        }
        self.flush()
    }

    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(&self.bytes)?;
        out.flush()?;
        self.bytes.clear();
        // One record of many megabytes is no reason to keep its memory.
        self.bytes.shrink_to(4 * WRITE_BYTES);
        Ok(())
    }
}

/// `-o jsonl` and `-o json`: items as they come, the latter with the envelope around them.
struct JsonForm {
    lines: Lines,
    records: bool,
    for_terminal: bool,
    view: View,
    is_document: bool,
    is_first: bool,
}

impl JsonForm {
    fn lines(records: bool, for_terminal: bool, view: View) -> JsonForm {
        let lines = Lines::default();
        JsonForm { lines, records, for_terminal, view, is_document: false, is_first: true }
    }

    fn document(records: bool, for_terminal: bool, view: View) -> JsonForm {
        let lines = JsonForm::lines(records, for_terminal, view);
        let mut form = JsonForm { is_document: true, ..lines };
        let head = format!(
            "{{\"kind\":\"{KIND}\",\"version\":{ENVELOPE_VERSION},\"cluster_id\":null,\
             \"time\":\"{:.3}\",\"items\":[",
            Timestamp::now()
        );
        form.lines.bytes.extend_from_slice(head.as_bytes());
        form
    }

    fn item(&mut self, item: &DumpItem<'_>) -> Result<(), CliError> {
        if self.is_document {
            let separator: &[u8] = if self.is_first { b"\n" } else { b",\n" };
            self.lines.bytes.extend_from_slice(separator);
            self.is_first = false;
        }
        let from = self.lines.bytes.len();
        if self.view.fields.is_empty() {
            serde_json::to_writer(&mut self.lines.bytes, item).map_err(io::Error::from)?;
        } else {
            let item = serde_json::to_value(item).map_err(io::Error::from)?;
            let picked = self.view.picked(&item)?;
            serde_json::to_writer(&mut self.lines.bytes, &picked).map_err(io::Error::from)?;
        }
        if self.for_terminal {
            escape_beyond_json(&mut self.lines.bytes, from);
        }
        if !self.is_document {
            self.lines.bytes.push(b'\n');
        }
        self.lines.line_ended()
    }
}

/// JSON leaves control characters above U+001F as they are; a terminal would obey them.
fn escape_beyond_json(bytes: &mut Vec<u8>, from: usize) {
    let Ok(text) = std::str::from_utf8(&bytes[from..]) else { return };
    if !text.contains(char::is_control) {
        return;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character.is_control() {
            true => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => escaped.push(character),
        }
    }
    bytes.truncate(from);
    bytes.extend_from_slice(escaped.as_bytes());
}

impl Form for JsonForm {
    fn begin(&mut self, _file: &Listed) -> Result<(), CliError> {
        Ok(())
    }

    fn batch(&mut self, file: &Listed, batch: &WalkedBatch<'_>) -> Result<(), CliError> {
        if self.records { Ok(()) } else { self.item(&DumpItem::of_batch(file, batch)) }
    }

    fn record(&mut self, file: &Listed, record: &DumpedRecord<'_>) -> Result<(), CliError> {
        self.item(&DumpItem::of_record(file, record))
    }

    fn entry(&mut self, file: &Listed, entry: &Entry) -> Result<(), CliError> {
        DumpItem::of_entry(file, entry).map_or(Ok(()), |item| self.item(&item))
    }

    fn finish(mut self: Box<Self>, findings: &Findings<'_>) -> Result<(), CliError> {
        if self.is_document {
            self.lines.bytes.extend_from_slice(b"],\"errors\":");
            let errors = findings.errors();
            serde_json::to_writer(&mut self.lines.bytes, errors).map_err(io::Error::from)?;
            self.lines.bytes.extend_from_slice(b"}\n");
        }
        self.lines.flush()
    }
}

/// The forms that a report has too: block by block.
struct StreamForm {
    lines: Lines,
    records: bool,
    stream: Stream<Collected>,
}

impl StreamForm {
    fn new(format: Format, view: View, style: Style, records: bool) -> StreamForm {
        let (items, errors) = (Vec::new(), Vec::new());
        let report = Report { cluster_id: None, time: Timestamp::now(), items, errors };
        let stream = Stream::new(format, view, style, report);
        StreamForm { lines: Lines::default(), records, stream }
    }

    fn item(&mut self, item: &DumpItem<'_>, bytes: usize) -> Result<(), CliError> {
        self.stream.item(Collected::of(item)?, bytes, &mut self.lines.bytes)?;
        self.lines.line_ended()
    }
}

impl Form for StreamForm {
    fn begin(&mut self, _file: &Listed) -> Result<(), CliError> {
        Ok(())
    }

    fn batch(&mut self, file: &Listed, batch: &WalkedBatch<'_>) -> Result<(), CliError> {
        if self.records { Ok(()) } else { self.item(&DumpItem::of_batch(file, batch), 0) }
    }

    fn record(&mut self, file: &Listed, record: &DumpedRecord<'_>) -> Result<(), CliError> {
        self.item(&DumpItem::of_record(file, record), record.payload_bytes())
    }

    fn entry(&mut self, file: &Listed, entry: &Entry) -> Result<(), CliError> {
        DumpItem::of_entry(file, entry).map_or(Ok(()), |item| self.item(&item, 0))
    }

    fn finish(self: Box<Self>, findings: &Findings<'_>) -> Result<(), CliError> {
        let StreamForm { mut lines, stream, .. } = *self;
        stream.finish(findings.errors(), &mut lines.bytes)?;
        lines.flush()
    }
}
