//! Segments: the files of a partition in a local directory, and what is in them down to the bytes.
//!
//! Reading a disk is an effect. One look is under way at a time, and each gives a bounded piece.

pub(crate) mod looking;

use kt_protocol::types::{Millis, Now, PartitionIndex};
use serde_json::{Value as Json, json};

use self::looking::{BatchLine, Look, Looked, Place, SegmentLine};
use super::records::line::RecordLine;
use super::records::shape::{self, Arrays, Shape};
use crate::tui::keymap::Command;
use crate::tui::model::checks::Level;
use crate::tui::model::input::Purpose;
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::msg::Effect;
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Reaction};
use crate::tui::model::rows::Step;
use crate::tui::model::schedule::{Kind, Needs, Subject};
use crate::tui::model::watch::Watch;

/// The list of segments is looked at again so often, in ms.
const AGAIN_MS: u64 = 5_000;
/// Batches of one segment that are kept; further ones are a page of their own.
pub(crate) const BATCHES_MAX: usize = 1_000;

impl Line for SegmentLine {
    const SORTS: &'static [&'static str] = &["base offset", "size", "B/idx"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        self.level
    }

    fn rank(&self, sort: usize) -> Rank {
        let value = match sort {
            1 => Value::Number(self.size as f64),
            2 => self.bytes_per_entry.map_or(Value::Missing, |it| Value::Number(it as f64)),
            _ => Value::Text(self.name.clone()),
        };
        Rank { class: 0, value }
    }
}

impl Line for BatchLine {
    const SORTS: &'static [&'static str] = &["position"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        if self.fault.is_some() { Level::Bad } else { Level::Ok }
    }

    fn rank(&self, _sort: usize) -> Rank {
        Rank { class: 0, value: Value::Text(self.name.clone()) }
    }

    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.offset.as_str(), self.codec.as_str(), self.flags.as_str()];
        words.extend(self.fault.as_deref());
        words
    }
}

impl Line for RecordLine {
    const SORTS: &'static [&'static str] = &["offset"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        Level::Ok
    }

    fn rank(&self, _sort: usize) -> Rank {
        Rank { class: 0, value: Value::Text(format!("{:020}", self.offset)) }
    }
}

/// What the lower half shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Depth {
    #[default]
    Batches,
    /// Of one batch.
    Records,
    /// Of a batch or of a record.
    Bytes,
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// Whether there is a directory to look into; `None` before that was told.
    pub(crate) has_data: Option<bool>,
    pub(crate) segments: Listing<SegmentLine>,
    pub(crate) batches: Listing<BatchLine>,
    pub(crate) records: Listing<RecordLine>,
    pub(crate) bytes: Vec<String>,
    pub(crate) scrolled: usize,
    pub(crate) depth: Depth,
    pub(crate) pane: usize,
    /// The segment whose batches are shown, and the batch whose records are.
    pub(crate) of_segment: Option<i64>,
    pub(crate) of_batch: Option<u64>,
    /// Where the next page of batches begins, if there is one.
    pub(crate) more_at: Option<u64>,
    /// The offset behind the last record.
    pub(crate) log_end: Option<i64>,
    pub(crate) high_watermark: Option<i64>,
    pub(crate) isr: Vec<i32>,
    pub(crate) replicas: Vec<i32>,
    pub(crate) failed: Option<String>,
    /// The lists know what there is.
    pub(crate) is_known: bool,
    generation: u64,
    is_looking: bool,
    wanted: Option<Look>,
    looked: Option<Millis>,
    now: Millis,
    /// The offset that `@` named: the cursor goes there with the next lists.
    goal: Option<i64>,
}

impl Segments {
    fn place(&self) -> Place {
        Place { topic: self.topic.clone(), partition: self.partition }
    }

    /// What comes next: the list when it is old, then the batches of the segment under the cursor.
    fn next_look(&mut self) -> Option<Look> {
        if self.topic.is_empty() || self.has_data == Some(false) {
            return None;
        }
        if let Some(look) = self.wanted.take() {
            return Some(look);
        }
        let is_old = self.looked.is_none_or(|at| AGAIN_MS <= self.now - at);
        if is_old {
            return Some(Look::Segments(self.place()));
        }
        let base = self.segments.line()?.base_offset;
        if self.of_segment != Some(base) {
            self.of_segment = Some(base);
            self.batches.clear();
            self.depth = Depth::Batches;
            let place = self.place();
            let goal = self.goal;
            return Some(Look::Batches { place, base, position: 0, goal });
        }
        // The cursor is on the last batch: the next page.
        let is_last = self.batches.cursor().is_some_and(|at| at + 1 == self.batches.names().len());
        if self.pane == 1 && self.depth == Depth::Batches && is_last {
            let position = self.more_at.take()?;
            return Some(Look::Batches { place: self.place(), base, position, goal: None });
        }
        None
    }

