//! What is said of deliveries: each on stdout where that was asked for, failures and the sum on
//! stderr.

use std::collections::BTreeMap;
use std::io::{self, Write};

use kt_client::producer::Delivery;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{CliError, Kind};
use crate::output::{self, Cell, Column, Format, Item, Report, Table};
use crate::session::Session;

/// Failures that are told one by one; the rest are counted.
const FAILURES_TOLD_MAX: u64 = 10;

/// One record's delivery.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(super) struct Delivered {
    line: u64,
    topic: String,
    partition: i32,
    offset: Option<i64>,
    timestamp: Option<i64>,
    error: Option<String>,
}

pub(crate) const KIND: output::DocumentKind = output::DocumentKind::of::<Delivered>();

const COLUMNS: &[Column] = &[
    Column::number("line"),
    Column::text("topic"),
    Column::number("partition"),
    Column::number("offset"),
    Column::number("timestamp"),
    Column::text("error"),
];

impl Item for Delivered {
    const KIND: &'static str = "produce";

    fn name(&self) -> String {
        self.offset.map_or_else(
            || format!("{}:{}", self.topic, self.partition),
            |offset| format!("{}:{}@{offset}", self.topic, self.partition),
        )
    }

    fn tables(items: &[Delivered]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::number(i64::try_from(it.line).ok()),
                Cell::text(&it.topic),
                Cell::Number(it.partition.into()),
                Cell::number(it.offset),
                Cell::number(it.timestamp),
                it.error.as_ref().map_or(Cell::Unknown, Cell::text),
            ]);
        }
        vec![table]
    }
}

/// How deliveries are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Not at all.
    Silent,
    /// As they come.
    Lines,
    /// At the end, in a format that needs all of them.
    Whole,
}

/// Counts and prints deliveries.
#[derive(Debug)]
pub(super) struct Deliveries<'a> {
    session: &'a Session,
    form: Form,
    /// How many records each line makes.
    repeat: u64,
    /// Records that were read.
    taken: u64,
    /// So many of the first were read by an earlier run.
    earlier: u64,
    /// The records' own times, until they are delivered; kept only if deliveries are printed.
    timestamps: BTreeMap<u64, i64>,
    items: Vec<Delivered>,
    delivered: u64,
    failed: u64,
    /// The kind that all failures have in common.
    failure: Option<Kind>,
    places: BTreeMap<String, u64>,
}

impl<'a> Deliveries<'a> {
    pub(super) fn new(session: &'a Session, repeat: u64) -> Deliveries<'a> {
        let form = match session.globals.format() {
            None | Some(Format::Table) => Form::Silent,
            Some(Format::Jsonl) => Form::Lines,
            Some(_) => Form::Whole,
        };
        Deliveries {
            session,
            form,
            repeat,
            taken: 0,
            earlier: 0,
            timestamps: BTreeMap::new(),
            items: Vec::new(),
            delivered: 0,
            failed: 0,
            failure: None,
            places: BTreeMap::new(),
        }
    }

    /// The same where an earlier run has read so many records that are delivered first.
    pub(super) fn after(self, earlier: u64) -> Deliveries<'a> {
        Deliveries { earlier, ..self }
    }

    /// The name of the next record to be sent, for its delivery.
    pub(super) fn next_tag(&mut self) -> u64 {
        self.taken += 1;
        self.taken
    }

    /// The line that a record came from; 0 for one that an earlier run has read.
    fn line(&self, tag: u64) -> u64 {
        match tag.checked_sub(self.earlier + 1) {
            Some(before) => before / self.repeat + 1,
            None => 0,
        }
    }

    /// A record was taken by the producer.
    pub(super) fn sent(&mut self, tag: u64, timestamp: i64) {
        if self.form != Form::Silent {
            self.timestamps.insert(tag, timestamp);
        }
    }

    /// A record was not taken at all.
    pub(super) fn refused(&mut self, tag: u64, error: &CliError) {
        self.failed(tag, error);
    }

