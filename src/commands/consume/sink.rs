//! Where records go: stdout, as values or as JSON, no faster than asked for.

use std::collections::VecDeque;
use std::io::{self, Write};

use jiff::Timestamp;
use kt_client::consumer::Record;
use kt_protocol::types::TopicPartition;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::CliError;
use crate::internal_records::Decoder;
use crate::output::{ENVELOPE_VERSION, Format};
use crate::rate::{Pace, Rate};
use crate::record_format::{Layout, Place, Writer};
use crate::record_json::{self, DecodedText, JsonStyle};
use crate::session::Session;
use crate::terminal::escape_bytes_into;

/// How records are written.
#[derive(Debug)]
pub(super) enum Form {
    /// As a format string has it.
    Formatted(Box<Writer>),
    /// The value and a line's end; null is empty.
    Values { for_terminal: bool },
    /// One object a line.
    JsonLines(JsonStyle),
    /// One document; each record still has its line.
    Json(JsonStyle),
}

impl Form {
    /// By `-f`, else by `-o`.
    pub(super) fn choose(
        session: &Session,
        layout: Option<Layout>,
        style: JsonStyle,
    ) -> Result<Form, CliError> {
        let for_terminal = session.terminal.stdout_is_terminal;
        if let Some(layout) = layout {
            if style.meta || style.base64 {
                return Err(CliError::usage("--meta and --base64 go with -o jsonl, not with -f"));
            }
            let writer = Writer::new(layout, session.zone(), for_terminal);
            return Ok(Form::Formatted(Box::new(writer)));
        }
        match session.globals.format() {
            None | Some(Format::Table) => {
                if style.meta || style.base64 {
                    return Err(CliError::usage("--meta and --base64 go with -o jsonl"));
                }
                Ok(Form::Values { for_terminal })
            }
            Some(Format::Jsonl) => Ok(Form::JsonLines(style)),
            Some(Format::Json) => Ok(Form::Json(style)),
            Some(_) => Err(CliError::usage("consume prints values, or -o jsonl, or -o json")),
        }
    }
}

/// How records of Kafka's internal topics are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Internal {
    /// As JSON, where kt knows their type.
    Decoded,
    /// As the bytes they are (`--raw`).
    Raw,
}

/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

/// Records on their way to stdout. They are written on a thread of its own: a reader that is slow
/// holds back neither signals nor the heartbeats of a group.
#[derive(Debug)]
pub(super) struct Sink {
    form: Form,
    internal: Internal,
    buffer: Vec<u8>,
    /// Records that were added.
    count: u64,
    /// Records that were written and flushed.
    flushed: u64,
    writing: Option<Writing>,
    /// A write has failed: what is behind it would not join on.
    is_broken: bool,
    pace: Option<Paced>,
}

/// A write that is under way.
#[derive(Debug)]
struct Writing {
    thread: JoinHandle<io::Result<Vec<u8>>>,
    /// Records that are flushed when it is done.
    flushed: u64,
}

/// Records that are held back: how long each is in the buffer, and its size.
#[derive(Debug)]
struct Paced {
    pace: Pace,
    started: Instant,
    waiting: VecDeque<(usize, usize)>,
    /// Bytes of the buffer that `waiting` accounts for.
    accounted: usize,
    rests_until: Option<Instant>,
}

impl Sink {
    pub(super) fn new(form: Form, internal: Internal, rate: Option<Rate>) -> Sink {
        let pace = rate.map(|rate| Paced {
            pace: Pace::new(rate),
            started: Instant::now(),
            waiting: VecDeque::new(),
            accounted: 0,
            rests_until: None,
        });
        Sink {
            form,
            internal,
            buffer: Vec::new(),
            count: 0,
            flushed: 0,
            writing: None,
            is_broken: false,
            pace,
        }
    }

    /// Before the first record.
    pub(super) fn begin(&mut self, cluster_id: Option<&str>) -> io::Result<()> {
        if let Form::Json(_) = self.form {
            let cluster_id = serde_json::to_string(&cluster_id)?;
            let time = Timestamp::now();
            writeln!(
                self.buffer,
                "{{\"kind\":\"consume\",\"version\":{ENVELOPE_VERSION},\
                 \"cluster_id\":{cluster_id},\"time\":\"{time:.3}\",\"items\":["
            )?;
        }
        Ok(())
    }

    /// Adds a record. It stays in the buffer until the next flush.
    pub(super) fn write(&mut self, place: Place<'_>, record: &Record<'_>) {
        self.separate();
        render(&mut self.form, self.internal, place, record, &mut self.buffer);
        self.added(bytes_of(record));
    }

    /// Gives a record as it will be written.
    pub(super) fn render(&mut self, place: Place<'_>, record: &Record<'_>) -> (Vec<u8>, usize) {
        let mut text = Vec::new();
        render(&mut self.form, self.internal, place, record, &mut text);
        (text, bytes_of(record))
    }

    /// Adds a record that was rendered before.
    pub(super) fn write_rendered(&mut self, text: &[u8], bytes: usize) {
        self.separate();
        self.buffer.extend_from_slice(text);
        self.added(bytes);
    }

    fn separate(&mut self) {
        if self.count != 0 && matches!(self.form, Form::Json(_)) {
            self.buffer.extend_from_slice(b",\n");
        }
    }

