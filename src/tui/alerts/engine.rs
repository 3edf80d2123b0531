//! The machine behind alerts: what was measured goes in, what is to be delivered comes out.
//!
//! ```text
//! each time all is computed evaluate(now, wall, measured, checks) → deliveries
//! at next_deadline          due(now)                              → deliveries
//! what became of one        delivered(id, now, wall, result)
//! the file has changed      reload(rules, wall), or refused(error, wall)
//! ```

mod events;
mod lane;
mod lines;
mod mutes;
mod outbox;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kt_protocol::types::Millis;

pub(crate) use self::events::Event;
use self::events::Events;
pub(crate) use self::lines::{Line, Summary};
pub(crate) use self::mutes::Mute;
use self::mutes::Mutes;
use self::outbox::Outbox;
pub(crate) use self::outbox::Outgoing;
use self::watched::{At, Changes, Manner, Subject, Watched};
use super::measured::Measured;
use super::notice::{Notice, NoticeSubject, SUBJECTS_MAX, State};
use super::rules::{Rule, RuleKind, Rules, RulesError};
use crate::change::counted;
use crate::tui::model::checks::hold::Rise;
use crate::tui::model::checks::{Check, CheckKind, Level};

/// So many subjects are followed, over all rules.
const SUBJECTS_FOLLOWED_MAX: usize = 10_000;

/// All alerts of one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine {
    rules: Rules,
    /// By name: checks and rules have different ones.
    watched: BTreeMap<String, Watched>,
    outbox: Outbox,
    mutes: Mutes,
    events: Events,
    /// Why the file is not what is watched.
    refused: Option<RulesError>,
    /// The last evaluation.
    at: Option<At>,
}

/// A check or a rule.
#[derive(Clone, Copy, Debug)]
enum RuleId<'a> {
    Check(CheckKind),
    User(&'a Rule),
}

impl<'a> RuleId<'a> {
    fn name(self) -> &'a str {
        match self {
            RuleId::Check(kind) => kind.name(),
            RuleId::User(rule) => &rule.name,
        }
    }

    /// As a notice says it.
    fn kind(self) -> &'static str {
        match self {
            RuleId::Check(_) => "check",
            RuleId::User(rule) => rule.kind.name(),
        }
    }

    fn check(self) -> Option<CheckKind> {
        if let RuleId::Check(kind) = self { Some(kind) } else { None }
    }
}

impl Engine {
    pub(crate) fn new(rules: Rules) -> Engine {
        Engine { rules, ..Engine::default() }
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Which cluster notices are about, once it is known.
    pub(crate) fn know_cluster(&mut self, id: &str) {
        if self.outbox.cluster_id.as_deref() != Some(id) {
            self.outbox.cluster_id = Some(id.to_owned());
        }
    }

    pub(crate) fn cluster_id(&self) -> Option<&str> {
        self.outbox.cluster_id.as_deref()
    }

    /// One evaluation. What was evaluated before counts no second time. `now` is for what lasts,
    /// `wall` for what people read.
    pub(crate) fn evaluate(
        &mut self,
        now: Millis,
        wall: Timestamp,
        measured: &Measured<'_>,
        checks: &[Check; 6],
    ) -> Vec<Outgoing> {
        let at = At { now, wall };
        self.at = Some(at);
        self.mutes.expire(now);
        for check in checks {
            let watched = self.watched.entry(check.kind.name().to_owned()).or_default();
            let changes = watched.take_check(at, check);
            self.log(at, RuleId::Check(check.kind), &changes);
        }
        let rules = std::mem::take(&mut self.rules);
        for rule in &rules.rules {
            let followed: usize = self.watched.values().map(Watched::followed).sum();
            let manner = Manner {
                holds: rule.holds,
                rise: match rule.kind {
                    RuleKind::BrokerDown => Rise::AtOnce,
                    _ => Rise::Held,
                },
                room: SUBJECTS_FOLLOWED_MAX.saturating_sub(followed),
                told: measured.told(rule.kind),
            };
            let watched = self.watched.entry(rule.name.clone()).or_default();
            let changes = watched.take(at, measured.looks(rule), manner);
            self.log(at, RuleId::User(rule), &changes);
        }
        self.rules = rules;
        self.plan(at);
        self.due(now)
    }

    fn plan(&mut self, at: At) {
        let Engine { rules, watched, outbox, mutes, .. } = self;
        for id in ids(rules) {
            let Some(watched) = watched.get(id.name()) else { continue };
            let muted = |key: &str| mutes.left(at.now, id.name(), Some(key)).is_some();
            let send = send_of(rules, id);
            outbox.plan(at, rules, (id.name(), id.kind()), send, watched, &muted);
        }
    }

    /// What is to be delivered now: tries that failed before, and what a limit held back.
    pub(crate) fn due(&mut self, now: Millis) -> Vec<Outgoing> {
        self.outbox.due(now, &self.rules)
    }

    /// When `due` has something next, if nothing else happens before.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.outbox.next_deadline(&self.rules)
    }

