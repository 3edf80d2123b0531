//! One rule while it is watched: which subjects fire, since when, and what has changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kt_protocol::types::Millis;

use super::super::measured::Look;
use super::super::notice::NoticeSubject;
use crate::duration::Span;
use crate::tui::alerts::rules::Value;
use crate::tui::model::checks::hold::{Hold, Rise};
use crate::tui::model::checks::rounds::{Round, Rounds, Told};
use crate::tui::model::checks::{Check, Level, Place};

/// When an evaluation is made, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) now: Millis,
    pub(super) wall: Timestamp,
}

/// A rule or a check, and what of it is not as it should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    subjects: BTreeMap<String, Subject>,
    /// How many there are, those that are fine included.
    pub(super) seen: usize,
    /// Those that are not known, of those that do not fire.
    unknown: usize,
    /// Those that would fire and are too many to be followed.
    uncounted: usize,
    is_known: bool,
    rounds: Rounds,
}

/// Something that is beyond its limit, or was a moment ago.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) place: Option<Place>,
    /// Further ones that it stands for.
    pub(super) more: u64,
    pub(super) value: Option<Value>,
    pub(super) value_text: String,
    pub(super) limit_text: String,
    /// What to show.
    pub(super) level: Level,
    /// What it fires at, and since when.
    pub(super) firing: Option<Firing>,
    hold: Hold,
    beyond_warn: Option<Millis>,
    beyond_bad: Option<Millis>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Firing {
    /// Warn or bad: what was last known.
    pub(super) level: Level,
    pub(super) since: Millis,
    pub(super) since_wall: Timestamp,
}

/// What an evaluation has changed: keys of subjects that fire, and what is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) fired: Vec<String>,
    pub(super) eased: Vec<String>,
    pub(super) resolved: Vec<NoticeSubject>,
}

/// How levels of a rule come to be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) holds: Span,
    pub(super) rise: Rise,
    /// So many more subjects may be followed.
    pub(super) room: usize,
    /// When the answers came.
    pub(super) told: Option<Told>,
}

impl Watched {
    /// Takes what was measured; `None` if it is not known.
    pub(super) fn take(&mut self, at: At, looks: Option<Vec<Look>>, manner: Manner) -> Changes {
        let mut changes = Changes::default();
        let Some(looks) = looks else {
            for (key, subject) in &mut self.subjects {
                subject.observe(at, Level::Unknown, manner);
                subject.settle(key, at, &mut changes);
            }
            return changes;
        };
        self.is_known = true;
        let round = self.rounds.look(at.now, manner.told);
        self.seen = looks.len();
        (self.unknown, self.uncounted) = (0, 0);
        let mut gone: BTreeSet<String> = self.subjects.keys().cloned().collect();
        let mut room = manner.room;
        for look in looks {
            gone.remove(&look.name);
            let is_followed = self.subjects.contains_key(&look.name);
            match (is_followed, look.level) {
                (true, _) => {}
                (false, Level::Ok) => continue,
                (false, Level::Unknown) => {
                    self.unknown += 1;
                    continue;
                }
                (false, _) if room == 0 => {
                    self.uncounted += 1;
                    continue;
                }
                // It comes with the next round.
                (false, _) if round == Round::Same => continue,
                (false, _) => room -= 1,
            }
            let subject = self.subjects.entry(look.name.clone());
            let subject = subject.or_insert_with(|| Subject::new(&look, round));
            let look = match look.is_least && subject.is_beyond(look.level) {
                true => look.unknown(),
                false => look,
            };
            // Silence has its own rule, and so has its end.
            if round != Round::Same || [look.level, subject.level].contains(&Level::Unknown) {
                subject.observe(at, look.level, manner);
            }
            subject.describe(&look);
        }
        for key in gone.iter().filter(|_| round != Round::Same) {
            if let Some(subject) = self.subjects.get_mut(key) {
                subject.observe(at, Level::Ok, manner);
                subject.value_text = "gone".to_owned();
            }
        }
        for (key, subject) in &mut self.subjects {
            subject.settle(key, at, &mut changes);
        }
        self.subjects.retain(|_, it| !it.is_calm());
        changes
    }

    /// Takes what a built-in check has found; it holds its level itself.
    pub(super) fn take_check(&mut self, at: At, check: &Check) -> Changes {
        let figure = &check.figure;
        (self.seen, self.is_known) = (1, check.level != Level::Unknown);
        self.unknown = usize::from(!self.is_known);
        // A worst that changes is the same check that fires.
        let key = check.kind.name();
        let mut subject = self.subjects.remove(key).unwrap_or_else(Subject::of_check);
        subject.name.clone_from(&figure.subject);
        subject.place = check.worst.as_ref().map(|it| it.place.clone());
        subject.more = figure.more;
        subject.value_text.clone_from(&figure.value);
        subject.limit_text = figure.limit.to_owned();
        subject.level = check.level;
        let mut changes = Changes::default();
        let since = check.since;
        subject.settle(key, At { now: since.min(at.now), ..at }, &mut changes);
        self.subjects.insert(key.to_owned(), subject);
        changes
    }

