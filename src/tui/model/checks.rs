//! The six checks of the overview: one evaluator for badge, overview and alerts.
//!
//! Each check looks at plain facts and finds a level, what to say and where it is worst; the
//! evaluator holds levels still, so that what comes and goes does not flicker.

mod brokers;
mod disk;
pub(crate) mod facts;
mod groups;
pub(crate) mod hold;
mod moves;
pub(crate) mod partitions;
pub(crate) mod quorum;
pub(crate) mod rounds;

use std::collections::BTreeSet;

use kt_protocol::types::{Millis, TopicPartition};
use serde::Serialize;

use self::facts::Facts;
use self::hold::{Hold, Rise};
use self::rounds::{Round, Rounds, Told};
use crate::group_verdict;

/// How bad a thing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    #[default]
    Ok,
    /// Not answered, or not authorized.
    Unknown,
    Warn,
    Bad,
}

impl Level {
    /// Where it stands in a list that shows the worst first: what is not known comes last.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Level::Unknown => 0,
            Level::Ok => 1,
            Level::Warn => 2,
            Level::Bad => 3,
        }
    }
}

impl From<group_verdict::Level> for Level {
    fn from(level: group_verdict::Level) -> Level {
        match level {
            group_verdict::Level::Ok => Level::Ok,
            group_verdict::Level::Warn => Level::Warn,
            group_verdict::Level::Bad => Level::Bad,
        }
    }
}

/// The checks, in the order of their lines: each has its place for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CheckKind {
    Brokers,
    Partitions,
    Quorum,
    Disk,
    Groups,
    Moves,
}

impl CheckKind {
    pub(crate) const ALL: [CheckKind; 6] = [
        CheckKind::Brokers,
        CheckKind::Partitions,
        CheckKind::Quorum,
        CheckKind::Disk,
        CheckKind::Groups,
        CheckKind::Moves,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            CheckKind::Brokers => "brokers",
            CheckKind::Partitions => "partitions",
            CheckKind::Quorum => "quorum",
            CheckKind::Disk => "disk",
            CheckKind::Groups => "groups",
            CheckKind::Moves => "moves",
        }
    }
}

/// A piece of what a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) level: Level,
    /// Goes when the line is too narrow for all.
    pub(crate) is_spare: bool,
}

impl Part {
    fn new(level: Level, text: String) -> Part {
        Part { text, level, is_spare: false }
    }

    fn plain(text: impl Into<String>) -> Part {
        Part::new(Level::Ok, text.into())
    }
}

/// What is worst, and what its screen is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Broker(i32),
    Partition(TopicPartition),
    Directory(i32, String),
    Group(String),
    Topic(String),
}

/// The worst subject of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Worst {
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// The worst in a few words: what a line of alerts says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// What it is about: the worst thing, or all of them where nothing is wrong.
    pub(crate) subject: String,
    /// How many more have the same level.
    pub(crate) more: u64,
    pub(crate) value: String,
    /// What it may be.
    pub(crate) limit: &'static str,
}

impl Figure {
    /// Of all of something, none of which has a level of its own.
    fn of_all(subject: impl Into<String>, value: impl Into<String>, limit: &'static str) -> Figure {
        Figure { subject: subject.into(), more: 0, value: value.into(), limit }
    }

    /// Of the worst of `count`.
    fn of_worst(
        subject: impl Into<String>,
        count: usize,
        value: impl Into<String>,
        limit: &'static str,
    ) -> Figure {
        let more = count.saturating_sub(1) as u64;
        Figure { more, ..Figure::of_all(subject, value, limit) }
    }
}

/// What one look found.
#[derive(Clone, Debug)]
struct Finding {
    level: Level,
    now: Vec<Part>,
    worst: Option<Worst>,
    figure: Figure,
    rise: Rise,
}

impl Finding {
    fn unknown(why: &str) -> Finding {
        let now = vec![Part::new(Level::Unknown, why.to_owned())];
        let figure = Figure::of_all("–", "?", "–");
        Finding { level: Level::Unknown, now, worst: None, figure, rise: Rise::Held }
    }

    /// A level from its parts.
    fn of(now: Vec<Part>, worst: Option<Worst>, figure: Figure) -> Finding {
        let level = now.iter().map(|it| it.level).max().unwrap_or(Level::Ok);
        Finding { level, now, worst, figure, rise: Rise::Held }
    }
}

/// A line of the overview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) kind: CheckKind,
    pub(crate) level: Level,
    pub(crate) now: Vec<Part>,
    /// Where it is worst, if anything is.
    pub(crate) worst: Option<Worst>,
    pub(crate) figure: Figure,
    /// Since when it has this level.
    pub(crate) since: Millis,
}