    /// Takes note of what became of a delivery.
    pub(crate) fn delivered(
        &mut self,
        id: u64,
        now: Millis,
        wall: Timestamp,
        result: Result<(), String>,
    ) {
        let Some(ended) = self.outbox.ended(now, id, result.is_ok()) else { return };
        let target = &ended.target;
        let text = match (result, &ended.rule) {
            (Ok(()), Some(_)) => return,
            (Ok(()), None) => format!("target {target}: the test was delivered"),
            (Err(why), None) => format!("target {target}: the test failed: {why}"),
            // Those between say nothing new.
            (Err(_), Some(_)) if !ended.is_given_up && ended.failures != 1 => return,
            (Err(why), Some(rule)) if ended.is_given_up => {
                let times = ended.failures;
                format!("target {target}: {rule} is given up after {times} failures: {why}")
            }
            (Err(why), Some(rule)) => format!("target {target}: {rule} failed: {why}"),
        };
        let level = if text.ends_with("delivered") { Level::Ok } else { Level::Warn };
        self.events.say(wall, level, text);
    }

    /// A delivery that tries a target; `None` if there is no such target.
    pub(crate) fn test(&mut self, target: &str, wall: Timestamp) -> Option<Outgoing> {
        let it = self.rules.targets.get(target)?;
        Some(self.outbox.test(target, it, Notice::test(wall, target)))
    }

    /// Nobody is told of it until then. Says whether that is possible: a thousand are the most.
    pub(crate) fn mute(&mut self, mute: Mute, until: Millis) -> bool {
        self.mutes.add(mute, until)
    }

    /// Says whether it was muted.
    pub(crate) fn unmute(&mut self, mute: &Mute) -> bool {
        self.mutes.remove(mute)
    }

    /// Takes over a file that has changed. Rules that are the same go on as they were.
    pub(crate) fn reload(&mut self, rules: Rules, wall: Timestamp) {
        let old = std::mem::replace(&mut self.rules, rules);
        let rules = &self.rules;
        let is_check = |name: &str| CheckKind::ALL.iter().any(|it| it.name() == name);
        let is_same = |name: &str| rules.rule(name).is_some_and(|it| old.rule(name) == Some(it));
        self.watched.retain(|name, _| is_check(name) || is_same(name));
        let is_told = |rule: &str, target: &str| {
            let is_here = CheckKind::ALL.iter().find(|it| it.name() == rule).map_or_else(
                || is_same(rule),
                |kind| rules.told_of(*kind).iter().any(|it| it == target),
            );
            is_here && old.targets.get(target) == rules.targets.get(target)
        };
        self.outbox.keep(is_told);
        self.refused = None;
        let rules = counted(rules.rules.len(), "rule");
        self.events.say(wall, Level::Ok, format!("the file was read again: {rules}"));
    }

    /// The file has changed and cannot be taken over: what was watched is watched on.
    pub(crate) fn refuse(&mut self, error: RulesError, wall: Timestamp) {
        self.events.say(wall, Level::Warn, format!("the old rules stay: {error}"));
        self.refused = Some(error);
    }

    /// Why the file is not what is watched.
    pub(crate) fn refused(&self) -> Option<&RulesError> {
        self.refused.as_ref()
    }

    /// What has happened, the oldest first, each with its number, which it keeps.
    pub(crate) fn events(
        &self,
    ) -> impl DoubleEndedIterator<Item = (u64, &Event)> + ExactSizeIterator {
        self.events.numbered()
    }

    /// What has happened since this was called last.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.events.take_fresh()
    }

    /// The subjects of a rule that fire.
    pub(crate) fn firing(&self, rule: &str) -> Vec<NoticeSubject> {
        let watched = self.watched.get(rule).into_iter();
        let mut firing: Vec<NoticeSubject> =
            watched.flat_map(Watched::firing).map(|it| it.1.told()).collect();
        firing.sort_by_key(|it| std::cmp::Reverse(it.level));
        firing
    }

    fn log(&mut self, at: At, id: RuleId<'_>, changes: &Changes) {
        let Some(watched) = self.watched.get(id.name()) else { return };
        let mut notices = Vec::new();
        for (state, keys) in [(State::Fired, &changes.fired), (State::Eased, &changes.eased)] {
            let changed = keys.iter().filter_map(|key| watched.subject(key));
            let count = changed.clone().map(|it| 1 + it.more).sum();
            notices.push((state, changed.map(Subject::told).collect(), count));
        }
        let resolved = changes.resolved.clone();
        let count = resolved.len() as u64;
        notices.push((State::Resolved, resolved, count));
        for (state, mut subjects, count) in notices {
            if subjects.is_empty() {
                continue;
            }
            subjects.sort_by_key(|it: &NoticeSubject| std::cmp::Reverse(it.level));
            subjects.truncate(SUBJECTS_MAX);
            let notice = Notice::of_rule(at.wall, state, id.name(), id.kind(), subjects, count);
            self.events.add(Event {
                time: at.wall,
                level: notice.level,
                text: notice.text.clone(),
                notice: Some(notice),
            });
        }
    }

    fn rule_ids(&self) -> impl Iterator<Item = RuleId<'_>> {
        ids(&self.rules)
    }

    fn send_of<'a>(&'a self, id: RuleId<'a>) -> &'a [String] {
        send_of(&self.rules, id)
    }
}

/// The checks, then the rules in the order of the file.
fn ids(rules: &Rules) -> impl Iterator<Item = RuleId<'_>> {
    let checks = CheckKind::ALL.into_iter().map(RuleId::Check);
    checks.chain(rules.rules.iter().map(RuleId::User))
}

fn send_of<'a>(rules: &'a Rules, id: RuleId<'a>) -> &'a [String] {
    match id {
        RuleId::Check(kind) => rules.told_of(kind),
        RuleId::User(rule) => &rule.send,
    }
}