    /// The level of the whole.
    pub(super) fn level(&self) -> Level {
        let worst = self.subjects.values().map(|it| it.level).max().unwrap_or(Level::Ok);
        let is_unknown = !self.is_known || 0 < self.unknown;
        worst.max(if is_unknown { Level::Unknown } else { Level::Ok })
    }

    /// Those that fire, by key.
    pub(super) fn firing(&self) -> impl Iterator<Item = (&str, &Subject, Firing)> {
        let all = self.subjects.iter();
        all.filter_map(|(key, it)| Some((key.as_str(), it, it.firing?)))
    }

    pub(super) fn subject(&self, key: &str) -> Option<&Subject> {
        self.subjects.get(key)
    }

    /// The worst, whether it fires or not, and how many fire beside it at the same level.
    pub(super) fn worst(&self) -> Option<(&str, &Subject, u64)> {
        let rank = |it: &Subject| (it.level, it.value.map(Value::number));
        let mut worst: Option<(&str, &Subject)> = None;
        for (key, it) in &self.subjects {
            if worst.is_none_or(|(_, most)| rank(most) < rank(it)) {
                worst = Some((key, it));
            }
        }
        let (key, worst) = worst?;
        let alike = self.subjects.values().filter(|it| it.level == worst.level).count() as u64;
        let uncounted = if worst.level < Level::Warn { 0 } else { self.uncounted as u64 };
        Some((key, worst, worst.more + alike - 1 + uncounted))
    }

    pub(super) fn followed(&self) -> usize {
        self.subjects.len()
    }
}

impl Subject {
    /// One that was fine before, unless this is the first time that anybody looks.
    fn new(look: &Look, round: Round) -> Subject {
        let mut hold = Hold::default();
        if round != Round::First {
            hold.observe(Level::Ok, Rise::Held);
        }
        Subject { hold, name: look.name.clone(), ..Subject::of_check() }
    }

    fn of_check() -> Subject {
        Subject {
            name: String::new(),
            place: None,
            more: 0,
            value: None,
            value_text: String::new(),
            limit_text: String::new(),
            level: Level::Unknown,
            firing: None,
            hold: Hold::default(),
            beyond_warn: None,
            beyond_bad: None,
        }
    }

    fn describe(&mut self, look: &Look) {
        self.place = Some(look.place.clone());
        // What was last known stays, as everywhere.
        if let Some(value) = look.value {
            self.value = Some(value);
            self.value_text = value.text();
        }
        if let Some(limit) = look.limit {
            self.limit_text = limit.limit_text();
        }
    }

    fn observe(&mut self, at: At, found: Level, manner: Manner) {
        let found = match found {
            Level::Unknown => Level::Unknown,
            found => self.lasting(at.now, found, manner.holds.as_millis()),
        };
        self.level = self.hold.observe(found, manner.rise);
    }

    /// Whether it is worse than that, or has begun to be.
    fn is_beyond(&self, level: Level) -> bool {
        let fires_beyond = self.firing.is_some_and(|it| level < it.level);
        fires_beyond || (level < Level::Bad && self.beyond_bad.is_some())
    }

    /// The level at which it was for long enough.
    fn lasting(&mut self, now: Millis, found: Level, holds: u64) -> Level {
        let begin = |since: &mut Option<Millis>, is_beyond: bool| {
            *since = is_beyond.then(|| since.unwrap_or(now));
            since.is_some_and(|it| holds <= now - it)
        };
        let is_warn = begin(&mut self.beyond_warn, Level::Warn <= found);
        let is_bad = begin(&mut self.beyond_bad, Level::Bad <= found);
        match (is_bad, is_warn) {
            (true, _) => Level::Bad,
            (false, true) => Level::Warn,
            (false, false) => Level::Ok,
        }
    }

    /// From levels to what fires. What is not known changes nothing.
    fn settle(&mut self, key: &str, at: At, changes: &mut Changes) {
        let before = self.firing.map(|it| it.level);
        match (before, self.level) {
            (_, Level::Unknown) | (None, Level::Ok) => {}
            (None, level) => {
                self.firing = Some(Firing { level, since: at.now, since_wall: at.wall });
                changes.fired.push(key.to_owned());
            }
            (Some(_), Level::Ok) => {
                changes.resolved.push(self.told());
                self.firing = None;
            }
            (Some(before), level) if before != level => {
                if let Some(firing) = &mut self.firing {
                    firing.level = level;
                }
                let changed = if before < level { &mut changes.fired } else { &mut changes.eased };
                changed.push(key.to_owned());
            }
            (Some(_), _) => {}
        }
    }

    /// As a notice names it.
    pub(super) fn told(&self) -> NoticeSubject {
        NoticeSubject {
            subject: self.name.clone(),
            level: self.firing.map_or(Level::Ok, |it| it.level),
            value: self.value.map(Value::number),
            value_text: self.value_text.clone(),
            limit_text: self.limit_text.clone(),
            since: self.firing.map(|it| it.since_wall),
        }
    }

    /// Nothing of it has to be remembered.
    fn is_calm(&self) -> bool {
        self.level == Level::Ok && self.firing.is_none() && self.beyond_warn.is_none()
    }
}
