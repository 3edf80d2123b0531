//! `-o table` and `-o wide`: rows as they come, so the widths are given and not found.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_protocol::types::Timestamp as RecordTimestamp;
use kt_storage::inspect::{Listed, WalkedBatch};

use super::DumpLogArgs;
use super::entries::control_of;
use super::findings::Findings;
use super::form::{Entry, Form, Lines};
use super::log::DumpedRecord;
use crate::error::CliError;
use crate::internal_records::as_kafka_writes;
use crate::output::Scope;
use crate::session::Session;
use crate::terminal::{escape_bytes_into, escaped};

/// A column: its title, and the width that most of its values have. Numbers stand right.
#[derive(Clone, Copy)]
struct Column {
    title: &'static str,
    width: usize,
    is_number: bool,
    is_wide: bool,
}

const fn number(title: &'static str, width: usize) -> Column {
    Column { title, width, is_number: true, is_wide: false }
}

const fn text(title: &'static str, width: usize) -> Column {
    Column { title, width, is_number: false, is_wide: false }
}

const fn wide(column: Column) -> Column {
    Column { is_wide: true, ..column }
}

const TIME_WIDTH: usize = 23;

const BATCH: &[Column] = &[
    number("POSITION", 11),
    number("BASE OFFSET", 12),
    number("LAST OFFSET", 12),
    number("RECORDS", 7),
    text("MAX TIMESTAMP", TIME_WIDTH),
    number("SIZE BYTES", 10),
    text("CODEC", 6),
    number("EPOCH", 5),
    number("PRODUCER", 9),
    number("SEQUENCE", 9),
    wide(number("MAGIC", 5)),
    wide(number("CRC", 10)),
    text("NOTES", 0),
];

const RECORD: &[Column] = &[
    number("OFFSET", 12),
    text("TIMESTAMP", TIME_WIDTH),
    wide(number("PRODUCER", 9)),
    wide(number("SEQUENCE", 9)),
    wide(number("HEADERS", 7)),
    text("KEY", 20),
    text("VALUE", 0),
];

const OFFSET_INDEX: &[Column] =
    &[number("POSITION", 11), number("OFFSET", 12), number("LOG POSITION", 12)];

const TIME_INDEX: &[Column] =
    &[number("POSITION", 11), text("TIMESTAMP", TIME_WIDTH), number("OFFSET", 12)];

const TRANSACTION: &[Column] = &[
    number("POSITION", 11),
    number("PRODUCER", 9),
    number("FIRST OFFSET", 12),
    number("LAST OFFSET", 12),
    number("LAST STABLE OFFSET", 18),
];

const PRODUCER: &[Column] = &[
    number("PRODUCER", 9),
    number("LAST SEQUENCE", 13),
    number("LAST OFFSET", 12),
    text("TIMESTAMP", TIME_WIDTH),
    number("COORDINATOR EPOCH", 17),
    number("OPEN TRANSACTION FROM", 21),
];

const LEADER_EPOCH: &[Column] = &[number("EPOCH", 5), number("START OFFSET", 12)];

const PARTITION_OFFSET: &[Column] = &[number("OFFSET", 12), text("PARTITION", 0)];

/// Rows under a heading for each file.
pub(super) struct TableForm {
    lines: Lines,
    scope: Scope,
    records: bool,
    header: bool,
    colors: bool,
    for_terminal: bool,
    zone: TimeZone,
    is_first_file: bool,
    has_title: bool,
    /// Files that hold nothing of what was asked for are not named.
    names_all_files: bool,
    /// The file that is not yet named.
    heading: Option<String>,
}

impl TableForm {
    pub(super) fn new(session: &Session, scope: Scope, args: &DumpLogArgs) -> TableForm {
        let style = session.style();
        TableForm {
            lines: Lines::default(),
            scope,
            records: args.shows_records(),
            header: style.header,
            colors: style.colors,
            for_terminal: style.for_terminal,
            zone: session.zone(),
            is_first_file: true,
            has_title: false,
            names_all_files: args.condition.is_none(),
            heading: None,
        }
    }

