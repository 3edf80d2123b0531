//! What one target has been told of one rule, and what it is to be told next.
//!
//! A lane delivers one notice after the other: what is over never arrives before what began.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kt_protocol::types::Millis;

use super::super::notice::{Notice, NoticeSubject, SUBJECTS_MAX, State};
use super::super::rules::{Resolved, Target};
use super::watched::{At, Firing, Subject, Watched};
use crate::tui::model::checks::Level;

/// A notice is tried so often, within about 20 minutes.
const ATTEMPTS_MAX: u32 = 10;
const RETRY_FIRST_MS: u64 = 5_000;
const RETRY_MOST_MS: u64 = 300_000;
/// So many subjects are remembered after they were over, so that they are not told again too soon.
const OVER_MAX: usize = 1_000;

/// One target of one rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    told: BTreeMap<String, Told>,
    queue: VecDeque<Queued>,
    under_way: Option<u64>,
    /// How often the notice at the front has failed, or the last one that was given up.
    pub(super) failures: u32,
    /// What was delivered since all was well.
    pub(super) heard: Heard,
}

#[derive(Clone, Debug)]
struct Told {
    name: String,
    at: Millis,
    level: Level,
    is_over: bool,
}

/// Whether the target knows that something fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heard {
    #[default]
    Nothing,
    Something,
}

#[derive(Clone, Debug)]
struct Queued {
    notice: Arc<Notice>,
    not_before: Millis,
    attempts: u32,
}

/// Of which rule a lane is.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) rule: &'a str,
    pub(super) kind: &'a str,
    pub(super) target: &'a Target,
    /// Nobody is told of these for now.
    pub(super) muted: &'a dyn Fn(&str) -> bool,
}

impl Lane {
    /// Queues what the target has to know now.
    pub(super) fn plan(&mut self, at: At, telling: Telling<'_>, watched: &Watched) {
        let firing: Vec<(&str, &Subject, Firing)> = watched.firing().collect();
        let is_wanted =
            |it: &&(&str, &Subject, Firing)| telling.target.levels.contains(&it.2.level);
        let wanted: Vec<_> =
            firing.iter().filter(is_wanted).filter(|it| !(telling.muted)(it.0)).copied().collect();
        let repeat = telling.target.repeat.map(|it| it.as_millis());
        let is_due = |told: &Told| repeat.is_some_and(|it| it <= at.now - told.at);
        let mut news = BTreeSet::new();
        let mut state = State::Still;
        for (key, _, firing) in &wanted {
            match self.told.get_mut(*key) {
                // It came back before it may be told again.
                Some(told) if told.is_over && !is_due(told) && firing.level <= told.level => {
                    told.is_over = false;
                }
                Some(told) if !told.is_over && firing.level <= told.level => {
                    if is_due(told) {
                        news.insert(*key);
                    }
                }
                _ => {
                    state = State::Fired;
                    news.insert(*key);
                }
            }
        }
        if !news.is_empty() {
            for (key, subject, firing) in wanted.iter().filter(|it| news.contains(it.0)) {
                let name = subject.name.clone();
                let told = Told { name, at: at.now, level: firing.level, is_over: false };
                self.told.insert((*key).to_owned(), told);
            }
            let notice = fired(at, telling, state, &wanted, &news);
            // What was not yet told is in this one too.
            self.queue.retain(|it| it.notice.state == State::Resolved);
            self.push(at.now, notice);
        }
        self.plan_resolved(at, telling, &firing, repeat.is_some());
    }

    fn plan_resolved(
        &mut self,
        at: At,
        telling: Telling<'_>,
        firing: &[(&str, &Subject, Firing)],
        is_remembered: bool,
    ) {
        let still: BTreeSet<&str> = firing
            .iter()
            .filter(|it| telling.target.levels.contains(&it.2.level))
            .map(|it| it.0)
            .collect();
        let mut over = Vec::new();
        for (key, told) in self.told.iter_mut().filter(|it| !it.1.is_over) {
            if !still.contains(key.as_str()) && !(telling.muted)(key) {
                told.is_over = true;
                over.push(told.name.clone());
            }
        }
        self.forget(at.now, telling.target, is_remembered);
        if over.is_empty() {
            return;
        }
        if still.is_empty() && self.under_way.is_none() && self.heard == Heard::Nothing {
            // Whoever never heard of it need not hear that it is over.
            self.queue.clear();
            return;
        }
        if telling.target.resolved == Resolved::Told {
            let count = over.len() as u64;
            let subjects = over.into_iter().take(SUBJECTS_MAX).map(resolved).collect();
            let Telling { rule, kind, .. } = telling;
            let notice = Notice::of_rule(at.wall, State::Resolved, rule, kind, subjects, count);
            self.push(at.now, notice);
        }
    }

