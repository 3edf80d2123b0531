//! Segments: the files of a partition in a local directory, and what is in them down to the bytes.
//!
//! Reading a disk is an effect. One look is under way at a time, and each gives a bounded piece.

mod lines;
pub(crate) mod looking;
mod page;
mod taking;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_protocol::types::{Millis, Now};

use self::looking::{BatchLine, Goal, Look, Place, SegmentLine};
use super::records::line::RecordLine;
use super::records::shape::{Arrays, Shape};
use crate::position::At;
use crate::tui::keymap::Command;
use crate::tui::model::listing::{List, Listing};
use crate::tui::model::page::Reaction;

/// The list of segments is looked at again so often, in ms.
const AGAIN_MS: u64 = 5_000;
/// Batches of one segment that are kept; further ones are a page of their own.
pub(crate) const BATCHES_MAX: usize = 1_000;

/// What `@` named, before it is known which segment has it.
#[derive(Clone, Debug)]
struct Aim {
    at: At,
    /// The instant that it means, if it is a time, in ms since 1970.
    time: Option<i64>,
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
    /// Where the files are.
    pub(crate) directory: Option<String>,
    generation: u64,
    /// What is under way.
    looking: Option<Look>,
    /// It is wanted no more.
    must_stop: bool,
    wanted: Option<Look>,
    looked: Option<Millis>,
    now: Millis,
    /// The cursor goes there with the next lists.
    aim: Option<Aim>,
    /// The batches of this segment could not be read; when they are tried again.
    again: Option<(i64, Millis)>,
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
            let known = self.segments.all().cloned().collect();
            return Some(Look::Segments { place: self.place(), known });
        }
        let base = self.segments.line()?.base_offset;
        if self.again.is_some_and(|(of, at)| of == base && self.now < at) {
            return None;
        }
        if self.of_segment != Some(base) {
            self.of_segment = Some(base);
            self.batches.clear();
            self.depth = Depth::Batches;
            let place = self.place();
            let goal = self.goal();
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

    /// What the aim means in the partition as it is.
    fn goal(&self) -> Option<Goal> {
        let aim = self.aim.as_ref()?;
        let start = self.segments.all().map(|it| it.base_offset).min().unwrap_or(0);
        let end = self.log_end.unwrap_or(i64::MAX);
        Some(match (&aim.at, aim.time) {
            (_, Some(time)) => Goal::Time(time),
            (At::Offset(offset), None) => Goal::Offset(*offset),
            (At::BeforeLatest(count), None) => Goal::Offset(end.saturating_sub(*count)),
            (At::AfterEarliest(count), None) => Goal::Offset(start.saturating_add(*count)),
            (At::Latest, None) => Goal::Offset(end),
            _ => Goal::Offset(start),
        })
    }

    /// `@`
    fn go_to(&mut self, text: &str, now: Now, zone: &TimeZone) -> Reaction {
        let at: At = match text.parse() {
            Ok(At::Committed(_)) => {
                return Reaction::Say(format!("@{text}: files know no commits; @42 or @-1h"));
            }
            Ok(at) => at,
            Err(error) => return Reaction::Say(format!("@{error}")),
        };
        let mut time = None;
        if let At::Time(it) = &at {
            let wall = Timestamp::from_millisecond(now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
            let Some(instant) = it.instant(wall, zone) else {
                return Reaction::Say(format!("@{text} is out of the range of time"));
            };
            time = Some(instant.timestamp.as_millisecond());
        }
        self.aim = Some(Aim { at, time });
        (self.of_segment, self.looked, self.again) = (None, None, None);
        // What is under way is of another place.
        self.generation += 1;
        Reaction::Done
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
