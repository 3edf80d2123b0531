//! Records of a topic: a window that is read where the cursor goes, a live tail, and a scan.
//!
//! Nothing joins a group. What is to be read is a plan; what comes of it counts only while its plan
//! is the last one.

pub(crate) mod line;
pub(crate) mod list;
mod page;
pub(crate) mod reading;
mod scan;
pub(crate) mod shape;
mod taking;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_protocol::types::{Millis, Now, PartitionIndex};

use self::line::RecordLine;
use self::list::{Beyond, End, RecordList};
use self::reading::{Coverage, Offsets, Place, Way};
use self::scan::Condition;
use self::shape::Shape;
use crate::position::At;
use crate::tui::keymap::Command;
use crate::tui::model::listing::List;
use crate::tui::model::page::Reaction;
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
    /// The scan has found more than is kept: it goes on where it ended.
    pub(crate) is_full: bool,
    generation: u64,
    now: Millis,
    /// What is to be read next.
    wanted: Option<(Way, Run)>,
    /// What was asked for last, and what the list began with.
    asked: Option<(Way, Run)>,
    begun: Option<Way>,
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
        self.is_full = false;
        self.following = Following::No;
        self.tail_next = false;
        self.scrolled = 0;
        self.begun = Some(way.clone());
        self.want(way, run);
    }

    fn want(&mut self, way: Way, run: Run) {
        self.wanted = Some((way, run));
        self.must_stop = self.running.take().is_some();
    }

    /// Nothing is read any more.
    fn stop(&mut self) {
        self.must_stop |= self.running.take().is_some();
        self.end_coverage();
        self.wanted = None;
        self.tail_next = false;
        self.following = Following::No;
        // What comes late of it counts no more.
        self.generation += 1;
    }

    fn newest(&mut self) {
        self.from = None;
        self.anew(Way::Newest, Run::Page(End::First));
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

    /// `r`: reads again what could not be read, else all from where it was begun.
    fn refresh(&mut self) {
        if self.wanted.is_some() || self.running.is_some() {
            return;
        }
        if self.failed.is_some() && 0 < self.list.count() {
            match self.asked.clone() {
                Some((_, Run::Scan)) => return self.go_on(),
                Some((_, Run::Tail)) => return self.resume(),
                Some((way, run)) => return self.want(way, run),
                None => {}
            }
        }
        match self.begun.clone() {
            Some(Way::From(place)) => self.begin_at(place),
            Some(Way::Through(place, _)) => self.scan(place),
            _ => self.newest(),
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
            Command::NextRow => self.scrolled.saturating_add(1),
            Command::PreviousRow => self.scrolled.saturating_sub(1),
            Command::HalfPageDown | Command::PageDown => self.scrolled.saturating_add(page),
            Command::HalfPageUp | Command::PageUp => self.scrolled.saturating_sub(page),
            Command::FirstRow => 0,
            // Whoever draws it knows how many lines that is.
            Command::LastRow => usize::MAX,
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
}