    /// How many records were read and are neither delivered nor failed.
    pub(super) fn unsent(&self) -> u64 {
        self.taken.saturating_sub(self.delivered + self.failed)
    }

    /// Takes note of deliveries, in the order in which they came.
    pub(super) fn take(&mut self, deliveries: Vec<Delivery>) -> Result<(), CliError> {
        for delivery in deliveries {
            let error = delivery.outcome.as_ref().err().map(|it| CliError::from(it.clone()));
            match &error {
                Some(error) => delivery.tags.iter().for_each(|tag| self.failed(*tag, error)),
                None => {
                    let count = delivery.tags.len() as u64;
                    self.delivered += count;
                    let topic = &delivery.partition.topic;
                    match self.places.get_mut(topic) {
                        Some(sum) => *sum += count,
                        None => drop(self.places.insert(topic.clone(), count)),
                    }
                }
            }
            if self.form != Form::Silent {
                self.list(&delivery, error.as_ref());
            }
        }
        self.print_lines()
    }

    fn list(&mut self, delivery: &Delivery, error: Option<&CliError>) {
        let outcome = delivery.outcome.as_ref().ok();
        let base = outcome.and_then(|it| it.base_offset);
        let append_time = outcome.and_then(|it| it.log_append_time);
        for (tag, delta) in delivery.tags.iter().zip(0..) {
            let own = self.timestamps.remove(tag);
            self.items.push(Delivered {
                line: self.line(*tag),
                topic: delivery.partition.topic.clone(),
                partition: delivery.partition.partition.0,
                offset: base.map(|it| it.0 + delta),
                timestamp: append_time.map(|it| it.0).or(own),
                error: error.map(|it| it.message.clone()),
            });
        }
    }

    fn print_lines(&mut self) -> Result<(), CliError> {
        if self.form != Form::Lines || self.items.is_empty() {
            return Ok(());
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        for item in self.items.drain(..) {
            serde_json::to_writer(&mut out, &item).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        Ok(())
    }

    fn failed(&mut self, tag: u64, error: &CliError) {
        let line = self.line(tag);
        self.failed += 1;
        self.failure = match self.failure {
            None => Some(error.kind),
            Some(kind) if kind == error.kind => Some(kind),
            Some(_) => Some(Kind::Other),
        };
        if self.failed <= FAILURES_TOLD_MAX {
            let message = match line {
                0 => format!("a record of an earlier run: {}", error.message),
                line => format!("line {line}: {}", error.message),
            };
            self.session.complain(&CliError { message, ..error.clone() });
        }
    }

    /// What `--dry-run` says in the end.
    pub(super) fn would_send(&self) {
        self.session.say(&format!("{} records would be written", self.taken));
    }

    /// The sum, and the end of the command.
    pub(super) fn finish(self, cluster_id: Option<String>) -> Result<(), CliError> {
        let unsent = match self.unsent() {
            0 => String::new(),
            unsent => format!(", {unsent} not sent"),
        };
        if FAILURES_TOLD_MAX < self.failed {
            let more = self.failed - FAILURES_TOLD_MAX;
            self.session.warn(&format!("{more} more records failed"));
        }
        if self.form == Form::Whole {
            let time = jiff::Timestamp::now();
            let report = Report { cluster_id, time, items: self.items, errors: Vec::new() };
            self.session.print(&report)?;
        }
        let places: Vec<String> =
            self.places.iter().map(|(topic, count)| format!("{count} to {topic}")).collect();
        let places =
            if places.is_empty() { String::new() } else { format!(": {}", places.join(", ")) };
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let delivered = if self.delivered == 1 { "record" } else { "records" };
        let line = format!("{} {delivered} delivered{places}{failed}{unsent}", self.delivered);
        self.session.say(&line);
        match (self.failure, self.delivered) {
            (None, _) => Ok(()),
            (Some(kind), 0) => Err(CliError::silent(kind)),
            (Some(_), _) => Err(CliError::silent(Kind::Partial)),
        }
    }
}
