//! Records of a topic: a window that is read where the cursor goes, a live tail, and a scan.
//!
//! Nothing joins a group. What is to be read is a plan; what comes of it counts only while its plan
//! is the last one.

pub(crate) mod line;
pub(crate) mod list;
pub(crate) mod reading;
pub(crate) mod shape;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_protocol::types::{Now, PartitionIndex};
use serde_json::{Value as Json, json};

use self::line::RecordLine;
use self::list::{Beyond, End, RecordList};
use self::reading::{Coverage, Offsets, Place, ReadNews, ReadPlan, Way};
use self::shape::Shape;
use crate::position::At;
use crate::record_filter::RecordFilter;
use crate::tui::figures;
use crate::tui::keymap::Command;
use crate::tui::model::input::Purpose;
use crate::tui::model::listing::List;
use crate::tui::model::msg::Effect;
use crate::tui::model::page::{About, Page, Reaction};
use crate::tui::model::schedule::{Kind, Needs, Subject};
use crate::tui::model::watch::Watch;

/// What is read at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// A page at this end.
    Page(End),
    /// All of it, for a condition.
    Scan,
    /// What comes.
    Tail,
}

/// Whether the list goes with what comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Following {
    #[default]
    No,
    Yes,
    /// The cursor left the last row; so many came since.
    Paused {
        new: u64,
    },
}

/// What a scan looks for.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// As it was typed.
    pub(crate) text: String,
    filter: Arc<RecordFilter>,
}

/// A partition that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) partition: i32,
    /// The log start offset.
    pub(crate) start: Option<i64>,
    /// The high watermark.
    pub(crate) end: Option<i64>,
    /// Up to where it was read.
    pub(crate) read: Option<i64>,
    /// Of what is to be read, 0 to 1.
    pub(crate) share: Option<f64>,
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) topic: String,
    /// `None`: all of the topic.
    pub(crate) partition: Option<i32>,
    pub(crate) list: RecordList,
    /// All partitions of the topic; `None` until they are told.
    pub(crate) partitions: Option<Vec<i32>>,
    /// Those of them that have no leader: they are left out.
    pub(crate) without_leader: Vec<i32>,
    pub(crate) spans: Vec<Span>,
    pub(crate) following: Following,
    pub(crate) condition: Option<Condition>,
    /// Where it was begun, as it was typed.
    pub(crate) from: Option<String>,
    pub(crate) coverage: Option<Coverage>,
    pub(crate) running: Option<Run>,
    /// Why the last plan was given up.
    pub(crate) failed: Option<String>,
    /// As it was chosen; else what fits the value.
    pub(crate) shape: Option<Shape>,
    /// Whether the keys move in the detail.
    pub(crate) is_in_detail: bool,
    /// Lines of the detail that are out of sight.
    pub(crate) scrolled: usize,
    generation: u64,
    /// What is to be read next.
    wanted: Option<(Way, Run)>,
    /// The cursor goes to this end with the next records.
    cursor_to: Option<End>,
    /// Reading goes on with the tail.
    tail_next: bool,
    must_stop: bool,
}

impl Records {
    /// Forgets what was loaded.
    fn anew(&mut self, way: Way, run: Run) {
        self.list.clear();
        self.coverage = None;
        self.failed = None;
        self.following = Following::No;
        self.tail_next = false;
        self.scrolled = 0;
        self.want(way, run);
    }

    fn want(&mut self, way: Way, run: Run) {
        self.wanted = Some((way, run));
        self.must_stop = self.running.take().is_some();
    }

    /// Nothing is read any more.
    fn stop(&mut self) {
        self.must_stop |= self.running.take().is_some();
        self.wanted = None;
        self.tail_next = false;
        self.following = Following::No;
        // What comes late of it counts no more.
        self.generation += 1;
    }

    fn newest(&mut self) {
        self.from = None;
        self.anew(Way::Newest, Run::Page(End::First));
        self.list.behind = Beyond::Nothing;
        self.cursor_to = Some(End::Last);
    }

    fn begin_at(&mut self, place: Place) {
        self.anew(Way::From(place), Run::Page(End::Last));
        self.cursor_to = Some(End::First);
    }