impl Check {
    /// What it says, in so many columns: spare parts go first.
    pub(crate) fn text(&self, width: usize) -> String {
        let join = |is_wide: bool| {
            let parts = self.now.iter().filter(|it| is_wide || !it.is_spare);
            parts.map(|it| it.text.as_str()).collect::<Vec<_>>().join("  ")
        };
        let all = join(true);
        if all.chars().count() <= width { all } else { join(false) }
    }
}

/// How many rules fire, not how many subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) bad: usize,
    pub(crate) warn: usize,
    pub(crate) unknown: usize,
}

impl Badge {
    /// Of all checks and all rules of the user.
    pub(crate) fn of(levels: impl IntoIterator<Item = Level>) -> Badge {
        let mut badge = Badge::default();
        for level in levels {
            match level {
                Level::Ok => {}
                Level::Unknown => badge.unknown += 1,
                Level::Warn => badge.warn += 1,
                Level::Bad => badge.bad += 1,
            }
        }
        badge
    }

    /// What it says in so many cells: `WARN` drops if both do not fit.
    pub(crate) fn words(self, room: usize) -> Vec<(String, Level)> {
        let bad = (format!("BAD {}", self.bad), Level::Bad);
        let warn = (format!("WARN {}", self.warn), Level::Warn);
        match (self.bad, self.warn, self.unknown) {
            (0, 0, 0) => vec![("OK".to_owned(), Level::Ok)],
            (0, 0, _) => vec![("UNKNOWN".to_owned(), Level::Unknown)],
            (0, _, _) => vec![warn],
            (_, 1.., _) if bad.0.len() + 1 + warn.0.len() <= room => vec![bad, warn],
            _ => vec![bad],
        }
    }
}

/// What the checks found before, and what they show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evaluator {
    held: [Held; 6],
}

#[derive(Clone, Debug, Default)]
struct Held {
    hold: Hold,
    check: Option<Check>,
    /// Whether that check ever had an answer.
    is_known: bool,
    rounds: Rounds,
}

impl Evaluator {
    /// One look at everything. A check whose answers are those of the last time says what it finds
    /// now; it is no further evaluation.
    pub(crate) fn evaluate(
        &mut self,
        now: Millis,
        facts: &Facts<'_>,
        told: impl Fn(CheckKind) -> Option<Told>,
    ) -> [Check; 6] {
        CheckKind::ALL.map(|kind| {
            let finding = look(kind, facts, &facts.down);
            let held = &mut self.held[kind as usize];
            let level = held.observe(now, &finding, told(kind));
            held.take(kind, now, level, finding)
        })
    }
}

fn look(kind: CheckKind, facts: &Facts<'_>, down: &BTreeSet<i32>) -> Finding {
    match kind {
        CheckKind::Brokers => facts.brokers.found(|it| brokers::look(it)),
        CheckKind::Partitions => facts.partitions.found(|it| partitions::look(it, down)),
        CheckKind::Quorum => facts.quorum.found(|it| quorum::look(it, down)),
        CheckKind::Disk => facts.directories.found(|it| disk::look(it)),
        CheckKind::Groups => facts.groups.found(|it| groups::look(it)),
        CheckKind::Moves => facts.moves.found(moves::look),
    }
}

impl Held {
    /// The level to show. Each round of answers counts once; silence has its own rule.
    fn observe(&mut self, now: Millis, finding: &Finding, told: Option<Told>) -> Level {
        if finding.level == Level::Unknown {
            return self.hold.observe(finding.level, finding.rise);
        }
        match self.rounds.look(now, told) {
            Round::First => self.hold = Hold::default(),
            Round::New => {}
            // What was not known for a while is, with the first answer.
            Round::Same if self.hold.level() == Level::Unknown => {}
            Round::Same => return self.hold.level(),
        }
        self.hold.observe(finding.level, finding.rise)
    }

    fn take(&mut self, kind: CheckKind, now: Millis, level: Level, finding: Finding) -> Check {
        let is_answer = finding.level != Level::Unknown;
        let before = self.check.take();
        let is_same = before.as_ref().is_some_and(|it| it.level == level);
        let since = before.as_ref().filter(|_| is_same).map_or(now, |it| it.since);
        let check = match before {
            // The last good answer stays, and so does the place while its mark does.
            Some(before) if !is_answer && self.is_known => Check { level, since, ..before },
            Some(before) if finding.level < level && finding.worst.is_none() => {
                Check { level, now: finding.now, since, ..before }
            }
            _ => {
                let Finding { now, worst, figure, .. } = finding;
                Check { kind, level, now, worst, figure, since }
            }
        };
        self.is_known |= is_answer;
        self.check = Some(check.clone());
        check
    }
}

#[cfg(test)]
mod tests;