    fn line(&mut self, line: &str, is_bold: bool) {
        let (open, close) = if is_bold && self.colors { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let bytes = &mut self.lines.bytes;
        bytes.extend_from_slice(open.as_bytes());
        bytes.extend_from_slice(line.trim_end().as_bytes());
        bytes.extend_from_slice(close.as_bytes());
        bytes.push(b'\n');
    }

    /// Names the file, if that is still to be done.
    fn name_file(&mut self) {
        let Some(heading) = self.heading.take() else { return };
        if !self.is_first_file {
            self.line("", false);
        }
        self.is_first_file = false;
        self.line(&heading, true);
    }

    fn row(&mut self, columns: &[Column], cells: &[String]) -> Result<(), CliError> {
        self.name_file();
        if !self.has_title {
            self.has_title = true;
            if self.header {
                let titles: Vec<String> = columns.iter().map(|it| it.title.to_owned()).collect();
                let line = self.laid_out(columns, &titles);
                self.line(&line, true);
            }
        }
        let line = self.laid_out(columns, cells);
        self.line(&line, false);
        self.lines.line_ended()
    }

    fn laid_out(&self, columns: &[Column], cells: &[String]) -> String {
        let mut line = String::with_capacity(160);
        for (column, cell) in columns.iter().zip(cells) {
            if column.is_wide && self.scope != Scope::Wide {
                continue;
            }
            if !line.is_empty() {
                line.push_str("  ");
            }
            let width = column.width.max(column.title.len());
            let fill = width.saturating_sub(cell.chars().count());
            if column.is_number {
                line.extend(std::iter::repeat_n(' ', fill));
            }
            line.push_str(cell);
            if !column.is_number {
                line.extend(std::iter::repeat_n(' ', fill));
            }
        }
        line
    }

    fn time(&self, timestamp: RecordTimestamp) -> String {
        if timestamp == RecordTimestamp::NONE {
            return "-".to_owned();
        }
        match Timestamp::from_millisecond(timestamp.0) {
            Ok(time) => {
                time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
            }
            // A producer may write any number.
            Err(_) => format!("@{timestamp}"),
        }
    }

    /// Bytes on one line, whatever they are.
    fn payload(&self, bytes: Option<&[u8]>) -> String {
        let Some(bytes) = bytes else { return "-".to_owned() };
        let mut out = Vec::new();
        escape_bytes_into(bytes, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn contents(&self, record: &DumpedRecord<'_>) -> (String, String) {
        let view = &record.view;
        if record.batch.is_control()
            && let Some((kind, data)) = control_of(view)
        {
            return (kind.name().to_owned(), as_kafka_writes(&data));
        }
        if let Some(Ok(decoded)) = record.decoder.map(|it| it.decode(view.key, view.value)) {
            let shown = |value: serde_json::Value| match value.is_null() {
                true => "-".to_owned(),
                false => escaped(&value.to_string()).into_owned(),
            };
            return (shown(decoded.key()), shown(decoded.value()));
        }
        (self.payload(view.key), self.payload(view.value))
    }
}

/// A number that may be unknown.
fn known(number: impl Into<i64>) -> String {
    match number.into() {
        -1 => "-".to_owned(),
        number => number.to_string(),
    }
}

/// `id:epoch`
fn producer(id: i64, epoch: i16) -> String {
    if id < 0 { "-".to_owned() } else { format!("{id}:{epoch}") }
}

fn notes(batch: &WalkedBatch<'_>) -> String {
    let header = &batch.header;
    let horizon = header.delete_horizon().is_some();
    let notes = [
        (header.is_transactional(), "transactional"),
        (header.is_control(), "control"),
        (horizon, "delete-horizon"),
        (batch.fault.is_some(), "DAMAGED"),
    ];
    let notes = notes.iter().filter(|(is_so, _)| *is_so).map(|(_, note)| *note);
    notes.collect::<Vec<_>>().join(",")
}

impl Form for TableForm {
    fn begin(&mut self, file: &Listed) -> Result<(), CliError> {
        self.has_title = false;
        let path = file.path.to_string_lossy();
        let path = if self.for_terminal { escaped(&path) } else { path };
        self.heading = Some(path.into_owned());
        if self.names_all_files {
            self.name_file();
        }
        self.lines.line_ended()
    }

    fn batch(&mut self, _file: &Listed, batch: &WalkedBatch<'_>) -> Result<(), CliError> {
        if self.records {
            return Ok(());
        }
        let header = &batch.header;
        let cells = [
            batch.position.to_string(),
            header.base_offset().to_string(),
            header.last_offset().to_string(),
            if header.magic() < 2 { "-".to_owned() } else { header.records_count().to_string() },
            self.time(header.max_timestamp()),
            header.size().to_string(),
            header.compression().map_or("?", |it| it.name()).to_owned(),
            known(header.partition_leader_epoch().0),
            producer(header.producer_id().0, header.producer_epoch().0),
            known(header.base_sequence()),
            header.magic().to_string(),
            header.crc().to_string(),
            notes(batch),
        ];
        self.row(BATCH, &cells)
    }

    fn record(&mut self, _file: &Listed, record: &DumpedRecord<'_>) -> Result<(), CliError> {
        let (key, value) = self.contents(record);
        let cells = [
            record.view.offset.to_string(),
            self.time(record.view.timestamp),
            producer(record.batch.producer_id().0, record.batch.producer_epoch().0),
            known(record.sequence()),
            record.view.headers().len().to_string(),
            key,
            value,
        ];
        self.row(RECORD, &cells)
    }

    fn entry(&mut self, _file: &Listed, entry: &Entry) -> Result<(), CliError> {
        match entry {
            Entry::OffsetIndex(entry) if entry.is_blank => Ok(()),
            Entry::TimeIndex(entry, _) if entry.is_blank => Ok(()),
            Entry::OffsetIndex(entry) => {
                let numbers = [entry.at as i64, entry.offset.0, entry.position.into()];
                self.row(OFFSET_INDEX, &numbers.map(|it| it.to_string()))
            }
            Entry::TimeIndex(entry, _) => {
                let time = self.time(entry.timestamp);
                self.row(TIME_INDEX, &[entry.at.to_string(), time, entry.offset.to_string()])
            }
            Entry::Transaction(entry) => {
                let aborted = &entry.aborted;
                let cells = [
                    entry.at.to_string(),
                    aborted.producer_id.to_string(),
                    aborted.first_offset.to_string(),
                    aborted.last_offset.to_string(),
                    aborted.last_stable_offset.to_string(),
                ];
                self.row(TRANSACTION, &cells)
            }
            Entry::Producer(entry) => {
                let batch = entry.last_batch.as_ref();
                let cells = [
                    producer(entry.producer_id.0, entry.producer_epoch.0),
                    batch.map_or("-".to_owned(), |it| it.last_sequence.to_string()),
                    batch.map_or("-".to_owned(), |it| it.last_offset.to_string()),
                    self.time(entry.timestamp),
                    known(entry.coordinator_epoch),
                    known(entry.transaction_first_offset.map_or(-1, |it| it.0)),
                ];
                self.row(PRODUCER, &cells)
            }
            Entry::LeaderEpoch(entry) => {
                let cells = [entry.epoch.to_string(), entry.start_offset.to_string()];
                self.row(LEADER_EPOCH, &cells)
            }
            Entry::PartitionOffset(partition, offset) => {
                let name = format!("{}:{}", partition.topic, partition.partition);
                self.row(PARTITION_OFFSET, &[offset.to_string(), name])
            }
        }
    }

    fn finish(mut self: Box<Self>, _findings: &Findings<'_>) -> Result<(), CliError> {
        self.lines.flush()
    }
}
