//! Who is told of what, in which order, and how often.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kt_protocol::types::Millis;

use super::super::notice::Notice;
use super::super::rules::{Rules, Target, Way};
use super::lane::{Heard, Lane, Telling};
use super::watched::{At, Watched};

/// So many deliveries are under way at once.
const UNDER_WAY_MAX: usize = 16;
const HOUR_MS: u64 = 3_600_000;

/// A delivery to be performed; what became of it comes back through `Engine::delivered`.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) id: u64,
    /// The target's name.
    pub(crate) target: String,
    pub(crate) way: Way,
    pub(crate) notice: Arc<Notice>,
    pub(crate) cluster_id: Option<String>,
}

/// What became of telling somebody of a rule, for its line on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nobody is told.
    Nothing,
    /// It is on its way, or held back by a limit.
    Waiting,
    /// The way on which it was told.
    Told(&'static str),
    /// So often, in a row.
    Failed(u32),
    /// Nobody is told, for so many ms more.
    Muted(u64),
}

impl Sent {
    /// As a cell of 9.
    pub(crate) fn text(&self) -> String {
        match self {
            Sent::Nothing => "–".to_owned(),
            Sent::Waiting => "…".to_owned(),
            Sent::Told(way) => (*way).to_owned(),
            Sent::Failed(times) => format!("failed×{}", (*times).min(99)),
            Sent::Muted(left) => {
                // To the nearest minute: what has just been muted for 2 h says so.
                let minutes = ((left + 30_000) / 60_000).max(1);
                let minute = crate::tui::figures::period(minutes * 60_000);
                format!("muted {minute}")
            }
        }
    }
}

/// The name of a rule, and of a target.
type Address = (String, String);

#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    lanes: BTreeMap<Address, Lane>,
    /// When each target was told of something new, within the last hour.
    recent: BTreeMap<String, VecDeque<Millis>>,
    under_way: BTreeMap<u64, UnderWay>,
    last_id: u64,
    pub(super) cluster_id: Option<String>,
}

#[derive(Clone, Debug)]
struct UnderWay {
    /// None of a test.
    rule: Option<String>,
    target: String,
    notice: Arc<Notice>,
}

/// What is to be said of a delivery that ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) rule: Option<String>,
    pub(super) target: String,
    pub(super) is_given_up: bool,
    /// How often it has failed in a row.
    pub(super) failures: u32,
}

impl Outbox {
    /// Queues what has to be told of one rule to those named in `send`.
    pub(super) fn plan(
        &mut self,
        at: At,
        rules: &Rules,
        (rule, kind): (&str, &str),
        send: &[String],
        watched: &Watched,
        muted: &dyn Fn(&str) -> bool,
    ) {
        for name in send {
            let Some(target) = rules.targets.get(name) else { continue };
            let lane = self.lanes.entry((rule.to_owned(), name.clone())).or_default();
            lane.plan(at, Telling { rule, kind, target, muted }, watched);
        }
    }

    /// What is to be delivered now.
    pub(super) fn due(&mut self, now: Millis, rules: &Rules) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        let ready = |lane: &Lane| lane.next_at().is_some_and(|it| it <= now);
        let ready: Vec<Address> =
            self.lanes.iter().filter(|it| ready(it.1)).map(|it| it.0.clone()).collect();
        for address in ready {
            if UNDER_WAY_MAX <= self.under_way.len() {
                break;
            }
            let (rule, name) = &address;
            let Some(target) = rules.targets.get(name) else { continue };
            let Some(lane) = self.lanes.get_mut(&address) else { continue };
            if lane.is_first_try() {
                let recent = self.recent.entry(name.clone()).or_default();
                recent.retain(|it| now - *it < HOUR_MS);
                if target.max_per_hour <= recent.len() {
                    continue;
                }
                recent.push_back(now);
            }
            let id = self.last_id + 1;
            let Some(notice) = lane.begin(id) else { continue };
            outgoing.push(self.send(Some(rule.clone()), name, target, notice));
        }
        outgoing
    }

    /// Tells one target that nothing is wrong, whatever its limits.
    pub(super) fn test(&mut self, name: &str, target: &Target, notice: Notice) -> Outgoing {
        self.send(None, name, target, Arc::new(notice))
    }

    fn send(
        &mut self,
        rule: Option<String>,
        name: &str,
        target: &Target,
        notice: Arc<Notice>,
    ) -> Outgoing {
        self.last_id += 1;
        let under_way = UnderWay { rule, target: name.to_owned(), notice: Arc::clone(&notice) };
        self.under_way.insert(self.last_id, under_way);
        Outgoing {
            id: self.last_id,
            target: name.to_owned(),
            way: target.way.clone(),
            notice,
            cluster_id: self.cluster_id.clone(),
        }
    }

    /// Takes note of the end of a delivery; `None` if it is not known (any more).
    pub(super) fn ended(&mut self, now: Millis, id: u64, is_delivered: bool) -> Option<Ended> {
        let UnderWay { rule, target, notice } = self.under_way.remove(&id)?;
        let mut ended =
            Ended { rule, target, is_given_up: false, failures: u32::from(!is_delivered) };
        let Some(rule) = &ended.rule else { return Some(ended) };
        let lane = self.lanes.get_mut(&(rule.clone(), ended.target.clone()))?;
        if !lane.is_under_way(id) {
            return None;
        }
        ended.is_given_up = lane.ended(now, &notice, is_delivered);
        ended.failures = lane.failures;
        Some(ended)
    }

    /// When something is due next, if nothing else happens.
    pub(super) fn next_deadline(&self, rules: &Rules) -> Option<Millis> {
        if UNDER_WAY_MAX <= self.under_way.len() {
            // The end of one of them is what it waits for.
            return None;
        }
        let lanes = self.lanes.iter().filter_map(|((_, target), lane)| {
            let next = lane.next_at()?;
            let has_room = !lane.is_first_try() || self.has_room(rules, target);
            Some(if has_room { next } else { next.max(self.room_at(target)) })
        });
        lanes.min()
    }

    fn has_room(&self, rules: &Rules, target: &str) -> bool {
        let most = rules.targets.get(target).map_or(0, |it| it.max_per_hour);
        self.recent.get(target).is_none_or(|it| it.len() < most)
    }

    fn room_at(&self, target: &str) -> Millis {
        let oldest = self.recent.get(target).and_then(|it| it.front().copied());
        oldest.map_or(Millis(u64::MAX), |it| it + HOUR_MS)
    }

    /// How telling of a rule stands: the worst of its targets.
    pub(super) fn sent(&self, rules: &Rules, rule: &str, send: &[String]) -> Sent {
        let (mut failures, mut told, mut is_waiting) = (0, None, false);
        for name in send {
            let Some(lane) = self.lanes.get(&(rule.to_owned(), name.clone())) else { continue };
            failures = failures.max(lane.failures);
            is_waiting |= lane.is_busy();
            if lane.heard == Heard::Something {
                told = told.or(rules.targets.get(name).map(|it| it.way.name()));
            }
        }
        match (failures, told, is_waiting) {
            (1.., _, _) => Sent::Failed(failures),
            (0, _, true) => Sent::Waiting,
            (0, Some(way), false) => Sent::Told(way),
            (0, None, false) => Sent::Nothing,
        }
    }

    /// Forgets what was told of rules and to targets that are no more, or are others now.
    pub(super) fn keep(&mut self, is_same: impl Fn(&str, &str) -> bool) {
        self.lanes.retain(|(rule, target), _| is_same(rule, target));
    }
}