    fn added(&mut self, bytes: usize) {
        self.count += 1;
        if let Some(paced) = &mut self.pace {
            paced.waiting.push_back((self.buffer.len() - paced.accounted, bytes));
            paced.accounted = self.buffer.len();
        }
    }

    /// True if there is so much that it should be flushed before more is added.
    pub(super) fn is_full(&self) -> bool {
        WRITE_BYTES <= self.buffer.len()
    }

    /// True if records are written one by one, as a rate allows.
    pub(super) fn is_paced(&self) -> bool {
        self.pace.is_some()
    }

    /// Records that were added so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Those of them that were written and flushed.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// Writes what is in the buffer; with a rate, no faster than that. If it is dropped before it is
    /// done, the next call goes on.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.is_broken {
            return Ok(());
        }
        self.settle().await?;
        while let Some((bytes, flushed)) = self.next_write().await {
            self.write_out(bytes, flushed).await?;
        }
        Ok(())
    }

    /// How many bytes are written next, and how many records are flushed then.
    async fn next_write(&mut self) -> Option<(usize, u64)> {
        let Some(paced) = &mut self.pace else {
            return (!self.buffer.is_empty()).then_some((self.buffer.len(), self.count));
        };
        if let Some(until) = paced.rests_until {
            tokio::time::sleep_until(until).await;
            paced.rests_until = None;
        }
        let mut bytes = 0;
        while let Some((length, size)) = paced.waiting.pop_front() {
            bytes += length;
            let ahead = paced.pace.pass(size, paced.started.elapsed());
            if !ahead.is_zero() {
                paced.rests_until = Some(Instant::now() + ahead);
                break;
            }
        }
        paced.accounted -= bytes;
        (bytes != 0).then(|| (bytes, self.count - paced.waiting.len() as u64))
    }

    async fn write_out(&mut self, length: usize, flushed: u64) -> io::Result<()> {
        let rest = self.buffer.split_off(length);
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        let thread = tokio::task::spawn_blocking(move || {
            let mut out = io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
            bytes.clear();
            Ok(bytes)
        });
        self.writing = Some(Writing { thread, flushed });
        self.settle().await
    }

    /// Waits until the write that is under way has ended.
    pub(super) async fn settle(&mut self) -> io::Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let written = (&mut writing.thread).await.map_err(io::Error::other).flatten();
        let flushed = writing.flushed;
        self.writing = None;
        match written {
            Ok(spare) => {
                self.flushed = flushed;
                // Its room serves again.
                if self.buffer.is_empty() {
                    self.buffer = spare;
                }
                Ok(())
            }
            Err(error) => {
                self.is_broken = true;
                Err(error)
            }
        }
    }

    /// After the last record. What a rate still holds back is left out.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        if self.is_broken {
            return Ok(());
        }
        self.settle().await?;
        if let Some(paced) = self.pace.take() {
            self.buffer.truncate(self.buffer.len() - paced.accounted);
            self.count -= paced.waiting.len() as u64;
        }
        if let Form::Json(_) = self.form {
            self.buffer.extend_from_slice(b"\n],\"errors\":[]}\n");
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.write_out(self.buffer.len(), self.count).await
    }
}

fn bytes_of(record: &Record<'_>) -> usize {
    record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len)
}

fn render(
    form: &mut Form,
    shown: Internal,
    place: Place<'_>,
    record: &Record<'_>,
    out: &mut Vec<u8>,
) {
    let decoded = shown.decode(place.partition, record);
    match form {
        Form::JsonLines(style) => {
            record_json::write(place.partition, record, decoded.as_ref(), *style, out);
            out.push(b'\n');
        }
        Form::Json(style) => {
            record_json::write(place.partition, record, decoded.as_ref(), *style, out);
        }
        form => match &decoded {
            Some(decoded) => render_text(form, place, &with_text(record, decoded), out),
            None => render_text(form, place, record, out),
        },
    }
}

/// The record with the JSON of its key and value in their place; null stays null.
fn with_text<'a>(record: &Record<'a>, decoded: &'a DecodedText) -> Record<'a> {
    let text = |bytes: Option<&[u8]>, text: &'a str| bytes.and(Some(text.as_bytes()));
    let mut shown = record.clone();
    shown.key = text(record.key, &decoded.key);
    shown.value = text(record.value, &decoded.value);
    shown
}

fn render_text(form: &mut Form, place: Place<'_>, record: &Record<'_>, out: &mut Vec<u8>) {
    match form {
        Form::Formatted(writer) => writer.write(place, record, out),
        Form::Values { for_terminal } => {
            let value = record.value.unwrap_or_default();
            match *for_terminal {
                true => escape_bytes_into(value, out),
                false => out.extend_from_slice(value),
            }
            out.push(b'\n');
        }
        Form::JsonLines(_) | Form::Json(_) => unreachable!("JSON is rendered with its places"),
    }
}

impl Internal {
    pub(super) fn of(is_raw: bool) -> Internal {
        if is_raw { Internal::Raw } else { Internal::Decoded }
    }

    /// Key and value as JSON, of a record of Kafka's own that kt can read; others are bytes.
    fn decode(self, partition: &TopicPartition, record: &Record<'_>) -> Option<DecodedText> {
        if self == Internal::Raw {
            return None;
        }
        let decoder = Decoder::of_topic(&partition.topic)?;
        let decoded = decoder.decode(record.key, record.value).ok()?;
        Some(DecodedText { key: decoded.key().to_string(), value: decoded.value().to_string() })
    }
}
