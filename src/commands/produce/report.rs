//! What is said of deliveries: each on stdout where that was asked for, failures and the sum on
//! stderr.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use kt_client::producer::Delivery;
use schemars::JsonSchema;
use serde::Serialize;

use super::numbers::{EARLIER, Numbers};
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

/// What was done with the records that the sum counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Delivered,
    /// With acks=0 nobody says that they arrived.
    Sent,
    /// Under `--dry-run` nothing.
    Planned,
}

/// Counts and prints deliveries.
#[derive(Debug)]
pub(super) struct Deliveries<'a> {
    session: &'a Session,
    form: Form,
    deed: Deed,
    numbers: Arc<Numbers>,
    /// Records that were read, unless something else knows what is left of them.
    taken: u64,
    /// The records' own times, until they are delivered; kept only if deliveries are printed.
    timestamps: BTreeMap<u64, i64>,
    items: Vec<Delivered>,
    delivered: u64,
    failed: u64,
    /// The kind that all failures have in common.
    failure: Option<Kind>,
    /// The hint that was given last: it is not said of each record.
    hint: Option<String>,
    /// Why deliveries are no longer printed.
    unprinted: Option<CliError>,
    places: BTreeMap<String, u64>,
}

impl<'a> Deliveries<'a> {
    pub(super) fn new(session: &'a Session, deed: Deed, numbers: Arc<Numbers>) -> Deliveries<'a> {
        let form = match session.globals.format() {
            None | Some(Format::Table) => Form::Silent,
            Some(Format::Jsonl) => Form::Lines,
            Some(_) => Form::Whole,
        };
        Deliveries {
            session,
            form,
            deed,
            numbers,
            taken: 0,
            timestamps: BTreeMap::new(),
            items: Vec::new(),
            delivered: 0,
            failed: 0,
            failure: None,
            hint: None,
            unprinted: None,
            places: BTreeMap::new(),
        }
    }

    /// The name of the next record to be sent, for its delivery.
    pub(super) fn next_tag(&mut self) -> u64 {
        self.taken += 1;
        self.taken
    }

    /// A record was taken by the producer.
    pub(super) fn sent(&mut self, tag: u64, timestamp: i64) {
        if self.form != Form::Silent {
            self.timestamps.insert(tag, timestamp);
        }
    }

    /// A record was not taken by the producer.
    pub(super) fn refused(&mut self, tag: u64, error: &CliError) {
        self.failed(self.numbers.line(tag), error);
    }

    /// So many records of a line are not even to be sent.
    pub(super) fn refused_line(&mut self, line: u64, records: u64, error: &CliError) {
        let told = records.min(FAILURES_TOLD_MAX);
        (0..told).for_each(|_| self.failed(line, error));
        self.failed += records - told;
    }

    /// How many records were read and are neither delivered nor failed.
    pub(super) fn unsent(&self) -> u64 {
        self.taken.saturating_sub(self.delivered + self.failed)
    }

    /// Takes note of deliveries, in the order in which they came.
    pub(super) fn take(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let error = delivery.outcome.as_ref().err().map(|it| CliError::from(it.clone()));
            match &error {
                Some(error) => delivery.tags.iter().for_each(|tag| self.refused(*tag, error)),
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
        if self.form == Form::Lines
            && let Err(error) = self.print_lines()
        {
            self.stop_printing(error.into());
        }
    }

    fn list(&mut self, delivery: &Delivery, error: Option<&CliError>) {
        let outcome = delivery.outcome.as_ref().ok();
        let base = outcome.and_then(|it| it.base_offset);
        let append_time = outcome.and_then(|it| it.log_append_time);
        for (tag, delta) in delivery.tags.iter().zip(0..) {
            let own = self.timestamps.remove(tag);
            self.items.push(Delivered {
                line: self.numbers.line(*tag),
                topic: delivery.partition.topic.clone(),
                partition: delivery.partition.partition.0,
                offset: base.map(|it| it.0 + delta),
                timestamp: append_time.map(|it| it.0).or(own),
                error: error.map(|it| it.message.clone()),
            });
        }
    }

    fn print_lines(&mut self) -> io::Result<()> {
        if self.items.is_empty() {
            return Ok(());
        }
        let mut out = io::BufWriter::new(io::stdout().lock());
        for item in self.items.drain(..) {
            serde_json::to_writer(&mut out, &item)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Who reads the report decides nothing about the input: the rest is produced without one.
    fn stop_printing(&mut self, error: CliError) {
        self.form = Form::Silent;
        self.items.clear();
        self.timestamps.clear();
        if error.kind != Kind::ReaderGone {
            self.unprinted = Some(error);
        }
    }

    fn failed(&mut self, line: u64, error: &CliError) {
        self.failed += 1;
        self.failure = match self.failure {
            None => Some(error.kind),
            Some(kind) if kind == error.kind => Some(kind),
            Some(_) => Some(Kind::Other),
        };
        if self.failed <= FAILURES_TOLD_MAX {
            let message = match line {
                EARLIER => format!("a record of an earlier run: {}", error.message),
                line => format!("line {line}: {}", error.message),
            };
            let hint = error.hint.clone().filter(|it| self.hint.as_ref() != Some(it));
            self.hint = hint.clone().or(self.hint.take());
            self.session.complain(&CliError { message, hint, ..error.clone() });
        }
    }

    /// The sum, and how the command ends if nothing else has ended it.
    pub(super) fn finish(&mut self, cluster_id: Option<String>) -> Finished<'a> {
        if FAILURES_TOLD_MAX < self.failed {
            let more = self.failed - FAILURES_TOLD_MAX;
            let records = if more == 1 { "record" } else { "records" };
            self.session.warn(&format!("{more} more {records} failed"));
        }
        if self.form == Form::Whole {
            let (time, items) = (jiff::Timestamp::now(), std::mem::take(&mut self.items));
            let report = Report { cluster_id, time, items, errors: Vec::new() };
            if let Err(error) = self.session.print(&report) {
                self.stop_printing(error);
            }
        }
        let done = match self.deed {
            Deed::Planned => self.unsent(),
            Deed::Delivered | Deed::Sent => self.delivered,
        };
        self.session.say(&self.sum(done));
        let result = match (self.failure, done) {
            (None, _) => Ok(()),
            (Some(kind), 0) => Err(CliError::silent(kind)),
            (Some(_), _) => Err(CliError::silent(Kind::Partial)),
        };
        let result = match (self.unprinted.take(), result) {
            (None, result) => result,
            (Some(error), Ok(())) => Err(error),
            (Some(error), result) => {
                self.session.complain(&error);
                result
            }
        };
        Finished { session: self.session, done, result }
    }

    fn sum(&self, done: u64) -> String {
        let records = if done == 1 { "record" } else { "records" };
        let (deed, unsent) = match self.deed {
            Deed::Delivered => ("delivered", self.unsent()),
            Deed::Sent => ("sent", self.unsent()),
            Deed::Planned => ("would be written", 0),
        };
        let places: Vec<String> =
            self.places.iter().map(|(topic, count)| format!("{count} to {topic}")).collect();
        let places =
            if places.is_empty() { String::new() } else { format!(": {}", places.join(", ")) };
        let if_any = |count: u64, what: &str| match count {
            0 => String::new(),
            count => format!(", {count} {what}"),
        };
        let (failed, unsent) = (if_any(self.failed, "failed"), if_any(unsent, "not sent"));
        format!("{done} {records} {deed}{places}{failed}{unsent}")
    }
}

/// How records went, after the sum was told.
#[derive(Debug)]
#[must_use = "a command has one end"]
pub(super) struct Finished<'a> {
    session: &'a Session,
    /// How many were delivered.
    done: u64,
    result: Result<(), CliError>,
}

impl Finished<'_> {
    /// The end of the command, if these have ended it before its input did: a signal before all,
    /// then what says how to go on. All are told.
    pub(super) fn end(self, early: impl IntoIterator<Item = CliError>) -> Result<(), CliError> {
        let mut early: Vec<CliError> = early.into_iter().collect();
        early.sort_by_key(|it| (!it.kind.is_signal(), it.kind == Kind::Other));
        let mut early = early.into_iter();
        let Some(first) = early.next() else { return self.result };
        early.filter(|it| !it.message.is_empty()).for_each(|it| self.session.complain(&it));
        if first.kind == Kind::Other && self.done != 0 {
            // What stood before it has been delivered.
            self.session.complain(&first);
            return Err(CliError::silent(Kind::Partial));
        }
        Err(first)
    }
}