    /// The partitions that can be read.
    fn readable(&self) -> Vec<i32> {
        let all = self.partitions.iter().flatten().copied();
        let wanted = all.filter(|it| self.partition.is_none_or(|only| only == *it));
        wanted.filter(|it| !self.without_leader.contains(it)).collect()
    }

    /// `f`: goes with what comes, or no longer.
    fn follow(&mut self) {
        match self.following {
            Following::Yes => self.stop(),
            Following::Paused { .. } => self.resume(),
            Following::No => {
                let is_at_end = self.list.behind == Beyond::Nothing && self.running.is_none();
                if is_at_end && !self.list.next.is_empty() {
                    self.resume();
                } else if self.condition.is_some() {
                    // Hits between the scan and the present are left out: the title says hits.
                    self.following = Following::Yes;
                    self.list.jump(End::Last);
                    self.want(Way::Follow(Offsets::new()), Run::Tail);
                } else {
                    self.newest();
                    self.tail_next = true;
                }
            }
        }
    }

    /// Goes on with what comes behind the loaded records.
    fn resume(&mut self) {
        self.following = Following::Yes;
        self.list.jump(End::Last);
        let next = self.list.next.clone();
        self.want(Way::Follow(next), Run::Tail);
    }

    /// What a move of the cursor asks for.
    fn note_cursor(&mut self) {
        if self.following == Following::Yes && !self.list.is_at_last() {
            self.following = Following::Paused { new: 0 };
        }
        let reached = self.list.take_reached();
        match (reached, self.following) {
            (Some(End::Last), Following::Paused { .. }) => return self.resume(),
            // The tail has the one reader there is.
            (_, Following::Yes | Following::Paused { .. }) | (None, _) => return,
            (Some(_), Following::No) => {}
        }
        if self.running.is_some() || self.condition.is_some() || self.list.count() == 0 {
            return;
        }
        match reached {
            Some(End::First) if self.list.before == Beyond::More => {
                self.want(Way::Before(self.list.first.clone()), Run::Page(End::First));
            }
            Some(End::Last) if self.list.behind == Beyond::More => {
                let next = Place::Offsets(self.list.next.clone());
                self.want(Way::From(next), Run::Page(End::Last));
            }
            _ => {}
        }
    }

    /// Takes over what was read.
    pub(crate) fn take(&mut self, generation: u64, news: ReadNews, now: Now) {
        if generation != self.generation {
            return;
        }
        let Some(run) = self.running else { return };
        match news {
            ReadNews::Began { from, until } => {
                self.coverage = Some(Coverage::began(from.clone(), until, now.monotonic));
                // Partitions without records have their place, too.
                if run == Run::Page(End::Last) && self.list.count() == 0 {
                    self.list.append(Vec::new(), &from);
                }
            }
            ReadNews::Records { lines, edges, passed } => {
                self.take_lines(run, lines, &edges, passed);
            }
            ReadNews::Ended { is_exhausted } => self.ended(run, is_exhausted, now),
            ReadNews::Failed(why) => {
                self.failed = Some(why);
                self.running = None;
                self.following = Following::No;
                self.tail_next = false;
                self.end_coverage(now);
            }
        }
    }

    fn take_lines(&mut self, run: Run, lines: Vec<RecordLine>, edges: &Offsets, passed: u64) {
        if let Some(coverage) = self.coverage.as_mut().filter(|_| run != Run::Page(End::First)) {
            coverage.reached(edges);
        }
        match run {
            Run::Page(End::First) => self.list.prepend(lines, edges),
            Run::Page(End::Last) => self.list.append(lines, edges),
            Run::Scan => {
                self.list.insert(lines);
                self.list.next.clone_from(edges);
            }
            Run::Tail => {
                if let Following::Paused { new } = &mut self.following {
                    *new += passed + lines.len() as u64;
                    return;
                }
                self.list.append(lines, edges);
                if self.following == Following::Yes {
                    self.list.jump(End::Last);
                }
            }
        }
        if let Some(end) = self.cursor_to
            && 0 < self.list.count()
        {
            self.list.jump(end);
            self.cursor_to = None;
        }
    }