    /// Takes over what was found.
    pub(crate) fn take(&mut self, generation: u64, looked: Looked, now: Now) {
        self.is_looking = false;
        if generation != self.generation {
            return;
        }
        match looked {
            Looked::Segments { lines, log_end } => self.take_segments(lines, log_end, now),
            Looked::Batches { lines, more_at } => {
                let known: Vec<BatchLine> = self.batches.all().cloned().collect();
                // Pages are of bounded length, and so is what is kept of them.
                let kept = if BATCHES_MAX <= known.len() { Vec::new() } else { known };
                let first = lines.first().map(|it| it.name.clone());
                if kept.is_empty() {
                    self.batches.clear();
                }
                self.batches.take(now.monotonic, kept.into_iter().chain(lines));
                self.more_at = more_at;
                self.seek_batch(first);
            }
            Looked::Records(lines) => {
                self.records.clear();
                self.records.take(now.monotonic, lines);
                self.depth = Depth::Records;
                self.scrolled = 0;
            }
            Looked::Bytes { position, bytes } => {
                self.bytes = shape::hex_from(position, &bytes);
                self.depth = Depth::Bytes;
                self.scrolled = 0;
            }
            Looked::NoData => self.has_data = Some(false),
            Looked::Failed(why) => {
                self.looked = Some(now.monotonic);
                self.failed = Some(why);
            }
        }
    }

    fn take_segments(&mut self, lines: Vec<SegmentLine>, log_end: Option<i64>, now: Now) {
        let is_first = !self.is_known;
        (self.has_data, self.is_known, self.failed) = (Some(true), true, None);
        self.looked = Some(now.monotonic);
        self.log_end = log_end;
        // The last one grows: what is shown of it is looked at again where it is read on.
        self.segments.take(now.monotonic, lines);
        if is_first {
            self.segments.go(Step::Last);
        }
        if let Some(goal) = self.goal {
            let of_goal = self.segments.all().filter(|it| it.base_offset <= goal);
            if let Some(name) = of_goal.max_by_key(|it| it.base_offset).map(|it| it.name.clone()) {
                self.segments.seek(&name);
            }
        }
    }

    fn seek_batch(&mut self, first: Option<String>) {
        if let Some(goal) = self.goal.take() {
            let of_goal = self.batches.all().filter(|it| it.first <= goal);
            if let Some(name) = of_goal.max_by_key(|it| it.first).map(|it| it.name.clone()) {
                self.batches.seek(&name);
                self.pane = 1;
            }
        } else if self.batches.cursor().is_none()
            && let Some(first) = first
        {
            self.batches.seek(&first);
        }
    }

    fn enter(&mut self) {
        if self.pane == 0 {
            self.pane = 1;
            return;
        }
        match self.depth {
            Depth::Batches => {
                let (Some(batch), Some(base)) = (self.batches.line(), self.of_segment) else {
                    return;
                };
                let position = batch.position;
                self.of_batch = Some(position);
                self.wanted = Some(match batch.fault {
                    None => Look::Records { place: self.place(), base, position },
                    Some(_) => Look::Bytes { place: self.place(), base, position },
                });
            }
            Depth::Records => {
                let Some(record) = self.records.line() else { return };
                self.bytes = record_bytes(record);
                self.depth = Depth::Bytes;
                self.scrolled = 0;
            }
            Depth::Bytes => {}
        }
    }

    /// `v`: the bytes of the batch as they stand in the file.
    fn view_bytes(&mut self) {
        let (Some(batch), Some(base)) = (self.batches.line(), self.of_segment) else { return };
        let position = batch.position;
        self.of_batch = Some(position);
        self.pane = 1;
        self.wanted = Some(Look::Bytes { place: self.place(), base, position });
    }

    /// One step up; `None` where there is none.
    fn up(&mut self) -> Option<Reaction> {
        match (self.pane, self.depth) {
            (1, Depth::Bytes) if 0 < self.records.count() && self.has_records_of_batch() => {
                self.depth = Depth::Records;
            }
            (1, Depth::Bytes | Depth::Records) => self.depth = Depth::Batches,
            (1, Depth::Batches) => self.pane = 0,
            _ => return None,
        }
        self.scrolled = 0;
        Some(Reaction::Done)
    }

    fn has_records_of_batch(&self) -> bool {
        let first = self.batches.line().map(|it| it.first);
        let record = self.records.all().map(|it| it.offset).min();
        first.is_some_and(|first| record.is_some_and(|it| first <= it))
    }

    fn in_bytes(&mut self, command: Command) -> Option<Reaction> {
        let page = self.segments.seen().1.max(1);
        let last = self.bytes.len().saturating_sub(1);
        self.scrolled = match command {
            Command::NextRow => (self.scrolled + 1).min(last),
            Command::PreviousRow => self.scrolled.saturating_sub(1),
            Command::HalfPageDown | Command::PageDown => (self.scrolled + page).min(last),
            Command::HalfPageUp | Command::PageUp => self.scrolled.saturating_sub(page),
            Command::FirstRow => 0,
            Command::LastRow => last,
            _ => return None,
        };
        Some(Reaction::Done)
    }
}