    /// Those that are over are remembered only while that holds something back.
    fn forget(&mut self, now: Millis, target: &Target, is_remembered: bool) {
        let repeat = target.repeat.map_or(0, |it| it.as_millis());
        self.told.retain(|_, it| !it.is_over || (is_remembered && now - it.at < repeat));
        let over = self.told.values().filter(|it| it.is_over).count();
        if OVER_MAX < over {
            self.told.retain(|_, it| !it.is_over);
        }
    }

    fn push(&mut self, now: Millis, notice: Notice) {
        const QUEUED_MAX: usize = 16;
        if QUEUED_MAX <= self.queue.len() {
            self.queue.pop_front();
        }
        self.queue.push_back(Queued { notice: Arc::new(notice), not_before: now, attempts: 0 });
    }

    /// When the next notice may go, if there is one and none is under way.
    pub(super) fn next_at(&self) -> Option<Millis> {
        match self.under_way {
            Some(_) => None,
            None => self.queue.front().map(|it| it.not_before),
        }
    }

    /// Whether the next one goes for the first time.
    pub(super) fn is_first_try(&self) -> bool {
        self.queue.front().is_some_and(|it| it.attempts == 0)
    }

    /// Sends the next notice on its way.
    pub(super) fn begin(&mut self, id: u64) -> Option<Arc<Notice>> {
        let front = self.queue.front()?;
        self.under_way = Some(id);
        Some(Arc::clone(&front.notice))
    }

    pub(super) fn is_under_way(&self, id: u64) -> bool {
        self.under_way == Some(id)
    }

    /// True while something waits or is on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some() || !self.queue.is_empty()
    }

    /// Takes note of what became of the notice that was under way. Says whether it was given up.
    pub(super) fn ended(&mut self, now: Millis, sent: &Arc<Notice>, is_delivered: bool) -> bool {
        self.under_way = None;
        if is_delivered {
            self.failures = 0;
            self.heard = match sent.state {
                State::Resolved if !self.fires() => Heard::Nothing,
                _ => Heard::Something,
            };
            self.drop_front(sent);
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let Some(front) = self.queue.front_mut().filter(|it| Arc::ptr_eq(&it.notice, sent)) else {
            return false;
        };
        front.attempts += 1;
        if ATTEMPTS_MAX <= front.attempts {
            self.queue.pop_front();
            return true;
        }
        let doubled = RETRY_FIRST_MS.saturating_mul(1 << (front.attempts - 1));
        front.not_before = now + doubled.min(RETRY_MOST_MS);
        false
    }

    /// It may have been replaced while it was on its way.
    fn drop_front(&mut self, sent: &Arc<Notice>) {
        if self.queue.front().is_some_and(|it| Arc::ptr_eq(&it.notice, sent)) {
            self.queue.pop_front();
        }
    }

    fn fires(&self) -> bool {
        self.told.values().any(|it| !it.is_over)
    }
}

/// The new ones first, the worst before the others.
fn fired(
    at: At,
    telling: Telling<'_>,
    state: State,
    wanted: &[(&str, &Subject, Firing)],
    news: &BTreeSet<&str>,
) -> Notice {
    let mut all: Vec<_> = wanted.iter().collect();
    all.sort_by_key(|(key, _, firing)| {
        (!news.contains(key), std::cmp::Reverse(firing.level), (*key).to_owned())
    });
    let count = all.iter().map(|it| 1 + it.1.more).sum();
    let subjects = all.iter().take(SUBJECTS_MAX).map(|it| it.1.told()).collect();
    Notice::of_rule(at.wall, state, telling.rule, telling.kind, subjects, count)
}

fn resolved(subject: String) -> NoticeSubject {
    NoticeSubject {
        subject,
        level: Level::Ok,
        value: None,
        value_text: "ok".to_owned(),
        limit_text: String::new(),
        since: None,
    }
}
