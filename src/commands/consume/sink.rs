//! Where records go: stdout, as values or as JSON, no faster than asked for.

use std::io::{self, Write};
use std::time::Instant;

use jiff::Timestamp;
use kt_client::consumer::Record;
use kt_protocol::types::TopicPartition;

use crate::error::CliError;
use crate::output::{ENVELOPE_VERSION, Format};
use crate::rate::{Pace, Rate};
use crate::record_json::{self, JsonStyle};
use crate::session::Session;
use crate::terminal::escape_bytes_into;

/// How records are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// The value and a line's end; null is empty.
    Values { for_terminal: bool },
    /// One object a line.
    JsonLines(JsonStyle),
    /// One document; each record still has its line.
    Json(JsonStyle),
}

impl Form {
    pub(super) fn choose(session: &Session, style: JsonStyle) -> Result<Form, CliError> {
        let for_terminal = session.terminal.stdout_is_terminal;
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

/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

/// Records on their way to stdout.
#[derive(Debug)]
pub(super) struct Sink {
    form: Form,
    buffer: Vec<u8>,
    count: u64,
    pace: Option<Paced>,
}

/// Records that are held back: where each ends in the buffer, and its size.
#[derive(Debug)]
struct Paced {
    pace: Pace,
    started: Instant,
    ends: Vec<(usize, usize)>,
}

impl Sink {
    pub(super) fn new(form: Form, _session: &Session, rate: Option<Rate>) -> Sink {
        let pace = rate.map(|rate| Paced {
            pace: Pace::new(rate),
            started: Instant::now(),
            ends: Vec::new(),
        });
        Sink { form, buffer: Vec::new(), count: 0, pace }
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

    /// Adds a record. It may stay in the buffer until the next flush.
    pub(super) fn write(
        &mut self,
        partition: &TopicPartition,
        record: &Record<'_>,
    ) -> io::Result<()> {
        match self.form {
            Form::Values { for_terminal } => {
                let value = record.value.unwrap_or_default();
                match for_terminal {
                    true => escape_bytes_into(value, &mut self.buffer),
                    false => self.buffer.extend_from_slice(value),
                }
                self.buffer.push(b'\n');
            }
            Form::JsonLines(style) => {
                record_json::write(partition, record, style, &mut self.buffer);
                self.buffer.push(b'\n');
            }
            Form::Json(style) => {
                if self.count != 0 {
                    self.buffer.extend_from_slice(b",\n");
                }
                record_json::write(partition, record, style, &mut self.buffer);
            }
        }
        self.count += 1;
        match &mut self.pace {
            Some(paced) => {
                let bytes = [record.key, record.value].map(|it| it.map_or(0, <[u8]>::len));
                paced.ends.push((self.buffer.len(), bytes[0] + bytes[1]));
                Ok(())
            }
            None if WRITE_BYTES <= self.buffer.len() => self.write_out(),
            None => Ok(()),
        }
    }

    /// Writes what is in the buffer; with a rate, record by record.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let Some(paced) = &mut self.pace else { return self.write_out() };
        let mut written = 0;
        let mut out = io::stdout();
        for (end, bytes) in std::mem::take(&mut paced.ends) {
            out.write_all(&self.buffer[written..end])?;
            out.flush()?;
            written = end;
            let ahead = paced.pace.pass(bytes, paced.started.elapsed());
            if !ahead.is_zero() {
                tokio::time::sleep(ahead).await;
            }
        }
        self.buffer.drain(..written);
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&self.buffer)?;
        self.buffer.clear();
        out.flush()
    }

    /// After the last record.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if let Form::Json(_) = self.form {
            self.buffer.extend_from_slice(b"\n],\"errors\":[]}\n");
        }
        self.write_out()
    }
}