/// Key and value as bytes.
fn record_bytes(record: &RecordLine) -> Vec<String> {
    let mut lines = vec!["key".to_owned()];
    lines.extend(Shape::Hex.lines(&record.key, Arrays::Whole));
    lines.push("value".to_owned());
    lines.extend(Shape::Hex.lines(&record.value, Arrays::Whole));
    for (name, value) in &record.headers {
        lines.push(format!("header {name}"));
        lines.extend(Shape::Hex.lines(value, Arrays::Whole));
    }
    lines
}

impl Page for Segments {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.now = now.monotonic;
        let topic = watch.cluster.topics.get(&self.topic);
        let partition = topic.and_then(|it| it.partitions.get(&PartitionIndex(self.partition)));
        if let Some(it) = partition {
            self.high_watermark = it.end.map(|it| it.value.0);
            self.isr = it.isr.iter().map(|it| it.0).collect();
            self.replicas = it.replicas.iter().map(|it| it.0).collect();
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Metadata]
    }

    fn needs(&self, _watch: &Watch, needs: &mut Needs) {
        if !self.topic.is_empty() {
            needs.subject = Some(Subject::Topic(self.topic.clone()));
        }
    }

    fn list(&self) -> &dyn List {
        match (self.pane, self.depth) {
            (0, _) => &self.segments,
            (_, Depth::Batches) => &self.batches,
            _ => &self.records,
        }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        match (self.pane, self.depth) {
            (0, _) => &mut self.segments,
            (_, Depth::Batches) => &mut self.batches,
            _ => &mut self.records,
        }
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match (pane, self.depth) {
            (0, _) => Some(&mut self.segments),
            (1, Depth::Batches) => Some(&mut self.batches),
            (1, _) => Some(&mut self.records),
            _ => None,
        }
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        self.pane
    }

    fn focus(&mut self, pane: usize) {
        self.pane = pane;
    }

    fn set_about(&mut self, about: &About) {
        let (topic, partition, offset) = match about {
            About::Topic(topic) => (topic, 0, None),
            About::Partition { topic, partition, offset } => (topic, *partition, *offset),
            _ => return,
        };
        if self.topic == *topic && self.partition == partition && offset.is_none() {
            return;
        }
        let (generation, is_looking, now) = (self.generation + 1, self.is_looking, self.now);
        *self = Segments { generation, is_looking, now, ..Segments::default() };
        self.topic.clone_from(topic);
        self.partition = partition;
        self.goal = offset;
    }

    fn about(&self) -> About {
        if self.topic.is_empty() {
            return About::Cluster;
        }
        let (topic, partition) = (self.topic.clone(), self.partition);
        About::Partition { topic, partition, offset: None }
    }

    fn command(&mut self, command: Command, _watch: &Watch, _now: Now) -> Option<Reaction> {
        if self.pane == 1
            && self.depth == Depth::Bytes
            && let Some(done) = self.in_bytes(command)
        {
            return Some(done);
        }
        match command {
            Command::Open => self.enter(),
            Command::ViewAs => self.view_bytes(),
            Command::Refresh => (self.looked, self.of_segment) = (None, None),
            Command::Back => return self.up(),
            _ => return None,
        }
        Some(Reaction::Done)
    }

    fn takes(&self, purpose: Purpose) -> bool {
        purpose == Purpose::GoTo
    }

    /// An offset: what else a position may be, a file does not know by itself.
    fn typed(
        &mut self,
        _purpose: Purpose,
        text: &str,
        _now: Now,
        _zone: &jiff::tz::TimeZone,
    ) -> Reaction {
        let Ok(offset) = text.trim().parse::<i64>() else {
            return Reaction::Say(format!("@{text}: segments go to an offset, such as @42"));
        };
        self.goal = Some(offset);
        self.of_segment = None;
        self.looked = None;
        Reaction::Done
    }

    fn wants(&mut self, effects: &mut Vec<Effect>) {
        if self.is_looking {
            return;
        }
        if let Some(look) = self.next_look() {
            self.is_looking = true;
            effects.push(Effect::Look { generation: self.generation, look });
        }
    }

    fn is_settled(&self) -> bool {
        let is_done = self.is_known && self.of_segment.is_some();
        let is_empty = self.is_known && self.segments.count() == 0;
        !self.is_looking
            && (is_done || is_empty || self.failed.is_some() || self.has_data == Some(false))
    }

    fn kt_line(&self) -> String {
        format!("kt dump-log {}-{}", self.topic, self.partition)
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        match (self.pane, self.depth) {
            (0, _) => serde_json::to_value(self.segments.line()?).ok(),
            (_, Depth::Batches) => serde_json::to_value(self.batches.line()?).ok(),
            _ => Some(self.records.line()?.json(&self.topic)),
        }
    }

    fn json(&self) -> Json {
        json!({
            "topic": self.topic,
            "partition": self.partition,
            "high_watermark": self.high_watermark,
            "log_end_offset": self.log_end,
            "segments": self.segments.shown().collect::<Vec<_>>(),
            "batches": self.batches.shown().collect::<Vec<_>>(),
        })
    }
}