    fn ended(&mut self, run: Run, is_exhausted: bool, now: Now) {
        self.running = None;
        self.cursor_to = None;
        let beyond = if is_exhausted { Beyond::Nothing } else { Beyond::More };
        match run {
            Run::Page(End::First) => self.list.before = beyond,
            Run::Page(End::Last) => self.list.behind = beyond,
            Run::Scan => self.list.behind = beyond,
            Run::Tail => self.following = Following::No,
        }
        self.end_coverage(now);
        if std::mem::take(&mut self.tail_next) {
            self.list.behind = Beyond::Nothing;
            self.resume();
        }
    }

    fn end_coverage(&mut self, now: Now) {
        if let Some(it) = self.coverage.as_mut() {
            it.ended = it.ended.or(Some(now.monotonic));
        }
    }

    /// `@`
    fn go_to(&mut self, text: &str, now: Now, zone: &TimeZone) -> Reaction {
        let at: At = match text.parse() {
            Ok(at) => at,
            Err(error) => return Reaction::Say(format!("@{error}")),
        };
        let time = match &at {
            At::Time(time) => {
                let wall = Timestamp::from_millisecond(now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
                match time.instant(wall, zone) {
                    Some(instant) => Some(instant.timestamp),
                    None => return Reaction::Say(format!("@{text} is out of the range of time")),
                }
            }
            _ => None,
        };
        self.condition = None;
        self.from = Some(text.to_owned());
        match at {
            At::Latest => self.newest(),
            at => self.begin_at(Place::At { at, time }),
        }
        Reaction::Done
    }

    /// `F`
    fn find(&mut self, text: &str, now: Now, zone: &TimeZone) -> Reaction {
        if text.is_empty() {
            if self.condition.take().is_some() {
                self.newest();
            }
            return Reaction::Done;
        }
        let wall = Timestamp::from_millisecond(now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let filter = match RecordFilter::new(Some(text), None, wall, zone) {
            Ok(filter) => Arc::new(filter),
            Err(error) => {
                let hint = error.hint.map_or_else(String::new, |it| format!("; {it}"));
                return Reaction::Say(format!("{}{hint}", error.message));
            }
        };
        let from = self.from.clone().filter(|it| it != "latest").unwrap_or("earliest".to_owned());
        let at = from.parse().unwrap_or(At::Earliest);
        let time = match &at {
            At::Time(time) => time.instant(wall, zone).map(|it| it.timestamp),
            _ => None,
        };
        self.from = Some(from);
        self.condition = Some(Condition { text: text.to_owned(), filter });
        self.anew(Way::Through(Place::At { at, time }), Run::Scan);
        self.list.before = Beyond::Nothing;
        self.cursor_to = Some(End::First);
        Reaction::Done
    }

    fn first_row(&mut self) -> Reaction {
        self.is_in_detail = false;
        if self.condition.is_some() || self.list.before == Beyond::Nothing {
            self.list.jump(End::First);
        } else {
            self.from = Some("earliest".to_owned());
            self.begin_at(Place::At { at: At::Earliest, time: None });
        }
        Reaction::Done
    }

    fn last_row(&mut self) -> Reaction {
        self.is_in_detail = false;
        match self.following {
            Following::Paused { .. } => self.resume(),
            _ if self.condition.is_some() || self.list.behind == Beyond::Nothing => {
                self.list.jump(End::Last);
            }
            _ => self.newest(),
        }
        Reaction::Done
    }

    /// Keys while the detail has them.
    fn in_detail(&mut self, command: Command) -> Option<Reaction> {
        let page = self.list.seen().1.max(1);
        self.scrolled = match command {
            Command::NextRow => self.scrolled + 1,
            Command::PreviousRow => self.scrolled.saturating_sub(1),
            Command::HalfPageDown | Command::PageDown => self.scrolled + page,
            Command::HalfPageUp | Command::PageUp => self.scrolled.saturating_sub(page),
            Command::FirstRow => 0,
            _ => return None,
        };
        Some(Reaction::Done)
    }

    /// Whether something is to be read and has not begun.
    pub(crate) fn is_waiting(&self) -> bool {
        self.wanted.is_some() && self.failed.is_none()
    }

    /// How the value under the cursor is shown.
    pub(crate) fn shape_of(&self, record: &RecordLine) -> Shape {
        self.shape.unwrap_or_else(|| Shape::of(&record.value))
    }

    fn renew_spans(&mut self, watch: &Watch) {
        let topic = watch.cluster.topics.get(&self.topic);
        let span = |partition: i32| {
            let told = topic.and_then(|it| it.partitions.get(&PartitionIndex(partition)));
            let coverage = self.coverage.as_ref();
            let of = |offsets: &Offsets| offsets.get(&partition).copied();
            let read = coverage.and_then(|it| of(&it.at));
            let share = coverage.and_then(|it| {
                let (from, until, at) = (of(&it.from)?, of(&it.until)?, of(&it.at)?);
                let all = until.saturating_sub(from);
                (0 < all).then(|| at.saturating_sub(from) as f64 / all as f64)
            });
            Span {
                partition,
                start: told.and_then(|it| it.start).map(|it| it.value.0),
                end: told.and_then(|it| it.end).map(|it| it.value.0),
                read,
                share,
            }
        };
        let all = self.partitions.iter().flatten().copied();
        let shown = all.filter(|it| self.partition.is_none_or(|only| only == *it));
        self.spans = shown.map(span).collect();
    }

    /// `scanned 1.2M of 3.4M (35%)  84.0K/s  12 partitions, 9 done`
    fn coverage_words(&self, now: Now) -> Option<(String, String)> {
        let coverage = self.coverage.as_ref().filter(|_| self.condition.is_some())?;
        let (done, all) = coverage.scanned();
        let share = if all == 0 { 1.0 } else { done as f64 / all as f64 };
        let until = coverage.ended.unwrap_or(now.monotonic);
        let seconds = ((until - coverage.began) as f64 / 1_000.0).max(0.001);
        let partitions = coverage.until.len();
        let noun = if partitions == 1 { "partition" } else { "partitions" };
        let mut words = format!(
            "scanned {} of {} ({})  {}/s  {partitions} {noun}, {} done",
            figures::count(done),
            figures::count(all),
            figures::share(share),
            figures::rate(done as f64 / seconds),
            coverage.done(),
        );
        if coverage.ended.is_some() && self.list.is_full() && done < all {
            words.push_str("  full: no more hits are kept");
        }
        let is_running = self.running == Some(Run::Scan);
        Some((words, if is_running { "Esc stops" } else { "" }.to_owned()))
    }
}

impl Page for Records {
    fn renew(&mut self, watch: &Watch, _now: Now) {
        if let Some(topic) = watch.cluster.topics.get(&self.topic) {
            let without = topic.partitions.iter().filter(|(_, it)| it.leader.is_none());
            self.without_leader = without.map(|(index, _)| index.0).collect();
            self.partitions = Some(topic.partitions.keys().map(|it| it.0).collect());
        } else if watch.cluster.oldest(&[Kind::Metadata]).is_some() && !self.topic.is_empty() {
            self.failed = Some(format!("topic \"{}\" is not there", self.topic));
        }
        self.renew_spans(watch);
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
        &self.list
    }

    fn list_mut(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        usize::from(self.is_in_detail)
    }

    fn focus(&mut self, pane: usize) {
        self.is_in_detail = pane == 1;
        self.scrolled = 0;
    }

    fn set_about(&mut self, about: &About) {
        let (topic, partition, offset) = match about {
            About::Topic(topic) => (topic, None, None),
            About::Partition { topic, partition, offset } => (topic, Some(*partition), *offset),
            _ => return,
        };
        let is_same = self.topic == *topic && self.partition == partition;
        if is_same && offset.is_none() && 0 < self.list.count() {
            return;
        }
        let generation = self.generation;
        let running = self.running;
        *self = Records { generation, running, ..Records::default() };
        self.topic.clone_from(topic);
        self.partition = partition;
        match (partition, offset) {
            (Some(partition), Some(offset)) => {
                self.from = Some(offset.to_string());
                self.begin_at(Place::Offsets([(partition, offset)].into()));
            }
            _ => self.newest(),
        }
    }

    fn about(&self) -> About {
        match (self.topic.as_str(), self.partition) {
            ("", _) => About::Cluster,
            (topic, None) => About::Topic(topic.to_owned()),
            (topic, Some(partition)) => {
                About::Partition { topic: topic.to_owned(), partition, offset: None }
            }
        }
    }

    fn command(&mut self, command: Command, _watch: &Watch, _now: Now) -> Option<Reaction> {
        if self.is_in_detail
            && let Some(done) = self.in_detail(command)
        {
            return Some(done);
        }
        match command {
            Command::Freeze => self.follow(),
            Command::FirstRow => return Some(self.first_row()),
            Command::LastRow => return Some(self.last_row()),
            Command::ViewAs => {
                let line = self.list.line()?;
                self.shape = Some(self.shape_of(line).next());
                self.scrolled = 0;
            }
            Command::Back if self.running == Some(Run::Scan) => self.stop(),
            Command::Back if self.is_in_detail => self.is_in_detail = false,
            Command::Open => {
                self.is_in_detail = !self.is_in_detail;
                self.scrolled = 0;
            }
            _ => return None,
        }
        Some(Reaction::Done)
    }

    fn takes(&self, purpose: Purpose) -> bool {
        matches!(purpose, Purpose::GoTo | Purpose::Find)
    }

    fn typed(&mut self, purpose: Purpose, text: &str, now: Now, zone: &TimeZone) -> Reaction {
        match purpose {
            Purpose::Find => self.find(text.trim(), now, zone),
            _ => self.go_to(text.trim(), now, zone),
        }
    }

    fn wants(&mut self, effects: &mut Vec<Effect>) {
        self.note_cursor();
        if self.scrolled != 0 && !self.is_in_detail {
            self.scrolled = 0;
        }
        let partitions = self.readable();
        // A plan waits until it is known what there is to read.
        if let Some((way, run)) = self.wanted.take_if(|_| self.partitions.is_some()) {
            self.must_stop = false;
            self.generation += 1;
            if partitions.is_empty() {
                self.failed = Some(match self.partition {
                    Some(it) if self.partitions.iter().flatten().all(|all| *all != it) => {
                        format!("topic \"{}\" has no partition {it}", self.topic)
                    }
                    _ => format!("no partition of \"{}\" has a leader", self.topic),
                });
                return;
            }
            self.failed = None;
            self.running = Some(run);
            effects.push(Effect::Read(ReadPlan {
                generation: self.generation,
                topic: self.topic.clone(),
                partitions,
                way,
                filter: self.condition.as_ref().map(|it| Arc::clone(&it.filter)),
            }));
        }
        if std::mem::take(&mut self.must_stop) {
            effects.push(Effect::StopReading);
        }
    }

    /// Nobody looks: nothing is read.
    fn rest(&mut self, effects: &mut Vec<Effect>) {
        if self.running.is_some() {
            self.stop();
        }
        self.must_stop = false;
        effects.push(Effect::StopReading);
    }

    fn says(&self, now: Now) -> Option<(String, String)> {
        self.coverage_words(now)
    }

    fn is_settled(&self) -> bool {
        let is_reading =
            self.wanted.is_some() || matches!(self.running, Some(Run::Page(_) | Run::Scan));
        self.failed.is_some() || !is_reading
    }

    fn copied(&self) -> Option<String> {
        let value = &self.list.line()?.value;
        Some(value.text().map_or_else(|| value.words(), str::to_owned))
    }

    fn kt_line(&self) -> String {
        let mut line = format!("kt consume {}", self.topic);
        if let Some(partition) = self.partition {
            line.push_str(&format!(":{partition}"));
        }
        if let Some(from) = &self.from {
            line.push_str(&format!(" --from {from}"));
        }
        if let Some(condition) = &self.condition {
            line.push_str(&format!(" --where '{}'", condition.text.replace('\'', "'\\''")));
        }
        if self.following != Following::No {
            line.push_str(" -F");
        }
        line
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        Some(self.list.line()?.json(&self.topic))
    }

    fn json(&self) -> Json {
        let records: Vec<Json> = self.list.shown().map(|it| it.json(&self.topic)).collect();
        json!({ "topic": self.topic, "partition": self.partition, "records": records })
    }
}
